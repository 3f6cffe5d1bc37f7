//! The near past of a head: what tells a repeat from a conflict, and a claim of this history from one of another.

use std::collections::VecDeque;

use mirabelle_domain::Digest;

use crate::head::Head;

/// Digests of the last decisions and claims that counted. What is older is believed: it can't be told.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Most decisions, and most claims, that are remembered.
    bound: usize,
    /// Where the reader started: of heads before it nothing is known.
    start: (u64, u64),
    start_digest: Digest,
    /// Seq of `decisions[0]`.
    first_seq: u64,
    decisions: VecDeque<(u64, Digest)>,
    /// Epoch of `claims[0]`.
    first_epoch: u64,
    claims: VecDeque<(u64, Digest)>,
}

/// What is known of a head that a claim names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// It was here.
    Was,
    /// It lies before what is remembered.
    TooOld,
    /// It never was here.
    NeverWas,
}

impl Known {
    /// What a reader knows that starts at `head`.
    pub(crate) fn from(head: &Head, bound: usize) -> Known {
        Known {
            bound: bound.max(1),
            start: (head.epoch, head.seq),
            start_digest: head.digest,
            first_seq: head.seq + 1,
            decisions: VecDeque::new(),
            first_epoch: head.epoch + 1,
            claims: VecDeque::new(),
        }
    }

    /// A decision counted; its seq follows the last one's.
    pub(crate) fn decided(&mut self, epoch: u64, digest: Digest) {
        if self.decisions.len() == self.bound {
            self.decisions.pop_front();
            self.first_seq += 1;
        }
        self.decisions.push_back((epoch, digest));
    }

    /// A claim counted at `seq`; its epoch follows the last one's.
    pub(crate) fn claimed(&mut self, seq: u64, digest: Digest) {
        if self.claims.len() == self.bound {
            self.claims.pop_front();
            self.first_epoch += 1;
        }
        self.claims.push_back((seq, digest));
    }

    /// The digest of the decision that counted with this seq, if it is remembered.
    pub(crate) fn decision(&self, seq: u64) -> Option<Digest> {
        Some(self.at(seq)?.1)
    }

    fn at(&self, seq: u64) -> Option<(u64, Digest)> {
        let place = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        self.decisions.get(place).copied()
    }

    /// Whether the head was ever at `(epoch, seq)` with this digest. The caller has seen that neither lies beyond the
    /// present head.
    pub(crate) fn named(&self, epoch: u64, seq: u64, digest: Digest) -> Named {
        let was = |known: Digest| if known == digest { Named::Was } else { Named::NeverWas };
        if (epoch, seq) == self.start {
            return was(self.start_digest);
        }
        // Both only rise: a head with one of them below the start's was before the start, or nowhere.
        if epoch < self.start.0 || seq < self.start.1 {
            return if epoch > self.start.0 || seq > self.start.1 { Named::NeverWas } else { Named::TooOld };
        }
        let claim = epoch.checked_sub(self.first_epoch).and_then(|place| usize::try_from(place).ok());
        match (claim.and_then(|place| self.claims.get(place)), self.at(seq)) {
            (Some((claimed_at, known)), _) if *claimed_at == seq => was(*known),
            (Some((claimed_at, _)), _) if *claimed_at > seq => Named::NeverWas,
            (_, Some((of, known))) if of == epoch => was(known),
            // Seq was reached in a later epoch only, or before an epoch whose claim is remembered at another seq.
            (_, Some((of, _))) if of > epoch => Named::NeverWas,
            (Some(_), Some(_)) => Named::NeverWas,
            (_, _) => Named::TooOld,
        }
    }
}
