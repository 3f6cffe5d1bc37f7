//! The loop around a follower's step function: one thread that reads every partition, appends what the core sends,
//! and keeps the core's state with the places it has read to.
//!
//! A checkpoint holds what is still owed, so it may be written at any time: what was sent and not answered yet is
//! sent again after a restart, under the same ids.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::{Fact, Name};
use mirabelle_ledger::{Checkpoint, Counted, Folded};
use mirabelle_log::{Log, Partition, ReadLimit, View};
use mirabelle_schemas::decode_fact;
use mirabelle_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::core::{Core, Fault, Seen, derived};
use crate::followed::Followed;
use crate::metrics::{Measured, Metrics};
use crate::outbox::Outbox;

/// Bounds of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most records read of a partition before the others have their turn.
    pub records_max: usize,
    /// Longest time between two checkpoints while there is something to write.
    pub checkpoint_every: Duration,
    /// Longest sleep.
    pub idle_max: Duration,
    /// Shortest time between the beginnings of two rounds that find something: under load, what comes within it is read
    /// at one go instead of waking the thread for each group of the log. The first of a pause is read at once.
    pub gather: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            records_max: 2_000,
            checkpoint_every: Duration::from_secs(2),
            idle_max: Duration::from_millis(200),
            gather: Duration::from_millis(2),
        }
    }
}

/// Why a follower stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The role's checkpoint could not be read or written.
    #[error("{role} can't keep its place")]
    Cursor {
        /// The role.
        role: &'static str,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// The role itself can't go on.
    #[error("{role} can't go on")]
    Core {
        /// The role.
        role: &'static str,
        /// The cause.
        #[source]
        source: Fault,
    },
}

/// Why a partition has stopped: a fact that the role has to know is of a newer release.
#[derive(Debug, thiserror::Error)]
#[error("the role has to know a fact at seq {seq} that it can't read")]
struct UnknownFact {
    seq: u64,
    #[source]
    source: mirabelle_schemas::Unreadable,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    places: Vec<Checkpoint>,
    core: Vec<u8>,
}

/// A follower at work.
pub struct Follower<C> {
    core: C,
    log: Arc<dyn Log>,
    store: Arc<dyn Store>,
    options: Options,
    role: Name,
    partitions: Vec<Followed>,
    unsent: Outbox,
    measured: Option<Measured>,
    changed: bool,
    checkpointed: Instant,
    checkpoint_took: Duration,
    facts: Vec<(u16, Fact)>,
}

impl<C: Core> Follower<C> {
    /// Opens a follower where its last checkpoint left it, or at the beginning.
    pub fn open(
        log: Arc<dyn Log>,
        store: Arc<dyn Store>,
        core: C,
        options: Options,
    ) -> Result<Follower<C>, Error> {
        let role: Name = derived(core.role());
        let mut follower = Follower {
            core,
            log,
            store,
            options,
            role,
            partitions: Vec::new(),
            unsent: Outbox::default(),
            measured: None,
            changed: false,
            checkpointed: Instant::now(),
            checkpoint_took: Duration::ZERO,
            facts: Vec::new(),
        };
        follower.open_partitions()?;
        Ok(follower)
    }

    /// The same follower, measured.
    pub fn measured(mut self, metrics: &Metrics) -> Follower<C> {
        self.measured = Some(metrics.of(self.core.role()));
        self
    }

    /// The step function's state.
    pub fn core(&mut self) -> &mut C {
        &mut self.core
    }

    fn open_partitions(&mut self) -> Result<(), Error> {
        let role = self.core.role();
        let saved = self.saved()?;
        let places = saved.as_ref().filter(|saved| self.core.restore(&saved.core)).map(|saved| &saved.places);
        if places.is_none() {
            info!(role, "folds the facts from their beginning");
        }
        for partition in (0..self.log.partitions()).map(Partition) {
            let place = places.and_then(|places| places.get(usize::from(partition.0)));
            self.partitions.push(Followed::open(self.log.as_ref(), partition, place, role));
        }
        Ok(())
    }

    fn saved(&self) -> Result<Option<Saved>, Error> {
        let role = self.core.role();
        let cursor = self.store.cursor(&self.role, Partition(0));
        let bytes = cursor.map_err(|source| Error::Cursor { role, source })?;
        let saved: Option<Saved> = bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        Ok(saved.filter(|saved| saved.places.len() == usize::from(self.log.partitions())))
    }

    /// Whether the ends found at the start have been reached, but for partitions that have stopped.
    pub fn caught_up(&self) -> bool {
        self.partitions.iter().all(Followed::is_caught_up)
    }

    /// How many partitions can't be read on.
    pub fn stopped_partitions(&self) -> usize {
        self.partitions.iter().filter(|partition| partition.is_stopped()).count()
    }

    /// Reads what there is, sends what is owed at `now` (microseconds). Returns whether there was anything.
    pub fn turn(&mut self, now: i64) -> Result<bool, Error> {
        let read: usize = (0..self.partitions.len()).map(|index| self.read(index)).sum();
        self.changed |= read > 0;
        let mut sent = 0;
        if self.caught_up() {
            // What the log has no room for is enough: more would be made twice.
            if self.unsent.is_empty() {
                let outgoing = self.core.act(now);
                self.check()?;
                self.unsent.put(outgoing);
            }
            sent = self.unsent.send(self.log.as_ref(), self.core.role());
        }
        self.measure(now);
        Ok(read > 0 || sent > 0)
    }

    fn check(&mut self) -> Result<(), Error> {
        let role = self.core.role();
        self.core.fault().map_or(Ok(()), |source| Err(Error::Core { role, source }))
    }

    fn measure(&self, now: i64) {
        let Some(measured) = &self.measured else { return };
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        measured.open.set(count(self.core.open()));
        measured.held.set(count(self.core.held()));
        measured.unsent.set(count(self.unsent.len()));
        measured.stopped.set(count(self.stopped_partitions()));
        let lag = self.partitions.iter().map(|partition| partition.lag(now)).max().unwrap_or(0);
        measured.lag.set(Duration::from_micros(lag.unsigned_abs()).as_secs_f64());
    }

    fn read(&mut self, index: usize) -> usize {
        let role = self.core.role();
        let limit = ReadLimit { records: self.options.records_max, bytes: 4 << 20 };
        let mut folded = Vec::new();
        let read = self.partitions[index].read(limit, &mut folded, role);
        if let Err(unknown) = folded.iter().try_for_each(|folded| self.see(folded)) {
            self.partitions[index].stop(&unknown, role);
        }
        read
    }

    fn see(&mut self, folded: &Folded) -> Result<(), UnknownFact> {
        let Counted::Decision(decision) = &folded.counted else { return Ok(()) };
        let position = folded.position;
        self.facts.clear();
        for (index, record) in (0u16..).zip(&decision.facts) {
            if self.core.cares(record.kind) {
                let fact = decode_fact(record).map_err(|source| UnknownFact { seq: position.seq, source })?;
                self.facts.push((index, fact));
            }
        }
        self.core.see(&Seen {
            partition: position.partition.0,
            seq: position.seq,
            accepted_at: decision.accepted_at,
            account: &decision.account,
            command_id: decision.command_id,
            facts: &self.facts,
        });
        Ok(())
    }

    /// Writes a checkpoint if there is something new and it is time, or if `now_or_never`.
    pub fn keep_place(&mut self, now_or_never: bool) -> Result<(), Error> {
        // A large state takes long to write: at most a twentieth of the time goes into it.
        let pause = self.options.checkpoint_every.max(self.checkpoint_took * 20);
        if !self.changed || !(now_or_never || self.checkpointed.elapsed() >= pause) {
            return Ok(());
        }
        let begun = Instant::now();
        // Where a partition has stopped, no place tells what of it is in the state: then the last checkpoint stays.
        let places: Option<Vec<Checkpoint>> = self.partitions.iter_mut().map(Followed::checkpoint).collect();
        let Some(places) = places else { return Ok(()) };
        let saved = Saved { places, core: self.core.save() };
        let bytes = postcard::to_stdvec(&saved).expect("a checkpoint is plain data");
        let role = self.core.role();
        self.store
            .put_cursor(&self.role, Partition(0), &bytes)
            .map_err(|source| Error::Cursor { role, source })?;
        self.changed = false;
        self.checkpointed = Instant::now();
        self.checkpoint_took = begun.elapsed();
        Ok(())
    }

    /// One turn, and the effects besides commands after it, which no history makes either: before the end that was found
    /// at the start nothing is known to be open still. Returns whether there was anything, and after how long `between`
    /// wants its next turn.
    pub fn round(
        &mut self,
        now: i64,
        between: &mut dyn FnMut(&mut C) -> Duration,
    ) -> Result<(bool, Duration), Error> {
        let busy = self.turn(now)?;
        let wanted = if self.caught_up() { between(&mut self.core) } else { Duration::MAX };
        self.check()?;
        Ok((busy, wanted))
    }

    /// Works until `stopped` says so. `now` gives microseconds; `between` runs after every turn: effects besides
    /// commands are made there. It returns after how long it wants its next turn at the latest, zero for at once.
    pub fn run(
        &mut self,
        stopped: &dyn Fn() -> bool,
        now: &dyn Fn() -> i64,
        between: &mut dyn FnMut(&mut C) -> Duration,
    ) -> Result<(), Error> {
        while !stopped() {
            let (tick, begun) = (self.log.tick(View::Durable), Instant::now());
            let (busy, wanted) = self.round(now(), between)?;
            self.keep_place(false)?;
            if wanted.is_zero() {
                continue;
            }
            if busy {
                std::thread::sleep(self.options.gather.saturating_sub(begun.elapsed()).min(wanted));
            } else {
                self.log.wait(View::Durable, tick, self.pause(now()).min(wanted));
            }
        }
        self.keep_place(true)
    }

    fn pause(&self, now: i64) -> Duration {
        if !self.unsent.is_empty() {
            // For room in the log: it ticks when it has written.
            return self.options.idle_max;
        }
        let until_due = self.core.next_due(now).map_or(i64::MAX, |due| due.saturating_sub(now).max(0));
        let until_due = Duration::from_micros(u64::try_from(until_due).unwrap_or(0));
        // What is due and can't be made yet must not spin.
        until_due.clamp(Duration::from_millis(1), self.options.idle_max)
    }
}
