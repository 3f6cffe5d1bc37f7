//! The decider over a log, an index and snapshots in memory, under a clock that the tests move.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod aside;
mod beside;
mod clocks;
mod hall;
mod lanes;
mod ownership;
mod repeats;
mod restart;
