//! Clauses about what is there after an end and a new beginning.

use super::{Ending, Engine, append, append_durably, entries, entry, read_from_start, to_one};
use crate::{Entry, Log, Partition, Topic, View};

/// Closed in order, a log holds everything it accepted, answered or not.
pub fn what_was_durable_is_there_after_a_close(engine: &mut dyn Engine) {
    survives(engine, Ending::Close);
}

/// What was answered, and what was read under the durable view, survives a crash: equal, at the same offset.
pub fn what_was_durable_is_there_after_a_crash(engine: &mut dyn Engine) {
    survives(engine, Ending::Crash);
}

fn survives(engine: &mut dyn Engine, ending: Ending) {
    let mut log = engine.create();
    let (id, partitions) = (log.id(), log.partitions());
    let places =
        [(Topic::Commands, Partition(0)), (Topic::Facts, Partition(0)), (Topic::Facts, Partition(1))];
    for round in 0..4 {
        for (topic, partition) in places {
            append_durably(&*log, to_one(topic, partition, round * 100..round * 100 + 30));
        }
        let read = |log: &dyn Log| {
            places.map(|(topic, partition)| {
                read_from_start(log, topic, partition, View::Durable, 30 * (round as usize + 1))
            })
        };
        let before = read(&*log);
        let Some(reopened) = engine.reopen(log, ending) else { return };
        log = reopened;
        assert_eq!((log.id(), log.partitions()), (id, partitions), "it is the same log");
        assert_eq!(read(&*log), before, "round {round}");
    }
}

/// After a crash new records follow the ones that stayed, without a gap and without an offset used twice.
pub fn a_log_goes_on_where_a_crash_left_it(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(1));
    let before = append_durably(&*log, to_one(topic, partition, 0..10));
    // These may or may not survive; where they do, the new ones come after them.
    drop(append(&*log, to_one(topic, partition, 10..20)));
    let Some(log) = engine.reopen(log, Ending::Crash) else { return };
    let kept = read_from_start(&*log, topic, partition, View::Durable, 10);
    assert_eq!(entries(&kept), (0..kept.len() as u64).map(entry).collect::<Vec<_>>());
    assert!(kept.len() >= 10, "the first ten were answered");
    let after = append_durably(&*log, to_one(topic, partition, 100..105));
    assert!(after[0] > before[9] && after[0] > kept[kept.len() - 1].offset);
    let records = read_from_start(&*log, topic, partition, View::Durable, kept.len() + 5);
    let expected: Vec<Entry> = (0..kept.len() as u64).chain(100..105).map(entry).collect();
    assert_eq!(entries(&records), expected);
}

/// Records of several topics, appended one after the other: whatever a crash leaves is a prefix of them all.
pub fn a_crash_keeps_a_prefix_over_all_topics(engine: &mut dyn Engine) {
    if !engine.keeps_a_prefix() {
        return;
    }
    let mut log = engine.create();
    let places = [
        (Topic::Commands, Partition(0)),
        (Topic::Facts, Partition(0)),
        (Topic::Milestones, Partition(1)),
        (Topic::Facts, Partition(1)),
    ];
    let mut kept_before = 0;
    for _ in 0..5 {
        for number in kept_before..kept_before + 200 {
            let (topic, partition) = places[number as usize % places.len()];
            drop(append(&*log, vec![(topic, partition, entry(number))]));
        }
        let Some(reopened) = engine.reopen(log, Ending::Crash) else { return };
        log = reopened;
        let held = places.map(|(topic, partition)| {
            let bounds = log.bounds(topic, partition, View::Durable).expect("bounds can be read");
            let count = usize::try_from(bounds.end.0 - bounds.start.0).expect("few records");
            entries(&read_from_start(&*log, topic, partition, View::Durable, count))
        });
        let total: usize = held.iter().map(Vec::len).sum();
        for (place, held) in held.iter().enumerate() {
            let expected: Vec<Entry> =
                (0..total as u64).filter(|n| *n as usize % places.len() == place).map(entry).collect();
            assert_eq!(held, &expected, "{total} records stayed, and not a prefix");
        }
        kept_before = total as u64;
    }
}
