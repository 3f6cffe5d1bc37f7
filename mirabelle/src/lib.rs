//! The whole: configuration, wiring, the command line. Only here are engines named.

/// A request allocates in one thread what another frees: with the C library's allocator that took 30 % of all processor
/// time under load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod engine;
pub mod roles;
pub mod serve;
pub mod verify;
