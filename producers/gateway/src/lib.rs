//! The door: commands, reads, and what HR systems deliver, over HTTP.
//!
//! ```text
//!   socket ─ sockets (bounds, deadlines) ─ guard (who, may they, room) ─ routes ─┬─ send ─▶ log ─▶ decider ─▶ facts
//!                                                                               ├─ rows (reads)            │
//!   admin ─ health, metrics                          waiters, directory ◀─ tail ◀───────────────────────────┘
//! ```
//! Every route stands once in [`routes::table`]: router, guards and `/openapi.json` are made from it. Every "no" is a
//! [`problem::Problem`] with a stable code.

pub mod admin;
pub mod arrivals;
pub mod auth;
pub mod connection;
pub mod directory;
pub mod first;
pub mod gateway;
pub mod guard;
pub mod head;
pub mod json;
pub mod member;
pub mod metrics;
pub mod openapi;
pub mod options;
pub mod pages;
pub mod patience;
mod prefer;
pub mod problem;
pub mod rate;
mod reason;
pub mod routes;
pub mod seed;
pub mod send;
pub mod sockets;
pub mod standards;
pub mod state;
pub mod tail;
pub mod waiters;

pub use gateway::{Error, Gateway, serve};
pub use options::Options;
pub use state::{Parts, Pretend, Progress};
