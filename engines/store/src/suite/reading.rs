//! What scans give.

use std::ops::Bound;

use mirabelle_domain::rows::Value;

use super::{BALANCES, Engine, STATEMENT, apply, balance, deleted, fresh, member, statement, text};
use crate::{Found, Rows, Scan};

/// (accepted_at, part) of rows found.
fn places(found: &[Found]) -> Vec<(i64, String)> {
    let place = |row: &Found| match (&row.key[2], &row.key[3]) {
        (Value::Int(at), Value::Text(part)) => (*at, part.clone()),
        other => panic!("not a key of the statement: {other:?}"),
    };
    found.iter().map(place).collect()
}

fn fill(rows: &dyn Rows) -> Vec<(i64, String)> {
    let mut wanted = Vec::new();
    for at in [-5_000_000_000, -256, -1, 0, 3, 255, 256, 70_000] {
        for part in ["", "a", "a\u{0}", "a\u{1}", "aa", "b"] {
            wanted.push((at, part.to_owned()));
        }
    }
    // Put from the end, with neighbours' rows between.
    for (at, part) in wanted.iter().rev() {
        let stamp = 9_000 - at % 100;
        apply(rows, &[(stamp, statement(5, *at, part, 1)), (stamp, statement(6, *at, part, 2))]);
    }
    wanted
}

fn scan() -> Scan {
    Scan::new(&STATEMENT, vec![text("acme"), member(5)], usize::MAX)
}

/// Clustering order is the order of the values, not of their bytes.
pub fn a_scan_gives_one_partition_key_in_order(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let mut wanted = fill(&*rows);
    assert_eq!(places(&rows.scan(&scan()).unwrap()), wanted);
    wanted.reverse();
    assert_eq!(places(&rows.scan(&Scan { reverse: true, ..scan() }).unwrap()), wanted);
    let nobody = Scan::new(&STATEMENT, vec![text("acme"), member(4)], 10);
    assert_eq!(rows.scan(&nobody).unwrap(), Vec::new());
}

/// Bounds are prefixes of the clustering values.
pub fn a_scan_keeps_to_its_bounds(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let all = fill(&*rows);
    let at = |at: i64| vec![Value::Int(at)];
    let full = |at: i64, part: &str| vec![Value::Int(at), text(part)];
    type Keep = fn(&(i64, String)) -> bool;
    type Case = (Bound<Vec<Value>>, Bound<Vec<Value>>, Keep);
    let cases: [Case; 7] = [
        (Bound::Included(at(0)), Bound::Unbounded, |place| place.0 >= 0),
        (Bound::Excluded(at(0)), Bound::Unbounded, |place| place.0 > 0),
        (Bound::Unbounded, Bound::Included(at(3)), |place| place.0 <= 3),
        (Bound::Unbounded, Bound::Excluded(at(3)), |place| place.0 < 3),
        (Bound::Included(at(-256)), Bound::Excluded(at(256)), |place| (-256..256).contains(&place.0)),
        (Bound::Excluded(full(0, "a")), Bound::Included(full(3, "aa")), |place| {
            (place.0, place.1.as_str()) > (0, "a") && (place.0, place.1.as_str()) <= (3, "aa")
        }),
        (Bound::Included(at(256)), Bound::Excluded(at(-1)), |_| false),
    ];
    for (from, to, keep) in cases {
        let wanted: Vec<(i64, String)> = all.iter().filter(|place| keep(place)).cloned().collect();
        let bounded = Scan { from, to, ..scan() };
        assert_eq!(places(&rows.scan(&bounded).unwrap()), wanted, "{bounded:?}");
    }
    let long = Scan { from: Bound::Included(vec![Value::Int(1), text("a"), text("b")]), ..scan() };
    assert!(rows.scan(&long).is_err(), "more values than clustering columns");
}

/// `after` goes on behind a row, in both directions, also when that row has gone.
pub fn pages_of_a_scan_join_without_gap_or_repeat(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let all = fill(&*rows);
    for reverse in [false, true] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = Scan { reverse, after, limit: 5, ..scan() };
            let found = rows.scan(&page).unwrap();
            assert!(found.len() <= 5);
            seen.extend(places(&found));
            let Some(last) = found.last() else { break };
            after = Some(last.key[2..].to_vec());
        }
        let mut wanted = all.clone();
        if reverse {
            wanted.reverse();
        }
        assert_eq!(seen, wanted);
    }
    let gone = Scan { after: Some(vec![Value::Int(100), text("never was")]), ..scan() };
    assert_eq!(places(&rows.scan(&gone).unwrap())[0], (255, String::new()));
}

/// A whole table, page by page, each row once, and nothing of its neighbours; rows of one partition key stand
/// together and in order.
pub fn a_table_scan_gives_every_row_once(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    for number in 0..=255 {
        apply(&*rows, &[(77, balance(number, &[(0, Value::Int(i64::from(number)))]))]);
        apply(&*rows, &[(77, statement(number, 1, "x", 1))]);
    }
    let mut seen = Vec::new();
    let mut after: Option<Vec<Value>> = None;
    loop {
        let page = rows.scan_table(&BALANCES, after.as_deref(), 23).unwrap();
        seen.extend(page.iter().map(|row| row.int("available").expect("set")));
        if page.len() < 23 {
            break;
        }
        after = page.last().map(|row| row.key.clone());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..=255).collect::<Vec<i64>>());
    for number in 0..9 {
        (0..9).for_each(|at| apply(&*rows, &[(78, statement(number, at, "y", 1))]));
    }
    let all = rows.scan_table(&STATEMENT, None, usize::MAX).unwrap();
    assert_eq!(all.len(), 256 + 81);
    // Pages end within partition keys, between them, and at the table's end.
    for limit in [1, 7, 10, 337] {
        let mut paged: Vec<Found> = Vec::new();
        loop {
            let after = paged.last().map(|row| row.key.clone());
            let page = rows.scan_table(&STATEMENT, after.as_deref(), limit).unwrap();
            let ended = page.len() < limit;
            paged.extend(page);
            if ended {
                break;
            }
        }
        assert_eq!(paged, all, "pages of {limit}");
    }
    for pair in all.windows(2).filter(|pair| pair[0].key[..2] == pair[1].key[..2]) {
        assert!(places(&pair[..1]) < places(&pair[1..]));
    }
    let members: Vec<&[Value]> = all.iter().map(|row| &row.key[..2]).collect();
    assert_eq!(members.chunk_by(|a, b| a == b).count(), 256, "a partition key's rows stand together");
}

/// Keys that look alike as bytes are two keys.
pub fn tables_and_similar_keys_are_apart(engine: &mut dyn Engine) {
    let (_store, rows) = fresh(engine);
    let keys: Vec<Vec<Value>> = [
        ("a", vec![]),
        ("a", vec![0]),
        ("a", vec![0, 0]),
        ("a", vec![1]),
        ("a", vec![1, 1]),
        ("a", vec![255]),
        ("a\u{0}", vec![]),
        ("a\u{0}", vec![0]),
        ("a\u{1}", vec![1]),
        ("", vec![0, 97]),
    ]
    .into_iter()
    .map(|(tenant, bytes)| vec![text(tenant), Value::Bytes(bytes)])
    .collect();
    for (place, key) in keys.iter().enumerate() {
        let mut row = balance(0, &[(0, Value::Int(place as i64))]);
        row.key = key.clone();
        apply(&*rows, &[(60, row)]);
    }
    for (place, key) in keys.iter().enumerate() {
        let found = rows.get(&BALANCES, key).unwrap().expect("each key has its row");
        assert_eq!((found.int("available"), &found.key), (Some(place as i64), key));
    }
    let found = rows.scan_table(&BALANCES, None, usize::MAX).unwrap();
    let mut found: Vec<Vec<Value>> = found.into_iter().map(|row| row.key).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    found.sort();
    assert_eq!(found, sorted);
}

/// Deleted rows are stepped over, however many they are, without ending a page early.
pub fn hidden_rows_do_not_shorten_a_page(engine: &mut dyn Engine) {
    let (store, rows) = fresh(engine);
    for at in 0..300 {
        apply(&*rows, &[(500, statement(5, at, "x", 1))]);
    }
    store.sync().unwrap();
    for at in 2..298 {
        apply(&*rows, &[(501, deleted(statement(5, at, "x", 1)))]);
    }
    let found = rows.scan(&Scan { limit: 4, ..scan() }).unwrap();
    let ats: Vec<i64> = places(&found).into_iter().map(|place| place.0).collect();
    assert_eq!(ats, [0, 1, 298, 299]);
}
