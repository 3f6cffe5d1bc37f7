//! The engine of the log on Apache Kafka.
//!
//! ```text
//!  append ─→ Producer: idempotent, acks=all ─→ broker ─→ acks thread ─→ `done`, known end, tick
//!  reader ─→ Place (a buffer) ←─ Lane: one consumer and thread for each topic, as many as a partition has readers
//!  bounds ─→ one question to the partition's leader
//!  Member ─→ a consumer group on the empty topic PREFIX.membership: Gained, Losing, Lost
//! ```
//! * Topics are `PREFIX.facts` and so on, made with the settings that the ledger needs; a log on topics with others is
//!   not opened ([`OpenError::Topics`] names each that is wrong).
//! * `PREFIX.log` holds the log's id, and marks: for each partition a record that stood there. Topics that were cut, deleted
//!   and made again, or belong to another log, are noticed at the next opening, and while the log is open.
//! * Both views are the same: what is below the high watermark.
//! * Every blocking call of the client library happens on a thread of this crate, or on that of a caller who may block:
//!   [`KafkaLog::open`], `bounds`, `reader` and `read`. None of them belongs on an async worker.

mod client;
mod ends;
mod error;
mod identity;
mod lane;
mod log;
mod membership;
mod options;
mod place;
mod produce;
mod reader;
mod record;
mod settings;
mod topics;
mod watch;

pub use error::{OpenError, OptionsError};
pub use log::KafkaLog;
pub use membership::{Member, MemberOptions};
pub use options::{Compression, Options, Sasl, Secret, Tls};
