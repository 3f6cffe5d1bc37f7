//! A store in memory, for simulations and for the tests of everything above the seam.
//!
//! What is applied becomes durable with [`Store::sync`] alone, unless the store was made with
//! [`MemoryStore::durable_at_once`]. [`MemoryStore::crash`] takes back the rest; [`MemoryStore::crash_keeping`]
//! plays a crash right after an engine's own durable commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Table, Value};
use mirabelle_log::{LogId, Partition};
use parking_lot::Mutex;

use crate::cells::Cells;
use crate::scan::{KeyRange, table_range};
use crate::{Batch, Found, Generation, Put, Rows, Scan, Store, StoreError, encode};

/// A [`Store`] in memory. Clones share one store.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    log_id: LogId,
    at_once: bool,
    states: Mutex<States>,
}

#[derive(Default)]
struct States {
    /// What readers see.
    now: State,
    /// What a crash leaves.
    durable: State,
    /// What `now` has and `durable` has not, in order.
    pending: Vec<Change>,
}

#[derive(Clone, Default)]
struct State {
    generations: BTreeMap<Name, Held>,
    live: Option<Name>,
    /// Generations ever made: tells a removed one from a new one of its name.
    made: u64,
    cursors: HashMap<(Name, Partition), Vec<u8>>,
}

#[derive(Clone, Default)]
struct Held {
    number: u64,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    checkpoints: HashMap<Partition, Vec<u8>>,
}

#[derive(Clone)]
enum Change {
    Apply(Name, Batch),
    Cursor(Name, Partition, Vec<u8>),
    Create(Name),
    MakeLive(Name),
    Remove(Name),
}

impl State {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Apply(name, batch) => {
                // `apply` has looked the generation up under the same lock.
                if let Some(held) = self.generations.get_mut(name) {
                    held.apply(batch);
                }
            }
            Change::Cursor(role, partition, checkpoint) => {
                self.cursors.insert((role.clone(), *partition), checkpoint.clone());
            }
            Change::Create(name) => {
                self.made += 1;
                self.generations.insert(name.clone(), Held { number: self.made, ..Held::default() });
                self.live.get_or_insert_with(|| name.clone());
            }
            Change::MakeLive(name) => self.live = Some(name.clone()),
            Change::Remove(name) => drop(self.generations.remove(name)),
        }
    }
}

impl Held {
    fn apply(&mut self, batch: &Batch) {
        for Put { stamp, row } in batch.puts() {
            let mut key = Vec::new();
            encode::key(row.table, &row.key, &mut key);
            let old = self.rows.remove(&key);
            let mut joined = Cells::of_put(*stamp, row);
            if let Some(old) = &old {
                joined.join(&encode::read_cells(old).expect("rows in memory are as they were encoded"));
            }
            let mut value = Vec::new();
            encode::cells(&joined, &mut value);
            self.rows.insert(key, value);
        }
        self.checkpoints.extend(batch.checkpoints().iter().cloned());
    }

    fn found(&self, table: &'static Table, (low, high): KeyRange, reverse: bool, limit: usize) -> Vec<Found> {
        let high = high.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = self.rows.range((std::ops::Bound::Included(low), high));
        let found = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let key = encode::read_key(table, key).expect("keys in memory are as they were encoded");
            let row = encode::read_cells(value).expect("rows in memory are as they were encoded");
            Found::of(table, key, &row)
        };
        if reverse {
            range.rev().filter_map(found).take(limit).collect()
        } else {
            range.filter_map(found).take(limit).collect()
        }
    }
}

impl MemoryStore {
    /// An empty store about a log; what is applied is durable after a sync.
    pub fn new(log_id: LogId) -> MemoryStore {
        MemoryStore::make(log_id, false)
    }

    /// An empty store about a log, where everything is durable when it returns.
    pub fn durable_at_once(log_id: LogId) -> MemoryStore {
        MemoryStore::make(log_id, true)
    }

    fn make(log_id: LogId, at_once: bool) -> MemoryStore {
        MemoryStore { shared: Arc::new(Shared { log_id, at_once, states: Mutex::default() }) }
    }

    /// Takes back everything that was not synced.
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// How many changes (batches, cursors) a crash would take back.
    pub fn unsynced(&self) -> usize {
        self.shared.states.lock().pending.len()
    }

    /// Takes back what was not synced but for its first `kept` changes.
    pub fn crash_keeping(&self, kept: usize) {
        let states = &mut *self.shared.states.lock();
        for change in states.pending.drain(..).take(kept) {
            states.durable.change(&change);
        }
        states.now = states.durable.clone();
    }

    fn rows(&self, states: &States, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        let held = states.now.generations.get(name);
        let held = held.ok_or_else(|| StoreError::UnknownGeneration { name: name.clone() })?;
        Ok(Arc::new(MemoryRows { store: self.clone(), name: name.clone(), number: held.number }))
    }

    fn change(&self, states: &mut States, change: Change, durable: bool) {
        states.now.change(&change);
        states.pending.push(change);
        if durable || self.shared.at_once {
            flush(states);
        }
    }
}

fn flush(states: &mut States) {
    for change in states.pending.drain(..) {
        states.durable.change(&change);
    }
}

fn known(states: &States, name: &Name) -> Result<(), StoreError> {
    match states.now.generations.contains_key(name) {
        true => Ok(()),
        false => Err(StoreError::UnknownGeneration { name: name.clone() }),
    }
}

impl Store for MemoryStore {
    fn is_in_process(&self) -> bool {
        true
    }

    fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let state = &self.shared.states.lock().now;
        let names = state.generations.keys();
        Ok(names
            .map(|name| Generation { name: name.clone(), live: state.live.as_ref() == Some(name) })
            .collect())
    }

    fn create(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        let states = &mut *self.shared.states.lock();
        if states.now.generations.contains_key(name) {
            return Err(StoreError::GenerationExists { name: name.clone() });
        }
        self.change(states, Change::Create(name.clone()), true);
        self.rows(states, name)
    }

    fn open(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        self.rows(&self.shared.states.lock(), name)
    }

    fn live(&self) -> Result<Arc<dyn Rows>, StoreError> {
        let live = self.shared.states.lock().now.live.clone();
        self.open(&live.ok_or(StoreError::NoLiveGeneration)?)
    }

    fn make_live(&self, name: &Name) -> Result<(), StoreError> {
        let states = &mut *self.shared.states.lock();
        known(states, name)?;
        self.change(states, Change::MakeLive(name.clone()), true);
        Ok(())
    }

    fn remove(&self, name: &Name) -> Result<(), StoreError> {
        let states = &mut *self.shared.states.lock();
        known(states, name)?;
        if states.now.live.as_ref() == Some(name) {
            return Err(StoreError::Live { name: name.clone() });
        }
        self.change(states, Change::Remove(name.clone()), true);
        Ok(())
    }

    fn cursor(&self, role: &Name, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.shared.states.lock().now.cursors.get(&(role.clone(), partition)).cloned())
    }

    fn put_cursor(&self, role: &Name, partition: Partition, checkpoint: &[u8]) -> Result<(), StoreError> {
        let states = &mut *self.shared.states.lock();
        self.change(states, Change::Cursor(role.clone(), partition, checkpoint.to_vec()), false);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        flush(&mut self.shared.states.lock());
        Ok(())
    }
}

struct MemoryRows {
    store: MemoryStore,
    name: Name,
    number: u64,
}

impl MemoryRows {
    fn held<T>(&self, read: impl FnOnce(&Held) -> T) -> Result<T, StoreError> {
        self.own(&self.store.shared.states.lock()).map(read)
    }

    fn own<'a>(&self, states: &'a States) -> Result<&'a Held, StoreError> {
        let held = states.now.generations.get(&self.name).filter(|held| held.number == self.number);
        held.ok_or_else(|| StoreError::UnknownGeneration { name: self.name.clone() })
    }
}

impl Rows for MemoryRows {
    fn name(&self) -> &Name {
        &self.name
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        batch.puts().iter().try_for_each(|put| encode::check(&put.row))?;
        let states = &mut *self.store.shared.states.lock();
        self.own(states)?;
        self.store.change(states, Change::Apply(self.name.clone(), batch), false);
        Ok(())
    }

    fn checkpoint(&self, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        self.held(|held| held.checkpoints.get(&partition).cloned())
    }

    fn get(&self, table: &'static Table, key: &[Value]) -> Result<Option<Found>, StoreError> {
        encode::check_key(table, key)?;
        let mut encoded = Vec::new();
        encode::key(table, key, &mut encoded);
        self.held(|held| {
            let row = encode::read_cells(held.rows.get(&encoded)?);
            Found::of(table, key.to_vec(), &row.expect("rows in memory are as they were encoded"))
        })
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Found>, StoreError> {
        let range = scan.range()?;
        self.held(|held| {
            range.map_or(Vec::new(), |range| held.found(scan.table, range, scan.reverse, scan.limit))
        })
    }

    fn scan_table(
        &self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let range = table_range(table, after)?;
        self.held(|held| held.found(table, range, false, limit))
    }
}
