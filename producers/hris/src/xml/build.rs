use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute as Written;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::{Attribute, Document, Element, KNOWN, Ns, Pattern, Record, Skimmed};
use crate::body::{Text, is_utf8_name};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};

const ATTRIBUTES_MAX: usize = 64;
const NAMESPACES_MAX: usize = 64;

pub(super) fn whole(body: Text<'_>, limits: &Limits, patterns: &[Pattern]) -> Result<Skimmed, Malformed> {
    if let Some(offset) = body.text.find(is_forbidden) {
        let what = "a character that XML does not allow";
        return Err(Malformed::byte(Code::ControlCharacter, what, body.skipped + offset));
    }
    let mut builder = Builder::new(body, limits, patterns);
    let mut reader = NsReader::from_str(body.text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    loop {
        let before = position(&reader);
        let event = reader.read_event().map_err(|error| builder.not_well_formed(&error, &reader))?;
        let after = position(&reader);
        match event {
            Event::Start(start) => builder.start(&reader, &start, before, after)?,
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
    patterns: &'a [Pattern],
    elements: Vec<Element>,
    others: Vec<Box<str>>,
    records: Vec<Record>,
    parents: Vec<Option<usize>>,
    /// Open elements that are kept.
    open: Vec<usize>,
    /// Open elements of a record, the record itself included.
    inside: usize,
    /// Elements altogether, kept or not.
    count: usize,
}

impl<'a> Builder<'a> {
    fn new(body: Text<'a>, limits: &'a Limits, patterns: &'a [Pattern]) -> Builder<'a> {
        let (elements, others, records, parents) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Builder {
            limits,
            body,
            patterns,
            elements,
            others,
            records,
            parents,
            open: Vec::new(),
            inside: 0,
            count: 0,
        }
    }

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
            quick_xml::Error::IllFormed(IllFormedError::UnmatchedEndTag(_)) if self.is_outside() => {
                self.fault(Code::TrailingContent, "something follows the end of the document", at)
            }
            quick_xml::Error::Namespace(_) => {
                self.fault(Code::WrongNamespace, "a namespace declaration that XML does not allow", at)
            }
            _ => self.fault(Code::XmlSyntax, "not well-formed XML", at),
        }
    }

    fn is_outside(&self) -> bool {
        self.open.is_empty() && self.inside == 0
    }

    fn namespace(&mut self, found: &ResolveResult<'_>, at: usize) -> Result<Ns, Malformed> {
        let uri = match found {
            ResolveResult::Unbound => return Ok(Ns::None),
            ResolveResult::Bound(namespace) => namespace.0,
            ResolveResult::Unknown(_) => {
                let what = "a prefix without a declaration; declare its namespace";
                return Err(self.fault(Code::WrongNamespace, what, at));
            }
        };
        if let Some((_, ns)) = KNOWN.iter().find(|(known, _)| *known == uri) {
            return Ok(*ns);
        }
        let index = match self.others.iter().position(|known| **known == *uri) {
            Some(index) => index,
            None if self.others.len() >= NAMESPACES_MAX => {
                return Err(self.fault(Code::TooManyValues, "more namespaces than the limit", at));
            }
            None => {
                self.others.push(uri.into());
                self.others.len() - 1
            }
        };
        Ok(Ns::Other(u16::try_from(index).unwrap_or(u16::MAX)))
    }

    fn start(
        &mut self,
        reader: &NsReader<&[u8]>,
        start: &BytesStart<'_>,
        at: usize,
        after: usize,
    ) -> Result<(), Malformed> {
        let ns = self.namespace(&reader.resolver().resolve_element(start.name()).0, at)?;
        if self.is_outside() && !self.elements.is_empty() {
            return Err(self.fault(Code::TrailingContent, "a second document follows the first", at));
        }
        if self.open.len() + self.inside >= self.limits.depth() {
            return Err(self.fault(Code::TooDeep, "nested deeper than the limit", at));
        }
        if self.count >= self.limits.values {
            let what = "more elements than the limit; send less at once";
            return Err(self.fault(Code::TooManyValues, what, at));
        }
        self.count += 1;
        let attributes = self.attributes(reader, start, at)?;
        if self.inside > 0 {
            self.inside += 1;
            return Ok(());
        }
        let local = start.local_name().into_inner();
        if let Some(pattern) = self.pattern(local) {
            if self.records.len() >= self.limits.items {
                let what = "more records than the limit; ask for fewer at once";
                return Err(self.fault(Code::TooManyItems, what, at));
            }
            let parent = self.open.last().copied().unwrap_or_default();
            self.records.push(Record { pattern, parent, span: at..at });
            self.inside = 1;
            return Ok(());
        }
        let index = self.elements.len();
        let parent = self.open.last().copied();
        if let Some(parent) = parent {
            self.elements[parent].children.push(index);
        }
        self.parents.push(parent);
        self.elements.push(Element {
            ns,
            local: local.into(),
            text: String::new(),
            attributes,
            children: Vec::new(),
            span: at..at,
            opened: after,
            interrupted: false,
        });
        self.open.push(index);
        Ok(())
    }

    /// The pattern that an element of this name fits here.
    fn pattern(&self, local: &str) -> Option<usize> {
        if self.open.is_empty() {
            return None;
        }
        self.patterns.iter().position(|pattern| {
            let fits = |wanted: &String, own: &str| wanted == "*" || wanted == own;
            pattern.len() == self.open.len() + 1
                && pattern.last().is_some_and(|last| fits(last, local))
                && pattern
                    .iter()
                    .zip(&self.open)
                    .all(|(wanted, &own)| fits(wanted, &self.elements[own].local))
        })
    }

    /// Checks every attribute; keeps them only where the element is kept.
    fn attributes(
        &mut self,
        reader: &NsReader<&[u8]>,
        start: &BytesStart<'_>,
        at: usize,
    ) -> Result<Vec<Attribute>, Malformed> {
        let mut kept = Vec::new();
        for (count, attribute) in start.attributes().enumerate() {
            if count >= ATTRIBUTES_MAX {
                let what = "more attributes on one element than the limit";
                return Err(self.fault(Code::TooManyValues, what, at));
            }
            let written = match attribute {
                Ok(written) if !written.value.contains('<') => written,
                _ => {
                    let what = "an attribute that is not well-formed, or stands there twice";
                    return Err(self.fault(Code::XmlSyntax, what, at));
                }
            };
            if written.key.as_namespace_binding().is_some() {
                continue;
            }
            let value = self.value(&written, at)?;
            if self.inside == 0 {
                let (found, local) = reader.resolver().resolve_attribute(written.key);
                let ns = self.namespace(&found, at)?;
                kept.push(Attribute { ns, local: local.into_inner().into(), value });
            }
        }
        Ok(kept)
    }

    fn value(&self, written: &Written<'_>, at: usize) -> Result<Box<str>, Malformed> {
        match written.normalized_value(XmlVersion::Explicit1_0) {
            Ok(value) if value.chars().any(is_forbidden) => {
                Err(self.fault(Code::ControlCharacter, "a character that XML does not allow", at))
            }
            Ok(value) => Ok(value.as_ref().into()),
            Err(_) => {
                let what = "an entity or reference in an attribute that XML does not define";
                Err(self.fault(Code::EntityRefused, what, at))
            }
        }
    }

    fn end(&mut self, after: usize) {
        // An end without its start never gets here: the reader refuses it.
        if self.inside > 0 {
            self.inside -= 1;
            if let (0, Some(record)) = (self.inside, self.records.last_mut()) {
                record.span.end = after;
            }
        } else if let Some(index) = self.open.pop() {
            self.elements[index].span.end = after;
        }
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), Malformed> {
        if text.contains("]]>") {
            return Err(self.fault(Code::XmlSyntax, "`]]>` outside of a CDATA section", at));
        }
        if self.is_outside() && is_space(text) {
            return Ok(());
        }
        self.cdata(text, at)
    }

    fn cdata(&mut self, text: &str, at: usize) -> Result<(), Malformed> {
        match self.open.last() {
            _ if self.inside > 0 => Ok(()),
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
        if let (0, Some(&index)) = (self.inside, self.open.last()) {
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

    fn finish(self, at: usize) -> Result<Skimmed, Malformed> {
        if !self.is_outside() || self.elements.is_empty() {
            let what = "the body ends before its document does; send it whole";
            return Err(self.fault(Code::Truncated, what, at));
        }
        let frame = Document { elements: self.elements, others: self.others };
        Ok(Skimmed { frame, records: self.records, parents: self.parents })
    }
}
