//! The door: commands, reads, and what HR systems deliver, over HTTP.

pub mod auth;
pub mod directory;
pub mod json;
pub mod member;
pub mod metrics;
pub mod options;
pub mod problem;
pub mod routes;
pub mod seed;
pub mod send;
pub mod serve;
pub mod state;
pub mod tail;
pub mod waiters;

pub use options::Options;
pub use state::{Parts, Progress};
