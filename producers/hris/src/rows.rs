//! JSON rows: RaaS reports, Darwinbox answers, what Integration Center posts.

use crate::body::Text;
use crate::json::{self, Node, Value};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Dataset, Expected, Mapping};
use crate::milestone;
use crate::once::{self, Found};
use crate::report::{AnswerShape, Delivery, Item, Report};
use crate::row::Reader;
use crate::worker;

/// The delivery that a JSON body holds.
pub(crate) fn read(mapping: &Mapping, body: Text<'_>, limits: &Limits) -> Result<Delivery, Malformed> {
    let root = json::skim(body, limits)?;
    check_answer(mapping, &root, limits)?;
    for path in &mapping.rows {
        let Some(node) = root.at(path.names()) else { continue };
        let rows = match &node.value {
            Value::Array(rows) => rows.as_slice(),
            Value::Object(_) => std::slice::from_ref(node),
            _ => {
                let what = "neither an array nor an object where the rows belong";
                return Err(Malformed::new(Code::NoRows, what, path.as_str()));
            }
        };
        return all(mapping, rows, path.as_str(), body, limits);
    }
    let what = "no rows where the mapping looks for them; a failed answer is never an empty one";
    Err(Malformed::body(Code::NoRows, what))
}

/// One row that stood in a body before.
pub(crate) fn reread(mapping: &Mapping, body: Text<'_>, limits: &Limits) -> Result<Delivery, Malformed> {
    let row = json::skim(body, limits)?;
    all(mapping, std::slice::from_ref(&row), "", body, limits)
}

fn check_answer(mapping: &Mapping, root: &Node<'_>, limits: &Limits) -> Result<(), Malformed> {
    for path in &mapping.answer.failed_if_present {
        if root.at(path.names()).is_some() {
            return Err(Malformed::new(Code::PullFailed, "the answer says that it failed", path.as_str()));
        }
    }
    let Some(expected) = &mapping.answer.ok else { return Ok(()) };
    let reader = Reader { row: root, mapping, limits, dates: &[], zone: None };
    if matches!(root.value, Value::Object(_)) && reader.text(&expected.at)? == Some(&expected.is) {
        return Ok(());
    }
    let what = "the answer does not say that it succeeded";
    Err(Malformed::new(Code::PullFailed, what, expected.at.as_str()))
}

fn all(
    mapping: &Mapping,
    rows: &[Node<'_>],
    at: &str,
    body: Text<'_>,
    limits: &Limits,
) -> Result<Delivery, Malformed> {
    if rows.len() > limits.items {
        return Err(Malformed::new(
            Code::TooManyItems,
            "more rows than the limit; ask for fewer at once",
            at,
        ));
    }
    let named = match &mapping.dataset {
        None => None,
        Some(name) => Some(mapping.datasets.get(name).ok_or_else(|| {
            Malformed::body(
                Code::DatasetDisagrees,
                "the dataset asked for is not in the mapping; add it there",
            )
        })?),
    };
    let zone = crate::zone(mapping);
    let mut found = Vec::with_capacity(rows.len());
    for (index, place) in rows.iter().enumerate() {
        let at = format!("{at}/{index}");
        let own = Text { text: &body.text[place.span.clone()], skipped: body.skipped + place.span.start };
        let row = &json::parse(own, limits)?;
        let reader = Reader { row, mapping, limits, dates: &mapping.dates, zone: zone.as_ref() };
        let (source_id, outcome) = one(reader, row, named);
        let outcome = outcome.map_err(|fault| fault.under(&at));
        let person = match &outcome {
            Ok(Report::Worker(worker)) => Some(worker.person.clone()),
            Ok(_) => None,
            // A row that can't be read still contradicts another one of the same worker.
            Err(_) => failed_worker(mapping, row, limits),
        };
        let raw = own.text.as_bytes().to_vec();
        found.push(Found { item: Item { source_id, raw, outcome }, at, person });
    }
    Ok(Delivery { items: once::each(found), answer: AnswerShape::Json })
}

/// One row: a milestone if it has a code, else a worker's state. Never both, so that the columns of a report about
/// milestones never stand for the whole state of a worker.
fn one<'m>(
    mut reader: Reader<'m>,
    row: &Node<'_>,
    named: Option<&'m Dataset>,
) -> (Option<String>, Result<Report, Malformed>) {
    if !matches!(row.value, Value::Object(_)) {
        return (None, Err(Malformed::new(Code::NotAnObject, "a row that is not an object", "")));
    }
    let dataset = match dataset(&reader, named) {
        Ok(dataset) => dataset,
        Err(fault) => return (None, Err(fault)),
    };
    if let Some(dataset) = dataset
        && !dataset.dates.is_empty()
    {
        reader.dates = &dataset.dates;
    }
    match milestone_of(&reader) {
        (source_id, Ok(Some(report))) => (source_id, Ok(report)),
        (source_id, Err(fault)) => (source_id, Err(fault)),
        (_, Ok(None)) => (None, state_of(&reader, dataset)),
    }
}

/// The milestone of a row that has the code of one.
fn milestone_of(reader: &Reader<'_>) -> (Option<String>, Result<Option<Report>, Malformed>) {
    let Some(mapping) = &reader.mapping.milestone else { return (None, Ok(None)) };
    match milestone::source_id(reader, mapping) {
        Ok(source_id) => (source_id, milestone::read(reader, mapping, None)),
        Err(fault) => (None, Err(fault)),
    }
}

fn state_of(reader: &Reader<'_>, dataset: Option<&Dataset>) -> Result<Report, Malformed> {
    match &reader.mapping.worker {
        Some(fields) => Ok(Report::Worker(Box::new(worker::read(reader, fields, dataset)?))),
        None => {
            let what = "a row without the code of a milestone, and no worker is mapped".to_owned();
            Ok(Report::NotAboutAWorker { what })
        }
    }
}

/// The dataset of a row: the one asked for, which the row must not contradict, else the one that it names itself.
fn dataset<'m>(reader: &Reader<'m>, named: Option<&'m Dataset>) -> Result<Option<&'m Dataset>, Malformed> {
    if let Some(named) = named {
        if let Some(marked) = &named.marked
            && let Some(value) = reader.text(&marked.at)?
            && value != marked.is
        {
            let what = "the row says that it belongs to another dataset than the one asked for";
            return Err(Malformed::new(Code::DatasetDisagrees, what, marked.at.as_str()));
        }
        return Ok(Some(named));
    }
    for dataset in reader.mapping.datasets.values() {
        if let Some(Expected { at, is }) = &dataset.marked
            && reader.text(at)? == Some(is)
        {
            return Ok(Some(dataset));
        }
    }
    Ok(None)
}

fn failed_worker(mapping: &Mapping, row: &Node<'_>, limits: &Limits) -> Option<crate::ExternalId> {
    let reader = Reader { row, mapping, limits, dates: &[], zone: None };
    if let Some(milestone) = &mapping.milestone
        && !matches!(reader.first_text(&milestone.code), Ok(None))
    {
        return None;
    }
    reader.id(&mapping.id).ok().flatten()
}
