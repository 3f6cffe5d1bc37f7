//! XML: which shape a document is, and its records.

use std::sync::Arc;

use crate::body::Text;
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Mapping, System, When};
use crate::once::Found;
use crate::record::{self, About, Place};
use crate::report::{AnswerShape, Item, Next, RAW_ENVELOPE_MAX, SoapVersion};
use crate::row::{Context, Row as _};
use crate::workday::{get_workers, notification, peci, worker_sync};
use crate::xml::{self, Document, Ns, Pattern, Record, Skimmed, Tree, XmlRow};
use crate::{compound, soap};

/// The shapes that XML comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    CompoundEmployee,
    WorkerSync,
    Peci,
    GetWorkers,
    /// Drawn by a customer, as the mapping says: the records of this pattern.
    Rows(usize),
    /// The same, the document itself being the only row.
    Whole,
}

/// A document by its records.
pub(crate) struct Records<'a> {
    text: &'a str,
    skimmed: Skimmed,
    shape: Shape,
    namespace: Ns,
    /// How deep the records of each pattern are.
    depths: Vec<usize>,
}

/// What a document turned out to be.
pub(crate) enum Opened<'a> {
    /// Read to its end already.
    Found(Vec<Found>, AnswerShape),
    Records(Records<'a>, Option<Next>, Option<u64>),
}

/// Where records are, of the known shapes of a system and of all its mappings. The known ones come first.
pub(crate) fn patterns(system: System, mapping: &Mapping) -> Vec<Pattern> {
    let known: &[&[&str]] = match system {
        System::SuccessFactors => &[
            &["queryResponse", "result", "sfobject"],
            &["queryMoreResponse", "result", "sfobject"],
            &["*", "Body", "queryResponse", "result", "sfobject"],
            &["*", "Body", "queryMoreResponse", "result", "sfobject"],
        ],
        System::Workday => &[
            &["Worker_Sync", "Worker"],
            &["Workers_Effective_Stack", "Worker"],
            &["Workers_Effective_Stack_Aggregate", "Workers_Effective_Stack", "Worker"],
            &["Get_Workers_Response", "Response_Data", "Worker"],
            &["*", "Body", "Get_Workers_Response", "Response_Data", "Worker"],
        ],
        System::Darwinbox => &[],
    };
    let mut patterns: Vec<Pattern> =
        known.iter().map(|names| names.iter().map(|name| (*name).to_owned()).collect()).collect();
    let drawn = std::iter::once(mapping).chain(mapping.variants.iter().map(|variant| &variant.mapping));
    for path in drawn.flat_map(|mapping| &mapping.rows).filter(|path| !path.names().is_empty()) {
        let pattern: Pattern = std::iter::once("*".to_owned()).chain(path.names().iter().cloned()).collect();
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    patterns
}

/// What the frame of a document says that it is.
pub(crate) fn open<'a>(
    system: System,
    context: &Context<'_>,
    skimmed: Skimmed,
    patterns: &[Pattern],
    body: Text<'a>,
) -> Result<Opened<'a>, Malformed> {
    let root = skimmed.frame.root();
    if root.local.eq_ignore_ascii_case("html") {
        let what = "an HTML page, often a log-in form or a proxy's; check address and credentials";
        return Err(Malformed::body(Code::HtmlPage, what));
    }
    let (version, message) = match (&*root.local, root.ns) {
        ("Fault", _) => return Err(failed("Fault")),
        ("Envelope", _) if is_soap(system) => {
            let (version, message) = soap::unwrap_envelope(&skimmed.frame)?;
            (Some(version), message)
        }
        _ => (None, root),
    };
    if version.is_some() && &*message.local == "Fault" {
        return Err(failed("Envelope/Body/Fault"));
    }
    let tree = Tree { document: &skimmed.frame, ns: message.ns };
    let depths = patterns.iter().map(|pattern| pattern.len() - 1).collect();
    let records = |skimmed, shape, namespace| Records { text: body.text, skimmed, shape, namespace, depths };
    match (system, &*message.local, message.ns) {
        (System::SuccessFactors, "ExternalEvent", _) => {
            let version = version.unwrap_or(SoapVersion::Bare);
            let (found, answer) = soap::read(context, &skimmed.frame, version, message, body)?;
            Ok(Opened::Found(found, answer))
        }
        (System::SuccessFactors, _, Ns::SfApi) => {
            let next = compound::next_page(&tree, message)?;
            Ok(Opened::Records(records(skimmed, Shape::CompoundEmployee, Ns::SfApi), next, None))
        }
        (System::Workday, "Worker_Sync", ns) => {
            known(ns, Ns::WorkerSync, "Worker_Sync")?;
            Ok(Opened::Records(records(skimmed, Shape::WorkerSync, ns), None, None))
        }
        (System::Workday, "Workers_Effective_Stack" | "Workers_Effective_Stack_Aggregate", ns) => {
            known(ns, Ns::Peci, "Workers_Effective_Stack")?;
            Ok(Opened::Records(records(skimmed, Shape::Peci, ns), None, None))
        }
        (System::Workday, "Get_Workers_Response", ns) => {
            known(ns, Ns::Bsvc, "Get_Workers_Response")?;
            let (next, total) = get_workers::page(&tree, message)?;
            Ok(Opened::Records(records(skimmed, Shape::GetWorkers, ns), next, total))
        }
        (_, _, Ns::Bsvc) if version.is_none() => {
            let what = "an answer of Workday's web services that is not about workers";
            Err(Malformed::new(Code::NotAboutAWorker, what, "the first element"))
        }
        (System::Workday, _, ns) if version.is_some() && ns != Ns::Current && ns != Ns::Old => {
            let report = notification::pointer(&skimmed.frame, message);
            let version = version.unwrap_or(SoapVersion::Soap11);
            Ok(Opened::Found(vec![notified(report, body)], AnswerShape::Empty { version }))
        }
        _ if version.is_some() => Err(not_an_event("Envelope/Body")),
        _ => {
            let shape = drawn(context, &skimmed, patterns)?;
            let namespace = root.ns;
            Ok(Opened::Records(records(skimmed, shape, namespace), None, None))
        }
    }
}

fn is_soap(system: System) -> bool {
    matches!(system, System::SuccessFactors | System::Workday)
}

fn failed(at: &str) -> Malformed {
    Malformed::new(Code::PullFailed, "a SOAP fault: the answer says that it failed", at)
}

fn known(ns: Ns, wanted: Ns, name: &str) -> Result<(), Malformed> {
    if ns == wanted {
        return Ok(());
    }
    Err(Malformed::new(Code::WrongNamespace, "a known name in a namespace that is not Workday's", name))
}

fn not_an_event(at: &str) -> Malformed {
    let what = "neither an `ExternalEvent` nor another shape that is known here; a fault or another message is not a delivery";
    Malformed::new(Code::NotAnExternalEvent, what, at)
}

fn notified(report: crate::Report, body: Text<'_>) -> Found {
    let raw: Arc<[u8]> = body.text.as_bytes().into();
    Found { item: Item { source_id: None, raw, outcome: Ok(report) }, at: "Body".to_owned(), person: None }
}

/// Rows as a customer drew them.
fn drawn(context: &Context<'_>, skimmed: &Skimmed, patterns: &[Pattern]) -> Result<Shape, Malformed> {
    let mapping = context.mapping;
    let root = skimmed.frame.root();
    if let Some(wanted) = &mapping.namespace
        && skimmed.frame.uri(root.ns) != Some(wanted)
    {
        let what = "another namespace than the mapping names";
        return Err(Malformed::new(Code::WrongNamespace, what, "the first element"));
    }
    let row = XmlRow { tree: Tree { document: &skimmed.frame, ns: root.ns }, element: root };
    check_answer(context, &row)?;
    for path in &mapping.rows {
        if path.names().is_empty() {
            if record::is_foreign(context, &row) {
                return Err(not_an_event("the first element"));
            }
            return Ok(Shape::Whole);
        }
        let own = |pattern: &Pattern| {
            pattern.first().is_some_and(|first| first == "*") && pattern[1..] == *path.names()
        };
        let Some(index) = patterns.iter().position(own) else { continue };
        if skimmed.records.iter().any(|record| record.pattern == index) {
            return Ok(Shape::Rows(index));
        }
    }
    let what = "no rows where the mapping looks for them; a failed answer is never an empty one";
    Err(Malformed::body(Code::NoRows, what))
}

fn check_answer(context: &Context<'_>, row: &XmlRow<'_>) -> Result<(), Malformed> {
    let rule = &context.mapping.answer;
    for path in &rule.failed_if_present {
        if !matches!(row.scalar(path), Ok(None)) {
            return Err(Malformed::new(Code::PullFailed, "the answer says that it failed", path.as_str()));
        }
    }
    let Some(expected) = &rule.ok else { return Ok(()) };
    match row.scalar(&expected.at)? {
        Some(scalar) if scalar.as_text().trim() == expected.is => Ok(()),
        _ => {
            let what = "the answer does not say that it succeeded";
            Err(Malformed::new(Code::PullFailed, what, expected.at.as_str()))
        }
    }
}

/// Whether a document is what a variant is for.
pub(crate) fn fits(when: &When, document: &Document) -> bool {
    let root = document.root();
    let row = XmlRow { tree: Tree { document, ns: root.ns }, element: root };
    let equals = |expected: &crate::mapping::Expected| matches!(row.scalar(&expected.at), Ok(Some(own)) if own.as_text().trim() == expected.is);
    when.root.as_ref().is_none_or(|wanted| *wanted == *root.local)
        && when.namespace.as_ref().is_none_or(|wanted| document.uri(root.ns) == Some(wanted))
        && when.has.iter().all(|path| !matches!(row.scalar(path), Ok(None)))
        && when.equals.iter().all(equals)
}

impl Records<'_> {
    /// Hands on every record, one after the other.
    pub(crate) fn each(
        &self,
        context: &Context<'_>,
        hand_on: &mut dyn FnMut(Found),
    ) -> Result<(), Malformed> {
        if self.shape == Shape::Whole {
            let raw: Arc<[u8]> = self.text.as_bytes().into();
            let root = self.skimmed.frame.root();
            let row = XmlRow { tree: Tree { document: &self.skimmed.frame, ns: root.ns }, element: root };
            hand_on(record::row(context, &row, About::Any, None, &Place { at: "", raw: &raw }));
            return Ok(());
        }
        let mut index = 0;
        for record in &self.skimmed.records {
            if matches!(self.shape, Shape::Rows(pattern) if pattern != record.pattern) {
                continue;
            }
            self.one(context, record, index, hand_on)?;
            index += 1;
        }
        Ok(())
    }

    fn one(
        &self,
        context: &Context<'_>,
        record: &Record,
        index: usize,
        hand_on: &mut dyn FnMut(Found),
    ) -> Result<(), Malformed> {
        let alone = self.skimmed.alone(record, self.text);
        // It was read to its end before: what can be wrong with it is wrong with its values.
        let limits = Limits { bytes: usize::MAX, ..*context.limits };
        let document = xml::parse(Text { text: &alone, skipped: 0 }, &limits)?;
        let depth = self.depths.get(record.pattern).copied().unwrap_or_default();
        let Some(element) = xml::innermost(&document, depth) else { return Ok(()) };
        let at = format!("{}[{}]", element.local, index + 1);
        let own = &self.text[record.span.clone()];
        let kept = if alone.len() - own.len() > 2 * RAW_ENVELOPE_MAX { own } else { &alone };
        let raw: Arc<[u8]> = kept.as_bytes().into();
        let place = Place { at: &at, raw: &raw };
        // Namespaces that are not known here are counted anew in each document.
        let ns = if matches!(self.namespace, Ns::Other(_)) { document.root().ns } else { self.namespace };
        let row = XmlRow { tree: Tree { document: &document, ns }, element };
        if self.shape != Shape::CompoundEmployee && element.ns != ns && element.ns != Ns::None {
            let what = "a known name in a foreign namespace";
            record::parts(context, Err(Malformed::new(Code::WrongNamespace, what, "")), &place, hand_on);
            return Ok(());
        }
        match self.shape {
            Shape::Rows(_) | Shape::Whole => hand_on(record::row(context, &row, About::Any, None, &place)),
            Shape::CompoundEmployee => match compound::row(row.tree, element) {
                Ok(person) => record::parts(context, compound::parts(&person, context), &place, hand_on),
                Err(fault) => record::parts(context, Err(fault), &place, hand_on),
            },
            Shape::WorkerSync => record::parts(context, worker_sync::parts(&row, context), &place, hand_on),
            Shape::Peci => record::parts(context, peci::parts(&row), &place, hand_on),
            Shape::GetWorkers => record::parts(context, get_workers::parts(&row, context), &place, hand_on),
        }
        Ok(())
    }
}
