//! Decides: reads inputs, applies the rules, appends one decision for each, and holds a decision for true only when it
//! has read it back.

pub mod accounts;
mod background;
pub mod known;
mod lane;
pub mod metrics;
pub mod overlay;
pub mod partition;
pub mod service;
pub mod snapshot;
pub mod step;
mod terms;

pub use accounts::Accounts;
pub use known::Recent;
pub use lane::LaneOptions;
pub use metrics::Metrics;
pub use partition::{Alarm, Counts, Effect, Partition};
pub use service::{Error, Machine, Membership, Options, Service};
pub use step::{Fault, Here, Past};
