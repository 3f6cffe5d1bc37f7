//! Lots that vest and expire.

use mirabelle_clock::core::RESEND_AFTER_MICROS;
use mirabelle_domain::command::ApplyDue;
use mirabelle_domain::fact::{Balance, GrantCredited, GrantIntent, LotExpired, LotState, LotVested};
use mirabelle_domain::{Command, GrantId, MemberId, Points, Timestamp};

use crate::{Desk, asha, micros};

const VESTS: &str = "2026-04-01T12:00:00Z";
const EXPIRES: &str = "2027-04-01T12:00:00Z";

fn credited() -> GrantCredited {
    let grant = GrantIntent {
        grant: GrantId([9; 16]),
        member: MemberId([3; 16]),
        points: Points::new(500).unwrap(),
        granted_at: Timestamp(micros("2026-03-01T12:00:00Z")),
        activates_at: Some(Timestamp(micros(VESTS))),
        expires_at: Some(Timestamp(micros(EXPIRES))),
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "a gift".into(),
        note: None,
    };
    GrantCredited {
        budget: "spot".parse().unwrap(),
        grant,
        lot: 1,
        vested: false,
        balance: Balance::default(),
    }
}

fn lot(free: i64) -> LotState {
    let points = |n| Points::new(n).unwrap();
    LotState { lot: 1, moved: points(500), free: points(free), held: points(0) }
}

fn due(instant: &str) -> Command {
    ApplyDue { due: Timestamp(micros(instant)) }.into()
}

#[test]
fn a_lot_is_vested_and_later_expired_when_its_instant_comes() {
    let mut desk = Desk::at("2026-03-01T12:00:00Z");
    desk.fact(credited());
    assert_eq!(desk.clock_next(), Some(micros(VESTS)));
    desk.becomes("2026-04-01T11:59:59.999999Z");
    assert_eq!(desk.act(), []);
    desk.becomes(VESTS);
    let sent = desk.one();
    assert_eq!((sent.account.clone(), sent.command.clone()), (asha(), due(VESTS)));
    desk.answer(&sent, &[LotVested { lot: lot(500), balance: Balance::default() }.into()]);
    assert_eq!(desk.act(), []);
    desk.becomes(EXPIRES);
    let sent = desk.one();
    assert_eq!(sent.command, due(EXPIRES));
    desk.answer(&sent, &[LotExpired { lot: lot(0), balance: Balance::default() }.into()]);
    desk.becomes("2030-01-01T00:00:00Z");
    assert_eq!(desk.act(), []);
    assert_eq!(desk.clock_next(), None);
}

#[test]
fn a_lot_that_was_spent_is_not_asked_about() {
    let mut desk = Desk::at("2026-03-01T12:00:00Z");
    desk.fact(credited());
    desk.fact(LotVested { lot: lot(500), balance: Balance::default() });
    let spent = mirabelle_domain::fact::PointsDeducted {
        points: Points::new(500).unwrap(),
        lots: vec![lot(0)],
        balance: Balance::default(),
    };
    desk.fact(spent);
    desk.becomes("2030-01-01T00:00:00Z");
    assert_eq!(desk.act(), []);
}

#[test]
fn an_answer_that_says_not_due_is_asked_again_but_not_in_a_spin() {
    let mut desk = Desk::at("2026-03-01T12:00:00Z");
    desk.fact(credited());
    desk.becomes(VESTS);
    let sent = desk.one();
    // The log's clock is a moment behind: the decider says "not due", and nothing moves.
    desk.answer(&sent, &[]);
    desk.now += RESEND_AFTER_MICROS - 1;
    assert_eq!(desk.act(), []);
    assert!(desk.clock_next().is_some_and(|next| next > micros(VESTS)));
    desk.now += 1;
    assert_eq!(desk.one().id(), sent.id());
}

#[test]
fn a_clock_that_starts_again_asks_under_the_same_id() {
    let mut desk = Desk::at("2026-03-01T12:00:00Z");
    desk.fact(credited());
    desk.becomes(VESTS);
    let sent = desk.one();
    assert_eq!(desk.act(), []);
    assert_eq!(desk.restarted().one().id(), sent.id());
}
