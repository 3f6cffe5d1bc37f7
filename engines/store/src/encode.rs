//! Keys and rows as bytes, for engines that store bytes.
//!
//! **Keys** keep their order as bytes: the table's number, then each value. A number is one byte that tells sign
//! and length, and then as few big-endian bytes as hold it; text and bytes end with `00`, and `00`, `01` within
//! them become `01 01`, `01 02`. The encoding of a key's first values is a prefix of the whole.
//!
//! **Rows** are cells grouped by stamp, since nearly always one decision set them all: a byte with two flags and
//! the number of groups, the stamps of delete and mark, and per group its stamp, a mask of columns and the
//! values. A value's first varint holds its type in two bits.

use std::fmt;

use mirabelle_domain::rows::{Row, Table, Type, Value};

use crate::StoreError;
use crate::cells::{Cells, ValueRef};

/// Most columns a table may have: a group's mask and the count of groups stand in few bits.
pub const COLUMNS_MAX: usize = 63;
/// Stamps are written as their distance from 2024-01-01, which keeps them a byte shorter for a century.
const STAMP_BASE: i64 = 1_704_067_200_000_000;

/// Bytes that no encoder here wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Refuses a row that does not fit its table.
pub fn check(row: &Row) -> Result<(), StoreError> {
    let table = row.table;
    check_key(table, &row.key)?;
    let mut next = 0;
    for (column, value) in &row.cells {
        let Some((name, of)) = table.columns.get(usize::from(*column)) else {
            return Err(bad(table, format!("there is no column {column}")));
        };
        if *column < next || usize::from(*column) >= COLUMNS_MAX {
            return Err(bad(table, format!("column {name} out of order")));
        }
        if !is_a(value, *of) {
            return Err(bad(table, format!("column {name} is not {of:?}")));
        }
        next = column + 1;
    }
    if row.delete && !row.cells.is_empty() {
        return Err(bad(table, "a delete with cells".to_owned()));
    }
    Ok(())
}

/// Refuses the first values of a key that do not fit a table, or more of them than it has.
pub fn check_prefix(table: &'static Table, key: &[Value]) -> Result<(), StoreError> {
    if key.len() > table.partition.len() + table.clustering.len() {
        return Err(bad(table, format!("a key of {} values", key.len())));
    }
    let columns = table.partition.iter().chain(table.clustering);
    match key.iter().zip(columns).find(|(value, (_, of))| !is_a(value, *of)) {
        Some((_, (name, of))) => Err(bad(table, format!("key column {name} is not {of:?}"))),
        None => Ok(()),
    }
}

/// Refuses anything but a whole key of a table.
pub fn check_key(table: &'static Table, key: &[Value]) -> Result<(), StoreError> {
    check_prefix(table, key)?;
    if key.len() != table.partition.len() + table.clustering.len() {
        return Err(bad(table, format!("a key of {} values", key.len())));
    }
    Ok(())
}

/// The error for a row that does not fit.
pub fn bad(table: &'static Table, reason: String) -> StoreError {
    StoreError::BadRow { table: table.name, reason }
}

fn is_a(value: &Value, of: Type) -> bool {
    matches!(
        (value, of),
        (Value::Text(_), Type::Text) | (Value::Int(_), Type::Int) | (Value::Bytes(_), Type::Bytes)
    )
}

/// Appends the encoding of a whole key, or of its first values.
pub fn key(table: &Table, values: &[Value], out: &mut Vec<u8>) {
    out.push(table.number);
    for value in values {
        key_value(value, out);
    }
}

fn key_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Int(number) => {
            let bits = if *number < 0 { !*number } else { *number };
            let length = (8 - bits.leading_zeros() / 8) as usize;
            let tag = if *number < 0 { 0x7f - length as u8 } else { 0x80 + length as u8 };
            out.push(tag);
            out.extend_from_slice(&number.to_be_bytes()[8 - length..]);
        }
        Value::Text(text) => key_bytes(text.as_bytes(), out),
        Value::Bytes(bytes) => key_bytes(bytes, out),
    }
}

fn key_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            0 => out.extend_from_slice(&[1, 1]),
            1 => out.extend_from_slice(&[1, 2]),
            _ => out.push(byte),
        }
    }
    out.push(0);
}

/// Reads a whole key of `table` back.
pub fn read_key(table: &Table, bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
    let (&number, mut rest) = bytes.split_first().ok_or(Malformed("an empty key"))?;
    if number != table.number {
        return Err(Malformed("a key of another table"));
    }
    let mut values = Vec::with_capacity(table.partition.len() + table.clustering.len());
    for (_, of) in table.partition.iter().chain(table.clustering) {
        values.push(match of {
            Type::Int => Value::Int(read_key_int(&mut rest)?),
            Type::Bytes => Value::Bytes(read_key_bytes(&mut rest)?),
            Type::Text => Value::Text(
                String::from_utf8(read_key_bytes(&mut rest)?)
                    .map_err(|_| Malformed("text that is not UTF-8"))?,
            ),
        });
    }
    if rest.is_empty() { Ok(values) } else { Err(Malformed("a key with more than its values")) }
}

fn read_key_int(rest: &mut &[u8]) -> Result<i64, Malformed> {
    let (&tag, tail) = rest.split_first().ok_or(Malformed("a key cut short"))?;
    let (negative, length) = if tag >= 0x80 { (false, tag - 0x80) } else { (true, 0x7f - tag) };
    if length > 8 || tail.len() < usize::from(length) {
        return Err(Malformed("a number of impossible length in a key"));
    }
    let (digits, tail) = tail.split_at(usize::from(length));
    let mut full = if negative { [0xff; 8] } else { [0; 8] };
    full[8 - digits.len()..].copy_from_slice(digits);
    *rest = tail;
    Ok(i64::from_be_bytes(full))
}

fn read_key_bytes(rest: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    loop {
        let (&byte, tail) = rest.split_first().ok_or(Malformed("a key cut short"))?;
        *rest = tail;
        match byte {
            0 => return Ok(out),
            1 => {
                let (&escaped, tail) = rest.split_first().ok_or(Malformed("a key cut short"))?;
                *rest = tail;
                out.push(match escaped {
                    1 => 0,
                    2 => 1,
                    _ => return Err(Malformed("an unknown escape in a key")),
                });
            }
            _ => out.push(byte),
        }
    }
}

/// The smallest bytes that are larger than everything that begins with `prefix`; `None`: there are none.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut after = prefix[..=kept].to_vec();
    after[kept] += 1;
    Some(after)
}

/// Appends a varint, seven bits a byte, low bits first.
pub fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a varint.
pub fn read_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0_u64;
    for (place, &byte) in rest.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if place == 9 && bits > 1 {
            break;
        }
        number |= bits << (7 * place);
        if byte < 0x80 {
            *rest = &rest[place + 1..];
            return Ok(number);
        }
    }
    Err(Malformed("a number without an end"))
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn stamp(at: i64, out: &mut Vec<u8>) {
    varint(zigzag(at.wrapping_sub(STAMP_BASE)), out);
}

fn read_stamp(rest: &mut &[u8]) -> Result<i64, Malformed> {
    Ok(unzigzag(read_varint(rest)?).wrapping_add(STAMP_BASE))
}

const DELETED: u8 = 1;
const MARKED: u8 = 2;

/// Appends a row's state.
pub fn cells(row: &Cells<'_>, out: &mut Vec<u8>) {
    let flags_at = out.len();
    out.push(0);
    let mut flags = 0;
    if let Some(deleted) = row.deleted {
        flags |= DELETED;
        stamp(deleted, out);
    }
    if let Some(marked) = row.marked {
        flags |= MARKED;
        stamp(marked, out);
    }
    let mut written = 0_u64;
    let mut groups = 0_u8;
    for place in 0..row.cells.len() {
        let (column, at, _) = row.cells[place];
        if written & (1 << column) != 0 {
            continue;
        }
        let group = || row.cells[place..].iter().filter(move |cell| cell.1 == at);
        let mask = group().fold(0_u64, |mask, cell| mask | 1 << cell.0);
        stamp(at, out);
        varint(mask, out);
        group().for_each(|(_, _, cell)| value(*cell, out));
        written |= mask;
        groups += 1;
    }
    out[flags_at] = flags | groups << 2;
}

/// Appends a value.
fn value(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Int(number) if zigzag(number) < 1 << 62 => varint(zigzag(number) << 2, out),
        ValueRef::Int(number) => {
            varint(3, out);
            out.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Text(text) => {
            varint((text.len() as u64) << 2 | 1, out);
            out.extend_from_slice(text.as_bytes());
        }
        ValueRef::Bytes(bytes) => {
            varint((bytes.len() as u64) << 2 | 2, out);
            out.extend_from_slice(bytes);
        }
    }
}

/// Reads a row's state back.
pub fn read_cells(bytes: &[u8]) -> Result<Cells<'_>, Malformed> {
    let (&head, mut rest) = bytes.split_first().ok_or(Malformed("an empty row"))?;
    let mut row = Cells::default();
    if head & DELETED != 0 {
        row.deleted = Some(read_stamp(&mut rest)?);
    }
    if head & MARKED != 0 {
        row.marked = Some(read_stamp(&mut rest)?);
    }
    let groups = head >> 2;
    for _ in 0..groups {
        let at = read_stamp(&mut rest)?;
        let mut mask = read_varint(&mut rest)?;
        while mask != 0 {
            let column = mask.trailing_zeros() as u8;
            mask &= mask - 1;
            row.cells.push((column, at, read_value(&mut rest)?));
        }
    }
    if !rest.is_empty() {
        return Err(Malformed("a row with more than its cells"));
    }
    if groups > 1 {
        row.cells.sort_unstable_by_key(|cell| cell.0);
        if row.cells.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Malformed("a row that has a cell twice"));
        }
    }
    Ok(row)
}

fn read_value<'a>(rest: &mut &'a [u8]) -> Result<ValueRef<'a>, Malformed> {
    let head = read_varint(rest)?;
    if head & 3 == 0 {
        return Ok(ValueRef::Int(unzigzag(head >> 2)));
    }
    let length = if head & 3 == 3 { 8 } else { usize::try_from(head >> 2).unwrap_or(usize::MAX) };
    let (bytes, tail) = rest.split_at_checked(length).ok_or(Malformed("a value cut short"))?;
    *rest = tail;
    match head & 3 {
        1 => std::str::from_utf8(bytes).map(ValueRef::Text).map_err(|_| Malformed("text that is not UTF-8")),
        2 => Ok(ValueRef::Bytes(bytes)),
        _ => bytes
            .try_into()
            .map(|eight| ValueRef::Int(i64::from_le_bytes(eight)))
            .map_err(|_| Malformed("a number cut short")),
    }
}

/// Joins two encoded states of one row and appends the result.
pub fn join(ours: &[u8], theirs: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut row = read_cells(ours)?;
    row.join(&read_cells(theirs)?);
    cells(&row, out);
    Ok(())
}
