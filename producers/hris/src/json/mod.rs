//! Strict JSON (RFC 8259) with what an HR door needs beyond it: a member twice is refused, numbers keep the text they
//! were written with, every value knows its own bytes, depth and count are bounded before they cost anything.

mod parse;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use parse::{parse, skim};

use crate::malformed::Malformed;
use crate::row::{self, Scalar};

/// A value and where it stands in the text.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) span: Range<usize>,
}

/// A JSON value. Numbers stay as written.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    /// Read and found well-formed, but not kept: an element of an array in a skimmed text.
    Skimmed,
}

impl<'a> Node<'a> {
    /// The member of that name, if this is an object that has it.
    pub(crate) fn member(&self, name: &str) -> Option<&Node<'a>> {
        match &self.value {
            Value::Object(members) => members.iter().find(|(own, _)| own == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value at those names from here; indices are not followed.
    pub(crate) fn at<S: AsRef<str>>(&self, names: &[S]) -> Option<&Node<'a>> {
        let mut node = self;
        for name in names {
            node = node.member(name.as_ref())?;
        }
        Some(node)
    }

    /// The plain value of a member, or why it is none.
    pub(crate) fn value(&self, name: &str) -> Option<Result<Scalar<'_>, Malformed>> {
        row::plain(self.member(name)?, &format!("/{name}")).transpose()
    }

    /// The text of a member, where it is text or a number and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match &self.member(name)?.value {
            Value::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            Value::Number(text) => Some(text),
            _ => None,
        }
    }

    /// What a member of OData links to, as far as it was asked for: `results`, or the one thing. Nothing where there is
    /// only an address.
    pub(crate) fn linked(&self, name: &str) -> Vec<&Node<'a>> {
        let Some(node) = self.member(name) else { return Vec::new() };
        match (&node.value, node.member("results").map(|results| &results.value)) {
            (_, Some(Value::Array(results))) => results.iter().collect(),
            (Value::Array(nodes), _) => nodes.iter().collect(),
            (Value::Object(members), None) if members.iter().all(|(name, _)| name != "__deferred") => {
                vec![node]
            }
            _ => Vec::new(),
        }
    }

    /// The first of what a member of OData links to.
    pub(crate) fn link(&self, name: &str) -> Option<&Node<'a>> {
        self.linked(name).into_iter().next()
    }
}
