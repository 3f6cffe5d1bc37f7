//! What is asked about the log: rows that facts project to. Absolute values only; every cell is stamped with the
//! decision's `at`, so that a repeat or a late writer changes nothing.

mod cells;

pub use cells::{
    NotLines, NotSealed, OrderedLine, lines_from_text, lines_text, sealed_bytes, sealed_from_bytes,
};

/// A column's type; the CQL type is given beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `text`
    Text,
    /// `bigint`
    Int,
    /// `blob`
    Bytes,
}

/// A value of a key or a cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number; instants in microseconds, days since 1970-01-01, booleans 0 and 1.
    Int(i64),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A table, fixed at compile time. `partition` columns place a row, `clustering` columns order rows within a
/// partition (ascending), `columns` are the cells that facts set.
#[derive(Debug)]
pub struct Table {
    /// Stable number, for engines that store numbers.
    pub number: u8,
    /// Name.
    pub name: &'static str,
    /// Columns that place a row.
    pub partition: &'static [(&'static str, Type)],
    /// Columns that order rows within a partition.
    pub clustering: &'static [(&'static str, Type)],
    /// Cells. A cell's number is its place here: columns are only ever added at the end.
    pub columns: &'static [(&'static str, Type)],
}

impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.number == other.number
    }
}

impl Eq for Table {}

/// Cells of one row that one fact sets. Cells not named stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table.
    pub table: &'static Table,
    /// Values of the partition columns, then of the clustering columns.
    pub key: Vec<Value>,
    /// (number of the column, value), rising by number; empty with `delete`.
    pub cells: Vec<(u8, Value)>,
    /// Delete the whole row, as of the stamp.
    pub delete: bool,
}
