//! The log on real brokers. Without JDK 17 and Maven each test says that it is left out; `MIRABELLE_SERVERS=require` makes
//! it fail instead.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod changed;
mod conformance;
mod faults;
mod members;
mod refused;
mod secured;
mod servers;
mod shared;
