//! Tests of what stands on the wire.

mod bodies;
mod compatibility;
mod golden;
mod hostile;
mod records;
mod samples;
mod schemas;
mod values;
mod vectors;
