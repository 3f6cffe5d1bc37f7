//! CSV: what Integration Center, RaaS and customers' own jobs write. RFC 4180 with a configured delimiter; the first
//! line names the columns.
//!
//! The csv crate reads anything: an unclosed quote swallows the rest of a file as one field, and what follows a closing
//! quote is glued to the field. Both are refused here, by a look at the quotes before the first row is read.

use std::collections::HashMap;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord};

use crate::body::Text;
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Csv, Path, When};
use crate::once::Found;
use crate::record::{self, About, Place};
use crate::row::{Context, Row, Scalar};

/// Columns of one table.
const COLUMNS_MAX: usize = 1_000;

/// A CSV body, checked to its end.
pub(crate) struct Table<'a> {
    body: Text<'a>,
    shape: &'a Csv,
    columns: HashMap<String, usize>,
    width: usize,
    /// The line that names the columns, for the raw bytes of a row.
    head: &'a str,
}

impl<'a> Table<'a> {
    /// Checks the whole body: quotes, line ends, columns, the number of rows.
    pub(crate) fn open(shape: &'a Csv, body: Text<'a>, limits: &Limits) -> Result<Table<'a>, Malformed> {
        check_quotes(shape, body)?;
        let mut table = Table { body, shape, columns: HashMap::new(), width: 0, head: "" };
        let mut rows = 0_usize;
        let mut values = 0_usize;
        let mut last: Option<(String, Option<usize>)> = None;
        let count = shape.trailer.as_ref().map(|trailer| trailer.count);
        table.records(&mut |line, record, at| {
            if line == 0 {
                return Ok(());
            }
            rows += 1;
            values += record.len();
            let number =
                count.and_then(|column| record.get(column)).and_then(|text| text.trim().parse().ok());
            last = Some((record.get(0).unwrap_or_default().trim().to_owned(), number));
            if rows > limits.items {
                return Err(Malformed::byte(
                    Code::TooManyItems,
                    "more rows than the limit; send fewer at once",
                    at,
                ));
            }
            if values > limits.values {
                return Err(Malformed::byte(
                    Code::TooManyValues,
                    "more fields than the limit; send less at once",
                    at,
                ));
            }
            Ok(())
        })?;
        if let Some(trailer) = &shape.trailer {
            let told = last.filter(|(first, _)| *first == trailer.first).and_then(|(_, number)| number);
            if told != rows.checked_sub(1) {
                let what = "the last line does not say as many rows as there are; send the file whole";
                return Err(Malformed::byte(Code::Truncated, what, body.skipped + body.text.len()));
            }
        }
        table.name_columns()?;
        Ok(table)
    }

    fn name_columns(&mut self) -> Result<(), Malformed> {
        let mut names = StringRecord::new();
        let mut reader = self.reader();
        let read = reader.read_record(&mut names).unwrap_or(false);
        if !read || names.iter().all(|name| name.trim().is_empty()) {
            return Err(Malformed::body(Code::NoRows, "the first line names no column"));
        }
        let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        self.head = self.body.text.get(..end).unwrap_or_default();
        self.width = names.len();
        if self.width > COLUMNS_MAX {
            return Err(Malformed::body(Code::TooManyValues, "more than 1,000 columns"));
        }
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !name.trim().is_empty()) {
            if self.columns.insert(name.trim().to_owned(), index).is_some() {
                return Err(Malformed::body(Code::DuplicateMember, "the first line names a column twice"));
            }
        }
        Ok(())
    }

    fn reader(&self) -> csv::Reader<&'a [u8]> {
        ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.shape.delimiter.byte())
            .from_reader(self.body.text.as_bytes())
    }

    /// Hands on (number, record, offset) of every record, the first line included.
    fn records(
        &self,
        hand_on: &mut dyn FnMut(usize, &StringRecord, usize) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut reader = self.reader();
        let mut record = StringRecord::new();
        let mut line = 0;
        loop {
            let at = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            match reader.read_record(&mut record) {
                Ok(true) => hand_on(line, &record, self.body.skipped + at)?,
                Ok(false) => return Ok(()),
                // The text is UTF-8 and rows may differ in length: nothing else can go wrong in memory.
                Err(_) => {
                    return Err(Malformed::byte(Code::CsvSyntax, "not CSV", self.body.skipped + at));
                }
            }
            line += 1;
        }
    }

    /// Whether a body is what a variant is for.
    pub(crate) fn fits(&self, when: &When) -> bool {
        let has = |path: &Path| match path.names() {
            [name] => self.columns.contains_key(name.as_str()),
            _ => false,
        };
        when.root.is_none() && when.namespace.is_none() && when.equals.is_empty() && when.has.iter().all(has)
    }

    /// Hands on every row.
    ///
    /// # Errors
    /// No column has the name of the id: then no row names anybody.
    pub(crate) fn each(
        &self,
        context: &Context<'_>,
        hand_on: &mut dyn FnMut(Found),
    ) -> Result<(), Malformed> {
        let id = context.mapping.id.names();
        if !matches!(id, [name] if self.columns.contains_key(name.as_str())) {
            let what = "no column has the name of the id field; correct the file or the mapping";
            return Err(Malformed::new(Code::NoRows, what, context.mapping.id.as_str()));
        }
        let mut index = 0;
        let mut held: Option<(StringRecord, usize)> = None;
        let total = self.body.text.len();
        self.records(&mut |line, record, at| {
            let at = at - self.body.skipped;
            if line > 0 {
                let before = held.replace((record.clone(), at));
                if let Some((record, start)) = before {
                    self.row(context, index, &record, &self.body.text[start..at], hand_on);
                    index += 1;
                }
            }
            Ok(())
        })?;
        match held {
            Some((record, start)) if self.shape.trailer.is_none() => {
                self.row(context, index, &record, &self.body.text[start..total], hand_on);
            }
            _ => {}
        }
        Ok(())
    }

    fn row(
        &self,
        context: &Context<'_>,
        index: usize,
        record: &StringRecord,
        own: &str,
        hand_on: &mut dyn FnMut(Found),
    ) {
        let at = format!("/{index}");
        let raw: Arc<[u8]> = [self.head, own].concat().into_bytes().into();
        let place = Place { at: &at, raw: &raw };
        if record.len() != self.width {
            let what = "more or fewer fields than the first line has columns";
            return record::parts(
                context,
                Err(Malformed::new(Code::WrongFieldCount, what, "")),
                &place,
                hand_on,
            );
        }
        let row = CsvRow { columns: &self.columns, record };
        hand_on(record::row(context, &row, About::Any, None, &place));
    }
}

struct CsvRow<'r> {
    columns: &'r HashMap<String, usize>,
    record: &'r StringRecord,
}

impl Row for CsvRow<'_> {
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed> {
        let column = match path.names() {
            [name] => self.columns.get(name.as_str()),
            _ => None,
        };
        Ok(column.and_then(|column| self.record.get(*column)).map(Scalar::Text))
    }
}

/// Every quoted field is closed, nothing follows a closing quote, and the last line is ended.
fn check_quotes(shape: &Csv, body: Text<'_>) -> Result<(), Malformed> {
    #[derive(Clone, Copy, PartialEq)]
    enum In {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let delimiter = shape.delimiter.byte();
    let mut state = In::Start;
    for (at, byte) in body.text.bytes().enumerate() {
        let ends = byte == delimiter || byte == b'\n' || byte == b'\r';
        state = match (state, byte) {
            (In::Start, b'"') | (In::Closed, b'"') => In::Quoted,
            (In::Quoted, b'"') => In::Closed,
            (In::Quoted, _) => In::Quoted,
            _ if ends => In::Start,
            (In::Closed, _) => {
                let what = "something follows a closing quote; quotes inside a field are doubled";
                return Err(Malformed::byte(Code::CsvSyntax, what, body.skipped + at));
            }
            (In::Start | In::Plain, _) => In::Plain,
        };
    }
    let ended = body.text.ends_with(['\n', '\r']);
    if state == In::Quoted || !(ended || shape.unterminated) {
        let what = "the file ends inside a field or a line; send it whole";
        return Err(Malformed::byte(Code::Truncated, what, body.skipped + body.text.len()));
    }
    Ok(())
}
