//! What is out of form, and facts that cannot be.

use super::evolve;
use super::tests::{Trial, award, awards, gift, gifts, points};
use crate::command::{AllocateBudget, OpenBudget};
use crate::fact::{GrantIntent, LotVested};
use crate::ids::GrantId;
use crate::points::POINTS_MAX;
use crate::rejection::Rejection;
use crate::sealed::Sealed;
use crate::time::Timestamp;

#[test]
fn a_budget_is_opened_once_and_in_form() {
    let open = |title: &str, alerts: &[i32]| OpenBudget { title: title.to_owned(), alerts: alerts.to_vec() };
    for (title, alerts) in [
        ("", &[50][..]),
        ("  ", &[50]),
        ("line\nbreak", &[50]),
        ("Spot", &[0]),
        ("Spot", &[101]),
        ("Spot", &[90, 50]),
        ("Spot", &[50, 50]),
        ("Spot", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ] {
        let refused = Trial::default().when(open(title, alerts)).unwrap_err();
        assert_eq!(refused.code(), "invalid", "{title:?} {alerts:?}");
    }
    let mut trial = Trial::default();
    assert_eq!(trial.names(open("Spot", &[1, 100])), ["BudgetOpened"]);
    assert_eq!(trial.when(open("Spot", &[])), Err(Rejection::BudgetExists));
}

#[test]
fn an_allocation_out_of_range_is_rejected() {
    let mut trial = Trial::with(1_000);
    for delta in [0, POINTS_MAX + 1, -POINTS_MAX - 1, i64::MAX, i64::MIN] {
        assert_eq!(trial.when(AllocateBudget { delta }).unwrap_err().code(), "invalid", "{delta}");
    }
    assert_eq!(trial.when(AllocateBudget { delta: POINTS_MAX }), Err(Rejection::TooManyPoints));
    let beyond = trial.when(AllocateBudget { delta: -POINTS_MAX }).unwrap_err();
    assert_eq!(beyond.code(), "budget_exhausted");
    assert_eq!(
        Trial::default().when(AllocateBudget { delta: 5 }),
        Err(Rejection::UnknownBudget),
        "nobody opened it"
    );
}

#[test]
fn a_block_out_of_form_is_rejected() {
    let ends =
        |number, expires_at| GrantIntent { expires_at: Some(Timestamp(expires_at)), ..gift(number, 5) };
    let vests = |activates_at, expires_at| GrantIntent {
        activates_at: Some(Timestamp(activates_at)),
        ..ends(1, expires_at)
    };
    let labelled = |label: &str| GrantIntent { label: label.to_owned(), ..gift(1, 5) };
    let noted = |key_ref: &str, size| GrantIntent {
        note: Some(Sealed { key_ref: key_ref.to_owned(), nonce: vec![0; 12], bytes: vec![0; size] }),
        ..gift(1, 5)
    };
    let without_day = GrantIntent { ceiling_day: None, ..award(1, 5, 9, 20_000) };
    let without_campaign = GrantIntent { campaign: None, ..award(1, 5, 9, 20_000) };
    let many = (0..1_001u32)
        .map(|number| GrantIntent { grant: GrantId(u128::from(number).to_be_bytes()), ..gift(1, 1) });
    for block in [
        gifts([]),
        gifts(many),
        gifts([gift(1, 5), gift(1, 5)]),
        gifts([gift(1, 0)]),
        gifts([ends(1, 900_000)]),
        gifts([ends(1, 1_000_000)]),
        gifts([vests(2_000_000, 2_000_000)]),
        gifts([labelled("a\u{7}b")]),
        gifts([labelled(&"x".repeat(513))]),
        gifts([noted("k", 1_025)]),
        gifts([noted(&"k".repeat(256), 1)]),
        awards([without_day]),
        awards([without_campaign]),
    ] {
        let mut trial = Trial::with(1_000);
        let refused = trial.when(block.clone()).unwrap_err();
        assert_eq!((refused.code(), refused.pointer().as_deref()), ("invalid", Some("/grants")), "{block:?}");
    }
}

#[test]
fn a_command_for_another_account_is_rejected_by_a_budget() {
    let due = Timestamp(5);
    let refused = Trial::with(5).when(crate::command::ApplyDue { due }).unwrap_err();
    assert_eq!(refused.code(), "invalid");
}

#[test]
#[should_panic(expected = "a fact's sums follow from the budget's")]
fn a_fact_whose_sums_are_not_the_budgets_stops_it() {
    let mut trial = Trial::with(1_000);
    let mut facts = Trial::with(999).done(gifts([gift(1, 10)]));
    evolve(&mut trial.state, &facts.remove(0), Timestamp(1));
}

#[test]
#[should_panic(expected = "LotVested is no fact of a budget")]
fn a_fact_of_a_wallet_stops_a_budget() {
    let lot = crate::fact::LotState { lot: 1, moved: points(1), free: points(1), held: points(0) };
    let fact = LotVested { lot, balance: Default::default() };
    evolve(&mut Trial::with(1).state, &fact.into(), Timestamp(1));
}
