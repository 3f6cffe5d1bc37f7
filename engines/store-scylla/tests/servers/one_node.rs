//! The suite on one node, and the domain's own tables.

use mirabelle_domain::rows::{Row, Table, Type, Value};
use mirabelle_domain::tables;
use mirabelle_store::suite::LOG;
use mirabelle_store::{Batch, Rows, Scan, Store};
use mirabelle_store_scylla::ScyllaStore;

use crate::world::{Servers, fresh, name, on_one, one};

mod suite {
    use super::*;

    fn servers() -> Option<Servers> {
        let held = one()?;
        Some(Servers { options: on_one(&held, &fresh("one")), _held: held })
    }

    mirabelle_store::store_suite!(match servers() {
        Some(servers) => servers,
        None => return,
    });
}

fn value(of: Type, number: u8) -> Value {
    match of {
        Type::Text => Value::Text(format!("text {number}")),
        Type::Int => Value::Int(i64::from(number) - 3),
        Type::Bytes => Value::Bytes(vec![number, 0, 255]),
    }
}

/// A row of a table, all its cells set.
fn full(table: &'static Table, number: u8) -> Row {
    let keys = table.partition.iter().chain(table.clustering);
    let key = keys.enumerate().map(|(place, (_, of))| {
        // Two rows of one partition key, where the table orders rows within it.
        let own = place >= table.partition.len() || table.clustering.is_empty();
        value(*of, if own { number } else { 9 })
    });
    let cells = (0..).zip(table.columns).map(|(column, (_, of))| (column, value(*of, number + column)));
    Row { table, key: key.collect(), cells: cells.collect(), delete: false }
}

fn check(rows: &dyn Rows, table: &'static Table) {
    let wanted = [full(table, 10), full(table, 20)];
    for row in &wanted {
        let found = rows.get(table, &row.key).unwrap().unwrap_or_else(|| panic!("{}", table.name));
        assert!(found.cells.iter().all(|cell| cell.stamp == 1_795_600_000_000_000), "{}", table.name);
        assert_eq!(found.into_row(), *row);
    }
    let mut walked: Vec<Row> =
        rows.scan_table(table, None, 100).unwrap().into_iter().map(|found| found.into_row()).collect();
    walked.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(walked, wanted);
    if !table.clustering.is_empty() {
        let partition = wanted[0].key[..table.partition.len()].to_vec();
        let scan = Scan { reverse: true, ..Scan::new(table, partition, 1) };
        assert_eq!(rows.scan(&scan).unwrap().remove(0).into_row(), wanted[1]);
    }
}

#[test]
fn each_table_of_the_domain_keeps_its_rows_on_the_servers() {
    let Some(held) = one() else { return };
    let store = ScyllaStore::open(on_one(&held, &fresh("domain")), LOG).unwrap();
    let rows = store.create(&name("rows-1")).unwrap();
    let mut batch = Batch::new();
    let all = tables::ALL.iter().flat_map(|table| [full(table, 10), full(table, 20)]);
    batch.decision(1_795_600_000_000_000, all.collect());
    rows.apply(batch).unwrap();
    for table in tables::ALL {
        check(&*rows, table);
    }
}
