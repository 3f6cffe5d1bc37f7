//! The whole: configuration, wiring, the command line. Only here are engines named.

pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod engine;
pub mod roles;
pub mod serve;
pub mod verify;
