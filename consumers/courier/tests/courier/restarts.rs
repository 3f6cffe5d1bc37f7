//! After a restart only what is open is sent, under the ids it had.

use mirabelle_follower::Core as _;

use crate::{Desk, award, committed, credited, owed, settled, wish};

#[test]
fn a_courier_that_starts_again_sends_what_is_open_under_the_same_id() {
    let mut desk = Desk::new();
    desk.see(&owed());
    desk.act();
    desk.see(&committed(award()));
    let sent = desk.one();
    let again = desk.restarted().one();
    assert_eq!((sent.id(), wish(&sent)), (again.id(), wish(&again)));
}

#[test]
fn an_older_checkpoint_with_the_facts_after_it_sends_only_what_is_still_open() {
    let mut desk = Desk::new();
    desk.see(&owed());
    let old = desk.restarted();
    // Since then it was committed and credited: all that is owed is the settling.
    let mut desk = old;
    desk.see(&committed(award()));
    desk.see(&credited(award()));
    assert_eq!(desk.one().command.name(), "SettleGrants");
}

#[test]
fn a_checkpoint_of_a_finished_grant_sends_nothing_ever() {
    let mut desk = Desk::new();
    for fact in [owed(), committed(award()), credited(award()), settled()] {
        desk.see(&fact);
        desk.act();
    }
    let mut again = desk.restarted();
    again.now += 100_000_000;
    assert_eq!(again.act(), []);
    assert_eq!(again.courier.next_due(again.now), None);
}

#[test]
fn a_courier_that_owes_much_sends_it_step_by_step_and_each_once() {
    let mut desk = Desk::new();
    for number in 0..5_000_u64 {
        let mut grant = award();
        grant.grant.0[..8].copy_from_slice(&number.to_be_bytes());
        desk.see(&committed(grant));
    }
    let mut sent = std::collections::BTreeSet::new();
    for most in [2_000, 2_000, 1_000, 0] {
        let step = desk.act();
        assert_eq!(step.len(), most);
        sent.extend(step.iter().map(mirabelle_follower::Outgoing::id));
        assert_eq!(desk.courier.next_due(desk.now) == Some(desk.now), sent.len() < 5_000);
    }
    assert_eq!(sent.len(), 5_000);
    // None was answered: all are sent again, what is new before them.
    desk.now += mirabelle_courier::core::RESEND_AFTER_MICROS;
    desk.see(&owed());
    let first = desk.act();
    assert_eq!((first.len(), first[0].command.name()), (2_000, "CommitGrants"));
    assert!(first[1..].iter().all(|one| sent.contains(&one.id())));
    assert_eq!((desk.act().len(), desk.act().len(), desk.act().len()), (2_000, 1_001, 0));
}

#[test]
fn a_state_of_another_number_of_partitions_is_not_taken() {
    let desk = Desk::new();
    let mut other = mirabelle_courier::Courier::new(crate::PARTITIONS + 1);
    assert!(!other.restore(&desk.courier.save()));
    assert!(!other.restore(b"\xff\xff\xff"));
}
