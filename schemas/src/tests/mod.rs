//! Tests of what stands on the wire.

mod schemas;
