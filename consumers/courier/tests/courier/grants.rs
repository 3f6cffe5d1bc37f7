//! A grant's way, hop by hop.

use mirabelle_domain::command::{CommitGrants, CreditGrant, DropGrant, ReturnGrant, SettleGrants};
use mirabelle_domain::{AccountId, Command, Fact};

use crate::{
    Desk, GRANT, award, budget, committed, credited, declined, dropped, held, intent, member, owed, refused,
    returned, settled, spot, wish,
};

type Seen = (AccountId, Fact);

/// Reads facts in their order; after each, asserts what is sent.
fn way(hops: &[(Seen, Option<(AccountId, Command)>)]) -> Desk {
    let mut desk = Desk::new();
    for (fact, expected) in hops {
        desk.see(fact);
        let sent: Vec<(AccountId, Command)> =
            desk.act().into_iter().map(|sent| (sent.account, sent.command)).collect();
        assert_eq!(sent, expected.iter().cloned().collect::<Vec<_>>(), "after {}", fact.1.name());
    }
    assert_eq!(desk.courier.open_grants(), 0, "nothing is left over");
    desk
}

fn commit() -> Option<(AccountId, Command)> {
    Some((budget(), CommitGrants { grants: vec![award()], all_or_nothing: false }.into()))
}

fn credit(grant: mirabelle_domain::fact::GrantIntent) -> Option<(AccountId, Command)> {
    Some((member(), CreditGrant { budget: spot(), grant }.into()))
}

fn settle() -> Option<(AccountId, Command)> {
    Some((budget(), SettleGrants { grants: vec![GRANT] }.into()))
}

#[test]
fn an_award_goes_from_the_milestone_to_the_budget_to_the_wallet_and_is_settled() {
    way(&[
        (owed(), commit()),
        (committed(award()), credit(award())),
        (credited(award()), settle()),
        (settled(), None),
    ]);
}

#[test]
fn a_gift_begins_at_the_budget() {
    way(&[
        (committed(intent(None)), credit(intent(None))),
        (credited(intent(None)), settle()),
        (settled(), None),
    ]);
}

#[test]
fn points_that_the_wallet_refuses_go_back_to_the_budget() {
    let back = ReturnGrant { grant: GRANT, reason: "the member has left".to_owned() };
    way(&[
        (owed(), commit()),
        (committed(award()), credit(award())),
        (refused(), Some((budget(), back.into()))),
        (returned(), None),
    ]);
}

#[test]
fn a_held_award_waits_for_a_person_and_goes_on_when_it_is_released() {
    way(&[
        (owed(), commit()),
        (held(), None),
        (committed(award()), credit(award())),
        (credited(award()), settle()),
        (settled(), None),
    ]);
}

#[test]
fn a_declined_award_is_dropped_where_it_is_owed() {
    let reason = "declined by a person; 500 points".to_owned();
    way(&[
        (owed(), commit()),
        (held(), None),
        (declined(), Some((member(), DropGrant { budget: spot(), grant: GRANT, reason }.into()))),
        (dropped(), None),
    ]);
}

/// Every order in which the facts of two partitions can be read: each partition's own order is kept.
fn orders(facts: &[Seen]) -> Vec<Vec<Seen>> {
    if facts.is_empty() {
        return vec![Vec::new()];
    }
    let first_of_its_partition = |index: &usize| !facts[..*index].iter().any(|one| one.0 == facts[*index].0);
    let with_first = |index: usize| {
        let mut rest = facts.to_vec();
        let first = rest.remove(index);
        orders(&rest).into_iter().map(move |tail| [vec![first.clone()], tail].concat())
    };
    (0..facts.len()).filter(first_of_its_partition).flat_map(with_first).collect()
}

#[test]
fn partitions_read_in_any_order_leave_nothing_open_and_nothing_to_send() {
    for ends in [
        vec![owed(), committed(award()), credited(award()), settled()],
        vec![owed(), committed(award()), refused(), returned()],
        vec![owed(), held(), declined(), dropped()],
        vec![committed(intent(None)), credited(intent(None)), settled()],
    ] {
        for order in orders(&ends) {
            let mut desk = Desk::new();
            order.iter().for_each(|fact| desk.see(fact));
            assert_eq!(desk.act(), [], "{order:?}");
            assert_eq!(desk.courier.open_grants(), 0, "{order:?}");
        }
    }
}

#[test]
fn what_is_not_answered_is_sent_again_with_the_same_id_and_not_sooner() {
    let mut desk = Desk::new();
    desk.see(&owed());
    let first = desk.one();
    desk.now += mirabelle_courier::core::RESEND_AFTER_MICROS - 1;
    assert_eq!(desk.act(), []);
    desk.now += 2 * mirabelle_courier::core::RESEND_AFTER_MICROS;
    let again = desk.one();
    assert_eq!((first.id(), wish(&first), first.cause), (again.id(), wish(&again), again.cause));
    assert_eq!(first.command, again.command);
}
