//! The command line: the real binary against a real server.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod described;
mod journey;
mod offline;
mod refused;
mod server;
mod taken;
