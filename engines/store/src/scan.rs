//! What is read: rows, and which of them.

use std::ops::Bound;

use mirabelle_domain::rows::{Row, Table, Value};

use crate::StoreError;
use crate::cells::Cells;
use crate::encode;

/// A cell as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The column's number in its table.
    pub column: u8,
    /// The stamp of the put that set it.
    pub stamp: i64,
    /// The value.
    pub value: Value,
}

/// A row as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The table.
    pub table: &'static Table,
    /// Values of the partition columns, then of the clustering columns.
    pub key: Vec<Value>,
    /// Cells that are set, rising by column.
    pub cells: Vec<Cell>,
}

impl Found {
    /// From a row's key and state; `None` when there is nothing to be seen.
    pub fn of(table: &'static Table, key: Vec<Value>, row: &Cells<'_>) -> Option<Found> {
        row.lives().then(|| {
            let cell = |(column, stamp, value): &crate::cells::CellRef<'_>| Cell {
                column: *column,
                stamp: *stamp,
                value: value.to_value(),
            };
            Found { table, key, cells: row.cells.iter().map(cell).collect() }
        })
    }

    /// The value of a column by number, if it is set.
    pub fn value(&self, column: u8) -> Option<&Value> {
        let place = self.cells.binary_search_by_key(&column, |cell| cell.column).ok()?;
        Some(&self.cells[place].value)
    }

    /// The value of a column by name, if it is set; key columns count too.
    pub fn named(&self, name: &str) -> Option<&Value> {
        let mut key = self.table.partition.iter().chain(self.table.clustering);
        if let Some(place) = key.position(|(other, _)| *other == name) {
            return self.key.get(place);
        }
        let place = self.table.columns.iter().position(|(other, _)| *other == name)?;
        self.value(u8::try_from(place).ok()?)
    }

    /// A text by column name.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.named(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A number by column name.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.named(name) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// Bytes by column name.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.named(name) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The row without its stamps.
    pub fn into_row(self) -> Row {
        let cells = self.cells.into_iter().map(|cell| (cell.column, cell.value)).collect();
        Row { table: self.table, key: self.key, cells, delete: false }
    }
}

/// Rows of one partition key, in clustering order.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The table.
    pub table: &'static Table,
    /// All values of the partition columns.
    pub partition: Vec<Value>,
    /// Lower bound: the first clustering values. `Included` takes in everything that begins with them,
    /// `Excluded` leaves all of it out.
    pub from: Bound<Vec<Value>>,
    /// Upper bound, likewise.
    pub to: Bound<Vec<Value>>,
    /// Go on behind (in the direction of the scan) this row, whether or not it is still there: its clustering
    /// values, all of them.
    pub after: Option<Vec<Value>>,
    /// Last first.
    pub reverse: bool,
    /// Most rows to hand out.
    pub limit: usize,
}

impl Scan {
    /// All rows of a partition key, first first, at most `limit`.
    pub fn new(table: &'static Table, partition: Vec<Value>, limit: usize) -> Scan {
        Scan {
            table,
            partition,
            from: Bound::Unbounded,
            to: Bound::Unbounded,
            after: None,
            reverse: false,
            limit,
        }
    }

    /// The encoded keys from (included) and to (excluded; `None`: no end) that the scan covers; `None`: nothing.
    pub fn range(&self) -> Result<Option<KeyRange>, StoreError> {
        if self.partition.len() != self.table.partition.len() {
            let reason = format!("a scan over {} partition values", self.partition.len());
            return Err(encode::bad(self.table, reason));
        }
        let (mut low, mut high) = (self.prefix(&[])?, encode::after_prefix(&self.prefix(&[])?));
        match &self.from {
            Bound::Unbounded => {}
            Bound::Included(first) => low = self.prefix(first)?,
            Bound::Excluded(first) => match encode::after_prefix(&self.prefix(first)?) {
                Some(after) => low = after,
                None => return Ok(None),
            },
        }
        match &self.to {
            Bound::Unbounded => {}
            Bound::Included(last) => high = encode::after_prefix(&self.prefix(last)?),
            Bound::Excluded(last) => high = Some(self.prefix(last)?),
        }
        if let Some(after) = &self.after {
            if after.len() != self.table.clustering.len() {
                return Err(encode::bad(self.table, format!("a scan after {} values", after.len())));
            }
            let mut key = self.prefix(after)?;
            if self.reverse {
                high = Some(high.map_or(key.clone(), |high| high.min(key)));
            } else {
                key.push(0);
                low = low.max(key);
            }
        }
        let empty = high.as_ref().is_some_and(|high| *high <= low);
        Ok((!empty).then_some((low, high)))
    }

    fn prefix(&self, clustering: &[Value]) -> Result<Vec<u8>, StoreError> {
        let values: Vec<Value> = self.partition.iter().chain(clustering).cloned().collect();
        encode::check_prefix(self.table, &values)?;
        let mut key = Vec::with_capacity(64);
        encode::key(self.table, &values, &mut key);
        Ok(key)
    }
}

/// Encoded keys: from, included; to, excluded, `None` for no end.
pub type KeyRange = (Vec<u8>, Option<Vec<u8>>);

/// The encoded keys of a table behind `after`.
pub fn table_range(table: &'static Table, after: Option<&[Value]>) -> Result<KeyRange, StoreError> {
    let mut low = vec![table.number];
    if let Some(after) = after {
        encode::check_key(table, after)?;
        low.clear();
        encode::key(table, after, &mut low);
        low.push(0);
    }
    Ok((low, encode::after_prefix(&[table.number])))
}
