//! What goes into `facts`, over the log in memory.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mirabelle_domain::{AccountId, AccountKey, CommandId};
use mirabelle_log::memory::{Fate, MemoryLog};
use mirabelle_log::{Entry, Log, Refused, Topic, View};
use mirabelle_schemas::record::{Actor, ActorKind, Decision, FactRecord};

use super::*;
use crate::{
    Attempt, CreateError, FactsReader, Gate, ReaderOptions, Sought, Start, create_roots, ensure_roots,
    find_decision,
};

pub(super) fn log(manual: bool) -> MemoryLog {
    let build = if manual { MemoryLog::manual } else { MemoryLog::new };
    build(LOG, 8, Arc::new(|| 1_764_000_000_000_000))
}

pub(super) fn gate(log: &MemoryLog) -> (Gate, Receiver<Attempt>) {
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    let on_unclear = Arc::new(move |attempt| sender.lock().unwrap().send(attempt).unwrap());
    (Gate::new(Arc::new(log.clone()), Partition(3), 2_000, on_unclear), receiver)
}

/// The decision that follows on a head, with a body of this size.
pub(super) fn whole(head: &Head, body: usize) -> Decision {
    Decision {
        epoch: head.epoch,
        claim: head.claim,
        seq: head.seq + 1,
        at: head.at + 7,
        account: AccountId {
            tenant: "acme".parse().unwrap(),
            key: AccountKey::Budget("travel".parse().unwrap()),
        },
        command_id: CommandId([head.seq as u8; 16]),
        input_kind: 40,
        input_digest: Digest([6; 16]),
        input: None,
        accepted_at: 1_764_000_000_000_017,
        actor: Actor {
            principal: "k1".to_owned(),
            kind: ActorKind::Key,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        cursor: Cursor { topic: 1, offset: head.next[1].0 },
        config_version: 2,
        facts: vec![FactRecord { kind: 40, schema: 1, body: Bytes::from(vec![5; body]) }],
        prev_digest: head.digest,
    }
}

/// Reads all there is; gives the head.
pub(super) fn read(log: &MemoryLog) -> Head {
    let mut reader =
        FactsReader::open(log, Partition(3), Start::Beginning, ReaderOptions::default()).unwrap();
    let limit = mirabelle_log::ReadLimit { records: 1_000, bytes: 1 << 20 };
    while reader.read(limit, &mut Vec::new()).unwrap() > 0 {}
    reader.head().unwrap()
}

/// A log with its roots and a counting claim, and the gate of its owner.
pub(super) fn owned() -> (MemoryLog, Gate, Receiver<Attempt>) {
    let log = log(false);
    create_roots(&log, 1_041).unwrap();
    let (mut gate, unclear) = gate(&log);
    gate.claim(&claim_on(&read(&log), 77)).unwrap();
    (log, gate, unclear)
}

#[test]
fn what_the_gate_appends_counts() {
    let (log, mut gate, unclear) = owned();
    assert_eq!((read(&log).epoch, read(&log).claim), (1, 77));
    let one = gate.prepare(&whole(&read(&log), 9), Some(Bytes::from_static(b"00-abc-01"))).unwrap();
    gate.append(std::slice::from_ref(&one)).unwrap();
    assert_eq!((read(&log).seq, read(&log).digest), (1, one.digest()));
    assert!(unclear.try_recv().is_err());
}

#[test]
fn a_decision_that_is_too_large_is_refused_before_it_is_handed_over() {
    let (log, mut gate, _) = owned();
    let head = read(&log);
    let fits = (1_000..2_000).rev().find(|body| gate.prepare(&whole(&head, *body), None).is_ok()).unwrap();
    let too_large = gate.prepare(&whole(&head, fits + 1), None).unwrap_err();
    assert_eq!((too_large.bytes, too_large.max), (2_001, 2_000));
    // The trace counts too.
    assert!(gate.prepare(&whole(&head, fits), Some(Bytes::from_static(b"t"))).is_err());
    // The seq is still free for the rejection.
    let prepared = gate.prepare(&whole(&head, 3), None).unwrap();
    gate.append(&[prepared]).unwrap();
    assert_eq!(read(&log).seq, 1);
}

#[test]
fn a_refused_batch_may_come_again_as_it_is() {
    let (log, mut gate, _) = owned();
    let one = gate.prepare(&whole(&read(&log), 9), None).unwrap();
    log.refuse_next(Refused::NoRoom);
    assert_eq!(gate.append(std::slice::from_ref(&one)), Err(Refused::NoRoom));
    gate.append(&[one]).unwrap();
    assert_eq!(read(&log).seq, 1);
}

#[test]
#[should_panic(expected = "hands over 1 after 1")]
fn a_seq_leaves_the_gate_once_in_an_epoch() {
    let (log, mut gate, _) = owned();
    let head = read(&log);
    let (one, other) = (whole(&head, 9), whole(&head, 10));
    let (one, other) = (gate.prepare(&one, None).unwrap(), gate.prepare(&other, None).unwrap());
    gate.append(&[one]).unwrap();
    gate.append(&[other]).ok();
}

#[test]
fn an_unclear_append_is_told_with_its_attempt() {
    let (log, mut gate, unclear) = owned();
    log.set_fate(Some(Box::new(|_, _, _| Fate::Lost)));
    let one = gate.prepare(&whole(&read(&log), 9), None).unwrap();
    gate.append(&[one]).unwrap();
    assert_eq!(unclear.recv().unwrap(), Attempt { epoch: 1, claim: 77 });
}

#[test]
fn roots_are_created_once_and_a_lost_one_is_made_again() {
    let log = log(false);
    let mut lost = 0;
    log.set_fate(Some(Box::new(move |_, partition, _| {
        let lose = partition == Partition(3) && lost < 2;
        lost += u32::from(lose);
        if lose { Fate::Lost } else { Fate::Keep }
    })));
    ensure_roots(&log, 1_041, Duration::from_secs(20)).unwrap();
    assert_eq!(create_roots(&log, 9).unwrap(), []);
    let head = read(&log);
    assert_eq!((head.log_id, head.at, head.seq, head.epoch), (LOG, 1_041, 0, 0));
}

#[test]
fn a_root_that_does_not_become_durable_is_reported() {
    let log = log(true);
    let error = ensure_roots(&log, 1_041, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, CreateError::TooSlow { partition: Partition(0), .. }), "{error}");
    assert_eq!(log.pending(), 8, "appended once, however long it waits");
}

#[test]
fn a_decision_is_found_again_behind_many_records_that_do_not_count() {
    let (log, mut gate, _) = owned();
    let mut sought = Vec::new();
    for round in 0..60 {
        let decision = whole(&read(&log), 9);
        let prepared = gate.prepare(&decision, None).unwrap();
        gate.append(&[prepared]).unwrap();
        sought.push(decision);
        let claims = if round % 20 == 7 { 50 } else { 0 };
        let stale = Claim { epoch: 1, ..claim_on(&read(&log), 5) };
        let stale = Claim { head: ClaimedHead { epoch: 0, seq: 0, digest: root_digest(&log) }, ..stale };
        (0..claims).for_each(|_| gate.claim(&stale).unwrap());
    }
    for decision in sought {
        let Decision { seq, at, command_id, .. } = decision;
        let one = Sought { partition: Partition(3), seq, at, command_id };
        assert_eq!(find_decision(&log, &one).unwrap(), Some(decision));
        assert_eq!(find_decision(&log, &Sought { at: at + 1, ..one }).unwrap(), None);
    }
}

fn root_digest(log: &MemoryLog) -> Digest {
    let mut records = Vec::new();
    let limit = mirabelle_log::ReadLimit { records: 1, bytes: 1 };
    let from = mirabelle_log::Offset(0);
    log.reader(Topic::Facts, Partition(3), from, View::Durable).unwrap().read(limit, &mut records).unwrap();
    let Entry { value, .. } = &records[0].entry;
    digest(&value[5..])
}
