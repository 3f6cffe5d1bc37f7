//! Nodes that die, stop and come back while rows are written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use mirabelle_domain::rows::Value;
use mirabelle_store::suite::{BALANCES, STATEMENT};
use mirabelle_store::{Rows, Scan, Store, StoreError};

use crate::world::{
    balance_key, fresh, impatient, in_dc, name, numbered, on_one, one_alone, open, reached, two_alone, until,
};

/// A few seconds of patience and a request's time-out, on a machine that does much besides.
const BOUNDED: Duration = Duration::from_secs(90);
/// A node that is there again is found again.
const COMES_BACK: Duration = Duration::from_secs(300);

/// Everything that batches up to `last` said is there.
fn check_all(rows: &dyn Rows, last: i64) {
    for member in 0..8 {
        let found = rows.get(&BALANCES, &balance_key(member)).unwrap().expect("it was acknowledged");
        assert!(found.int("available") >= Some(last));
        let lines = rows.scan(&Scan::new(&STATEMENT, balance_key(member), 100_000)).unwrap();
        let numbers: Vec<i64> = lines.iter().filter_map(|line| line.int("delta")).collect();
        let wanted: Vec<i64> = (0..=last).collect();
        assert_eq!(numbers[..wanted.len()], wanted);
    }
}

/// A projector, as far as a store knows one: applies the next batch until it is applied, tells its number, and never
/// gives up. Returns how often the store was away.
fn project(rows: &dyn Rows, ended: &AtomicBool, done: &Sender<i64>) -> u32 {
    let (mut number, mut away) = (0, 0);
    while !ended.load(Ordering::Acquire) {
        let begun = Instant::now();
        match rows.apply(numbered(number)) {
            Ok(()) => {
                // Nobody waits for the last ones.
                let _ = done.send(number);
                number += 1;
            }
            Err(error) => {
                assert!(error.passes(), "{error:?}");
                assert!(begun.elapsed() < BOUNDED, "retries are bounded: {:?}", begun.elapsed());
                away += 1;
                // As it goes on after an error: from where the rows stand.
                if let Ok(Some(checkpoint)) = rows.checkpoint(mirabelle_log::Partition(3)) {
                    number = i64::from_be_bytes(checkpoint.try_into().unwrap()) + 1;
                }
            }
        }
    }
    away
}

/// Waits until another 20 batches are applied; returns the last one's number.
fn goes_on(done: &Receiver<i64>) -> i64 {
    // What was applied before the call does not count.
    while done.try_recv().is_ok() {}
    let next = || done.recv_timeout(COMES_BACK).expect("batches are applied");
    for _ in 1..20 {
        next();
    }
    next()
}

#[test]
fn a_node_that_is_killed_and_comes_back_loses_nothing_and_needs_no_restart_of_ours() {
    let Some(cluster) = one_alone() else { return };
    let options = on_one(&cluster, &fresh("killed"));
    let patient = open(&options).create(&name("first")).unwrap();
    let store = open(&impatient(&options));
    let rows = store.open(&name("first")).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let (told, done) = channel();
    let projector = {
        let (rows, ended) = (rows.clone(), ended.clone());
        std::thread::spawn(move || project(&*rows, &ended, &told))
    };
    let acknowledged = goes_on(&done);
    cluster.kill(0).unwrap();
    // Readers learn of it within their own patience.
    let begun = Instant::now();
    let read = rows.get(&BALANCES, &balance_key(1));
    assert!(matches!(read, Err(StoreError::Away { .. })), "{read:?}");
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
    let acknowledged = done.try_iter().last().unwrap_or(acknowledged);
    cluster.restart(0).unwrap();
    until("it answers again", COMES_BACK, || rows.get(&BALANCES, &balance_key(1)).is_ok());
    check_all(&*patient, acknowledged);
    goes_on(&done);

    cluster.pause(0).unwrap();
    let read = rows.get(&BALANCES, &balance_key(1));
    assert!(matches!(read, Err(StoreError::Away { .. })), "{read:?}");
    cluster.resume(0).unwrap();
    let last = goes_on(&done);
    ended.store(true, Ordering::Release);
    let away = projector.join().expect("the projector saw only what passes");
    let last = done.try_iter().last().unwrap_or(last);
    check_all(&*patient, last);
    assert_eq!(reached(&*patient), last);
    assert!(store.counts().retries > 0 && away > 0, "the faults were felt: {:?}", store.counts());
}

#[test]
fn a_data_centre_that_is_away_holds_up_nobody_else_and_catches_up() {
    let Some(cluster) = two_alone() else { return };
    let keyspace = fresh("away");
    let in_eu = open(&in_dc(&cluster, &keyspace, "eu")).create(&name("first")).unwrap();
    let us = in_dc(&cluster, &keyspace, "us");
    let in_us = open(&us).live().unwrap();
    let impatient = open(&impatient(&us)).open(&name("first")).unwrap();
    (0..5).for_each(|number| in_eu.apply(numbered(number)).unwrap());
    (0..3).for_each(|number| in_us.apply(numbered(number)).unwrap());
    cluster.kill(1).unwrap();
    for number in 5..25 {
        in_eu.apply(numbered(number)).expect("eu does not wait for us");
    }
    assert_eq!(reached(&*in_eu), 24);
    // A process of the lost data centre writes nowhere else: another's acknowledgement is not its own.
    let refused = impatient.apply(numbered(25));
    assert!(matches!(refused, Err(StoreError::Away { .. })), "{refused:?}");
    cluster.restart(1).unwrap();
    until("it answers its own again", COMES_BACK, || in_us.checkpoint(mirabelle_log::Partition(3)).is_ok());
    assert_eq!(reached(&*in_us), 2, "it goes on from its own checkpoint, not from the other's");
    (3..25).for_each(|number| in_us.apply(numbered(number)).unwrap());
    check_all(&*in_us, 24);
    let lines = |rows: &dyn Rows| rows.scan(&Scan::new(&STATEMENT, balance_key(1), 1_000)).unwrap();
    assert_eq!(lines(&*in_us), lines(&*in_eu), "stamp by stamp the same");
    let value =
        |rows: &dyn Rows| rows.get(&BALANCES, &balance_key(1)).unwrap().and_then(|row| row.value(0).cloned());
    assert_eq!((value(&*in_us), value(&*in_eu)), (Some(Value::Int(24)), Some(Value::Int(24))));
}
