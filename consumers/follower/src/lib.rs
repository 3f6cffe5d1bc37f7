//! What courier, clock and fulfiller have in common: they follow every partition of `facts`, keep what is still
//! owed as state, and send commands for it whose ids are derived from the facts that made them due.
//!
//! A follower never acts on history: after a start it folds to the end that it finds, and only then sends what is
//! still open. Its commands may be lost, doubled or late; the decider knows their ids.

pub mod core;
mod followed;
pub mod metrics;
mod outbox;
pub mod service;

pub use core::{Core, Fault, Outgoing, Seen, is_stale};
pub use metrics::Metrics;
pub use service::{Error, Follower, Options};
