//! The conformance suite: one function per clause of the contracts of [`Store`], [`Rows`] and
//! [`Ids`](crate::Ids), run by every engine.
//!
//! An engine's tests implement [`Engine`] (or [`IdsEngine`]) and call [`store_suite!`](crate::store_suite) (or
//! [`ids_suite!`](crate::ids_suite)), which makes one `#[test]` of each clause. A clause panics where the engine
//! breaks the contract.

#![allow(clippy::unwrap_used, reason = "the suite is test code: a fault of the engine fails the clause")]

mod crashing;
mod generations;
mod ids;
mod reading;
mod writing;

use std::sync::Arc;

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Row, Table, Type, Value};
use mirabelle_log::LogId;

pub use crashing::*;
pub use generations::*;
pub use ids::*;
pub use reading::*;
pub use writing::*;

use crate::{Batch, Found, Rows, Store, StoreError};

/// The log that the suite's stores are about.
pub const LOG: LogId = LogId(*b"suite's own log.");
/// Another log.
pub const OTHER_LOG: LogId = LogId(*b"some other log..");

/// How a store ends before it is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order: everything applied is made durable.
    Close,
    /// As by `kill -9`: what is not durable may go.
    Crash,
}

/// What the suite needs to know of an engine.
pub trait Engine {
    /// A new, empty store about [`LOG`], without generations.
    fn create(&mut self) -> Arc<dyn Store>;

    /// Ends `store`, the one last created or reopened (nothing else holds it or its rows), and opens what is
    /// left of it for `log`.
    fn reopen(
        &mut self,
        store: Arc<dyn Store>,
        ending: Ending,
        log: LogId,
    ) -> Result<Arc<dyn Store>, StoreError>;
}

/// Makes one `#[test]` per clause of the contract. The expression gives an [`Engine`](crate::suite::Engine),
/// anew for each clause.
#[macro_export]
macro_rules! store_suite {
    ($engine:expr) => {
        $crate::store_suite! { @tests $engine;
            a_row_is_found_as_it_was_put
            a_put_changes_only_the_cells_that_it_names
            an_older_stamp_changes_nothing
            at_an_equal_stamp_the_larger_value_wins
            a_delete_beats_what_lives_at_its_stamp
            a_row_without_cells_is_there_until_deleted
            puts_in_any_order_and_number_give_the_same_rows
            a_row_that_does_not_fit_refuses_the_batch
            checkpoints_and_cursors_are_kept_apart
            a_scan_gives_one_partition_key_in_order
            a_scan_keeps_to_its_bounds
            pages_of_a_scan_join_without_gap_or_repeat
            a_table_scan_gives_every_row_once
            tables_and_similar_keys_are_apart
            hidden_rows_do_not_shorten_a_page
            the_first_generation_is_live_until_another_is_made_so
            generations_know_nothing_of_each_other
            a_removed_generation_is_gone
            another_logs_store_is_refused
            what_was_synced_is_there_after_a_crash
            what_was_applied_is_there_after_a_close
            a_crash_keeps_no_checkpoint_without_its_rows
            a_store_goes_on_where_a_crash_left_it
            readers_beside_a_writer_see_whole_batches
        }
    };
    (@tests $engine:expr; $($clause:ident)*) => {
        $(#[test] fn $clause() { $crate::suite::$clause(&mut $engine); })*
    };
}

/// A table with two partition columns and two clustering columns, as statements have them.
pub static STATEMENT: Table = Table {
    number: 3,
    name: "suite_statement",
    partition: &[("tenant", Type::Text), ("member", Type::Bytes)],
    clustering: &[("accepted_at", Type::Int), ("part", Type::Text)],
    columns: &[("kind", Type::Text), ("delta", Type::Int), ("digest", Type::Bytes)],
};

/// A table without clustering columns, its number next to [`STATEMENT`]'s.
pub static BALANCES: Table = Table {
    number: 4,
    name: "suite_balances",
    partition: &[("tenant", Type::Text), ("member", Type::Bytes)],
    clustering: &[],
    columns: &[("available", Type::Int), ("reserved", Type::Int), ("label", Type::Text)],
};

fn name(text: &str) -> Name {
    text.parse().expect("the suite's names are names")
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn member(number: u8) -> Value {
    // Zeros, ones and 255s where an encoding of bytes could trip.
    Value::Bytes(vec![number, 0, 1, 255, number])
}

fn balance_key(number: u8) -> Vec<Value> {
    vec![text("acme"), member(number)]
}

fn balance(number: u8, cells: &[(u8, Value)]) -> Row {
    Row { table: &BALANCES, key: balance_key(number), cells: cells.to_vec(), delete: false }
}

fn deleted(row: Row) -> Row {
    Row { cells: Vec::new(), delete: true, ..row }
}

fn statement(number: u8, at: i64, part: &str, delta: i64) -> Row {
    let key = vec![text("acme"), member(number), Value::Int(at), text(part)];
    let cells = vec![(0, text("redemption")), (1, Value::Int(delta))];
    Row { table: &STATEMENT, key, cells, delete: false }
}

fn apply(rows: &dyn Rows, puts: &[(i64, Row)]) {
    let mut batch = Batch::new();
    for (stamp, row) in puts {
        batch.decision(*stamp, vec![row.clone()]);
    }
    rows.apply(batch).expect("a healthy store takes a fitting batch");
}

fn fresh(engine: &mut dyn Engine) -> (Arc<dyn Store>, Arc<dyn Rows>) {
    let store = engine.create();
    let rows = store.create(&name("first")).expect("a new store takes a generation");
    (store, rows)
}

fn live(store: &Arc<dyn Store>) -> Arc<dyn Rows> {
    store.live().expect("there is a live generation")
}

fn everything(rows: &dyn Rows) -> Vec<Found> {
    let mut all = rows.scan_table(&STATEMENT, None, usize::MAX).expect("a healthy table can be read");
    all.extend(rows.scan_table(&BALANCES, None, usize::MAX).expect("a healthy table can be read"));
    all
}

fn cells(found: Option<Found>) -> Option<Vec<(u8, i64, Value)>> {
    found.map(|row| row.cells.into_iter().map(|cell| (cell.column, cell.stamp, cell.value)).collect())
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ids, MemoryIds, MemoryStore};

    #[derive(Default)]
    struct InMemory {
        store: Option<MemoryStore>,
    }

    impl Engine for InMemory {
        fn create(&mut self) -> Arc<dyn Store> {
            let store = MemoryStore::new(LOG);
            self.store = Some(store.clone());
            Arc::new(store)
        }

        fn reopen(
            &mut self,
            store: Arc<dyn Store>,
            ending: Ending,
            log: LogId,
        ) -> Result<Arc<dyn Store>, StoreError> {
            let held = self.store.clone().expect("created before");
            match ending {
                Ending::Close => store.sync()?,
                Ending::Crash => held.crash(),
            }
            if log != held.log_id() {
                let hex = |log: LogId| format!("{:032x}", u128::from_be_bytes(log.0));
                let (wanted, found) = (hex(log), hex(held.log_id()));
                return Err(StoreError::OtherLog { file: "memory".to_owned(), wanted, found });
            }
            Ok(Arc::new(held))
        }
    }

    crate::store_suite!(InMemory::default());

    #[derive(Default)]
    struct IdsInMemory {
        ids: MemoryIds,
    }

    impl IdsEngine for IdsInMemory {
        fn create(&mut self) -> Arc<dyn Ids> {
            Arc::new(self.ids.clone())
        }

        fn reopen(&mut self, ids: Arc<dyn Ids>, ending: Ending) -> Arc<dyn Ids> {
            match ending {
                Ending::Close => ids.sync().unwrap(),
                Ending::Crash => self.ids.crash(),
            }
            Arc::new(self.ids.clone())
        }
    }

    crate::ids_suite!(IdsInMemory::default());
}
