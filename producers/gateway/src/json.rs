//! Strict JSON for our own API: no member twice, no unknown member, no array for an object, whole numbers written as
//! whole numbers, bounded depth and size, nothing behind the end.

mod parse;

use std::fmt;
use std::ops::RangeInclusive;

use mirabelle_domain::Timestamp;

pub use parse::{Json, parse, span_of};

use crate::problem::{self, Problem};

/// The last instant of the year 2200, microseconds: beyond it nobody means it.
const LATEST: i64 = 7_289_654_399_999_999;

/// The members of an object, taken one by one; what is left at the end is unknown.
pub struct Members {
    path: String,
    members: Vec<(String, Json)>,
}

fn wrong(pointer: &str, code: &'static str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    let place = if pointer.is_empty() { "the body" } else { pointer };
    Problem::new(problem::MALFORMED, format!("{place}: {detail}")).at(pointer, code, detail)
}

impl Members {
    /// Of the object that a body is.
    pub fn of(body: &[u8]) -> Result<Members, Problem> {
        Members::from(parse(body)?, String::new())
    }

    /// Of an object somewhere within a body.
    pub fn from(json: Json, path: String) -> Result<Members, Problem> {
        match json {
            Json::Object(members) => Ok(Members { path, members }),
            other => Err(wrong(&path, "not_an_object", format!("an object is wanted, not {}", other.kind()))),
        }
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// The member, if it is there and not null.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        let place = self.members.iter().position(|(other, _)| other == name)?;
        Some(self.members.swap_remove(place).1).filter(|value| *value != Json::Null)
    }

    /// The member, whatever it is; it has to be there.
    pub fn need(&mut self, name: &str) -> Result<Json, Problem> {
        self.take(name).ok_or_else(|| wrong(&self.pointer(name), "missing", "this member is required"))
    }

    /// A text, if it is there: at most `max` bytes, without control characters.
    pub fn text_option(&mut self, name: &str, max: usize) -> Result<Option<String>, Problem> {
        let pointer = self.pointer(name);
        match self.take(name) {
            None => Ok(None),
            Some(Json::Text(text)) if text.len() > max => {
                Err(wrong(&pointer, "too_long", format!("at most {max} bytes of UTF-8")))
            }
            Some(Json::Text(text)) if text.chars().any(char::is_control) => {
                Err(wrong(&pointer, "control_character", "no control characters"))
            }
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(other) => {
                Err(wrong(&pointer, "not_text", format!("a string is wanted, not {}", other.kind())))
            }
        }
    }

    /// A text that is required and not empty.
    pub fn text(&mut self, name: &str, max: usize) -> Result<String, Problem> {
        let pointer = self.pointer(name);
        let text = self.text_option(name, max)?;
        text.filter(|text| !text.is_empty())
            .ok_or_else(|| wrong(&pointer, "missing", "this member is required"))
    }

    /// A value parsed from a required text.
    pub fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Result<T, Problem> {
        let pointer = self.pointer(name);
        let text = self.text(name, 256)?;
        text.parse().map_err(|error: T::Err| wrong(&pointer, "not_valid", error.to_string()))
    }

    /// A value parsed from a text, if it is there.
    pub fn parsed_option<T: std::str::FromStr<Err: fmt::Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let pointer = self.pointer(name);
        let text = self.text_option(name, 256)?;
        let parse = |text: String| {
            text.parse().map_err(|error: T::Err| wrong(&pointer, "not_valid", error.to_string()))
        };
        text.map(parse).transpose()
    }

    /// A whole number within a range, if it is there.
    pub fn int_option(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Problem> {
        let pointer = self.pointer(name);
        match self.take(name) {
            None => Ok(None),
            Some(Json::Int(number)) if range.contains(&number) => Ok(Some(number)),
            Some(Json::Int(_)) => Err(wrong(
                &pointer,
                "out_of_range",
                format!("a whole number from {} to {}", range.start(), range.end()),
            )),
            Some(other) => Err(wrong(
                &pointer,
                "not_a_whole_number",
                format!("a whole number is wanted, not {}", other.kind()),
            )),
        }
    }

    /// A whole number within a range.
    pub fn int(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<i64, Problem> {
        let pointer = self.pointer(name);
        self.int_option(name, range)?.ok_or_else(|| wrong(&pointer, "missing", "this member is required"))
    }

    /// An RFC 3339 instant, if it is there.
    pub fn instant(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let pointer = self.pointer(name);
        let Some(text) = self.text_option(name, 64)? else { return Ok(None) };
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) if (0..=LATEST).contains(&instant.as_microsecond()) => {
                Ok(Some(Timestamp(instant.as_microsecond())))
            }
            Ok(_) | Err(_) => {
                Err(wrong(&pointer, "not_an_instant", "an RFC 3339 instant such as 2026-07-01T09:00:00Z"))
            }
        }
    }

    /// Whole numbers within a range, none if the list is not there.
    pub fn ints(&mut self, name: &str, max: usize, range: RangeInclusive<i64>) -> Result<Vec<i64>, Problem> {
        if !self.has(name) {
            return Ok(Vec::new());
        }
        let int = |(pointer, json): (String, Json)| match json {
            Json::Int(number) if range.contains(&number) => Ok(number),
            _ => {
                let detail = format!("a whole number from {} to {}", range.start(), range.end());
                Err(wrong(&pointer, "not_a_whole_number", detail))
            }
        };
        self.list(name, max)?.into_iter().map(int).collect()
    }

    /// Whether the member is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(other, value)| other == name && *value != Json::Null)
    }

    /// A boolean, if it is there.
    pub fn bool_option(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        let pointer = self.pointer(name);
        match self.take(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(value)),
            Some(other) => {
                Err(wrong(&pointer, "not_a_boolean", format!("true or false, not {}", other.kind())))
            }
        }
    }

    /// The elements of a required array, each with its pointer.
    pub fn list(&mut self, name: &str, max: usize) -> Result<Vec<(String, Json)>, Problem> {
        let pointer = self.pointer(name);
        match self.need(name)? {
            Json::List(list) if list.len() > max => {
                Err(wrong(&pointer, "too_many", format!("at most {max} elements")))
            }
            Json::List(list) => {
                let place = |(index, json)| (format!("{pointer}/{index}"), json);
                Ok(list.into_iter().enumerate().map(place).collect())
            }
            other => Err(wrong(&pointer, "not_a_list", format!("an array is wanted, not {}", other.kind()))),
        }
    }

    /// A list of texts, empty if it is not there.
    pub fn texts(&mut self, name: &str, max: usize) -> Result<Vec<(String, String)>, Problem> {
        if !self.has(name) {
            return Ok(Vec::new());
        }
        let text = |(pointer, json): (String, Json)| match json {
            Json::Text(text) => Ok((pointer, text)),
            other => Err(wrong(&pointer, "not_text", format!("a string is wanted, not {}", other.kind()))),
        };
        self.list(name, max)?.into_iter().map(text).collect()
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), Problem> {
        match self.members.first() {
            None => Ok(()),
            // The member's name is the sender's content: only its place is told, unless it looks like a name.
            Some((name, _))
                if name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
            {
                Err(wrong(&self.pointer(name), "unknown_field", "no such field is known here"))
            }
            Some(_) => Err(wrong(&self.path, "unknown_field", "a field is not known here")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> String {
        let problem = Members::of(body.as_bytes()).and_then(|mut m| {
            m.int("n", 1..=10)?;
            m.end()
        });
        format!("{:?}", problem.expect_err(body))
    }

    #[test]
    fn a_member_is_kept_as_it_was_written() {
        let body = r#"{"name":"a:b","x":{"body":1}, "body" : { "rating": 4.50, "t": "}\",{" } ,"z":[1,2]}"#;
        assert_eq!(span_of(body.as_bytes(), "body"), Some(r#"{ "rating": 4.50, "t": "}\",{" }"#));
        assert_eq!(span_of(body.as_bytes(), "z"), Some("[1,2]"));
        assert_eq!(span_of(body.as_bytes(), "name"), Some("\"a:b\""));
        assert_eq!(span_of(body.as_bytes(), "rating"), None);
    }

    #[test]
    fn a_member_that_stands_twice_is_found_among_few_and_among_many() {
        for count in [2, 15, 16, 17, 18, 400] {
            let object = |last: usize| {
                let names = (0..count - 1).chain([last]).map(|n| format!("\"m{n}\":{n}"));
                format!("{{{}}}", names.collect::<Vec<_>>().join(","))
            };
            assert!(parse(object(count).as_bytes()).is_ok(), "{count}");
            for twice in [0, (count - 2) / 2, count - 2] {
                let found = parse(object(twice).as_bytes());
                assert!(found.is_err(), "{twice} of {count}");
            }
        }
    }

    #[test]
    fn hostile_json_is_refused_with_its_place() {
        for (body, word) in [
            ("{\"n\":1,\"n\":2}", "twice"),
            ("{\"n\":1.0}", "not_a_whole_number"),
            ("{\"n\":1e0}", "not_a_whole_number"),
            ("{\"n\":\"1\"}", "not_a_whole_number"),
            ("{\"n\":0}", "out_of_range"),
            ("{\"n\":-1}", "out_of_range"),
            ("{\"n\":99999999999999999999}", "not_a_whole_number"),
            ("[1]", "not_an_object"),
            ("{\"n\":1} x", "trailing"),
            ("{\"n\":1,\"m\":2}", "unknown_field"),
            ("{\"n\":1", "EOF"),
            ("", "EOF"),
            ("null", "not_an_object"),
            ("{}", "missing"),
        ] {
            let found = code(body);
            assert!(found.contains(word), "{body}: {found}");
        }
        let deep = format!("{{\"n\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(code(&deep).contains("deep"));
        assert!(format!("{:?}", parse(b"\xff\xfe{}").unwrap_err()).contains("not_utf8"));
    }
}
