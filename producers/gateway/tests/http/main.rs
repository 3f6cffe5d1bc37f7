//! The door over real sockets, with the real roles behind it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that can not go on stops")]

mod client;
mod door;
mod reads;
mod world;
