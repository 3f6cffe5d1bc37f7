//! Values on their way to the servers and back.

use std::collections::BTreeMap;

use mirabelle_domain::rows::{Table, Type, Value};
use mirabelle_store::{Cell, Found};
use scylla::deserialize::row::ColumnIterator;
use scylla::deserialize::value::{DeserializeValue as _, MapIterator};
use scylla::errors::SerializationError;
use scylla::frame::response::result::ColumnType;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::RowWriter;

/// A value to bind.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    /// Of a row.
    Value(Value),
    /// `int`
    Small(i32),
    /// `bigint`: a stamp.
    Stamp(i64),
    /// The cell stays as it is. NULL would delete it.
    Unset,
}

impl From<&str> for Bound {
    fn from(text: &str) -> Bound {
        Bound::Value(Value::Text(text.to_owned()))
    }
}

impl From<&[u8]> for Bound {
    fn from(bytes: &[u8]) -> Bound {
        Bound::Value(Value::Bytes(bytes.to_vec()))
    }
}

/// All values of one statement.
#[derive(Clone, Debug)]
pub(crate) struct Values(pub(crate) Vec<Bound>);

#[derive(Debug, thiserror::Error)]
#[error("{bound} values for {wanted} marks")]
struct Count {
    bound: usize,
    wanted: usize,
}

impl SerializeRow for Values {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        let columns = context.columns();
        if columns.len() != self.0.len() {
            return Err(SerializationError::new(Count { bound: self.0.len(), wanted: columns.len() }));
        }
        for (value, column) in self.0.iter().zip(columns) {
            let cell = writer.make_cell_writer();
            let of: &ColumnType<'_> = column.typ();
            // The driver compares each with the type that the server told when the statement was prepared.
            match value {
                Bound::Value(Value::Text(text)) => text.serialize(of, cell)?,
                Bound::Value(Value::Int(number)) | Bound::Stamp(number) => number.serialize(of, cell)?,
                Bound::Value(Value::Bytes(bytes)) => bytes.serialize(of, cell)?,
                Bound::Small(number) => number.serialize(of, cell)?,
                Bound::Unset => cell.set_unset(),
            };
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads columns one after the other. An error says what does not check.
pub(crate) struct Columns<'f, 'm>(pub(crate) ColumnIterator<'f, 'm>);

impl Columns<'_, '_> {
    fn next(&mut self) -> Result<Option<&[u8]>, String> {
        let column = self.0.next().ok_or("a column is missing")?.map_err(|error| error.to_string())?;
        Ok(column.slice.map(|slice| slice.as_slice()))
    }

    pub(crate) fn text(&mut self) -> Result<Option<String>, String> {
        self.next()?
            .map(|bytes| String::from_utf8(bytes.to_vec()).map_err(|_| "text that is not UTF-8".to_owned()))
            .transpose()
    }

    pub(crate) fn bytes(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(self.next()?.map(<[u8]>::to_vec))
    }

    pub(crate) fn number(&mut self) -> Result<Option<i64>, String> {
        let number = |bytes: &[u8]| match *bytes {
            [a, b, c, d, e, f, g, h] => Ok(i64::from_be_bytes([a, b, c, d, e, f, g, h])),
            _ => Err(format!("a bigint of {} bytes", bytes.len())),
        };
        self.next()?.map(number).transpose()
    }

    pub(crate) fn small(&mut self) -> Result<Option<i32>, String> {
        let number = |bytes: &[u8]| match *bytes {
            [a, b, c, d] => Ok(i32::from_be_bytes([a, b, c, d])),
            _ => Err(format!("an int of {} bytes", bytes.len())),
        };
        self.next()?.map(number).transpose()
    }

    /// A map from text to text.
    pub(crate) fn texts(&mut self) -> Result<BTreeMap<String, String>, String> {
        let column = self.0.next().ok_or("a column is missing")?.map_err(|error| error.to_string())?;
        let read = MapIterator::<'_, '_, String, String>::deserialize(column.spec.typ(), column.slice);
        read.map_err(|error| error.to_string())?.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    pub(crate) fn value(&mut self, of: Type) -> Result<Option<Value>, String> {
        Ok(match of {
            Type::Text => self.text()?.map(Value::Text),
            Type::Int => self.number()?.map(Value::Int),
            Type::Bytes => self.bytes()?.map(Value::Bytes),
        })
    }

    /// A key's values.
    pub(crate) fn key(&mut self, columns: &[(&str, Type)], key: &mut Vec<Value>) -> Result<(), String> {
        for (name, of) in columns {
            key.push(self.value(*of)?.ok_or_else(|| format!("no {name} in a key"))?);
        }
        Ok(())
    }

    /// A row's cells with their stamps.
    pub(crate) fn found(&mut self, table: &'static Table, key: Vec<Value>) -> Result<Found, String> {
        let mut cells = Vec::with_capacity(table.columns.len());
        for (column, (name, of)) in (0..).zip(table.columns) {
            let (value, stamp) = (self.value(*of)?, self.number()?);
            match (value, stamp) {
                (Some(value), Some(stamp)) => cells.push(Cell { column, stamp, value }),
                (None, None) => {}
                (Some(_), None) => return Err(format!("{name} has no stamp")),
                (None, Some(_)) => return Err(format!("{name} has a stamp and no value")),
            }
        }
        Ok(Found { table, key, cells })
    }
}
