//! The decider's index of ids: which command was decided where.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::CommandId;
use mirabelle_log::Partition;
use parking_lot::Mutex;

use crate::StoreError;

/// Where a command was first decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decided {
    /// The decision's seq.
    pub seq: u64,
    /// The partition of `facts`.
    pub partition: Partition,
}

/// An index of all command ids ever decided.
///
/// # Contract
/// * [`covered_to`](Ids::covered_to) tells up to which seq of a partition every id is in the index: a `None` from
///   [`lookup`](Ids::lookup) proves "never decided" only for decisions up to there. Whoever decides holds the rest in memory.
/// * An id that is inserted again keeps the smallest `(seq, partition)`, so repeats change nothing.
/// * A crash may take back what was inserted after the last [`sync`](Ids::sync); `covered_to` goes back with it.
///   The index can be deleted and rebuilt from `facts` at any time.
/// * Lookups of unknown ids almost never read the medium.
pub trait Ids: Send + Sync + 'static {
    /// Inserts ids of a partition with their seqs. When it returns, everything up to `covered_to` must be in.
    ///
    /// # Errors
    /// [`StoreError::Failed`] after an earlier failure to write.
    fn insert_batch(
        &self,
        partition: Partition,
        ids: &[(CommandId, u64)],
        covered_to: u64,
    ) -> Result<(), StoreError>;

    /// Where a command was decided.
    fn lookup(&self, id: CommandId) -> Result<Option<Decided>, StoreError>;

    /// Everything up to this seq is in; `None`: nothing of the partition was ever inserted.
    fn covered_to(&self, partition: Partition) -> Result<Option<u64>, StoreError>;

    /// Makes durable what was inserted before the call.
    fn sync(&self) -> Result<(), StoreError>;
}

#[derive(Clone, Default)]
struct State {
    ids: HashMap<CommandId, Decided>,
    covered: HashMap<Partition, u64>,
}

/// An index in memory, for simulations. Clones share one index.
#[derive(Clone, Default)]
pub struct MemoryIds {
    states: Arc<Mutex<(State, State)>>,
}

impl MemoryIds {
    /// An empty index.
    pub fn new() -> MemoryIds {
        MemoryIds::default()
    }

    /// Takes back what was not synced.
    pub fn crash(&self) {
        let mut states = self.states.lock();
        states.0 = states.1.clone();
    }
}

impl Ids for MemoryIds {
    fn insert_batch(
        &self,
        partition: Partition,
        ids: &[(CommandId, u64)],
        covered_to: u64,
    ) -> Result<(), StoreError> {
        let state = &mut self.states.lock().0;
        for (id, seq) in ids {
            let new = Decided { seq: *seq, partition };
            let known = state.ids.entry(*id).or_insert(new);
            *known = new.min(*known);
        }
        let covered = state.covered.entry(partition).or_insert(covered_to);
        *covered = covered_to.max(*covered);
        Ok(())
    }

    fn lookup(&self, id: CommandId) -> Result<Option<Decided>, StoreError> {
        Ok(self.states.lock().0.ids.get(&id).copied())
    }

    fn covered_to(&self, partition: Partition) -> Result<Option<u64>, StoreError> {
        Ok(self.states.lock().0.covered.get(&partition).copied())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut states = self.states.lock();
        states.1 = states.0.clone();
        Ok(())
    }
}
