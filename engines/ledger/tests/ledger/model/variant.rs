//! The protocol, and what becomes of it when a piece is left out.
//!
//! A broken variant bends what goes into the real rule and the real owner, or what comes out. None of it is in the code
//! that ships.

use mirabelle_ledger::{Alarm, DecisionView, Head, RecordView, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Variant {
    /// As it is.
    Real,
    /// A record is dropped only when its epoch has ended.
    EpochAlone,
    /// A claim is known by its owner's name: the pod `decider-0` and the pod that replaced it have one.
    NamedOwner,
    /// The answer goes out when the log acknowledges.
    AnswerOnAck,
    /// After an unclear append the owner goes on in its epoch and decides the seq again.
    DecideAgain,
    /// A snapshot holds what was in flight when it was taken.
    SpeculativeSnapshot,
    /// A reader that starts in the middle knows epoch and claim, and takes seq and digest from what it meets first.
    EpochIndex,
    /// A reader that starts in the middle does not know that an orphan has closed the epoch.
    IndexWithoutOpen,
    /// A checkpoint without input cursors: its owner goes on at the last cursor it knows, that is at the start.
    IndexWithoutCursors,
    /// A reader that meets a gap halts.
    HaltAtGap,
}

impl Variant {
    /// What the rule gets to see.
    pub(super) fn bend<'a>(self, view: RecordView<'a>, head: Option<&Head>) -> RecordView<'a> {
        let (Variant::EpochAlone, RecordView::Decision(decision), Some(head)) = (self, view, head) else {
            return view;
        };
        if decision.epoch != head.epoch {
            return view;
        }
        // All else that the rule looks at is made to fit.
        let mut cursor = decision.cursor;
        cursor.offset = cursor.offset.max(head.next[usize::from(cursor.topic)].0);
        RecordView::Decision(DecisionView {
            epoch: head.epoch,
            claim: head.claim,
            seq: head.seq + 1,
            at: decision.at.max(head.at + 1),
            cursor,
            prev_digest: head.digest,
        })
    }

    /// What the rule is understood to have said.
    pub(super) fn judge(self, verdict: Verdict) -> Verdict {
        match (self, verdict) {
            (Variant::HaltAtGap, Verdict::Orphan) => Verdict::Stop(Alarm::NoRoot),
            (_, verdict) => verdict,
        }
    }

    /// Whether readers that start in the middle are looked at: who drops by epoch alone has nothing to agree
    /// on, and who halts agrees to that.
    pub(super) fn looks_at_readers(self) -> bool {
        !matches!(self, Variant::EpochAlone | Variant::HaltAtGap)
    }

    /// The head that an index of this kind hands to a reader that starts in the middle. `first` is the first decision
    /// that it meets.
    pub(super) fn indexed(self, head: Head, first: Option<DecisionView>) -> Head {
        match (self, first) {
            (Variant::EpochIndex, Some(first)) if first.epoch == head.epoch => {
                Head { seq: first.seq - 1, digest: first.prev_digest, at: first.at - 1, ..head }
            }
            (Variant::IndexWithoutOpen, _) => Head { open: true, ..head },
            (Variant::IndexWithoutCursors, _) => Head { next: Default::default(), ..head },
            _ => head,
        }
    }
}
