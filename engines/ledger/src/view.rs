//! What the reading rule looks at.

use mirabelle_domain::Digest;
use mirabelle_schemas::FactsView;
use mirabelle_schemas::record::{Claim, Cursor, Decision, FactsRecord, LogCreated};

/// A record of `facts`, as far as the reading rule cares.
#[derive(Clone, Copy, Debug)]
pub enum RecordView<'a> {
    /// The root.
    Created(&'a LogCreated),
    /// A claim.
    Claim(&'a Claim),
    /// A decision.
    Decision(DecisionView),
}

/// What the reading rule looks at in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionView {
    /// Its epoch.
    pub epoch: u64,
    /// Its claim.
    pub claim: u64,
    /// Its seq.
    pub seq: u64,
    /// Its stamp, microseconds.
    pub at: i64,
    /// The input that it decided.
    pub cursor: Cursor,
    /// The head's digest that it was decided on.
    pub prev_digest: Digest,
}

impl From<&Decision> for DecisionView {
    fn from(decision: &Decision) -> DecisionView {
        DecisionView {
            epoch: decision.epoch,
            claim: decision.claim,
            seq: decision.seq,
            at: decision.at,
            cursor: decision.cursor,
            prev_digest: decision.prev_digest,
        }
    }
}

impl<'a> From<&'a FactsRecord> for RecordView<'a> {
    fn from(record: &'a FactsRecord) -> RecordView<'a> {
        match record {
            FactsRecord::Created(created) => RecordView::Created(created),
            FactsRecord::Claim(claim) => RecordView::Claim(claim),
            FactsRecord::Decision(decision) => RecordView::Decision(DecisionView::from(&**decision)),
        }
    }
}

impl<'a> From<&'a FactsView<'a>> for RecordView<'a> {
    fn from(view: &'a FactsView<'a>) -> RecordView<'a> {
        match view {
            FactsView::Created(created) => RecordView::Created(created),
            FactsView::Claim(claim) => RecordView::Claim(claim),
            FactsView::Decision(one) => RecordView::Decision(DecisionView {
                epoch: one.epoch,
                claim: one.claim,
                seq: one.seq,
                at: one.at,
                cursor: one.cursor,
                prev_digest: one.prev_digest,
            }),
        }
    }
}
