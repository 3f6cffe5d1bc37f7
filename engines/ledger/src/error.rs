//! Faults of reading and writing `facts`.

use mirabelle_log::{Offset, Partition, ReadError};

use crate::alarm::Alarm;

/// Why a partition of `facts` can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// The log could not be read.
    #[error("could not read the facts of partition {partition}")]
    Read {
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: ReadError,
    },
    /// The checkpoint was taken on another log.
    #[error(
        "a checkpoint of partition {partition} belongs to another log: start from the beginning of this one"
    )]
    OtherLog {
        /// The partition.
        partition: Partition,
    },
    /// The record before the checkpoint is gone or another one: the log was cut, restored or swapped.
    #[error(
        "the facts of partition {partition} are not those that the checkpoint at offset {offset} was taken on: {found}"
    )]
    NotTheLog {
        /// The partition.
        partition: Partition,
        /// Offset of the record before the checkpoint.
        offset: Offset,
        /// What stands there instead.
        found: &'static str,
    },
    /// A record that can't come from loss, delay or repetition; nothing behind it is believed.
    #[error("the facts of partition {partition} stop at offset {offset}")]
    Stopped {
        /// The partition.
        partition: Partition,
        /// Offset of the record that showed it.
        offset: Offset,
        /// What it showed.
        #[source]
        alarm: Alarm,
    },
}
