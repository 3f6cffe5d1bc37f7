//! The ledger against its model, and over logs that misbehave.

mod model;
