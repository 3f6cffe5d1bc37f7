//! Runs that become fewer.

use redb::ReadableTable;

use super::*;
use crate::block::At;
use crate::file::{RUNS, begin};
use crate::merger;

fn runs(store: &EmbeddedStore) -> u64 {
    store.usage().unwrap().runs
}

/// Waits until nothing is left to merge or free.
fn settle(store: &EmbeddedStore) {
    store.sync().unwrap();
    while merger::busy(&store.engine.shared) {
        std::thread::yield_now();
    }
}

#[test]
fn many_small_runs_become_few_and_say_the_same() {
    let files = Rows::new(LAZY);
    let store = files.open().unwrap();
    let rows = store.create(&name("first")).unwrap();
    for round in 0..200 {
        for number in 0..20 {
            put(&*rows, 1_000 * round + number, lot(number, round % 50, round));
        }
        store.sync().unwrap();
    }
    settle(&store);
    assert!(runs(&store) < 40, "{} runs", runs(&store));
    let check = |rows: &dyn mirabelle_store::Rows| {
        let found = rows.scan_table(&LOTS, None, usize::MAX).unwrap();
        assert_eq!(found.len(), 20 * 50);
        for row in found {
            let (member, lot) = (row.int("member").unwrap(), row.int("lot").unwrap());
            let newest = 150 + lot;
            assert_eq!(row.int("free"), Some(newest));
            assert!(row.cells.iter().all(|cell| cell.stamp == 1_000 * newest + member));
            let got = rows.get(&LOTS, &row.key).unwrap();
            assert_eq!(got.as_ref(), Some(&row));
        }
    };
    check(&*rows);
    drop((rows, store));
    let store = files.open().unwrap();
    check(&*store.live().unwrap());
    assert!(runs(&store) < 40);
}

#[test]
fn runs_are_bounded_however_fast_they_are_made() {
    let files = Rows::new(LAZY);
    let store = files.open().unwrap();
    let rows = store.create(&name("first")).unwrap();
    let mut most = 0;
    for number in 0..600 {
        put(&*rows, number, lot(number, 1, 1));
        store.sync().unwrap();
        most = most.max(runs(&store));
    }
    assert!(most <= crate::flush::RUNS_MAX as u64, "{most} runs");
    assert_eq!(rows.scan_table(&LOTS, None, usize::MAX).unwrap().len(), 600);
}

#[test]
fn merged_and_dropped_rows_give_their_pages_back() {
    let files = Rows::new(LAZY);
    let store = files.open().unwrap();
    let live = store.create(&name("live")).unwrap();
    put(&*live, 1, lot(1, 1, 1));
    let rows = store.create(&name("scratch")).unwrap();
    for round in 0..64 {
        // The same rows each time: merged, they are one round's worth.
        for number in 0..500 {
            put(&*rows, 1_000 * round + number, lot(number, 1, round));
        }
        store.sync().unwrap();
    }
    settle(&store);
    let before = store.usage().unwrap();
    let blocks = before.file_bytes / (16 << 10);
    assert!(blocks <= before.block_bytes / 8_000 + 16, "{blocks} blocks in use, {before:?}");
    drop(rows);
    store.remove(&name("scratch")).unwrap();
    settle(&store);
    let after = store.usage().unwrap();
    assert!(after.file_bytes <= 2 * (16 << 10), "{after:?}");
    assert_eq!(live.scan_table(&LOTS, None, 10).unwrap().len(), 1);
}

#[test]
fn what_an_unfinished_merge_left_is_freed_at_the_next_start() {
    let files = Rows::new(LAZY);
    let store = files.open().unwrap();
    let rows = store.create(&name("first")).unwrap();
    put(&*rows, 5, lot(1, 1, 1));
    store.sync().unwrap();
    let writing = begin(&store.engine.shared.database, redb::Durability::Immediate).unwrap();
    {
        let mut blocks = writing.open_table(BLOCKS).unwrap();
        for block in 0..130 {
            blocks.insert(At { run: 77, block }.key(), &b"half of a merge"[..]).unwrap();
        }
        // A run of a tree that is no more.
        blocks.insert(At { run: 80, block: 0 }.key(), &b"dropped"[..]).unwrap();
        let mut heads = writing.open_table(RUNS).unwrap();
        heads.insert((999, 80), &b"its head"[..]).unwrap();
    }
    writing.commit().unwrap();
    drop((rows, store));
    let store = files.open().unwrap();
    settle(&store);
    let reading = store.engine.shared.database.begin_read().unwrap();
    let left = reading.open_table(BLOCKS).unwrap().iter().unwrap().count();
    let heads = reading.open_table(RUNS).unwrap().iter().unwrap().count();
    assert_eq!((left, heads), (1, 1));
    assert_eq!(store.live().unwrap().scan_table(&LOTS, None, 10).unwrap().len(), 1);
    put(&*store.live().unwrap(), 6, lot(1, 2, 1));
    store.sync().unwrap();
    assert_eq!(store.live().unwrap().scan_table(&LOTS, None, 10).unwrap().len(), 2);
}

#[test]
fn unknown_ids_are_known_to_be_unknown_without_reading() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ids.redb");
    let ids = EmbeddedIds::open(&path, LOG, LAZY).unwrap();
    let id = |number: u64| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        mirabelle_domain::CommandId(bytes)
    };
    for round in 0..30_u64 {
        let batch: Vec<_> = (round * 1_000..(round + 1) * 1_000).map(|seq| (id(seq), seq)).collect();
        ids.insert_batch(Partition(3), &batch, round * 1_000 + 999).unwrap();
        ids.sync().unwrap();
    }
    let usage = ids.usage().unwrap();
    assert!(usage.memory_bytes < 4 * 30_000, "{} bytes for 30,000 ids", usage.memory_bytes);
    let state = ids.engine().shared.state.read();
    let runs: Vec<_> = state.trees[&0].runs.clone();
    drop(state);
    let unknown = 1_000_000..1_050_000_u64;
    let asked = unknown.clone().map(|number| crate::run::hash(&id(number).0));
    let reads: usize = asked.map(|hash| runs.iter().filter(|run| run.may_hold(hash)).count()).sum();
    assert!(reads < 50_000 / 10, "{reads} reads for 50,000 unknown ids in {} runs", runs.len());
    assert!(unknown.into_iter().step_by(997).all(|number| ids.lookup(id(number)).unwrap().is_none()));
}
