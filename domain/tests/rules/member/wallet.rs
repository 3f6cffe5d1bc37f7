//! Lots: the order in which they are spent, vesting, expiry.

use mirabelle_domain::command::ApplyDue;
use mirabelle_domain::fact::{GrantIntent, LotExpired, LotVested};
use mirabelle_domain::{Fact, Rejection, Timestamp};

use super::scene::{Scene, credit, gift, lot, names, noon, points, redemption_of, sums, wish};

fn vesting(number: u8, amount: i64, day: i32) -> GrantIntent {
    GrantIntent { activates_at: Some(noon(day)), ..gift(number, amount) }
}

fn expiring(number: u8, amount: i64, day: i32) -> GrantIntent {
    GrantIntent { expires_at: Some(noon(day)), ..gift(number, amount) }
}

fn due() -> ApplyDue {
    ApplyDue { due: noon(0) }
}

#[test]
fn lots_are_spent_by_expiry_then_age_then_number() {
    let mut scene = Scene::employed();
    let older = |grant: GrantIntent| GrantIntent { granted_at: noon(-9), ..grant };
    for grant in [
        gift(1, 1),
        expiring(2, 2, 9),
        expiring(3, 4, 5),
        older(expiring(4, 8, 9)),
        older(gift(5, 16)),
        gift(6, 32),
    ] {
        scene.yes(credit(grant));
    }
    let order: Vec<u32> = scene.member.lots().map(|lot| lot.lot).collect();
    assert_eq!(order, [3, 4, 2, 5, 1, 6]);
    // 30 of them: 4 + 8 + 2 + 16.
    let facts = scene.yes(wish(&[("beer", 1)]));
    let Fact::RedemptionRequested(requested) = &facts[0] else { panic!("{facts:?}") };
    assert_eq!(requested.lots, [lot(3, 4, 0, 4), lot(4, 8, 0, 8), lot(2, 2, 0, 2), lot(5, 16, 0, 16)]);
    assert_eq!(scene.lots(), [(1, 1, 0), (6, 32, 0)]);
}

#[test]
fn a_lot_vests_at_its_instant_and_not_before() {
    let mut scene = Scene::new();
    scene.yes(credit(vesting(1, 500, 30)));
    scene.now = Timestamp(noon(30).0 - 1);
    assert_eq!(scene.no(due()), Rejection::NotDue);
    scene.now = noon(30);
    assert_eq!(
        scene.yes(due()),
        [Fact::LotVested(LotVested { lot: lot(1, 500, 500, 0), balance: sums([500, 0, 0, 0, 0, 0, 0]) })]
    );
    assert_eq!(scene.no(due()), Rejection::NotDue);
}

#[test]
fn a_lot_is_spendable_at_its_expiry_and_gone_right_after() {
    let mut scene = Scene::employed();
    scene.yes(credit(expiring(1, 500, 30)));
    scene.now = noon(30);
    assert_eq!(scene.no(due()), Rejection::NotDue);
    scene.yes(wish(&[("donation", 1)]));
    scene.now = Timestamp(noon(30).0 + 1);
    let too_few = Rejection::InsufficientPoints { available: points(0), needed: points(100) };
    assert_eq!(scene.no(wish(&[("donation", 1)])), too_few);
    assert_eq!(
        scene.yes(due()),
        [Fact::LotExpired(LotExpired { lot: lot(1, 400, 0, 0), balance: sums([0, 0, 0, 100, 400, 0, 0]) })]
    );
}

#[test]
fn a_wish_applies_what_is_due_first_whether_or_not_the_clock_has_come() {
    let mut scene = Scene::employed();
    scene.yes(credit(expiring(1, 500, 3)));
    scene.yes(credit(vesting(2, 100, 4)));
    scene.now = noon(5);
    let facts = scene.yes(wish(&[("donation", 1)]));
    assert_eq!(
        names(&facts),
        [
            "LotExpired",
            "LotVested",
            "RedemptionRequested",
            "RedemptionApproved",
            "LineFulfilled",
            "RedemptionClosed"
        ]
    );
    assert_eq!(scene.member.balance(), sums([0, 0, 0, 100, 500, 0, 0]));
}

#[test]
fn a_grant_and_a_correction_apply_what_is_due_first_too() {
    let mut scene = Scene::employed();
    scene.yes(credit(expiring(1, 500, 3)));
    scene.yes(credit(expiring(2, 40, 6)));
    scene.now = noon(5);
    assert_eq!(names(&scene.yes(credit(gift(3, 9)))), ["LotExpired", "GrantCredited"]);
    scene.now = noon(7);
    scene.reason = Some("correction");
    let take = mirabelle_domain::command::DeductPoints { points: points(9) };
    assert_eq!(names(&scene.yes(take)), ["LotExpired", "PointsDeducted"]);
}

#[test]
fn a_lot_that_expires_before_it_vests_vests_in_passing() {
    let mut scene = Scene::new();
    scene.yes(credit(GrantIntent { expires_at: Some(noon(3)), ..vesting(1, 500, 9) }));
    scene.now = noon(4);
    assert_eq!(names(&scene.yes(due())), ["LotVested", "LotExpired"]);
    assert_eq!(scene.member.balance(), sums([0, 0, 0, 0, 500, 0, 0]));
}

#[test]
fn what_is_held_does_not_expire_until_it_comes_back() {
    let mut scene = Scene::employed();
    scene.yes(credit(expiring(1, 300, 3)));
    let redemption = redemption_of(&scene.yes(wish(&[("voucher", 1)])));
    scene.now = noon(5);
    assert_eq!(names(&scene.yes(due())), ["LotExpired"]);
    assert_eq!(scene.member.balance(), sums([0, 0, 250, 0, 50, 0, 0]));
    let facts = scene.yes(mirabelle_domain::command::CancelRedemption { redemption });
    assert_eq!(names(&facts), ["RedemptionClosed", "LotExpired"]);
    assert_eq!(scene.member.balance(), sums([0, 0, 0, 0, 300, 0, 0]));
}

#[test]
fn the_next_due_instant_is_the_earliest_of_vesting_and_expiry() {
    let mut scene = Scene::new();
    assert_eq!(scene.member.next_due(), None);
    scene.yes(credit(gift(1, 5)));
    assert_eq!(scene.member.next_due(), None);
    scene.yes(credit(expiring(2, 5, 9)));
    scene.yes(credit(GrantIntent { expires_at: Some(noon(20)), ..vesting(3, 5, 4) }));
    assert_eq!(scene.member.next_due(), Some(noon(4)));
    scene.now = noon(4);
    scene.yes(due());
    assert_eq!(scene.member.next_due(), Some(noon(9)));
}

#[test]
#[should_panic(expected = "a wallet's sums are as its fact says")]
fn a_fact_whose_sums_contradict_the_lots_stops_the_partition() {
    let mut scene = Scene::new();
    scene.yes(credit(gift(1, 5)));
    let wrong = LotExpired { lot: lot(1, 5, 0, 0), balance: sums([0, 0, 0, 0, 6, 0, 0]) };
    mirabelle_domain::member::evolve(&mut scene.member, &wrong.into(), scene.now);
}

#[test]
#[should_panic(expected = "lot 1 is as its fact says")]
fn a_fact_whose_lot_contradicts_the_lot_stops_the_partition() {
    let mut scene = Scene::new();
    scene.yes(credit(gift(1, 5)));
    let wrong = LotExpired { lot: lot(1, 4, 0, 0), balance: sums([1, 0, 0, 0, 4, 0, 0]) };
    mirabelle_domain::member::evolve(&mut scene.member, &wrong.into(), scene.now);
}
