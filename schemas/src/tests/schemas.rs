//! The schemas themselves: complete, classed, numbered once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use apache_avro::Schema;
use mirabelle_domain::{Command, Fact};

use crate::registry::{self, find, newest};
use crate::wire::RECORDS;
use crate::{Subject, registry as all};

const CLASSES: [&str; 4] = ["public", "business", "personal", "secret"];

#[test]
fn the_constants_of_the_hot_path_are_those_of_the_registry() {
    for (index, record) in RECORDS.iter().enumerate() {
        let subject = Subject::Record(index as u16 + 1);
        let schema = find(subject, newest(subject)).unwrap();
        assert_eq!(schema.name, format!("mirabelle.{}", record.name));
        assert_eq!(schema.id, record.id, "{}", record.name);
        assert_eq!(schema.fingerprint, record.fingerprint, "{}: {:#x}", record.name, schema.fingerprint);
    }
    let records = all().iter().filter(|schema| matches!(schema.subject, Subject::Record(_)));
    assert_eq!(records.map(|schema| schema.subject).collect::<BTreeSet<_>>().len(), RECORDS.len());
}

#[test]
fn every_kind_has_a_schema_of_its_name_and_every_schema_a_kind() {
    let facts = Fact::KINDS.iter().map(|(kind, name)| (Subject::Fact(*kind), *name));
    let commands = Command::KINDS.iter().map(|(kind, name)| (Subject::Command(*kind), *name));
    let kinds: BTreeMap<Subject, &str> = facts.chain(commands).collect();
    assert_eq!(kinds.len(), Fact::KINDS.len() + Command::KINDS.len(), "a kind's number was used twice");
    for (subject, name) in &kinds {
        let schema = find(*subject, newest(*subject)).unwrap_or_else(|| panic!("{name} has no schema"));
        assert_eq!(schema.name, format!("mirabelle.{name}"));
    }
    for schema in all().iter().filter(|schema| !matches!(schema.subject, Subject::Record(_))) {
        assert!(kinds.contains_key(&schema.subject), "{} describes no kind", schema.file);
    }
}

#[test]
fn every_file_is_registered_once_under_a_name_that_says_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("avro");
    let mut files = BTreeSet::new();
    for folder in ["", "facts", "commands"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let registered: BTreeSet<String> = all().iter().map(|schema| schema.file.to_owned()).collect();
    assert_eq!(files, registered);
    assert_eq!(registered.len(), all().len(), "a file is registered twice");
    for schema in all() {
        let folder = match schema.subject {
            Subject::Record(_) => "",
            Subject::Fact(_) => "facts/",
            Subject::Command(_) => "commands/",
        };
        let name = snake_case(schema.name.strip_prefix("mirabelle.").unwrap());
        assert_eq!(schema.file, format!("{folder}{name}.v{}.avsc", schema.version));
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[test]
fn ids_and_fingerprints_and_names_belong_to_one_schema_each() {
    let ids: BTreeSet<u32> = all().iter().map(|schema| schema.id).collect();
    assert_eq!(ids.len(), all().len());
    let fingerprints: BTreeSet<u64> = all().iter().map(|schema| schema.fingerprint).collect();
    assert_eq!(fingerprints.len(), all().len(), "two schemas differ in docs alone");
    assert!(!fingerprints.contains(&0), "0 means: not Avro");
    let names: BTreeMap<&str, Subject> =
        all().iter().map(|schema| (schema.name.as_str(), schema.subject)).collect();
    for schema in all() {
        assert_eq!(names[schema.name.as_str()], schema.subject, "{} names two things", schema.name);
    }
}

#[test]
fn versions_run_from_one_without_holes() {
    for schema in all() {
        for earlier in 1..schema.version {
            assert!(find(schema.subject, earlier).is_some(), "{} lacks version {earlier}", schema.name);
        }
    }
    assert_eq!(newest(Subject::Fact(9)), 0);
    assert!(registry::find(Subject::Fact(31), 0).is_none());
}

#[test]
fn every_field_names_its_class_and_what_it_is() {
    let mut fields = 0;
    for schema in all() {
        let json = serde_json::from_str(schema.json).unwrap();
        fields += check_fields(&json, schema.file).unwrap_or_else(|why| panic!("{why}"));
    }
    assert!(fields > 300, "only {fields} fields were looked at");
}

#[test]
fn a_field_without_a_class_is_found_at_any_depth() {
    let deep = serde_json::json!({"type": "record", "name": "A", "fields": [
        {"name": "list", "doc": "d", "class": "public", "type": {"type": "array", "items":
            {"type": "record", "name": "B", "fields": [{"name": "inner", "doc": "d", "type": ["null", "long"]}]}}}]});
    assert_eq!(check_fields(&deep, "a").unwrap_err(), "a: inner has no class");
    let unknown = serde_json::json!({"type": "record", "name": "A", "fields": [
        {"name": "x", "doc": "d", "class": "private", "type": "long"}]});
    assert_eq!(check_fields(&unknown, "a").unwrap_err(), "a: x has no class");
    let undocumented = serde_json::json!({"type": "record", "name": "A", "fields": [
        {"name": "x", "class": "public", "type": "long"}]});
    assert_eq!(check_fields(&undocumented, "a").unwrap_err(), "a: x has no doc");
}

/// Counts the fields at every depth; says which lacks its class or its doc.
fn check_fields(schema: &serde_json::Value, file: &str) -> Result<usize, String> {
    let mut fields = 0;
    match schema {
        serde_json::Value::Array(branches) => {
            for branch in branches {
                fields += check_fields(branch, file)?;
            }
        }
        serde_json::Value::Object(members) => {
            for field in members.get("fields").and_then(|fields| fields.as_array()).into_iter().flatten() {
                let name = &field["name"].as_str().ok_or("a field has no name")?;
                let class = field["class"].as_str().filter(|class| CLASSES.contains(class));
                class.ok_or_else(|| format!("{file}: {name} has no class"))?;
                let doc = field["doc"].as_str().filter(|doc| !doc.is_empty());
                doc.ok_or_else(|| format!("{file}: {name} has no doc"))?;
                fields += 1 + check_fields(&field["type"], file)?;
            }
            for inner in ["items", "values"] {
                fields += members.get(inner).map_or(Ok(0), |inner| check_fields(inner, file))?;
            }
        }
        _ => {}
    }
    Ok(fields)
}

#[test]
fn what_is_sealed_is_personal_or_secret_and_nothing_else_is_personal_in_clear() {
    for schema in all() {
        let Schema::Record(record) = schema.schema() else { panic!("{} is no record", schema.name) };
        walk(record, &mut |field, named| {
            let class = field.custom_attributes["class"].as_str().unwrap();
            let sealed = named.as_deref() == Some("Sealed");
            let hidden = ["personal", "secret"].contains(&class);
            // A key's hash opens nothing, but is worth hiding; raw bytes of our own topics may hold anything.
            let exempt = ["hash", "raw", "bytes"].contains(&field.name.as_str());
            assert!(sealed == hidden || exempt, "{}: {} is {class}", schema.file, field.name);
        });
    }
}

/// Calls `see` with every field of a record at any depth, and the name of the field's type if it has one.
fn walk(
    record: &apache_avro::schema::RecordSchema,
    see: &mut impl FnMut(&apache_avro::schema::RecordField, Option<String>),
) {
    for field in &record.fields {
        let mut inner = &field.schema;
        loop {
            inner = match inner {
                Schema::Union(union) => &union.variants()[1],
                Schema::Array(array) => &array.items,
                other => {
                    see(field, other.name().map(|name| name.name().to_owned()));
                    if let Schema::Record(record) = other {
                        walk(record, see);
                    }
                    break;
                }
            };
        }
    }
}

#[test]
fn what_may_be_missing_has_null_first_and_as_its_default_and_every_enum_has_one() {
    for schema in all() {
        let text = serde_json::from_str(schema.json).unwrap();
        check_defaults(&text, schema.file);
    }
}

fn check_defaults(schema: &serde_json::Value, file: &str) {
    match schema {
        serde_json::Value::Array(branches) => branches.iter().for_each(|branch| check_defaults(branch, file)),
        serde_json::Value::Object(members) => {
            if members.get("type").is_some_and(|kind| kind == "enum") {
                assert_eq!(members["default"], members["symbols"][0], "{file}: {}", members["name"]);
            }
            for field in members.get("fields").and_then(|fields| fields.as_array()).into_iter().flatten() {
                if let Some(union) = field["type"].as_array() {
                    assert_eq!((union.len(), &union[0]), (2, &"null".into()), "{file}: {}", field["name"]);
                    assert!(field.get("default").is_some_and(|default| default.is_null()), "{file}");
                }
                check_defaults(&field["type"], file);
            }
            members.get("items").into_iter().for_each(|items| check_defaults(items, file));
        }
        _ => {}
    }
}
