//! What can go wrong with a directory.

use std::io;
use std::path::PathBuf;

/// Why a directory was not opened. Nothing was changed in it, unless it was being created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another log in this one, has it open.
    #[error("{} is in use by another process", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// No log was ever created there.
    #[error("{} holds no log", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// It was written by a newer release.
    #[error("{} has format {format}, this build knows formats up to {known}: use a newer release", dir.display())]
    Newer {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        format: u32,
        /// The newest that this build knows.
        known: u32,
    },
    /// The number of partitions is fixed when a log is created.
    #[error("{} was created with {held} partitions and can't be opened with {asked}", dir.display())]
    Partitions {
        /// The directory.
        dir: PathBuf,
        /// What it has.
        held: u16,
        /// What was asked for.
        asked: u16,
    },
    /// Something that was once durable does not check. Nothing is cut: this needs a person, and a backup.
    #[error("{fault}")]
    Damaged {
        /// Where, and what.
        fault: Fault,
    },
    /// A setting makes no sense.
    #[error("the log can't be opened so: {reason}")]
    Options {
        /// Which, and why.
        reason: String,
    },
    /// The disk failed.
    #[error("could not {act} {}", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> OpenError {
        let path = path.into();
        move |source| OpenError::Io { act, path, source }
    }
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> OpenError {
        OpenError::Damaged { fault }
    }
}

/// A place that does not check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} is damaged at byte {place}: {reason}")]
pub struct Fault {
    /// Name of the file in the log's directory.
    pub file: String,
    /// Position in it, in bytes.
    pub place: u64,
    /// What did not check.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(file: impl Into<String>, place: u64, reason: impl Into<String>) -> Fault {
        Fault { file: file.into(), place, reason: reason.into() }
    }
}

/// Why the log can't go on. Whether the group in flight is durable, nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("could not {act} group {group} at byte {place} of {file}")]
pub struct Fatal {
    /// `write` or `sync`.
    pub act: &'static str,
    /// Name of the segment's file.
    pub file: String,
    /// Where in it.
    pub place: u64,
    /// The group in flight.
    pub group: u64,
    /// The cause.
    #[source]
    pub source: io::Error,
}
