//! What generations are to each other.

use mirabelle_domain::rows::Value;
use mirabelle_log::Partition;

use super::{
    BALANCES, Ending, Engine, LOG, OTHER_LOG, apply, balance, balance_key, everything, fresh, live, name,
};
use crate::{Batch, Generation, StoreError};

/// Readers stay where they are until they are sent elsewhere, and find it so after a restart.
pub fn the_first_generation_is_live_until_another_is_made_so(engine: &mut dyn Engine) {
    let store = engine.create();
    assert!(matches!(store.live().err(), Some(StoreError::NoLiveGeneration)));
    store.create(&name("blue")).unwrap();
    let green = store.create(&name("green")).unwrap();
    assert!(matches!(store.create(&name("green")).err(), Some(StoreError::GenerationExists { .. })));
    assert_eq!(live(&store).name(), &name("blue"));
    apply(&*green, &[(12, balance(1, &[(0, Value::Int(12))]))]);
    drop(green);
    store.make_live(&name("green")).unwrap();
    assert_eq!(live(&store).name(), &name("green"));
    assert!(matches!(store.make_live(&name("red")), Err(StoreError::UnknownGeneration { .. })));

    let store = engine.reopen(store, Ending::Crash, LOG).unwrap();
    assert_eq!(live(&store).name(), &name("green"));
    let found = live(&store).get(&BALANCES, &balance_key(1)).unwrap();
    assert!(found.is_some(), "a generation is durable with its rows once it is live");
    let listed = store.generations().unwrap();
    let of = |text, live| Generation { name: name(text), live };
    assert_eq!(listed, [of("blue", false), of("green", true)]);
}

/// Rows and checkpoints of one are not those of another.
pub fn generations_know_nothing_of_each_other(engine: &mut dyn Engine) {
    let (store, first) = fresh(engine);
    let second = store.create(&name("second")).unwrap();
    let mut batch = Batch::new();
    batch.decision(70, vec![balance(1, &[(0, Value::Int(1))])]);
    batch.checkpoint(Partition(4), b"first's".to_vec());
    first.apply(batch).unwrap();
    apply(&*second, &[(60, balance(1, &[(0, Value::Int(2))]))]);
    let available = |rows: &dyn crate::Rows| {
        rows.get(&BALANCES, &balance_key(1)).unwrap().and_then(|row| row.int("available"))
    };
    assert_eq!((available(&*first), available(&*second)), (Some(1), Some(2)));
    assert_eq!(second.checkpoint(Partition(4)).unwrap(), None);
    assert_eq!(
        store.open(&name("first")).unwrap().checkpoint(Partition(4)).unwrap(),
        Some(b"first's".to_vec())
    );
}

/// A dropped generation is gone for those who hold it, and a new one of its name is empty.
pub fn a_removed_generation_is_gone(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    let old = store.create(&name("old")).unwrap();
    apply(&*rows, &[(5, balance(1, &[(0, Value::Int(5))]))]);
    let mut batch = Batch::new();
    batch.decision(5, vec![balance(2, &[(0, Value::Int(5))])]);
    batch.checkpoint(Partition(0), b"old's".to_vec());
    old.apply(batch).unwrap();
    store.sync().unwrap();
    assert!(matches!(store.remove(&name("first")), Err(StoreError::Live { .. })));
    store.remove(&name("old")).unwrap();
    assert!(matches!(store.remove(&name("old")), Err(StoreError::UnknownGeneration { .. })));
    assert!(matches!(store.open(&name("old")).err(), Some(StoreError::UnknownGeneration { .. })));
    let read = old.get(&BALANCES, &balance_key(2));
    assert!(matches!(read, Err(StoreError::UnknownGeneration { .. })), "{read:?}");
    assert!(matches!(old.apply(Batch::new()), Err(StoreError::UnknownGeneration { .. })));
    let again = store.create(&name("old")).unwrap();
    assert_eq!(everything(&*again), Vec::new());
    assert_eq!(again.checkpoint(Partition(0)).unwrap(), None);
    let read = old.get(&BALANCES, &balance_key(2));
    assert!(!matches!(read, Ok(Some(_))), "the new one of the name has nothing of the old");
    assert_eq!(everything(&*rows).len(), 1, "the live one has what it had");
}

/// Rows about another log are never answered from.
pub fn another_logs_store_is_refused(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    assert_eq!(store.log_id(), LOG);
    drop(rows);
    let refused = engine.reopen(store, Ending::Close, OTHER_LOG);
    assert!(matches!(refused.err(), Some(StoreError::OtherLog { .. })));
}
