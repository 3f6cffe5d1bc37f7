//! Clauses about readers and bounds.

use std::time::Instant;

use super::{ALL, Engine, PATIENCE, append, append_durably, entries, entry, read_from_start, to_one};
use crate::{Offset, Partition, ReadError, ReadLimit, Topic, View};

/// A read hands out at most `records`, and stops after the record with which the sizes reach `bytes`.
pub fn a_read_stops_at_its_limits(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(1));
    append_durably(&*log, to_one(topic, partition, 0..30));
    let start = log.bounds(topic, partition, View::Durable).expect("bounds can be read").start;
    // An engine that fetches may have less at hand than there is: never more than it may, and all of it in the end.
    let read = |records, bytes, expected: u64| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut reader =
                log.reader(topic, partition, start, View::Durable).expect("the start can be read from");
            let mut out = Vec::new();
            reader.read(ReadLimit { records, bytes }, &mut out).expect("it can be read");
            let count = out.len() as u64;
            assert_eq!(entries(&out), (0..count).map(entry).collect::<Vec<_>>());
            assert!(count <= expected, "{count} records within {records} records and {bytes} bytes");
            if count == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{count} of {expected} records");
        }
    };
    let size = |n: u64| {
        let e = entry(n);
        e.key.len() + e.value.len() + e.trace.map_or(0, |t| t.len())
    };
    read(7, usize::MAX, 7);
    // A limit of no records hands out none.
    read(0, usize::MAX, 0);
    let three = size(0) + size(1) + size(2);
    // The third record reaches the sum; of one more the third does not, and the fourth does.
    read(usize::MAX, three, 3);
    read(usize::MAX, three + 1, 4);
    // A record larger than the limit is handed out alone.
    read(usize::MAX, 1, 1);
}

/// `position` is where the next read begins, and nothing is read twice or left out between two reads.
pub fn a_reader_goes_on_where_it_stopped(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Commands, Partition(0));
    append_durably(&*log, to_one(topic, partition, 0..50));
    let start = log.bounds(topic, partition, View::Durable).expect("bounds can be read").start;
    let mut reader = log.reader(topic, partition, start, View::Durable).expect("the start can be read from");
    assert_eq!(reader.position(), start);
    let mut records = Vec::new();
    let mut step = 1;
    while records.len() < 50 {
        let before = records.len();
        reader.read(ReadLimit { records: step, bytes: usize::MAX }, &mut records).expect("it can be read");
        assert!(records.len() > before, "more was durable than a read handed out");
        assert_eq!(reader.position(), records[records.len() - 1].offset.next());
        step = step % 5 + 1;
    }
    reader.read(ALL, &mut records).expect("the end can be read");
    assert_eq!(entries(&records), (0..50).map(entry).collect::<Vec<_>>());
    append_durably(&*log, to_one(topic, partition, 50..53));
    while records.len() < 53 {
        let before = records.len();
        reader.read(ALL, &mut records).expect("it goes on");
        assert!(records.len() > before, "what was answered can be read");
    }
    assert_eq!(entries(&records), (0..53).map(entry).collect::<Vec<_>>());
}

/// A reader may begin at every offset that was handed out, and at the end.
pub fn every_offset_can_be_read_from(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(0));
    let offsets = append_durably(&*log, to_one(topic, partition, 0..40));
    for (number, offset) in offsets.iter().enumerate() {
        let mut reader = log.reader(topic, partition, *offset, View::Durable).expect("it is within bounds");
        let mut records = Vec::new();
        reader.read(ReadLimit { records: 2, bytes: usize::MAX }, &mut records).expect("it can be read");
        assert_eq!(records[0].offset, *offset);
        assert_eq!(records[0].entry, entry(number as u64));
    }
    let end = log.bounds(topic, partition, View::Durable).expect("bounds can be read").end;
    let mut reader = log.reader(topic, partition, end, View::Durable).expect("the end is within bounds");
    let mut records = Vec::new();
    reader.read(ALL, &mut records).expect("there is nothing, and that is no error");
    assert!(records.is_empty());
}

/// A position outside of what the log holds is an error that says what it holds, never an empty read.
pub fn a_reader_beyond_the_end_is_refused(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(1));
    append_durably(&*log, to_one(topic, partition, 0..3));
    let bounds = log.bounds(topic, partition, View::Durable).expect("bounds can be read");
    for beyond in [bounds.end.next(), Offset(u64::MAX)] {
        let Err(error) = log.reader(topic, partition, beyond, View::Durable) else {
            panic!("a reader was handed out beyond the end");
        };
        match error {
            ReadError::OutOfRange { offset, start, end, .. } => {
                assert_eq!((offset, start, end), (beyond, bounds.start, bounds.end));
            }
            other => panic!("not a position out of range: {other}"),
        }
    }
}

/// Whatever is durable is also accepted, equal and at the same offset; the durable end never leads.
pub fn the_durable_view_is_a_prefix_of_the_accepted_one(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Commands, Partition(1));
    for batch in 0..60 {
        drop(append(&*log, to_one(topic, partition, batch * 5..batch * 5 + 5)));
        let durable = log.bounds(topic, partition, View::Durable).expect("bounds can be read");
        let accepted = log.bounds(topic, partition, View::Accepted).expect("bounds can be read");
        assert!(durable.end <= accepted.end, "{durable:?} {accepted:?}");
        assert_eq!(durable.start, accepted.start);
    }
    let accepted = read_from_start(&*log, topic, partition, View::Accepted, 300);
    let durable = read_from_start(&*log, topic, partition, View::Durable, 300);
    assert_eq!(accepted, durable);
    assert_eq!(durable.len(), 300);
}
