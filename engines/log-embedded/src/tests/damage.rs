//! Cut ends, flipped bits and lost pages: a torn write is cut, and everything else is found.

use bytes::Bytes;
use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Entry, Log, LogId, Partition, Topic};

use super::disk::Disk;
use super::{DIR, append_durably, held, open, small};
use crate::frame::{self, Builder, HEADER, Stamp};
use crate::meta::Meta;
use crate::{EmbeddedLog, OpenError, Options};

const FIRST: &str = "0000000000000000.raw";

fn options(disk: &Disk) -> Options {
    Options { spare_segments: 1, ..small(disk.files()) }
}

/// A closed log of `records` records, each in a frame of its own.
fn log_of(records: u64) -> Disk {
    let disk = Disk::default();
    let log = open(&options(&disk));
    for number in 0..records {
        append_durably(&log, number..number + 1);
    }
    log.settle();
    drop(log);
    disk
}

fn stamp(disk: &Disk) -> Stamp {
    Meta::read(&*disk.files(), DIR.as_ref()).unwrap().stamp()
}

/// Where each frame of the first segment begins, and where the last one ends.
fn frames(disk: &Disk) -> Vec<usize> {
    let (bytes, stamp) = (disk.read(FIRST), stamp(disk));
    let mut places = vec![0];
    while let Some((head, _)) = frame::parse(&bytes[places[places.len() - 1]..], &stamp, 0) {
        places.push(places[places.len() - 1] + HEADER + head.payload_bytes);
    }
    places
}

fn with(disk: &Disk, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Disk {
    let disk = disk.copy();
    let mut bytes = disk.read(name);
    change(&mut bytes);
    disk.write(name, bytes);
    disk
}

fn open_offline(disk: &Disk) -> Result<EmbeddedLog, OpenError> {
    EmbeddedLog::open_offline(DIR, options(disk))
}

#[test]
fn a_write_cut_at_any_byte_loses_only_its_own_group() {
    let disk = log_of(9);
    let frames = frames(&disk);
    // Nine frames and the one that confirms the last.
    assert_eq!(frames.len(), 11);
    let bytes = disk.read(FIRST);
    for cut in frames[6]..=frames[10] {
        let disk = with(&disk, FIRST, |bytes| bytes[cut..].fill(0));
        // A frame may end in zeros: without those it is still whole.
        let last = |end: usize| bytes[..end].iter().rposition(|byte| *byte != 0).unwrap();
        let whole = frames[1..10].iter().filter(|end| last(**end) < cut).count() as u64;
        assert_eq!(held(&open_offline(&disk).unwrap()).unwrap(), whole, "cut at {cut}");
        let log = open(&options(&disk));
        assert_eq!(held(&log).unwrap(), whole, "cut at {cut}");
        append_durably(&log, whole..whole + 2);
        drop(log);
        assert_eq!(held(&open(&options(&disk))).unwrap(), whole + 2, "cut at {cut}");
    }
}

#[test]
fn what_is_cut_is_zeroed() {
    let disk = log_of(3);
    let frames = frames(&disk);
    let disk = with(&disk, FIRST, |bytes| bytes[frames[2] + 70..frames[2] + 90].fill(0xff));
    // The confirming frame is behind it: without that one it is the last, and torn.
    assert!(matches!(open_offline(&disk), Err(OpenError::Damaged { .. })));
    let disk = with(&disk, FIRST, |bytes| bytes[frames[3]..].fill(0x11));
    let log = open(&options(&disk));
    assert_eq!(log.torn().map(|torn| torn.place), Some(frames[2] as u64));
    assert_eq!(held(&log).unwrap(), 2);
    assert!(disk.read(FIRST)[frames[2]..].iter().all(|byte| *byte == 0));
    assert_eq!(log.check_all().faults, []);
}

#[test]
fn a_damaged_last_write_is_left_out_and_said() {
    let disk = log_of(3);
    let frames = frames(&disk);
    // The crash came before the confirming frame; then a bit of the last record flipped.
    let crashed = with(&disk, FIRST, |bytes| bytes[frames[3]..].fill(0));
    assert_eq!(held(&open_offline(&crashed).unwrap()).unwrap(), 3);
    let flipped = with(&crashed, FIRST, |bytes| bytes[frames[2] + 70] ^= 1);
    let offline = open_offline(&flipped).unwrap();
    assert_eq!(held(&offline).unwrap(), 2);
    let said = offline.check_all().torn.expect("what is left out is said");
    assert_eq!((&*said.file, said.place), (FIRST, frames[2] as u64));
    assert!(said.to_string().contains("torn, or was damaged since"), "{said}");
    drop(offline);
    assert_eq!(open(&options(&flipped)).torn().map(|torn| torn.place), Some(frames[2] as u64));
}

#[test]
fn a_flipped_bit_at_any_byte_of_an_unsealed_segment_is_found() {
    let disk = log_of(12);
    let frames = frames(&disk);
    let (confirm, end) = (frames[frames.len() - 2], frames[frames.len() - 1]);
    for place in 0..disk.read(FIRST).len() {
        let flipped = with(&disk, FIRST, |bytes| bytes[place] ^= 1 << (place % 8));
        match open_offline(&flipped) {
            Err(OpenError::Damaged { fault }) => {
                assert!(place < confirm, "byte {place} is behind all records: {fault}");
                assert_eq!(fault.file, FIRST);
                let within = frames.iter().rfind(|begin| **begin <= place).unwrap();
                assert_eq!(fault.place, *within as u64, "it says which frame is bad");
            }
            Err(other) => panic!("byte {place}: {other}"),
            // The confirming frame and the zeros hold no record: harmless, reported, and cut when next written.
            Ok(log) => {
                assert!(place >= confirm, "a flipped bit at byte {place} was not found");
                assert_eq!(held(&log).unwrap(), 12);
                assert!(log.check_all().torn.is_some(), "byte {place} of {end} is not reported");
            }
        }
    }
}

#[test]
fn a_flipped_bit_at_any_byte_of_a_sealed_segment_is_found() {
    let disk = log_of(70);
    let name = "0000000000000000.sealed";
    let whole = open_offline(&disk).unwrap();
    let records = held(&whole).unwrap();
    let report = whole.check_all();
    assert_eq!((report.faults, report.records), (vec![], records));
    assert!(report.sealed >= 1);
    drop(whole);
    for place in 0..disk.read(name).len() {
        let flipped = with(&disk, name, |bytes| bytes[place] ^= 1 << (place % 8));
        match open_offline(&flipped) {
            Err(OpenError::Damaged { fault }) => assert_eq!(fault.file, name),
            Err(other) => panic!("byte {place}: {other}"),
            Ok(log) => {
                let faults = log.check_all().faults;
                assert_eq!(faults.len(), 1, "a flipped bit at byte {place} was not found");
                assert_eq!(faults[0].file, name);
                assert!(held(&log).is_err(), "byte {place} was read as if it were good");
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_the_description_is_found() {
    let disk = log_of(1);
    for place in 0..disk.read("log").len() {
        let flipped = with(&disk, "log", |bytes| bytes[place] ^= 1 << (place % 8));
        let found =
            matches!(open_offline(&flipped), Err(OpenError::Damaged { .. } | OpenError::Newer { .. }));
        assert!(found, "byte {place}");
    }
}

#[test]
fn a_full_segment_that_is_damaged_is_not_sealed() {
    let disk = Disk::default();
    let log = open(&options(&disk));
    append_durably(&log, 0..20);
    let mut bytes = disk.read(FIRST);
    bytes[3000] ^= 4;
    // Behind the open file's back, as a disk does it.
    disk.damage(FIRST, bytes);
    append_durably(&log, 20..70);
    log.settle();
    assert!(disk.names().contains(&FIRST.to_owned()), "what can't be read back is not thrown away");
    let faults = log.check_all().faults;
    assert_eq!((faults.len(), &*faults[0].file), (1, FIRST));
    assert!(held(&log).is_err());
}

fn large_groups(disk: &Disk) -> Options {
    Options { segment_bytes: 128 << 10, companion_wait: std::time::Duration::ZERO, ..options(disk) }
}

/// A log whose first segment ends with a group of many pages, unconfirmed: a crash came right after it.
fn ends_with_a_large_group() -> (Disk, Vec<usize>) {
    let disk = Disk::default();
    let log = open(&large_groups(&disk));
    append_durably(&log, 0..5);
    let batch = |numbers: std::ops::Range<u64>| {
        let records = numbers.map(|number| {
            let (topic, partition) = super::place(number);
            Append { topic, partition, entry: entry(number), done: None }
        });
        records.collect::<Vec<_>>()
    };
    log.append(batch(5..75)).unwrap();
    append_durably(&log, 75..76);
    log.append(batch(76..146)).unwrap();
    append_durably(&log, 146..147);
    drop(log);
    let frames = frames(&disk);
    (disk, frames)
}

#[test]
fn a_lost_page_of_the_last_group_loses_that_group_only() {
    let (disk, frames) = ends_with_a_large_group();
    // The confirming frame goes with the rest that follows the last large group.
    let large = (0..frames.len() - 1).rfind(|at| frames[at + 1] - frames[*at] > 4 * 4096).unwrap();
    let (begin, end) = (frames[large], frames[large + 1]);
    let cut = with(&disk, FIRST, |bytes| bytes[end..].fill(0));
    let all = held(&open_offline(&cut).unwrap()).unwrap();
    for page in begin.div_ceil(4096)..end / 4096 {
        let lost = with(&cut, FIRST, |bytes| bytes[page * 4096..(page + 1) * 4096].fill(0));
        let log = EmbeddedLog::open(DIR, large_groups(&lost)).unwrap();
        let kept = held(&log).unwrap();
        assert!(kept < all && kept >= 76, "{kept} of {all}");
        assert_eq!(log.torn().map(|torn| torn.place), Some(begin as u64));
    }
    // The page that the group shares with the one before: the part of it that was not durable.
    let lost = with(&cut, FIRST, |bytes| bytes[begin..begin.next_multiple_of(4096)].fill(0));
    assert!(held(&EmbeddedLog::open(DIR, large_groups(&lost)).unwrap()).unwrap() < all);
}

#[test]
fn a_lost_page_of_an_older_group_is_damage() {
    let (disk, frames) = ends_with_a_large_group();
    let large = (0..frames.len() - 1).find(|at| frames[at + 1] - frames[*at] > 4 * 4096).unwrap();
    for page in frames[large].div_ceil(4096)..frames[large + 1] / 4096 {
        let lost = with(&disk, FIRST, |bytes| bytes[page * 4096..(page + 1) * 4096].fill(0));
        let error = EmbeddedLog::open(DIR, large_groups(&lost)).err().expect("damage is refused");
        assert!(
            matches!(&error, OpenError::Damaged { fault } if fault.place == frames[large] as u64),
            "{error}"
        );
    }
}

#[test]
fn a_record_that_holds_a_forged_frame_can_not_pass_for_one() {
    let disk = log_of(2);
    let meta = Meta::read(&*disk.files(), DIR.as_ref()).unwrap();
    // Everything but the secret is known to whoever sees a position.
    let forge = |stamp: &Stamp| {
        let mut builder = Builder::default();
        builder.begin(None);
        builder.chunk(1, 1, &[0; 40]);
        builder.finish(stamp, 0, 4).to_vec()
    };
    let guessed = Stamp::new(LogId(meta.id.0), &[0; 16]);
    for (stamp, refused) in [(guessed, false), (meta.stamp(), true)] {
        let disk = disk.copy();
        let log = open(&options(&disk));
        let value: Vec<u8> = (0..8).flat_map(|shift| [vec![0; shift], forge(&stamp)].concat()).collect();
        let entry = Entry { key: Bytes::new(), fingerprint: 0, value: Bytes::from(value), trace: None };
        let (topic, partition) = (Topic::Facts, Partition(0));
        log.append(vec![Append { topic, partition, entry, done: None }]).unwrap();
        drop(log);
        let frames = frames(&disk);
        // The write of that record is torn at its first bytes.
        let torn = with(&disk, FIRST, |bytes| {
            bytes[frames[frames.len() - 2]..].fill(0);
            bytes[frames[frames.len() - 3]] ^= 1;
        });
        assert_eq!(open_offline(&torn).is_err(), refused);
    }
}

#[test]
fn a_sealed_segment_that_reads_back_differently_is_thrown_away() {
    let disk = Disk::default();
    let hook = {
        let disk = disk.clone();
        // Whatever the disk is asked to keep of a sealed segment, one bit of it flips.
        std::sync::Arc::new(move |point| {
            if point == crate::Point::SealSynced {
                let name = disk.names().into_iter().find(|name| name.ends_with(".sealed.tmp")).unwrap();
                let mut bytes = disk.read(&name);
                bytes[20] ^= 1;
                disk.damage(&name, bytes);
            }
        })
    };
    let log = open(&Options { on_point: hook, ..options(&disk) });
    append_durably(&log, 0..150);
    log.settle();
    let names = disk.names();
    assert!(names.iter().all(|name| !name.contains("sealed")), "{names:?}");
    assert!(names.contains(&FIRST.to_owned()));
    assert_eq!((held(&log).unwrap(), log.check_all().faults), (150, vec![]));
    drop(log);
    // On a good disk what was left raw is sealed at the next opening.
    let log = open(&options(&disk));
    assert!(!disk.names().contains(&FIRST.to_owned()));
    assert_eq!((held(&log).unwrap(), log.check_all().faults), (150, vec![]));
}
