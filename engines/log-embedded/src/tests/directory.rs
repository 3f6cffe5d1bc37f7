//! What a directory may and may not be opened as.

use std::sync::Arc;

use mirabelle_log::{Log, Offset, Partition, ReadLimit, Refused, Topic, View};
use parking_lot::Mutex;

use super::disk::Disk;
use super::{DIR, append, append_durably, held, open, small};
use crate::{EmbeddedLog, FORMAT, OpenError, Options, OsFiles, Point};

fn refused(disk: &Disk) -> String {
    let error = EmbeddedLog::open(DIR, small(disk.files())).err().expect("it is refused");
    let offline =
        EmbeddedLog::open_offline(DIR, small(disk.files())).err().expect("it is refused offline too");
    assert_eq!(error.to_string(), offline.to_string());
    error.to_string()
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = || small(Arc::new(OsFiles));
    let log = EmbeddedLog::open(dir.path(), options()).unwrap();
    for error in [EmbeddedLog::open(dir.path(), options()), EmbeddedLog::open_offline(dir.path(), options())]
    {
        let error = error.err().expect("it is in use");
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        assert_eq!(error.to_string(), format!("{} is in use by another process", dir.path().display()));
    }
    drop(log);
    let offline = EmbeddedLog::open_offline(dir.path(), options()).unwrap();
    let second = EmbeddedLog::open_offline(dir.path(), options()).expect("readers do not exclude each other");
    assert!(matches!(EmbeddedLog::open(dir.path(), options()), Err(OpenError::InUse { .. })));
    drop((offline, second));
    EmbeddedLog::open(dir.path(), options()).expect("it is free again");
}

#[test]
fn a_directory_of_a_newer_format_is_refused() {
    let disk = Disk::default();
    drop(open(&small(disk.files())));
    let text = String::from_utf8(disk.read("log")).unwrap();
    disk.write("log", text.replace("format 1\n", "format 7\n").replace("secret ", "keys ").into_bytes());
    assert_eq!(refused(&disk), "/log has format 7, this build knows formats up to 1: use a newer release");
    assert_eq!(FORMAT, 1);
}

#[test]
fn another_number_of_partitions_is_refused() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    append_durably(&log, 0..4);
    drop(log);
    let error = EmbeddedLog::open(DIR, Options { partitions: 4, ..small(disk.files()) }).err().unwrap();
    assert_eq!(error.to_string(), "/log was created with 3 partitions and can't be opened with 4");
    let offline = EmbeddedLog::open_offline(DIR, Options { partitions: 4, ..small(disk.files()) }).unwrap();
    assert_eq!((offline.partitions(), held(&offline).unwrap()), (3, 4), "who only reads takes what there is");
}

#[test]
fn a_directory_without_a_log_is_not_created_by_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    for dir in [dir.path().to_owned(), dir.path().join("nowhere")] {
        let error = EmbeddedLog::open_offline(&dir, small(Arc::new(OsFiles))).err().unwrap();
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was created");
}

#[test]
fn settings_without_sense_are_refused() {
    let options = || small(Disk::default().files());
    let wrong = [
        Options { partitions: 0, ..options() },
        Options { partitions: 1025, ..options() },
        Options { segment_bytes: 5000, ..options() },
        Options { segment_bytes: 2 << 30, ..options() },
        Options { spare_segments: 0, ..options() },
        Options { record_bytes_max: 0, ..options() },
        Options { record_bytes_max: 17 << 20, ..options() },
        Options { queue_bytes_max: 100, ..options() },
        Options { zstd_level: 0, ..options() },
        Options { block_bytes: 0, ..options() },
        // The table of offsets alone fills such a segment.
        Options { partitions: 1024, segment_bytes: 4096, ..options() },
    ];
    for (at, options) in wrong.into_iter().enumerate() {
        let error = EmbeddedLog::open(DIR, options).err().unwrap_or_else(|| panic!("{at} was opened"));
        assert!(matches!(error, OpenError::Options { .. }), "{at}: {error}");
    }
}

/// A log of several sealed segments and an active one.
fn long_log() -> Disk {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    append_durably(&log, 0..200);
    log.settle();
    drop(log);
    assert!(disk.names().iter().filter(|name| name.ends_with(".sealed")).count() >= 3);
    disk
}

#[test]
fn a_log_that_lost_a_segment_is_refused() {
    let disk = long_log();
    disk.delete("0000000000000001.sealed");
    assert!(refused(&disk).starts_with("0000000000000001.raw is damaged at byte 0: the segment is gone"));

    let disk = long_log();
    for name in disk.names() {
        if name.ends_with(".sealed") || name.ends_with(".raw") {
            disk.delete(&name);
        }
    }
    assert!(refused(&disk).contains("all its segments are gone"));

    let disk = long_log();
    disk.delete("log");
    let error = EmbeddedLog::open(DIR, small(disk.files())).err().unwrap();
    assert!(error.to_string().contains("the file `log` that describes them is gone"), "{error}");
}

#[test]
fn segments_in_each_others_place_are_refused() {
    let disk = long_log();
    let (one, two) = (disk.read("0000000000000001.sealed"), disk.read("0000000000000002.sealed"));
    disk.write("0000000000000001.sealed", two);
    disk.write("0000000000000002.sealed", one);
    assert!(refused(&disk).contains("belongs to another place or another log"));

    let (disk, other) = (long_log(), long_log());
    disk.write("0000000000000001.sealed", other.read("0000000000000001.sealed"));
    assert!(refused(&disk).contains("is damaged"), "another log's segment has another secret");
}

#[test]
fn reading_offline_changes_nothing() {
    let disk = long_log();
    let active = disk
        .names()
        .into_iter()
        .rfind(|name| name.ends_with(".raw") && disk.read(name).iter().any(|byte| *byte != 0));
    let active = active.expect("one segment is being written");
    // A torn write, and leftovers of a crash, that opening for writing would clear away.
    let mut bytes = disk.read(&active);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 8 * 8 + 8;
    bytes[end..end + 20].fill(9);
    disk.write(&active, bytes);
    disk.write("0000000000000099.raw.tmp", vec![1; 10]);
    let content =
        |disk: &Disk| disk.names().into_iter().map(|name| (disk.read(&name), name)).collect::<Vec<_>>();
    let before = content(&disk);
    let log = EmbeddedLog::open_offline(DIR, small(disk.files())).unwrap();
    assert_eq!(held(&log).unwrap(), 200);
    let report = log.check_all();
    assert_eq!((report.faults, report.records), (vec![], 200));
    assert_eq!(report.torn.map(|torn| (torn.file, torn.place)), Some((active, end as u64)));
    assert_eq!(append(&log, 200..201).unwrap_err(), Refused::Closed);
    log.settle();
    drop(log);
    assert!(content(&disk) == before, "something was changed");
}

#[test]
fn a_sealed_segment_whose_raw_one_is_still_there_is_compared_again() {
    let disk = Disk::default();
    let full: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let hook = {
        let (disk, full) = (disk.clone(), Arc::clone(&full));
        Arc::new(move |point| {
            if point == Point::SealCompared {
                full.lock().get_or_insert_with(|| disk.read("0000000000000000.raw"));
            }
        })
    };
    let log = open(&Options { on_point: hook, ..small(disk.files()) });
    append_durably(&log, 0..100);
    log.settle();
    drop(log);
    let full = full.lock().take().expect("a segment was sealed");
    for damaged in [false, true] {
        let disk = disk.copy();
        disk.write("0000000000000000.raw", full.clone());
        let mut sealed = disk.read("0000000000000000.sealed");
        sealed[30] ^= u8::from(damaged);
        disk.write("0000000000000000.sealed", sealed);
        let offline = EmbeddedLog::open_offline(DIR, small(disk.files())).unwrap();
        assert_eq!(held(&offline).unwrap(), 100, "the raw one is good");
        drop(offline);
        let log = open(&small(disk.files()));
        assert_eq!((held(&log).unwrap(), log.check_all().faults), (100, vec![]));
        let names = disk.names();
        assert!(names.contains(&"0000000000000000.sealed".to_owned()), "{names:?}");
        assert!(!names.contains(&"0000000000000000.raw".to_owned()), "{names:?}");
    }
}

#[test]
fn a_log_may_be_opened_with_other_sizes() {
    let disk = long_log();
    let mut records = 200;
    for segment_bytes in [64 << 10, 8 << 10, 16 << 10] {
        let options = Options { segment_bytes, record_bytes_max: 2 << 10, ..small(disk.files()) };
        let log = open(&options);
        append_durably(&log, records..records + 150);
        records += 150;
        log.settle();
        assert_eq!((held(&log).unwrap(), log.check_all().faults), (records, vec![]));
    }
    assert_eq!(held(&open(&small(disk.files()))).unwrap(), records);
}

#[test]
fn a_reader_that_outlives_its_log_reads_on_and_keeps_nobody_out() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    append_durably(&log, 0..100);
    let mut reader = log.reader(Topic::Facts, Partition(0), Offset(0), View::Durable).unwrap();
    drop(log);
    let log = open(&small(disk.files()));
    let mut records = Vec::new();
    reader.read(ReadLimit { records: usize::MAX, bytes: usize::MAX }, &mut records).unwrap();
    assert_eq!(records, super::read_slot(&log, Topic::Facts, Partition(0), View::Durable).unwrap());
}
