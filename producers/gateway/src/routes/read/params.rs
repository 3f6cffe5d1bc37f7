//! Parameters of path and query, read strictly. Which names a route takes, and that none stands twice, the guard checks.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mirabelle_domain::Timestamp;
use serde::de::DeserializeOwned;

use crate::problem::{self, Problem};

/// Rows of a page unless the caller says otherwise.
const PAGE_DEFAULT: usize = 100;
/// Most rows of a page.
pub const PAGE_MAX: usize = 1_000;
/// Longest cursor, bytes.
const CURSOR_MAX: usize = 1_024;

/// Parameters of the path. What can't be one names nothing that exists.
pub struct PathOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathOf<T>, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(path)| PathOf(path)).map_err(|_| Problem::not_found())
    }
}

/// Parameters of the query.
pub struct Params(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Params, Problem> {
        let query = Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Params(query)).map_err(|_| wrong("", "the query can't be read"))
    }
}

fn wrong(name: &str, what: &str) -> Problem {
    Problem::new(problem::MALFORMED, format!("?{name}: {what}")).at(format!("?{name}"), "not_valid", what)
}

impl Params {
    /// A text without control characters, 1 to 256 bytes, if it is there.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name).map(String::as_str) {
            None => Ok(None),
            Some(text) if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) => {
                Err(wrong(name, "1 to 256 bytes without control characters"))
            }
            Some(text) => Ok(Some(text)),
        }
    }

    /// A text that is required.
    pub fn needed(&self, name: &str) -> Result<&str, Problem> {
        self.text(name)?.ok_or_else(|| wrong(name, "this parameter is required"))
    }

    /// A value parsed from a text, if it is there.
    pub fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let parse = |text: &str| text.parse().map_err(|error: T::Err| wrong(name, &error.to_string()));
        self.text(name)?.map(parse).transpose()
    }

    /// `true` or `false`; false when it is not there.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    /// An instant (RFC 3339), if it is there.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        // `+` in a query reads as a space: an offset that was not encoded is still one.
        instant(&text.replace(' ', "+"))
            .map(Some)
            .ok_or_else(|| wrong(name, "an instant such as 2026-06-15T09:00:00Z"))
    }

    /// Rows of a page.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit")? else { return Ok(PAGE_DEFAULT) };
        let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(limit) if digits && (1..=PAGE_MAX).contains(&limit) => Ok(limit),
            _ => Err(wrong("limit", "a whole number from 1 to 1000")),
        }
    }

    /// Where the page before ended, as [`cursor`] wrote it.
    pub fn cursor<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        let bytes = (text.len() <= CURSOR_MAX).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
        let read = bytes.and_then(|bytes| {
            let (value, rest) = postcard::take_from_bytes(&bytes).ok()?;
            rest.is_empty().then_some(value)
        });
        read.map(Some).ok_or_else(|| wrong(name, "what the page before said, unchanged"))
    }
}

/// An instant as RFC 3339 writes it, the last days of the year 9999 included: jiff's own end two days earlier, so that it
/// has room for every offset.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(instant.as_microsecond()));
    }
    let days = text.strip_prefix("9999-12-3").filter(|rest| rest.starts_with(['0', '1']))?;
    let earlier: jiff::Timestamp = format!("9999-12-2{days}").parse().ok()?;
    Some(Timestamp(earlier.as_microsecond()).plus_days(10))
}

/// Where a page ended: opaque to callers.
pub fn cursor(place: &impl serde::Serialize) -> String {
    URL_SAFE_NO_PAD.encode(postcard::to_stdvec(place).expect("a place is plain data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_limit_is_a_whole_number_within_bounds_or_refused() {
        for wrong in ["0", "1001", "-1", "+5", "1e2", "5.0", "", "99999999999999999999"] {
            assert!(params(&[("limit", wrong)]).limit().is_err(), "{wrong}");
        }
        assert_eq!(params(&[("limit", "7")]).limit().unwrap(), 7);
        assert_eq!(params(&[]).limit().unwrap(), PAGE_DEFAULT);
    }

    #[test]
    fn a_cursor_survives_and_a_changed_one_is_refused() {
        let place = (202_606_i64, 41_u64, 3_i64);
        let text = cursor(&place);
        assert_eq!(params(&[("cursor", &text)]).cursor("cursor").unwrap(), Some(place));
        for wrong in [&text[1..], &format!("{text}AA"), "!", &"A".repeat(5_000), ""] {
            let read = params(&[("cursor", wrong)]).cursor::<(i64, u64, i64)>("cursor");
            assert!(read.is_err() || read.unwrap() != Some(place), "{wrong}");
        }
    }

    #[test]
    fn an_instant_has_an_offset_or_is_refused() {
        let read = |text| params(&[("as_of", text)]).instant("as_of");
        assert_eq!(read("2026-06-15T09:00:00+02:00").unwrap(), read("2026-06-15T07:00:00Z").unwrap());
        assert_eq!(read("2026-06-15T09:00:00 02:00").unwrap(), read("2026-06-15T07:00:00Z").unwrap());
        let last = read("9999-12-31T23:59:59Z").unwrap().unwrap();
        let before = read("9999-12-29T23:59:59Z").unwrap().unwrap();
        assert_eq!(last, before.plus_days(2));
        assert!(read("9999-12-31T23:59:59-12:00").unwrap().unwrap() > last);
        assert!(read("9999-12-30T23:59:59.999999Z").unwrap().is_some());
        for wrong in ["9999-12-32T00:00:00Z", "9999-12-31", "9999-12-31T24:00:01Z", "10000-01-01T00:00:00Z"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for wrong in ["2026-06-15", "2026-06-15T09:00:00", "yesterday", "2026-02-30T00:00:00Z"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
