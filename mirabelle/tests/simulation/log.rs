//! The log of the simulation, in memory. Two kinds:
//!
//! * **broker**: each partition of each topic has a high watermark of its own, which lags; nothing above it is ever
//!   shown. A record may be lost, land late and behind newer ones, land twice, or land with its answer lost.
//! * **disk**: one file order over all topics, as the embedded log has it. What is accepted can be read before it is
//!   durable, and a crash keeps a prefix of it.
//!
//! Nothing waits and nothing happens by itself: answers, durability and late records come when the world says so.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mirabelle_log::{
    Append, Bounds, Done, Entry, Log, LogId, Offset, Partition, ReadError, ReadLimit, Reader, Record,
    Refused, Tick, Topic, Unclear, View,
};
use mirabelle_schemas::decode_command;
use mirabelle_schemas::record::CommandRecord;
use parking_lot::Mutex;

use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Broker,
    Disk,
}

/// How often what goes wrong, per mille of the records or batches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) lost: usize,
    pub(crate) late: usize,
    pub(crate) twice: usize,
    pub(crate) unanswered: usize,
    pub(crate) refused: usize,
}

/// A log; clones share it.
#[derive(Clone)]
pub(crate) struct SimLog {
    kind: Kind,
    partitions: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    slots: Vec<Slot>,
    /// Of a disk: what is accepted and not durable, in file order.
    order: VecDeque<usize>,
    late: Vec<(usize, Entry)>,
    answers: Vec<(Done, Result<Offset, Unclear>)>,
    weather: Weather,
    chance: Chance,
    now: i64,
    changes: u64,
}

#[derive(Default)]
struct Slot {
    records: Vec<Record>,
    durable: usize,
    /// Of what is not durable yet.
    waiting: VecDeque<Option<Done>>,
    /// This leader's clock beside the true one.
    skew: i64,
}

pub(crate) const LOG_ID: LogId = LogId(*b"a simulated log.");

fn unclear() -> Result<Offset, Unclear> {
    Err(Unclear { reason: "no answer in time".to_owned() })
}

impl SimLog {
    pub(crate) fn new(kind: Kind, partitions: u16, mut chance: Chance) -> SimLog {
        let count = Topic::ALL.len() * usize::from(partitions);
        // Leaders of a cluster keep their clocks within a second.
        let skews: Vec<i64> = (0..count).map(|_| chance.between(-400_000, 400_000)).collect();
        let skew = |slot: usize| if kind == Kind::Broker { skews[slot] } else { 0 };
        let slots = (0..count).map(|slot| Slot { skew: skew(slot), ..Slot::default() }).collect();
        let state = State {
            slots,
            order: VecDeque::new(),
            late: Vec::new(),
            answers: Vec::new(),
            weather: Weather::default(),
            chance,
            now: 0,
            changes: 0,
        };
        SimLog { kind, partitions, state: Arc::new(Mutex::new(state)) }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn set_now(&self, now: i64) {
        self.state.lock().now = now;
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    /// Some of what is accepted becomes durable.
    pub(crate) fn advance(&self) {
        let state = &mut *self.state.lock();
        match self.kind {
            Kind::Broker => {
                let slot = state.chance.below(state.slots.len());
                let pending = state.slots[slot].records.len() - state.slots[slot].durable;
                let count = if pending == 0 { 0 } else { 1 + state.chance.below(pending) };
                (0..count).for_each(|_| state.make_durable(slot));
            }
            Kind::Disk => {
                let count = state.chance.below(state.order.len() + 1);
                for _ in 0..count {
                    let Some(slot) = state.order.pop_front() else { break };
                    state.make_durable(slot);
                }
            }
        }
    }

    /// Everything accepted becomes durable.
    pub(crate) fn advance_all(&self) {
        let state = &mut *self.state.lock();
        state.order.clear();
        for slot in 0..state.slots.len() {
            while state.slots[slot].durable < state.slots[slot].records.len() {
                state.make_durable(slot);
            }
        }
    }

    /// Hands out up to `count` answers, in any order.
    pub(crate) fn answer(&self, count: usize) {
        for _ in 0..count {
            let mut state = self.state.lock();
            if state.answers.is_empty() {
                return;
            }
            let count = state.answers.len();
            let place = state.chance.below(count);
            let (done, outcome) = state.answers.swap_remove(place);
            drop(state);
            done(outcome);
        }
    }

    /// One of the late records lands.
    pub(crate) fn land(&self) {
        let state = &mut *self.state.lock();
        if state.late.is_empty() {
            return;
        }
        let place = state.chance.below(state.late.len());
        let (slot, entry) = state.late.swap_remove(place);
        state.push(slot, entry, None);
    }

    pub(crate) fn late(&self) -> usize {
        self.state.lock().late.len()
    }

    /// Of a disk: the process dies, what was not durable is gone.
    pub(crate) fn crash(&self) {
        let state = &mut *self.state.lock();
        for slot in &mut state.slots {
            slot.records.truncate(slot.durable);
            slot.waiting.clear();
        }
        state.order.clear();
        state.answers.clear();
    }

    /// Ends of every partition of every topic: equal twice means that nothing was appended between.
    pub(crate) fn ends(&self) -> Vec<usize> {
        self.state.lock().slots.iter().map(|slot| slot.records.len()).collect()
    }

    /// A durable record.
    pub(crate) fn record(&self, topic: Topic, partition: u16, offset: u64) -> Option<Record> {
        let state = self.state.lock();
        let slot = &state.slots[self.slot(topic, Partition(partition))];
        let place = usize::try_from(offset).ok()?;
        slot.records[..slot.durable].get(place).cloned()
    }

    /// Every readable record of the inputs.
    pub(crate) fn commands(&self) -> Vec<CommandRecord> {
        let partitions = (0..self.partitions).map(Partition);
        let places = partitions.flat_map(|partition| Topic::INPUTS.map(|topic| self.slot(topic, partition)));
        let state = self.state.lock();
        let records = places.flat_map(|slot| &state.slots[slot].records);
        let decoded = records.map(|record| decode_command(&record.entry.value, record.entry.fingerprint));
        decoded.filter_map(|decoded| Some(decoded.ok()?.0)).collect()
    }

    fn slot(&self, topic: Topic, partition: Partition) -> usize {
        topic as usize * usize::from(self.partitions) + usize::from(partition.0)
    }
}

impl State {
    fn make_durable(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        let offset = slot.records[slot.durable].offset;
        slot.durable += 1;
        self.changes += 1;
        if let Some(done) = slot.waiting.pop_front().flatten() {
            self.answers.push((done, Ok(offset)));
        }
    }

    fn push(&mut self, number: usize, entry: Entry, done: Option<Done>) {
        let slot = &mut self.slots[number];
        let offset = Offset(slot.records.len() as u64);
        slot.records.push(Record { offset, appended_at: self.now + slot.skew, entry });
        slot.waiting.push_back(done);
        self.order.push_back(number);
        self.changes += 1;
    }

    fn take(&mut self, slot: usize, append: Append) {
        let Append { entry, done, .. } = append;
        let Weather { lost, late, twice, unanswered, .. } = self.weather;
        let dice = self.chance.below(1_000);
        let mut silent = |done: Option<Done>| self.answers.extend(done.map(|done| (done, unclear())));
        if dice < lost {
            silent(done);
        } else if dice < lost + late {
            silent(done);
            self.late.push((slot, entry));
        } else if dice < lost + late + twice {
            if self.chance.one_in(2) {
                self.late.push((slot, entry.clone()));
                self.push(slot, entry, done);
            } else {
                self.push(slot, entry.clone(), done);
                self.push(slot, entry, None);
            }
        } else if dice < lost + late + twice + unanswered {
            silent(done);
            self.push(slot, entry, None);
        } else {
            self.push(slot, entry, done);
        }
    }
}

impl Log for SimLog {
    fn id(&self) -> LogId {
        LOG_ID
    }

    fn partitions(&self) -> u16 {
        self.partitions
    }

    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        let state = &mut *self.state.lock();
        if state.chance.per_mille(state.weather.refused) {
            let full = Refused::Full { queued_bytes: 4_711 };
            return Err(if state.chance.one_in(2) { Refused::NoRoom } else { full });
        }
        for append in batch {
            let slot = self.slot(append.topic, append.partition);
            state.take(slot, append);
        }
        Ok(())
    }

    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError> {
        let state = self.state.lock();
        let slot = &state.slots[self.slot(topic, partition)];
        let end = match (view, self.kind) {
            (View::Accepted, Kind::Disk) => slot.records.len(),
            (View::Durable, _) | (View::Accepted, Kind::Broker) => slot.durable,
        };
        Ok(Bounds { start: Offset(0), end: Offset(end as u64) })
    }

    fn reader(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        view: View,
    ) -> Result<Box<dyn Reader>, ReadError> {
        let Bounds { start, end } = self.bounds(topic, partition, view)?;
        if from > end {
            return Err(ReadError::OutOfRange { topic, partition, offset: from, start, end });
        }
        Ok(Box::new(SimReader { log: self.clone(), topic, partition, next: from, view }))
    }

    fn tick(&self, _: View) -> Tick {
        Tick(self.state.lock().changes)
    }

    fn wait(&self, view: View, _: Tick, _: Duration) -> Tick {
        self.tick(view)
    }
}

struct SimReader {
    log: SimLog,
    topic: Topic,
    partition: Partition,
    next: Offset,
    view: View,
}

impl Reader for SimReader {
    fn read(&mut self, limit: ReadLimit, out: &mut Vec<Record>) -> Result<(), ReadError> {
        let end = self.log.bounds(self.topic, self.partition, self.view)?.end;
        let state = self.log.state.lock();
        let slot = &state.slots[self.log.slot(self.topic, self.partition)];
        while self.next < end && out.len() < limit.records {
            let Some(record) = slot.records.get(usize::try_from(self.next.0).unwrap_or(usize::MAX)) else {
                break;
            };
            out.push(record.clone());
            self.next = self.next.next();
        }
        Ok(())
    }

    fn position(&self) -> Offset {
        self.next
    }
}
