//! The reader of `facts`: every role that follows the log reads it through this and nothing else.

use bytes::Bytes;
use mirabelle_domain::Digest;
use mirabelle_log::{Log, Offset, Partition, ReadError, ReadLimit, Reader, Record, Topic, View};
use mirabelle_schemas::record::{Claim, Decision, FactsRecord};
use mirabelle_schemas::{Unreadable, decode_facts_record};

use crate::alarm::Alarm;
use crate::error::ReaderError;
use crate::fold::{Chain, Fold, Place, Verdict, wire_digest};
use crate::head::{Checkpoint, Head, LastRecord};
use crate::owner::ReadBack;
use crate::view::RecordView;

/// Where a reader starts. Nowhere else: a head that is not folded from the beginning or known whole can't tell what
/// counts.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// At the root.
    Beginning,
    /// Where a reader has been before.
    At(&'a Checkpoint),
}

/// How to read.
#[derive(Clone, Copy, Debug)]
pub struct ReaderOptions {
    /// Whether to check the chain of digests.
    pub chain: Chain,
    /// Digests remembered, to tell a repeat from a conflict.
    pub known_max: usize,
}

impl Default for ReaderOptions {
    fn default() -> ReaderOptions {
        ReaderOptions { chain: Chain::Verify, known_max: Fold::KNOWN_MAX }
    }
}

/// Where a counting record stands. `seq` and `at` survive a move to another log, `offset` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition of `facts`.
    pub partition: Partition,
    /// The decision's seq; for a claim, that of the decision before it.
    pub seq: u64,
    /// The decision's stamp, microseconds; for a claim, that of the decision before it.
    pub at: i64,
    /// Offset in this log.
    pub offset: Offset,
}

/// A record that counts.
#[derive(Clone, Debug)]
pub struct Folded {
    /// Where it stands.
    pub position: Position,
    /// When the log took it, microseconds.
    pub appended_at: i64,
    /// What it says.
    pub counted: Counted,
    /// Its Avro datum, without the wire header.
    pub datum: Bytes,
    /// The head's digest after it; `None` for a decision under [`Chain::Trust`].
    pub digest: Option<Digest>,
    /// The `traceparent` that it came with.
    pub trace: Option<Bytes>,
}

/// What counts.
#[derive(Clone, Debug)]
pub enum Counted {
    /// An owner has taken the partition.
    Claim(Claim),
    /// An input was decided.
    Decision(Box<Decision>),
}

impl Folded {
    /// The decision, if it is one.
    pub fn decision(&self) -> Option<&Decision> {
        match &self.counted {
            Counted::Decision(decision) => Some(decision),
            Counted::Claim(_) => None,
        }
    }
}

/// A record of `facts`, whatever became of it: what an owner has to see.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it stands.
    pub offset: Offset,
    /// When the log took it, microseconds.
    pub appended_at: i64,
    /// What became of it.
    pub verdict: Verdict,
    /// The record with its datum; `None` when it is not ours.
    pub record: Option<(FactsRecord, Bytes)>,
    /// The `traceparent` that it came with.
    pub trace: Option<Bytes>,
}

impl Seen {
    /// The record as an owner looks at it.
    pub fn read_back(&self) -> ReadBack<'_> {
        ReadBack {
            verdict: &self.verdict,
            record: self.record.as_ref().map(|(record, _)| RecordView::from(record)),
            appended_at: self.appended_at,
        }
    }
}

/// How many records had which verdict, since the reader was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions that count.
    pub decisions: u64,
    /// Claims that count.
    pub claims: u64,
    /// Claims that came too late, or once more.
    pub stale_claims: u64,
    /// Decisions of an epoch that had ended.
    pub ghosts: u64,
    /// Decisions behind a gap.
    pub orphans: u64,
    /// Records that came once more.
    pub repeats: u64,
    /// Records that are not ours.
    pub foreign: u64,
}

/// Reads one partition of `facts` forward, below the durable end, through the one reading rule. Owned by one thread.
///
/// ```text
///  offsets   0     1      2   3   4       5       6        7   | durable end
///            root  claim  D1  D2  ghost   claim   garbage  D3  |  not shown
///  read:           x      x   x           x                x
///                                                            ^ checkpoint(): head, offset 8, digest of record 7
/// ```
pub struct FactsReader {
    place: Place,
    reader: Box<dyn Reader>,
    fold: Fold,
    counts: Counts,
    last: Option<Last>,
    scratch: Vec<Record>,
    stopped_at: Offset,
}

/// The last record read; digested only when a checkpoint is asked for.
enum Last {
    Digested(LastRecord),
    Value(Offset, Bytes),
}

impl FactsReader {
    /// A reader of `partition`. From a checkpoint it reads the record before it again and compares.
    pub fn open(
        log: &dyn Log,
        partition: Partition,
        start: Start<'_>,
        options: ReaderOptions,
    ) -> Result<FactsReader, ReaderError> {
        let place = Place { log_id: log.id(), partition, partitions: log.partitions() };
        let read = |source| ReaderError::Read { partition, source };
        let ReaderOptions { chain, known_max } = options;
        let (reader, fold, last) = match start {
            Start::Beginning => {
                let start = log.bounds(Topic::Facts, partition, View::Durable).map_err(read)?.start;
                let reader = log.reader(Topic::Facts, partition, start, View::Durable).map_err(read)?;
                (reader, Fold::new(place, chain, known_max), None)
            }
            Start::At(checkpoint) => {
                let reader = resume(log, place, checkpoint)?;
                let fold = Fold::from(place, chain, known_max, checkpoint.head);
                (reader, fold, Some(Last::Digested(checkpoint.last)))
            }
        };
        let stopped_at = reader.position();
        Ok(FactsReader {
            place,
            reader,
            fold,
            counts: Counts::default(),
            last,
            scratch: Vec::new(),
            stopped_at,
        })
    }

    /// Appends to `out` what counts of the records that can be read now, within `limit`; never waits. Returns how many
    /// records were read: 0 means that the durable end is reached. What counts before an alarm is still handed out;
    /// the next call gives the alarm, and so does each one after it.
    pub fn read(&mut self, limit: ReadLimit, out: &mut Vec<Folded>) -> Result<usize, ReaderError> {
        let partition = self.place.partition;
        self.read_each(limit, |fold, seen| out.extend(counted(partition, fold, seen)))
    }

    /// The same, but shows every record with its verdict, and the fold as it is after it.
    pub fn read_each(
        &mut self,
        limit: ReadLimit,
        mut each: impl FnMut(&Fold, Seen),
    ) -> Result<usize, ReaderError> {
        if let Some(alarm) = self.fold.stopped() {
            let (partition, alarm) = (self.place.partition, alarm.clone());
            return Err(ReaderError::Stopped { partition, offset: self.stopped_at, alarm });
        }
        let mut records = std::mem::take(&mut self.scratch);
        let read = self.reader.read(limit, &mut records);
        let count = records.len();
        for record in records.drain(..) {
            let (offset, value) = (record.offset, record.entry.value.clone());
            let seen = self.one(record);
            let stop = matches!(seen.verdict, Verdict::Stop(_));
            if stop {
                self.stopped_at = offset;
            } else {
                self.last = Some(Last::Value(offset, value));
            }
            each(&self.fold, seen);
            if stop {
                break;
            }
        }
        self.scratch = records;
        // What was read before the fault is handed out already; its position is that of the records.
        match read {
            Ok(()) => Ok(count),
            Err(source) => Err(ReaderError::Read { partition: self.place.partition, source }),
        }
    }

    /// The place after the last record read: everything handed out so far lies before it. `None` before the root, and
    /// after an alarm.
    pub fn checkpoint(&mut self) -> Option<Checkpoint> {
        if self.fold.stopped().is_some() {
            return None;
        }
        let head = self.fold.head()?;
        let last = match self.last.as_ref()? {
            Last::Digested(last) => *last,
            Last::Value(offset, value) => LastRecord { offset: *offset, digest: wire_digest(value) },
        };
        self.last = Some(Last::Digested(last));
        Some(Checkpoint { head, offset: self.reader.position(), last })
    }

    /// The head after the last record read; `None` before the root.
    pub fn head(&self) -> Option<Head> {
        self.fold.head()
    }

    /// The fold as it is after the last record read.
    pub fn fold(&self) -> &Fold {
        &self.fold
    }

    /// Why the partition stopped, if it did.
    pub fn stopped(&self) -> Option<&Alarm> {
        self.fold.stopped()
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Offset of the next record to read.
    pub fn position(&self) -> Offset {
        self.reader.position()
    }

    /// The partition that is read.
    pub fn partition(&self) -> Partition {
        self.place.partition
    }

    fn one(&mut self, record: Record) -> Seen {
        let (verdict, decoded) = match decode_facts_record(&record.entry.value, record.entry.fingerprint) {
            Ok((decoded, datum)) => {
                let verdict = self.fold.fold(RecordView::from(&decoded), &datum);
                (verdict, Some((decoded, datum)))
            }
            // An envelope that is not ours. One of ours that is broken is damage, and never stepped over.
            Err(
                Unreadable::TooLarge { .. }
                | Unreadable::UnknownSchema { .. }
                | Unreadable::OtherRecord { .. },
            ) => (Verdict::Foreign, None),
            Err(unreadable) => (self.fold.damaged(unreadable.to_string()), None),
        };
        self.counts.add(&verdict);
        Seen {
            offset: record.offset,
            appended_at: record.appended_at,
            verdict,
            record: decoded,
            trace: record.entry.trace,
        }
    }
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        let count = match verdict {
            Verdict::Counts => &mut self.decisions,
            Verdict::Claimed => &mut self.claims,
            Verdict::StaleClaim => &mut self.stale_claims,
            Verdict::Ghost => &mut self.ghosts,
            Verdict::Orphan => &mut self.orphans,
            Verdict::Repeat => &mut self.repeats,
            Verdict::Foreign => &mut self.foreign,
            Verdict::Root | Verdict::Stop(_) => return,
        };
        *count += 1;
    }
}

/// What a record says, if it counts; `fold` as it is after it.
pub fn counted(partition: Partition, fold: &Fold, seen: Seen) -> Option<Folded> {
    if !matches!(seen.verdict, Verdict::Counts | Verdict::Claimed) {
        return None;
    }
    let (record, datum) = seen.record?;
    let (seq, at, digest) = fold.stamp()?;
    let counted = match record {
        FactsRecord::Claim(claim) => Counted::Claim(claim),
        FactsRecord::Decision(decision) => Counted::Decision(decision),
        FactsRecord::Created(_) => return None,
    };
    let position = Position { partition, seq, at, offset: seen.offset };
    Some(Folded { position, appended_at: seen.appended_at, counted, datum, digest, trace: seen.trace })
}

/// A reader that stands at the checkpoint, on a log that still holds the record before it.
fn resume(log: &dyn Log, place: Place, checkpoint: &Checkpoint) -> Result<Box<dyn Reader>, ReaderError> {
    let partition = place.partition;
    if checkpoint.head.log_id != place.log_id {
        return Err(ReaderError::OtherLog { partition });
    }
    let offset = checkpoint.last.offset;
    let not_the_log = |found| ReaderError::NotTheLog { partition, offset, found };
    let read = |source| match source {
        ReadError::OutOfRange { .. } => not_the_log("the log does not reach there"),
        source => ReaderError::Read { partition, source },
    };
    let mut reader = log.reader(Topic::Facts, partition, offset, View::Durable).map_err(read)?;
    let mut records = Vec::new();
    reader.read(ReadLimit { records: 1, bytes: 1 }, &mut records).map_err(read)?;
    let Some(record) = records.first() else { return Err(not_the_log("the log ends there")) };
    if record.offset != offset {
        return Err(not_the_log("no record stands there"));
    }
    if wire_digest(&record.entry.value) != checkpoint.last.digest {
        return Err(not_the_log("another record stands there"));
    }
    Ok(reader)
}
