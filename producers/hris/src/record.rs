//! One record as what it reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use mirabelle_domain::WorkerStatus;

use crate::malformed::{Code, Malformed};
use crate::mapping::{Dataset, Expected, Hint, Path};
use crate::milestone;
use crate::named::Named;
use crate::once::Found;
use crate::report::{ExternalId, Item, Pointer, Report};
use crate::row::{Context, Reader, Row};
use crate::worker;

/// What a record may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A milestone if it has the code of one, else a worker's whole state. Never both, so that the columns of a report
    /// about milestones never stand for the whole state of a worker.
    Any,
    Worker,
    Milestone,
}

/// A part of a record of a known shape.
pub(crate) enum Part<'r> {
    /// Named values, what they are about, and the source's name for the thing.
    Values(Named<'r>, About, Option<&'r str>),
    /// What can't be recorded before something is read back.
    ReadBack(Named<'r>, &'static str),
    /// Nothing that is recorded, in words of ours.
    Nothing(&'static str),
}

/// A record of a known shape, taken apart.
pub(crate) type Parts<'r> = Result<Vec<Part<'r>>, Malformed>;

/// A record, and where it stood.
pub(crate) struct Place<'p> {
    pub(crate) at: &'p str,
    pub(crate) raw: &'p Arc<[u8]>,
}

/// Hands on what each part of a record reports.
pub(crate) fn parts(
    context: &Context<'_>,
    parts: Parts<'_>,
    place: &Place<'_>,
    hand_on: &mut dyn FnMut(Found),
) {
    let parts = match parts {
        Ok(parts) => parts,
        Err(fault) => return hand_on(found(place, None, Err(fault), None)),
    };
    for part in parts {
        match part {
            Part::Values(named, about, entity) => hand_on(row(context, &named, about, entity, place)),
            Part::ReadBack(named, entity) => {
                let outcome = read_back(context, &named, entity);
                hand_on(found(place, None, outcome, None));
            }
            Part::Nothing(what) => {
                let outcome = Ok(Report::NotAboutAWorker { what: what.to_owned() });
                hand_on(found(place, None, outcome, None));
            }
        }
    }
}

/// A pointer to what a record of a known shape is only a piece of.
fn read_back(context: &Context<'_>, named: &Named<'_>, entity: &str) -> Result<Report, Malformed> {
    let reader = Reader::new(named, context);
    let person = reader.id(&context.mapping.id)?;
    let keys = named.keys()?;
    if keys.is_empty() {
        return Err(worker::no_person(&context.mapping.id));
    }
    Ok(Report::Pointer(Pointer { entity: entity.to_owned(), keys, person, kind: None, published_at: None }))
}

/// What a row reports.
pub(crate) fn row(
    context: &Context<'_>,
    row: &dyn Row,
    about: About,
    entity: Option<&str>,
    place: &Place<'_>,
) -> Found {
    let reader = Reader::new(row, context);
    if let (Some(hint), About::Any) = (&context.mapping.hint, about) {
        let outcome = as_hint(&reader, hint);
        return found(place, None, outcome, None);
    }
    let (source_id, outcome) = one(reader, about, entity);
    let person = match &outcome {
        Ok(Report::Worker(worker)) => Some(worker.person.clone()),
        Ok(_) => None,
        // A row that can't be read still contradicts another one of the same worker.
        Err(_) => failed_worker(context, row, about),
    };
    found(place, source_id, outcome, person)
}

fn found(
    place: &Place<'_>,
    source_id: Option<String>,
    outcome: Result<Report, Malformed>,
    person: Option<ExternalId>,
) -> Found {
    let outcome = outcome.map_err(|fault| fault.under(place.at));
    let item = Item { source_id, raw: Arc::clone(place.raw), outcome };
    Found { item, at: place.at.to_owned(), person }
}

fn one(
    mut reader: Reader<'_>,
    about: About,
    entity: Option<&str>,
) -> (Option<String>, Result<Report, Malformed>) {
    let dataset = match dataset(&reader) {
        Ok(dataset) => dataset,
        Err(fault) => return (None, Err(fault)),
    };
    if let Some(dataset) = dataset
        && !dataset.dates.is_empty()
    {
        reader.dates = &dataset.dates;
    }
    if about == About::Worker {
        return (None, state(&reader, dataset));
    }
    match milestone_of(&reader, entity) {
        (source_id, Ok(Some(report))) => (source_id, Ok(report)),
        (source_id, Err(fault)) => (source_id, Err(fault)),
        (_, Ok(None)) if about == About::Milestone => {
            let what = "a record without the code of a milestone".to_owned();
            (None, Ok(Report::NotAboutAWorker { what }))
        }
        (_, Ok(None)) => (None, state(&reader, dataset)),
    }
}

/// The milestone of a row that has the code of one.
fn milestone_of(
    reader: &Reader<'_>,
    entity: Option<&str>,
) -> (Option<String>, Result<Option<Report>, Malformed>) {
    let Some(mapping) = &reader.mapping().milestone else { return (None, Ok(None)) };
    match milestone::source_id(reader, mapping) {
        Ok(source_id) => (source_id, milestone::read(reader, mapping, entity)),
        Err(fault) => (None, Err(fault)),
    }
}

fn state(reader: &Reader<'_>, dataset: Option<&Dataset>) -> Result<Report, Malformed> {
    let Some(fields) = &reader.mapping().worker else {
        let what = "a row without the code of a milestone, and no worker is mapped".to_owned();
        return Ok(Report::NotAboutAWorker { what });
    };
    let mut state = worker::read(reader, fields, dataset)?;
    if let (Some(today), Some(last)) = (reader.context.today, state.dates.termination)
        && dataset.is_some_and(|dataset| dataset.leavers)
        && last >= today
    {
        // Leaves later: here to that day, which is recorded as the last one.
        state.status = WorkerStatus::Active;
    }
    Ok(Report::Worker(Box::new(state)))
}

fn as_hint(reader: &Reader<'_>, hint: &Hint) -> Result<Report, Malformed> {
    let person = reader.id(&reader.mapping().id)?;
    let mut keys = BTreeMap::new();
    for (name, path) in &hint.keys {
        if let Some(value) = reader.name(path)? {
            keys.insert(name.clone(), value);
        }
    }
    let entity = hint.entity.clone();
    Ok(Report::Pointer(Pointer { entity, keys, person, kind: None, published_at: None }))
}

/// The dataset of a row: the one asked for, which the row must not contradict, else the one that it names itself.
fn dataset<'m>(reader: &Reader<'m>) -> Result<Option<&'m Dataset>, Malformed> {
    if let Some(named) = reader.context.dataset {
        if let Some(marked) = &named.marked
            && let Some(value) = reader.text(&marked.at)?
            && value != marked.is
        {
            let what = "the row says that it belongs to another dataset than the one asked for";
            return Err(Malformed::new(Code::DatasetDisagrees, what, marked.at.as_str()));
        }
        return Ok(Some(named));
    }
    for dataset in reader.mapping().datasets.values() {
        if let Some(Expected { at, is }) = &dataset.marked
            && reader.text(at)? == Some(is)
        {
            return Ok(Some(dataset));
        }
    }
    Ok(None)
}

fn failed_worker(context: &Context<'_>, row: &dyn Row, about: About) -> Option<ExternalId> {
    let reader = Reader::new(row, context);
    let is_milestone = || match &context.mapping.milestone {
        Some(milestone) => !matches!(reader.first_text(&milestone.code), Ok(None)),
        None => false,
    };
    if about == About::Milestone || (about == About::Any && is_milestone()) {
        return None;
    }
    reader.id(&context.mapping.id).ok().flatten()
}

/// Whether nothing stands in a row that the mapping looks for: then it is about something else.
pub(crate) fn is_foreign(context: &Context<'_>, row: &dyn Row) -> bool {
    let mapping = context.mapping;
    let fields = mapping.worker.iter().flat_map(|worker| worker.fields.values().flatten());
    let milestone = mapping.milestone.iter().flat_map(|own| own.code.iter().chain(&own.effective));
    let hint = mapping.hint.iter().flat_map(|hint| hint.keys.values());
    let mut all = std::iter::once(&mapping.id).chain(mapping.aliases.values()).chain(fields);
    let absent = |path: &Path| matches!(row.scalar(path), Ok(None));
    all.all(absent) && milestone.chain(hint).all(absent)
}
