//! Writes what the facts say into rows. Stateless: every number stands in the facts; every cell is stamped with its
//! decision's `at`, so that a repeat or a rebuild writes the same rows.

pub mod metrics;
pub mod progress;
pub mod service;

pub use metrics::Metrics;
pub use progress::Progress;
pub use service::{Error, Options, Projector, rows_of_decision};
