//! The index of ids in a file.

use std::path::Path;

use mirabelle_domain::CommandId;
use mirabelle_log::{LogId, Partition};
use mirabelle_store::ids::Decided;
use mirabelle_store::{Ids, StoreError};
use parking_lot::Mutex;

use crate::engine::{Change, Engine, Options};
use crate::file::Fault;
use crate::load::tree_name;
use crate::merge::Kind;
use crate::store::{Usage, usage};

const TREE: u32 = 0;
const COVERED: &[u8] = b"covered:";

/// An index of ids in one redb file of its own: sorted runs, each behind a filter of 12 bits an id in memory.
pub struct EmbeddedIds {
    engine: Engine,
    /// Held while a partition's cover is raised.
    covering: Mutex<()>,
}

impl EmbeddedIds {
    /// Opens the file at `path` for the ids decided in `log_id`, or makes one where there is none.
    pub fn open(path: &Path, log_id: LogId, options: Options) -> Result<EmbeddedIds, StoreError> {
        let engine = Engine::open(path, log_id, Kind::Ids, options)?;
        if !engine.has_tree(TREE) {
            engine.create_tree(TREE);
            let side = vec![(tree_name(TREE), Some(Vec::new()))];
            engine.apply(None, Change { side, ..Change::default() })?;
            engine.sync()?;
        }
        Ok(EmbeddedIds { engine, covering: Mutex::new(()) })
    }

    /// What it takes now.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        usage(&self.engine).map_err(|fault| fault.into_error(&self.engine.shared.file))
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn covered(partition: Partition) -> Vec<u8> {
    [COVERED, &partition.0.to_be_bytes()].concat()
}

impl Ids for EmbeddedIds {
    fn insert_batch(
        &self,
        partition: Partition,
        ids: &[(CommandId, u64)],
        covered_to: u64,
    ) -> Result<(), StoreError> {
        let mut change = Change { decisions: ids.len(), newest: i64::MIN, ..Change::default() };
        change.entries.reserve_exact(ids.len());
        for (id, seq) in ids {
            // Big-endian, so that the smaller (seq, partition) has the smaller bytes.
            let mut value = [0; 10];
            value[..8].copy_from_slice(&seq.to_be_bytes());
            value[8..].copy_from_slice(&partition.0.to_be_bytes());
            change.entries.push((id.0.as_slice().into(), value.as_slice().into()));
        }
        let _covering = self.covering.lock();
        if self.covered_to(partition)?.is_none_or(|before| before < covered_to) {
            change.side.push((covered(partition), Some(covered_to.to_be_bytes().to_vec())));
        }
        self.engine.apply(Some(TREE), change).map(drop)
    }

    fn lookup(&self, id: CommandId) -> Result<Option<Decided>, StoreError> {
        let failed = |fault: Fault| fault.into_error(&self.engine.shared.file);
        let Some(value) = self.engine.get(TREE, &id.0, &|_, _| false).map_err(failed)? else {
            return Ok(None);
        };
        let place = value.split_first_chunk::<8>().and_then(|(seq, partition)| {
            let partition = Partition(u16::from_be_bytes(partition.try_into().ok()?));
            Some(Decided { seq: u64::from_be_bytes(*seq), partition })
        });
        let damaged = || failed(Fault::damage(format!("command id {id}"), "a place of impossible length"));
        place.map(Some).ok_or_else(damaged)
    }

    fn covered_to(&self, partition: Partition) -> Result<Option<u64>, StoreError> {
        let value = self.engine.side(&covered(partition));
        Ok(value.and_then(|value| value.try_into().ok()).map(u64::from_be_bytes))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.engine.sync()
    }
}
