//! What a test lets happen to a record on its way into a [`MemoryLog`](super::MemoryLog).

use crate::{Entry, Partition, Topic};

/// Chooses the fate of each record at its append. Called while the log is locked: it must not call the log.
pub type FateOf = Box<dyn FnMut(Topic, Partition, &Entry) -> Fate + Send>;

/// What becomes of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Appended and answered.
    Keep,
    /// Never appears; its `done` gets [`Unclear`](crate::Unclear). Later records of the same batch may well be kept.
    Lost,
    /// `done` gets [`Unclear`](crate::Unclear) at once; the record appears with [`MemoryLog::release_late`](super::MemoryLog::release_late).
    Late,
    /// Appended two times in a row; `done` names the first.
    Twice,
    /// Appended, but `done` gets [`Unclear`](crate::Unclear).
    Unanswered,
    /// Appended and answered, and once more with [`MemoryLog::release_late`](super::MemoryLog::release_late).
    KeepAndLate,
}
