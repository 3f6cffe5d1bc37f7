//! Records on the wire: Avro schemas, and the code that reads and writes them.
//!
//! A record is `0x00`, a schema id, a datum; beside it goes the fingerprint of its schema (see [`Encoded`]). Records
//! ([`record`]) have a layout of their own; the bodies in them are the domain's commands and facts, each with the
//! number of its kind and the version of its schema, so that a reader can step over what it does not know.
//!
//! ```text
//! command -> encode_body -> CommandRecord -> encode_command -> log -> decode_command -> decode_body -> command
//! facts -> encode_facts -> Decision -> encode_decision -> log -> decode_facts_record -> decode_fact -> fact
//!                                                            \-> peek_facts_record -> the fold of the head
//! ```
//!
//! Every `.avsc` file lies under `schemas/avro`; a released one never changes. Bytes that can't be read are
//! [`Unreadable`], never a panic, and never cost more memory than a small multiple of what they are.

mod avro;
mod body;
mod canonical;
mod command;
mod dead_letter;
mod facts;
mod hash;
mod older;
pub mod record;
mod registry;
mod unreadable;
mod wire;

#[cfg(test)]
mod tests;

pub use body::{decode_body, decode_fact, decode_fact_body, encode_body, encode_fact, encode_facts};
pub use command::{COMMAND_RECORD_VERSION, decode_command, decode_input, encode_command};
pub use dead_letter::{decode_dead_letter, encode_dead_letter};
pub use facts::{
    DecisionView, EncodedFacts, FactView, Facts, FactsView, decode_facts_record, encode_claim,
    encode_created, encode_decision, peek_decision, peek_facts_record,
};
pub use hash::{
    BUCKETS, bucket, command_id, digest, digest_after_claim, follow_up_key, input_digest, partition_of,
};
pub use registry::{RegisteredSchema, Subject, fingerprint, registry};
pub use unreadable::Unreadable;
pub use wire::{BODY_BYTES_MAX, Encoded, HEADER_BYTES, RECORD_BYTES_MAX, reserved_id};
