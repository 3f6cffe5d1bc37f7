//! What puts do.

use mirabelle_domain::rows::{Row, Value};
use mirabelle_log::Partition;

use super::{
    Engine, Numbers, apply, balance, balance_key, cells, deleted, everything, fresh, name, statement, text,
};
use crate::suite::BALANCES;
use crate::{Batch, StoreError};

/// All kinds of values come back, with the stamp.
pub fn a_row_is_found_as_it_was_put(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let numbers = [i64::MIN, -70_000, -256, -1, 0, 1, 255, 1 << 40, i64::MAX];
    for (place, number) in numbers.into_iter().enumerate() {
        let mut row = statement(7, number, "a\u{0}\u{1}b\u{ff}", number);
        row.cells.push((2, Value::Bytes(vec![0, 1, 2, 255])));
        let (key, table, wanted) = (row.key.clone(), row.table, row.cells.clone());
        apply(&*rows, &[(41 + place as i64, row)]);
        let found = rows.get(table, &key).unwrap().expect("the row is there");
        assert_eq!(found.key, key);
        assert!(found.cells.iter().all(|cell| cell.stamp == 41 + place as i64));
        assert_eq!(found.into_row().cells, wanted);
    }
    assert_eq!(rows.get(&BALANCES, &balance_key(7)).unwrap(), None, "another table has no such row");
}

/// Cells that a put does not name keep their values and stamps.
pub fn a_put_changes_only_the_cells_that_it_names(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    apply(&*rows, &[(100, balance(1, &[(0, Value::Int(500)), (1, Value::Int(20))]))]);
    apply(&*rows, &[(200, balance(1, &[(1, Value::Int(30)), (2, text("late"))]))]);
    let found = rows.get(&BALANCES, &balance_key(1)).unwrap();
    let wanted = vec![(0, 100, Value::Int(500)), (1, 200, Value::Int(30)), (2, 200, text("late"))];
    assert_eq!(cells(found), Some(wanted));
}

/// A late writer and a repeat change nothing.
pub fn an_older_stamp_changes_nothing(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let new = (300, balance(1, &[(0, Value::Int(7))]));
    apply(&*rows, &[new.clone(), (299, balance(1, &[(0, Value::Int(900))])), new.clone()]);
    apply(&*rows, &[(100, balance(1, &[(0, Value::Int(800))])), new]);
    let found = rows.get(&BALANCES, &balance_key(1)).unwrap();
    assert_eq!(cells(found), Some(vec![(0, 300, Value::Int(7))]));
}

/// Two values with one stamp end the same way whichever comes first: by their bytes, so that −3 is larger than 4.
pub fn at_an_equal_stamp_the_larger_value_wins(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let pairs: [(u8, Value, Value); 5] = [
        (0, Value::Int(4), Value::Int(-3)),
        (0, Value::Int(255), Value::Int(256)),
        (0, Value::Int(-2), Value::Int(-1)),
        (2, text("b"), text("ba")),
        (2, text("z"), text("\u{e9}")),
    ];
    let mut number = 0;
    for (column, small, large) in pairs {
        for (first, then) in [(&small, &large), (&large, &small)] {
            for batches in [1, 2] {
                number += 1;
                let put = |value: &Value| (50, balance(number, &[(column, value.clone())]));
                match batches {
                    1 => apply(&*rows, &[put(first), put(then)]),
                    _ => [first, then].into_iter().for_each(|value| apply(&*rows, &[put(value)])),
                }
                let there = cells(rows.get(&BALANCES, &balance_key(number)).unwrap());
                assert_eq!(there, Some(vec![(column, 50, large.clone())]), "{first:?}, then {then:?}");
            }
        }
    }
}

/// A delete covers its own stamp and all before it, also for puts that come later.
pub fn a_delete_beats_what_lives_at_its_stamp(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let row = balance(1, &[(0, Value::Int(5))]);
    apply(&*rows, &[(100, row.clone()), (100, deleted(row.clone()))]);
    assert_eq!(rows.get(&BALANCES, &row.key).unwrap(), None);
    apply(&*rows, &[(100, row.clone()), (99, row.clone())]);
    assert_eq!(rows.get(&BALANCES, &row.key).unwrap(), None, "late puts stay without effect");
    apply(&*rows, &[(101, balance(1, &[(1, Value::Int(6))]))]);
    let found = cells(rows.get(&BALANCES, &row.key).unwrap());
    assert_eq!(found, Some(vec![(1, 101, Value::Int(6))]), "a newer put makes the row anew");
}

/// A row may consist of its key alone.
pub fn a_row_without_cells_is_there_until_deleted(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let row = balance(9, &[]);
    apply(&*rows, &[(10, row.clone())]);
    assert_eq!(cells(rows.get(&BALANCES, &row.key).unwrap()), Some(Vec::new()));
    apply(&*rows, &[(11, deleted(row.clone())), (10, row.clone())]);
    assert_eq!(rows.get(&BALANCES, &row.key).unwrap(), None);
    assert_eq!(everything(&*rows), Vec::new());
}

/// Shuffled, doubled and cut into other batches, the same puts give the same rows.
pub fn puts_in_any_order_and_number_give_the_same_rows(engine: &mut dyn Engine) {
    let store = engine.create();
    let mut numbers = Numbers(20_261);
    let puts: Vec<(i64, Row)> = (0..400).map(|_| random_put(&mut numbers)).collect();
    let mut results = Vec::new();
    for round in 0..4_u64 {
        let rows = store.create(&name(&format!("round-{round}"))).unwrap();
        let mut order: Vec<(i64, Row)> = puts.clone();
        for _ in 0..round * 100 {
            order.push(puts[numbers.next(400) as usize].clone());
        }
        for place in (1..order.len()).rev() {
            order.swap(place, numbers.next(place as u64 + 1) as usize);
        }
        for piece in order.chunks(1 + numbers.next(60) as usize) {
            apply(&*rows, piece);
            if numbers.next(3) == 0 {
                store.sync().unwrap();
            }
        }
        results.push(everything(&*rows));
    }
    assert!(results[0].len() > 10);
    assert!(results.iter().all(|result| *result == results[0]));
}

fn random_put(numbers: &mut Numbers) -> (i64, Row) {
    let stamp = 1_000 + numbers.next(60) as i64;
    let mut row = if numbers.next(2) == 0 {
        let mut cells = vec![(0, Value::Int(numbers.next(5) as i64))];
        if numbers.next(2) == 0 {
            cells.push((2, text(format!("label {}", numbers.next(3)))));
        }
        balance(numbers.next(6) as u8, &cells)
    } else {
        statement(numbers.next(4) as u8, numbers.next(4) as i64, "p", numbers.next(9) as i64)
    };
    match numbers.next(12) {
        0 => row = deleted(row),
        1 => row.cells.clear(),
        _ => {}
    }
    (stamp, row)
}

/// A put that does not fit its table is refused with all that came with it.
pub fn a_row_that_does_not_fit_refuses_the_batch(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let good = balance(1, &[(0, Value::Int(1))]);
    let bad = [
        balance(2, &[(3, Value::Int(1))]),
        balance(2, &[(0, text("one"))]),
        balance(2, &[(1, Value::Int(1)), (0, Value::Int(1))]),
        balance(2, &[(1, Value::Int(1)), (1, Value::Int(2))]),
        Row { key: vec![text("acme")], ..good.clone() },
        Row { key: vec![text("acme"), text("not bytes")], ..good.clone() },
        Row { delete: true, ..good.clone() },
    ];
    for bad in bad {
        let mut batch = Batch::new();
        batch.decision(10, vec![good.clone(), bad.clone()]);
        batch.checkpoint(Partition(2), b"beyond".to_vec());
        let refused = rows.apply(batch);
        assert!(matches!(refused, Err(StoreError::BadRow { table: "suite_balances", .. })), "{bad:?}");
    }
    assert_eq!(everything(&*rows), Vec::new());
    assert_eq!(rows.checkpoint(Partition(2)).unwrap(), None);
    assert!(matches!(rows.get(&BALANCES, &[text("acme")]), Err(StoreError::BadRow { .. })));
}

/// Each (role, partition) has one cursor, each (generation, partition) one checkpoint, and none is the other.
pub fn checkpoints_and_cursors_are_kept_apart(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    for (partition, checkpoint) in [(3, b"three"), (7, b"seven"), (3, b"third")] {
        let mut batch = Batch::new();
        batch.checkpoint(Partition(partition), checkpoint.to_vec());
        rows.apply(batch).unwrap();
    }
    store.put_cursor(&name("courier"), Partition(3), b"courier at three").unwrap();
    store.put_cursor(&name("clock"), Partition(3), b"").unwrap();
    assert_eq!(rows.checkpoint(Partition(3)).unwrap().as_deref(), Some(&b"third"[..]));
    assert_eq!(rows.checkpoint(Partition(7)).unwrap().as_deref(), Some(&b"seven"[..]));
    assert_eq!(rows.checkpoint(Partition(0)).unwrap(), None);
    let cursor = |role, partition| store.cursor(&name(role), Partition(partition)).unwrap();
    assert_eq!(cursor("courier", 3).as_deref(), Some(&b"courier at three"[..]));
    assert_eq!(cursor("clock", 3).as_deref(), Some(&b""[..]));
    assert_eq!(cursor("courier", 7), None);
}
