//! A record of a known shape, laid out under the names that the system's default mapping looks for.

use std::collections::BTreeMap;

use mirabelle_domain::{Day, WorkerStatus};

use crate::malformed::Malformed;
use crate::mapping::Path;
use crate::report::ExternalId;
use crate::row::{Row, Scalar};

/// A value, or why it can't be read. The fault only matters where the mapping asks for the value.
pub(crate) type Value<'r> = Result<Scalar<'r>, Malformed>;

/// Named values. A path of one name that is among them is answered from here, with what was put there even if that is
/// nothing; every other path looks into the record itself.
#[derive(Default)]
pub(crate) struct Named<'r> {
    values: Vec<(&'static str, Option<Value<'r>>)>,
    days: Vec<(&'static str, Day)>,
    keys: BTreeMap<String, String>,
    /// What the shape itself says of the status.
    pub(crate) status: Option<WorkerStatus>,
    /// The shape itself says that the milestone is taken back.
    pub(crate) rescinded: bool,
    inner: Option<&'r dyn Row>,
}

impl<'r> Named<'r> {
    /// Nothing yet, over a record that other paths look into.
    pub(crate) fn over(inner: &'r dyn Row) -> Named<'r> {
        Named { inner: Some(inner), ..Named::default() }
    }

    /// A value under a name. Of several under one name the first counts, and all of them are aliases.
    pub(crate) fn put(&mut self, name: &'static str, value: Option<Value<'r>>) {
        self.values.push((name, value));
    }

    /// A fixed text under a name.
    pub(crate) fn put_text(&mut self, name: &'static str, text: &'r str) {
        self.values.push((name, Some(Ok(Scalar::Text(text)))));
    }

    /// A day under a name, whatever the formats of dates are.
    pub(crate) fn put_day(&mut self, name: &'static str, day: Option<Day>) {
        match day {
            Some(day) => self.days.push((name, day)),
            None => self.values.push((name, None)),
        }
    }

    /// What a pointer to this record carries.
    pub(crate) fn key(&mut self, name: &str, value: Option<Value<'r>>) {
        if let Some(Ok(Scalar::Text(text) | Scalar::Number(text))) = value
            && let Ok(id) = ExternalId::new(text.trim())
        {
            self.keys.insert(name.to_owned(), id.as_str().to_owned());
        }
    }

    fn own(path: &Path) -> Option<&str> {
        match path.names() {
            [name] => Some(name),
            _ => None,
        }
    }
}

impl Row for Named<'_> {
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed> {
        let named = Named::own(path);
        let mut own = self.values.iter().filter(|(name, _)| Some(*name) == named).peekable();
        if own.peek().is_none() {
            return self.inner.map_or(Ok(None), |inner| inner.scalar(path));
        }
        own.find_map(|(_, value)| value.clone()).transpose()
    }

    fn all(&self, path: &Path) -> Result<Vec<Scalar<'_>>, Malformed> {
        let named = Named::own(path);
        let mut own = self.values.iter().filter(|(name, _)| Some(*name) == named).peekable();
        if own.peek().is_none() {
            return self.inner.map_or(Ok(Vec::new()), |inner| inner.all(path));
        }
        own.filter_map(|(_, value)| value.clone()).collect()
    }

    fn keys(&self) -> Result<BTreeMap<String, String>, Malformed> {
        Ok(self.keys.clone())
    }

    fn day(&self, path: &Path) -> Option<Day> {
        let named = Named::own(path)?;
        self.days.iter().find(|(name, _)| *name == named).map(|(_, day)| *day)
    }

    fn status(&self) -> Option<WorkerStatus> {
        self.status
    }

    fn rescinded(&self) -> bool {
        self.rescinded
    }
}
