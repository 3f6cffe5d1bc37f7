//! Records on the wire: Avro schemas, and the code that reads and writes them.

pub mod record;
