//! Owners that lose a partition, and get it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mirabelle_domain::Fact;
use mirabelle_ledger::{FactsReader, Gate, ReaderOptions, Start};
use mirabelle_log::memory::Fate;
use mirabelle_log::{Log, Partition, ReadLimit, Topic};
use mirabelle_schemas::record::{Claim, ClaimedHead};

use crate::hall::{Hall, allocate, allocated, budget, open, place};

const HERE: Partition = Partition(1);

fn is_decision(value: &Bytes, fingerprint: u64) -> bool {
    mirabelle_schemas::peek_decision(value, fingerprint).is_ok()
}

/// Asserts that so many inputs of `commands` were decided, each once and in order.
fn assert_each_once(hall: &Hall, inputs: u64) {
    let offsets: Vec<u64> = hall.decisions_in(HERE).iter().map(|(d, _)| d.cursor.offset).collect();
    assert_eq!(offsets, (0..inputs).collect::<Vec<_>>());
}

#[test]
fn what_was_in_flight_when_a_decision_got_lost_is_decided_again_from_confirmed_state() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Commands, &budget, "open", open());
    for number in 0..20 {
        hall.send(Topic::Commands, &budget, &format!("more-{number}"), allocate(10 + number));
    }
    let mut seen = 0;
    hall.log.set_fate(Some(Box::new(move |topic, _, entry| {
        let decision = topic == Topic::Facts && is_decision(&entry.value, entry.fingerprint);
        seen += i32::from(decision);
        if decision && (seen == 5 || seen == 30) { Fate::Lost } else { Fate::Keep }
    })));
    let metrics = hall.decide(&budget, 21);
    assert_each_once(&hall, 21);
    assert_eq!(allocated(&hall.facts(&budget)), (10..30).sum::<i64>());
    assert_eq!(metrics.dropped.get(), 2);
    assert!(
        metrics.records.with_label_values(&["orphan"]).get() > 0,
        "what came after the gap counts nowhere"
    );
}

/// A claim of somebody else, on top of everything that counts.
fn foreign_claim(hall: &Hall, claim: u64) {
    let log: Arc<dyn Log> = Arc::new(hall.log.clone());
    let mut reader =
        FactsReader::open(log.as_ref(), HERE, Start::Beginning, ReaderOptions::default()).unwrap();
    while reader.read(ReadLimit { records: 1_000, bytes: 1 << 20 }, &mut Vec::new()).unwrap() > 0 {}
    let head = reader.head().unwrap();
    let claim = Claim {
        epoch: head.epoch + 1,
        claim,
        owner: "somebody else".to_owned(),
        build: "test".to_owned(),
        domain_revision: 1,
        head: ClaimedHead { epoch: head.epoch, seq: head.seq, digest: head.digest },
    };
    Gate::new(log, HERE, Gate::BYTES_MAX, Arc::new(|_| {})).claim(&claim).unwrap();
}

#[test]
fn decisions_that_arrive_after_anothers_claim_are_ghosts_and_are_made_again() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Commands, &budget, "open", open());
    for number in 0..5 {
        hall.send(Topic::Commands, &budget, &format!("more-{number}"), allocate(100 + number));
    }
    // The first batch of decisions is on its way for long; its owner hears nothing of it.
    let held = Arc::new(AtomicBool::new(true));
    let holds = Arc::clone(&held);
    hall.log.set_fate(Some(Box::new(move |topic, _, entry| {
        let decision = topic == Topic::Facts && is_decision(&entry.value, entry.fingerprint);
        if decision && holds.load(Ordering::Relaxed) { Fate::Late } else { Fate::Keep }
    })));
    let metrics = hall.live("everything is decided", |hall| {
        if held.load(Ordering::Relaxed) && hall.log.late() == 6 {
            foreign_claim(hall, 0x1041);
            hall.log.release_late(6);
            held.store(false, Ordering::Relaxed);
        }
        hall.decisions(&budget).len() == 6
    });
    assert_each_once(&hall, 6);
    assert_eq!(allocated(&hall.facts(&budget)), (100..105).sum::<i64>());
    assert_eq!(metrics.records.with_label_values(&["ghost"]).get(), 6);
    assert!(metrics.dropped.get() >= 1);
    let last = &hall.decisions(&budget)[5].0;
    assert!(last.epoch >= 3 && last.claim != 0x1041, "the owner's own, later claim: {last:?}");
}

#[test]
fn two_deciders_at_once_decide_every_input_once() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Commands, &budget, "open", open());
    for number in 0..300 {
        hall.send(Topic::Commands, &budget, &format!("more-{number}"), allocate(1 + number));
        if number % 3 == 0 {
            hall.send(Topic::Commands, &budget, &format!("more-{number}"), allocate(1 + number));
        }
    }
    let inputs = 401;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| hall.decide(&budget, inputs));
        }
    });
    assert_each_once(&hall, 401);
    let facts = hall.facts(&budget);
    let repeats = facts.iter().filter(|facts| matches!(facts[..], [Fact::CommandRepeated(_)])).count();
    assert_eq!((allocated(&facts), repeats), ((1..=300).sum::<i64>(), 100));
    let epochs = hall.decisions(&budget).last().unwrap().0.epoch;
    assert!(epochs >= 1);
    assert_eq!(place(&budget), HERE);
}

#[test]
fn a_partition_that_meets_a_newer_record_stops_alone_and_says_why() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Commands, &budget, "open", open());
    hall.decide(&budget, 1);
    hall.send(Topic::Commands, &budget, "more", allocate(7));
    hall.throw(Topic::Facts, HERE, 0x1041, &b"\0\0\0\x07\xd2a decision of tomorrow"[..]);
    let metrics = hall.live("many turns have passed", crate::hall::turns(20));
    let why = hall.ails(HERE.0).unwrap();
    assert!(why.contains("stop"), "{why}");
    assert_eq!(hall.ails(0), None);
    let of = |gauge: &prometheus::IntGaugeVec, number: &str| gauge.with_label_values(&[number]).get();
    assert_eq!((of(&metrics.stopped, "1"), of(&metrics.owned, "1"), of(&metrics.owned, "0")), (1, 0, 1));
    let decided = |record: &mirabelle_log::Record| is_decision(&record.entry.value, record.entry.fingerprint);
    let facts = hall.records(Topic::Facts, HERE, mirabelle_log::View::Durable);
    assert_eq!(facts.iter().filter(|record| decided(record)).count(), 1, "nothing was decided again");
}
