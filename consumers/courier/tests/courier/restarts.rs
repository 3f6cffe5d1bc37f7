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
fn a_state_of_another_number_of_partitions_is_not_taken() {
    let desk = Desk::new();
    let mut other = mirabelle_courier::Courier::new(crate::PARTITIONS + 1);
    assert!(!other.restore(&desk.courier.save()));
    assert!(!other.restore(b"\xff\xff\xff"));
}
