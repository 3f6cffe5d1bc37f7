//! The conformance suite: one function per clause of the contract of [`Log`], run by every engine.
//!
//! An engine's tests implement [`Engine`] and call [`log_suite!`](crate::log_suite), which makes one `#[test]`
//! of each clause. A clause panics where the engine breaks the contract.

mod appending;
mod crashing;
mod reading;
mod waiting;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;

pub use appending::*;
pub use crashing::*;
pub use reading::*;
pub use waiting::*;

use crate::{Append, Entry, Log, Offset, Partition, ReadLimit, Record, Topic, Unclear, View};

/// How long a clause waits for what must come before it calls it missing.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than any clause writes.
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

/// How a log ends before it is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order: everything accepted is made durable.
    Close,
    /// As by `kill -9`: what is not durable may go.
    Crash,
}

/// What the suite needs to know of an engine.
pub trait Engine {
    /// A new, empty log of at least two partitions.
    fn create(&mut self) -> Arc<dyn Log>;

    /// Ends `log`, the one last created or reopened, and opens what is left of it; `None` where an engine can't.
    fn reopen(&mut self, log: Arc<dyn Log>, ending: Ending) -> Option<Arc<dyn Log>>;

    /// A size of record that the log must refuse as too large.
    fn too_large(&self) -> usize;

    /// A size of batch that the log must refuse as too large, although it takes each of its records.
    fn too_large_at_once(&self) -> usize;

    /// Whether a crash keeps a prefix of what was accepted, over all topics and partitions.
    fn keeps_a_prefix(&self) -> bool;
}

/// Makes one `#[test]` per clause of the contract. The expression gives an [`Engine`](crate::suite::Engine),
/// anew for each clause.
#[macro_export]
macro_rules! log_suite {
    ($engine:expr) => {
        $crate::log_suite! { @tests $engine;
            a_record_is_read_back_as_it_was_handed_in
            empty_keys_values_and_batches_are_taken
            the_order_of_a_batch_and_of_a_thread_is_kept
            threads_that_append_at_once_lose_and_mix_nothing
            topics_and_partitions_are_apart
            a_batch_with_one_record_too_large_is_refused_whole
            a_batch_too_large_as_a_whole_is_refused_and_its_records_are_taken
            done_comes_once_and_only_for_what_is_durable
            a_done_may_append_again
            the_append_time_is_the_logs_own
            two_logs_have_two_ids
            a_read_stops_at_its_limits
            a_reader_goes_on_where_it_stopped
            every_offset_can_be_read_from
            a_reader_beyond_the_end_is_refused
            the_durable_view_is_a_prefix_of_the_accepted_one
            a_wait_returns_when_a_record_becomes_visible
            a_wait_with_an_old_tick_returns_at_once
            a_wait_for_nothing_ends_with_its_timeout
            many_waiters_miss_nothing
            what_was_durable_is_there_after_a_close
            what_was_durable_is_there_after_a_crash
            a_log_goes_on_where_a_crash_left_it
            a_crash_keeps_a_prefix_over_all_topics
        }
    };
    (@tests $engine:expr; $($clause:ident)*) => {
        $(#[test] fn $clause() { $crate::suite::$clause(&mut $engine); })*
    };
}

/// A record whose every part names `number`, of a size that differs from its neighbours'.
pub fn entry(number: u64) -> Entry {
    let value: Vec<u8> = (0..20 + number % 61).flat_map(|i| (number * 31 + i).to_le_bytes()).collect();
    let trace = number.is_multiple_of(3).then(|| Bytes::from(format!("00-{number:032x}-{number:016x}-01")));
    Entry {
        key: Bytes::from(format!("tenant-a\u{1f}m:{number}")),
        fingerprint: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        value: Bytes::from(value),
        trace,
    }
}

type Answer = (usize, Result<Offset, Unclear>);

/// Appends to `log` and hands back a channel with the answer to each record, by its place in the batch.
fn append(log: &dyn Log, records: Vec<(Topic, Partition, Entry)>) -> Receiver<Answer> {
    let (sender, receiver) = channel();
    let batch = records.into_iter().enumerate().map(|(place, (topic, partition, entry))| {
        let sender = sender.clone();
        // The receiver may be gone: not every clause waits for its answers.
        let done = Box::new(move |answer| drop(sender.send((place, answer))));
        Append { topic, partition, entry, done: Some(done) }
    });
    log.append(batch.collect()).expect("a log with room takes a batch");
    receiver
}

/// Appends a batch and waits until each of its records is durable; gives the offsets in the batch's order.
fn append_durably(log: &dyn Log, records: Vec<(Topic, Partition, Entry)>) -> Vec<Offset> {
    let count = records.len();
    let receiver = append(log, records);
    let mut answers: Vec<Answer> =
        (0..count).map(|_| receiver.recv_timeout(PATIENCE).expect("an append is answered")).collect();
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer.expect("an append without faults is clear")).collect()
}

fn to_one(
    topic: Topic,
    partition: Partition,
    numbers: std::ops::Range<u64>,
) -> Vec<(Topic, Partition, Entry)> {
    numbers.map(|number| (topic, partition, entry(number))).collect()
}

/// Reads from the start until `count` records were seen or patience ends.
fn read_from_start(
    log: &dyn Log,
    topic: Topic,
    partition: Partition,
    view: View,
    count: usize,
) -> Vec<Record> {
    let start = log.bounds(topic, partition, view).expect("bounds can be read").start;
    let mut reader = log.reader(topic, partition, start, view).expect("a reader may begin at the start");
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    loop {
        let tick = log.tick(view);
        reader.read(ALL, &mut records).expect("what was appended can be read");
        if records.len() >= count || Instant::now() > deadline {
            return records;
        }
        log.wait(view, tick, deadline.saturating_duration_since(Instant::now()));
    }
}

fn entries(records: &[Record]) -> Vec<Entry> {
    records.iter().map(|record| record.entry.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Ending, Engine};
    use crate::memory::MemoryLog;
    use crate::{Log, LogId};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

    static CREATED: AtomicU8 = AtomicU8::new(1);

    #[derive(Default)]
    struct InMemory {
        log: Option<MemoryLog>,
    }

    impl Engine for InMemory {
        fn create(&mut self) -> Arc<dyn Log> {
            let clock = AtomicI64::new(1_700_000_000_000_000);
            let id = LogId([CREATED.fetch_add(1, Ordering::Relaxed); 16]);
            let log = MemoryLog::new(id, 3, Arc::new(move || clock.fetch_add(7, Ordering::Relaxed)));
            self.log = Some(log.clone());
            Arc::new(log)
        }

        fn reopen(&mut self, _: Arc<dyn Log>, ending: Ending) -> Option<Arc<dyn Log>> {
            let log = self.log.clone().expect("created before");
            if ending == Ending::Crash {
                log.crash();
            }
            Some(Arc::new(log))
        }

        fn too_large(&self) -> usize {
            MemoryLog::RECORD_BYTES_MAX + 1
        }

        fn too_large_at_once(&self) -> usize {
            MemoryLog::BATCH_BYTES_MAX + 1
        }

        fn keeps_a_prefix(&self) -> bool {
            true
        }
    }

    crate::log_suite!(InMemory::default());
}
