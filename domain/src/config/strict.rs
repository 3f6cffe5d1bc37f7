//! Reading JSON strictly: what plain serde lets pass (doubled members, arrays for objects) is refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment, Track};

use super::BODY_BYTES_MAX;
use crate::rejection::Rejection;

/// Deepest nesting of objects and arrays.
const DEPTH_MAX: usize = 32;

/// What is wrong with a body of configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Flaw {
    /// What, and what to write instead.
    pub detail: String,
    /// JSON pointer into the body; empty: the body itself.
    pub pointer: String,
}

impl Flaw {
    pub(super) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Flaw {
        Flaw { detail: detail.into(), pointer: pointer.into() }
    }
}

impl From<Flaw> for Rejection {
    fn from(flaw: Flaw) -> Rejection {
        Rejection::InvalidConfiguration { detail: flaw.detail, pointer: Some(flaw.pointer) }
    }
}

/// Reads a body. `objects` are pointers to arrays whose elements have to be objects.
pub(super) fn read<T: DeserializeOwned>(body: &str, objects: &[&str]) -> Result<T, Flaw> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Flaw::new("", format!("the body has more than {BODY_BYTES_MAX} bytes")));
    }
    check_form(body, objects)?;
    let mut json = serde_json::Deserializer::from_str(body);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Flaw::new(pointer(error.path()), error.inner().to_string()))
}

/// No doubled member anywhere, bounded depth, nothing behind the body, objects where objects belong.
fn check_form(body: &str, objects: &[&str]) -> Result<(), Flaw> {
    let mut json = serde_json::Deserializer::from_str(body);
    let mut track = Track::new();
    let walked = Form { depth: 0 }.deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    if let Err(error) = walked {
        return Err(Flaw::new(pointer(&track.path()), error.to_string()));
    }
    json.end().map_err(|error| Flaw::new("", error.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_str(body).map_err(|error| Flaw::new("", error.to_string()))?;
    if !value.is_object() {
        return Err(Flaw::new("", "the body has to be a JSON object"));
    }
    for array in objects {
        let elements = value.pointer(array).and_then(|value| value.as_array());
        for (index, element) in elements.into_iter().flatten().enumerate() {
            if !element.is_object() {
                return Err(Flaw::new(format!("{array}/{index}"), "this has to be a JSON object"));
            }
        }
    }
    Ok(())
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Walks JSON of any shape.
#[derive(Clone, Copy)]
struct Form {
    depth: usize,
}

impl Form {
    fn inner<E: serde::de::Error>(self) -> Result<Form, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(Form { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Form {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Form {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while elements.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut seen = BTreeSet::new();
        while let Some(Name(name)) = members.next_key()? {
            if seen.contains(&name) {
                return Err(A::Error::custom(format!("the member `{name}` is given twice")));
            }
            seen.insert(name);
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// A member's name.
#[derive(Deserialize)]
struct Name(String);
