//! SuccessFactors' `ExternalEvent`: SOAP 1.1, 1.2 or bare, either contract, any prefix, many items in one delivery.

use std::collections::BTreeMap;

use crate::body::Text;
use crate::malformed::{Code, Malformed};
use crate::mapping::Path;
use crate::milestone;
use crate::once::Found;
use crate::report::{
    AnswerShape, Contract, ExternalId, Item, RAW_ENVELOPE_MAX, Report, SoapVersion, is_invisible,
};
use crate::row::{Context, Reader, Row, Scalar};
use crate::xml::{Document, Element, Ns, Tree, plain};

/// Keys of one pointer.
const KEYS_MAX: usize = 32;

/// The items of a message, and how its sender wants to be answered.
pub(crate) fn read(
    context: &Context<'_>,
    document: &Document,
    version: SoapVersion,
    message: &Element,
    body: Text<'_>,
) -> Result<(Vec<Found>, AnswerShape), Malformed> {
    let (ns, namespace) = match message.ns {
        Ns::Current => (Ns::Current, Contract::Current),
        Ns::Old => (Ns::Old, Contract::Old),
        _ => {
            let what = "`ExternalEvent` in a namespace that is not SuccessFactors'";
            return Err(Malformed::new(Code::WrongNamespace, what, "ExternalEvent"));
        }
    };
    let tree = Tree { document, ns };
    let meta = tree.one(message, "externalEventMeta", "ExternalEvent")?;
    let list = tree.one(message, "events", "ExternalEvent")?;
    let elements = match list {
        Some(list) => tree.all(list, "event", "ExternalEvent/events")?,
        None => Vec::new(),
    };
    if elements.len() > context.limits.items {
        let what = "more items than the limit; send fewer at once";
        return Err(Malformed::new(Code::TooManyItems, what, "ExternalEvent/events"));
    }
    let envelope = Envelope::around(&elements, body.text);
    let mut found = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let at = format!("ExternalEvent/events/event[{}]", index + 1);
        let (source_id, outcome) = match SoapRow::new(tree, element, meta) {
            Ok(row) => item(&Reader::new(&row, context), &row),
            Err(fault) => (None, Err(fault)),
        };
        let outcome = outcome.map_err(|fault| fault.under(&at));
        let raw = envelope.with(element, body.text).into();
        found.push(Found { item: Item { source_id, raw, outcome }, at, person: None });
    }
    Ok((found, AnswerShape::Soap { version, namespace }))
}

/// The message inside the envelope, or bare.
pub(crate) fn unwrap_envelope(document: &Document) -> Result<(SoapVersion, &Element), Malformed> {
    let root = document.root();
    let version = match (root.ns, &*root.local) {
        (Ns::Soap11, "Envelope") => SoapVersion::Soap11,
        (Ns::Soap12, "Envelope") => SoapVersion::Soap12,
        (_, "Envelope") => {
            let what = "an `Envelope` in a namespace that is neither SOAP 1.1's nor SOAP 1.2's";
            return Err(Malformed::new(Code::WrongNamespace, what, "Envelope"));
        }
        _ => return Ok((SoapVersion::Bare, root)),
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
        (Some(message), None) => Ok((version, message)),
        (Some(_), Some(_)) => {
            Err(Malformed::new(Code::DuplicateMember, "a second message in one `Body`", "Envelope/Body"))
        }
        (None, _) => {
            Err(Malformed::new(Code::NotAnExternalEvent, "an envelope with nothing in it", "Envelope/Body"))
        }
    }
}

/// The source's id of an item, and what the item says.
fn item(reader: &Reader<'_>, row: &SoapRow<'_>) -> (Option<String>, Result<Report, Malformed>) {
    let Some(mapping) = &reader.mapping().milestone else {
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

/// One item of a delivery as named values.
struct SoapRow<'d> {
    tree: Tree<'d>,
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
    fn new(tree: Tree<'d>, event: &'d Element, meta: Option<&'d Element>) -> Result<SoapRow<'d>, Malformed> {
        let mut pairs = Vec::new();
        for (list, entry, at) in
            [("entityKeys", "entityKey", "/entityKeys/entityKey"), ("params", "param", "/params/param")]
        {
            let Some(elements) = tree.one(event, list, "")? else { continue };
            for element in tree.all(elements, entry, at)? {
                let name = tree.one(element, "name", at)?;
                let value = tree.one(element, "value", at)?;
                if let (Some(name), Some(value)) = (name, value) {
                    pairs.push(Pair { name: plain(name, at)?.trim(), value, is_key: list == "entityKeys" });
                }
            }
        }
        Ok(SoapRow { tree, event, meta, pairs })
    }

    fn entity(&self) -> Result<Option<String>, Malformed> {
        match self.tree.one(self.event, "entityType", "/@event")? {
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
        match self.tree.one(parent, name, &format!("/{list}"))? {
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
