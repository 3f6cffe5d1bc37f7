//! An exhaustive model of who owns a partition (DESIGN §3, PROTOCOL).
//!
//! It runs the code that ships, not a copy: [`mirabelle_ledger::Fold`] decides what counts, for the contenders and for
//! readers from every position; [`mirabelle_ledger::Owner`] decides when to claim, to decide and to forget; the digests
//! are those of `mirabelle_schemas`. What the model adds is the world around them: a log to which records come late,
//! never, twice and in any order (`State::net`), processes that stop at any moment and go on or start again
//! (`contender.rs`), timeouts that come whenever they like, two topics of inputs. `truth.rs` says what must hold.
//!
//! A record that never lands is lost; there is no action for it. Records become durable as they land: what a log loses
//! below its high watermark no protocol above it can save (PROTOCOL C9).

mod contender;
mod record;
mod runs;
mod truth;
mod variant;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use mirabelle_schemas::digest;
use stateright::{Model, Property};

use contender::Contender;
use record::Rec;
use truth::{Broken, Promise, Truth};
use variant::Variant;

/// Bounds of one run.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    variant: Variant,
    contenders: usize,
    /// Claims made by all together.
    claims: u8,
    /// Inputs of each topic.
    inputs: [u64; 2],
    /// Records that land twice.
    repeats: u8,
    /// Processes started again, from a snapshot or from nothing.
    restarts: u8,
    /// Records in flight that can only become ghosts are forgotten: for the larger runs.
    forget_ghosts: bool,
    /// Whether each state is asked for a way on.
    way_on: bool,
}

#[derive(Clone, Debug)]
struct State {
    truth: Arc<Truth>,
    /// Handed to the log, neither landed nor known to be lost; sorted.
    net: Vec<Rec>,
    contenders: Vec<Arc<Contender>>,
    claims: u8,
    repeats: u8,
    restarts: u8,
    broken: Broken,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // All that the truth holds is made of the log.
        (&self.truth.log, &self.net, &self.contenders, self.claims, self.repeats, self.restarts).hash(hasher);
        self.broken.hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        let of = |state: &State| stateright_fingerprint(state);
        of(self) == of(other)
    }
}

fn stateright_fingerprint(state: &State) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    /// A contender claims.
    Claim(usize),
    /// A contender reads the next record.
    Read(usize),
    /// A contender decides the next input of a topic.
    Decide(usize, u8),
    /// A contender gives up what it handed to the log.
    Unclear(usize),
    /// A process ends and starts again from a snapshot of where it was.
    Restart(usize),
    /// A process ends and starts again with nothing.
    Fresh(usize),
    /// A record in flight lands.
    Land(usize),
    /// A record in flight lands, and will land once more, or not.
    LandAndStay(usize),
}

impl Model for Bounds {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let contenders = (0..self.contenders).map(|name| Arc::new(Contender::fresh(name))).collect();
        let state = State {
            truth: Arc::new(Truth::begun()),
            net: Vec::new(),
            contenders,
            claims: 0,
            repeats: 0,
            restarts: 0,
            broken: Broken::default(),
        };
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // Of a broken state nothing more is asked.
        if state.broken.any() {
            return;
        }
        for (i, contender) in state.contenders.iter().enumerate() {
            if contender.position < state.truth.log.len() {
                actions.push(Action::Read(i));
            }
            if contender.wants_to_claim() && state.claims < self.claims && contender.position > 0 {
                actions.push(Action::Claim(i));
            }
            if contender.owns() {
                actions.extend([Action::Decide(i, 0), Action::Decide(i, 1)]);
            }
            if contender.is_waiting() {
                actions.push(Action::Unclear(i));
            }
            if state.restarts < self.restarts {
                actions.extend([Action::Restart(i), Action::Fresh(i)]);
            }
        }
        for (i, rec) in state.net.iter().enumerate() {
            // Two equal records are one choice.
            if i == 0 || state.net[i - 1] != *rec {
                actions.push(Action::Land(i));
                if state.repeats < self.repeats {
                    actions.push(Action::LandAndStay(i));
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Claim(i) => {
                state.claims += 1;
                let named = self.variant == Variant::NamedOwner;
                let random = if named { 77 } else { u64::from(state.claims) };
                let rec = Arc::make_mut(&mut state.contenders[i]).claim(random)?;
                state.hand_over(rec);
            }
            Action::Read(i) => {
                let State { truth, contenders, broken, .. } = &mut state;
                Arc::make_mut(&mut contenders[i]).read(truth, self.variant, broken);
            }
            Action::Decide(i, topic) => {
                let rec = Arc::make_mut(&mut state.contenders[i]).decide(topic, self.inputs)?;
                state.hand_over(rec);
            }
            Action::Unclear(i) => Arc::make_mut(&mut state.contenders[i]).unclear(self.variant),
            Action::Restart(i) => {
                state.restarts += 1;
                state.contenders[i] = Arc::new(state.contenders[i].restarted(self.variant)?);
            }
            Action::Fresh(i) => {
                state.restarts += 1;
                state.contenders[i] = Arc::new(Contender::fresh(i));
            }
            Action::Land(i) => {
                let rec = state.net.remove(i);
                state.land(rec, self);
            }
            Action::LandAndStay(i) => {
                state.repeats += 1;
                let rec = state.net[i];
                state.land(rec, self);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Bounds>> {
        fn kept(promise: Promise, state: &State) -> bool {
            !state.broken.has(promise)
        }
        let mut properties = vec![
            Property::always("S1: no input is decided twice", |_, s| kept(Promise::S1, s)),
            Property::always("S2: no answered decision is dropped", |_, s| kept(Promise::S2, s)),
            Property::always("S3: readers agree", |_, s| kept(Promise::S3, s)),
            Property::always("S4: no input is skipped", |_, s| kept(Promise::S4, s)),
            Property::always("S5: decided on the state that counts", |_, s| kept(Promise::S5, s)),
            Property::always("S6: nothing halts without corruption", |_, s| kept(Promise::S6, s)),
            Property::sometimes("all inputs are decided", |m: &Bounds, s: &State| s.all_decided(m)),
        ];
        if self.way_on {
            properties.push(Property::always("there is always a way on", |m: &Bounds, s: &State| {
                s.has_a_way_on(m)
            }));
        }
        properties
    }
}

impl State {
    fn hand_over(&mut self, rec: Rec) {
        let place = self.net.binary_search(&rec).unwrap_or_else(|place| place);
        self.net.insert(place, rec);
    }

    fn land(&mut self, rec: Rec, bounds: &Bounds) {
        let truth = Arc::make_mut(&mut self.truth);
        truth.land(rec, bounds.variant);
        self.broken = truth.broken;
        if let (Variant::AnswerOnAck, Some(decision)) = (bounds.variant, rec.decision()) {
            let stands = self.truth.stands(decision.seq, digest(&rec.datum()));
            self.broken.note(Promise::S2, !stands);
        }
        if bounds.forget_ghosts {
            let epoch = self.truth.fold.head().map_or(0, |head| head.epoch);
            self.net.retain(|rec| match rec {
                Rec::Claim { .. } => rec.epoch() > epoch,
                Rec::Decision { .. } | Rec::Root => rec.epoch() >= epoch,
            });
        }
    }

    fn all_decided(&self, bounds: &Bounds) -> bool {
        self.truth.decided.len() as u64 == bounds.inputs.iter().sum::<u64>()
    }

    /// Whether each contender, left alone with a log that works, decides what is left: once all that is in flight is
    /// lost, and once it has landed.
    fn has_a_way_on(&self, bounds: &Bounds) -> bool {
        let mut landed = self.clone();
        for rec in std::mem::take(&mut landed.net) {
            landed.land(rec, bounds);
        }
        let mut lost = self.clone();
        lost.net.clear();
        [lost, landed].iter().all(|state| (0..self.contenders.len()).all(|i| state.heals(bounds, i)))
    }

    fn heals(&self, bounds: &Bounds, i: usize) -> bool {
        let mut state = self.clone();
        // What is in flight is all that a timeout can be about; after it, claim, read, decide, read.
        for round in 0..6 {
            while state.contenders[i].position < state.truth.log.len() {
                let Some(next) = bounds.next_state(&state, Action::Read(i)) else { return false };
                state = next;
            }
            if state.broken.any() || state.all_decided(bounds) {
                // A broken promise has a property of its own.
                return true;
            }
            let contender = &state.contenders[i];
            if contender.wants_to_claim() {
                let random = 1_000 + round;
                let Some(rec) = Arc::make_mut(&mut state.contenders[i]).claim(random) else { return false };
                state.land(rec, bounds);
            } else if contender.is_waiting() {
                Arc::make_mut(&mut state.contenders[i]).unclear(bounds.variant);
            } else {
                for topic in [0, 1] {
                    while let Some(rec) = Arc::make_mut(&mut state.contenders[i]).decide(topic, bounds.inputs)
                    {
                        state.land(rec, bounds);
                    }
                }
            }
        }
        false
    }
}
