//! Keys keep their order as bytes, rows join the same way whatever comes first, hostile bytes are refused.

use mirabelle_domain::rows::Value;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{WIDE, row};
use crate::cells::{Cells, ValueRef};
use crate::encode;

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -300..300_i64,
        (0..63_u32).prop_map(|bit| 1 << bit),
        (0..63_u32).prop_map(|bit| -(1 << bit)),
        Just(i64::MIN),
        Just(i64::MAX)
    ]
}

fn tricky() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0), Just(1), Just(2), Just(255), any::<u8>()], 0..6)
}

fn key() -> impl Strategy<Value = Vec<Value>> {
    ("[a\u{0}\u{1}b\u{ff}]{0,4}", tricky(), number())
        .prop_map(|(text, bytes, number)| vec![Value::Text(text), Value::Bytes(bytes), Value::Int(number)])
}

fn encoded(key: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::key(&WIDE, key, &mut out);
    out
}

/// Puts of one row: stamps close together, so that they often meet.
#[derive(Clone, Debug)]
struct Said {
    stamp: i64,
    cells: Vec<(u8, Value)>,
    delete: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let cells = (
        prop::option::of(0..3_i64),
        prop::option::of("[xy]{0,2}"),
        prop::option::of(tricky()),
        prop::option::of(number()),
    );
    (0..5_i64, cells, prop::bool::weighted(0.15)).prop_map(|(stamp, (a, b, c, d), delete)| {
        let mut cells = Vec::new();
        cells.extend(a.map(|a| (0, Value::Int(a))));
        cells.extend(b.map(|b| (1, Value::Text(b))));
        cells.extend(c.map(|c| (2, Value::Bytes(c))));
        cells.extend(d.map(|d| (3, Value::Int(d))));
        if delete {
            cells.clear();
        }
        Said { stamp, cells, delete }
    })
}

fn bytes(said: &Said) -> Vec<u8> {
    let mut row = row(1, &said.cells);
    row.delete = said.delete;
    encode::check(&row).unwrap();
    let mut out = Vec::new();
    encode::cells(&Cells::of_put(said.stamp, &row), &mut out);
    out
}

fn joined<'a>(said: impl IntoIterator<Item = &'a Said>) -> Vec<u8> {
    let mut end = Vec::new();
    encode::cells(&Cells::default(), &mut end);
    for said in said {
        let mut next = Vec::new();
        encode::join(&end, &bytes(said), &mut next).unwrap();
        end = next;
    }
    end
}

/// A value as servers know it.
fn in_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Int(number) => number.to_be_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.clone(),
    }
}

/// The rule, told in another way: look at all puts at once.
fn expected(said: &[Said]) -> Vec<(u8, i64, Value)> {
    let deleted = said.iter().filter(|said| said.delete).map(|said| said.stamp).max().unwrap_or(i64::MIN);
    let mut cells = Vec::new();
    for column in 0..4 {
        let of = |said: &Said| {
            let cell = said.cells.iter().find(|(other, _)| *other == column)?;
            (said.stamp > deleted).then(|| (said.stamp, cell.1.clone()))
        };
        let newest = said.iter().filter_map(of).max_by_key(|(stamp, value)| (*stamp, in_bytes(value)));
        cells.extend(newest.map(|(stamp, value)| (column, stamp, value)));
    }
    cells
}

proptest! {
    #[test]
    fn a_key_is_read_back_and_keeps_its_order(one in key(), other in key()) {
        let (a, b) = (encoded(&one), encoded(&other));
        prop_assert_eq!(encode::read_key(&WIDE, &a).unwrap(), one.clone());
        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        for first in 0..3 {
            let prefix = encoded(&one[..first]);
            prop_assert!(a.starts_with(&prefix));
            prop_assert_eq!(b.starts_with(&prefix), one[..first] == other[..first]);
        }
    }

    #[test]
    fn what_comes_after_a_prefix_is_beyond_all_that_begin_with_it(prefix in tricky(), rest in tricky()) {
        let whole = [prefix.clone(), rest].concat();
        match encode::after_prefix(&prefix) {
            Some(after) => prop_assert!(after > whole && !after.starts_with(&prefix)),
            None => prop_assert!(prefix.iter().all(|byte| *byte == 255)),
        }
    }

    #[test]
    fn any_order_and_repetition_of_puts_gives_the_same_row(
        said in vec(said(), 1..9),
        order in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let straight = joined(&said);
        let again = order.iter().map(|index| &said[index.index(said.len())]);
        let shuffled: Vec<&Said> = again.chain(said.iter().rev()).collect();
        prop_assert_eq!(&joined(shuffled), &straight);
        let mut twice = Vec::new();
        encode::join(&straight, &straight, &mut twice).unwrap();
        prop_assert_eq!(&twice, &straight);
        let row = encode::read_cells(&straight).unwrap();
        let cells: Vec<_> = row.cells.iter().map(|cell| (cell.0, cell.1, cell.2.to_value())).collect();
        prop_assert_eq!(cells, expected(&said));
        let deleted = said.iter().filter(|said| said.delete).map(|said| said.stamp).max();
        let lives = said.iter().any(|said| !said.delete && Some(said.stamp) > deleted);
        prop_assert_eq!(row.lives(), lives);
    }

    #[test]
    fn hostile_rows_and_keys_are_refused_without_a_panic(junk in vec(any::<u8>(), 0..40), said in said()) {
        drop(encode::read_cells(&junk));
        drop(encode::read_key(&WIDE, &junk));
        let mut whole = bytes(&said);
        for cut in 0..whole.len() {
            prop_assert!(encode::read_cells(&whole[..cut]).is_err(), "cut at {}", cut);
        }
        whole.push(0);
        prop_assert!(encode::read_cells(&whole).is_err());
    }
}

#[test]
fn a_row_takes_few_bytes() {
    let one = row(1, &[(0, Value::Int(25)), (1, Value::Text("gift".to_owned())), (3, Value::Int(375))]);
    let mut out = Vec::new();
    encode::cells(&Cells::of_put(1_795_600_000_123_456, &one), &mut out);
    // Flags, seven of the stamp, mask, 25, length and text, 375.
    assert_eq!(out.len(), 1 + 7 + 1 + 2 + 1 + 4 + 2);
    assert_eq!(encode::read_cells(&out).unwrap().cells[2].2, ValueRef::Int(375));
}
