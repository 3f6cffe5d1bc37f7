//! Bodies: our own codec against `apache-avro`, for every kind and arbitrary values.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use bytes::Bytes;
use mirabelle_domain::{Command, Fact, command, fact};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::values::{Choices, Maker};
use crate::avro::{from_datum, to_datum};
use crate::record::FactRecord;
use crate::registry::{find, newest};
use crate::{RegisteredSchema, Subject, Unreadable};

pub(super) fn write_value(schema: &Schema, value: &Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema).human_readable(false).build().unwrap();
    let mut out = Vec::new();
    writer.write_value_ref(&mut out, value).unwrap();
    out
}

pub(super) fn read_value(schema: &Schema, mut datum: &[u8]) -> Value {
    let reader = GenericDatumReader::builder(schema).human_readable(false).build().unwrap();
    let value = reader.read_value(&mut datum).unwrap();
    assert!(datum.is_empty(), "apache-avro left {} bytes", datum.len());
    value
}

/// The value, as the schema's own library writes it, survives our codec; what our codec writes is what the library
/// writes; and either reads the other's bytes as the same body.
fn agrees<T>(schema: &RegisteredSchema, value: &Value)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let theirs = write_value(schema.schema(), value);
    let body: T = from_datum(&theirs).unwrap_or_else(|why| panic!("{}: {why}: {value:?}", schema.name));
    let mut ours = Vec::new();
    to_datum(&body, &mut ours);
    assert_eq!(&read_value(schema.schema(), &ours), value, "{}", schema.name);

    let writer = GenericDatumWriter::builder(schema.schema()).human_readable(false).build().unwrap();
    let through_serde = writer.write_ser_to_vec(&body).unwrap_or_else(|why| panic!("{}: {why}", schema.name));
    assert_eq!(ours, through_serde, "{}", schema.name);
    let reader = GenericDatumReader::builder(schema.schema()).human_readable(false).build().unwrap();
    assert_eq!(reader.read_deser::<T>(&mut &ours[..]).unwrap(), body, "{}", schema.name);
    assert_eq!(from_datum::<T>(&ours).unwrap(), body, "{}", schema.name);
}

macro_rules! every_fact {
    ($(($number:literal, $name:ident)),*) => {
        fn every_fact_agrees(choices: Choices, seed: u64) {
            $({
                let schema = find(Subject::Fact($number), newest(Subject::Fact($number))).unwrap();
                let value = Maker::whole(choices, seed ^ $number, schema.schema());
                agrees::<fact::$name>(schema, &value);
            })*
        }

        /// Whether the path of older versions reads these bytes.
        pub(super) fn fact_reads_as_older(kind: u16, datum: &[u8]) -> bool {
            let reader = find(Subject::Fact(kind), 1).unwrap().reader();
            match kind {
                $($number => crate::older::read_datum::<fact::$name>(reader, datum).is_ok(),)*
                other => panic!("no fact {other}"),
            }
        }

        /// A fact from its JSON.
        pub(super) fn fact_from_json(kind: u16, json: &serde_json::Value) -> Fact {
            match kind {
                $($number => Fact::$name(serde_json::from_value(json.clone()).unwrap()),)*
                other => panic!("no fact {other}"),
            }
        }
    };
}

macro_rules! every_command {
    ($(($number:literal, $name:ident)),*) => {
        fn every_command_agrees(choices: Choices, seed: u64) {
            $({
                let schema = find(Subject::Command($number), newest(Subject::Command($number))).unwrap();
                let value = Maker::whole(choices, seed ^ $number, schema.schema());
                agrees::<command::$name>(schema, &value);
            })*
        }

        /// Whether the path of older versions reads these bytes.
        pub(super) fn command_reads_as_older(kind: u16, datum: &[u8]) -> bool {
            let reader = find(Subject::Command(kind), 1).unwrap().reader();
            match kind {
                $($number => crate::older::read_datum::<command::$name>(reader, datum).is_ok(),)*
                other => panic!("no command {other}"),
            }
        }

        /// A command from its JSON.
        pub(super) fn command_from_json(kind: u16, json: &serde_json::Value) -> Command {
            match kind {
                $($number => Command::$name(serde_json::from_value(json.clone()).unwrap()),)*
                other => panic!("no command {other}"),
            }
        }
    };
}

mirabelle_domain::for_each_fact!(every_fact);
mirabelle_domain::for_each_command!(every_command);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_fact_is_written_as_apache_avro_writes_it(seed in any::<u64>()) {
        every_fact_agrees(Choices::Arbitrary, seed);
    }

    #[test]
    fn every_command_is_written_as_apache_avro_writes_it(seed in any::<u64>()) {
        every_command_agrees(Choices::Arbitrary, seed);
    }
}

#[test]
fn full_and_bare_bodies_are_written_as_apache_avro_writes_them() {
    for choices in [Choices::Full, Choices::Bare] {
        every_fact_agrees(choices, 7);
        every_command_agrees(choices, 7);
    }
}

#[test]
fn facts_closed_together_are_the_facts_closed_one_by_one() {
    let facts: Vec<Fact> = [13, 20, 30, 31, 33, 36]
        .map(|kind| {
            let schema = find(Subject::Fact(kind), 1).unwrap();
            let value = Maker::whole(Choices::Full, u64::from(kind), schema.schema());
            let body = Bytes::from(write_value(schema.schema(), &value));
            crate::decode_fact(&FactRecord { kind, schema: 1, body }).unwrap()
        })
        .into();
    let together = crate::encode_facts(&facts);
    let one_by_one: Vec<FactRecord> = facts.iter().map(crate::encode_fact).collect();
    assert_eq!(together, one_by_one);
    let opened: Vec<Fact> = together.iter().map(|fact| crate::decode_fact(fact).unwrap()).collect();
    assert_eq!(opened, facts);
    assert_eq!(crate::encode_facts(&[]), []);
}

#[test]
fn a_kind_or_a_version_of_a_newer_release_is_named_and_not_read() {
    let unknown = crate::decode_fact(&FactRecord { kind: 9999, schema: 1, body: Bytes::new() });
    assert_eq!(unknown, Err(Unreadable::UnknownKind { what: "fact", kind: 9999 }));
    let newer = crate::decode_fact(&FactRecord { kind: 31, schema: 900, body: Bytes::new() });
    assert_eq!(newer, Err(Unreadable::UnknownVersion { what: "fact", kind: 31, schema: 900 }));
    assert_eq!(
        crate::decode_body(30, 0, &[]),
        Err(Unreadable::UnknownVersion { what: "command", kind: 30, schema: 0 })
    );
    let reasons = [unknown.unwrap_err().reason(), newer.unwrap_err().reason()];
    assert_eq!(reasons, ["unknown_schema"; 2]);
}
