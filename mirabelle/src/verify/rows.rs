//! Live rows against the rows that the facts say, cell by cell, stamps included.

use mirabelle_domain::rows::{Table, Value};
use mirabelle_domain::tables;
use mirabelle_store::{Found, Rows, StoreError};

use super::Report;
use super::facts::chain;

const PAGE: usize = 1_000;

/// A table's rows in the order of their keys, read page by page.
pub(crate) struct Walk<'a> {
    rows: &'a dyn Rows,
    table: &'static Table,
    page: std::vec::IntoIter<Found>,
    after: Option<Vec<Value>>,
    ended: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(rows: &'a dyn Rows, table: &'static Table) -> Walk<'a> {
        Walk { rows, table, page: Vec::new().into_iter(), after: None, ended: false }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Found>, StoreError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        if self.ended {
            return Ok(None);
        }
        let page = self.rows.scan_table(self.table, self.after.as_deref(), PAGE)?;
        self.ended = page.len() < PAGE;
        self.after = page.last().map(|row| row.key.clone());
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

pub(crate) fn compare(wanted: &dyn Rows, live: &dyn Rows, report: &mut Report) {
    for table in tables::ALL {
        if let Err(error) = compare_table(table, wanted, live, report) {
            report.differs("rows", table.name, chain(&error));
        }
    }
}

fn compare_table(
    table: &'static Table,
    wanted: &dyn Rows,
    live: &dyn Rows,
    report: &mut Report,
) -> Result<(), StoreError> {
    let (mut wanted, mut live) = (Walk::new(wanted, table), Walk::new(live, table));
    let (mut want, mut have) = (wanted.next()?, live.next()?);
    loop {
        match (&want, &have) {
            (None, None) => return Ok(()),
            (Some(w), Some(h)) if w.key == h.key => {
                report.rows += 1;
                compare_cells(w, h, report);
                (want, have) = (wanted.next()?, live.next()?);
            }
            (Some(w), h) if h.as_ref().is_none_or(|h| order(w) < order(h)) => {
                report.differs("rows", name(w), "the row is missing");
                want = wanted.next()?;
            }
            (_, Some(h)) => {
                report.differs("rows", name(h), "no fact says this row");
                have = live.next()?;
            }
            (Some(_), None) => return Ok(()),
        }
    }
}

/// The order in which a table is walked is that of the encoded keys.
fn order(row: &Found) -> Vec<u8> {
    let mut encoded = Vec::new();
    mirabelle_store::encode::key(row.table, &row.key, &mut encoded);
    encoded
}

fn compare_cells(want: &Found, have: &Found, report: &mut Report) {
    for column in 0..u8::try_from(want.table.columns.len()).unwrap_or(u8::MAX) {
        let cell = |row: &Found| row.cells.iter().find(|cell| cell.column == column).cloned();
        let (w, h) = (cell(want), cell(have));
        if w != h {
            let place = format!("{} column {}", name(want), want.table.columns[usize::from(column)].0);
            report.differs("rows", place, format!("{} where the facts say {}", shown(h), shown(w)));
        }
    }
}

fn shown(cell: Option<mirabelle_store::Cell>) -> String {
    match cell {
        None => "nothing".to_owned(),
        Some(cell) => match cell.value {
            // Bytes are sealed values; they say nothing to a reader.
            Value::Bytes(bytes) => format!("{} bytes (stamp {})", bytes.len(), cell.stamp),
            Value::Text(text) => format!("{text:?} (stamp {})", cell.stamp),
            Value::Int(number) => format!("{number} (stamp {})", cell.stamp),
        },
    }
}

fn name(row: &Found) -> String {
    let part = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let key: Vec<String> = row.key.iter().map(part).collect();
    format!("{}[{}]", row.table.name, key.join(", "))
}
