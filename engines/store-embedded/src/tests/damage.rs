//! Flipped bytes: told, never answered.

use redb::ReadableTable;

use super::*;
use crate::file::RUNS;

/// A closed store of a few runs, and all its rows.
fn filled(files: &Rows) -> Vec<Found> {
    let store = files.open().unwrap();
    let rows = store.create(&name("first")).unwrap();
    for round in 0..3 {
        for number in 0..300 {
            put(&*rows, 1_000 * round + number, lot(number, round, number * 7));
        }
        let mut batch = Batch::new();
        batch.checkpoint(Partition(2), vec![9; 40]);
        rows.apply(batch).unwrap();
        store.sync().unwrap();
    }
    rows.scan_table(&LOTS, None, usize::MAX).unwrap()
}

fn read_all(files: &Rows) -> Result<Vec<Found>, StoreError> {
    let store = files.open()?;
    let rows = store.live()?;
    let found = rows.scan_table(&LOTS, None, usize::MAX)?;
    match rows.checkpoint(Partition(2))? {
        Some(checkpoint) if checkpoint == [9; 40] => Ok(found),
        other => panic!("a checkpoint that nobody put: {other:?}"),
    }
}

#[test]
fn a_flipped_byte_in_any_block_names_table_key_and_remedy() {
    let files = Rows::new(LAZY);
    let wanted = filled(&files);
    let whole = fs::read(files.path()).unwrap();
    let store = files.open().unwrap();
    let reading = store.engine.shared.database.begin_read().unwrap();
    let blocks = reading.open_table(BLOCKS).unwrap();
    let first = blocks.iter().unwrap().next().unwrap().unwrap().1.value().to_vec();
    drop((blocks, reading, store));
    let at = whole.windows(first.len()).position(|part| part == first).unwrap();
    for place in (0..first.len()).step_by(101) {
        let mut bad = fs::read(files.path()).unwrap();
        let at = bad.windows(64).position(|part| part == &whole[at..at + 64]).unwrap();
        let good = bad.clone();
        bad[at + place] ^= 0x10;
        fs::write(files.path(), &bad).unwrap();
        let store = files.open().unwrap();
        let rows = store.live().unwrap();
        let refused = rows.get(&LOTS, &wanted[0].key);
        let Err(error @ StoreError::Corrupt { .. }) = refused else { panic!("byte {place}: {refused:?}") };
        let told = error.to_string();
        for part in ["table lots", "\"acme\"", "delete", "rows.redb", "rebuilt from facts"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(rows.scan_table(&LOTS, None, usize::MAX).is_err());
        drop((rows, store));
        fs::write(files.path(), good).unwrap();
    }
    assert_eq!(read_all(&files).unwrap(), wanted);
}

#[test]
fn no_flipped_byte_of_the_file_changes_an_answer() {
    let files = Rows::new(LAZY);
    let wanted = filled(&files);
    let good = fs::read(files.path()).unwrap();
    let (mut told, mut same) = (0, 0);
    let used: Vec<usize> = (0..good.len()).filter(|place| good[*place] != 0).collect();
    for place in used.into_iter().step_by(311) {
        let mut bad = good.clone();
        bad[place] ^= 0x40;
        fs::write(files.path(), &bad).unwrap();
        match read_all(&files) {
            Ok(found) => {
                assert_eq!(found, wanted, "byte {place} changed an answer");
                same += 1;
            }
            Err(_) => told += 1,
        }
    }
    assert!(told > 10 && same > 10, "{told} told, {same} without effect");
}

#[test]
fn a_flipped_byte_in_a_runs_head_is_told_at_the_start() {
    let files = Rows::new(LAZY);
    filled(&files);
    let store = files.open().unwrap();
    let writing = store.engine.shared.database.begin_write().unwrap();
    {
        let mut heads = writing.open_table(RUNS).unwrap();
        let (key, mut head) = {
            let (key, head) =
                heads.iter().unwrap().next().unwrap().map(|(k, v)| (k.value(), v.value().to_vec())).unwrap();
            (key, head)
        };
        head[3] ^= 1;
        heads.insert(key, head.as_slice()).unwrap();
    }
    writing.commit().unwrap();
    drop(store);
    let refused = files.open().err();
    assert!(matches!(refused, Some(StoreError::Corrupt { .. })), "{refused:?}");
}
