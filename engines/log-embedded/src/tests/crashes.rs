//! Crashes: after every single operation on files, at every named point, and at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Log, Refused};

use super::disk::Disk;
use super::{DIR, append_durably, held, open, place, small};
use crate::{EmbeddedLog, Options, Point};

/// Appends until the disk dies; gives how many records are acknowledged, counted from the log's beginning, of which
/// `from` were before.
fn work_until_death(options: &Options, from: u64, records: u64) -> u64 {
    let Ok(log) = EmbeddedLog::open(DIR, options.clone()) else { return from };
    let (sender, answers) = channel();
    for number in from..from + records {
        let taken = loop {
            let (topic, partition) = place(number);
            let sender = sender.clone();
            let done = Box::new(move |answer: Result<_, _>| {
                sender.send((number, answer.is_ok())).unwrap_or_default()
            });
            match log.append(vec![Append { topic, partition, entry: entry(number), done: Some(done) }]) {
                Err(Refused::Full { .. }) => std::thread::yield_now(),
                taken => break taken,
            }
        };
        match taken {
            Ok(()) => {}
            Err(Refused::Closed | Refused::NoRoom) => break,
            Err(other) => panic!("{other}"),
        }
    }
    drop(sender);
    let mut acknowledged = from;
    for (number, is_durable) in answers {
        if is_durable {
            assert_eq!(number, acknowledged, "acknowledged in the order of the file");
            acknowledged += 1;
        }
    }
    // What is full gets sealed, unless the disk died before.
    log.settle();
    acknowledged
}

fn options(disk: &Disk) -> Options {
    Options { spare_segments: 1, ..small(disk.files()) }
}

#[test]
fn a_crash_after_any_operation_on_files_loses_nothing_acknowledged() {
    let whole = Disk::default();
    assert_eq!(work_until_death(&options(&whole), 0, 120), 120);
    assert!(whole.names().iter().any(|name| name.ends_with(".sealed")), "the run seals segments");
    let operations = whole.operations();
    assert!(operations > 50, "{operations} operations");
    for killed_after in 0..operations {
        let disk = Disk::default();
        disk.kill_after(killed_after);
        let acknowledged = work_until_death(&options(&disk), 0, 120);
        // A process that dies alone, then one that takes the machine with it.
        disk.crash((killed_after % 3 != 0).then_some(killed_after));
        let log = open(&options(&disk));
        let kept = held(&log).unwrap();
        assert!(kept >= acknowledged, "after {killed_after}: {acknowledged} acknowledged, {kept} kept");
        append_durably(&log, kept..kept + 20);
        assert_eq!(held(&log).unwrap(), kept + 20);
        assert_eq!(log.check_all().faults, [], "after {killed_after}");
    }
}

#[test]
fn crashes_while_recovering_from_crashes_lose_nothing_acknowledged() {
    for seed in 0..60 {
        let disk = Disk::default();
        let mut acknowledged = 0;
        for life in 0..8 {
            disk.kill_after((seed * 7 + life * 13) % 90);
            acknowledged = acknowledged.max(work_until_death(&options(&disk), acknowledged, 60));
            disk.crash(Some(seed * 100 + life));
            let log = open(&options(&disk));
            let kept = held(&log).unwrap();
            assert!(
                kept >= acknowledged,
                "seed {seed}, life {life}: {acknowledged} acknowledged, {kept} kept"
            );
            acknowledged = kept;
        }
    }
}

#[test]
fn a_crash_at_every_named_point_is_recovered_from() {
    for point in Point::ALL {
        for seed in [None, Some(1), Some(2), Some(3)] {
            let disk = Disk::default();
            let mut first = 0;
            if point == Point::TornZeroed {
                // Only a torn write is zeroed: a group that was being written when the machine died.
                first = torn(&disk);
            }
            let reached = Arc::new(AtomicBool::new(false));
            let hook = {
                let (disk, reached) = (disk.clone(), Arc::clone(&reached));
                Arc::new(move |at| {
                    if at == point {
                        disk.kill_after(0);
                        reached.store(true, Ordering::SeqCst);
                    }
                })
            };
            let acknowledged =
                work_until_death(&Options { on_point: hook, ..options(&disk) }, first, 200).max(first);
            assert!(reached.load(Ordering::SeqCst), "{point:?} was never reached");
            disk.crash(seed);
            let log = open(&options(&disk));
            let kept = held(&log).unwrap();
            assert!(kept >= acknowledged, "{point:?}: {acknowledged} acknowledged, {kept} kept");
            append_durably(&log, kept..kept + 100);
            log.settle();
            assert_eq!((held(&log).unwrap(), log.check_all().faults), (kept + 100, vec![]), "{point:?}");
            let left = disk.names().into_iter().filter(|name| name.ends_with(".tmp")).collect::<Vec<_>>();
            assert!(left.is_empty(), "{point:?}: {left:?} left behind");
        }
    }
}

/// Leaves a log of 10 records whose last write was torn.
fn torn(disk: &Disk) -> u64 {
    let log = open(&options(disk));
    append_durably(&log, 0..10);
    drop(log);
    let mut bytes = disk.read("0000000000000000.raw");
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 8 * 8 + 64;
    bytes[end..end + 100].fill(0xa5);
    disk.write("0000000000000000.raw", bytes);
    10
}
