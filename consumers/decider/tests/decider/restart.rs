//! Snapshots and what comes after them.

use std::sync::Arc;

use mirabelle_decider::snapshot::{FORMAT, Taken};
use mirabelle_domain::{Account, AccountId, DOMAIN_REVISION};
use mirabelle_log::{Log as _, Topic};
use mirabelle_store::{MemoryBlobs, Snapshots, Wanted};

use crate::hall::{Hall, allocate, budget, open, place, turns};

/// Accounts in order.
type Accounts = Vec<(String, Arc<Account>)>;

/// What the latest snapshot holds: where it stands, its accounts, its ids in order.
fn latest(hall: &Hall) -> (u64, Accounts, Vec<[u8; 16]>) {
    let wanted = Wanted { log_id: hall.log.id(), format: FORMAT, domain_revision: DOMAIN_REVISION };
    let latest = hall.snapshots.latest(place(&budget()), &wanted).unwrap();
    assert!(latest.passed_over.is_empty());
    let mut snapshot = latest.snapshot.expect("a snapshot was written");
    let taken = Taken::read(&snapshot.header, &mut snapshot.payload).unwrap();
    let named = |(id, account): (AccountId, &Arc<Account>)| (id.to_string(), Arc::clone(account));
    let mut accounts: Vec<_> = taken.accounts.iter().map(named).collect();
    accounts.sort_by(|a, b| a.0.cmp(&b.0));
    let ids = taken.recent.iter().map(|(id, _)| id.0).collect();
    (taken.checkpoint.head.seq, accounts, ids)
}

fn send(hall: &Hall, numbers: std::ops::Range<i64>) {
    for number in numbers {
        hall.send(Topic::Commands, &budget(), &format!("more-{number}"), allocate(1 + number));
        let others: AccountId =
            AccountId::budget(format!("tenant-{number}").parse().unwrap(), "b".parse().unwrap());
        if place(&others) == place(&budget()) {
            hall.send(Topic::CommandsBulk, &others, "open", open());
        }
    }
}

fn inputs(hall: &Hall) -> usize {
    let of = |topic| {
        let bounds = hall.log.bounds(topic, place(&budget()), mirabelle_log::View::Durable).unwrap();
        usize::try_from(bounds.end.0).unwrap()
    };
    of(Topic::Commands) + of(Topic::CommandsBulk)
}

#[test]
fn a_snapshot_with_the_facts_after_it_is_the_fold_of_all_facts() {
    let mut hall = Hall::new();
    hall.send(Topic::Commands, &budget(), "open", open());
    send(&hall, 0..40);
    hall.decide(&budget(), inputs(&hall));
    let early = Arc::clone(&hall.snapshots);
    let (seq_early, ..) = latest(&hall);
    // Another life, without that snapshot, decides on: it folds everything.
    hall.snapshots = Arc::new(Snapshots::new(MemoryBlobs::new()));
    send(&hall, 40..90);
    hall.decide(&budget(), inputs(&hall));
    let (seq_all, all, ids_all) = latest(&hall);
    assert!(all.len() > 10 && seq_all > seq_early);
    // And one more goes on from the early snapshot, reads the rest, and writes what it then knows.
    hall.snapshots = early;
    let few = turns(3);
    hall.live("the facts after the snapshot are read", |hall| {
        let claims = hall.records(Topic::Facts, place(&budget()), mirabelle_log::View::Durable).len();
        claims == 1 + 3 + hall.decisions(&budget()).len() && few(hall)
    });
    let (seq_late, tail, ids_late) = latest(&hall);
    assert_eq!(seq_late, seq_all);
    assert_eq!(tail, all);
    assert_eq!(ids_late, ids_all);
}

#[test]
fn a_snapshot_holds_nothing_that_is_only_in_flight() {
    let mut hall = Hall::manual();
    hall.options.lane.snapshot_decisions = 1;
    hall.send(Topic::Commands, &budget(), "open", open());
    hall.send(Topic::Commands, &budget(), "more", allocate(7));
    hall.log.make_all_durable();
    hall.live("one of two decisions is confirmed", |hall| {
        // The claim and the first decision become durable; the second one never does.
        if hall.decisions(&budget()).is_empty() {
            hall.log.make_durable(1);
        }
        hall.decisions(&budget()).len() == 1 && hall.log.pending() > 0
    });
    hall.log.crash();
    assert_eq!(hall.decisions(&budget()).len(), 1);
    hall.live("the other is decided again", |hall| {
        hall.log.make_all_durable();
        hall.decisions(&budget()).len() == 2
    });
    assert_eq!(crate::hall::allocated(&hall.facts(&budget())), 7);
}
