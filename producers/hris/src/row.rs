//! One item, whatever it came in: names in, plain values out.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use mirabelle_domain::Day;

use crate::dates::{self, DateFormat};
use crate::json::{Node, Value};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Mapping, NumericIds, Path};
use crate::report::{ExternalId, is_invisible};

/// A plain value as its source wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Number(&'a str),
    Bool(bool),
}

impl<'a> Scalar<'a> {
    fn as_text(self) -> &'a str {
        match self {
            Scalar::Text(text) | Scalar::Number(text) => text,
            Scalar::Bool(true) => "true",
            Scalar::Bool(false) => "false",
        }
    }
}

/// Something with named values.
pub(crate) trait Row {
    /// The plain value at a path; `None` where there is none.
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed>;

    /// The keys that a pointer would carry; empty where the item is all there is.
    fn keys(&self) -> Result<BTreeMap<String, String>, Malformed>;
}

impl Row for Node<'_> {
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed> {
        let mut node = self;
        for name in path.names() {
            let next = match &node.value {
                Value::Object(_) => node.member(name),
                Value::Array(elements) => match name.parse::<usize>() {
                    Ok(index) => elements.get(index),
                    Err(_) => {
                        let what =
                            "an array where the mapping expects an object; correct the report or the mapping";
                        return Err(Malformed::new(Code::NotAnObject, what, path.as_str()));
                    }
                },
                Value::Null => None,
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Skimmed => {
                    let what = "a plain value where the mapping expects an object";
                    return Err(Malformed::new(Code::NotAnObject, what, path.as_str()));
                }
            };
            match next {
                Some(found) => node = found,
                None => return Ok(None),
            }
        }
        match &node.value {
            Value::Null => Ok(None),
            Value::Bool(value) => Ok(Some(Scalar::Bool(*value))),
            Value::Number(text) => Ok(Some(Scalar::Number(text))),
            Value::Text(text) => Ok(Some(Scalar::Text(text))),
            Value::Array(_) | Value::Object(_) | Value::Skimmed => {
                let what = "an array or object where a plain value belongs";
                Err(Malformed::new(Code::NotAPlainValue, what, path.as_str()))
            }
        }
    }

    fn keys(&self) -> Result<BTreeMap<String, String>, Malformed> {
        Ok(BTreeMap::new())
    }
}

/// A row together with the rules for reading its values.
pub(crate) struct Reader<'r> {
    pub(crate) row: &'r dyn Row,
    pub(crate) mapping: &'r Mapping,
    pub(crate) limits: &'r Limits,
    /// Formats of dates in this row.
    pub(crate) dates: &'r [DateFormat],
    pub(crate) zone: Option<&'r TimeZone>,
}

impl<'r> Reader<'r> {
    fn value(&self, path: &Path) -> Result<Option<Scalar<'r>>, Malformed> {
        let Some(scalar) = self.row.scalar(path)? else { return Ok(None) };
        let text = scalar.as_text();
        if text.len() > self.limits.value_bytes {
            let what =
                format!("a value of more than {} bytes; shorten it in the source", self.limits.value_bytes);
            return Err(Malformed::new(Code::ValueTooLong, what, path.as_str()));
        }
        let trimmed = text.trim();
        if trimmed.is_empty() || self.mapping.blanks.iter().any(|blank| blank == trimmed) {
            return Ok(None);
        }
        if trimmed.chars().any(|c| c.is_control()) {
            let what = "a control character inside a value; correct it in the source";
            return Err(Malformed::new(Code::ControlCharacter, what, path.as_str()));
        }
        Ok(Some(match scalar {
            Scalar::Text(_) => Scalar::Text(trimmed),
            other => other,
        }))
    }

    /// The value as text.
    pub(crate) fn text(&self, path: &Path) -> Result<Option<&'r str>, Malformed> {
        Ok(self.value(path)?.map(Scalar::as_text))
    }

    /// The first of the paths that has a value.
    pub(crate) fn first<'p>(&self, paths: &'p [Path]) -> Result<Option<(&'p Path, Scalar<'r>)>, Malformed> {
        for path in paths {
            if let Some(value) = self.value(path)? {
                return Ok(Some((path, value)));
            }
        }
        Ok(None)
    }

    pub(crate) fn first_text<'p>(&self, paths: &'p [Path]) -> Result<Option<(&'p Path, &'r str)>, Malformed> {
        Ok(self.first(paths)?.map(|(path, value)| (path, value.as_text())))
    }

    pub(crate) fn day(&self, paths: &[Path]) -> Result<Option<Day>, Malformed> {
        match self.first_text(paths)? {
            None => Ok(None),
            Some((path, text)) => match dates::day(text, self.dates) {
                Ok(day) => Ok(Some(day)),
                Err((code, what)) => Err(Malformed::new(code, what, path.as_str())),
            },
        }
    }

    pub(crate) fn instant(&self, paths: &[Path]) -> Result<Option<i64>, Malformed> {
        match self.first_text(paths)? {
            None => Ok(None),
            Some((path, text)) => match dates::instant(text, &self.mapping.stamp_dates, self.zone) {
                Ok(micros) => Ok(Some(micros)),
                Err((code, what)) => Err(Malformed::new(code, what, path.as_str())),
            },
        }
    }

    /// An id, under the mapping's rule for numbers.
    pub(crate) fn id(&self, path: &Path) -> Result<Option<ExternalId>, Malformed> {
        let text = match self.value(path)? {
            None => return Ok(None),
            Some(Scalar::Text(text)) => text,
            Some(Scalar::Number(digits)) => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                if self.mapping.numeric_ids == NumericIds::Refused || !plain {
                    let what = "a number for an id, which loses leading zeros; send it as text";
                    return Err(Malformed::new(Code::NumberForId, what, path.as_str()));
                }
                digits
            }
            Some(Scalar::Bool(_)) => {
                return Err(Malformed::new(Code::BadId, "true or false for an id", path.as_str()));
            }
        };
        match ExternalId::new(text) {
            Ok(id) => Ok(Some(id)),
            Err(fault) => Err(Malformed { at: path.as_str().to_owned(), ..fault }),
        }
    }

    /// Text that names something: bounded like an id, nothing invisible in it.
    pub(crate) fn name(&self, path: &Path) -> Result<Option<String>, Malformed> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        if text.len() > ExternalId::BYTES_MAX || text.chars().any(is_invisible) {
            let what = "an id has at most 128 bytes and no invisible characters";
            return Err(Malformed::new(Code::BadId, what, path.as_str()));
        }
        Ok(Some(text.to_owned()))
    }
}
