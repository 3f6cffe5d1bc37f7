//! Strict JSON (RFC 8259) with what an HR door needs beyond it: a member twice is refused, numbers keep the text they
//! were written with, every value knows its own bytes, depth and count are bounded before they cost anything.

mod parse;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use parse::{parse, skim};

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
}
