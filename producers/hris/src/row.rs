//! One item, whatever it came in: names in, plain values out.

use std::collections::BTreeMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use mirabelle_domain::{Day, WorkerStatus};

use crate::dates::{self, DateFormat};
use crate::json::{Node, Value};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Dataset, Mapping, NumericIds, Path, selection};
use crate::report::{ExternalId, is_invisible};

/// A plain value as its source wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Number(&'a str),
    Bool(bool),
}

impl<'a> Scalar<'a> {
    pub(crate) fn as_text(self) -> &'a str {
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

    /// Every plain value at a path, where a shape can hold several.
    fn all(&self, path: &Path) -> Result<Vec<Scalar<'_>>, Malformed> {
        Ok(self.scalar(path)?.into_iter().collect())
    }

    /// The keys that a pointer would carry; empty where the item is all there is.
    fn keys(&self) -> Result<BTreeMap<String, String>, Malformed> {
        Ok(BTreeMap::new())
    }

    /// A day that the shape has worked out by itself.
    fn day(&self, _: &Path) -> Option<Day> {
        None
    }

    /// The status, where the shape says it in no single word.
    fn status(&self) -> Option<WorkerStatus> {
        None
    }

    /// Whether the shape says that the milestone is taken back.
    fn rescinded(&self) -> bool {
        false
    }
}

impl Row for Node<'_> {
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed> {
        let mut node = self;
        for name in path.names() {
            let next = match &node.value {
                Value::Object(_) => node.member(name),
                Value::Array(elements) => element(elements, name, path)?,
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
        plain(node, path.as_str())
    }
}

/// The element of an array that a name of a path means.
fn element<'n>(elements: &'n [Node<'n>], name: &str, path: &Path) -> Result<Option<&'n Node<'n>>, Malformed> {
    if let Some((wanted, value)) = selection(name) {
        let fits = |node: &&Node<'_>| match node.member(wanted).map(|own| plain(own, "")) {
            Some(Ok(Some(own))) => own.as_text() == value,
            _ => false,
        };
        let mut fitting = elements.iter().filter(fits);
        let found = fitting.next();
        if fitting.next().is_some() {
            let what = "several entries of a list have the value by which the mapping chooses one";
            return Err(Malformed::new(Code::ValuesDisagree, what, path.as_str()));
        }
        return Ok(found);
    }
    match name.parse::<usize>() {
        Ok(index) => Ok(elements.get(index)),
        Err(_) => {
            let what = "an array where the mapping expects an object; correct the report or the mapping";
            Err(Malformed::new(Code::NotAnObject, what, path.as_str()))
        }
    }
}

/// The plain value that a node is.
pub(crate) fn plain<'n>(node: &'n Node<'_>, at: &str) -> Result<Option<Scalar<'n>>, Malformed> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(Scalar::Bool(*value))),
        Value::Number(text) => Ok(Some(Scalar::Number(text))),
        Value::Text(text) => Ok(Some(Scalar::Text(text))),
        Value::Array(_) | Value::Object(_) | Value::Skimmed => {
            let what = "an array or object where a plain value belongs";
            Err(Malformed::new(Code::NotAPlainValue, what, at))
        }
    }
}

/// By which rules the items of a delivery are read.
pub(crate) struct Context<'c> {
    pub(crate) mapping: &'c Mapping,
    pub(crate) limits: &'c Limits,
    /// The dataset that was asked for.
    pub(crate) dataset: Option<&'c Dataset>,
    /// The day on which it is read, where the caller says it.
    pub(crate) today: Option<Day>,
    /// Zone of stamps without an offset.
    stamp_zone: Option<TimeZone>,
    /// Zone in which an instant is a day.
    pub(crate) day_zone: Option<TimeZone>,
}

impl<'c> Context<'c> {
    pub(crate) fn new(
        mapping: &'c Mapping,
        limits: &'c Limits,
        dataset: Option<&str>,
        today: Option<Day>,
    ) -> Result<Context<'c>, Malformed> {
        let dataset = match dataset.or(mapping.dataset.as_deref()) {
            None => None,
            Some(name) => Some(mapping.datasets.get(name).ok_or_else(|| {
                let what = "the dataset asked for is not in the mapping; add it there";
                Malformed::body(Code::DatasetDisagrees, what)
            })?),
        };
        let (stamp_zone, day_zone) = (zone(mapping.stamp_zone.as_ref()), zone(mapping.day_zone.as_ref()));
        Ok(Context { mapping, limits, dataset, today, stamp_zone, day_zone })
    }

    /// The day of an instant that has none of its own, such as the end of a review: in the mapping's zone of days, else
    /// of stamps, else in UTC.
    pub(crate) fn day_of(&self, micros: i64) -> Option<Day> {
        let zone = self.day_zone.as_ref().or(self.stamp_zone.as_ref());
        dates::day_at(micros, zone.unwrap_or(&TimeZone::UTC))
    }
}

/// A zone from the data compiled in: the same everywhere.
fn zone(name: Option<&String>) -> Option<TimeZone> {
    name.and_then(|name| TimeZoneDatabase::bundled().get(name).ok())
}

/// A row together with the rules for reading its values.
pub(crate) struct Reader<'r> {
    pub(crate) row: &'r dyn Row,
    pub(crate) context: &'r Context<'r>,
    /// Formats of dates in this row.
    pub(crate) dates: &'r [DateFormat],
}

impl<'r> Reader<'r> {
    pub(crate) fn new(row: &'r dyn Row, context: &'r Context<'r>) -> Reader<'r> {
        Reader { row, context, dates: &context.mapping.dates }
    }

    pub(crate) fn mapping(&self) -> &'r Mapping {
        self.context.mapping
    }

    fn value(&self, path: &Path) -> Result<Option<Scalar<'r>>, Malformed> {
        match self.row.scalar(path)? {
            Some(scalar) => self.usable(scalar, path),
            None => Ok(None),
        }
    }

    fn usable(&self, scalar: Scalar<'r>, path: &Path) -> Result<Option<Scalar<'r>>, Malformed> {
        let text = scalar.as_text();
        let most = self.context.limits.value_bytes;
        if text.len() > most {
            let what = format!("a value of more than {most} bytes; shorten it in the source");
            return Err(Malformed::new(Code::ValueTooLong, what, path.as_str()));
        }
        let trimmed = text.trim();
        if trimmed.is_empty() || self.mapping().blanks.iter().any(|blank| blank == trimmed) {
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
        for path in paths {
            if let Some(day) = self.row.day(path) {
                return Ok(Some(day));
            }
            let Some(text) = self.text(path)? else { continue };
            return match dates::day(text, self.dates, self.context.day_zone.as_ref()) {
                Ok(day) => Ok(Some(day)),
                Err((code, what)) => Err(Malformed::new(code, what, path.as_str())),
            };
        }
        Ok(None)
    }

    pub(crate) fn instant(&self, paths: &[Path]) -> Result<Option<i64>, Malformed> {
        let zone = self.context.stamp_zone.as_ref();
        match self.first_text(paths)? {
            None => Ok(None),
            Some((path, text)) => match dates::instant(text, &self.mapping().stamp_dates, zone) {
                Ok(micros) => Ok(Some(micros)),
                Err((code, what)) => Err(Malformed::new(code, what, path.as_str())),
            },
        }
    }

    /// An id, under the mapping's rule for numbers.
    pub(crate) fn id(&self, path: &Path) -> Result<Option<ExternalId>, Malformed> {
        match self.value(path)? {
            Some(scalar) => self.as_id(scalar, path).map(Some),
            None => Ok(None),
        }
    }

    /// Every id at a path.
    pub(crate) fn ids(&self, path: &Path) -> Result<Vec<ExternalId>, Malformed> {
        let mut ids = Vec::new();
        for scalar in self.row.all(path)? {
            if let Some(scalar) = self.usable(scalar, path)? {
                ids.push(self.as_id(scalar, path)?);
            }
        }
        Ok(ids)
    }

    fn as_id(&self, scalar: Scalar<'_>, path: &Path) -> Result<ExternalId, Malformed> {
        let text = match scalar {
            Scalar::Text(text) => text,
            Scalar::Number(digits) => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                if self.mapping().numeric_ids == NumericIds::Refused || !plain {
                    let what = "a number for an id, which loses leading zeros; send it as text";
                    return Err(Malformed::new(Code::NumberForId, what, path.as_str()));
                }
                digits
            }
            Scalar::Bool(_) => {
                return Err(Malformed::new(Code::BadId, "true or false for an id", path.as_str()));
            }
        };
        ExternalId::new(text).map_err(|fault| Malformed { at: path.as_str().to_owned(), ..fault })
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
