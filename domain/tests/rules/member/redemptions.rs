//! Redemptions: asked for, captured at once, refused, cancelled.

use mirabelle_domain::command::{CancelRedemption, ConfigKind, RequestRedemption};
use mirabelle_domain::fact::{
    Delivery, LineFulfilled, PricedLine, RedemptionApproved, RedemptionClosed, RedemptionEnd,
    RedemptionRequested,
};
use mirabelle_domain::worker::WorkerState;
use mirabelle_domain::{Fact, RedemptionId, Rejection, Sealed};
use sha2::Digest as _;

use super::scene::{
    Scene, credit, engineer, gift, lot, names, points, redemption_of, start, sums, wish, worker,
};

#[test]
fn what_needs_no_vendor_is_held_approved_captured_and_closed_in_one_decision() {
    let mut scene = Scene::with_points(&[150, 500]);
    let note = Sealed { key_ref: "asha/1".to_owned(), nonce: vec![3; 12], bytes: vec![4, 5] };
    let asked = RequestRedemption { note: Some(note.clone()), ..wish(&[("donation", 2), ("beer", 1)]) };
    let facts = scene.yes(asked);
    let redemption = {
        // The rule of ids made inside, for the fourth input of this scene and its first fact.
        let mut text = b"redemption".to_vec();
        text.extend([0xC0; 8]);
        text.extend(4_u64.to_be_bytes());
        text.extend(0_u32.to_be_bytes());
        let digest: [u8; 32] = sha2::Sha256::digest(&text).into();
        RedemptionId(digest[..16].try_into().unwrap())
    };
    let line = |product: &str, quantity, unit_points| PricedLine {
        product: product.parse().unwrap(),
        product_version: 1,
        quantity,
        unit_points: points(unit_points),
        delivery: Delivery::Immediate,
        vendor: None,
    };
    let captured = |line, amount, lots, balance| {
        let (voucher, reference) = (None, None);
        Fact::from(LineFulfilled {
            redemption,
            line,
            points: points(amount),
            lots,
            voucher,
            reference,
            balance,
        })
    };
    assert_eq!(
        facts,
        [
            Fact::from(RedemptionRequested {
                redemption,
                lines: vec![line("donation", 2, 100), line("beer", 1, 30)],
                points: points(230),
                lots: vec![lot(1, 150, 0, 150), lot(2, 80, 420, 80)],
                balance: sums([420, 0, 230, 0, 0, 0, 0]),
                note: Some(note),
            }),
            RedemptionApproved { redemption }.into(),
            captured(0, 200, vec![lot(1, 150, 0, 0), lot(2, 50, 420, 30)], sums([420, 0, 30, 200, 0, 0, 0])),
            captured(1, 30, vec![lot(2, 30, 420, 0)], sums([420, 0, 0, 230, 0, 0, 0])),
            RedemptionClosed {
                redemption,
                end: RedemptionEnd::Fulfilled,
                captured: points(230),
                returned: points(0),
                lots: vec![],
                balance: sums([420, 0, 0, 230, 0, 0, 0]),
            }
            .into(),
        ]
    );
}

#[test]
fn what_needs_a_vendor_holds_its_points_and_waits() {
    let mut scene = Scene::with_points(&[500]);
    let facts = scene.yes(wish(&[("voucher", 1), ("donation", 1)]));
    assert_eq!(names(&facts), ["RedemptionRequested", "RedemptionApproved", "LineFulfilled"]);
    let Fact::RedemptionRequested(requested) = &facts[0] else { panic!("{facts:?}") };
    assert_eq!(requested.lines[0].vendor.as_ref().unwrap().as_str(), "sandbox");
    assert_eq!(scene.member.balance(), sums([150, 0, 250, 100, 0, 0, 0]));
}

#[test]
fn points_that_are_not_there_are_not_spent() {
    let mut scene = Scene::with_points(&[60, 39]);
    let too_few = Rejection::InsufficientPoints { available: points(99), needed: points(100) };
    assert_eq!(scene.no(wish(&[("donation", 1)])), too_few);
    scene.yes(credit(gift(3, 1)));
    scene.yes(wish(&[("donation", 1)]));
}

#[test]
fn held_points_cannot_be_spent_again() {
    let mut scene = Scene::with_points(&[300]);
    scene.yes(wish(&[("voucher", 1)]));
    let too_few = Rejection::InsufficientPoints { available: points(50), needed: points(100) };
    assert_eq!(scene.no(wish(&[("donation", 1)])), too_few);
}

#[test]
fn a_request_has_1_to_20_lines_of_1_to_100_pieces() {
    let mut scene = Scene::with_points(&[1_000_000]);
    for lines in [vec![], vec![("donation", 1); 21], vec![("donation", 0)], vec![("donation", 101)]] {
        let no = scene.no(wish(&lines));
        assert_eq!((no.code(), no.pointer().as_deref()), ("invalid", Some("/lines")), "{lines:?}");
    }
    scene.yes(wish(&[("donation", 100); 20]));
}

#[test]
fn a_product_must_be_in_force_and_offered_where_the_member_works() {
    let mut scene = Scene::with_points(&[1000]);
    let no = scene.no(wish(&[("donation", 1), ("yacht", 1)]));
    assert_eq!(no, Rejection::UnknownProduct { line: 1 });
    assert_eq!(no.pointer().as_deref(), Some("/lines/1/product"));
    assert_eq!(scene.no(wish(&[("fax", 1)])), Rejection::NotOffered { line: 0 });
    scene.yes(wish(&[("beer", 1)]));
    for country in [Some("FR".to_owned()), None] {
        scene.yes(worker("hr", None, WorkerState { country, ..engineer() }));
        assert_eq!(scene.no(wish(&[("beer", 1)])), Rejection::NotOffered { line: 0 });
    }
}

#[test]
fn a_restricted_product_is_not_offered_to_somebody_whose_country_nobody_has_reported() {
    let mut scene = Scene::new();
    scene.yes(credit(gift(1, 1000)));
    assert_eq!(scene.no(wish(&[("beer", 1)])), Rejection::NotOffered { line: 0 });
    scene.yes(wish(&[("donation", 1)]));
}

#[test]
fn a_price_above_the_bound_that_the_caller_saw_is_refused() {
    let mut scene = Scene::with_points(&[1000]);
    let asked =
        |points_max| RequestRedemption { points_max: Some(points(points_max)), ..wish(&[("donation", 2)]) };
    let changed = Rejection::PriceChanged { points: points(200), points_max: points(199) };
    assert_eq!(scene.no(asked(199)), changed);
    scene.yes(asked(200));
}

#[test]
fn the_price_is_the_one_in_force_and_its_version_is_recorded() {
    let mut scene = Scene::with_points(&[1000]);
    let dearer = r#"{"title":"donation","points":120,"delivery":"immediate"}"#;
    scene.publish(ConfigKind::Product, "donation", 2, dearer);
    let facts = scene.yes(wish(&[("donation", 1)]));
    let Fact::RedemptionRequested(requested) = &facts[0] else { panic!("{facts:?}") };
    assert_eq!((requested.points, requested.lines[0].product_version), (points(120), 2));
}

#[test]
fn a_price_beyond_the_largest_amount_is_refused() {
    let mut scene = Scene::with_points(&[1000]);
    assert_eq!(scene.no(wish(&[("moon", 2)])), Rejection::TooManyPoints);
    assert_eq!(scene.no(wish(&[("moon", 1), ("donation", 1)])), Rejection::TooManyPoints);
    assert_eq!(scene.no(wish(&[("moon", 1)])).code(), "insufficient_points");
}

#[test]
fn nobody_has_reported_this_member() {
    assert_eq!(Scene::new().no(wish(&[("donation", 1)])), Rejection::UnknownMember);
}

#[test]
fn a_cancellation_gives_the_points_back_to_the_same_lots() {
    let mut scene = Scene::with_points(&[200, 500]);
    let before = scene.lots();
    let redemption = redemption_of(&scene.yes(wish(&[("voucher", 2)])));
    assert_eq!(
        scene.yes(CancelRedemption { redemption }),
        [Fact::from(RedemptionClosed {
            redemption,
            end: RedemptionEnd::Cancelled,
            captured: points(0),
            returned: points(500),
            lots: vec![lot(2, 300, 500, 0), lot(1, 200, 200, 0)],
            balance: sums([700, 0, 0, 0, 0, 0, 0]),
        })]
    );
    assert_eq!(scene.lots(), before);
}

#[test]
fn only_a_redemption_of_which_nothing_was_started_or_delivered_is_cancelled() {
    let mut scene = Scene::with_points(&[1000]);
    let started = redemption_of(&scene.yes(wish(&[("voucher", 1), ("mug", 1)])));
    scene.yes(start(started, 1, 1));
    let fulfilling = Rejection::RedemptionState { state: "fulfilling" };
    assert_eq!(scene.no(CancelRedemption { redemption: started }), fulfilling);
    let delivered = redemption_of(&scene.yes(wish(&[("voucher", 1), ("donation", 1)])));
    assert_eq!(scene.no(CancelRedemption { redemption: delivered }), fulfilling);
    let cancelled = redemption_of(&scene.yes(wish(&[("mug", 1)])));
    scene.yes(CancelRedemption { redemption: cancelled });
    let state = Rejection::RedemptionState { state: "cancelled" };
    assert_eq!(scene.no(CancelRedemption { redemption: cancelled }), state);
    assert_eq!(scene.no(start(cancelled, 0, 1)), state);
    let unknown = RedemptionId([1; 16]);
    assert_eq!(scene.no(CancelRedemption { redemption: unknown }), Rejection::UnknownRedemption);
}

#[test]
fn a_member_has_no_more_than_so_many_redemptions_that_wait() {
    let mut scene = Scene::with_points(&[1_000_000]);
    for _ in 0..mirabelle_domain::member::REDEMPTIONS_OPEN_MAX {
        scene.yes(wish(&[("mug", 1)]));
    }
    assert_eq!(scene.no(wish(&[("mug", 1)])).code(), "invalid");
    scene.yes(wish(&[("donation", 1)]));
}
