//! A process that wants to own the partition: the real fold and the real owner, and around them what a decider does.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use mirabelle_domain::Digest;
use mirabelle_ledger::{
    Chain, Effect, Fold, Head, Now, Owner, OwnerAlarm, OwnerOptions, ReadBack, Verdict, Why,
};
use mirabelle_schemas::digest;

use super::record::{Basis, Input, Rec};
use super::truth::{Broken, Promise, Truth, fold_from, new_fold};
use super::variant::Variant;

/// What a decider knows: the inputs that were decided, and where it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub(super) basis: Basis,
    pub(super) next: [u64; 2],
}

impl Known {
    fn and(self, input: Input) -> Known {
        let mut next = self.next;
        next[usize::from(input.0)] = input.1 + 1;
        Known { basis: self.basis.and(input), next }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Contender {
    /// Its clock never moves: a back-off of nothing, timeouts by choice.
    now: Now,
    fold: Fold,
    /// The next record of the log that it reads.
    pub(super) position: usize,
    owner: Owner,
    /// The fold of what was read back.
    confirmed: Known,
    /// Confirmed, and what is in flight.
    tip: Known,
    in_flight: VecDeque<(u64, Digest, Input)>,
    /// For [`Variant::DecideAgain`]: the owner with nothing in flight.
    settled: Option<Owner>,
}

impl Hash for Contender {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // The fold is that of the log up to `position`; of the owner, what it would do. Its back-off is nothing here.
        (self.now.wall, self.position, self.fold.head(), self.fold.stopped()).hash(hasher);
        let turn = self.owner.turn(self.now).map(|turn| (turn.attempt, turn.seq, turn.prev_digest, turn.at));
        (self.owner.attempt(), self.owner.owns(), turn, self.owner.settled()).hash(hasher);
        (self.confirmed, self.tip, &self.in_flight).hash(hasher);
    }
}

fn assigned(now: Now) -> Owner {
    let mut options = OwnerOptions::new(String::new(), String::new(), 1);
    (options.backoff_min, options.backoff_max) = (0, 0);
    let mut owner = Owner::new(options, now);
    owner.assigned(now);
    owner
}

impl Contender {
    /// One that has read nothing.
    pub(super) fn fresh(name: usize) -> Contender {
        let now = Now { wall: 3 * name as i64, monotonic: 0 };
        Contender {
            now,
            fold: new_fold(Chain::Verify),
            position: 0,
            owner: assigned(now),
            confirmed: Known::default(),
            tip: Known::default(),
            in_flight: VecDeque::new(),
            settled: None,
        }
    }

    /// The same process, started again from a snapshot of where it was; `None` before it has read the root.
    pub(super) fn restarted(&self, variant: Variant) -> Option<Contender> {
        let head: Head = variant.indexed(self.fold.head()?, None);
        let confirmed = if variant == Variant::SpeculativeSnapshot { self.tip } else { self.confirmed };
        Some(Contender {
            fold: fold_from(head),
            owner: assigned(self.now),
            confirmed,
            tip: confirmed,
            in_flight: VecDeque::new(),
            settled: None,
            ..self.clone()
        })
    }

    pub(super) fn wants_to_claim(&self) -> bool {
        self.owner.attempt().is_none() && !self.owner.settled()
    }

    /// It claims, if it has read the root.
    pub(super) fn claim(&mut self, random: u64) -> Option<Rec> {
        let mut effects = Vec::new();
        self.owner.tick(self.now, &self.fold, random, &mut effects);
        match effects.pop()? {
            Effect::Append(claim) => {
                let head = (claim.head.epoch, claim.head.seq, claim.head.digest);
                Some(Rec::Claim { epoch: claim.epoch, claim: claim.claim, head })
            }
            other => panic!("a tick that claims has one effect, not {other:?}"),
        }
    }

    /// Whether something that it handed to the log is not read back, so that a timeout may come.
    pub(super) fn is_waiting(&self) -> bool {
        self.owner.attempt().is_some() && (!self.owner.owns() || !self.in_flight.is_empty())
    }

    pub(super) fn owns(&self) -> bool {
        self.owner.owns()
    }

    /// It no longer believes that an append of its own will come to anything.
    pub(super) fn unclear(&mut self, variant: Variant) {
        if variant == Variant::DecideAgain && self.owner.owns() {
            self.owner = self.settled.clone().expect("an owner has a settled self");
            // Later, so that what it decides again differs.
            self.now.wall += 1;
            self.forget();
            return;
        }
        let mut effects = Vec::new();
        let attempt = self.owner.attempt().expect("asked before");
        self.owner.unclear(attempt, self.now, &mut effects);
        for effect in effects {
            assert_eq!(effect, Effect::DropOverlay(Why::Unclear));
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.in_flight.clear();
        self.tip = self.confirmed;
    }

    /// It decides the next input of a topic, if it may and there is one.
    pub(super) fn decide(&mut self, topic: u8, inputs: [u64; 2]) -> Option<Rec> {
        let turn = self.owner.turn(self.now)?;
        let offset = self.tip.next[usize::from(topic)];
        if offset >= inputs[usize::from(topic)] {
            return None;
        }
        let input = (topic, offset);
        let rec = Rec::Decision {
            epoch: turn.attempt.epoch,
            claim: turn.attempt.claim,
            seq: turn.seq,
            at: turn.at,
            prev: turn.prev_digest,
            input,
            basis: self.tip.basis,
        };
        let digest = digest(&rec.datum());
        assert!(self.owner.decided(&turn, digest, 1, self.now), "the turn was asked for just now");
        self.in_flight.push_back((turn.seq, digest, input));
        self.tip = self.tip.and(input);
        Some(rec)
    }

    /// It reads the next record of the log and does what its owner says.
    pub(super) fn read(&mut self, truth: &Truth, variant: Variant, broken: &mut Broken) {
        let (rec, stands) = (truth.log[self.position], truth.counts[self.position]);
        let verdict = rec.fold(&mut self.fold, variant);
        self.position += 1;
        broken.note(Promise::S3, matches!(verdict, Verdict::Counts | Verdict::Claimed) != stands);
        let mut effects = Vec::new();
        let (owner, fold, now) = (&mut self.owner, &self.fold, self.now);
        let again = variant == Variant::DecideAgain && verdict == Verdict::Orphan && owner.owns();
        if !again {
            rec.view(|view| {
                let read = ReadBack { verdict: &verdict, record: Some(view), appended_at: now.wall };
                owner.read_back(now, fold, read, &mut effects);
            });
        }
        for effect in effects {
            self.effect(effect, &rec, truth, variant, broken);
        }
        if again && self.is_mine(&rec) {
            self.unclear(variant);
        }
    }

    fn is_mine(&self, rec: &Rec) -> bool {
        let attempt = self.owner.attempt();
        rec.decision()
            .is_some_and(|own| attempt.is_some_and(|a| (a.epoch, a.claim) == (own.epoch, own.claim)))
    }

    fn effect(&mut self, effect: Effect, rec: &Rec, truth: &Truth, variant: Variant, broken: &mut Broken) {
        let told = rec.decision().map(|decision| (decision.seq, digest(&rec.datum())));
        let input = rec.decision().map(|decision| (decision.cursor.topic, decision.cursor.offset));
        match effect {
            Effect::Rewind(next) => {
                assert!(self.in_flight.is_empty(), "what was in flight is forgotten before the next claim");
                if variant != Variant::SpeculativeSnapshot {
                    self.confirmed.next = [next[0].0, next[1].0];
                }
                self.tip = self.confirmed;
                self.settled = Some(self.owner.clone());
            }
            Effect::Confirmed(seq) => {
                let (own, digest, input) = self.in_flight.pop_front().expect("confirmed what is in flight");
                assert_eq!((own, Some((seq, digest))), (seq, told));
                self.confirmed = self.confirmed.and(input);
                broken.note(Promise::S2, !truth.stands(seq, digest));
                if variant == Variant::DecideAgain {
                    self.settle(seq, digest, rec);
                }
            }
            Effect::Evolve(seq) => {
                let (input, told) = (input.expect("a decision"), told.expect("a decision"));
                assert_eq!(seq, told.0);
                self.confirmed = self.confirmed.and(input);
                self.tip = self.confirmed;
                broken.note(Promise::S2, !truth.stands(told.0, told.1));
            }
            Effect::DropOverlay(_) => self.forget(),
            Effect::Alarm(OwnerAlarm::Stopped(_) | OwnerAlarm::NotMine { .. }) => {
                // That a gap halts is the variant's own; what follows from it is that nothing goes on.
                broken.note(Promise::S6, variant != Variant::HaltAtGap);
            }
            Effect::Alarm(alarm) => panic!("no clock moves here, and claims are few: {alarm}"),
            Effect::Append(claim) => panic!("only a tick claims: {claim:?}"),
        }
    }

    /// Keeps the settled self at the confirmed tip.
    fn settle(&mut self, seq: u64, digest: Digest, rec: &Rec) {
        let (now, fold) = (self.now, &self.fold);
        let Some(settled) = &mut self.settled else { return };
        let turn = settled.turn(now).expect("it owns and has nothing in flight");
        assert_eq!(turn.seq, seq);
        let turn = mirabelle_ledger::Turn { at: rec.decision().map_or(turn.at, |own| own.at), ..turn };
        assert!(settled.decided(&turn, digest, 1, now));
        let mut effects = Vec::new();
        rec.view(|view| {
            let read = ReadBack { verdict: &Verdict::Counts, record: Some(view), appended_at: now.wall };
            settled.read_back(now, fold, read, &mut effects);
        });
        assert_eq!(effects, [Effect::Confirmed(seq)]);
    }
}
