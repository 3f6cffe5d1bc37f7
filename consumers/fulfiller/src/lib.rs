//! Turns approved redemption lines into vouchers by calling vendors, and says what they answered.
//!
//! No vendor is called before `FulfilmentStarted` of that attempt has been read back, and every attempt of a line
//! carries the same key, so that a vendor that is asked twice delivers once.

pub mod core;
mod line;
pub mod sandbox;
pub mod service;
pub mod vendor;

pub use core::Fulfiller;
pub use sandbox::Sandbox;
pub use service::Calls;
pub use vendor::{Answer, Order, Vendor};
