//! One flipped byte, anywhere.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mirabelle::engine::wall_clock;
use mirabelle::verify;
use mirabelle_log_embedded::{EmbeddedLog, Options};

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

#[derive(Debug, Default)]
struct Found {
    /// Records of the log before any flip.
    records: u64,
    differences: usize,
    refused: usize,
    outside: usize,
}

/// Flips one bit of a byte, verifies, and puts everything back.
fn flip(data: &Path, parts: &[Part], part: &Part, place: usize, found: &mut Found) -> Result<(), String> {
    let changed = part.bytes[place] ^ (1 << (place % 8));
    let write = |byte: u8| {
        let file = OpenOptions::new().write(true).open(&part.path).unwrap();
        file.write_all_at(&[byte], place as u64).unwrap();
    };
    write(changed);
    let outcome = verify::directory(data);
    // The frame that confirms the last group holds no record: without it, every record is there all the same.
    let raw = part.path.extension().is_some_and(|kind| kind == "raw");
    let whole = raw && outcome.as_ref().is_ok_and(|report| report.holds()) && records(data) == found.records;
    write(part.bytes[place]);
    restore(parts);
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
        Ok(_) if part.kind == Kind::Database || is_padding(part, place) || whole => {
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
    let mut found = Found { records: records(data.path()), ..Found::default() };
    let (mut missed, mut flips) = (Vec::new(), 0);
    for part in &parts {
        for place in places(part, all) {
            flips += 1;
            missed.extend(flip(data.path(), &parts, part, place, &mut found).err());
        }
    }
    eprintln!("{flips} flips in {} files: {found:?}", parts.len());
    assert!(missed.is_empty(), "{} of {flips} flips:\n{}", missed.len(), missed.join("\n"));
    assert!(flips > 300 && found.differences + found.refused > 200, "{found:?}");
    assert!(verify::directory(data.path()).unwrap().holds(), "the directory is as it was");
}
