//! What a reader hands out.

use bytes::Bytes;
use mirabelle_domain::Digest;
use mirabelle_log::{Offset, Partition};
use mirabelle_schemas::record::{Claim, Decision, FactsRecord};

use crate::fold::{Fold, Verdict};
use crate::owner::ReadBack;
use crate::view::RecordView;

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
    /// The head's digest after it; `None` for a decision under [`Chain::Trust`](crate::Chain::Trust).
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

/// A record that counts, whose texts and bodies still lie in the log's bytes: for who needs little of it, fast.
#[derive(Clone, Debug)]
pub struct FoldedView<'a> {
    /// Where it stands.
    pub position: Position,
    /// When the log took it, microseconds.
    pub appended_at: i64,
    /// What it says.
    pub counted: CountedView<'a>,
    /// Its Avro datum, without the wire header.
    pub datum: &'a [u8],
    /// The head's digest after it; `None` for a decision under [`Chain::Trust`](crate::Chain::Trust).
    pub digest: Option<Digest>,
}

/// What counts, as a view.
#[derive(Clone, Debug)]
pub enum CountedView<'a> {
    /// An owner has taken the partition.
    Claim(&'a Claim),
    /// An input was decided.
    Decision(&'a mirabelle_schemas::DecisionView<'a>),
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

impl Counts {
    pub(crate) fn add(&mut self, verdict: &Verdict) {
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
