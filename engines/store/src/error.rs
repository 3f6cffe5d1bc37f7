//! What a store can fail with.

use mirabelle_domain::Name;

/// A fault of a store. None of them is a "no" by the rules, and none loses anything that `facts` can't give back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Bytes that were once written do not check.
    #[error(
        "the store is damaged at {place}: {reason}; stop the process, delete {file} and start again: it is rebuilt from facts"
    )]
    Corrupt {
        /// Table and key, or which other part.
        place: String,
        /// What did not check.
        reason: String,
        /// The file to delete.
        file: String,
    },
    /// Another process has it open.
    #[error("the store {file} is in use by another process")]
    InUse {
        /// The file.
        file: String,
    },
    /// The rows are about another log.
    #[error(
        "the store {file} holds rows about log {found}, not about log {wanted}: use its own log, or delete the rows to have them rebuilt"
    )]
    OtherLog {
        /// The file.
        file: String,
        /// The log asked for, hexadecimal.
        wanted: String,
        /// The log found, hexadecimal.
        found: String,
    },
    /// Written by a newer version of this software.
    #[error("the store {file} has format {found}; this version reads up to {known}: use the newer version")]
    NewerFormat {
        /// The file.
        file: String,
        /// Format found.
        found: u32,
        /// Newest format known.
        known: u32,
    },
    /// No such generation.
    #[error("the store has no generation {name}")]
    UnknownGeneration {
        /// Its name.
        name: Name,
    },
    /// A generation of this name is there already.
    #[error("the store already has a generation {name}")]
    GenerationExists {
        /// Its name.
        name: Name,
    },
    /// The live generation can't be dropped.
    #[error("generation {name} is the live one and can't be dropped")]
    Live {
        /// Its name.
        name: Name,
    },
    /// There is none yet.
    #[error("the store has no live generation yet")]
    NoLiveGeneration,
    /// A put or a question that does not fit its table.
    #[error("a row does not fit table {table}: {reason}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// An earlier write failed: what is durable stays, nothing more is taken until it is opened again.
    #[error("the store takes no more rows since an earlier write failed: {reason}")]
    Failed {
        /// The earlier failure.
        reason: String,
    },
    /// Servers can't be reached, or do not answer in time. Nothing is lost: the same may be asked again.
    #[error("the store is away: could not {act}")]
    Away {
        /// What was tried, on what.
        act: String,
        /// What came last.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Servers are not set up as the settings say, or the settings contradict each other.
    #[error("the store {store} can't be used: {reason}")]
    Unfit {
        /// Its address.
        store: String,
        /// What does not fit.
        reason: String,
    },
    /// The medium failed.
    #[error("could not {act}")]
    Io {
        /// What was tried, on what.
        act: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same may succeed later, without a restart and without anybody's hand.
    pub fn passes(&self) -> bool {
        matches!(self, StoreError::Away { .. })
    }

    /// A failure of the medium while doing `act`.
    pub fn io(
        act: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Io { act: act.into(), source: source.into() }
    }
}
