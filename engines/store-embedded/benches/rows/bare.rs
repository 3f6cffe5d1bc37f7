//! Bare redb: one table, the same bytes, sorted within a batch, never read.

use std::path::Path;

use mirabelle_store::cells::Cells;
use mirabelle_store::{Batch, encode};
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTableMetadata, TableDefinition};

const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
/// Decisions between durable commits, as the store has them.
const DURABLE: usize = 20_000;

type Encoded = Vec<(Vec<u8>, Vec<u8>)>;

/// A batch's rows as the store encodes them, in the order of their keys.
pub(crate) fn encoded(batch: &Batch) -> Encoded {
    let mut rows: Encoded = Vec::with_capacity(batch.puts().len());
    for put in batch.puts() {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        encode::key(put.row.table, &put.row.key, &mut key);
        encode::cells(&Cells::of_put(put.stamp, &put.row), &mut value);
        rows.push((key, value));
    }
    rows.sort();
    rows
}

pub(crate) struct Bare {
    database: Database,
    decisions: usize,
}

impl Bare {
    pub(crate) fn create(path: &Path) -> Bare {
        let database = Builder::new().set_cache_size(64 << 20).create(path).expect("a new database");
        Bare { database, decisions: 0 }
    }

    pub(crate) fn write(&mut self, batches: Vec<Encoded>, decisions: usize) {
        let count = batches.len();
        for (place, rows) in batches.into_iter().enumerate() {
            self.decisions += decisions;
            let durable = self.decisions.is_multiple_of(DURABLE) || place + 1 == count;
            let mut writing = self.database.begin_write().expect("a healthy database");
            let durability = if durable { Durability::Immediate } else { Durability::None };
            writing.set_durability(durability).expect("nothing written yet");
            writing.set_quick_repair(durable);
            {
                let mut table = writing.open_table(ROWS).expect("a healthy database");
                for (key, value) in &rows {
                    table.insert(key.as_slice(), value.as_slice()).expect("a healthy database");
                }
            }
            writing.commit().expect("a healthy database");
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let reading = self.database.begin_read().expect("a healthy database");
        let stats =
            reading.open_table(ROWS).expect("a healthy database").stats().expect("a healthy database");
        (stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes()) as usize
    }
}
