//! The schemas that this build knows, compiled in: what `GET /schemas/ids/{n}` and a registry-compatible endpoint serve.

mod table;

use std::sync::OnceLock;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use sha2::{Digest as _, Sha256};

use crate::wire::BODY_BYTES_MAX;

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A record of a topic: 1 `CommandRecord`, 2 `Decision`, 3 `Claim`, 4 `LogCreated`, 5 `DeadLetter`.
    Record(u16),
    /// The body of a fact, by `Fact::kind`.
    Fact(u16),
    /// The body of a command, by `Command::kind`.
    Command(u16),
}

impl Subject {
    /// "record", "fact" or "command", and the number.
    pub(crate) const fn what_and_kind(self) -> (&'static str, u16) {
        match self {
            Subject::Record(number) => ("record", number),
            Subject::Fact(kind) => ("fact", kind),
            Subject::Command(kind) => ("command", kind),
        }
    }

    /// The id of a version of this subject: a number that follows from what is never reused.
    const fn id(self, version: u16) -> u32 {
        let (space, number) = match self {
            Subject::Record(number) => (0, number),
            Subject::Fact(kind) => (1_000_000, kind),
            Subject::Command(kind) => (2_000_000, kind),
        };
        space + number as u32 * 1000 + version as u32
    }
}

/// One line of the table.
struct Source {
    subject: Subject,
    version: u16,
    file: &'static str,
    json: &'static str,
}

/// One version of one schema.
pub struct RegisteredSchema {
    /// Its number in the wire header. Numbers are never reused.
    pub id: u32,
    /// What it describes.
    pub subject: Subject,
    /// The record's full name, such as `mirabelle.Decision`: the subject's name in a registry.
    pub name: String,
    /// Version, from 1.
    pub version: u16,
    /// First eight bytes, big-endian, of the SHA-256 of its canonical form.
    pub fingerprint: u64,
    /// The schema as written: docs, defaults, field classes.
    pub json: &'static str,
    /// The file under `schemas/avro`.
    pub file: &'static str,
    schema: Schema,
    reader: OnceLock<GenericDatumReader<'static>>,
}

impl RegisteredSchema {
    /// The parsed schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The one reader with this as the writer's schema; resolving a schema costs more than reading a datum.
    pub(crate) fn reader(&'static self) -> &'static GenericDatumReader<'static> {
        self.reader.get_or_init(|| {
            // For the whole process, and only the first call counts: no length may ask for more than a body has.
            apache_avro::util::max_allocation_bytes(BODY_BYTES_MAX);
            let reader = GenericDatumReader::builder(&self.schema).human_readable(false).build();
            reader.expect("a schema that was parsed resolves")
        })
    }
}

/// Every version of every schema, in the order of the table.
///
/// # Panics
/// When a schema that was compiled in can't be parsed; a test parses them all.
pub fn registry() -> &'static [RegisteredSchema] {
    static REGISTRY: OnceLock<Vec<RegisteredSchema>> = OnceLock::new();
    REGISTRY.get_or_init(|| table::SOURCES.iter().map(register).collect())
}

fn register(source: &Source) -> RegisteredSchema {
    let schema = Schema::parse_str(source.json).expect("schemas are parsed by a test");
    RegisteredSchema {
        id: source.subject.id(source.version),
        subject: source.subject,
        name: schema.name().expect("schemas are records").to_string(),
        version: source.version,
        fingerprint: fingerprint(&schema),
        json: source.json,
        file: source.file,
        schema,
        reader: OnceLock::new(),
    }
}

/// A schema's fingerprint: first eight bytes, big-endian, of the SHA-256 of its canonical form.
pub fn fingerprint(schema: &Schema) -> u64 {
    let hash = Sha256::digest(schema.canonical_form());
    u64::from_be_bytes(*hash.first_chunk().expect("a SHA-256 has 32 bytes"))
}

/// A version of a subject, if this build knows it.
pub(crate) fn find(subject: Subject, version: u16) -> Option<&'static RegisteredSchema> {
    registry().iter().find(|schema| schema.subject == subject && schema.version == version)
}

/// The newest version of a subject, which this build writes; 0 for one that it does not know.
#[inline]
pub(crate) fn newest(subject: Subject) -> u16 {
    match subject {
        Subject::Record(number) => slot(&RECORDS, number),
        Subject::Fact(kind) => slot(&FACTS, kind),
        Subject::Command(kind) => slot(&COMMANDS, kind),
    }
}

fn slot(versions: &[u8; KINDS_MAX], number: u16) -> u16 {
    versions.get(usize::from(number)).map_or(0, |version| u16::from(*version))
}

const KINDS_MAX: usize = 256;
static RECORDS: [u8; KINDS_MAX] = newest_versions(0);
static FACTS: [u8; KINDS_MAX] = newest_versions(1);
static COMMANDS: [u8; KINDS_MAX] = newest_versions(2);

/// The newest version of each number of one sort of subject, computed when this is compiled.
const fn newest_versions(sort: u8) -> [u8; KINDS_MAX] {
    let mut versions = [0; KINDS_MAX];
    let mut index = 0;
    while index < table::SOURCES.len() {
        let source = &table::SOURCES[index];
        let (found, number) = match source.subject {
            Subject::Record(number) => (0, number),
            Subject::Fact(number) => (1, number),
            Subject::Command(number) => (2, number),
        };
        assert!(source.version > 0 && source.version < KINDS_MAX as u16);
        if found == sort && versions[number as usize] < source.version as u8 {
            versions[number as usize] = source.version as u8;
        }
        index += 1;
    }
    versions
}
