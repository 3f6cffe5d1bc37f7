//! The seams to what is asked about the log: rows ([`Store`]), the decider's index of ids ([`Ids`]) and
//! snapshots ([`Snapshots`]). Everything here can be thrown away and rebuilt from `facts`.
//!
//! One file of contract, one conformance suite ([`suite`]); every engine passes the whole of it.

pub mod batch;
pub mod cells;
pub mod encode;
pub mod error;
pub mod ids;
pub mod memory;
pub mod scan;
pub mod snapshots;
pub mod suite;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Table, Value};
use mirabelle_log::{LogId, Partition};

pub use batch::{Batch, Put};
pub use error::StoreError;
pub use ids::{Ids, MemoryIds};
pub use memory::MemoryStore;
pub use scan::{Cell, Found, Scan};
pub use snapshots::{
    Blobs, DirectoryBlobs, Header, Latest, MemoryBlobs, Snapshot, SnapshotError, Snapshots, Wanted,
};

/// One generation of rows, as [`Store::generations`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its name.
    pub name: Name,
    /// Whether readers are sent here.
    pub live: bool,
}

/// Rows about one log, in named generations.
///
/// # Contract
/// * A store belongs to one log: an engine that finds another log's rows refuses to open
///   ([`StoreError::OtherLog`]), because rows of another log are answers about other people's points.
/// * **Generations.** Rows live in a named generation, so that a rebuild, or a newer projection, fills a new one
///   beside the one that is read; [`make_live`](Store::make_live) sends readers to it at one instant, for good
///   when it returns. Generations know nothing of each other.
/// * **Role cursors** ([`put_cursor`](Store::put_cursor)) stand outside of all generations: neither a rebuild nor
///   a new generation makes a role repeat what it did outside (DESIGN §3).
/// * **Durability.** What was applied is read by everybody at once, and is durable when
///   [`sync`](Store::sync) returns, or earlier when the engine's own policy says so. A crash takes rows,
///   checkpoints and role cursors back to one instant:
///
/// ```text
///   applied:   b1  b2  c(b2)  b3  b4  c(b4)  b5          b = rows, c = checkpoint of the rows before it
///   durable:  '------------'
///   after a crash: any prefix that holds at least what was durable, never c(b4) without b3 and b4.
/// ```
/// * **Several processes.** Where the medium lets more than one process in, another process learns of
///   [`make_live`](Store::make_live) within seconds. Role cursors are the last put's, whoever put it.
pub trait Store: Send + Sync + 'static {
    /// The log that the rows are about.
    fn log_id(&self) -> LogId;

    /// Whether rows are read without leaving this process: then a row or two may be read where a network may not be
    /// waited for.
    fn is_in_process(&self) -> bool {
        false
    }

    /// All generations, by name.
    fn generations(&self) -> Result<Vec<Generation>, StoreError>;

    /// Makes a new, empty generation; durable when it returns. The first one ever made is live.
    fn create(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError>;

    /// Opens a generation by name.
    fn open(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError>;

    /// The generation that readers are sent to. Cheap: ask anew for each request.
    fn live(&self) -> Result<Arc<dyn Rows>, StoreError>;

    /// Sends readers to a generation; durable, with all its rows, when it returns.
    fn make_live(&self, name: &Name) -> Result<(), StoreError>;

    /// Drops a generation and its rows; the live one is refused. Whoever still holds it gets
    /// [`StoreError::UnknownGeneration`] from then on.
    fn remove(&self, name: &Name) -> Result<(), StoreError>;

    /// The checkpoint that a role last put for a partition.
    fn cursor(&self, role: &Name, partition: Partition) -> Result<Option<Vec<u8>>, StoreError>;

    /// Puts a role's checkpoint for a partition, in place of the one before.
    fn put_cursor(&self, role: &Name, partition: Partition, checkpoint: &[u8]) -> Result<(), StoreError>;

    /// Makes durable all that was applied and put before the call.
    fn sync(&self) -> Result<(), StoreError>;
}

/// The rows of one generation.
///
/// # Contract
/// * **Cells are last-write-wins by stamp**, each for itself; at an equal stamp the larger value wins (by its
///   [bytes](cells::ValueRef)), and a delete beats what lives. So any order and any repetition of the same puts
///   gives the same rows: a repeat or a late writer changes nothing. A row exists from its first put that no delete
///   covers, also one without cells. Deletes are remembered, so that a late put from before one stays without
///   effect: for ever in a file, for ten days on servers, where a replay that brings back an older put brings the
///   delete too.
/// * A [`Batch`] that is applied is applied whole; its checkpoints are seen and durable never before its rows, nor
///   before those of the batches that this thread applied earlier. Rows of one partition key appear at one instant,
///   of several on one medium or after each other. One that fails leaves nothing, or on servers
///   ([`StoreError::Away`]) rows without their checkpoint: whoever applies it again ends where it would have.
/// * A checkpoint is handed out only where its rows are: an engine that knows several places may hand out an older
///   one, or none, in a place that may still lack some.
/// * A put that does not fit its table (count, type or order of key and cells) refuses the whole batch
///   ([`StoreError::BadRow`]): it is a bug of the projection.
/// * A value whose bytes do not check is an error ([`StoreError::Corrupt`]), never an answer.
pub trait Rows: Send + Sync {
    /// The generation's name.
    fn name(&self) -> &Name;

    /// Applies puts and then checkpoints.
    ///
    /// # Errors
    /// [`StoreError::Away`] after the engine's own bounded retries: what is not applied may be applied again.
    fn apply(&self, batch: Batch) -> Result<(), StoreError>;

    /// The checkpoint last applied for a partition: its rows reach at least so far.
    fn checkpoint(&self, partition: Partition) -> Result<Option<Vec<u8>>, StoreError>;

    /// The row with this key (partition columns, then clustering columns).
    fn get(&self, table: &'static Table, key: &[Value]) -> Result<Option<Found>, StoreError>;

    /// Rows of one partition key in clustering order.
    fn scan(&self, scan: &Scan) -> Result<Vec<Found>, StoreError>;

    /// Rows of a whole table in an order of the engine's own, always the same, from behind the key `after`: in memory
    /// and in the embedded file that of the encoded keys. Rows of one partition key stand together, in clustering
    /// order. Fewer than `limit` means that the table has ended. For `verify` and directories, not for requests.
    fn scan_table(
        &self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError>;
}
