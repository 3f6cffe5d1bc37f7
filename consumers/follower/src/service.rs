//! The loop around a follower's step function: one thread that reads every partition, appends what the core sends,
//! and keeps the core's state with the places it has read to.
//!
//! A checkpoint holds what is still owed, so it may be written at any time: what was sent and not answered yet is
//! sent again after a restart, under the same ids.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::{Fact, Name};
use mirabelle_ledger::{
    Checkpoint, Counted, FactsReader, Folded, ReaderError, ReaderOptions, Start, command_append,
};
use mirabelle_log::{Append, Log, Offset, Partition, ReadLimit, Refused, Topic, View};
use mirabelle_schemas::decode_fact;
use mirabelle_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::core::{Core, Outgoing, Seen, derived};

/// Bounds of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most records read of a partition before the others have their turn.
    pub records_max: usize,
    /// Longest time between two checkpoints while there is something to write.
    pub checkpoint_every: Duration,
    /// Longest sleep.
    pub idle_max: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            records_max: 2_000,
            checkpoint_every: Duration::from_secs(2),
            idle_max: Duration::from_millis(200),
        }
    }
}

/// Why a follower stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A partition of `facts` can't be read on.
    #[error("{role} can't read on")]
    Read {
        /// The role.
        role: &'static str,
        /// The cause.
        #[source]
        source: ReaderError,
    },
    /// The end of a partition could not be asked for.
    #[error("{role} can't find the end of partition {partition}")]
    Bounds {
        /// The role.
        role: &'static str,
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: mirabelle_log::ReadError,
    },
    /// The role's checkpoint could not be read or written.
    #[error("{role} can't keep its place")]
    Cursor {
        /// The role.
        role: &'static str,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// A fact that the role has to know is of a newer release.
    #[error("{role} meets a fact that it has to know and can't read, in partition {partition} at seq {seq}")]
    Fact {
        /// The role.
        role: &'static str,
        /// The partition.
        partition: Partition,
        /// The decision.
        seq: u64,
        /// The cause.
        #[source]
        source: mirabelle_schemas::Unreadable,
    },
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
    readers: Vec<FactsReader>,
    /// The ends found at the start: nothing is sent before they are reached.
    ends: Vec<Offset>,
    unsent: Vec<Outgoing>,
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
            readers: Vec::new(),
            ends: Vec::new(),
            unsent: Vec::new(),
            changed: false,
            checkpointed: Instant::now(),
            checkpoint_took: Duration::ZERO,
            facts: Vec::new(),
        };
        follower.open_readers()?;
        Ok(follower)
    }

    /// The step function's state.
    pub fn core(&mut self) -> &mut C {
        &mut self.core
    }

    fn open_readers(&mut self) -> Result<(), Error> {
        let role = self.core.role();
        let saved = self.saved()?;
        let places = saved.as_ref().filter(|saved| self.core.restore(&saved.core)).map(|saved| &saved.places);
        if places.is_none() {
            info!(role, "folds the facts from their beginning");
        }
        for number in 0..self.log.partitions() {
            let partition = Partition(number);
            let start = places.and_then(|places| places.get(usize::from(number)));
            let start = start.map_or(Start::Beginning, Start::At);
            let options = ReaderOptions::default();
            let reader = FactsReader::open(self.log.as_ref(), partition, start, options);
            self.readers.push(reader.map_err(|source| Error::Read { role, source })?);
            let bounds = self.log.bounds(Topic::Facts, partition, View::Durable);
            self.ends.push(bounds.map_err(|source| Error::Bounds { role, partition, source })?.end);
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

    /// Whether the ends found at the start have been reached.
    pub fn caught_up(&self) -> bool {
        self.readers.iter().zip(&self.ends).all(|(reader, end)| reader.position() >= *end)
    }

    /// Reads what there is, sends what is owed at `now` (microseconds). Returns whether there was anything.
    pub fn turn(&mut self, now: i64) -> Result<bool, Error> {
        let mut read = 0;
        for index in 0..self.readers.len() {
            read += self.read(index)?;
        }
        self.changed |= read > 0;
        let mut sent = false;
        if self.caught_up() {
            let outgoing = self.core.act(now);
            self.unsent.extend(outgoing);
            sent = !self.unsent.is_empty();
            self.send();
        }
        Ok(read > 0 || sent)
    }

    fn read(&mut self, index: usize) -> Result<usize, Error> {
        let role = self.core.role();
        let limit = ReadLimit { records: self.options.records_max, bytes: 4 << 20 };
        let mut folded = Vec::new();
        let read = self.readers[index].read(limit, &mut folded);
        let read = read.map_err(|source| Error::Read { role, source })?;
        folded.iter().try_for_each(|folded| self.see(folded))?;
        Ok(read)
    }

    fn see(&mut self, folded: &Folded) -> Result<(), Error> {
        let Counted::Decision(decision) = &folded.counted else { return Ok(()) };
        let position = folded.position;
        self.facts.clear();
        for (index, record) in (0u16..).zip(&decision.facts) {
            if self.core.cares(record.kind) {
                let fact = decode_fact(record).map_err(|source| Error::Fact {
                    role: self.core.role(),
                    partition: position.partition,
                    seq: position.seq,
                    source,
                })?;
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

    /// A full log keeps what is unsent; it is tried again at the next turn.
    fn send(&mut self) {
        let batch: Vec<Append> =
            self.unsent.iter().filter_map(|outgoing| self.append_of(outgoing.clone())).collect();
        if batch.is_empty() {
            self.unsent.clear();
            return;
        }
        match self.log.append(batch) {
            Ok(()) => self.unsent.clear(),
            Err(refused @ (Refused::TooLarge { .. } | Refused::Closed)) => {
                warn!(role = self.core.role(), %refused, "commands were not sent; they are owed still");
                self.unsent.clear();
            }
            Err(Refused::Full { .. } | Refused::NoRoom) => {}
        }
    }

    fn append_of(&self, outgoing: Outgoing) -> Option<Append> {
        let record = outgoing.into_record();
        match command_append(Topic::Commands, &record, self.log.partitions(), None) {
            Ok(append) => Some(append),
            Err(too_large) => {
                let role = self.core.role();
                error!(role, id = %record.id, %too_large, "a command can't be sent, ever: what it is owed for waits");
                None
            }
        }
    }

    /// Writes a checkpoint if there is something new and it is time, or if `now_or_never`.
    pub fn keep_place(&mut self, now_or_never: bool) -> Result<(), Error> {
        // A large state takes long to write: at most a twentieth of the time goes into it.
        let pause = self.options.checkpoint_every.max(self.checkpoint_took * 20);
        if !self.changed || !(now_or_never || self.checkpointed.elapsed() >= pause) {
            return Ok(());
        }
        let begun = Instant::now();
        let places: Option<Vec<Checkpoint>> = self.readers.iter_mut().map(FactsReader::checkpoint).collect();
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
            let tick = self.log.tick(View::Durable);
            let (busy, wanted) = self.round(now(), between)?;
            self.keep_place(false)?;
            if !busy && !wanted.is_zero() {
                self.log.wait(View::Durable, tick, self.pause(now()).min(wanted));
            }
        }
        self.keep_place(true)
    }

    fn pause(&self, now: i64) -> Duration {
        let until_due = self.core.next_due(now).map_or(i64::MAX, |due| due.saturating_sub(now).max(0));
        let until_due = Duration::from_micros(u64::try_from(until_due).unwrap_or(0));
        // What is due and can't be sent (a full log) must not spin.
        until_due.clamp(Duration::from_millis(1), self.options.idle_max)
    }
}
