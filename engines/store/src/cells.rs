//! One row's state: cells, each with its stamp. Two states of a row join to one, whatever the order.

use std::cmp::Ordering;

use mirabelle_domain::rows::{Row, Value};
use smallvec::SmallVec;

/// A cell's value, borrowed from a row or from encoded bytes.
///
/// The order decides at equal stamps: larger wins, by the bytes of the value, a number's being its eight big-endian
/// ones. So servers decide that know a cell as bytes alone; a negative number is larger than any other there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// Text, UTF-8.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl Ord for ValueRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (ValueRef::Text(a), ValueRef::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (ValueRef::Int(a), ValueRef::Int(b)) => a.cast_unsigned().cmp(&b.cast_unsigned()),
            (ValueRef::Bytes(a), ValueRef::Bytes(b)) => a.cmp(b),
            // A column holds values of one type; any order will do.
            (ValueRef::Text(_), _) | (ValueRef::Int(_), ValueRef::Bytes(_)) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }
}

impl PartialOrd for ValueRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> ValueRef<'a> {
        match value {
            Value::Text(text) => ValueRef::Text(text),
            Value::Int(number) => ValueRef::Int(*number),
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
        }
    }
}

impl ValueRef<'_> {
    /// The value, owned.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Int(number) => Value::Int(number),
            ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        }
    }
}

/// A cell: column, stamp, value.
pub type CellRef<'a> = (u8, i64, ValueRef<'a>);

/// A row's state. Joining is commutative, associative and idempotent, so the order and the number of times in
/// which the same puts arrive can't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells<'a> {
    /// Stamp of the newest delete: everything stamped so or earlier is gone.
    pub deleted: Option<i64>,
    /// Stamp of the newest put without cells. A put with cells needs no mark: its cells only give way to newer.
    pub marked: Option<i64>,
    /// Live cells, rising by column.
    pub cells: SmallVec<[CellRef<'a>; 12]>,
}

impl<'a> Cells<'a> {
    /// The state that one put makes of nothing.
    pub fn of_put(stamp: i64, row: &'a Row) -> Cells<'a> {
        if row.delete {
            return Cells { deleted: Some(stamp), ..Cells::default() };
        }
        let cells = row.cells.iter().map(|(column, value)| (*column, stamp, value.into())).collect();
        let marked = row.cells.is_empty().then_some(stamp);
        Cells { deleted: None, marked, cells }
    }

    /// Whether there is a row to be seen.
    pub fn lives(&self) -> bool {
        self.marked.is_some() || !self.cells.is_empty()
    }

    /// Joins another state of the same row.
    pub fn join(&mut self, other: &Cells<'a>) {
        self.deleted = self.deleted.max(other.deleted);
        self.marked = self.marked.max(other.marked);
        if self.cells.is_empty() {
            self.cells.extend_from_slice(&other.cells);
        } else if !other.cells.is_empty() {
            self.cells = join_cells(&self.cells, &other.cells);
        }
        if let Some(deleted) = self.deleted {
            self.cells.retain(|(_, stamp, _)| *stamp > deleted);
            self.marked = self.marked.filter(|stamp| *stamp > deleted);
        }
    }
}

fn join_cells<'a>(ours: &[CellRef<'a>], theirs: &[CellRef<'a>]) -> SmallVec<[CellRef<'a>; 12]> {
    let mut joined = SmallVec::with_capacity(ours.len().max(theirs.len()));
    let (mut left, mut right) = (ours.iter().peekable(), theirs.iter().peekable());
    while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
        if a.0 <= b.0 {
            left.next();
        }
        if b.0 <= a.0 {
            right.next();
        }
        joined.push(match a.0.cmp(&b.0) {
            Ordering::Less => a,
            Ordering::Greater => b,
            Ordering::Equal => {
                if (b.1, b.2) > (a.1, a.2) {
                    b
                } else {
                    a
                }
            }
        });
    }
    joined.extend(left.copied());
    joined.extend(right.copied());
    joined
}
