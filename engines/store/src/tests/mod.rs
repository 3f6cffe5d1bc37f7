//! What is asked of the crate's own parts; engines are asked by the suite.

mod encoding;
mod snapshots;

use mirabelle_domain::rows::{Row, Table, Type, Value};

use crate::Batch;
use crate::cells::Cells;

static WIDE: Table = Table {
    number: 200,
    name: "wide",
    partition: &[("tenant", Type::Text), ("member", Type::Bytes)],
    clustering: &[("at", Type::Int)],
    columns: &[("a", Type::Int), ("b", Type::Text), ("c", Type::Bytes), ("d", Type::Int)],
};

fn row(at: i64, cells: &[(u8, Value)]) -> Row {
    let key = vec![Value::Text("acme".to_owned()), Value::Bytes(vec![7]), Value::Int(at)];
    Row { table: &WIDE, key, cells: cells.to_vec(), delete: false }
}

#[test]
fn a_coalesced_batch_ends_in_the_same_rows_with_fewer_puts() {
    let int = |number: i64| Value::Int(number);
    let puts = [
        (10, row(1, &[(0, int(1)), (3, int(1))])),
        (11, row(2, &[(0, int(9))])),
        // Covers the first.
        (12, row(1, &[(0, int(2)), (1, Value::Text("x".to_owned())), (3, int(2))])),
        // Covers nothing: fewer cells.
        (13, row(1, &[(0, int(3))])),
        // An older stamp covers nothing.
        (5, row(2, &[(0, int(8)), (3, int(8))])),
    ];
    let mut batch = Batch::new();
    puts.iter().for_each(|(stamp, row)| batch.decision(*stamp, vec![row.clone()]));
    let end = |batch: &Batch, at| {
        let mut end = Cells::default();
        let of = batch.puts().iter().filter(|put| put.row.key[2] == Value::Int(at));
        of.for_each(|put| end.join(&Cells::of_put(put.stamp, &put.row)));
        format!("{end:?}")
    };
    let whole = batch.clone();
    batch.coalesce();
    assert_eq!(batch.puts().iter().map(|put| put.stamp).collect::<Vec<_>>(), [11, 12, 13, 5]);
    assert_eq!((end(&batch, 1), end(&batch, 2)), (end(&whole, 1), end(&whole, 2)));
    assert_eq!(batch.decisions(), 5);
}
