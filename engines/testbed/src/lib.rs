//! Real servers on loopback, for tests, benchmarks and the curious.
//!
//! ```text
//! CACHE/jars/kafka-4.3.1/    jars, fetched once by Maven       CACHE: $MIRABELLE_TESTBED, else
//! CACHE/run/4711-0/          one group of servers at work             $XDG_CACHE_HOME/mirabelle-testbed,
//!   lock                     held by the process that started it      else ~/.cache/mirabelle-testbed
//!   kafka-1/                 one server's files and what it said
//! ```
//! JDK 17 and Maven are all that is needed; [`Testbed::find`] says how to get them. Servers end with the process that
//! started them, however it ends, and what a killed process left behind is removed by the next one.

mod cassandra;
mod error;
mod java;
mod kafka;
mod process;
mod scratch;

pub use cassandra::{Cassandra, CassandraOptions, DATACENTRES};
pub use error::Error;
pub use java::{Artifact, Missing, Testbed};
pub use kafka::{Kafka, KafkaOptions, Secure};
pub use process::{Process, free_port};
pub use scratch::Scratch;

#[cfg(test)]
mod tests;
