//! The door over real sockets, with the real roles behind it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod about;
mod access;
mod adoption;
mod bad_input;
mod client;
mod commands;
mod door;
mod gifts;
mod names;
mod reads;
mod settled;
mod shapes;
mod shop;
mod told;
mod wire;
mod world;
