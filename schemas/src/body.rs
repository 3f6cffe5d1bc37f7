//! Bodies of commands and facts.
//!
//! The newest version of a kind is written and read by our own codec ([`crate::avro`]); an older one is read with its
//! writer's schema by `apache-avro`, and what it lacks is filled by serde's defaults. There is never a reader schema.

use bytes::Bytes;
use mirabelle_domain::{Command, Fact, command, fact};
use serde::de::DeserializeOwned;

use crate::avro::{from_datum, to_datum};
use crate::record::FactRecord;
use crate::registry::{self, Subject};
use crate::unreadable::{At, Unreadable};
use crate::wire::BODY_BYTES_MAX;

macro_rules! fact_bodies {
    ($(($number:literal, $name:ident)),*) => {
        fn put_fact(fact: &Fact, out: &mut Vec<u8>) {
            match fact { $(Fact::$name(body) => to_datum(body, out),)* }
        }

        fn read_fact(kind: u16, schema: u16, datum: &[u8]) -> Result<Fact, Unreadable> {
            match kind {
                $($number => read(Subject::Fact(kind), schema, stringify!($name), datum)
                    .map(|body: fact::$name| Fact::$name(body)),)*
                _ => Err(Unreadable::UnknownKind { what: "fact", kind }),
            }
        }
    };
}

macro_rules! command_bodies {
    ($(($number:literal, $name:ident)),*) => {
        fn put_command(command: &Command, out: &mut Vec<u8>) {
            match command { $(Command::$name(body) => to_datum(body, out),)* }
        }

        fn read_command(kind: u16, schema: u16, datum: &[u8]) -> Result<Command, Unreadable> {
            match kind {
                $($number => read(Subject::Command(kind), schema, stringify!($name), datum)
                    .map(|body: command::$name| Command::$name(body)),)*
                _ => Err(Unreadable::UnknownKind { what: "command", kind }),
            }
        }
    };
}

mirabelle_domain::for_each_fact!(fact_bodies);
mirabelle_domain::for_each_command!(command_bodies);

/// Closes one fact.
pub fn encode_fact(fact: &Fact) -> FactRecord {
    let mut out = Vec::with_capacity(128);
    put_fact(fact, &mut out);
    FactRecord { kind: fact.kind(), schema: registry::newest(Subject::Fact(fact.kind())), body: out.into() }
}

/// Closes the facts of a decision, all bodies in one piece of memory.
pub fn encode_facts(facts: &[Fact]) -> Vec<FactRecord> {
    let mut out = Vec::with_capacity(128 * facts.len());
    let mut ends = Vec::with_capacity(facts.len());
    for fact in facts {
        put_fact(fact, &mut out);
        ends.push(out.len());
    }
    let bodies = Bytes::from(out);
    let mut begin = 0;
    let close = |(fact, end): (&Fact, usize)| {
        let body = bodies.slice(begin..end);
        begin = end;
        FactRecord { kind: fact.kind(), schema: registry::newest(Subject::Fact(fact.kind())), body }
    };
    facts.iter().zip(ends).map(close).collect()
}

/// Opens one fact. [`Unreadable::UnknownKind`] and [`Unreadable::UnknownVersion`]: of a newer release.
pub fn decode_fact(record: &FactRecord) -> Result<Fact, Unreadable> {
    decode_fact_body(record.kind, record.schema, &record.body)
}

/// [`decode_fact`] where the body still lies in its record.
pub fn decode_fact_body(kind: u16, schema: u16, body: &[u8]) -> Result<Fact, Unreadable> {
    bounded("a fact's body", body)?;
    read_fact(kind, schema, body)
}

/// Closes a command's body: its kind, its schema's version, its datum.
pub fn encode_body(command: &Command) -> (u16, u16, Bytes) {
    let mut out = Vec::with_capacity(256);
    put_command(command, &mut out);
    (command.kind(), registry::newest(Subject::Command(command.kind())), out.into())
}

/// Opens a command's body. [`Unreadable::UnknownKind`] and [`Unreadable::UnknownVersion`]: of a newer release.
pub fn decode_body(kind: u16, schema: u16, body: &[u8]) -> Result<Command, Unreadable> {
    bounded("a command's body", body)?;
    read_command(kind, schema, body)
}

fn bounded(what: &'static str, body: &[u8]) -> Result<(), Unreadable> {
    if body.len() <= BODY_BYTES_MAX {
        Ok(())
    } else {
        Err(Unreadable::TooLarge { what, bytes: body.len(), max: BODY_BYTES_MAX })
    }
}

#[inline]
fn read<T: DeserializeOwned>(
    subject: Subject,
    version: u16,
    name: &'static str,
    datum: &[u8],
) -> Result<T, Unreadable> {
    if version == registry::newest(subject) {
        from_datum(datum).at(name, "body")
    } else {
        read_older(subject, version, name, datum)
    }
}

#[cold]
fn read_older<T: DeserializeOwned>(
    subject: Subject,
    version: u16,
    name: &'static str,
    datum: &[u8],
) -> Result<T, Unreadable> {
    let Some(schema) = registry::find(subject, version) else {
        let (what, kind) = subject.what_and_kind();
        return Err(Unreadable::UnknownVersion { what, kind, schema: version });
    };
    let broken = |why| Unreadable::Broken { record: name, field: "body", why };
    crate::older::read_datum(schema.reader(), datum).map_err(broken)
}
