//! XML as a bounded tree: namespaces resolved, no document type, no entities but XML's own five, read without
//! calling itself. Names are matched by namespace and local name; prefixes mean nothing.

use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use crate::body::{Text, is_utf8_name};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};

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
    /// Any other.
    Other,
}

/// SOAP 1.1's envelope.
pub(crate) const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// SOAP 1.2's envelope.
pub(crate) const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// Of the contract that SuccessFactors publishes today.
pub(crate) const CURRENT: &str = "http://notification.event.successfactors.com";
/// Of the contract before it, still in use.
pub(crate) const OLD: &str = "com.successfactors.event.notification";

const ATTRIBUTES_MAX: usize = 64;

/// An element. Its children are indices into the document.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) ns: Ns,
    pub(crate) local: Box<str>,
    /// Character data directly inside, CDATA included.
    pub(crate) text: String,
    pub(crate) children: Vec<usize>,
    /// From its start tag to the end of its end tag.
    pub(crate) span: Range<usize>,
    /// A comment or processing instruction stands directly inside.
    pub(crate) interrupted: bool,
}

/// A parsed document; element 0 is the root.
#[derive(Debug)]
pub(crate) struct Document {
    elements: Vec<Element>,
}

impl Document {
    pub(crate) fn root(&self) -> &Element {
        &self.elements[0]
    }

    pub(crate) fn children<'d>(&'d self, element: &'d Element) -> impl Iterator<Item = &'d Element> {
        element.children.iter().map(|&child| &self.elements[child])
    }
}

/// The whole text as one document.
pub(crate) fn parse(body: Text<'_>, limits: &Limits) -> Result<Document, Malformed> {
    if let Some(offset) = body.text.find(is_forbidden) {
        let what = "a character that XML does not allow";
        return Err(Malformed::byte(Code::ControlCharacter, what, body.skipped + offset));
    }
    let mut builder = Builder { limits, body, elements: Vec::new(), open: Vec::new() };
    let mut reader = NsReader::from_str(body.text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    loop {
        let before = position(&reader);
        let event = reader.read_event().map_err(|error| builder.not_well_formed(&error, &reader))?;
        let after = position(&reader);
        match event {
            Event::Start(start) => {
                let ns = builder.namespace(&reader, &start, before)?;
                builder.start(&start, ns, before)?;
            }
            Event::End(_) => builder.end(after),
            Event::Text(text) => builder.text(&text.xml10_content(), before)?,
            Event::CData(data) => builder.cdata(&data.xml10_content(), before)?,
            Event::GeneralRef(reference) => builder.reference(&reference, before)?,
            Event::Comment(_) | Event::PI(_) => builder.interruption(),
            Event::Decl(declaration) => builder.declaration(&declaration, before)?,
            Event::DocType(_) => {
                let what = "a document type declaration is never read; send the document without it";
                return Err(builder.fault(Code::DoctypeRefused, what, before));
            }
            Event::Eof => return builder.finish(after),
            // Empty elements arrive as a start and an end.
            Event::Empty(_) => return Err(builder.fault(Code::XmlSyntax, "not well-formed XML", before)),
        }
    }
}

fn position(reader: &NsReader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Outside of XML 1.0's `Char`.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

fn is_space(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

struct Builder<'a> {
    limits: &'a Limits,
    body: Text<'a>,
    elements: Vec<Element>,
    open: Vec<usize>,
}

impl Builder<'_> {
    fn fault(&self, code: Code, what: &'static str, at: usize) -> Malformed {
        Malformed::byte(code, what, self.body.skipped + at)
    }

    fn not_well_formed(&self, error: &quick_xml::Error, reader: &NsReader<&[u8]>) -> Malformed {
        use quick_xml::errors::IllFormedError;
        let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
        match error {
            quick_xml::Error::Syntax(_) => {
                self.fault(Code::Truncated, "a tag or section never ends; send it whole", at)
            }
            quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
                self.fault(Code::Truncated, "the body ends inside an element; send it whole", at)
            }
            quick_xml::Error::IllFormed(IllFormedError::UnmatchedEndTag(_)) if self.open.is_empty() => {
                self.fault(Code::TrailingContent, "something follows the end of the document", at)
            }
            quick_xml::Error::Namespace(_) => {
                self.fault(Code::WrongNamespace, "a namespace declaration that XML does not allow", at)
            }
            _ => self.fault(Code::XmlSyntax, "not well-formed XML", at),
        }
    }

    fn namespace(
        &self,
        reader: &NsReader<&[u8]>,
        start: &BytesStart<'_>,
        at: usize,
    ) -> Result<Ns, Malformed> {
        match reader.resolver().resolve_element(start.name()).0 {
            ResolveResult::Unbound => Ok(Ns::None),
            ResolveResult::Bound(Namespace(SOAP_11)) => Ok(Ns::Soap11),
            ResolveResult::Bound(Namespace(SOAP_12)) => Ok(Ns::Soap12),
            ResolveResult::Bound(Namespace(CURRENT)) => Ok(Ns::Current),
            ResolveResult::Bound(Namespace(OLD)) => Ok(Ns::Old),
            ResolveResult::Bound(_) => Ok(Ns::Other),
            ResolveResult::Unknown(_) => Err(self.fault(
                Code::WrongNamespace,
                "a prefix without a declaration; declare its namespace",
                at,
            )),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, ns: Ns, at: usize) -> Result<(), Malformed> {
        if self.open.is_empty() && !self.elements.is_empty() {
            return Err(self.fault(Code::TrailingContent, "a second document follows the first", at));
        }
        if self.open.len() >= self.limits.depth() {
            return Err(self.fault(Code::TooDeep, "nested deeper than the limit", at));
        }
        if self.elements.len() >= self.limits.values {
            return Err(self.fault(
                Code::TooManyValues,
                "more elements than the limit; send less at once",
                at,
            ));
        }
        for (count, attribute) in start.attributes().enumerate() {
            if count >= ATTRIBUTES_MAX {
                return Err(self.fault(
                    Code::TooManyValues,
                    "more attributes on one element than the limit",
                    at,
                ));
            }
            if attribute.is_ok_and(|attribute| !attribute.value.contains('<')) {
                continue;
            }
            return Err(self.fault(
                Code::XmlSyntax,
                "an attribute that is not well-formed, or stands there twice",
                at,
            ));
        }
        let index = self.elements.len();
        if let Some(&parent) = self.open.last() {
            self.elements[parent].children.push(index);
        }
        let local = start.local_name().into_inner().into();
        let element = Element {
            ns,
            local,
            text: String::new(),
            children: Vec::new(),
            span: at..at,
            interrupted: false,
        };
        self.elements.push(element);
        self.open.push(index);
        Ok(())
    }

    fn end(&mut self, after: usize) {
        // An end without its start never gets here: the reader refuses it.
        if let Some(index) = self.open.pop() {
            self.elements[index].span.end = after;
        }
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), Malformed> {
        if text.contains("]]>") {
            return Err(self.fault(Code::XmlSyntax, "`]]>` outside of a CDATA section", at));
        }
        if is_space(text) && self.open.is_empty() {
            return Ok(());
        }
        self.cdata(text, at)
    }

    fn cdata(&mut self, text: &str, at: usize) -> Result<(), Malformed> {
        match self.open.last() {
            Some(&index) => {
                self.elements[index].text.push_str(text);
                Ok(())
            }
            None if self.elements.is_empty() => {
                Err(self.fault(Code::XmlSyntax, "text before the first element", at))
            }
            None => Err(self.fault(Code::TrailingContent, "something follows the end of the document", at)),
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>, at: usize) -> Result<(), Malformed> {
        let character = match reference.resolve_char_ref() {
            Ok(Some(character)) if is_forbidden(character) => {
                return Err(self.fault(Code::ControlCharacter, "a character that XML does not allow", at));
            }
            Ok(Some(character)) => character,
            Ok(None) => match &*reference.xml10_content() {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let what = "an entity that XML does not define; send the character itself";
                    return Err(self.fault(Code::EntityRefused, what, at));
                }
            },
            Err(_) => return Err(self.fault(Code::XmlSyntax, "a reference to no character", at)),
        };
        self.cdata(character.encode_utf8(&mut [0; 4]), at)
    }

    fn interruption(&mut self) {
        if let Some(&index) = self.open.last() {
            self.elements[index].interrupted = true;
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), Malformed> {
        if at != 0 {
            return Err(self.fault(Code::XmlSyntax, "an XML declaration that is not at the beginning", at));
        }
        if !declaration.version().is_ok_and(|version| version == "1.0") {
            return Err(self.fault(Code::XmlSyntax, "a version of XML other than 1.0", at));
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(encoding)) if is_utf8_name(&encoding.to_ascii_lowercase()) => Ok(()),
            Some(_) => {
                let what = "an encoding other than UTF-8 is declared; send UTF-8";
                Err(self.fault(Code::CharsetNotSupported, what, at))
            }
        }
    }

    fn finish(self, at: usize) -> Result<Document, Malformed> {
        if !self.open.is_empty() || self.elements.is_empty() {
            return Err(self.fault(
                Code::Truncated,
                "the body ends before its document does; send it whole",
                at,
            ));
        }
        Ok(Document { elements: self.elements })
    }
}
