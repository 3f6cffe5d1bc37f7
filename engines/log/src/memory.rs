//! A log in memory, for the tests of everything above the seam.
//!
//! By default what it takes is durable at once. [`MemoryLog::manual`] leaves that to the test: accepted records
//! become durable when it says so, and [`MemoryLog::crash`] takes back the rest, a prefix over all topics
//! staying. A [`Fate`] for each record plays what a broker does on a bad day: lose, delay, repeat, not answer.

mod fate;
mod reader;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

pub use fate::{Fate, FateOf};

use crate::{
    Append, Bounds, Done, Entry, Log, LogId, Offset, Partition, ReadError, Reader, Record, Refused, Tick,
    Topic, Unclear, View,
};
use reader::MemoryReader;

/// What `appended_at` is stamped with: microseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A [`Log`] in memory. Clones share one log.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

struct Shared {
    id: LogId,
    partitions: u16,
    record_bytes_max: usize,
    manual: bool,
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    slots: Vec<Slot>,
    /// Accepted and not yet durable, in file order.
    pending: VecDeque<Pending>,
    late: VecDeque<(usize, Entry)>,
    fate: Option<FateOf>,
    refuse: VecDeque<Refused>,
    accepted: u64,
    durable: u64,
    closed: bool,
}

#[derive(Default)]
struct Slot {
    start: u64,
    records: Vec<Record>,
    durable: usize,
}

impl Slot {
    fn end(&self, view: View) -> u64 {
        let held = match view {
            View::Durable => self.durable,
            View::Accepted => self.records.len(),
        };
        self.start + held as u64
    }
}

struct Pending {
    slot: usize,
    offset: Offset,
    done: Option<Done>,
}

/// Answers to hand out once the lock is released.
type Answers = Vec<(Done, Result<Offset, Unclear>)>;

impl MemoryLog {
    /// Largest record (key, value and trace together) unless [`MemoryLog::with_record_bytes_max`] says otherwise.
    pub const RECORD_BYTES_MAX: usize = 1 << 20;
    /// Largest batch: as of the embedded log as it is opened by default.
    pub const BATCH_BYTES_MAX: usize = 16 << 20;

    /// A log whose records are durable as soon as they are taken. `clock` gives microseconds since the epoch.
    pub fn new(id: LogId, partitions: u16, clock: Clock) -> MemoryLog {
        MemoryLog::build(id, partitions, Self::RECORD_BYTES_MAX, false, clock)
    }

    /// A log whose records become durable when [`MemoryLog::make_durable`] says so.
    pub fn manual(id: LogId, partitions: u16, clock: Clock) -> MemoryLog {
        MemoryLog::build(id, partitions, Self::RECORD_BYTES_MAX, true, clock)
    }

    /// The same kind of log, empty, that takes records of at most `bytes`.
    pub fn with_record_bytes_max(self, bytes: usize) -> MemoryLog {
        let shared = &self.shared;
        MemoryLog::build(shared.id, shared.partitions, bytes, shared.manual, Arc::clone(&shared.clock))
    }

    fn build(id: LogId, partitions: u16, record_bytes_max: usize, manual: bool, clock: Clock) -> MemoryLog {
        let slots = (0..Topic::ALL.len() * usize::from(partitions)).map(|_| Slot::default()).collect();
        let state = Mutex::new(State { slots, ..State::default() });
        MemoryLog {
            shared: Arc::new(Shared {
                id,
                partitions,
                record_bytes_max,
                manual,
                clock,
                state,
                changed: Condvar::new(),
            }),
        }
    }

    /// From now on `fate` decides what becomes of each record; `None` keeps them all.
    pub fn set_fate(&self, fate: Option<FateOf>) {
        self.shared.state.lock().fate = fate;
    }

    /// The next append is refused with `refusal`; several calls queue up.
    pub fn refuse_next(&self, refusal: Refused) {
        self.shared.state.lock().refuse.push_back(refusal);
    }

    /// Records accepted and not yet durable.
    pub fn pending(&self) -> usize {
        self.shared.state.lock().pending.len()
    }

    /// Records held back by [`Fate::Late`] and [`Fate::KeepAndLate`].
    pub fn late(&self) -> usize {
        self.shared.state.lock().late.len()
    }

    /// Makes the oldest `records` accepted ones durable, in file order, and answers their `done` on this thread.
    pub fn make_durable(&self, records: usize) {
        let mut state = self.shared.state.lock();
        let answers = state.sync(records);
        self.publish(state, answers);
    }

    /// Makes everything accepted durable.
    pub fn make_all_durable(&self) {
        self.make_durable(usize::MAX);
    }

    /// Appends up to `records` of those that are late, oldest first; says how many there were.
    pub fn release_late(&self, records: usize) -> usize {
        let at = (self.shared.clock)();
        let mut state = self.shared.state.lock();
        let count = records.min(state.late.len());
        for _ in 0..count {
            let Some((slot, entry)) = state.late.pop_front() else { break };
            state.push(slot, at, entry, None);
        }
        let answers = self.sync_if_automatic(&mut state);
        self.publish(state, answers);
        count
    }

    /// What a crash and a restart leave: what is durable. What was pending is gone, its `done` gets [`Unclear`];
    /// what was late is gone too.
    pub fn crash(&self) {
        let mut state = self.shared.state.lock();
        for slot in &mut state.slots {
            slot.records.truncate(slot.durable);
        }
        state.late.clear();
        let answers = unclear(std::mem::take(&mut state.pending), "the log crashed");
        state.closed = false;
        self.publish(state, answers);
    }

    /// Refuses every later append with [`Refused::Closed`]; reads go on. [`MemoryLog::crash`] opens it again.
    pub fn close(&self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        let answers = unclear(std::mem::take(&mut state.pending), "the log was closed");
        self.publish(state, answers);
    }

    /// Drops the records of a partition below `before`, as retention does. Only durable ones can go.
    pub fn drop_before(&self, topic: Topic, partition: Partition, before: Offset) {
        let mut state = self.shared.state.lock();
        let slot = &mut state.slots[self.shared.slot(topic, partition)];
        let count =
            usize::try_from(before.0.saturating_sub(slot.start)).unwrap_or(usize::MAX).min(slot.durable);
        slot.records.drain(..count);
        slot.start += count as u64;
        slot.durable -= count;
    }

    /// Cuts a partition at `end` although it was durable: what a broker without `min.insync.replicas` does, and
    /// what a checkpoint must notice.
    pub fn cut(&self, topic: Topic, partition: Partition, end: Offset) {
        let mut state = self.shared.state.lock();
        let number = self.shared.slot(topic, partition);
        let slot = &mut state.slots[number];
        let keep =
            usize::try_from(end.0.saturating_sub(slot.start)).unwrap_or(usize::MAX).min(slot.records.len());
        slot.records.truncate(keep);
        slot.durable = slot.durable.min(keep);
        // What is still pending beyond the cut is gone with it.
        let (gone, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut state.pending).into_iter().partition(|p| p.slot == number && p.offset >= end);
        state.pending = kept;
        let answers = unclear(gone, "the log was cut");
        self.publish(state, answers);
    }

    fn sync_if_automatic(&self, state: &mut State) -> Answers {
        if self.shared.manual { Vec::new() } else { state.sync(usize::MAX) }
    }

    /// Wakes who waits, then answers; never with the lock held, so that a `done` may call the log.
    fn publish(&self, state: MutexGuard<'_, State>, answers: Answers) {
        drop(state);
        self.shared.changed.notify_all();
        for (done, answer) in answers {
            done(answer);
        }
    }
}

fn unclear(pending: VecDeque<Pending>, reason: &str) -> Answers {
    let dones = pending.into_iter().filter_map(|pending| pending.done);
    dones.map(|done| (done, Err(Unclear { reason: reason.to_owned() }))).collect()
}

impl State {
    fn push(&mut self, slot: usize, at: i64, entry: Entry, done: Option<Done>) {
        let held = &mut self.slots[slot];
        let offset = Offset(held.start + held.records.len() as u64);
        held.records.push(Record { offset, appended_at: at, entry });
        self.pending.push_back(Pending { slot, offset, done });
        self.accepted += 1;
    }

    fn sync(&mut self, records: usize) -> Answers {
        let mut answers = Vec::new();
        for _ in 0..records {
            let Some(Pending { slot, offset, done }) = self.pending.pop_front() else { break };
            self.slots[slot].durable += 1;
            self.durable += 1;
            answers.extend(done.map(|done| (done, Ok(offset))));
        }
        answers
    }

    /// Appends one record as its fate wants it; what is answered at once goes to `answers`.
    fn take(&mut self, slot: usize, at: i64, append: Append, answers: &mut Answers) {
        let Append { topic, partition, entry, done } = append;
        let fate = self.fate.as_mut().map_or(Fate::Keep, |fate| fate(topic, partition, &entry));
        let mut not_answered = |done: Option<Done>| {
            answers.extend(done.map(|done| (done, Err(Unclear { reason: "no answer in time".to_owned() }))));
        };
        match fate {
            Fate::Keep => self.push(slot, at, entry, done),
            Fate::Lost => not_answered(done),
            Fate::Late => {
                self.late.push_back((slot, entry));
                not_answered(done);
            }
            Fate::Twice => {
                self.push(slot, at, entry.clone(), done);
                self.push(slot, at, entry, None);
            }
            Fate::Unanswered => {
                self.push(slot, at, entry, None);
                not_answered(done);
            }
            Fate::KeepAndLate => {
                self.push(slot, at, entry.clone(), done);
                self.late.push_back((slot, entry));
            }
        }
    }
}

impl Shared {
    /// # Panics
    /// If the log has no such partition: the caller's mistake, not a state of the log.
    fn slot(&self, topic: Topic, partition: Partition) -> usize {
        assert!(
            partition.0 < self.partitions,
            "the log has {} partitions, not a {partition}",
            self.partitions
        );
        topic as usize * usize::from(self.partitions) + usize::from(partition.0)
    }

    fn bounds(&self, slot: usize, view: View) -> Bounds {
        let state = self.state.lock();
        let slot = &state.slots[slot];
        Bounds { start: Offset(slot.start), end: Offset(slot.end(view)) }
    }
}

fn size(entry: &Entry) -> usize {
    entry.key.len() + entry.value.len() + entry.trace.as_ref().map_or(0, |trace| trace.len())
}

impl Log for MemoryLog {
    fn id(&self) -> LogId {
        self.shared.id
    }

    fn partitions(&self) -> u16 {
        self.shared.partitions
    }

    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        let max = self.shared.record_bytes_max;
        if let Some(bytes) = batch.iter().map(|append| size(&append.entry)).find(|bytes| *bytes > max) {
            return Err(Refused::TooLarge { bytes, max });
        }
        let (bytes, max) = (batch.iter().map(|append| size(&append.entry)).sum(), Self::BATCH_BYTES_MAX);
        if bytes > max {
            return Err(Refused::TooLarge { bytes, max });
        }
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if let Some(refusal) = state.refuse.pop_front() {
            return Err(refusal);
        }
        let at = (self.shared.clock)();
        let mut answers = Vec::new();
        for append in batch {
            let slot = self.shared.slot(append.topic, append.partition);
            state.take(slot, at, append, &mut answers);
        }
        answers.extend(self.sync_if_automatic(&mut state));
        self.publish(state, answers);
        Ok(())
    }

    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError> {
        Ok(self.shared.bounds(self.shared.slot(topic, partition), view))
    }

    fn reader(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        view: View,
    ) -> Result<Box<dyn Reader>, ReadError> {
        let Bounds { start, end } = self.bounds(topic, partition, view)?;
        if from < start || from > end {
            return Err(ReadError::OutOfRange { topic, partition, offset: from, start, end });
        }
        Ok(Box::new(MemoryReader { log: self.clone(), topic, partition, next: from, view }))
    }

    fn tick(&self, view: View) -> Tick {
        self.shared.state.lock().tick(view)
    }

    fn wait(&self, view: View, since: Tick, timeout: Duration) -> Tick {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while state.tick(view) == since {
            if self.shared.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.tick(view)
    }
}

impl State {
    fn tick(&self, view: View) -> Tick {
        match view {
            View::Durable => Tick(self.durable),
            View::Accepted => Tick(self.accepted),
        }
    }
}

#[cfg(test)]
mod tests;
