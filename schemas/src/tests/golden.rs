//! Golden bytes: what a version writes, kept for ever under `samples/v<version>`.
//!
//! Of each record and body: `<name>.bin`, everything in it; `<name>.bare.bin`, nothing that can be left out; beside
//! each a JSON file that says what the bytes hold. `write_golden_samples` adds what is missing and changes nothing.

use std::fs;
use std::path::PathBuf;

use apache_avro::types::Value;
use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::bodies::{command_from_json, fact_from_json, read_value, write_value};
use super::records::{claim_value, command_value, created_value, decision_value, letter_value};
use super::samples;
use super::values::{Choices, Maker};
use crate::record::FactRecord;
use crate::registry::newest;
use crate::{HEADER_BYTES, RegisteredSchema, Subject, registry};

const FORMS: [(&str, Choices); 2] = [("", Choices::Full), (".bare", Choices::Bare)];

fn path(schema: &RegisteredSchema, form: &str, ending: &str) -> PathBuf {
    let version = format!("v{}.avsc", schema.version);
    let name = schema.file.strip_suffix(&version).unwrap();
    let folder = format!("{}/samples/v{}", env!("CARGO_MANIFEST_DIR"), schema.version);
    PathBuf::from(format!("{folder}/{}{ending}", name.trim_end_matches('.').to_owned() + form))
}

/// The golden bytes of a schema, without wire header.
pub(super) fn samples_of(schema: &RegisteredSchema) -> Vec<Vec<u8>> {
    FORMS.iter().map(|(form, _)| fs::read(path(schema, form, ".bin")).unwrap()).collect()
}

/// What our writer makes of a record's sample today.
fn record_today(number: u16, choices: Choices) -> (Value, Bytes) {
    let full = choices == Choices::Full;
    let (value, wire) = match number {
        1 => {
            let record = if full { samples::command_record() } else { samples::bare_command_record() };
            (command_value(&record), crate::encode_command(&record).value)
        }
        2 => {
            let decision = if full { samples::decision() } else { samples::bare_decision() };
            (decision_value(&decision), crate::encode_decision(&decision).value)
        }
        3 => (claim_value(&samples::claim()), crate::encode_claim(&samples::claim()).value),
        4 => (created_value(&samples::log_created()), crate::encode_created(&samples::log_created()).value),
        5 => {
            let letter = if full { samples::dead_letter() } else { samples::bare_dead_letter() };
            (letter_value(&letter), crate::encode_dead_letter(&letter).value)
        }
        other => panic!("no record {other}"),
    };
    (value, wire.slice(HEADER_BYTES..))
}

/// A record's value as JSON; bytes as hexadecimal digits.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) | Value::Date(value) => json!(value),
        Value::Long(value) | Value::TimestampMicros(value) => json!(value),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => {
            json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        Value::String(text) | Value::Enum(_, text) => json!(text),
        Value::Union(_, value) => plain(value),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Record(fields) => fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        other => panic!("no record of ours holds {other:?}"),
    }
}

fn description(schema: &RegisteredSchema, value: Json) -> Json {
    json!({
        "schema": schema.name,
        "version": schema.version,
        "fingerprint": format!("{:016x}", schema.fingerprint),
        "value": value,
    })
}

/// The body that our reader finds in a datum, as JSON, and what our writer makes of that.
fn body_today(subject: Subject, version: u16, datum: &[u8]) -> (Json, Bytes) {
    match subject {
        Subject::Fact(kind) => {
            let fact = crate::decode_fact_body(kind, version, datum).unwrap();
            (serde_json::to_value(&fact).unwrap(), crate::encode_fact(&fact).body)
        }
        Subject::Command(kind) => {
            let command = crate::decode_body(kind, version, datum).unwrap();
            (serde_json::to_value(&command).unwrap(), crate::encode_body(&command).2)
        }
        Subject::Record(_) => panic!("a record is no body"),
    }
}

#[test]
fn todays_reader_reads_the_golden_bytes_of_every_version() {
    for schema in registry() {
        for (form, _) in FORMS {
            let bytes = fs::read(path(schema, form, ".bin")).unwrap();
            let told: Json = serde_json::from_slice(&fs::read(path(schema, form, ".json")).unwrap()).unwrap();
            let value = match schema.subject {
                Subject::Record(_) => plain(&read_value(schema.schema(), &bytes)),
                subject => body_today(subject, schema.version, &bytes).0,
            };
            assert_eq!(description(schema, value), told, "{} of {}", form, schema.file);
        }
    }
}

#[test]
fn todays_writer_writes_the_golden_bytes_of_the_newest_version() {
    for schema in registry().iter().filter(|schema| schema.version == newest(schema.subject)) {
        for (form, choices) in FORMS {
            let golden = fs::read(path(schema, form, ".bin")).unwrap();
            let told: Json = serde_json::from_slice(&fs::read(path(schema, form, ".json")).unwrap()).unwrap();
            let written = match schema.subject {
                Subject::Record(number) => record_today(number, choices).1,
                Subject::Fact(kind) => crate::encode_fact(&fact_from_json(kind, &told["value"])).body,
                Subject::Command(kind) => crate::encode_body(&command_from_json(kind, &told["value"])).2,
            };
            assert_eq!(written, golden, "{} of {}", form, schema.file);
        }
    }
}

#[test]
fn the_golden_bytes_of_records_are_read_as_the_samples_they_were_made_of() {
    let read = |number: u16, form: &str| {
        let schema = super::records::schema(number);
        let mut wire = vec![0, 0, 0, 0, 0];
        wire.extend(fs::read(path(schema, form, ".bin")).unwrap());
        (Bytes::from(wire), schema.fingerprint)
    };
    let (value, fingerprint) = read(1, "");
    assert_eq!(crate::decode_command(&value, fingerprint).unwrap().0, samples::command_record());
    let (value, fingerprint) = read(1, ".bare");
    assert_eq!(crate::decode_command(&value, fingerprint).unwrap().0, samples::bare_command_record());
    for (form, decision) in [("", samples::decision()), (".bare", samples::bare_decision())] {
        let (value, fingerprint) = read(2, form);
        let record = crate::decode_facts_record(&value, fingerprint).unwrap().0;
        assert_eq!(record, crate::record::FactsRecord::Decision(Box::new(decision)));
    }
    for (form, letter) in [("", samples::dead_letter()), (".bare", samples::bare_dead_letter())] {
        let (value, fingerprint) = read(5, form);
        assert_eq!(crate::decode_dead_letter(&value, fingerprint).unwrap(), letter);
    }
}

#[test]
fn a_changed_layout_is_noticed_by_the_golden_bytes() {
    // Two fields of one type, swapped: the kind of change that compiles, and reads, and lies.
    let schema = super::records::schema(3);
    let golden = fs::read(path(schema, "", ".bin")).unwrap();
    let mut claim = samples::claim();
    std::mem::swap(&mut claim.owner, &mut claim.build);
    assert_ne!(crate::encode_claim(&claim).datum(), golden);
}

#[test]
#[ignore = "adds the golden samples of a new version; existing files stay as they are"]
fn write_golden_samples() {
    for schema in registry().iter().filter(|schema| schema.version == newest(schema.subject)) {
        for (form, choices) in FORMS {
            if path(schema, form, ".bin").exists() {
                continue;
            }
            let (datum, value) = match schema.subject {
                Subject::Record(number) => {
                    let (value, datum) = record_today(number, choices);
                    (datum, plain(&value))
                }
                subject => {
                    let value = Maker::whole(choices, u64::from(schema.id), schema.schema());
                    let datum = write_value(schema.schema(), &value);
                    // Maps come in any order from the library; ours writes them sorted.
                    let (json, sorted) = body_today(subject, schema.version, &datum);
                    (sorted, json)
                }
            };
            fs::create_dir_all(path(schema, form, ".bin").parent().unwrap()).unwrap();
            fs::write(path(schema, form, ".bin"), &datum).unwrap();
            let told = serde_json::to_string_pretty(&description(schema, value)).unwrap();
            fs::write(path(schema, form, ".json"), told + "\n").unwrap();
        }
    }
}

#[test]
fn a_facts_record_names_the_kind_and_version_that_it_was_closed_with() {
    for schema in registry() {
        let Subject::Fact(kind) = schema.subject else { continue };
        let body = fs::read(path(schema, "", ".bin")).unwrap();
        let record = FactRecord { kind, schema: schema.version, body: body.into() };
        let fact = crate::decode_fact(&record).unwrap();
        assert_eq!((fact.kind(), format!("mirabelle.{}", fact.name())), (kind, schema.name.clone()));
        if schema.version == newest(schema.subject) {
            assert_eq!(crate::encode_fact(&fact), record);
        }
    }
}
