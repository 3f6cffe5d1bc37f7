//! What this process knows of each partition's end, and of whether it is the partition that it was.

use std::sync::atomic::{AtomicU64, Ordering};

use mirabelle_log::{Partition, Topic};
use parking_lot::Mutex;
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Message};

/// A record that stood somewhere: enough to tell whether it still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: u64,
    /// The broker's stamp, milliseconds.
    pub(crate) at_ms: i64,
    /// Of its value.
    pub(crate) checksum: u32,
}

impl Mark {
    /// The mark of a message that the broker stamped.
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Option<Mark> {
        let Timestamp::LogAppendTime(at_ms) = message.timestamp() else { return None };
        let offset = u64::try_from(message.offset()).ok()?;
        Some(Mark { offset, at_ms, checksum: crc32c::crc32c(message.payload().unwrap_or_default()) })
    }
}

/// Of every partition of every topic.
pub(crate) struct Ends {
    partitions: u16,
    each: Vec<End>,
}

#[derive(Default)]
struct End {
    /// One past the highest offset known to be below the high watermark.
    known: AtomicU64,
    /// The last record that this process appended and got an answer for.
    acknowledged: Mutex<Option<Mark>>,
}

impl Ends {
    pub(crate) fn new(partitions: u16) -> Ends {
        let count = Topic::ALL.len() * usize::from(partitions);
        Ends { partitions, each: (0..count).map(|_| End::default()).collect() }
    }

    fn of(&self, topic: Topic, partition: Partition) -> &End {
        &self.each[topic as usize * usize::from(self.partitions) + usize::from(partition.0)]
    }

    pub(crate) fn known(&self, topic: Topic, partition: Partition) -> u64 {
        self.of(topic, partition).known.load(Ordering::Acquire)
    }

    pub(crate) fn raise(&self, topic: Topic, partition: Partition, end: u64) {
        self.of(topic, partition).known.fetch_max(end, Ordering::AcqRel);
    }

    /// Notes an acknowledged record. Says no when it stands at or before one that was acknowledged earlier: then the
    /// partition is another one.
    pub(crate) fn acknowledge(&self, topic: Topic, partition: Partition, mark: Mark) -> bool {
        let mut last = self.of(topic, partition).acknowledged.lock();
        if last.is_some_and(|last| last.offset >= mark.offset) {
            return false;
        }
        *last = Some(mark);
        drop(last);
        self.raise(topic, partition, mark.offset + 1);
        true
    }

    pub(crate) fn acknowledged(&self, topic: Topic, partition: Partition) -> Option<Mark> {
        *self.of(topic, partition).acknowledged.lock()
    }
}
