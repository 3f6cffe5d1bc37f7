//! Rows that somebody has changed.

use std::path::Path;
use std::sync::Arc;

use mirabelle::engine::wall_clock;
use mirabelle::verify;
use mirabelle_domain::rows::{Row, Table, Value};
use mirabelle_domain::tables;
use mirabelle_log::Log as _;
use mirabelle_log_embedded::{EmbeddedLog, Options};
use mirabelle_store::{Batch, Found, Rows, Store as _};
use mirabelle_store_embedded::EmbeddedStore;

use crate::directory::make;

/// Opens the live rows and lets `change` write to them.
fn with_rows(data: &Path, change: impl FnOnce(&dyn Rows)) {
    let log = EmbeddedLog::open_offline(data.join("log"), Options::new(Arc::new(wall_clock))).unwrap();
    let store = EmbeddedStore::open(&data.join("rows.redb"), log.id(), Default::default()).unwrap();
    change(store.live().unwrap().as_ref());
    store.sync().unwrap();
}

fn write(rows: &dyn Rows, row: Row) {
    let mut batch = Batch::new();
    batch.decision(i64::MAX - 1, vec![row]);
    rows.apply(batch).unwrap();
}

fn first(rows: &dyn Rows, table: &'static Table) -> Found {
    let mut found = rows.scan_table(table, None, 1).unwrap();
    assert_eq!(found.len(), 1, "the directory has no row of {}", table.name);
    found.remove(0)
}

/// The name of a row in a report.
fn named(row: &Found) -> String {
    let part = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    format!("{}[{}]", row.table.name, row.key.iter().map(part).collect::<Vec<_>>().join(", "))
}

/// Another value of the same kind.
fn other(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(format!("{text} forged")),
        Value::Int(number) => Value::Int(number + 1_000_003),
        Value::Bytes(bytes) => Value::Bytes([&bytes[..], b"forged"].concat()),
    }
}

/// Changes one row of each table, and asserts that each is named.
fn assert_each_is_named(what: &str, forge: impl Fn(&Found) -> Row) {
    let data = tempfile::tempdir().unwrap();
    make(data.path());
    let mut forged = Vec::new();
    with_rows(data.path(), |rows| {
        for table in tables::ALL {
            let row = first(rows, table);
            write(rows, forge(&row));
            forged.push(named(&row));
        }
    });
    let report = verify::directory(data.path(), None).unwrap();
    assert!(!report.holds());
    for name in &forged {
        let told = report.differences.iter().any(|d| d.check == "rows" && d.place.starts_with(name));
        assert!(told, "{name} was {what}, and verify says only {:#?}", report.differences);
    }
    assert_eq!(report.differences.len(), forged.len(), "{:#?}", report.differences);
}

#[test]
fn verify_names_a_changed_row_of_every_table() {
    assert_each_is_named("changed", |row| {
        let cell = row.cells.first().expect("a row has a cell");
        Row {
            table: row.table,
            key: row.key.clone(),
            cells: vec![(cell.column, other(&cell.value))],
            delete: false,
        }
    });
}

#[test]
fn verify_names_a_deleted_row_of_every_table() {
    assert_each_is_named("deleted", |row| Row {
        table: row.table,
        key: row.key.clone(),
        cells: vec![],
        delete: true,
    });
}

#[test]
fn verify_names_a_row_of_every_table_that_no_fact_says() {
    let data = tempfile::tempdir().unwrap();
    make(data.path());
    let mut forged = Vec::new();
    with_rows(data.path(), |rows| {
        for table in tables::ALL {
            let mut row = first(rows, table);
            *row.key.last_mut().unwrap() = other(row.key.last().unwrap());
            let cells = row.cells.iter().map(|cell| (cell.column, cell.value.clone())).collect();
            write(rows, Row { table, key: row.key.clone(), cells, delete: false });
            forged.push(named(&row));
        }
    });
    let report = verify::directory(data.path(), None).unwrap();
    for name in &forged {
        let told = report.differences.iter().any(|d| d.place == *name && d.what == "no fact says this row");
        assert!(told, "{name} was put in, and verify says only {:#?}", report.differences);
    }
}
