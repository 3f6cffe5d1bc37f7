//! What is left after an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mirabelle_domain::rows::Value;
use mirabelle_log::Partition;

use super::{
    BALANCES, Ending, Engine, LOG, Numbers, STATEMENT, apply, balance, balance_key, everything, fresh, live,
    name, statement,
};
use crate::{Batch, Rows};

/// A batch numbered `number`: its rows name it, its checkpoint is it.
fn numbered(number: i64) -> Batch {
    let mut batch = Batch::new();
    batch.decision(
        1_000 + number,
        vec![balance(1, &[(0, Value::Int(number))]), statement(2, number, "n", number)],
    );
    batch.checkpoint(Partition(1), number.to_be_bytes().to_vec());
    batch
}

fn reached(rows: &dyn Rows) -> i64 {
    let checkpoint = rows.checkpoint(Partition(1)).unwrap();
    checkpoint.map_or(-1, |bytes| i64::from_be_bytes(bytes.try_into().expect("as it was put")))
}

/// Rows, checkpoints and role cursors.
pub fn what_was_synced_is_there_after_a_crash(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    for number in 0..5 {
        rows.apply(numbered(number)).unwrap();
    }
    store.put_cursor(&name("courier"), Partition(6), b"six").unwrap();
    store.sync().unwrap();
    let wanted = everything(&*rows);
    drop(rows);
    let store = engine.reopen(store, Ending::Crash, LOG).unwrap();
    assert_eq!(everything(&*live(&store)), wanted);
    assert_eq!(reached(&*live(&store)), 4);
    assert_eq!(store.cursor(&name("courier"), Partition(6)).unwrap().as_deref(), Some(&b"six"[..]));
}

/// An end in order syncs by itself.
pub fn what_was_applied_is_there_after_a_close(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    rows.apply(numbered(3)).unwrap();
    drop(rows);
    let store = engine.reopen(store, Ending::Close, LOG).unwrap();
    assert_eq!(reached(&*live(&store)), 3);
    assert_eq!(everything(&*live(&store)).len(), 2);
}

/// Whatever a crash leaves, the rows reach at least as far as the checkpoint says.
pub fn a_crash_keeps_no_checkpoint_without_its_rows(engine: &mut dyn Engine) {
    let (mut store, mut rows) = fresh(engine);
    let mut numbers = Numbers(515);
    let mut next = 0;
    for _ in 0..12 {
        let mut synced = reached(&*rows);
        for _ in 0..numbers.next(30) {
            rows.apply(numbered(next)).unwrap();
            next += 1;
            if numbers.next(10) == 0 {
                store.sync().unwrap();
                synced = next - 1;
            }
        }
        drop(rows);
        store = engine.reopen(store, Ending::Crash, LOG).unwrap();
        rows = live(&store);
        let reached = reached(&*rows);
        assert!(reached >= synced, "synced to {synced}, found {reached}");
        let lines = rows.scan_table(&STATEMENT, None, usize::MAX).unwrap();
        let wanted: Vec<i64> = (0..=reached).collect();
        assert_eq!(lines.iter().filter_map(|row| row.int("delta")).collect::<Vec<_>>(), wanted);
        let balance = rows.get(&BALANCES, &balance_key(1)).unwrap().and_then(|row| row.int("available"));
        assert_eq!(balance, (reached >= 0).then_some(reached));
        next = reached + 1;
    }
    assert!(next > 20, "the clause has worked on something");
}

/// After a crash, what comes again and what is new end in the same rows as without one.
pub fn a_store_goes_on_where_a_crash_left_it(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    for number in 0..20 {
        rows.apply(numbered(number)).unwrap();
        if number == 7 {
            store.sync().unwrap();
        }
    }
    drop(rows);
    let store = engine.reopen(store, Ending::Crash, LOG).unwrap();
    let rows = live(&store);
    for number in reached(&*rows).max(2) - 2..30 {
        rows.apply(numbered(number)).unwrap();
    }
    let straight = store.create(&name("straight")).unwrap();
    (0..30).for_each(|number| straight.apply(numbered(number)).unwrap());
    assert_eq!(everything(&*rows), everything(&*straight));
}

/// A reader on another thread never sees half of a batch, nor a row go back.
pub fn readers_beside_a_writer_see_whole_batches(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    let ended = Arc::new(AtomicBool::new(false));
    let reader = {
        let (rows, ended) = (rows.clone(), ended.clone());
        std::thread::spawn(move || {
            let (mut last, mut reads) = (-1, 0_u64);
            while !ended.load(Ordering::Acquire) || reads == 0 {
                let checkpoint = reached(&*rows);
                let found = rows.get(&BALANCES, &balance_key(1)).unwrap();
                let number = found.and_then(|row| row.int("available")).unwrap_or(-1);
                assert!(number >= checkpoint, "checkpoint {checkpoint}, rows only at {number}");
                assert!(number >= last, "a row went back from {last} to {number}");
                last = number;
                reads += 1;
            }
        })
    };
    for number in 0..300 {
        rows.apply(numbered(number)).unwrap();
        if number % 50 == 49 {
            store.sync().unwrap();
        }
    }
    ended.store(true, Ordering::Release);
    reader.join().expect("the reader saw nothing wrong");
    apply(&*rows, &[]);
}
