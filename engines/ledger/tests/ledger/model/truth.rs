//! What a reader from the beginning makes of the log, and whether the promises hold there.

use mirabelle_domain::Digest;
use mirabelle_ledger::{Chain, Fold, Head, Place, Verdict};
use mirabelle_log::Partition;
use mirabelle_schemas::digest;

use super::record::{Basis, Input, LOG_ID, Rec};
use super::variant::Variant;

/// A promise of the protocol, as PROTOCOL numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Promise {
    /// No input is decided twice.
    S1 = 1,
    /// No answered decision is dropped.
    S2 = 2,
    /// All readers agree, wherever they start.
    S3 = 4,
    /// No input is skipped.
    S4 = 8,
    /// A decision that counts was decided on the state that counts.
    S5 = 16,
    /// Nothing halts where nothing is corrupt.
    S6 = 32,
}

/// Promises that do not hold, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Broken(u8);

impl Broken {
    pub(super) fn note(&mut self, promise: Promise, broken: bool) {
        self.0 |= if broken { promise as u8 } else { 0 };
    }

    pub(super) fn has(self, promise: Promise) -> bool {
        self.0 & promise as u8 != 0
    }

    pub(super) fn any(self) -> bool {
        self.0 != 0
    }
}

/// The log, and the fold of it from its beginning.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) log: Vec<Rec>,
    pub(super) fold: Fold,
    trusting: Fold,
    /// The head after each record.
    pub(super) heads: Vec<Option<Head>>,
    /// Whether each record counts.
    pub(super) counts: Vec<bool>,
    /// The inputs of the decisions that count, in order.
    pub(super) decided: Vec<Input>,
    basis: Basis,
    /// Seq and digest of the decisions that count.
    stood: Vec<(u64, Digest)>,
    pub(super) broken: Broken,
}

pub(super) fn new_fold(chain: Chain) -> Fold {
    Fold::new(PLACE, chain, 64)
}

pub(super) fn fold_from(head: Head) -> Fold {
    Fold::from(PLACE, Chain::Verify, 64, head)
}

const PLACE: Place = Place { log_id: LOG_ID, partition: Partition(0), partitions: 1 };

impl Truth {
    pub(super) fn begun() -> Truth {
        let mut truth = Truth {
            log: Vec::new(),
            fold: new_fold(Chain::Verify),
            trusting: new_fold(Chain::Trust),
            heads: Vec::new(),
            counts: Vec::new(),
            decided: Vec::new(),
            basis: Basis::default(),
            stood: Vec::new(),
            broken: Broken::default(),
        };
        truth.land(Rec::Root, Variant::Real);
        truth
    }

    /// A record appears at the end of the log.
    pub(super) fn land(&mut self, rec: Rec, variant: Variant) {
        let verdict = rec.fold(&mut self.fold, variant);
        let counts = matches!(verdict, Verdict::Counts | Verdict::Claimed);
        self.log.push(rec);
        self.heads.push(self.fold.head());
        self.counts.push(counts);
        // That a gap halts is that variant's own: what follows from it is that nothing goes on.
        let halts = matches!(verdict, Verdict::Stop(_)) && variant != Variant::HaltAtGap;
        self.broken.note(Promise::S6, halts);
        if let (true, Rec::Decision { seq, input, basis, .. }) = (counts, rec) {
            let before = self.decided.iter().filter(|(topic, _)| *topic == input.0).count() as u64;
            self.broken.note(Promise::S1, self.decided.contains(&input));
            self.broken.note(Promise::S4, input.1 > before);
            self.broken.note(Promise::S5, basis != self.basis);
            self.decided.push(input);
            self.basis = self.basis.and(input);
            self.stood.push((seq, digest(&rec.datum())));
        }
        if variant.looks_at_readers() && !self.broken.has(Promise::S6) {
            let agrees = rec.fold(&mut self.trusting, variant) == verdict;
            let agree = agrees && (0..self.log.len() - 1).all(|start| self.agrees_from(start, variant));
            self.broken.note(Promise::S3, !agree);
        }
    }

    /// Whether a decision that somebody was told of is one that counts.
    pub(super) fn stands(&self, seq: u64, digest: Digest) -> bool {
        self.stood.contains(&(seq, digest))
    }

    /// Whether a reader that starts behind record `start`, with what an index holds for it, comes to the same end.
    fn agrees_from(&self, start: usize, variant: Variant) -> bool {
        let Some(head) = self.heads[start] else { return true };
        let first = self.log[start + 1..].iter().find_map(Rec::decision);
        let mut fold = fold_from(variant.indexed(head, first));
        let mut last = Verdict::Root;
        for rec in &self.log[start + 1..] {
            last = rec.fold(&mut fold, variant);
        }
        let counts = matches!(last, Verdict::Counts | Verdict::Claimed);
        let stops = matches!(last, Verdict::Stop(_));
        counts == self.counts[self.log.len() - 1]
            && !stops
            && (variant != Variant::Real || fold.head() == self.fold.head())
    }
}
