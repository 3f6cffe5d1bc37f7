//! Rows in a file.

use std::path::Path;
use std::sync::Arc;

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Table, Value};
use mirabelle_log::{LogId, Partition};
use mirabelle_store::cells::Cells;
use mirabelle_store::scan::{KeyRange, table_range};
use mirabelle_store::{Batch, Found, Generation, Put, Rows, Scan, Store, StoreError, encode};
use parking_lot::Mutex;
use redb::ReadableDatabase;

use crate::engine::{Change, Engine, Options};
use crate::file::{BLOCKS, Fault, failed};
use crate::load::tree_name;
use crate::merge::{Kind, Span};

const GENERATION: &[u8] = b"generation:";
const LIVE: &[u8] = b"live";
const NEXT_TREE: &[u8] = b"next tree";
const CHECKPOINT: &[u8] = b"checkpoint:";
const CURSOR: &[u8] = b"cursor:";

/// Rows in one redb file, in sorted runs.
///
/// Rows become durable by themselves, with their checkpoints, as [`Options`] say: by default 250 ms after they
/// were applied, or 20,000 decisions. Two threads belong to it; both end, and everything applied is made durable,
/// when the last of the store and its [`Rows`] is dropped.
pub struct EmbeddedStore {
    engine: Arc<Engine>,
    log_id: LogId,
    /// Held by whoever changes the list of generations.
    listing: Mutex<()>,
}

/// What a store takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of pages in use in the file.
    pub file_bytes: u64,
    /// Bytes of rows in blocks, what merges have not joined yet included.
    pub block_bytes: u64,
    /// Bytes of filters and first keys in memory.
    pub memory_bytes: u64,
    /// Runs.
    pub runs: u64,
}

impl EmbeddedStore {
    /// Opens the file at `path` for the rows about `log_id`, or makes one where there is none.
    pub fn open(path: &Path, log_id: LogId, options: Options) -> Result<EmbeddedStore, StoreError> {
        let engine = Arc::new(Engine::open(path, log_id, Kind::Rows, options)?);
        Ok(EmbeddedStore { engine, log_id, listing: Mutex::new(()) })
    }

    /// What it takes now.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        usage(&self.engine).map_err(|fault| fault.into_error(&self.engine.shared.file))
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn tree(&self, name: &Name) -> Result<u32, StoreError> {
        let number = self.engine.side(&generation(name)).and_then(|number| number.try_into().ok());
        number.map(u32::from_be_bytes).ok_or_else(|| StoreError::UnknownGeneration { name: name.clone() })
    }

    fn rows(&self, name: &Name, tree: u32) -> Arc<dyn Rows> {
        Arc::new(EmbeddedRows { engine: self.engine.clone(), name: name.clone(), tree })
    }

    /// Applies small entries and waits until they are durable.
    fn put(&self, side: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), StoreError> {
        self.engine.apply(None, Change { side, ..Change::default() })?;
        self.engine.sync()
    }
}

pub(crate) fn usage(engine: &Engine) -> Result<Usage, Fault> {
    use redb::ReadableTableMetadata;
    let reading = engine.shared.database.begin_read().map_err(failed("begin to read"))?;
    let blocks = reading.open_table(BLOCKS).map_err(failed("open the blocks of"))?;
    let stats = blocks.stats().map_err(failed("measure"))?;
    let pages = stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
    let state = engine.shared.state.read();
    let mut usage = Usage { file_bytes: pages, ..Usage::default() };
    for run in state.trees.values().flat_map(|tree| &tree.runs) {
        usage.block_bytes += run.bytes;
        usage.memory_bytes += run.memory() as u64;
        usage.runs += 1;
    }
    Ok(usage)
}

fn generation(name: &Name) -> Vec<u8> {
    [GENERATION, name.as_str().as_bytes()].concat()
}

fn checkpoint(tree: u32, partition: Option<Partition>) -> Vec<u8> {
    let mut name = [CHECKPOINT, &tree.to_be_bytes()].concat();
    if let Some(partition) = partition {
        name.extend_from_slice(&partition.0.to_be_bytes());
    }
    name
}

fn cursor(role: &Name, partition: Partition) -> Vec<u8> {
    [CURSOR, &partition.0.to_be_bytes(), role.as_str().as_bytes()].concat()
}

impl Store for EmbeddedStore {
    fn is_in_process(&self) -> bool {
        true
    }

    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let live = self.engine.side(LIVE);
        let mut generations = Vec::new();
        for (name, _) in self.engine.sides(GENERATION) {
            let name = &name[GENERATION.len()..];
            let live = live.as_deref() == Some(name);
            let parsed = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
            let name = parsed.ok_or_else(|| StoreError::Corrupt {
                place: "the list of generations".to_owned(),
                reason: "a name that is none".to_owned(),
                file: self.engine.shared.file.clone(),
            })?;
            generations.push(Generation { name, live });
        }
        Ok(generations)
    }

    fn create(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        let _listing = self.listing.lock();
        if self.tree(name).is_ok() {
            return Err(StoreError::GenerationExists { name: name.clone() });
        }
        let next = self.engine.side(NEXT_TREE).and_then(|next| next.try_into().ok());
        let tree = next.map_or(1, u32::from_be_bytes);
        let number = tree.to_be_bytes().to_vec();
        let mut side = vec![
            (tree_name(tree), Some(Vec::new())),
            (generation(name), Some(number)),
            (NEXT_TREE.to_vec(), Some((tree + 1).to_be_bytes().to_vec())),
        ];
        if self.engine.side(LIVE).is_none() {
            side.push((LIVE.to_vec(), Some(name.as_str().as_bytes().to_vec())));
        }
        self.engine.create_tree(tree);
        self.put(side)?;
        Ok(self.rows(name, tree))
    }

    fn open(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        Ok(self.rows(name, self.tree(name)?))
    }

    fn live(&self) -> Result<Arc<dyn Rows>, StoreError> {
        let live = self.engine.side(LIVE).and_then(|live| String::from_utf8(live).ok());
        let name = live.and_then(|live| live.parse().ok()).ok_or(StoreError::NoLiveGeneration)?;
        self.open(&name)
    }

    fn make_live(&self, name: &Name) -> Result<(), StoreError> {
        let _listing = self.listing.lock();
        self.tree(name)?;
        // Its rows first: readers must not be sent to what a crash could still take.
        self.engine.sync()?;
        self.put(vec![(LIVE.to_vec(), Some(name.as_str().as_bytes().to_vec()))])
    }

    fn remove(&self, name: &Name) -> Result<(), StoreError> {
        let _listing = self.listing.lock();
        let tree = self.tree(name)?;
        if self.engine.side(LIVE).as_deref() == Some(name.as_str().as_bytes()) {
            return Err(StoreError::Live { name: name.clone() });
        }
        let mut side = vec![(generation(name), None), (tree_name(tree), None)];
        side.extend(self.engine.sides(&checkpoint(tree, None)).into_iter().map(|(name, _)| (name, None)));
        self.engine.drop_tree(tree);
        self.put(side)
    }

    fn cursor(&self, role: &Name, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.engine.side(&cursor(role, partition)))
    }

    fn put_cursor(&self, role: &Name, partition: Partition, checkpoint: &[u8]) -> Result<(), StoreError> {
        let side = vec![(cursor(role, partition), Some(checkpoint.to_vec()))];
        self.engine.apply(None, Change { side, ..Change::default() }).map(drop)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.engine.sync()
    }
}

/// The rows of one generation.
struct EmbeddedRows {
    engine: Arc<Engine>,
    name: Name,
    tree: u32,
}

impl EmbeddedRows {
    /// `value`, unless the generation was dropped meanwhile.
    fn still<T>(&self, value: T) -> Result<T, StoreError> {
        match self.engine.has_tree(self.tree) {
            true => Ok(value),
            false => Err(StoreError::UnknownGeneration { name: self.name.clone() }),
        }
    }

    fn failed(&self, table: &'static Table, key: &[Value]) -> impl Fn(Fault) -> StoreError {
        move |fault| {
            let error = fault.into_error(&self.engine.shared.file);
            match error {
                StoreError::Corrupt { place, reason, file } => {
                    let place = format!("table {}, key {key:?}, {place}", table.name);
                    StoreError::Corrupt { place, reason, file }
                }
                other => other,
            }
        }
    }

    fn found(
        &self,
        table: &'static Table,
        (low, high): KeyRange,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Found>, Fault> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        let span = Span { low: &low, high: high.as_deref(), reverse };
        self.engine.scan(self.tree, span, &mut |key, value| {
            let row = encode::read_cells(value).map_err(|fault| Fault::damage("a row", fault.0))?;
            if row.lives() {
                let key = encode::read_key(table, key).map_err(|fault| Fault::damage("a key", fault.0))?;
                found.extend(Found::of(table, key, &row));
            }
            Ok(found.len() < limit)
        })?;
        Ok(found)
    }
}

/// Whether nothing stamped `newest` or earlier can change what is seen of a row any more.
fn settled(table: &Table, value: &[u8], newest: i64) -> bool {
    let Ok(row) = encode::read_cells(value) else { return false };
    let set = row.cells.len() == table.columns.len() && row.cells.iter().all(|cell| cell.1 > newest);
    set && (!row.cells.is_empty() || row.marked.is_some_and(|marked| marked > newest))
}

impl Rows for EmbeddedRows {
    fn name(&self) -> &Name {
        &self.name
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let decisions = batch.decisions();
        let (puts, checkpoints) = batch.into_parts();
        let mut change = Change { decisions, newest: i64::MIN, ..Change::default() };
        change.entries.reserve_exact(puts.len());
        let (mut key, mut value) = (Vec::with_capacity(128), Vec::with_capacity(512));
        for Put { stamp, row } in &puts {
            encode::check(row)?;
            key.clear();
            value.clear();
            encode::key(row.table, &row.key, &mut key);
            encode::cells(&Cells::of_put(*stamp, row), &mut value);
            change.entries.push((key.as_slice().into(), value.as_slice().into()));
            change.newest = change.newest.max(*stamp);
        }
        for (partition, bytes) in checkpoints {
            change.side.push((checkpoint(self.tree, Some(partition)), Some(bytes)));
        }
        match self.engine.apply(Some(self.tree), change)? {
            true => Ok(()),
            false => Err(StoreError::UnknownGeneration { name: self.name.clone() }),
        }
    }

    fn checkpoint(&self, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        self.still(self.engine.side(&checkpoint(self.tree, Some(partition))))
    }

    fn get(&self, table: &'static Table, key: &[Value]) -> Result<Option<Found>, StoreError> {
        encode::check_key(table, key)?;
        let mut encoded = Vec::with_capacity(64);
        encode::key(table, key, &mut encoded);
        let failed = self.failed(table, key);
        let settled = |value: &[u8], newest| settled(table, value, newest);
        let value = self.engine.get(self.tree, &encoded, &settled).map_err(&failed)?;
        let Some(value) = value else { return self.still(None) };
        let row = encode::read_cells(&value).map_err(|fault| failed(Fault::damage("a row", fault.0)))?;
        self.still(Found::of(table, key.to_vec(), &row))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Found>, StoreError> {
        let Some(range) = scan.range()? else { return self.still(Vec::new()) };
        let found = self.found(scan.table, range, scan.reverse, scan.limit);
        self.still(found.map_err(self.failed(scan.table, &scan.partition))?)
    }

    fn scan_table(
        &self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let range = table_range(table, after)?;
        let found = self.found(table, range, false, limit);
        self.still(found.map_err(self.failed(table, after.unwrap_or_default()))?)
    }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
