//! What the rule and the owner do, case by case.

mod clocks;
mod fold;
mod gate;
mod owner;
mod past;
mod reader;
mod stops;

use bytes::Bytes;
use mirabelle_domain::Digest;
use mirabelle_log::{LogId, Partition};
use mirabelle_schemas::digest;
use mirabelle_schemas::record::{Claim, ClaimedHead, Cursor, LogCreated};

use crate::{Chain, DecisionView, FORMAT, Fold, Head, Place, RecordView, Verdict};

const LOG: LogId = LogId([0xa1; 16]);
const PLACE: Place = Place { log_id: LOG, partition: Partition(3), partitions: 8 };

fn root() -> LogCreated {
    LogCreated { log_id: LOG.0, partition: 3, partitions: 8, format: FORMAT, at: 1_041 }
}

fn new_fold() -> Fold {
    Fold::new(PLACE, Chain::Verify, 64)
}

/// Bytes that stand for a record's datum: different records have different ones.
fn datum(view: RecordView<'_>) -> Bytes {
    Bytes::from(format!("{view:?}"))
}

fn fold(fold: &mut Fold, view: RecordView<'_>) -> Verdict {
    fold.fold(view, &datum(view))
}

/// A fold that has read the root.
fn rooted() -> Fold {
    let mut fold = new_fold();
    let root = root();
    assert_eq!(fold.fold(RecordView::Created(&root), &datum(RecordView::Created(&root))), Verdict::Root);
    fold
}

fn head(fold: &Fold) -> Head {
    fold.head().unwrap()
}

/// A claim on a head.
fn claim_on(head: &Head, claim: u64) -> Claim {
    Claim {
        epoch: head.epoch + 1,
        claim,
        owner: "decider-0".to_owned(),
        build: "0.1.0".to_owned(),
        domain_revision: 1,
        head: ClaimedHead { epoch: head.epoch, seq: head.seq, digest: head.digest },
    }
}

fn claim(fold_: &mut Fold, claim: u64) -> Verdict {
    let claim = claim_on(&head(fold_), claim);
    fold(fold_, RecordView::Claim(&claim))
}

/// The decision that follows on a head, of an input at the offset after the last one's.
fn next(head: &Head) -> DecisionView {
    DecisionView {
        epoch: head.epoch,
        claim: head.claim,
        seq: head.seq + 1,
        at: head.at + 7,
        cursor: Cursor { topic: 1, offset: head.next[1].0 },
        prev_digest: head.digest,
    }
}

/// The decision after that one.
fn after(decision: &DecisionView) -> DecisionView {
    DecisionView {
        seq: decision.seq + 1,
        at: decision.at + 7,
        cursor: Cursor { topic: 1, offset: decision.cursor.offset + 1 },
        prev_digest: digest_of(decision),
        ..*decision
    }
}

fn digest_of(decision: &DecisionView) -> Digest {
    digest(&datum(RecordView::Decision(*decision)))
}

fn decide(fold_: &mut Fold, decision: DecisionView) -> Verdict {
    fold(fold_, RecordView::Decision(decision))
}
