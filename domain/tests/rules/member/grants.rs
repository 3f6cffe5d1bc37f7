//! Grants that come in, and points that are taken again.

use mirabelle_domain::command::{DeductPoints, ReverseGrant};
use mirabelle_domain::fact::{GrantCredited, GrantIntent, GrantReversed, PointsDeducted};
use mirabelle_domain::points::POINTS_MAX;
use mirabelle_domain::{Fact, MemberId, Rejection, Timestamp};

use super::scene::{Scene, credit, gift, grant_id, lot, names, noon, points, redemption_of, sums, wish};

fn refused(scene: &mut Scene, grant: GrantIntent) -> String {
    match &scene.yes(credit(grant))[0] {
        Fact::GrantRefused(refused) => refused.reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_becomes_a_lot() {
    let mut scene = Scene::new();
    let facts = scene.yes(credit(gift(1, 500)));
    assert_eq!(
        facts,
        [Fact::GrantCredited(GrantCredited {
            budget: "people".parse().unwrap(),
            grant: gift(1, 500),
            lot: 1,
            vested: true,
            balance: sums([500, 0, 0, 0, 0, 0, 0]),
        })]
    );
}

#[test]
fn a_grant_that_vests_later_is_pending_until_then() {
    let mut scene = Scene::new();
    let later = GrantIntent { activates_at: Some(noon(30)), ..gift(1, 500) };
    scene.yes(credit(later));
    assert_eq!(scene.member.balance(), sums([0, 500, 0, 0, 0, 0, 0]));
    let due = GrantIntent { activates_at: Some(noon(0)), ..gift(2, 20) };
    scene.yes(credit(due));
    assert_eq!(scene.member.balance(), sums([20, 500, 0, 0, 0, 0, 0]));
}

#[test]
fn a_grant_that_expired_on_its_way_is_credited_and_expires_at_once() {
    let mut scene = Scene::new();
    let facts = scene.yes(credit(GrantIntent { expires_at: Some(noon(-1)), ..gift(1, 500) }));
    assert_eq!(names(&facts), ["GrantCredited", "LotExpired"]);
    assert_eq!(scene.member.balance(), sums([0, 0, 0, 0, 500, 0, 0]));
}

#[test]
fn no_grant_is_credited_twice_not_even_when_it_is_used_up_or_was_refused() {
    let mut scene = Scene::with_points(&[100]);
    let again = Rejection::UnknownGrant { expected: "still to be credited" };
    assert_eq!(scene.no(credit(gift(1, 100))), again);
    scene.yes(wish(&[("donation", 1)]));
    assert_eq!(scene.lots(), []);
    assert_eq!(scene.no(credit(gift(1, 100))), again);
    assert_eq!(refused(&mut scene, gift(2, 0)), "no_points");
    assert_eq!(scene.no(credit(gift(2, 70))), again);
}

#[test]
fn a_grant_for_somebody_else_is_refused() {
    let mut scene = Scene::new();
    let other = GrantIntent { member: MemberId([2; 16]), ..gift(1, 500) };
    assert_eq!(refused(&mut scene, other), "another_member");
}

#[test]
fn a_wallet_takes_no_more_than_its_sums_can_hold_for_ever() {
    let mut scene = Scene::with_points(&[POINTS_MAX - 5]);
    assert_eq!(refused(&mut scene, gift(2, 6)), "too_many_points");
    scene.reason = Some("correction");
    scene.yes(DeductPoints { points: points(POINTS_MAX - 5) });
    assert_eq!(refused(&mut scene, gift(3, 6)), "too_many_points");
    assert_eq!(names(&scene.yes(credit(gift(4, 5)))), ["GrantCredited"]);
}

#[test]
fn a_reversal_takes_what_is_free_of_its_own_lot_and_nothing_else() {
    let mut scene = Scene::with_points(&[120, 300]);
    scene.yes(wish(&[("donation", 1)]));
    let facts = scene.yes(ReverseGrant { grant: grant_id(1) });
    assert_eq!(
        facts,
        [Fact::GrantReversed(GrantReversed {
            grant: grant_id(1),
            lot: Some(lot(1, 20, 0, 0)),
            pending: false,
            shortfall: points(100),
            balance: sums([300, 0, 0, 100, 0, 20, 100]),
        })]
    );
    let again = Rejection::UnknownGrant { expected: "credited and not yet taken back" };
    assert_eq!(scene.no(ReverseGrant { grant: grant_id(1) }), again);
    assert_eq!(scene.no(ReverseGrant { grant: grant_id(9) }), again);
}

#[test]
fn a_reversal_of_what_has_not_vested_takes_it_from_pending() {
    let mut scene = Scene::new();
    scene.yes(credit(GrantIntent { activates_at: Some(noon(30)), ..gift(1, 500) }));
    let facts = scene.yes(ReverseGrant { grant: grant_id(1) });
    let Fact::GrantReversed(said) = &facts[0] else { panic!("{facts:?}") };
    assert!(said.pending);
    assert_eq!(said.balance, sums([0, 0, 0, 0, 0, 500, 0]));
}

#[test]
fn a_reversal_of_a_used_up_lot_records_what_was_spent_as_missing_and_expired_points_as_nobodys_debt() {
    let mut scene = Scene::with_points(&[]);
    scene.yes(credit(GrantIntent { expires_at: Some(noon(1)), ..gift(1, 150) }));
    scene.yes(wish(&[("donation", 1)]));
    scene.now = noon(2);
    let facts = scene.yes(ReverseGrant { grant: grant_id(1) });
    assert_eq!(names(&facts), ["LotExpired", "GrantReversed"]);
    assert_eq!(
        facts[1],
        Fact::GrantReversed(GrantReversed {
            grant: grant_id(1),
            lot: None,
            pending: false,
            shortfall: points(100),
            balance: sums([0, 0, 0, 100, 50, 0, 100]),
        })
    );
    let again = Rejection::UnknownGrant { expected: "credited and not yet taken back" };
    assert_eq!(scene.no(ReverseGrant { grant: grant_id(1) }), again);
}

#[test]
fn what_a_redemption_gives_back_to_a_reversed_lot_is_taken_at_once_and_is_missing_no_more() {
    let mut scene = Scene::with_points(&[300]);
    let redemption = redemption_of(&scene.yes(wish(&[("voucher", 1)])));
    scene.yes(ReverseGrant { grant: grant_id(1) });
    assert_eq!(scene.member.balance(), sums([0, 0, 250, 0, 0, 50, 250]));
    let facts = scene.yes(mirabelle_domain::command::CancelRedemption { redemption });
    assert_eq!(names(&facts), ["RedemptionClosed", "GrantReversed"]);
    assert_eq!(scene.member.balance(), sums([0, 0, 0, 0, 0, 300, 0]));
    assert_eq!(scene.lots(), []);
}

#[test]
fn a_deduction_takes_from_the_lots_in_spending_order() {
    let mut scene = Scene::with_points(&[100]);
    scene.yes(credit(GrantIntent { expires_at: Some(noon(9)), ..gift(2, 40) }));
    scene.reason = Some("paid twice by payroll");
    let facts = scene.yes(DeductPoints { points: points(60) });
    assert_eq!(
        facts,
        [Fact::PointsDeducted(PointsDeducted {
            points: points(60),
            lots: vec![lot(2, 40, 0, 0), lot(1, 20, 80, 0)],
            balance: sums([80, 0, 0, 0, 0, 60, 0]),
        })]
    );
}

#[test]
fn a_deduction_needs_a_reason_a_member_points_and_enough_of_them() {
    let mut scene = Scene::with_points(&[100]);
    scene.yes(credit(GrantIntent { activates_at: Some(noon(30)), ..gift(2, 40) }));
    let take = |amount| DeductPoints { points: points(amount) };
    assert_eq!(scene.no(take(10)), Rejection::ReasonRequired);
    scene.reason = Some("  ");
    assert_eq!(scene.no(take(10)), Rejection::ReasonRequired);
    scene.reason = Some("correction");
    assert_eq!(scene.no(take(0)).pointer().as_deref(), Some("/points"));
    let too_few = Rejection::InsufficientPoints { available: points(100), needed: points(101) };
    assert_eq!(scene.no(take(101)), too_few);
    let mut nobody = Scene::new();
    nobody.reason = Some("correction");
    assert_eq!(nobody.no(take(10)), Rejection::UnknownMember);
}

#[test]
fn a_wallet_has_no_more_than_so_many_lots() {
    let mut scene = Scene::new();
    let most = mirabelle_domain::member::LOTS_MAX;
    for number in 0..most {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let lot = u32::try_from(number).unwrap() + 1;
        let mut balance = scene.member.balance();
        balance.available = balance.available.plus(points(1)).unwrap();
        let grant = GrantIntent { grant: mirabelle_domain::GrantId(id), ..gift(1, 1) };
        let budget = "people".parse().unwrap();
        let fact = GrantCredited { budget, grant, lot, vested: true, balance }.into();
        mirabelle_domain::member::evolve(&mut scene.member, &fact, Timestamp(0));
    }
    assert_eq!(refused(&mut scene, gift(200, 1)), "too_many_lots");
    scene.yes(wish(&[("donation", 1)]));
    assert_eq!(names(&scene.yes(credit(gift(201, 1)))), ["GrantCredited"]);
}
