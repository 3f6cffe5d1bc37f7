//! Rows of one decision while they are collected: one per key, a cell's later value in the place of the earlier one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Context;
use crate::fact::{Fact, GrantIntent};
use crate::rows::{Row, Table, Value, sealed_bytes};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// The rows so far.
pub(super) struct Rows<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) facts: &'a [Fact],
    rows: BTreeMap<(u8, Vec<Value>), Cells>,
}

/// The cells of one row so far.
pub(super) struct Cells {
    table: &'static Table,
    cells: Vec<(u8, Value)>,
    delete: bool,
}

impl Cells {
    /// Sets a cell.
    pub(super) fn set(&mut self, column: u8, value: Value) {
        debug_assert!(usize::from(column) < self.table.columns.len(), "{}.{column}", self.table.name);
        match self.cells.binary_search_by_key(&column, |(column, _)| *column) {
            Ok(place) => self.cells[place].1 = value,
            Err(place) => self.cells.insert(place, (column, value)),
        }
    }

    /// Sets a cell, where there is something to set.
    pub(super) fn set_some(&mut self, column: u8, value: Option<Value>) {
        if let Some(value) = value {
            self.set(column, value);
        }
    }
}

impl<'a> Rows<'a> {
    pub(super) fn new(context: &'a Context<'a>, facts: &'a [Fact]) -> Rows<'a> {
        Rows { context, facts, rows: BTreeMap::new() }
    }

    /// A row to set cells of.
    pub(super) fn row(&mut self, table: &'static Table, key: Vec<Value>) -> &mut Cells {
        debug_assert_eq!(key.len(), table.partition.len() + table.clustering.len(), "{}", table.name);
        let cells = self.rows.entry((table.number, key)).or_insert_with(|| Cells {
            table,
            cells: Vec::with_capacity(table.columns.len()),
            delete: false,
        });
        cells.delete = false;
        cells
    }

    /// Deletes a row.
    pub(super) fn delete(&mut self, table: &'static Table, key: Vec<Value>) {
        let cells = self.row(table, key);
        cells.cells.clear();
        cells.delete = true;
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        let rows = self.rows.into_iter();
        rows.map(|((_, key), Cells { table, cells, delete })| Row { table, key, cells, delete }).collect()
    }
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(super) fn int(number: i64) -> Value {
    Value::Int(number)
}

pub(super) fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// An instant.
pub(super) fn instant(at: Timestamp) -> Value {
    Value::Int(at.0)
}

/// Optional text of any kind; empty when it is missing.
pub(super) fn optional(value: Option<&impl ToString>) -> Value {
    Value::Text(value.map(ToString::to_string).unwrap_or_default())
}

/// A sealed value; empty when it is missing.
pub(super) fn sealed(value: Option<&Sealed>) -> Value {
    Value::Bytes(sealed_bytes(value))
}

/// The giver's words of a grant, as they are sealed. They never change, so what has none needs no cell.
pub(super) fn note(grant: &GrantIntent) -> Option<Value> {
    grant.note.as_ref().map(|note| sealed(Some(note)))
}

/// The name of a unit variant, as in JSON.
pub(super) fn name_of(value: &impl Serialize) -> Value {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Value::Text(name),
        Ok(other) => Value::Text(other.to_string()),
        Err(error) => unreachable!("a variant's name always serialises: {error}"),
    }
}
