//! What the threads of one open log share.

use std::path::PathBuf;

use mirabelle_log::{LogId, Partition, ReadError, Topic};
use parking_lot::{Condvar, Mutex};

use crate::error::Fault;
use crate::frame::{self, Stamp};
use crate::options::{Options, Point};
use crate::queue::Queue;
use crate::scan::Walk;
use crate::sealed::Bad;
use crate::segments::Segments;
use crate::tail::SlotTail;
use mirabelle_log::signal::Signal;

/// What a directory is and how it was opened: enough to read, make and seal its segments.
pub(crate) struct Base {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) id: LogId,
    pub(crate) partitions: u16,
    pub(crate) stamp: Stamp,
}

/// What bounds an append.
pub(crate) struct Limits {
    pub(crate) table_bytes: u64,
    pub(crate) record_bytes_max: usize,
    pub(crate) batch_bytes_max: usize,
    pub(crate) chunk_bytes: usize,
}

pub(crate) struct Core {
    pub(crate) base: Base,
    pub(crate) limits: Limits,
    pub(crate) queue: Mutex<Queue>,
    /// Wakes the writer.
    pub(crate) work: Condvar,
    /// Wakes who prepares segments.
    pub(crate) spares_wanted: Condvar,
    /// Wakes who waits for prepared segments.
    pub(crate) spares_made: Condvar,
    pub(crate) sealing: Mutex<Sealing>,
    /// Wakes who seals segments, and who waits for that.
    pub(crate) seal: Condvar,
    pub(crate) slots: Box<[Mutex<SlotTail>]>,
    pub(crate) segments: Segments,
    pub(crate) accepted: Signal,
    pub(crate) durable: Signal,
}

/// What the sealing thread is told, and what it tells.
#[derive(Default)]
pub(crate) struct Sealing {
    /// Segments left by the writer since the log was opened.
    pub(crate) left: u64,
    pub(crate) closing: bool,
    /// Of those, how many it has seen to.
    pub(crate) done: u64,
    pub(crate) ended: bool,
}

impl Base {
    pub(crate) fn walk<'a>(&'a self, segment: u64, file: &'a str) -> Walk<'a> {
        Walk { stamp: &self.stamp, partitions: self.partitions, segment, file }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn point(&self, point: Point) {
        (self.options.on_point)(point);
    }
}

impl Limits {
    /// `None` if a segment of that size takes no record at all.
    pub(crate) fn new(options: &Options, partitions: u16) -> Option<Limits> {
        let table_bytes = frame::table_bytes(partitions);
        let segment = usize::try_from(options.segment_bytes).ok()?;
        let fits =
            segment.checked_sub(frame::HEADER + table_bytes + frame::CHUNK_HEAD + frame::ROW_HEAD + 8)?;
        Some(Limits {
            table_bytes: table_bytes as u64,
            record_bytes_max: Some(options.record_bytes_max.min(fits)).filter(|bytes| *bytes > 0)?,
            batch_bytes_max: options.queue_bytes_max.min(segment * options.spare_segments / 2),
            chunk_bytes: (64 << 10).min(segment / 4),
        })
    }
}

impl Core {
    pub(crate) fn slot(&self, topic: Topic, partition: Partition) -> usize {
        frame::slot(topic, partition.0, self.base.partitions)
    }

    pub(crate) fn slot_count(&self) -> usize {
        Topic::ALL.len() * usize::from(self.base.partitions)
    }
}

/// Which partition of which topic is being read, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) topic: Topic,
    pub(crate) partition: Partition,
}

impl Place {
    pub(crate) fn corrupt(self, offset: u64, fault: &Fault) -> ReadError {
        ReadError::Corrupt {
            topic: self.topic,
            partition: self.partition,
            offset: mirabelle_log::Offset(offset),
            reason: fault.to_string(),
        }
    }

    pub(crate) fn bad(self, offset: u64, bad: Bad) -> ReadError {
        match bad {
            Bad::Fault(fault) => self.corrupt(offset, &fault),
            Bad::Io(source) => self.io(source),
        }
    }

    pub(crate) fn io(self, source: std::io::Error) -> ReadError {
        ReadError::Io { topic: self.topic, partition: self.partition, source: Box::new(source) }
    }
}
