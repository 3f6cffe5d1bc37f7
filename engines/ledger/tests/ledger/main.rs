//! The ledger against its model, and over logs that misbehave.

mod conformance;
mod model;
