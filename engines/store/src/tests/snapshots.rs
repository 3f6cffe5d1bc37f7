//! Snapshots: whole or passed over.

use std::fs;
use std::io::{self, Read, Write};

use mirabelle_log::{LogId, Partition};
use tempfile::TempDir;

use crate::snapshots::{Header, KEPT, Snapshot, Wanted};
use crate::{Blobs, DirectoryBlobs, MemoryBlobs, Snapshots};

const LOG: LogId = LogId([3; 16]);
const WANTED: Wanted = Wanted { log_id: LOG, format: 4, domain_revision: 9 };
const AT: Partition = Partition(5);

fn header(seq: u64) -> Header {
    Header { log_id: LOG, format: 4, domain_revision: 9, seq, checkpoint: seq.to_be_bytes().to_vec() }
}

fn put<B: Blobs>(snapshots: &Snapshots<B>, seq: u64) -> String {
    let payload =
        |out: &mut dyn Write| (0..3_000_u64).try_for_each(|n| out.write_all(&(n * seq).to_le_bytes()));
    snapshots.put(AT, &header(seq), &mut { payload }).unwrap()
}

fn check(snapshot: Option<Snapshot>, seq: u64) {
    let mut snapshot = snapshot.unwrap();
    assert_eq!(snapshot.header, header(seq));
    let mut payload = Vec::new();
    snapshot.payload.read_to_end(&mut payload).unwrap();
    let wanted: Vec<u8> = (0..3_000_u64).flat_map(|n| (n * seq).to_le_bytes()).collect();
    assert!(payload == wanted);
}

fn kept_and_read_back<B: Blobs>(snapshots: &Snapshots<B>) {
    assert!(snapshots.latest(AT, &WANTED).unwrap().snapshot.is_none());
    let names: Vec<String> = [9, 10, 100, 1_000].map(|seq| put(snapshots, seq)).to_vec();
    assert_eq!(snapshots.list(AT).unwrap(), names[names.len() - KEPT..]);
    check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 1_000);
    assert!(snapshots.latest(Partition(4), &WANTED).unwrap().snapshot.is_none(), "of another partition");
    snapshots.delete(AT).unwrap();
    assert_eq!(snapshots.list(AT).unwrap(), Vec::<String>::new());
}

#[test]
fn the_two_newest_snapshots_are_kept_and_the_newest_is_read() {
    let directory = TempDir::new().unwrap();
    kept_and_read_back(&Snapshots::new(DirectoryBlobs::new(directory.path().join("not yet there"))));
    kept_and_read_back(&Snapshots::new(MemoryBlobs::new()));
}

#[test]
fn a_snapshot_with_any_flipped_bit_is_passed_over_for_the_older_one() {
    let blobs = MemoryBlobs::new();
    let snapshots = Snapshots::new(blobs.clone());
    put(&snapshots, 7);
    let newest = put(&snapshots, 8);
    let mut size = 0;
    blobs.damage(&newest, |bytes| size = bytes.len());
    for place in (0..size).step_by(7).chain(size - 33..size) {
        blobs.damage(&newest, |bytes| bytes[place] ^= 0x20);
        let latest = snapshots.latest(AT, &WANTED).unwrap();
        assert_eq!(latest.passed_over.len(), 1, "byte {place}");
        assert_eq!(latest.passed_over[0].0, newest);
        check(latest.snapshot, 7);
        blobs.damage(&newest, |bytes| bytes[place] ^= 0x20);
    }
    check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 8);
}

#[test]
fn a_snapshot_cut_anywhere_is_passed_over() {
    let blobs = MemoryBlobs::new();
    let snapshots = Snapshots::new(blobs.clone());
    put(&snapshots, 7);
    let newest = put(&snapshots, 8);
    let mut whole = Vec::new();
    blobs.damage(&newest, |bytes| whole = bytes.clone());
    for cut in (0..whole.len()).step_by(11).chain(0..60) {
        blobs.damage(&newest, |bytes| *bytes = whole[..cut].to_vec());
        check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 7);
    }
    blobs.damage(&newest, |bytes| *bytes = [&whole[..], b"more"].concat());
    check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 7);
}

#[test]
fn a_snapshot_of_another_log_format_or_revision_is_passed_over() {
    let snapshots = Snapshots::new(MemoryBlobs::new());
    put(&snapshots, 7);
    let others = [
        Header { log_id: LogId([4; 16]), ..header(8) },
        Header { format: 3, ..header(8) },
        Header { domain_revision: 10, ..header(8) },
    ];
    for other in others {
        snapshots.put(AT, &other, &mut |out| out.write_all(b"another's")).unwrap();
        let latest = snapshots.latest(AT, &WANTED).unwrap();
        assert_eq!(latest.passed_over.len(), 1, "{other:?}");
        check(latest.snapshot, 7);
    }
}

#[test]
fn a_snapshot_that_fails_half_way_leaves_what_was_there() {
    let directory = TempDir::new().unwrap();
    let snapshots = Snapshots::new(DirectoryBlobs::new(directory.path()));
    put(&snapshots, 7);
    put(&snapshots, 8);
    let mut half = |out: &mut dyn Write| {
        out.write_all(&[1; 100_000])?;
        Err(io::Error::other("the fold has failed"))
    };
    for seq in [8, 9] {
        let failed = snapshots.put(AT, &header(seq), &mut half).unwrap_err();
        assert!(failed.to_string().starts_with("could not write snapshot 00005/"), "{failed}");
    }
    check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 8);
    let files = fs::read_dir(directory.path().join("00005")).unwrap().count();
    assert_eq!(files, 2, "nothing unfinished is left over");
}

#[test]
fn what_a_crash_left_unfinished_is_never_read() {
    let directory = TempDir::new().unwrap();
    let snapshots = Snapshots::new(DirectoryBlobs::new(directory.path()));
    let name = put(&snapshots, 7);
    let unfinished = directory.path().join("00005/00000000000000000009.unfinished");
    fs::copy(directory.path().join(&name), &unfinished).unwrap();
    assert_eq!(snapshots.list(AT).unwrap(), [name]);
    check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 7);
    put(&snapshots, 9);
    assert!(!unfinished.exists(), "the next of its name takes its place");
    check(snapshots.latest(AT, &WANTED).unwrap().snapshot, 9);
}

#[test]
fn a_large_payload_streams_through_a_snapshot_both_ways() {
    let directory = TempDir::new().unwrap();
    let snapshots = Snapshots::new(DirectoryBlobs::new(directory.path()));
    let piece = vec![42; 1 << 16];
    snapshots.put(AT, &header(1), &mut |out| (0..1 << 10).try_for_each(|_| out.write_all(&piece))).unwrap();
    let packed = fs::metadata(directory.path().join("00005/00000000000000000001.snapshot")).unwrap().len();
    assert!(packed < 1 << 20, "{packed} bytes");
    let mut payload = snapshots.latest(AT, &WANTED).unwrap().snapshot.unwrap().payload;
    let mut read = 0;
    let mut buffer = [0; 4_096];
    loop {
        match payload.read(&mut buffer).unwrap() {
            0 => break,
            taken => {
                assert!(buffer[..taken].iter().all(|byte| *byte == 42));
                read += taken;
            }
        }
    }
    assert_eq!(read, 64 << 20);
}
