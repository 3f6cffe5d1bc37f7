//! The store on real servers: the conformance suite on one node and on two data centres, and what happens when nodes
//! die, stop, are away, or hold what they should not. Where servers can't be had, each test says so and is left out.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod faults;
mod one_node;
mod places;
mod schema;
mod two_datacentres;
mod world;
