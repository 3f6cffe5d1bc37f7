//! A small decider: it decides that an input was there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mirabelle_log::{Log, Reader, Refused, Topic, View};

use super::bent::Random;
use super::{ALL, COMMANDS, PLACE, decision};
use crate::append::{Gate, Prepared};
use crate::owner::{Attempt, Effect, Now, Owner, OwnerOptions};
use crate::reader::{FactsReader, ReaderOptions, Start};
use crate::seen::Seen;
use crate::view::RecordView;

/// Decisions made at one time.
const BATCH: usize = 7;

pub(super) struct Contender {
    log: Arc<dyn Log>,
    reader: FactsReader,
    owner: Owner,
    gate: Gate,
    unclear: Receiver<Attempt>,
    inputs: Option<Box<dyn Reader>>,
    queue: VecDeque<u64>,
    /// Inputs decided, by what was read back.
    confirmed: u64,
    /// Seq and input of what is in flight.
    overlay: VecDeque<(u64, u64)>,
    held: Vec<Prepared>,
    random: Random,
    began: Instant,
    /// Seq and input of what it has answered.
    pub(super) answered: Vec<(u64, u64)>,
    pub(super) owned: usize,
}

impl Contender {
    pub(super) fn new(log: &Arc<dyn Log>, number: u64) -> Contender {
        let (tell, unclear) = channel();
        let told = Arc::new(std::sync::Mutex::new(tell));
        let on_unclear = Arc::new(move |attempt| {
            // The contender may have gone.
            told.lock().expect("nobody panics with it").send(attempt).ok();
        });
        let mut options = OwnerOptions::new(format!("contender-{number}"), "suite".to_owned(), 1);
        (options.backoff_min, options.backoff_max, options.silence_max) = (1_000, 20_000, 500_000);
        // Whatever clock the engine's test has.
        options.clock_off_max = i64::MAX / 4;
        options.in_flight_max = 3 * BATCH;
        let began = Instant::now();
        let mut owner = Owner::new(options, now(began));
        owner.assigned(now(began));
        let reader = FactsReader::open(&**log, PLACE, Start::Beginning, ReaderOptions::default());
        Contender {
            log: Arc::clone(log),
            reader: reader.expect("facts can be read"),
            owner,
            gate: Gate::new(Arc::clone(log), PLACE, Gate::BYTES_MAX, on_unclear),
            unclear,
            inputs: None,
            queue: VecDeque::new(),
            confirmed: 0,
            overlay: VecDeque::new(),
            held: Vec::new(),
            random: Random(number),
            began,
            answered: Vec::new(),
            owned: 0,
        }
    }

    /// Works until `inputs` are decided; panics when that takes longer than `patience`.
    pub(super) fn work(&mut self, inputs: u64, patience: Duration) {
        while self.confirmed < inputs {
            assert!(self.began.elapsed() < patience, "{} of {inputs} inputs decided", self.confirmed);
            let tick = self.log.tick(View::Durable);
            if !self.turn() {
                self.log.wait(View::Durable, tick, Duration::from_millis(5));
            }
        }
    }

    fn turn(&mut self) -> bool {
        let now = now(self.began);
        let mut seen = Vec::new();
        let (reader, owner) = (&mut self.reader, &mut self.owner);
        let read = reader.read_each(ALL, |fold, record| {
            let mut effects = Vec::new();
            owner.read_back(now, fold, record.read_back(), &mut effects);
            seen.push((record, effects));
        });
        let read = read.expect("nothing is corrupt here");
        for (record, effects) in seen {
            effects.into_iter().for_each(|effect| self.effect(effect, Some(&record)));
        }
        let mut effects = Vec::new();
        while let Ok(attempt) = self.unclear.try_recv() {
            self.owner.unclear(attempt, now, &mut effects);
        }
        self.owner.tick(now, self.reader.fold(), self.random.draw(), &mut effects);
        effects.into_iter().for_each(|effect| self.effect(effect, None));
        self.decide(now);
        read > 0
    }

    fn decide(&mut self, now: Now) {
        while self.held.len() < BATCH {
            let Some(turn) = self.owner.turn(now) else { break };
            let Some(offset) = self.next_input() else { break };
            let before = self.confirmed + self.overlay.len() as u64;
            let prepared = self.gate.prepare(&decision(&turn, offset, before), None).expect("it is small");
            assert!(self.owner.decided(&turn, prepared.digest(), prepared.bytes(), now));
            self.overlay.push_back((prepared.seq(), offset));
            self.held.push(prepared);
        }
        match self.gate.append(&self.held) {
            Ok(()) => self.held.clear(),
            Err(Refused::Full { .. }) => self.owner.held_back(now),
            Err(refused) => panic!("the log takes nothing: {refused}"),
        }
    }

    fn next_input(&mut self) -> Option<u64> {
        if self.queue.is_empty() {
            let mut records = Vec::new();
            self.inputs.as_mut()?.read(ALL, &mut records).expect("inputs can be read");
            self.queue.extend(records.iter().map(|record| record.offset.0));
        }
        self.queue.pop_front()
    }

    fn effect(&mut self, effect: Effect, record: Option<&Seen>) {
        match effect {
            Effect::Append(claim) => {
                if self.gate.claim(&claim).is_err() {
                    let mut effects = Vec::new();
                    self.owner.claim_refused(Attempt::of(&claim), now(self.began), &mut effects);
                    assert!(effects.is_empty(), "a claim in flight has no overlay");
                }
            }
            Effect::Rewind(next) => {
                let reader = self.log.reader(Topic::Commands, PLACE, next[COMMANDS], View::Durable);
                self.inputs = Some(reader.expect("inputs can be read"));
                self.queue.clear();
                self.owned += 1;
                assert_eq!(next[COMMANDS].0, self.confirmed);
            }
            Effect::Confirmed(seq) => {
                let (own, offset) = self.overlay.pop_front().expect("what is confirmed was in flight");
                assert_eq!((own, offset), (seq, self.confirmed));
                self.answered.push((seq, offset));
                self.confirmed += 1;
            }
            Effect::Evolve(seq) => {
                let (record, _) = record.and_then(|seen| seen.record.as_ref()).expect("a record was read");
                let RecordView::Decision(decision) = RecordView::from(record) else { panic!("{record:?}") };
                assert_eq!((decision.seq, decision.cursor.offset), (seq, self.confirmed));
                self.confirmed += 1;
            }
            Effect::DropOverlay(_) => {
                self.overlay.clear();
                self.held.clear();
                self.queue.clear();
                self.inputs = None;
            }
            // Contenders that are all assigned fight: that many claims are told is right.
            Effect::Alarm(crate::OwnerAlarm::ClaimStorm { .. }) => {}
            Effect::Alarm(alarm) => panic!("nothing is corrupt here: {alarm}"),
        }
    }
}

fn now(began: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).expect("within the years of i64");
    Now { wall: micros(wall), monotonic: micros(began.elapsed()) }
}
