//! XML as a bounded tree: namespaces resolved, no document type, no entities but XML's own five, read without
//! calling itself. Names are matched by namespace and local name; prefixes mean nothing.
//!
//! A document of a hundred thousand records never stands in memory as a tree: [`skim`] reads it to its end by the same
//! rules as [`parse`] and keeps the frame around the records and their places; each is read alone afterwards, inside
//! the start tags that it stood in.

mod build;
mod tree;

use std::ops::Range;

use crate::body::Text;
use crate::limits::Limits;
use crate::malformed::Malformed;

pub(crate) use tree::{Tree, XmlRow, plain};

/// The namespaces that mean something to the doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ns {
    /// In no namespace.
    None,
    Soap11,
    Soap12,
    /// `http://notification.event.successfactors.com`
    Current,
    /// `com.successfactors.event.notification`
    Old,
    /// `urn:sfobject.sfapi.successfactors.com`
    SfApi,
    /// `urn:com.workday/workersync`
    WorkerSync,
    /// `urn:com.workday/peci`
    Peci,
    /// `urn:com.workday/bsvc`
    Bsvc,
    /// `http://www.w3.org/2001/XMLSchema-instance`
    Xsi,
    /// Any other, by its place in [`Document::others`].
    Other(u16),
}

/// SOAP 1.1's envelope.
pub(crate) const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// SOAP 1.2's envelope.
pub(crate) const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// Of the contract that SuccessFactors publishes today.
pub(crate) const CURRENT: &str = "http://notification.event.successfactors.com";
/// Of the contract before it, still in use.
pub(crate) const OLD: &str = "com.successfactors.event.notification";

const KNOWN: &[(&str, Ns)] = &[
    (SOAP_11, Ns::Soap11),
    (SOAP_12, Ns::Soap12),
    (CURRENT, Ns::Current),
    (OLD, Ns::Old),
    ("urn:sfobject.sfapi.successfactors.com", Ns::SfApi),
    ("urn:com.workday/workersync", Ns::WorkerSync),
    ("urn:com.workday/peci", Ns::Peci),
    ("urn:com.workday/bsvc", Ns::Bsvc),
    ("http://www.w3.org/2001/XMLSchema-instance", Ns::Xsi),
];

/// An element. Its children are indices into the document.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) ns: Ns,
    pub(crate) local: Box<str>,
    /// Character data directly inside, CDATA included.
    pub(crate) text: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<usize>,
    /// From its start tag to the end of its end tag.
    pub(crate) span: Range<usize>,
    /// The end of its start tag.
    pub(crate) opened: usize,
    /// A comment or processing instruction stands directly inside.
    pub(crate) interrupted: bool,
}

/// An attribute that declares no namespace.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) ns: Ns,
    pub(crate) local: Box<str>,
    pub(crate) value: Box<str>,
}

/// A parsed document; element 0 is the root.
#[derive(Debug)]
pub(crate) struct Document {
    elements: Vec<Element>,
    others: Vec<Box<str>>,
}

impl Document {
    pub(crate) fn root(&self) -> &Element {
        &self.elements[0]
    }

    pub(crate) fn children<'d>(&'d self, element: &'d Element) -> impl Iterator<Item = &'d Element> {
        element.children.iter().map(|&child| &self.elements[child])
    }

    /// The name of a namespace.
    pub(crate) fn uri(&self, ns: Ns) -> Option<&str> {
        match ns {
            Ns::None => None,
            Ns::Other(index) => self.others.get(usize::from(index)).map(|uri| &**uri),
            known => KNOWN.iter().find(|(_, ns)| *ns == known).map(|(uri, _)| *uri),
        }
    }
}

/// Where the records of a document are: local names from the root on. `*` stands for any one name.
pub(crate) type Pattern = Vec<String>;

/// The place of a record.
#[derive(Debug)]
pub(crate) struct Record {
    /// Which of the patterns it fits.
    pub(crate) pattern: usize,
    /// The element that it stands in.
    parent: usize,
    /// From its start tag to the end of its end tag.
    pub(crate) span: Range<usize>,
}

/// A document without its records.
#[derive(Debug)]
pub(crate) struct Skimmed {
    pub(crate) frame: Document,
    pub(crate) records: Vec<Record>,
    parents: Vec<Option<usize>>,
}

impl Skimmed {
    /// A record as a document of its own: inside the start and end tags that it stood in, without anything else that
    /// stood there.
    pub(crate) fn alone(&self, record: &Record, text: &str) -> String {
        let mut around = Vec::new();
        let mut at = Some(record.parent);
        while let Some(index) = at {
            around.push(&self.frame.elements[index]);
            at = self.parents[index];
        }
        let mut alone = String::with_capacity(record.span.len() + 256);
        for element in around.iter().rev() {
            alone.push_str(&text[element.span.start..element.opened]);
        }
        alone.push_str(&text[record.span.clone()]);
        for element in around {
            let tag = &text[element.span.start + 1..element.opened];
            let name = tag.split([' ', '\t', '\r', '\n', '>']).next().unwrap_or_default();
            alone.push_str("</");
            alone.push_str(name);
            alone.push('>');
        }
        alone
    }
}

/// The element of a document made by [`Skimmed::alone`] that is the record.
pub(crate) fn innermost(document: &Document, depth: usize) -> Option<&Element> {
    let mut element = document.root();
    for _ in 0..depth {
        element = document.children(element).next()?;
    }
    Some(element)
}

/// The whole text as one document.
pub(crate) fn parse(body: Text<'_>, limits: &Limits) -> Result<Document, Malformed> {
    build::whole(body, limits, &[]).map(|skimmed| skimmed.frame)
}

/// The whole text as one document, of whose records only the places are kept.
pub(crate) fn skim(body: Text<'_>, limits: &Limits, patterns: &[Pattern]) -> Result<Skimmed, Malformed> {
    build::whole(body, limits, patterns)
}
