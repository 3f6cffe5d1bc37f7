//! The seam to a partitioned, append-only log.
//!
//! A [`Log`] keeps opaque bytes. It knows nothing of claims, decisions or schemas: that is the ledger's work.
//! One file of contract, one conformance suite ([`suite`]); every engine passes the whole of it.

mod membership;
pub mod memory;
pub mod signal;
pub mod suite;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

pub use membership::Membership;

/// The topics of DESIGN §1. All have the same number of partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Topic {
    /// What an HRIS reported, normalised; kept for ever.
    Milestones = 0,
    /// Interactive wishes.
    Commands = 1,
    /// Wishes from files and runs: the second lane.
    CommandsBulk = 2,
    /// Decisions and claims: the truth, kept for ever.
    Facts = 3,
    /// What nobody could read.
    DeadLetters = 4,
}

impl Topic {
    /// Every topic, in the order of their numbers.
    pub const ALL: [Topic; 5] =
        [Topic::Milestones, Topic::Commands, Topic::CommandsBulk, Topic::Facts, Topic::DeadLetters];
    /// The topics that a decider reads, in the order in which a cursor lists them.
    pub const INPUTS: [Topic; 3] = [Topic::Milestones, Topic::Commands, Topic::CommandsBulk];

    /// The topic's name as it stands on a broker and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Milestones => "milestones",
            Topic::Commands => "commands",
            Topic::CommandsBulk => "commands-bulk",
            Topic::Facts => "facts",
            Topic::DeadLetters => "dead-letters",
        }
    }

    /// The topic with this number, as stored in frames and cursors.
    pub fn from_number(number: u8) -> Option<Topic> {
        Topic::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A partition's number, `0 .. Log::partitions()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u16);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record's place within one partition of one topic of one log. Offsets of the embedded log are consecutive;
/// those of a broker may have holes. They do not survive a move to another log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub u64);

impl Offset {
    /// The offset that follows this one.
    pub fn next(self) -> Offset {
        Offset(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 128 random bits made when a log is created. Two logs with one id do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogId(pub [u8; 16]);

/// What a writer hands in: the record's key (its account), the fingerprint of the schema that wrote `value`
/// (a header on a broker), the wire bytes, and the trace context, if the request had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Tenant and account as bytes; decides nothing here, the partition is always named.
    pub key: Bytes,
    /// First eight bytes of the SHA-256 of the writer schema's canonical form; 0 when not Avro.
    pub fingerprint: u64,
    /// The wire bytes: `0x00`, u32 big-endian schema id, datum.
    pub value: Bytes,
    /// W3C `traceparent`, at most 128 bytes.
    pub trace: Option<Bytes>,
}

/// What a reader gets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub offset: Offset,
    /// When the log took it (LogAppendTime), microseconds since the epoch. Not monotone across partitions.
    pub appended_at: i64,
    /// As it was handed in.
    pub entry: Entry,
}

/// Told once what became of an append. Runs on the log's own thread: hand over and return, never block.
pub type Done = Box<dyn FnOnce(Result<Offset, Unclear>) + Send>;

/// One append of a batch.
pub struct Append {
    /// Topic to append to.
    pub topic: Topic,
    /// Partition to append to.
    pub partition: Partition,
    /// The record.
    pub entry: Entry,
    /// Called when the record is durable, or when nobody can know whether it will be.
    pub done: Option<Done>,
}

/// A definite "no": nothing of the batch was taken and none of its `done` will be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue of what is not durable yet is at its bound; try again after some of it is.
    #[error("the log's queue is full ({queued_bytes} bytes wait to become durable)")]
    Full {
        /// Bytes accepted and not yet durable.
        queued_bytes: usize,
    },
    /// No room on the medium for more; what was acknowledged stays, reads go on.
    #[error("the log has no room for more records on its disk")]
    NoRoom,
    /// One record is larger than the log takes, or the batch is larger than it takes at once.
    #[error("a record or batch of {bytes} bytes is larger than the log takes ({max} bytes)")]
    TooLarge {
        /// Size of the record, or of the batch.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The log is shutting down or its writer has failed.
    #[error("the log is closed")]
    Closed,
}

/// Nobody can know whether the record is, or will be, in the log. Only reading tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is unclear whether the record was appended: {reason}")]
pub struct Unclear {
    /// What failed.
    pub reason: String,
}

/// A fault while reading.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The position lies outside of what the log holds: it was cut, swapped or restored.
    #[error("{topic}/{partition} has no offset {offset}: it holds {start} to {end}")]
    OutOfRange {
        /// Topic read.
        topic: Topic,
        /// Partition read.
        partition: Partition,
        /// Offset asked for.
        offset: Offset,
        /// First offset held.
        start: Offset,
        /// One past the last offset.
        end: Offset,
    },
    /// Bytes that were once durable do not check.
    #[error("{topic}/{partition} is damaged at offset {offset}: {reason}")]
    Corrupt {
        /// Topic read.
        topic: Topic,
        /// Partition read.
        partition: Partition,
        /// Where.
        offset: Offset,
        /// What did not check.
        reason: String,
    },
    /// The medium or the broker failed.
    #[error("could not read {topic}/{partition}")]
    Io {
        /// Topic read.
        topic: Topic,
        /// Partition read.
        partition: Partition,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How much of the log a reader sees.
///
/// ```text
///  start                     durable end            accepted end
///    |  0  1  2  3  4  5  6  |  7  8  9             |
///    '---- View::Durable ----'                      |
///    '---- View::Accepted --------------------------'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// What no crash can take back (below the high watermark). Everybody reads this, and every answer waits for it.
    Durable,
    /// Also what the log has taken and not yet made durable. Only a decider reads its inputs so, and only an
    /// engine whose crash keeps a *prefix over all topics* may show more here than under `Durable`: then no
    /// decision outlives its input.
    Accepted,
}

/// The ends of one partition of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// First offset that can be read.
    pub start: Offset,
    /// One past the last offset that can be read under the view asked for.
    pub end: Offset,
}

/// Counts changes of a log; only ever compared for equality with a later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick(pub u64);

/// Bounds of one read.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// Most records to hand out.
    pub records: usize,
    /// Stop after the record with which the sum of sizes reaches this.
    pub bytes: usize,
}

/// Reads one partition of one topic forward. Owned by one thread.
pub trait Reader: Send {
    /// Appends to `out` what can be read now, in order, within `limit`; never waits for what is not there yet. Nothing
    /// appended means that the end of the view is reached: all that was acknowledged in this process, and all that lay
    /// before the end of any [`Log::bounds`] asked for earlier, was handed out. An engine that reaches its medium over a
    /// network may hand out less than there is, and nothing while it can't reach it: whoever must know the difference
    /// compares [`Reader::position`] with [`Log::bounds`], which fails then.
    fn read(&mut self, limit: ReadLimit, out: &mut Vec<Record>) -> Result<(), ReadError>;

    /// The offset that the next read begins at.
    fn position(&self) -> Offset;
}

/// A partitioned append-only log.
///
/// # Contract
/// * Records of one batch, and batches of one thread, keep their order within a partition **or are lost**: an
///   engine may lose a record and keep a later one (a broker does); whoever reads must be able to tell.
/// * What was read under [`View::Durable`] is read again, equal and at the same offset, by every later reader,
///   through crashes and restarts.
/// * `done` with `Ok(offset)` comes only for what is durable. After `Err(Unclear)` the record may or may not appear.
/// * `append` never blocks longer than a lock; it refuses instead.
/// * `wait` returns when something became visible that was not when the tick was handed out; spurious returns
///   are allowed, missed ones are not. What another process appends is seen by readers that are open: in a partition that
///   nobody here reads, `wait` need not return for it.
/// * `bounds`, `reader` and `read` may block while an engine asks its servers, for seconds when those do not answer: they
///   do not belong on an async worker.
pub trait Log: Send + Sync + 'static {
    /// This log's identity.
    fn id(&self) -> LogId;

    /// Partitions of each topic.
    fn partitions(&self) -> u16;

    /// Takes a batch, all or nothing (see [`Refused`]).
    fn append(&self, batch: Vec<Append>) -> Result<(), Refused>;

    /// What can be read of a partition under a view.
    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError>;

    /// A reader that begins at `from`; `from` may be the end, nothing beyond it.
    fn reader(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        view: View,
    ) -> Result<Box<dyn Reader>, ReadError>;

    /// The state of the log's changes under a view; take it before reading, hand it to `wait` after.
    fn tick(&self, view: View) -> Tick;

    /// Blocks the calling thread until the tick differs from `since` or `timeout` has passed.
    fn wait(&self, view: View, since: Tick, timeout: Duration) -> Tick;
}
