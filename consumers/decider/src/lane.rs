//! One partition with its readers: what the deciding thread does for it in one turn.

mod beside;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use mirabelle_ledger::{Attempt, FactsReader, Gate, Now, OnUnclear, ReaderError};
use mirabelle_log::{
    Append, Entry, Log, Offset, Partition as Number, ReadError, ReadLimit, Reader, Record, Refused, Topic,
    View,
};
use mirabelle_schemas::record::Claim;
use tracing::{error, info};

use crate::background::Job;
use crate::earlier::Earlier;
use crate::held::Held;
use crate::metrics::Metrics;
use crate::partition::{Effect, Partition};
use crate::retry::Retry;

/// What other threads tell a lane.
pub enum Told {
    /// Nobody knows what became of an append of this attempt.
    Unclear(Attempt),
    /// What became of a dead letter.
    DeadLetter((u8, Offset), bool),
    /// The index has the ids, or could not be given them.
    Indexed(bool),
    /// The snapshot was written, or could not be.
    Snapshotted,
}

/// Bounds of a lane's turn.
#[derive(Clone, Copy, Debug)]
pub struct LaneOptions {
    /// Most inputs decided in one turn.
    pub inputs_max: usize,
    /// Most records of the bulk lane between two of the interactive ones.
    pub bulk_between: usize,
    /// A snapshot after so many decisions.
    pub snapshot_decisions: u64,
    /// A snapshot after so long, if anything was decided, microseconds.
    pub snapshot_micros: i64,
}

impl Default for LaneOptions {
    fn default() -> LaneOptions {
        LaneOptions {
            inputs_max: 512,
            bulk_between: 8,
            snapshot_decisions: 100_000,
            snapshot_micros: 300_000_000,
        }
    }
}

/// Why a lane stopped.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// Facts can't be read on, or the reading rule has stopped.
    #[error(transparent)]
    Facts(#[from] ReaderError),
    /// Inputs can't be read.
    #[error("could not read the inputs")]
    Inputs(#[from] ReadError),
    /// The log takes nothing any more.
    #[error("the log is closed")]
    Closed,
    /// The index takes no ids: memory would grow without end, and no snapshot would shorten a start.
    #[error("the index of ids could not be written {attempts} times one after the other")]
    Index {
        /// How often it was tried.
        attempts: u32,
    },
    /// The thread beside the deciding one has ended.
    #[error("the decider's background thread has ended")]
    Background,
}

impl LaneError {
    /// Whether the whole process is to end: its other partitions would meet the same.
    pub fn is_fatal(&self) -> bool {
        matches!(self, LaneError::Index { .. } | LaneError::Background)
    }
}

/// A partition at work: one turn of it reads, decides and appends what there is. No thread, no clock.
pub struct Lane {
    pub(crate) number: Number,
    pub(crate) partition: Partition,
    assigned: bool,
    log: Arc<dyn Log>,
    facts: FactsReader,
    /// The end of `facts` found at the start: nothing is claimed before it is reached.
    end: Offset,
    inputs: Option<[Box<dyn Reader>; Topic::INPUTS.len()]>,
    queues: [VecDeque<Record>; Topic::INPUTS.len()],
    held: Held,
    /// Of the input that stands first: what it needs did not answer.
    input_retry: Retry,
    index_retry: Retry,
    gate: Gate,
    told: (Sender<Told>, Receiver<Told>),
    jobs: SyncSender<Job>,
    options: LaneOptions,
    metrics: Metrics,
    snapshotted: (u64, i64),
    snapshotting: bool,
    effects: Vec<Effect>,
}

impl Lane {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(crate) fn new(
        number: Number,
        partition: Partition,
        log: Arc<dyn Log>,
        facts: FactsReader,
        end: Offset,
        jobs: SyncSender<Job>,
        options: LaneOptions,
        metrics: Metrics,
    ) -> Lane {
        let seq = facts.head().map_or(0, |head| head.seq);
        let told = channel();
        let gate = gate(&log, number, &partition, told.0.clone());
        Lane {
            number,
            partition,
            assigned: false,
            log,
            facts,
            end,
            inputs: None,
            queues: Default::default(),
            held: Held::default(),
            input_retry: Retry::default(),
            index_retry: Retry::default(),
            gate,
            told,
            jobs,
            options,
            metrics,
            snapshotted: (seq, 0),
            snapshotting: false,
            effects: Vec::new(),
        }
    }

    /// Membership gives the partition.
    pub fn gained(&mut self) {
        self.assigned = true;
    }

    /// Membership will take the partition.
    pub fn losing(&mut self) {
        self.assigned = false;
        self.partition.leaving();
    }

    /// Membership has taken the partition.
    pub fn lost(&mut self) {
        self.assigned = false;
        self.partition.lost(&mut Vec::new());
    }

    /// The step function, for who wants to look at it.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// One turn. Returns whether anything happened.
    pub fn turn(&mut self, now: Now, random: u64) -> Result<bool, LaneError> {
        let mut busy = self.read_facts(now)?;
        busy |= self.hear(now)?;
        if self.assigned && self.partition.owner().settled() && self.facts.position() >= self.end {
            self.partition.assigned(now);
        }
        self.tick(now, random);
        self.carry_out(now)?;
        busy |= self.decide(now)?;
        self.background(now)?;
        Ok(busy)
    }

    fn tick(&mut self, now: Now, random: u64) {
        let (facts, partition, effects) = (&self.facts, &mut self.partition, &mut self.effects);
        partition.tick(now, facts.fold(), random, effects);
    }

    fn read_facts(&mut self, now: Now) -> Result<bool, LaneError> {
        let (partition, effects) = (&mut self.partition, &mut self.effects);
        let limit = ReadLimit { records: 4_096, bytes: 8 << 20 };
        let read = self.facts.read_each(limit, |fold, seen| partition.read_back(now, fold, &seen, effects));
        Ok(read? > 0)
    }

    fn hear(&mut self, now: Now) -> Result<bool, LaneError> {
        let mut any = false;
        while let Ok(told) = self.told.1.try_recv() {
            any = true;
            match told {
                Told::Unclear(attempt) => self.partition.unclear(attempt, now, &mut self.effects),
                Told::DeadLetter(of, durable) => {
                    self.partition.dead_letter_done(of, durable, now, &mut self.effects);
                }
                Told::Indexed(done) => self.indexed(done, now)?,
                Told::Snapshotted => self.snapshotting = false,
            }
        }
        Ok(any)
    }

    /// Decides what there is, within bounds, and appends it. What could not be decided or appended is no progress: the
    /// thread rests.
    fn decide(&mut self, now: Now) -> Result<bool, LaneError> {
        if !self.held.is_empty() {
            return self.append_held(now).map(|()| self.held.is_empty());
        }
        if !self.input_retry.is_due(now.monotonic) {
            return Ok(false);
        }
        let mut taken = 0;
        while taken < self.options.inputs_max && self.partition.wants_input(now) {
            let Some((topic, record)) = self.next_input(taken)? else { break };
            let past = Earlier { log: self.log.as_ref(), partition: self.number };
            if let Err(fault) = self.partition.input(&past, topic, &record, now, &mut self.effects) {
                // Nothing was decided: the input stays the next one.
                self.queues[usize::from(topic)].push_front(record);
                if self.input_retry.failed(now.monotonic) == 1 {
                    error!(partition = %self.number, error = &fault as &dyn std::error::Error, "an input waits");
                }
                break;
            }
            taken += 1;
            self.metrics.decision.observe((now.wall - record.appended_at).max(0) as f64 / 1e6);
            if self.input_retry.worked() {
                info!(partition = %self.number, "the input that waited is decided");
            }
        }
        self.carry_out(now)?;
        Ok(taken > 0)
    }

    /// The interactive topics first, and by turns: neither stands before the other. The bulk lane has its share even so.
    fn next_input(&mut self, taken: usize) -> Result<Option<(u8, Record)>, LaneError> {
        let bulk_first = taken % (self.options.bulk_between + 1) == self.options.bulk_between;
        let order: [u8; 3] = match (bulk_first, taken % 2) {
            (true, _) => [2, 1, 0],
            (false, 0) => [1, 0, 2],
            (false, _) => [0, 1, 2],
        };
        let Some(readers) = &mut self.inputs else { return Ok(None) };
        for topic in order {
            let queue = &mut self.queues[usize::from(topic)];
            if queue.is_empty() {
                let mut records = Vec::new();
                readers[usize::from(topic)].read(ReadLimit { records: 512, bytes: 1 << 20 }, &mut records)?;
                queue.extend(records);
            }
            if let Some(record) = queue.pop_front() {
                return Ok(Some((topic, record)));
            }
        }
        Ok(None)
    }

    fn carry_out(&mut self, now: Now) -> Result<(), LaneError> {
        let mut letters = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Claim(claim) => self.append_claim(&claim, now)?,
                Effect::Append(prepared) => self.held.push(prepared),
                Effect::AppendDeadLetter(of, entry) => letters.push((of, entry)),
                Effect::Rewind(next) => self.rewind(next)?,
                Effect::Alarm(alarm) => {
                    error!(partition = %self.number, error = &alarm as &dyn std::error::Error, "alarm");
                }
            }
        }
        letters.into_iter().for_each(|(of, letter)| self.append_dead_letter(of, letter));
        self.append_held(now)
    }

    fn rewind(&mut self, next: [Offset; Topic::INPUTS.len()]) -> Result<(), LaneError> {
        self.queues.iter_mut().for_each(VecDeque::clear);
        let open =
            |topic: usize| self.log.reader(Topic::INPUTS[topic], self.number, next[topic], View::Accepted);
        self.inputs = Some([open(0)?, open(1)?, open(2)?]);
        Ok(())
    }

    fn append_held(&mut self, now: Now) -> Result<(), LaneError> {
        self.held.keep_only(self.partition.owner().attempt());
        match self.held.append(&mut self.gate) {
            Ok(()) => {}
            Err(Refused::Closed) => return Err(LaneError::Closed),
            Err(Refused::TooLarge { bytes, max }) => {
                // Sizes are checked before: the log was opened with other bounds than the decider.
                error!(partition = %self.number, bytes, max, "the log takes no record of this size");
                return Err(LaneError::Closed);
            }
            Err(Refused::Full { .. } | Refused::NoRoom) => self.partition.held_back(now),
        }
        Ok(())
    }

    fn append_claim(&mut self, claim: &Claim, now: Now) -> Result<(), LaneError> {
        match self.gate.claim(claim) {
            Ok(()) => Ok(()),
            Err(Refused::Closed) => Err(LaneError::Closed),
            Err(_) => {
                self.partition.claim_refused(Attempt::of(claim), now, &mut self.effects);
                Ok(())
            }
        }
    }

    fn append_dead_letter(&mut self, of: (u8, Offset), entry: Entry) {
        let tell = self.told.0.clone();
        let done = Box::new(move |outcome: Result<Offset, _>| {
            tell.send(Told::DeadLetter(of, outcome.is_ok())).ok();
        });
        let append = Append { topic: Topic::DeadLetters, partition: self.number, entry, done: Some(done) };
        if self.log.append(vec![append]).is_err() {
            self.told.0.send(Told::DeadLetter(of, false)).ok();
        }
    }

    /// What the reader has counted.
    pub(crate) fn read_counts(&self) -> mirabelle_ledger::Counts {
        self.facts.counts()
    }

    /// When this lane wants a turn at the latest, on the monotonic clock.
    pub(crate) fn wake(&self) -> Option<i64> {
        let retries = [self.input_retry.wake(), self.index_retry.wake()];
        retries.into_iter().flatten().chain(self.partition.owner().wake()).min()
    }
}

/// The gate of a partition; of an unclear outcome it tells the lane, which may be gone.
fn gate(log: &Arc<dyn Log>, number: Number, partition: &Partition, tell: Sender<Told>) -> Gate {
    let on_unclear: OnUnclear = Arc::new(move |attempt| {
        tell.send(Told::Unclear(attempt)).ok();
    });
    Gate::new(Arc::clone(log), number, partition.record_bytes_max(), on_unclear)
}
