//! Clauses about `tick` and `wait`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{ALL, Engine, PATIENCE, append, append_durably, entries, entry, to_one};
use crate::{Log, Partition, Topic, View};

/// A waiter under either view wakes up for a record that became visible, long before its timeout.
pub fn a_wait_returns_when_a_record_becomes_visible(engine: &mut dyn Engine) {
    let log = engine.create();
    for (number, view) in
        [View::Durable, View::Accepted, View::Durable, View::Accepted].into_iter().enumerate()
    {
        let tick = log.tick(view);
        let waiter = {
            let log = Arc::clone(&log);
            std::thread::spawn(move || log.wait(view, tick, PATIENCE))
        };
        let number = number as u64;
        drop(append(&*log, to_one(Topic::Facts, Partition(0), number..number + 1)));
        assert_ne!(waiter.join().expect("the waiter ends"), tick, "{view:?}");
    }
}

/// What became visible between `tick` and `wait` is not missed.
pub fn a_wait_with_an_old_tick_returns_at_once(engine: &mut dyn Engine) {
    let log = engine.create();
    for view in [View::Durable, View::Accepted] {
        let before = log.tick(view);
        append_durably(&*log, to_one(Topic::Commands, Partition(0), 0..1));
        let begun = Instant::now();
        assert_ne!(log.wait(view, before, PATIENCE), before);
        assert!(begun.elapsed() < PATIENCE / 2, "it waited although the tick had moved");
    }
}

/// Where nothing happens a wait ends, and says that nothing did.
pub fn a_wait_for_nothing_ends_with_its_timeout(engine: &mut dyn Engine) {
    let log = engine.create();
    for view in [View::Durable, View::Accepted] {
        // A spurious return is allowed; one of many must last as long as it was asked to.
        let tick = log.tick(view);
        let longest = (0..20).map(|_| {
            let begun = Instant::now();
            log.wait(view, tick, Duration::from_millis(20));
            begun.elapsed()
        });
        let longest = longest.max().expect("twenty waits");
        assert!(longest >= Duration::from_millis(15), "no wait lasted, it spins: {longest:?}");
    }
}

/// Ten tailing readers, each with its own wait, see every record while two threads append.
pub fn many_waiters_miss_nothing(engine: &mut dyn Engine) {
    const EACH: u64 = 150;
    let log = engine.create();
    let finished = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for reader in 0..10u16 {
            let (log, finished) = (&*log, &finished);
            scope.spawn(move || {
                let view = if reader % 2 == 0 { View::Durable } else { View::Accepted };
                tail(log, Partition(reader / 2 % 2), view, EACH);
                finished.fetch_add(1, Ordering::SeqCst);
            });
        }
        for partition in 0..2u16 {
            let log = &*log;
            scope.spawn(move || {
                for number in 0..EACH {
                    let batch = to_one(Topic::Facts, Partition(partition), number..number + 1);
                    drop(append(log, batch));
                }
            });
        }
    });
    assert_eq!(finished.load(Ordering::SeqCst), 10);
}

fn tail(log: &dyn Log, partition: Partition, view: View, count: u64) {
    let start = log.bounds(Topic::Facts, partition, view).expect("bounds can be read").start;
    let mut reader = log.reader(Topic::Facts, partition, start, view).expect("the start can be read from");
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while records.len() < count as usize {
        let tick = log.tick(view);
        reader.read(ALL, &mut records).expect("it can be read");
        if records.len() < count as usize {
            assert!(Instant::now() < deadline, "a waiter missed a record: it has {}", records.len());
            log.wait(view, tick, Duration::from_secs(5));
        }
    }
    assert_eq!(entries(&records), (0..count).map(entry).collect::<Vec<_>>());
}
