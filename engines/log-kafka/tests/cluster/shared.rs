//! Several processes on one log.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Log, Offset, Partition, ReadLimit, Record, Topic, Unclear, View};
use mirabelle_log_kafka::KafkaLog;

use crate::servers::{PATIENCE, quiet};

pub(crate) const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

/// Appends one record and waits for its answer.
pub(crate) fn append(
    log: &dyn Log,
    topic: Topic,
    partition: Partition,
    number: u64,
) -> Result<Offset, Unclear> {
    let (sender, receiver) = channel();
    let done = Box::new(move |answer| drop(sender.send(answer)));
    log.append(vec![Append { topic, partition, entry: entry(number), done: Some(done) }]).unwrap();
    receiver.recv_timeout(PATIENCE).expect("an append is answered")
}

/// Everything from the start to the end that the log has now.
pub(crate) fn read_all(log: &dyn Log, topic: Topic, partition: Partition) -> Vec<Record> {
    let bounds = log.bounds(topic, partition, View::Durable).unwrap();
    let mut reader = log.reader(topic, partition, bounds.start, View::Durable).unwrap();
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while reader.position() < bounds.end {
        assert!(Instant::now() < deadline, "read to {} of {}", reader.position(), bounds.end);
        reader.read(ALL, &mut records).unwrap();
    }
    records
}

#[test]
fn two_processes_have_one_log_and_each_sees_what_the_other_appends() {
    let Some(quiet) = quiet(3) else { return };
    let options = quiet.server.options();
    // At the same instant, on a cluster that knows nothing of the log yet.
    let logs: Vec<Arc<KafkaLog>> = std::thread::scope(|scope| {
        let open = || Arc::new(KafkaLog::open(options.clone()).unwrap());
        let opening: Vec<_> = (0..3).map(|_| scope.spawn(open)).collect();
        opening.into_iter().map(|opened| opened.join().unwrap()).collect()
    });
    assert!(logs.iter().all(|log| log.id() == logs[0].id()), "one of them gave the log its id");
    let (topic, partition) = (Topic::Facts, Partition(1));
    let mut reader = logs[1].reader(topic, partition, Offset(0), View::Durable).unwrap();
    let mut seen = Vec::new();
    for number in 0..40 {
        append(&*logs[usize::try_from(number).unwrap() % 3], topic, partition, number).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while seen.len() as u64 <= number {
            assert!(Instant::now() < deadline, "record {number} did not come");
            let tick = logs[1].tick(View::Durable);
            reader.read(ALL, &mut seen).unwrap();
            if seen.len() as u64 <= number {
                logs[1].wait(View::Durable, tick, PATIENCE);
            }
        }
    }
    let entries: Vec<_> = seen.iter().map(|record| record.entry.clone()).collect();
    assert_eq!(entries, (0..40).map(entry).collect::<Vec<_>>());
    assert_eq!(read_all(&*logs[2], topic, partition), seen);
}

/// Far more than waits in memory for one reader, read by several at once, one of which rests in the middle.
#[test]
fn readers_that_rest_miss_nothing_of_more_than_memory_holds() {
    let Some(quiet) = quiet(1) else { return };
    let mut options = quiet.server.options();
    options.reader_bytes_max = 16 << 10;
    let log = KafkaLog::open(options).unwrap();
    let (topic, partition) = (Topic::Commands, Partition(0));
    let mut resting = log.reader(topic, partition, Offset(0), View::Durable).unwrap();
    let (sender, receiver) = channel();
    for first in (0..5_000).step_by(100) {
        let batch = (first..first + 100).map(|number| {
            let sender = sender.clone();
            let done = Box::new(move |answer: Result<Offset, Unclear>| drop(sender.send(answer)));
            Append { topic, partition, entry: entry(number), done: Some(done) }
        });
        log.append(batch.collect()).unwrap();
    }
    for _ in 0..5_000 {
        receiver.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    let expected: Vec<_> = (0..5_000).map(entry).collect();
    let entries = |records: &[Record]| records.iter().map(|record| record.entry.clone()).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(entries(&read_all(&log, topic, partition)), expected));
        }
    });
    let mut records = Vec::new();
    let limit = ReadLimit { records: 70, bytes: usize::MAX };
    let deadline = Instant::now() + PATIENCE;
    while records.len() < 5_000 {
        assert!(Instant::now() < deadline, "the resting reader has {}", records.len());
        resting.read(limit, &mut records).unwrap();
    }
    assert_eq!(entries(&records), expected);
}
