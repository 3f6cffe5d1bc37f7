//! Sorted trees in one database file.
//!
//! ```text
//!   apply ─→ active ─ freeze ─→ frozen ─ one durable commit ─→ runs ─ merged by size ─→ fewer, larger runs
//!            (memory)           (memory)  with checkpoints      (blocks in the file)
//! ```
//! A tree never reads before it writes: cells carry stamps, so old and new values of a key may lie side by side and
//! join when they are read or merged. All writing to the file is sequential blocks of 16 KiB, and what a row
//! costs does not grow with the rows that are there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mirabelle_log::LogId;
use mirabelle_store::StoreError;
use mirabelle_store::encode::Malformed;
use parking_lot::{Condvar, Mutex, RwLock};
use redb::Database;

use crate::file::{self, Fault, Pool};
use crate::merge::Kind;
use crate::run::Run;
use crate::{flush, load, merger};

/// When things are made durable, and how much memory they may take until then.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A durable commit is due so long after the first batch that it will hold.
    pub sync_after: Duration,
    /// A durable commit is due after so many decisions (or ids), sooner than by time.
    pub sync_decisions: usize,
    /// Likewise after so many bytes of rows. Four times as much may wait in memory; beyond that `apply` waits.
    pub sync_bytes: usize,
    /// The database's cache of pages.
    pub cache_bytes: usize,
    /// Merged runs of so many rows are packed with zstd. Of those there are few, and most rows lie in them; but a
    /// packed run costs a read several times as much as another.
    pub pack_rows_min: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            sync_after: Duration::from_millis(250),
            sync_decisions: 20_000,
            sync_bytes: 16 << 20,
            cache_bytes: 64 << 20,
            pack_rows_min: 1 << 21,
        }
    }
}

pub(crate) type Memory = BTreeMap<Arc<[u8]>, Arc<[u8]>>;
/// A key and its value.
pub(crate) type Entry = (Arc<[u8]>, Arc<[u8]>);

/// A tree's parts, newest first.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) active: Memory,
    /// No row in `active` has a newer stamp; likewise below.
    pub(crate) active_newest: i64,
    pub(crate) frozen: Option<(Arc<Memory>, i64)>,
    /// By their newest stamp, falling.
    pub(crate) runs: Vec<Arc<Run>>,
}

/// What readers see.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) trees: BTreeMap<u32, Tree>,
    /// All small entries, those not yet durable included.
    pub(crate) side: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Names of small entries that are not durable yet.
    pub(crate) side_changed: Vec<Vec<u8>>,
    /// Runs of trees that were dropped.
    pub(crate) garbage: Vec<(u32, u64)>,
    /// Batches applied so far.
    pub(crate) applied: u64,
}

/// How far the file is.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) applied: u64,
    pub(crate) durable: u64,
    /// Somebody waits for this many batches to be durable.
    pub(crate) wanted: u64,
    /// Decisions and bytes since the last freeze, and when the first of them came.
    pub(crate) decisions: usize,
    pub(crate) bytes: usize,
    pub(crate) since: Option<Instant>,
    /// Counts what the merger may have to do.
    pub(crate) merge_ticks: u64,
    /// Merges done.
    pub(crate) merges: u64,
    /// The merger is at work.
    pub(crate) merging: bool,
    pub(crate) ended: bool,
    pub(crate) failed: Option<String>,
}

pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) file: String,
    pub(crate) kind: Kind,
    pub(crate) options: Options,
    pub(crate) pool: Arc<Pool>,
    pub(crate) state: RwLock<State>,
    pub(crate) progress: Mutex<Progress>,
    /// Something was applied, wanted, frozen, or ended.
    pub(crate) changed: Condvar,
    /// Held while the file is written to.
    pub(crate) writing: Mutex<()>,
    pub(crate) next_run: Mutex<u64>,
}

/// See the module.
pub(crate) struct Engine {
    pub(crate) shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What is applied to one tree at once.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) entries: Vec<Entry>,
    pub(crate) newest: i64,
    /// Small entries; `None` removes one.
    pub(crate) side: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) decisions: usize,
}

impl Engine {
    pub(crate) fn open(path: &Path, log: LogId, kind: Kind, options: Options) -> Result<Engine, StoreError> {
        let database = file::open(path, log, options.cache_bytes)?;
        let file = path.display().to_string();
        let (state, next_run) =
            file::guarded(|| load::state(&database)).map_err(|fault| fault.into_error(&file))?;
        let shared = Arc::new(Shared {
            database,
            file,
            kind,
            options,
            pool: Arc::default(),
            state: RwLock::new(state),
            progress: Mutex::default(),
            changed: Condvar::new(),
            writing: Mutex::new(()),
            next_run: Mutex::new(next_run),
        });
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = shared.clone();
            let builder = std::thread::Builder::new().name(name.to_owned());
            builder.spawn(move || run(&shared)).map_err(|source| {
                StoreError::io(format!("start the {name} thread of store {}", path.display()), source)
            })
        };
        let threads = vec![spawn("store-flush", flush::run)?, spawn("store-merge", merger::run)?];
        Ok(Engine { shared, threads })
    }

    /// Applies a change whole; waits while too much is not durable. `false`: there is no such tree.
    pub(crate) fn apply(&self, tree: Option<u32>, change: Change) -> Result<bool, StoreError> {
        let shared = &*self.shared;
        let bytes = change.entries.iter().map(|(key, value)| key.len() + value.len() + 64).sum::<usize>();
        {
            let mut progress = shared.progress.lock();
            loop {
                shared.healthy(&progress)?;
                let full = progress.decisions >= 2 * shared.options.sync_decisions
                    || progress.bytes >= 2 * shared.options.sync_bytes;
                if !full {
                    break;
                }
                shared.changed.wait(&mut progress);
            }
        }
        let mut state = shared.state.write();
        let state = &mut *state;
        if let Some(tree) = tree {
            let Some(tree) = state.trees.get_mut(&tree) else { return Ok(false) };
            tree.active_newest = tree.active_newest.max(change.newest);
            for (key, value) in change.entries {
                match tree.active.get_mut(&key) {
                    None => drop(tree.active.insert(key, value)),
                    Some(known) => {
                        *known = joined(shared.kind, known, &value)
                            .map_err(|fault| fault.into_error(&shared.file))?
                    }
                }
            }
        }
        for (name, value) in change.side {
            state.side_changed.push(name.clone());
            match value {
                Some(value) => drop(state.side.insert(name, value)),
                None => drop(state.side.remove(&name)),
            }
        }
        state.applied += 1;
        let mut progress = shared.progress.lock();
        progress.applied = state.applied;
        progress.decisions += change.decisions;
        progress.bytes += bytes;
        if progress.since.is_none() {
            progress.since = Some(Instant::now());
            shared.changed.notify_all();
        } else if progress.decisions >= shared.options.sync_decisions
            || progress.bytes >= shared.options.sync_bytes
        {
            shared.changed.notify_all();
        }
        Ok(true)
    }

    /// Whether a tree is there.
    pub(crate) fn has_tree(&self, tree: u32) -> bool {
        self.shared.state.read().trees.contains_key(&tree)
    }

    /// Waits until everything applied before the call is durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let mut progress = self.shared.progress.lock();
        let wanted = progress.applied;
        progress.wanted = progress.wanted.max(wanted);
        self.shared.changed.notify_all();
        while progress.durable < wanted {
            self.shared.healthy(&progress)?;
            self.shared.changed.wait(&mut progress);
        }
        self.shared.healthy(&progress)
    }

    /// A small entry.
    pub(crate) fn side(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.shared.state.read().side.get(name).cloned()
    }

    /// Small entries whose names begin with `prefix`.
    pub(crate) fn sides(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let state = self.shared.state.read();
        let from = state.side.range(prefix.to_vec()..);
        let own = from.take_while(|(name, _)| name.starts_with(prefix));
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Makes an empty tree; its number must be remembered in a small entry that [`load`] knows.
    pub(crate) fn create_tree(&self, tree: u32) {
        self.shared.state.write().trees.entry(tree).or_default();
    }

    /// Forgets a tree; its blocks are freed by and by.
    pub(crate) fn drop_tree(&self, tree: u32) {
        let mut state = self.shared.state.write();
        if let Some(dropped) = state.trees.remove(&tree) {
            state.garbage.extend(dropped.runs.iter().map(|run| (tree, run.id)));
        }
        drop(state);
        self.shared.tick_merger();
    }
}

/// A row in memory that can't be read.
pub(crate) fn damaged(reason: &str) -> Fault {
    Fault::damage("a row", reason)
}

fn joined(kind: Kind, ours: &[u8], theirs: &[u8]) -> Result<Arc<[u8]>, Fault> {
    let mut value = ours.to_vec();
    kind.join(&mut value, theirs).map_err(|Malformed(reason)| damaged(reason))?;
    Ok(value.into())
}

impl Shared {
    pub(crate) fn healthy(&self, progress: &Progress) -> Result<(), StoreError> {
        match &progress.failed {
            Some(reason) => Err(StoreError::Failed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Nothing more is taken: what is durable is what there is.
    pub(crate) fn fail(&self, fault: Fault) {
        let error = fault.into_error(&self.file);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, %source, "store takes no more rows");
        let mut progress = self.progress.lock();
        progress.failed.get_or_insert_with(|| error.to_string());
        self.changed.notify_all();
    }

    pub(crate) fn tick_merger(&self) {
        self.progress.lock().merge_ticks += 1;
        self.changed.notify_all();
    }

    pub(crate) fn take_run_id(&self) -> u64 {
        let mut next = self.next_run.lock();
        *next += 1;
        *next - 1
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.progress.lock().ended = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A panic of the thread was told by its own hook; what is durable stays.
            drop(thread.join());
        }
    }
}
