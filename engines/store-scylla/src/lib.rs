//! The engine of rows for ScyllaDB and Apache Cassandra, within the CQL that both share.
//!
//! ```text
//!   keyspace mirabelle                    what the store is about: its log, its generations, the roles' cursors
//!   keyspace mirabelle_rows_1_3fa9c201_1  one generation: its rows, and the checkpoints that they reach
//! ```
//! * Every write says `USING TIMESTAMP`: rows the `at` of their decision, so that a repeat or a late writer changes
//!   nothing; the store's own notes a clock that never falls behind what it has read. No counters, no conditions,
//!   no lists: [`cql`] holds every statement, and a test reads it.
//! * A batch's rows go out as one request for each partition key, many at once; when all are acknowledged by a
//!   quorum of the data centre, and not before, its checkpoints follow.
//! * A [checkpoint](checkpoints) is trusted only in the data centre that wrote it: elsewhere its rows may still be
//!   on their way.
//! * Requests end within seconds; what may pass is tried again with jitter, and after that told as
//!   [`StoreError::Away`](mirabelle_store::StoreError::Away), which the projector outlives.
//!
//! Shipped for ScyllaDB, tested on Apache Cassandra 5.0.9.

mod bind;
pub mod checkpoints;
mod clock;
pub mod cql;
mod generation;
mod meta;
mod migrate;
pub mod options;
mod read;
mod retry;
mod rows;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use cql::{Migration, Schema};
pub use options::{BadUrl, Options, Secret};
pub use session::Counts;
pub use store::ScyllaStore;
