//! Tests of the embedded log, most of them over a disk that crashes, fails and fills up when told to.

mod conformance;
mod crashes;
mod damage;
mod directory;
mod disk;
mod failures;
mod full;
mod golden;
mod kill;
mod reading;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mirabelle_log::suite::entry;
use mirabelle_log::{
    Append, Entry, Log, Offset, Partition, ReadError, ReadLimit, Record, Refused, Topic, Unclear, View,
};

use crate::{EmbeddedLog, Files, Options};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const DIR: &str = "/log";

/// Small segments and little memory, so that a few hundred records pass through every form that a record takes.
fn small(files: Arc<dyn Files>) -> Options {
    let clock = AtomicI64::new(1_700_000_000_000_000);
    Options {
        partitions: 3,
        segment_bytes: 16 << 10,
        spare_segments: 4,
        tail_bytes_max: 4 << 10,
        record_bytes_max: 4 << 10,
        block_bytes: 2 << 10,
        companion_wait: Duration::ZERO,
        confirm_idle: Duration::from_secs(3600),
        room_retry: Duration::from_millis(2),
        files,
        on_fatal: Arc::new(|_| {}),
        ..Options::new(Arc::new(move || clock.fetch_add(11, Ordering::Relaxed)))
    }
}

fn open(options: &Options) -> EmbeddedLog {
    let log = EmbeddedLog::open(Path::new(DIR), options.clone()).unwrap();
    log.settle();
    log
}

/// The place of record `number` in tests that spread their records: topics and partitions take turns.
fn place(number: u64) -> (Topic, Partition) {
    let topics = [Topic::Commands, Topic::Facts, Topic::Milestones, Topic::Facts, Topic::DeadLetters];
    (topics[(number % 5) as usize], Partition((number / 5 % 3) as u16))
}

type Answers = Receiver<(u64, Result<Offset, Unclear>)>;

/// Appends records, each on its own, again while the queue is full; the answers come with the record's number.
fn append(log: &EmbeddedLog, numbers: Range<u64>) -> Result<Answers, Refused> {
    let (sender, receiver) = channel();
    for number in numbers {
        loop {
            let (topic, partition) = place(number);
            let sender = sender.clone();
            let done = Box::new(move |answer| drop(sender.send((number, answer))));
            match log.append(vec![Append { topic, partition, entry: entry(number), done: Some(done) }]) {
                Err(Refused::Full { .. }) => std::thread::yield_now(),
                taken => break taken?,
            }
        }
    }
    Ok(receiver)
}

/// Appends records and waits until all are durable.
fn append_durably(log: &EmbeddedLog, numbers: Range<u64>) {
    let count = numbers.end - numbers.start;
    let answers = append(log, numbers).unwrap();
    for _ in 0..count {
        answers.recv_timeout(PATIENCE).expect("an append is answered").1.unwrap();
    }
}

fn read_slot(
    log: &dyn Log,
    topic: Topic,
    partition: Partition,
    view: View,
) -> Result<Vec<Record>, ReadError> {
    let bounds = log.bounds(topic, partition, view)?;
    let mut reader = log.reader(topic, partition, bounds.start, view)?;
    let mut records = Vec::new();
    while reader.position() < bounds.end {
        let before = records.len();
        reader.read(ReadLimit { records: 7, bytes: 1 << 20 }, &mut records)?;
        assert!(records.len() > before, "a read below the end found nothing");
    }
    Ok(records)
}

/// Checks that the log holds records `0..n` as [`place`] spreads them, for some `n`, and nothing else; gives `n`.
fn held(log: &dyn Log) -> Result<u64, ReadError> {
    let mut slots = Vec::new();
    for topic in Topic::ALL {
        for partition in (0..log.partitions()).map(Partition) {
            slots.push(((topic, partition), read_slot(log, topic, partition, View::Durable)?));
        }
    }
    let total: usize = slots.iter().map(|(_, records)| records.len()).sum();
    for (of, records) in slots {
        let expected: Vec<Entry> = (0..total as u64).filter(|n| place(*n) == of).map(entry).collect();
        let found: Vec<Entry> = records.iter().map(|record| record.entry.clone()).collect();
        assert_eq!(found, expected, "{total} records are held, and no prefix of what was appended");
        assert!(records.iter().zip(0..).all(|(record, offset)| record.offset.0 == offset));
    }
    Ok(total as u64)
}
