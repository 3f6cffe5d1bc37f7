//! SuccessFactors' `ExternalEvent`: SOAP 1.1, 1.2 or bare, either contract, any prefix, many items in one delivery.

use std::collections::BTreeMap;

use crate::body::Text;
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Mapping, Path};
use crate::milestone;
use crate::once::{self, Found};
use crate::report::{
    AnswerShape, Contract, Delivery, ExternalId, Item, RAW_ENVELOPE_MAX, Report, SoapVersion, is_invisible,
};
use crate::row::{Reader, Row, Scalar};
use crate::xml::{self, Document, Element, Ns};

/// Keys of one pointer.
const KEYS_MAX: usize = 32;

/// The delivery that a document holds.
pub(crate) fn read(mapping: &Mapping, body: Text<'_>, limits: &Limits) -> Result<Delivery, Malformed> {
    let document = xml::parse(body, limits)?;
    let (version, message) = unwrap_envelope(&document)?;
    let (contract, namespace) = match message.ns {
        Ns::Current => (Ns::Current, Contract::Current),
        Ns::Old => (Ns::Old, Contract::Old),
        _ => {
            let what = "`ExternalEvent` in a namespace that is not SuccessFactors'";
            return Err(Malformed::new(Code::WrongNamespace, what, "ExternalEvent"));
        }
    };
    let scope = Scope { document: &document, contract };
    let meta = scope.one(message, "externalEventMeta", "ExternalEvent")?;
    let list = scope.one(message, "events", "ExternalEvent")?;
    let elements = match list {
        Some(list) => scope.all(list, "event", "ExternalEvent/events")?,
        None => Vec::new(),
    };
    if elements.len() > limits.items {
        let what = "more items than the limit; send fewer at once";
        return Err(Malformed::new(Code::TooManyItems, what, "ExternalEvent/events"));
    }
    let envelope = Envelope::around(&elements, body.text);
    let zone = crate::zone(mapping);
    let mut found = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let at = format!("ExternalEvent/events/event[{}]", index + 1);
        let (source_id, outcome) = match SoapRow::new(scope, element, meta) {
            Ok(row) => {
                let dates = &mapping.dates;
                item(&Reader { row: &row, mapping, limits, dates, zone: zone.as_ref() }, &row)
            }
            Err(fault) => (None, Err(fault)),
        };
        let outcome = outcome.map_err(|fault| fault.under(&at));
        let raw = envelope.with(element, body.text);
        found.push(Found { item: Item { source_id, raw, outcome }, at, person: None });
    }
    Ok(Delivery { items: once::each(found), answer: AnswerShape::Soap { version, namespace } })
}

/// The message inside the envelope, or bare.
fn unwrap_envelope(document: &Document) -> Result<(SoapVersion, &Element), Malformed> {
    let root = document.root();
    let version = match (root.ns, &*root.local) {
        (Ns::Soap11, "Envelope") => SoapVersion::Soap11,
        (Ns::Soap12, "Envelope") => SoapVersion::Soap12,
        (_, "Envelope") => {
            let what = "an `Envelope` in a namespace that is neither SOAP 1.1's nor SOAP 1.2's";
            return Err(Malformed::new(Code::WrongNamespace, what, "Envelope"));
        }
        (_, "ExternalEvent") => return Ok((SoapVersion::Bare, root)),
        _ => {
            let what = "neither a SOAP envelope nor an `ExternalEvent`";
            return Err(Malformed::new(Code::NotAnExternalEvent, what, "the first element"));
        }
    };
    let mut bodies = document.children(root).filter(|child| &*child.local == "Body");
    let body = match (bodies.next(), bodies.next()) {
        (Some(body), None) if body.ns == root.ns => body,
        (Some(_), None) => {
            return Err(Malformed::new(
                Code::WrongNamespace,
                "a `Body` of another namespace",
                "Envelope/Body",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Malformed::new(Code::DuplicateMember, "a second `Body` in one envelope", "Envelope"));
        }
        (None, _) => {
            return Err(Malformed::new(Code::NotAnExternalEvent, "an envelope without a `Body`", "Envelope"));
        }
    };
    let mut messages = document.children(body);
    match (messages.next(), messages.next()) {
        (Some(message), None) if &*message.local == "ExternalEvent" => Ok((version, message)),
        (Some(_), Some(_)) => {
            Err(Malformed::new(Code::DuplicateMember, "a second message in one `Body`", "Envelope/Body"))
        }
        _ => {
            let what = "the envelope holds no `ExternalEvent`; a fault or another message is not a delivery";
            Err(Malformed::new(Code::NotAnExternalEvent, what, "Envelope/Body"))
        }
    }
}

/// The source's id of an item, and what the item says.
fn item(reader: &Reader<'_>, row: &SoapRow<'_>) -> (Option<String>, Result<Report, Malformed>) {
    let Some(mapping) = &reader.mapping.milestone else {
        let what = "this connection's mapping has no milestones".to_owned();
        return (None, Ok(Report::NotAboutAWorker { what }));
    };
    let source_id = match milestone::source_id(reader, mapping) {
        Ok(source_id) => source_id,
        Err(fault) => return (None, Err(fault)),
    };
    let report = row.entity().and_then(|entity| {
        milestone::read(reader, mapping, entity.as_deref())?.ok_or_else(|| {
            let at = mapping.code.first().map(Path::as_str).unwrap_or_default();
            Malformed::new(Code::NoCode, "no type says what happened; add it to what the source sends", at)
        })
    });
    (source_id, report)
}

/// What stands around the items of a delivery.
struct Envelope<'a> {
    before: &'a str,
    after: &'a str,
}

impl<'a> Envelope<'a> {
    fn around(elements: &[&Element], text: &'a str) -> Envelope<'a> {
        let (Some(first), Some(last)) = (elements.first(), elements.last()) else {
            return Envelope { before: "", after: "" };
        };
        let (before, after) = (&text[..first.span.start], &text[last.span.end..]);
        if before.len() + after.len() > RAW_ENVELOPE_MAX {
            return Envelope { before: "", after: "" };
        }
        Envelope { before, after }
    }

    fn with(&self, element: &Element, text: &str) -> Vec<u8> {
        [self.before, &text[element.span.clone()], self.after].concat().into_bytes()
    }
}

/// A document whose names are looked up in one contract's namespace, or in none.
#[derive(Clone, Copy)]
struct Scope<'d> {
    document: &'d Document,
    contract: Ns,
}

impl<'d> Scope<'d> {
    /// Every child of that name. The name in a foreign namespace is refused: it only pretends.
    fn all(&self, parent: &'d Element, name: &str, at: &str) -> Result<Vec<&'d Element>, Malformed> {
        let mut found = Vec::new();
        for child in self.document.children(parent).filter(|child| &*child.local == name) {
            if child.ns != self.contract && child.ns != Ns::None {
                let what = "a known name in a foreign namespace";
                return Err(Malformed::new(Code::WrongNamespace, what, format!("{at}/{name}")));
            }
            found.push(child);
        }
        Ok(found)
    }

    fn one(&self, parent: &'d Element, name: &str, at: &str) -> Result<Option<&'d Element>, Malformed> {
        let found = self.all(parent, name, at)?;
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => {
                let what = "an element twice where one belongs";
                Err(Malformed::new(Code::DuplicateMember, what, format!("{at}/{name}")))
            }
        }
    }
}

/// The character data of a leaf.
fn plain<'d>(element: &'d Element, at: &str) -> Result<&'d str, Malformed> {
    if element.interrupted {
        let what = "a comment or processing instruction inside a value; send the value alone";
        return Err(Malformed::new(Code::MarkupInValue, what, at));
    }
    if !element.children.is_empty() {
        return Err(Malformed::new(Code::NotAPlainValue, "elements where a plain value belongs", at));
    }
    Ok(&element.text)
}

/// One item of a delivery as named values.
struct SoapRow<'d> {
    scope: Scope<'d>,
    event: &'d Element,
    meta: Option<&'d Element>,
    /// Entity keys and parameters in their order.
    pairs: Vec<Pair<'d>>,
}

/// An entity key or a parameter.
struct Pair<'d> {
    name: &'d str,
    value: &'d Element,
    is_key: bool,
}

impl<'d> SoapRow<'d> {
    fn new(
        scope: Scope<'d>,
        event: &'d Element,
        meta: Option<&'d Element>,
    ) -> Result<SoapRow<'d>, Malformed> {
        let mut pairs = Vec::new();
        for (list, entry, at) in
            [("entityKeys", "entityKey", "/entityKeys/entityKey"), ("params", "param", "/params/param")]
        {
            let Some(elements) = scope.one(event, list, "")? else { continue };
            for element in scope.all(elements, entry, at)? {
                let name = scope.one(element, "name", at)?;
                let value = scope.one(element, "value", at)?;
                if let (Some(name), Some(value)) = (name, value) {
                    pairs.push(Pair { name: plain(name, at)?.trim(), value, is_key: list == "entityKeys" });
                }
            }
        }
        Ok(SoapRow { scope, event, meta, pairs })
    }

    fn entity(&self) -> Result<Option<String>, Malformed> {
        match self.scope.one(self.event, "entityType", "/@event")? {
            None => Ok(None),
            Some(element) => {
                let text = plain(element, "/@event/entityType")?.trim();
                let shown =
                    (1..=96).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
                Ok(shown.then(|| text.to_owned()))
            }
        }
    }

    /// The value of a name among keys and parameters, which must agree.
    fn named(&self, wanted: &str, path: &str) -> Result<Option<&'d str>, Malformed> {
        let mut found: Option<&str> = None;
        for pair in self.pairs.iter().filter(|pair| pair.name == wanted) {
            let value = plain(pair.value, path)?;
            if found.is_some_and(|other| other.trim() != value.trim()) {
                let what = "one name with two different values among keys and parameters";
                return Err(Malformed::new(Code::ValuesDisagree, what, path));
            }
            found = Some(value);
        }
        Ok(found)
    }

    fn element(&self, parent: Option<&'d Element>, path: &Path) -> Result<Option<&'d str>, Malformed> {
        let (Some(parent), [list, name]) = (parent, path.names()) else { return Ok(None) };
        match self.scope.one(parent, name, &format!("/{list}"))? {
            Some(element) => plain(element, path.as_str()).map(Some),
            None => Ok(None),
        }
    }
}

impl Row for SoapRow<'_> {
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed> {
        let text = match path.names() {
            [list, _] if list == "@event" => self.element(Some(self.event), path)?,
            [list, _] if list == "@meta" => self.element(self.meta, path)?,
            [name] => self.named(name, path.as_str())?,
            _ => None,
        };
        Ok(text.map(Scalar::Text))
    }

    fn keys(&self) -> Result<BTreeMap<String, String>, Malformed> {
        let mut keys = BTreeMap::new();
        let at = "/entityKeys";
        for Pair { name, value, .. } in self.pairs.iter().filter(|pair| pair.is_key) {
            let value = plain(value, at)?.trim();
            let bounded = |text: &str| text.len() <= ExternalId::BYTES_MAX && !text.chars().any(is_invisible);
            if !bounded(name) || !bounded(value) || keys.len() >= KEYS_MAX {
                let what = "more than 32 keys, or a key of more than 128 bytes or with invisible characters";
                return Err(Malformed::new(Code::BadId, what, at));
            }
            if name.is_empty() || value.is_empty() {
                continue;
            }
            let other = keys.insert((*name).to_owned(), value.to_owned());
            if other.is_some_and(|other| other != value) {
                return Err(Malformed::new(Code::ValuesDisagree, "one key with two different values", at));
            }
        }
        Ok(keys)
    }
}
