//! What a process in one data centre may believe of another.

use std::time::Duration;

use mirabelle_domain::rows::Value;
use mirabelle_log::Partition;
use mirabelle_store::suite::BALANCES;
use mirabelle_store::{Batch, Rows, Store};

use crate::world::{balance, balance_key, fresh, in_dc, name, numbered, open, reached, two, until};

/// Rows cross to another data centre within milliseconds, on a machine that does nothing besides.
const SOON: Duration = Duration::from_secs(120);

fn available(rows: &dyn Rows, member: u8) -> Option<i64> {
    rows.get(&BALANCES, &balance_key(member)).unwrap().and_then(|row| row.int("available"))
}

#[test]
fn a_checkpoint_of_another_data_centre_is_not_believed_before_its_hints_have_run_out() {
    let Some(held) = two() else { return };
    let keyspace = fresh("places");
    let in_eu = open(&in_dc(&held, &keyspace, "eu")).create(&name("first")).unwrap();
    in_eu.apply(numbered(41)).unwrap();
    in_eu.apply(numbered(42)).unwrap();
    assert_eq!(reached(&*in_eu), 42);

    let in_us = open(&in_dc(&held, &keyspace, "us")).live().unwrap();
    until("rows reach the other data centre", SOON, || available(&*in_us, 0) == Some(42));
    assert_eq!(reached(&*in_us), -1, "its rows are here, but who knows of all of them");

    let mut patient = in_dc(&held, &keyspace, "us");
    patient.hint_window = Duration::from_millis(1);
    let settled = open(&patient).live().unwrap();
    assert_eq!(reached(&*settled), 42, "all hints have run out");

    in_us.apply(numbered(17)).unwrap();
    assert_eq!(reached(&*in_us), 17, "its own is believed, however far the other is");
    assert_eq!(reached(&*in_eu), 42, "and the other's by the other");
    assert_eq!(available(&*in_us, 0), Some(42), "what came again changed nothing");
}

#[test]
fn an_older_write_that_arrives_after_a_newer_one_changes_nothing_anywhere() {
    let Some(held) = two() else { return };
    let keyspace = fresh("stamps");
    let in_eu = open(&in_dc(&held, &keyspace, "eu")).create(&name("first")).unwrap();
    let in_us = open(&in_dc(&held, &keyspace, "us")).live().unwrap();
    let put = |rows: &dyn Rows, stamp: i64, available: i64| {
        let mut batch = Batch::new();
        batch.decision(stamp, vec![balance(1, available)]);
        rows.apply(batch).unwrap();
    };
    put(&*in_eu, 1_795_600_000_000_900, 9);
    put(&*in_us, 1_795_600_000_000_500, 5);
    for rows in [&in_eu, &in_us] {
        until("the newer write is everywhere", SOON, || available(&**rows, 1) == Some(9));
    }
    put(&*in_us, 1_795_600_000_000_500, 5);
    put(&*in_eu, 1_795_600_000_000_100, 1);
    for rows in [&in_eu, &in_us] {
        let found = rows.get(&BALANCES, &balance_key(1)).unwrap().unwrap();
        let stamps: Vec<i64> = found.cells.iter().map(|cell| cell.stamp).collect();
        assert_eq!((found.int("available"), found.named("reserved")), (Some(9), Some(&Value::Int(10))));
        assert_eq!(stamps, [1_795_600_000_000_900; 2]);
    }
}

#[test]
fn readers_of_another_process_follow_to_the_generation_that_was_made_live() {
    let Some(held) = two() else { return };
    let keyspace = fresh("follow");
    let in_eu = open(&in_dc(&held, &keyspace, "eu"));
    in_eu.create(&name("blue")).unwrap();
    let green = in_eu.create(&name("green")).unwrap();
    let in_us = open(&in_dc(&held, &keyspace, "us"));
    let old = in_us.live().unwrap();
    assert_eq!(old.name(), &name("blue"));
    green.apply(numbered(7)).unwrap();
    in_eu.make_live(&name("green")).unwrap();
    until("the other process follows", SOON, || in_us.live().unwrap().name() == &name("green"));
    in_eu.remove(&name("blue")).unwrap();
    let mut batch = Batch::new();
    batch.decision(1_795_600_000_000_000, vec![balance(1, 1)]);
    let refused = old.apply(batch);
    assert!(matches!(refused, Err(mirabelle_store::StoreError::UnknownGeneration { .. })), "{refused:?}");
    assert_eq!(in_us.cursor(&name("courier"), Partition(2)).unwrap(), None);
}
