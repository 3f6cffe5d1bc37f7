//! Decides: reads inputs, applies the rules, appends one decision for each, and holds a decision for true only when it
//! has read it back.

pub mod accounts;
mod aside;
pub mod background;
mod earlier;
mod held;
pub mod known;
pub mod lane;
pub mod metrics;
pub mod open;
pub mod overlay;
pub mod partition;
mod retry;
pub mod service;
pub mod snapshot;
pub mod step;
mod terms;

pub use accounts::Accounts;
pub use earlier::Earlier;
pub use held::SLICE_BYTES;
pub use known::Recent;
pub use lane::{Lane, LaneError, LaneOptions};
pub use metrics::Metrics;
pub use open::{Error, open_lane};
pub use partition::{Alarm, Counts, Effect, Partition};
pub use service::{Machine, Membership, Options, Service};
pub use step::{Fault, Here, Past};
