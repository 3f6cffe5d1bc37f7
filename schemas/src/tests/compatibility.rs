//! Versions of one schema, side by side: BACKWARD_TRANSITIVE, and the reader of the release before.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use apache_avro::types::Value;
use mirabelle_domain::fact::LineFulfilled;

use super::bodies::write_value;
use super::golden;
use super::values::{Choices, Maker};
use crate::registry::find;
use crate::{RegisteredSchema, registry};

/// Why what `writer` wrote is not always readable by `reader`; `None` when it is.
fn incompatible(writer: &Schema, reader: &Schema) -> Option<String> {
    match SchemaCompatibility::can_read(writer, reader) {
        Ok(Compatibility::Full) => None,
        Ok(Compatibility::Partial) => Some("only some values can be read".to_owned()),
        Err(why) => Some(why.to_string()),
    }
}

/// What the reader of the release before makes of bytes that a newer schema wrote: its own schema is the reader's,
/// the bytes' schema the writer's.
fn read_by_older(newer: &Schema, older: &Schema, mut datum: &[u8]) -> Result<Value, String> {
    let reader = GenericDatumReader::builder(newer).reader_schema(older).human_readable(false).build();
    reader.and_then(|reader| reader.read_value(&mut datum)).map_err(|why| why.to_string())
}

fn versions() -> impl Iterator<Item = (&'static RegisteredSchema, &'static RegisteredSchema)> {
    registry().iter().flat_map(|newer| {
        let earlier = registry().iter();
        earlier
            .filter(|older| older.subject == newer.subject && older.version < newer.version)
            .map(move |older| (newer, older))
    })
}

#[test]
fn every_version_reads_what_all_earlier_versions_wrote() {
    for (newer, older) in versions() {
        let why = incompatible(older.schema(), newer.schema());
        assert_eq!(why, None, "{} can't read {}", newer.file, older.file);
    }
    for schema in registry() {
        assert_eq!(incompatible(schema.schema(), schema.schema()), None, "{} can't read itself", schema.file);
    }
}

#[test]
fn the_release_before_reads_what_this_one_writes() {
    for (newer, older) in versions().filter(|(newer, older)| newer.version == older.version + 1) {
        for sample in golden::samples_of(newer) {
            read_by_older(newer.schema(), older.schema(), &sample)
                .unwrap_or_else(|why| panic!("{} can't read {}: {why}", older.file, newer.file));
        }
    }
}

const OLD: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "points", "type": "long"},
    {"name": "end", "type": {"type": "enum", "name": "End", "symbols": ["unknown", "failed"], "default": "unknown"}}]}"#;

fn changed(from: &str, to: &str) -> Schema {
    assert!(OLD.contains(from));
    Schema::parse_str(&OLD.replace(from, to)).unwrap()
}

#[test]
fn a_change_that_breaks_readers_is_found() {
    let old = Schema::parse_str(OLD).unwrap();
    let breaking = [
        changed(r#"{"name": "points", "type": "long"}"#, r#"{"name": "sum", "type": "long"}"#),
        changed(r#""fields": ["#, r#""fields": [{"name": "added", "type": "string"}, "#),
        changed(r#""type": "long""#, r#""type": "int""#),
        changed(r#""type": "long""#, r#""type": "string""#),
        changed(r#""name": "R""#, r#""name": "S""#),
    ];
    for reader in &breaking {
        assert!(incompatible(&old, reader).is_some(), "{}", reader.canonical_form());
    }
    // Only some of its values can be read: `mutual_read(..).is_ok()` would let this pass.
    let narrowed = changed(r#""long""#, r#"["null", "int", "string"]"#);
    let writer = changed(r#""long""#, r#"["null", "long", "string"]"#);
    assert!(incompatible(&writer, &narrowed).is_some());
}

#[test]
fn a_change_that_only_adds_with_a_default_is_readable_both_ways() {
    let old = Schema::parse_str(OLD).unwrap();
    let new = changed(
        r#""fields": ["#,
        r#""fields": [{"name": "added", "type": ["null", "string"], "default": null}, "#,
    );
    assert_eq!((incompatible(&old, &new), incompatible(&new, &old)), (None, None));
}

#[test]
fn a_golden_reader_of_the_version_before_reads_a_newer_ones_bytes() {
    let old = Schema::parse_str(OLD).unwrap();
    let added = r#"{"name": "added", "type": ["null", "string"], "default": null}, "#;
    let new = Schema::parse_str(
        &OLD.replace(r#""fields": ["#, &format!(r#""fields": [{added}"#))
            .replace(r#""failed"]"#, r#""failed", "cancelled"]"#),
    )
    .unwrap();
    let value = Value::Record(vec![
        ("added".to_owned(), Value::Union(1, Box::new(Value::String("x".to_owned())))),
        ("points".to_owned(), Value::Long(1041)),
        ("end".to_owned(), Value::Enum(2, "cancelled".to_owned())),
    ]);
    let read = read_by_older(&new, &old, &write_value(&new, &value)).unwrap();
    let expected = Value::Record(vec![
        ("points".to_owned(), Value::Long(1041)),
        ("end".to_owned(), Value::Enum(0, "unknown".to_owned())),
    ]);
    assert_eq!(read, expected);

    let retyped = changed(r#""type": "long""#, r#""type": "string""#);
    let value = Maker::whole(Choices::Full, 1, &retyped);
    assert!(read_by_older(&retyped, &old, &write_value(&retyped, &value)).is_err());
}

#[test]
fn a_body_of_an_older_version_is_filled_with_the_defaults_of_what_it_lacks() {
    let newest = registry().iter().find(|schema| schema.name == "mirabelle.LineFulfilled").unwrap();
    let mut json: serde_json::Value = serde_json::from_str(newest.json).unwrap();
    let fields = json["fields"].as_array_mut().unwrap();
    let before = fields.len();
    fields.retain(|field| field["name"] != "reference" && field["name"] != "voucher");
    assert_eq!(fields.len(), before - 2);
    let older = Schema::parse(&json).unwrap();
    assert_eq!(incompatible(&older, newest.schema()), None);

    let value = Maker::whole(Choices::Full, 5, &older);
    let reader = GenericDatumReader::builder(&older).human_readable(false).build().unwrap();
    let body: LineFulfilled = crate::older::read_datum(&reader, &write_value(&older, &value)).unwrap();
    assert_eq!((&body.reference, &body.voucher), (&None, &None));
    let Value::Record(fields) = &value else { panic!("a body is a record") };
    let points = fields.iter().find(|(name, _)| name == "points").unwrap();
    assert_eq!(points.1, Value::Long(body.points.get()));
    assert_eq!(find(newest.subject, 1).unwrap().name, newest.name);
}
