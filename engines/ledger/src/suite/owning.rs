//! Clauses about roots, claims and what becomes of inputs.

use std::sync::Arc;

use mirabelle_log::suite::Engine;
use mirabelle_log::{Log, Partition, Topic, View};

use super::bent::Lossy;
use super::contender::Contender;
use super::{ALL, PATIENCE, assert_decided, begun, read_from, wait_for};
use crate::create::{create_roots, ensure_roots};
use crate::fold::{Fold, Verdict};
use crate::reader::{FactsReader, ReaderOptions, Start};
use crate::seen::Seen;

/// Several processes create the roots at once: each partition has one chain, and creating again appends nothing.
pub fn creators_at_once_leave_one_root_that_counts(engine: &mut dyn Engine) {
    let log = engine.create();
    std::thread::scope(|scope| {
        for number in 1..=4 {
            let log = &*log;
            scope.spawn(move || ensure_roots(log, 1_000_000 + number, PATIENCE).expect("roots are taken"));
        }
    });
    assert_eq!(create_roots(&*log, 7).expect("nothing is missing"), []);
    for partition in (0..log.partitions()).map(Partition) {
        let accepted = log.bounds(Topic::Facts, partition, View::Accepted).expect("bounds can be read");
        wait_for(&*log, "what was accepted", || {
            let durable = log.bounds(Topic::Facts, partition, View::Durable).expect("bounds can be read");
            (durable.end == accepted.end).then_some(())
        });
        let mut verdicts = Vec::new();
        let each = |_: &Fold, seen: Seen| verdicts.push(seen.verdict);
        let mut reader = FactsReader::open(&*log, partition, Start::Beginning, ReaderOptions::default())
            .expect("facts can be read");
        reader.read_each(ALL, each).expect("roots can be read");
        assert_eq!(verdicts[0], Verdict::Root);
        assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Repeat), "{verdicts:?}");
        let head = reader.head().expect("there is a root");
        assert_eq!((head.log_id, head.epoch, head.seq), (log.id(), 0, 0));
    }
}

/// Contenders on threads, all of them assigned all the time: the partition goes from hand to hand, each input is decided
/// once, none is skipped, and what one of them answered is what counts.
pub fn contenders_decide_each_input_once_and_skip_none(engine: &mut dyn Engine) {
    let log = begun(engine, 600);
    let answered = contend(&log, &log, 600);
    let (reader, folded) = read_from(&*log, Start::Beginning);
    assert_decided(&folded, 600);
    assert_answers_stand(&answered, &folded);
    assert!(reader.counts().claims >= 1, "{:?}", reader.counts());
}

/// The same over a log that loses, delays and repeats appends: ghosts, orphans and repeats are dropped alike by all.
pub fn contenders_over_a_lossy_log_decide_each_input_once_and_skip_none(engine: &mut dyn Engine) {
    for seed in 1..=3 {
        let log = begun(engine, 400);
        let lossy: Arc<dyn Log> = Arc::new(Lossy::over(Arc::clone(&log), seed));
        let answered = contend(&log, &lossy, 400);
        let (reader, folded) = read_from(&*log, Start::Beginning);
        assert_decided(&folded, 400);
        assert_answers_stand(&answered, &folded);
        let counts = reader.counts();
        assert!(counts.claims > 1 && counts.repeats > 0 && counts.orphans + counts.ghosts > 0, "{counts:?}");
    }
}

fn contend(log: &Arc<dyn Log>, through: &Arc<dyn Log>, inputs: u64) -> Vec<(u64, u64)> {
    let mut contenders: Vec<_> = (1..=3).map(|number| Contender::new(through, number * 1_041)).collect();
    std::thread::scope(|scope| {
        for contender in &mut contenders {
            scope.spawn(move || contender.work(inputs, PATIENCE));
        }
    });
    assert!(contenders.iter().any(|contender| contender.owned > 0));
    // What is still on its way becomes durable before anybody reads to the end.
    let accepted = log.bounds(Topic::Facts, super::PLACE, View::Accepted).expect("bounds can be read");
    wait_for(&**log, "what was accepted", || {
        let durable = log.bounds(Topic::Facts, super::PLACE, View::Durable).expect("bounds can be read");
        (durable.end >= accepted.end).then_some(())
    });
    contenders.into_iter().flat_map(|contender| contender.answered).collect()
}

fn assert_answers_stand(answered: &[(u64, u64)], folded: &[crate::Folded]) {
    let counting: Vec<(u64, u64)> =
        folded.iter().filter_map(|one| one.decision()).map(|one| (one.seq, one.cursor.offset)).collect();
    assert!(!answered.is_empty());
    for (place, answer) in answered.iter().enumerate() {
        assert!(counting.contains(answer), "{answer:?} was answered and does not count");
        assert!(!answered[..place].contains(answer), "{answer:?} was answered by two");
    }
}

/// A partition of `facts` that a few contenders and a lossy log have made.
pub(super) fn a_rough_history(engine: &mut dyn Engine, inputs: u64) -> Arc<dyn Log> {
    let log = begun(engine, inputs);
    let lossy: Arc<dyn Log> = Arc::new(Lossy::over(Arc::clone(&log), 11));
    contend(&log, &lossy, inputs);
    log
}
