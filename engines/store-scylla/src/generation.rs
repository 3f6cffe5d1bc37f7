//! One generation: a keyspace, and its prepared statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mirabelle_domain::Name;
use mirabelle_domain::rows::Table;
use mirabelle_store::{StoreError, encode};
use parking_lot::Mutex;
use scylla::statement::prepared::PreparedStatement;

use crate::checkpoints::Checkpoints;
use crate::cql::{self, Schema};
use crate::meta::Meta;
use crate::session::Servers;

/// The statements of one table.
pub(crate) struct TableStatements {
    pub(crate) table: &'static Table,
    pub(crate) insert: Arc<PreparedStatement>,
    pub(crate) delete: Arc<PreparedStatement>,
    pub(crate) get: PreparedStatement,
}

/// A generation that is open.
pub(crate) struct Generation {
    pub(crate) name: Name,
    pub(crate) incarnation: i32,
    pub(crate) keyspace: String,
    pub(crate) checkpoints: Checkpoints,
    tables: HashMap<u8, TableStatements>,
    /// Scans, by their text: each table has few shapes.
    scans: Mutex<HashMap<String, PreparedStatement>>,
    removed: AtomicBool,
}

impl Generation {
    /// Opens a generation's keyspace, making what is missing.
    pub(crate) async fn open(
        servers: &Servers,
        meta: &Meta,
        schema: Schema,
        name: &Name,
        incarnation: i32,
    ) -> Result<Generation, StoreError> {
        let keyspace = keyspace(&meta.keyspace, name, incarnation);
        servers.keyspace(&keyspace).await?;
        servers.migrate(&meta.keyspace, &keyspace, schema.migrations).await?;
        let mut tables = HashMap::new();
        for table in schema.tables {
            let statements = TableStatements {
                table,
                insert: Arc::new(servers.prepare(&cql::insert(&keyspace, table)).await?),
                delete: Arc::new(servers.prepare(&cql::delete(&keyspace, table)).await?),
                get: servers.prepare(&cql::get(&keyspace, table)).await?,
            };
            tables.insert(table.number, statements);
        }
        Ok(Generation {
            name: name.clone(),
            incarnation,
            checkpoints: Checkpoints::open(servers, &keyspace).await?,
            keyspace,
            tables,
            scans: Mutex::default(),
            removed: AtomicBool::new(false),
        })
    }

    pub(crate) fn table(&self, table: &'static Table) -> Result<&TableStatements, StoreError> {
        let known = self.tables.get(&table.number).filter(|known| known.table.name == table.name);
        known.ok_or_else(|| encode::bad(table, "the store has no such table".to_owned()))
    }

    /// A prepared scan.
    pub(crate) async fn scan(
        &self,
        servers: &Servers,
        text: String,
    ) -> Result<PreparedStatement, StoreError> {
        if let Some(known) = self.scans.lock().get(&text) {
            return Ok(known.clone());
        }
        let prepared = servers.prepare(&text).await?;
        Ok(self.scans.lock().entry(text).or_insert(prepared).clone())
    }

    /// From now on it is gone, for whoever holds it.
    pub(crate) fn remove(&self) {
        self.removed.store(true, Ordering::Release);
    }

    pub(crate) fn there(&self) -> Result<(), StoreError> {
        if self.removed.load(Ordering::Acquire) {
            return Err(StoreError::UnknownGeneration { name: self.name.clone() });
        }
        Ok(())
    }
}

/// The keyspace of a generation: its name as far as CQL takes it, a digest of the whole name, and which of that name
/// it is. A removed one's keyspace is never used again, so that who still writes to it writes to nobody's rows.
pub(crate) fn keyspace(meta: &str, name: &Name, incarnation: i32) -> String {
    let plain: String = name.as_str().chars().filter(|c| *c != '.').take(12).collect();
    let digest = blake3::hash(name.as_str().as_bytes()).to_hex();
    format!("{meta}_{}_{}_{incarnation}", plain.replace('-', "_"), &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyspaces_of_generations_are_short_and_apart() {
        let of =
            |name: &str, incarnation| keyspace("abcdefghijklmnopqrst", &name.parse().unwrap(), incarnation);
        let all = [of("rows-1", 1), of("rows_1", 1), of("rows-1", 2), of(&"x".repeat(64), 9_999)];
        for (place, keyspace) in all.iter().enumerate() {
            assert!(keyspace.len() <= 48, "{keyspace}");
            assert!(keyspace.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            assert!(!all[..place].contains(keyspace), "{keyspace}");
        }
    }
}
