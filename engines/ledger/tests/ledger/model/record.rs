//! A record of the model's `facts`: what the rule looks at, and no more.

use bytes::Bytes;
use mirabelle_domain::Digest;
use mirabelle_ledger::{DecisionView, FORMAT, Fold, RecordView, Verdict};
use mirabelle_log::LogId;
use mirabelle_schemas::record::{Claim, ClaimedHead, Cursor, LogCreated};

use super::variant::Variant;

/// The one log of the model.
pub(super) const LOG_ID: LogId = LogId([3; 16]);

/// One input: index of its topic and its offset there.
pub(super) type Input = (u8, u64);

/// The inputs that a state is made of, in order: four bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Basis(pub(super) u64);

impl Basis {
    pub(super) fn and(self, (topic, offset): Input) -> Basis {
        Basis(self.0 << 4 | (1 + u64::from(topic) * 8 + offset))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Rec {
    Root,
    Claim { epoch: u64, claim: u64, head: (u64, u64, Digest) },
    Decision { epoch: u64, claim: u64, seq: u64, at: i64, prev: Digest, input: Input, basis: Basis },
}

impl Rec {
    /// Bytes that stand for the record's Avro datum: different records have different ones.
    pub(super) fn datum(&self) -> Bytes {
        let mut out = Vec::with_capacity(72);
        let mut put = |number: u64| out.extend_from_slice(&number.to_le_bytes());
        match *self {
            Rec::Root => put(0),
            Rec::Claim { epoch, claim, head } => {
                [1, epoch, claim, head.0, head.1].into_iter().for_each(put);
                out.extend_from_slice(&head.2.0);
            }
            Rec::Decision { epoch, claim, seq, at, prev, input, basis } => {
                let input = u64::from(input.0) << 8 | input.1;
                [2, epoch, claim, seq, at as u64, input, basis.0].into_iter().for_each(put);
                out.extend_from_slice(&prev.0);
            }
        }
        out.into()
    }

    /// Hands the record, as a reader would see it, to `with`.
    pub(super) fn view<R>(&self, with: impl FnOnce(RecordView<'_>) -> R) -> R {
        match *self {
            Rec::Root => {
                let (log_id, format) = (LOG_ID.0, FORMAT);
                with(RecordView::Created(&LogCreated { log_id, partition: 0, partitions: 1, format, at: 0 }))
            }
            Rec::Claim { epoch, claim, head: (of, seq, digest) } => with(RecordView::Claim(&Claim {
                epoch,
                claim,
                owner: String::new(),
                build: String::new(),
                domain_revision: 1,
                head: ClaimedHead { epoch: of, seq, digest },
            })),
            Rec::Decision { epoch, claim, seq, at, prev, input, .. } => {
                let cursor = Cursor { topic: input.0, offset: input.1 };
                with(RecordView::Decision(DecisionView { epoch, claim, seq, at, cursor, prev_digest: prev }))
            }
        }
    }

    /// What the rule looks at, if it is a decision.
    pub(super) fn decision(&self) -> Option<DecisionView> {
        self.view(|view| match view {
            RecordView::Decision(decision) => Some(decision),
            _ => None,
        })
    }

    /// Folds the record by the real rule, bent as the variant has it.
    pub(super) fn fold(&self, fold: &mut Fold, variant: Variant) -> Verdict {
        let datum = self.datum();
        let head = fold.head();
        let verdict = self.view(|view| fold.fold(variant.bend(view, head.as_ref()), &datum));
        variant.judge(verdict)
    }

    pub(super) fn epoch(&self) -> u64 {
        match *self {
            Rec::Root => 0,
            Rec::Claim { epoch, .. } | Rec::Decision { epoch, .. } => epoch,
        }
    }
}
