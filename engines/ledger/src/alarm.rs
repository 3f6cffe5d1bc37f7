//! What can't come from loss, delay or repetition.

use mirabelle_log::LogId;

/// Why a partition of `facts` stopped. Sticky: whatever stands behind such a record is not believed. Each names the
/// record that showed it; `verify` and a person have to look.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Alarm {
    /// The first record that is ours is not the root of a chain.
    #[error("the partition of facts does not begin with its root")]
    NoRoot,
    /// A root of another log: this one was swapped or mixed.
    #[error("the root belongs to log {found:02x?}, not to {wanted:02x?}")]
    OtherLog {
        /// The root's log.
        found: LogId,
        /// The log that is read.
        wanted: LogId,
    },
    /// A root of another partition, or of a log with another number of partitions or another format.
    #[error(
        "the root is for partition {partition} of {partitions} in format {format}, and that is not what is read"
    )]
    OtherPartition {
        /// The root's partition.
        partition: u16,
        /// The root's number of partitions.
        partitions: u16,
        /// The root's format.
        format: u16,
    },
    /// `prev_digest` is not the head's digest: something was changed, cut out or put in.
    #[error("decision {seq} of epoch {epoch} does not rest on what stands before it")]
    BrokenChain {
        /// Its epoch.
        epoch: u64,
        /// Its seq.
        seq: u64,
    },
    /// Two different decisions of one epoch with one seq.
    #[error("a second, different decision {seq} of epoch {epoch}")]
    Conflict {
        /// Its epoch.
        epoch: u64,
        /// Its seq.
        seq: u64,
    },
    /// A decision of an epoch whose claim never counted here.
    #[error("decision {seq} is of epoch {epoch}, and no claim of an epoch above {head} counts here")]
    NoSuchEpoch {
        /// Its epoch.
        epoch: u64,
        /// Its seq.
        seq: u64,
        /// The head's epoch.
        head: u64,
    },
    /// A decision of the head's epoch under another claim.
    #[error("decision {seq} of epoch {epoch} is under another claim than the one that counts")]
    OtherClaim {
        /// Its epoch.
        epoch: u64,
        /// Its seq.
        seq: u64,
    },
    /// A claim's epoch is not the one after the head that it names.
    #[error("a claim of epoch {epoch} names a head of epoch {named}")]
    ClaimEpoch {
        /// The claim's epoch.
        epoch: u64,
        /// Epoch of the head that it names.
        named: u64,
    },
    /// A claim's writer had read further than this log goes: it lost its end.
    #[error(
        "a claim names epoch {epoch}, seq {seq}, and the log goes no further than {head_epoch}, {head_seq}"
    )]
    LostEnd {
        /// Epoch of the head that it names.
        epoch: u64,
        /// Seq of the head that it names.
        seq: u64,
        /// The head's epoch.
        head_epoch: u64,
        /// The head's seq.
        head_seq: u64,
    },
    /// A claim's writer had read another history.
    #[error("a claim names a head of epoch {epoch}, seq {seq} that never was here")]
    OtherHistory {
        /// Epoch of the head that it names.
        epoch: u64,
        /// Seq of the head that it names.
        seq: u64,
    },
    /// A decision that would count has a stamp that does not rise.
    #[error("decision {seq} is stamped {at}, not after {head}")]
    StampRanBack {
        /// Its seq.
        seq: u64,
        /// Its stamp, microseconds.
        at: i64,
        /// The head's stamp, microseconds.
        head: i64,
    },
    /// A decision that would count has decided an input before the ones that are decided already.
    #[error("decision {seq} decides offset {offset} of input topic {topic}, where {next} is next")]
    CursorRanBack {
        /// Its seq.
        seq: u64,
        /// Index in `Topic::INPUTS`.
        topic: u8,
        /// Its input's offset.
        offset: u64,
        /// The next one to decide.
        next: u64,
    },
    /// A record in an envelope of ours that this build does not know, or larger than any that it takes. Whoever stepped
    /// over it would decide its input again.
    #[error("a record of a newer release (schema {schema}): only that release may go on here ({reason})")]
    NewerRecord {
        /// Id of its schema, as its wire header has it.
        schema: u32,
        /// Why it can't be read.
        reason: String,
    },
    /// A record in an envelope of ours that can't be read.
    #[error("a record of ours can't be read: {reason}")]
    Damaged {
        /// What did not check.
        reason: String,
    },
}
