//! The reader of `facts`: every role that follows the log reads it through this and nothing else.

use bytes::Bytes;
use mirabelle_log::{Log, Offset, Partition, ReadError, ReadLimit, Reader, Record, Topic, View};
use mirabelle_schemas::{FactsView, Unreadable, decode_facts_record, peek_facts_record, reserved_id};

use crate::alarm::Alarm;
use crate::error::ReaderError;
use crate::fold::{Chain, Fold, Place, Verdict, wire_digest};
use crate::head::{Checkpoint, Head, LastRecord};
use crate::seen::{CountedView, Counts, Folded, FoldedView, Position, Seen, counted};
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
        self.drive(limit, |fold, record| {
            let (verdict, decoded) = match decode_facts_record(&record.entry.value, record.entry.fingerprint)
            {
                Ok((decoded, datum)) => {
                    (fold.fold(RecordView::from(&decoded), &datum), Some((decoded, datum)))
                }
                Err(unreadable) => (not_readable(fold, &record.entry.value, &unreadable), None),
            };
            let seen = Seen {
                offset: record.offset,
                appended_at: record.appended_at,
                verdict: verdict.clone(),
                record: decoded,
                trace: record.entry.trace.clone(),
            };
            each(fold, seen);
            verdict
        })
    }

    /// The same as [`FactsReader::read`], but shows each record that counts as it lies in the log, copying nothing but its
    /// account's name: for replays that look at little of each decision.
    pub fn read_views(
        &mut self,
        limit: ReadLimit,
        mut each: impl FnMut(FoldedView<'_>),
    ) -> Result<usize, ReaderError> {
        let partition = self.place.partition;
        self.drive(limit, |fold, record| {
            let value = &record.entry.value;
            let (view, datum) = match peek_facts_record(value, record.entry.fingerprint) {
                Ok(peeked) => peeked,
                Err(unreadable) => return not_readable(fold, value, &unreadable),
            };
            let verdict = fold.fold(RecordView::from(&view), &value.slice_ref(datum));
            let counted = match &view {
                FactsView::Claim(claim) if verdict == Verdict::Claimed => CountedView::Claim(claim),
                FactsView::Decision(one) if verdict == Verdict::Counts => CountedView::Decision(one),
                _ => return verdict,
            };
            if let Some((seq, at, digest)) = fold.stamp() {
                let position = Position { partition, seq, at, offset: record.offset };
                each(FoldedView { position, appended_at: record.appended_at, counted, datum, digest });
            }
            verdict
        })
    }

    /// Reads once, and hands each record to `one` until one stops the fold.
    fn drive(
        &mut self,
        limit: ReadLimit,
        mut one: impl FnMut(&mut Fold, &Record) -> Verdict,
    ) -> Result<usize, ReaderError> {
        let partition = self.place.partition;
        if let Some(alarm) = self.fold.stopped() {
            return Err(ReaderError::Stopped { partition, offset: self.stopped_at, alarm: alarm.clone() });
        }
        let mut records = std::mem::take(&mut self.scratch);
        let read = self.reader.read(limit, &mut records);
        let count = records.len();
        for record in &records {
            let verdict = one(&mut self.fold, record);
            self.counts.add(&verdict);
            if matches!(verdict, Verdict::Stop(_)) {
                self.stopped_at = record.offset;
                break;
            }
        }
        if let Some(last) = records.last() {
            // After an alarm nobody gets a checkpoint.
            self.last = Some(Last::Value(last.offset, last.entry.value.clone()));
        }
        records.clear();
        self.scratch = records;
        // What was read before the fault is handed out already; its position is that of the records.
        match read {
            Ok(()) => Ok(count),
            Err(source) => Err(ReaderError::Read { partition, source }),
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
}

/// A record that is not ours is dropped. One in an envelope of ours that is broken is damage, and one in an envelope that only
/// a newer build knows may be a decision (PROTOCOL M8): neither is ever stepped over.
fn not_readable(fold: &mut Fold, value: &Bytes, unreadable: &Unreadable) -> Verdict {
    match (unreadable, reserved_id(value)) {
        (Unreadable::TooLarge { .. } | Unreadable::UnknownSchema { .. }, Some(schema)) => {
            fold.newer(schema, unreadable.to_string())
        }
        (
            Unreadable::TooLarge { .. } | Unreadable::UnknownSchema { .. } | Unreadable::OtherRecord { .. },
            _,
        ) => Verdict::Foreign,
        (broken, _) => fold.damaged(broken.to_string()),
    }
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
