//! A directory of each format version is kept, and read from now on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mirabelle_log::{Partition, Topic, View};

use super::{append_durably, held, read_slot, small};
use crate::{EmbeddedLog, Options, OsFiles};

/// Records in the kept directory: a few sealed segments, a full one or more, and the one being written.
const RECORDS: u64 = 130;

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

fn options() -> Options {
    let clock = AtomicI64::new(1_790_000_000_000_001);
    Options {
        segment_bytes: 12 << 10,
        spare_segments: 1,
        clock: Arc::new(move || clock.fetch_add(1_041, Ordering::Relaxed)),
        ..small(Arc::new(OsFiles))
    }
}

/// Run by hand when a format version is new: `cargo test -p mirabelle-log-embedded -- --ignored golden`.
#[test]
#[ignore = "writes the directory that the other tests read"]
fn write_the_golden_directory() {
    let log = EmbeddedLog::open(kept(), options()).unwrap();
    for number in 0..RECORDS {
        append_durably(&log, number..number + 1);
    }
    log.settle();
}

fn is_whole(log: &EmbeddedLog) {
    assert_eq!(held(log).unwrap(), RECORDS);
    let report = log.check_all();
    assert_eq!((report.faults, report.torn, report.records), (vec![], None, RECORDS));
    assert!(report.sealed >= 2 && report.segments > report.sealed, "both forms of a segment are there");
    let facts = read_slot(log, Topic::Facts, Partition(1), View::Durable).unwrap();
    let at: Vec<i64> = facts.iter().take(3).map(|record| record.appended_at).collect();
    // The sixth, the eighth and the twenty-first record; the clock went 1,041 µs with each.
    assert_eq!(at, [6, 8, 21].map(|number| 1_790_000_000_000_001 + number * 1_041));
}

#[test]
fn the_golden_directory_of_format_1_is_read() {
    let log = EmbeddedLog::open_offline(kept(), options()).unwrap();
    is_whole(&log);
}

#[test]
fn the_golden_directory_of_format_1_is_written_on() {
    let dir = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(kept()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    let log = EmbeddedLog::open(dir.path(), options()).unwrap();
    is_whole(&log);
    append_durably(&log, RECORDS..RECORDS + 100);
    log.settle();
    assert_eq!((held(&log).unwrap(), log.check_all().faults), (RECORDS + 100, vec![]));
}
