//! Tests of the whole door: bytes in, reports out.

mod answers;
mod bad_input;
mod bodies;
mod fixtures;
mod hostile;
mod mappings;
mod mutations;
mod once;
mod properties;
mod render;
mod samples;
mod tables;
