//! One flipped byte, anywhere.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mirabelle::engine::wall_clock;
use mirabelle::verify;
use mirabelle_domain::rows::sealed_from_bytes;
use mirabelle_domain::{CommandId, MemberId, tables};
use mirabelle_keys::{EmbeddedKeys, ExposeSecret as _, Keys as _, LocalKek};
use mirabelle_log::{Log as _, LogId, Partition};
use mirabelle_log_embedded::{EmbeddedLog, Options};
use mirabelle_store::{Found, Ids as _, Store as _};
use mirabelle_store_embedded::{EmbeddedIds, EmbeddedStore};

use crate::directory::{files, make};

/// Places in all files together, besides each file's first and last byte.
const PLACES: usize = 320;
/// At least so many of each file.
const PLACES_OF_A_FILE: usize = 6;

/// What a file is to the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Every byte counts, but for zeros behind the last that was written.
    Exact,
    /// A database: pages of it are not in use. What is in use is read and compared whole.
    Database,
}

struct Part {
    path: PathBuf,
    kind: Kind,
    bytes: Vec<u8>,
    /// One past the last byte that is not zero.
    content: usize,
}

fn parts(data: &Path) -> Vec<Part> {
    let part = |path: PathBuf| {
        let kind =
            if path.extension().is_some_and(|kind| kind == "redb") { Kind::Database } else { Kind::Exact };
        let bytes = std::fs::read(&path).unwrap();
        let content = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Part { path, kind, bytes, content }
    };
    // The keys that open the door and the key store are secrets of whoever runs it, not content of the directory.
    let content = |path: &PathBuf| !["admin.key", "kek"].iter().any(|name| path.ends_with(name));
    files(data).into_iter().filter(content).map(part).collect()
}

/// Places to flip: the file's ends, its content's ends, and some spread over the content; a few in the zeros behind it.
fn places(part: &Part, all: usize) -> Vec<usize> {
    let count = (PLACES * part.content / all).max(PLACES_OF_A_FILE);
    let mut places = vec![0, part.bytes.len() - 1, part.content.saturating_sub(1)];
    places.extend((0..count).map(|number| number * part.content / count));
    if part.content < part.bytes.len() {
        places.extend([part.content, part.content + (part.bytes.len() - part.content) / 2]);
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// The good records of the log, each under its checksum.
fn records(data: &Path) -> u64 {
    let log = EmbeddedLog::open_offline(data.join("log"), Options::new(Arc::new(wall_clock))).unwrap();
    let checked = log.check_all();
    assert!(checked.faults.is_empty(), "{checked:?}");
    checked.records
}

/// What the databases hold, read row by row beside `verify`: a flip that it does not tell must have changed none of it.
#[derive(Debug, Default, PartialEq)]
struct Held {
    rows: Vec<Found>,
    ids: Vec<Option<(Partition, u64)>>,
    /// What the keys open of what lies sealed in the rows.
    opened: Vec<Vec<u8>>,
}

impl Held {
    fn read(data: &Path, log_id: LogId) -> Held {
        let store = EmbeddedStore::open(&data.join("rows.redb"), log_id, Default::default()).unwrap();
        let live = store.live().unwrap();
        let mut held = Held::default();
        for table in tables::ALL {
            held.rows.extend(live.scan_table(table, None, usize::MAX).unwrap());
        }
        let of = |table: &'static str| held.rows.iter().filter(move |row| row.table.name == table);
        let ids = EmbeddedIds::open(&data.join("ids.redb"), log_id, Default::default()).unwrap();
        let id = |row: &Found| ids.lookup(CommandId(row.bytes("command_id").unwrap().try_into().unwrap()));
        let found = of("decisions").map(|row| id(row).unwrap().map(|at| (at.partition, at.seq))).collect();
        let kek = LocalKek::from_file(&data.join("kek")).unwrap();
        let keys = EmbeddedKeys::open(&data.join("keys"), Box::new(kek), Default::default()).unwrap();
        let open = |row: &Found| {
            let sealed = sealed_from_bytes(row.bytes("external_id").unwrap()).unwrap().unwrap();
            let member = MemberId(row.bytes("member").unwrap().try_into().unwrap());
            let tenant = row.text("tenant").unwrap().parse().unwrap();
            keys.open(&tenant, member, "external_id", &sealed).unwrap().expose_secret().to_vec()
        };
        let opened: Vec<Vec<u8>> = of("members").map(open).collect();
        assert!(held.rows.len() > 300 && opened.len() >= 3, "{} rows", held.rows.len());
        (held.ids, held.opened) = (found, opened);
        held
    }
}

#[derive(Debug, Default)]
struct Tally {
    /// Records of the log before any flip.
    records: u64,
    differences: usize,
    refused: usize,
    outside: usize,
    /// Flips in each database that were told.
    told: BTreeMap<String, usize>,
}

/// Flips one bit of a byte, verifies, and puts everything back.
fn flip(
    data: &Path,
    parts: &[Part],
    part: &Part,
    place: usize,
    found: &mut Tally,
    held: &(LogId, Held),
) -> Result<(), String> {
    let changed = part.bytes[place] ^ (1 << (place % 8));
    let write = |byte: u8| {
        let file = OpenOptions::new().write(true).open(&part.path).unwrap();
        file.write_all_at(&[byte], place as u64).unwrap();
    };
    write(changed);
    let outcome = verify::directory(data, None);
    // The frame that confirms the last group holds no record: without it, every record is there all the same.
    let raw = part.path.extension().is_some_and(|kind| kind == "raw");
    let holds = outcome.as_ref().is_ok_and(|report| report.holds());
    let whole = match part.kind {
        Kind::Exact => raw && holds && records(data) == found.records,
        Kind::Database => holds && Held::read(data, held.0) == held.1,
    };
    write(part.bytes[place]);
    restore(parts);
    if part.kind == Kind::Database && !holds {
        *found.told.entry(part.path.file_name().unwrap().to_str().unwrap().to_owned()).or_default() += 1;
    }
    let name = part.path.file_name().unwrap().to_str().unwrap();
    let at = || {
        format!("{} byte {place} of {} ({} of content)", part.path.display(), part.bytes.len(), part.content)
    };
    match outcome {
        Err(error) => {
            let said = format!("{error:#}");
            found.refused += 1;
            if said.contains(name) { Ok(()) } else { Err(format!("{}: no file is named: {said}", at())) }
        }
        Ok(report) if !report.holds() => {
            found.differences += 1;
            Ok(())
        }
        Ok(_) if is_padding(part, place) || whole => {
            found.outside += 1;
            Ok(())
        }
        Ok(_) => Err(format!("{}: not found", at())),
    }
}

/// Zeros that nobody has written on: behind a file's content, and the last four bytes of a key's slot.
fn is_padding(part: &Part, place: usize) -> bool {
    let slots = part.path.ends_with("keys.material");
    part.bytes[place] == 0 && (place >= part.content || (slots && place % 64 >= 60))
}

/// A verification may have touched what it opened.
fn restore(parts: &[Part]) {
    for part in parts.iter().filter(|part| part.kind == Kind::Database) {
        if std::fs::read(&part.path).ok().as_deref() != Some(&part.bytes[..]) {
            std::fs::write(&part.path, &part.bytes).unwrap();
        }
    }
}

/// In memory where there is such a place: hundreds of openings would wait for the disk.
fn scratch() -> tempfile::TempDir {
    let roomy = |disk: rustix::fs::StatVfs| disk.f_bavail * disk.f_frsize > 512 << 20;
    let memory = rustix::fs::statvfs("/dev/shm").is_ok_and(roomy);
    if memory { tempfile::tempdir_in("/dev/shm") } else { tempfile::tempdir() }.unwrap()
}

#[test]
fn verify_finds_a_flipped_byte_wherever_it_lies() {
    let data = scratch();
    make(data.path());
    let parts = parts(data.path());
    let named = |name: &str| parts.iter().any(|part| part.path.to_str().unwrap().contains(name));
    for name in
        ["log/", ".raw", ".sealed", "rows.redb", "ids.redb", "keys.redb", "keys.material", ".snapshot"]
    {
        assert!(named(name), "the directory has no {name}");
    }
    let all = parts.iter().map(|part| part.content).sum();
    let mut found = Tally { records: records(data.path()), ..Tally::default() };
    let log_id =
        EmbeddedLog::open_offline(data.path().join("log"), Options::new(Arc::new(wall_clock))).unwrap().id();
    let held = (log_id, Held::read(data.path(), log_id));
    restore(&parts);
    let (mut missed, mut flips) = (Vec::new(), 0);
    for part in &parts {
        for place in places(part, all) {
            flips += 1;
            missed.extend(flip(data.path(), &parts, part, place, &mut found, &held).err());
        }
    }
    eprintln!("{flips} flips in {} files: {found:?}", parts.len());
    assert!(missed.is_empty(), "{} of {flips} flips:\n{}", missed.len(), missed.join("\n"));
    assert!(flips > 300 && found.differences + found.refused > 200, "{found:?}");
    // Pages that are in use are under checksums: of each database some of the places lie in one.
    for database in ["rows.redb", "ids.redb", "keys.redb"] {
        assert!(found.told.get(database).is_some_and(|told| *told >= 3), "{database}: {found:?}");
    }
    assert!(verify::directory(data.path(), None).unwrap().holds(), "the directory is as it was");
}
