//! Lines of vendors.

use mirabelle_domain::command::{RevealVoucher, VendorOutcome};
use mirabelle_domain::fact::{
    FulfilmentStarted, GrantIntent, LineFailed, LineFulfilled, LineUnanswered, RedemptionClosed,
    RedemptionEnd, VoucherRevealed,
};
use mirabelle_domain::{Fact, RedemptionId, Rejection};

use super::scene::{Scene, answer, credit, gift, lot, names, noon, points, redemption_of, start, sums, wish};

const FULFILLING: Rejection = Rejection::RedemptionState { state: "fulfilling" };

/// A wish for a voucher (250) and two mugs (140), of which nothing was started; 110 of 500 points are free.
fn waiting() -> (Scene, RedemptionId) {
    let mut scene = Scene::with_points(&[300, 200]);
    let redemption = redemption_of(&scene.yes(wish(&[("voucher", 1), ("mug", 2)])));
    (scene, redemption)
}

fn started() -> (Scene, RedemptionId) {
    let (mut scene, redemption) = waiting();
    scene.yes(start(redemption, 0, 1));
    scene.yes(start(redemption, 1, 1));
    (scene, redemption)
}

#[test]
fn a_delivered_line_is_captured_with_its_voucher_and_the_last_one_closes_the_redemption() {
    let (mut scene, redemption) = waiting();
    assert_eq!(
        scene.yes(start(redemption, 0, 1)),
        [Fact::from(FulfilmentStarted { redemption, line: 0, attempt: 1 })]
    );
    let answered = answer(redemption, 0, 1, VendorOutcome::Fulfilled);
    let captured = LineFulfilled {
        redemption,
        line: 0,
        points: points(250),
        lots: vec![lot(1, 250, 0, 50)],
        voucher: answered.voucher.clone(),
        reference: Some("V-1041".to_owned()),
        balance: sums([110, 0, 140, 250, 0, 0, 0]),
    };
    assert_eq!(scene.yes(answered), [Fact::from(captured)]);
    scene.yes(start(redemption, 1, 1));
    let facts = scene.yes(answer(redemption, 1, 1, VendorOutcome::Fulfilled));
    assert_eq!(names(&facts), ["LineFulfilled", "RedemptionClosed"]);
    let Fact::RedemptionClosed(closed) = &facts[1] else { panic!("{facts:?}") };
    assert_eq!((closed.end, closed.captured), (RedemptionEnd::Fulfilled, points(390)));
    assert_eq!(scene.member.balance(), sums([110, 0, 0, 390, 0, 0, 0]));
}

#[test]
fn a_failed_line_gives_its_points_back_and_leaves_a_partly_fulfilled_redemption() {
    let (mut scene, redemption) = started();
    let facts = scene.yes(answer(redemption, 1, 1, VendorOutcome::Failed));
    assert_eq!(
        facts,
        [Fact::from(LineFailed {
            redemption,
            line: 1,
            points: points(140),
            lots: vec![lot(2, 90, 200, 0), lot(1, 50, 50, 250)],
            reason: "out of stock".to_owned(),
            balance: sums([250, 0, 250, 0, 0, 0, 0]),
        })]
    );
    let facts = scene.yes(answer(redemption, 0, 1, VendorOutcome::Fulfilled));
    assert_eq!(
        facts[1],
        Fact::from(RedemptionClosed {
            redemption,
            end: RedemptionEnd::PartiallyFulfilled,
            captured: points(250),
            returned: points(140),
            lots: vec![],
            balance: sums([250, 0, 0, 250, 0, 0, 0]),
        })
    );
}

#[test]
fn a_redemption_whose_lines_all_fail_gives_everything_back() {
    let (mut scene, redemption) = started();
    scene.yes(answer(redemption, 0, 1, VendorOutcome::Failed));
    let facts = scene.yes(answer(redemption, 1, 1, VendorOutcome::Failed));
    let Fact::RedemptionClosed(closed) = &facts[1] else { panic!("{facts:?}") };
    assert_eq!((closed.end, closed.returned), (RedemptionEnd::Failed, points(390)));
    assert_eq!(scene.lots(), [(1, 300, 0), (2, 200, 0)]);
}

#[test]
fn points_that_come_back_after_their_lots_expiry_expire_at_once_before_the_redemption_closes() {
    let mut scene = Scene::employed();
    scene.yes(credit(GrantIntent { expires_at: Some(noon(3)), ..gift(1, 60) }));
    scene.yes(credit(gift(2, 30)));
    let redemption = redemption_of(&scene.yes(wish(&[("mug", 1)])));
    scene.yes(start(redemption, 0, 1));
    scene.now = noon(5);
    let facts = scene.yes(answer(redemption, 0, 1, VendorOutcome::Failed));
    assert_eq!(names(&facts), ["LineFailed", "LotExpired", "RedemptionClosed"]);
    assert_eq!(scene.member.balance(), sums([30, 0, 0, 0, 60, 0, 0]));
    let Fact::RedemptionClosed(closed) = &facts[2] else { panic!("{facts:?}") };
    assert_eq!(closed.balance, scene.member.balance());
}

#[test]
fn a_silent_vendor_is_asked_again_as_the_next_attempt_while_the_points_stay_held() {
    let (mut scene, redemption) = started();
    let silent = answer(redemption, 0, 1, VendorOutcome::Unknown);
    assert_eq!(scene.yes(silent.clone()), [Fact::from(LineUnanswered { redemption, line: 0, attempt: 1 })]);
    assert_eq!(scene.no(silent), FULFILLING);
    assert_eq!(scene.no(start(redemption, 0, 1)).pointer().as_deref(), Some("/attempt"));
    assert_eq!(scene.no(start(redemption, 0, 3)).pointer().as_deref(), Some("/attempt"));
    assert_eq!(names(&scene.yes(start(redemption, 0, 2))), ["FulfilmentStarted"]);
    assert_eq!(scene.member.balance(), sums([110, 0, 390, 0, 0, 0, 0]));
}

#[test]
fn a_late_yes_to_any_attempt_is_a_yes_and_a_late_no_only_to_the_latest() {
    let (mut scene, redemption) = started();
    scene.yes(answer(redemption, 0, 1, VendorOutcome::Unknown));
    scene.yes(answer(redemption, 1, 1, VendorOutcome::Unknown));
    // The latest attempt, though recorded as unanswered.
    assert_eq!(names(&scene.yes(answer(redemption, 1, 1, VendorOutcome::Failed))), ["LineFailed"]);
    scene.yes(start(redemption, 0, 2));
    for outcome in [VendorOutcome::Failed, VendorOutcome::Unknown] {
        assert_eq!(scene.no(answer(redemption, 0, 1, outcome)), FULFILLING);
    }
    let facts = scene.yes(answer(redemption, 0, 1, VendorOutcome::Fulfilled));
    assert_eq!(names(&facts), ["LineFulfilled", "RedemptionClosed"]);
}

#[test]
fn a_line_ends_once_whatever_is_answered_later() {
    let (mut scene, redemption) = started();
    scene.yes(answer(redemption, 0, 1, VendorOutcome::Fulfilled));
    for outcome in [VendorOutcome::Fulfilled, VendorOutcome::Failed, VendorOutcome::Unknown] {
        assert_eq!(scene.no(answer(redemption, 0, 1, outcome)), FULFILLING);
    }
    assert_eq!(scene.no(start(redemption, 0, 2)), FULFILLING);
    scene.yes(answer(redemption, 1, 1, VendorOutcome::Failed));
    let closed = Rejection::RedemptionState { state: "partially_fulfilled" };
    for line in [0, 1] {
        assert_eq!(scene.no(answer(redemption, line, 1, VendorOutcome::Fulfilled)), closed);
        assert_eq!(scene.no(start(redemption, line, 2)), closed);
    }
}

#[test]
fn only_started_attempts_of_vendors_lines_are_answered() {
    let (mut scene, redemption) = waiting();
    for (line, attempt, pointer) in [(0, 1, "/attempt"), (0, 0, "/attempt"), (2, 1, "/line")] {
        let no = scene.no(answer(redemption, line, attempt, VendorOutcome::Fulfilled));
        assert_eq!((no.code(), no.pointer().as_deref()), ("invalid", Some(pointer)));
    }
    scene.yes(start(redemption, 0, 1));
    assert_eq!(scene.no(answer(redemption, 0, 2, VendorOutcome::Fulfilled)).code(), "invalid");
    assert_eq!(scene.no(answer(redemption, 1, 1, VendorOutcome::Fulfilled)).code(), "invalid");
    assert_eq!(
        scene.no(answer(RedemptionId([1; 16]), 0, 1, VendorOutcome::Fulfilled)),
        Rejection::UnknownRedemption
    );
}

#[test]
fn an_attempt_is_started_once_and_only_of_a_vendors_line() {
    let (mut scene, redemption) = waiting();
    for attempt in [0, 2, u32::MAX] {
        assert_eq!(scene.no(start(redemption, 0, attempt)).pointer().as_deref(), Some("/attempt"));
    }
    scene.yes(start(redemption, 0, 1));
    for attempt in [1, 2] {
        assert_eq!(scene.no(start(redemption, 0, attempt)), FULFILLING);
    }
    assert_eq!(scene.no(start(redemption, u32::MAX, 1)).pointer().as_deref(), Some("/line"));
    assert_eq!(scene.no(start(RedemptionId([1; 16]), 0, 1)), Rejection::UnknownRedemption);
    scene.yes(credit(gift(9, 1000)));
    let mixed = redemption_of(&scene.yes(wish(&[("donation", 1), ("mug", 1)])));
    assert_eq!(scene.no(start(mixed, 0, 1)).pointer().as_deref(), Some("/line"));
}

#[test]
fn a_voucher_is_revealed_as_often_as_somebody_looks_before_and_after_the_end() {
    let (mut scene, redemption) = started();
    let reveal = |line| RevealVoucher { redemption, line };
    assert_eq!(scene.no(reveal(0)), FULFILLING);
    scene.yes(answer(redemption, 0, 1, VendorOutcome::Fulfilled));
    let seen = [Fact::from(VoucherRevealed { redemption, line: 0 })];
    assert_eq!(scene.yes(reveal(0)), seen);
    scene.yes(answer(redemption, 1, 1, VendorOutcome::Failed));
    assert_eq!(scene.yes(reveal(0)), seen);
    assert_eq!(scene.yes(reveal(0)), seen);
    for line in [1, 2, 31, 32, u32::MAX] {
        assert_eq!(scene.no(reveal(line)).pointer().as_deref(), Some("/line"));
    }
    let unknown = RevealVoucher { redemption: RedemptionId([1; 16]), line: 0 };
    assert_eq!(scene.no(unknown), Rejection::UnknownRedemption);
}

#[test]
fn what_was_delivered_without_a_voucher_has_none_to_show() {
    let (mut scene, redemption) = started();
    let mut posted = answer(redemption, 0, 1, VendorOutcome::Fulfilled);
    posted.voucher = None;
    scene.yes(posted);
    let reveal = RevealVoucher { redemption, line: 0 };
    assert_eq!(scene.no(reveal.clone()).pointer().as_deref(), Some("/line"));
    scene.yes(answer(redemption, 1, 1, VendorOutcome::Failed));
    assert_eq!(scene.no(reveal).pointer().as_deref(), Some("/line"));
}

#[test]
fn a_command_for_another_kind_of_account_is_not_for_a_member() {
    let (mut scene, _) = waiting();
    assert_eq!(scene.no(mirabelle_domain::command::CloseBudget {}).code(), "invalid");
}
