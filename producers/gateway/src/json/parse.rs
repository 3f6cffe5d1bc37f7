//! The reader: JSON as it was written, each number, member and depth looked at.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::problem::{self, Problem};

/// Deepest nesting.
const DEPTH_MAX: usize = 16;
/// Most members of an object, or elements of an array.
const COUNT_MAX: usize = 10_000;
/// So many names of an object are compared one by one.
const FEW: usize = 16;
/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number written without fraction or exponent that fits.
    Int(i64),
    /// Any other number.
    Other,
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Int(_) => "a number",
            Json::Other => "a number with a fraction, an exponent or too many digits",
            Json::Text(_) => "a string",
            Json::List(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

struct Seed(usize);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Other, Json::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        if self.0 == 0 {
            return Err(A::Error::custom("nested too deeply"));
        }
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Seed(self.0 - 1))? {
            if list.len() == COUNT_MAX {
                return Err(A::Error::custom("too many elements"));
            }
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        if self.0 == 0 {
            return Err(A::Error::custom("nested too deeply"));
        }
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            // Few names are compared one by one, many through a set: no object is slow to check.
            let twice = if members.len() < FEW {
                members.iter().any(|(known, _)| *known == name)
            } else {
                if names.is_empty() {
                    names.extend(members.iter().map(|(known, _)| known.clone()));
                }
                !names.insert(name.clone())
            };
            if twice {
                return Err(A::Error::custom("a member stands twice in one object"));
            }
            if members.len() == COUNT_MAX {
                return Err(A::Error::custom("too many members"));
            }
            let value = map.next_value_seed(Seed(self.0 - 1))?;
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

/// Reads one JSON text and nothing behind it.
pub fn parse(body: &[u8]) -> Result<Json, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail =
            format!("the body is not UTF-8: byte {} is the first that can't be", error.valid_up_to());
        Problem::new(problem::MALFORMED, detail).at("", "not_utf8", "send JSON in UTF-8")
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Seed(DEPTH_MAX).deserialize(&mut deserializer);
    read.and_then(|json| deserializer.end().map(|()| json)).map_err(|error| {
        // serde_json's own words for syntax; ours name no content.
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = error.to_string();
        let what = what.split(" at line").next().unwrap_or_default().to_owned();
        let what = if error.is_syntax() || error.is_eof() || error.is_data() {
            what
        } else {
            "it can't be read".into()
        };
        Problem::new(
            problem::MALFORMED,
            format!("the body is not the JSON that is read here: {what} ({place})"),
        )
        .at("", "not_json", format!("mend the body at {place}"))
    })
}

/// The text of a member of the object that a body is, as it was written: white space, order and digits kept. `None`
/// where there is none of this name, or its name is written with escapes. The body was read by [`parse`] before.
pub fn span_of<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    let mut word = 0;
    let mut last = "";
    let mut begun = None;
    for (at, byte) in text.bytes().enumerate() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_text = false;
                    last = &text[word..at];
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (in_text, word) = (true, at + 1),
            b':' if depth == 1 && begun.is_none() && last == name => begun = Some(at + 1),
            b',' | b'}' if depth == 1 && begun.is_some() => return Some(text[begun?..at].trim()),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}
