//! From a body to what is appended for it. Blocks: keys of new members become durable here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mirabelle_domain::command::ReportWorker;
use mirabelle_domain::fact::WorkerRecorded;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{decisions, members, milestones};
use mirabelle_domain::{AccountId, Command, Day, Digest, Key, MemberId, Timestamp};
use mirabelle_hris::{AnswerShape, ExternalId, Malformed, MilestoneReport, Report, WorkerReport};
use mirabelle_keys::KeysError;
use mirabelle_ledger::command_append;
use mirabelle_log::{Append, Topic};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, input_digest};
use mirabelle_store::{Found, Rows};

use super::body::Body;
use super::key::{derived_key, source_key, stamp};
use super::outcome::{Delivery, Item, Outcome, Planned, Status};
use super::reported::Last;
use super::{letter, milestone, worker};
use crate::member::internal;
use crate::problem::Problem;
use crate::routes::{day_in, local_day, tzdb_version};
use crate::state::State;

/// Prepares all that is appended for a body.
///
/// # Errors
/// Faults of the key store or the rows.
pub(super) fn plan(state: &State, delivery: &Delivery, read: Body, body: &[u8]) -> Result<Planned, Problem> {
    let content_type = delivery.content_type.as_deref();
    let unreadable = || AnswerShape::of_unreadable(delivery.connection.system, content_type, body);
    let planner = Planner::new(state, delivery)?;
    match read {
        Body::NoProfile => {
            let detail =
                "the connection's mapping can't be used: publish one that can, then send the delivery again";
            let item = planner.set_aside("mapping_not_usable", detail, None, body)?;
            Ok(Planned { items: vec![item], shape: unreadable() })
        }
        Body::Unreadable(fault) => {
            let item = planner.set_aside(fault.code.as_str(), &fault.to_string(), None, body)?;
            Ok(Planned { items: vec![item], shape: unreadable() })
        }
        Body::Read(read) => {
            let people = planner.people(&read.items)?;
            let items =
                read.items.iter().map(|item| planner.item(&people, item)).collect::<Result<_, _>>()?;
            Ok(Planned { items, shape: read.answer })
        }
    }
}

/// Who stands in a delivery: ids, and the zones that the delivery itself says.
struct People {
    ids: HashMap<ExternalId, MemberId>,
    zones: HashMap<MemberId, (Option<String>, Option<String>)>,
}

struct Planner<'a> {
    state: &'a State,
    delivery: &'a Delivery,
    rows: Arc<dyn Rows>,
    partitions: u16,
    tenant_zone: String,
}

impl<'a> Planner<'a> {
    fn new(state: &'a State, delivery: &'a Delivery) -> Result<Planner<'a>, Problem> {
        let rows = state.parts.store.live().map_err(|error| internal(&error))?;
        let tenant = state.directory.tenant(&delivery.tenant).ok_or_else(|| Problem::missing("tenant"))?;
        let partitions = state.parts.log.partitions();
        Ok(Planner { state, delivery, rows, partitions, tenant_zone: tenant.zone.clone() })
    }

    /// Everybody named, and the keys of those whose states are recorded: all of them at the cost of one.
    fn people(&self, items: &[mirabelle_hris::Item]) -> Result<People, Problem> {
        let mut people = People { ids: HashMap::new(), zones: HashMap::new() };
        let mut sealed = HashSet::new();
        for item in items {
            let (person, worker) = match &item.outcome {
                Ok(Report::Milestone(report)) => (&report.person, None),
                Ok(Report::Worker(report)) => (&report.person, Some(report)),
                Ok(Report::Pointer(_) | Report::NotAboutAWorker { .. }) | Err(_) => continue,
            };
            let member = match people.ids.get(person) {
                Some(member) => *member,
                None => {
                    let space = self.delivery.connection.id_space.as_str();
                    let keys = &self.state.parts.keys;
                    let member = keys.member_id(&self.delivery.tenant, space, person.as_str(), 0);
                    let member = member.map_err(|error| internal(&error))?;
                    people.ids.insert(person.clone(), member);
                    member
                }
            };
            if let Some(worker) = worker {
                sealed.insert(member);
                let zone = (worker.business.zone.clone(), worker.business.location.clone());
                people.zones.insert(member, zone);
            }
        }
        if !self.delivery.dry_run && !sealed.is_empty() {
            let sealed: Vec<MemberId> = sealed.into_iter().collect();
            let created = self.state.parts.keys.create_members(&self.delivery.tenant, &sealed);
            created.map_err(|error| internal(&error))?;
        }
        Ok(people)
    }

    fn item(&self, people: &People, item: &mirabelle_hris::Item) -> Result<Item, Problem> {
        let source_id = item.source_id.as_deref();
        match &item.outcome {
            Ok(Report::Milestone(report)) => self.milestone_item(people, report, source_id, &item.raw),
            Ok(Report::Worker(report)) => self.worker_item(people, report, source_id, &item.raw),
            Ok(Report::Pointer(pointer)) => {
                let detail =
                    format!("it holds keys only, of {}: it has to be read from its source", pointer.entity);
                let mut item = self.set_aside("has_to_be_pulled", &detail, source_id, &item.raw)?;
                item.outcome.what = Some("pointer");
                Ok(item)
            }
            Ok(Report::NotAboutAWorker { what }) => Ok(ignored(source_id, "not_about_a_worker", what)),
            Err(Malformed { code, .. }) => {
                let detail = item.outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
                self.set_aside(code.as_str(), &detail, source_id, &item.raw)
            }
        }
    }

    fn milestone_item(
        &self,
        people: &People,
        report: &MilestoneReport,
        source_id: Option<&str>,
        raw: &[u8],
    ) -> Result<Item, Problem> {
        let member = people.ids[&report.person];
        let Some(command) = milestone::command(&self.delivery.name, report, source_id) else {
            let detail = "the occurrence is not 1 to 128 printable ASCII characters without spaces";
            return self.set_aside("bad_occurrence", detail, source_id, raw);
        };
        let what = if report.retracts { "retraction" } else { "milestone" };
        let mut subject = None;
        let key = match source_id {
            Some(id) => source_key(what, id),
            None => {
                subject =
                    Some(self.subject(member, &format!("{}/{}", report.kind.name(), report.occurrence)));
                let unseen = self.unseen(subject.as_deref())?;
                let row_key = milestone::row_key(self.delivery, member, report);
                let found = self.rows.get(&milestones::TABLE, &row_key).map_err(|error| internal(&error))?;
                let known_there = |found: &Found| milestone::is_known(found, &command);
                if unseen.is_none() && found.as_ref().is_some_and(known_there) {
                    return Ok(known(what, source_id));
                }
                let basis = milestone::basis(found.as_ref(), report.published_at);
                let digest = input_digest(&command);
                let parts: [&[u8]; 3] = [&digest.0, &stamp(report.published_at), &basis.to_be_bytes()];
                key_after("n", digest, &parts, unseen)
            }
        };
        let item = self.command(people, member, key.clone(), &command, (what, source_id), raw)?;
        self.note(subject, key, &item);
        Ok(item)
    }

    fn worker_item(
        &self,
        people: &People,
        report: &WorkerReport,
        source_id: Option<&str>,
        raw: &[u8],
    ) -> Result<Item, Problem> {
        let delivery = self.delivery;
        let member = people.ids[&report.person];
        let subject = Some(self.subject(member, "worker"));
        // Before the row is read: what is there now is in the row then.
        let unseen = self.unseen(subject.as_deref())?;
        let found = self.rows.get(&members::TABLE, &worker::row_key(delivery, member));
        let found = found.map_err(|error| internal(&error))?;
        if delivery.dry_run && found.is_none() {
            // Sealing would make a key for somebody who may never come.
            let outcome = Outcome { status: Status::Accepted, ..known("worker", source_id).outcome };
            return Ok(Item { outcome, appends: Vec::new(), decided_as: None });
        }
        let state = match worker::state(self.state.parts.keys.as_ref(), delivery, member, report) {
            Ok(state) => state,
            Err(KeysError::Erased) => {
                let what = "the person was erased here: nothing about them is kept";
                return Ok(ignored(source_id, "member_erased", what));
            }
            Err(error) => return Err(internal(&error)),
        };
        let changed_at = report.changed_at.map(Timestamp);
        let connection = delivery.name.clone();
        let recorded = WorkerRecorded { connection, changed_at, current: true, state };
        let account = AccountId::member(delivery.tenant.clone(), member);
        let known_there = |found: &Found| worker::is_known(found, &account, &recorded);
        if unseen.is_none() && found.as_ref().is_some_and(known_there) {
            return Ok(known("worker", source_id));
        }
        let WorkerRecorded { connection, state, .. } = recorded;
        let command: Command = ReportWorker { connection, changed_at, state }.into();
        let basis = worker::basis(found.as_ref(), changed_at);
        let digest = input_digest(&command);
        let key = key_after("w", digest, &[&digest.0, &basis.to_be_bytes()], unseen);
        let item = self.command(people, member, key.clone(), &command, ("worker", source_id), raw)?;
        self.note(subject, key, &item);
        Ok(item)
    }

    /// What is reported of a member, as it is remembered.
    fn subject(&self, member: MemberId, of: &str) -> String {
        format!("{}/{member}/{of}", self.delivery.tenant)
    }

    /// What was appended last about a subject, if the rows do not have it yet.
    fn unseen(&self, subject: Option<&str>) -> Result<Option<Last>, Problem> {
        let reported = &self.state.reported;
        let Some((subject, last)) = subject.and_then(|subject| Some((subject, reported.last(subject)?)))
        else {
            return Ok(None);
        };
        let row = self.rows.get(&decisions::TABLE, &[Value::Bytes(last.id.0.to_vec())]);
        if row.map_err(|error| internal(&error))?.is_none() {
            return Ok(Some(last));
        }
        reported.arrived(subject, last.id);
        Ok(None)
    }

    fn note(&self, subject: Option<String>, key: Key, item: &Item) {
        if let (false, Some(subject), Some((id, digest))) = (self.delivery.dry_run, subject, item.decided_as)
        {
            self.state.reported.note(subject, Last { id, digest, key });
        }
    }

    /// A command on `milestones`; one that is larger than a reader takes goes to `dead-letters`.
    fn command(
        &self,
        people: &People,
        member: MemberId,
        key: Key,
        command: &Command,
        (what, source_id): (&'static str, Option<&str>),
        raw: &[u8],
    ) -> Result<Item, Problem> {
        let delivery = self.delivery;
        let account = AccountId::member(delivery.tenant.clone(), member);
        let (kind, schema, body) = encode_body(command);
        let record = CommandRecord {
            id: command_id(Namespace::Hris, &account, &delivery.name, &key),
            namespace: Namespace::Hris,
            client: delivery.name.clone(),
            key,
            kind,
            schema,
            body,
            digest: input_digest(command),
            actor: Actor {
                principal: delivery.name.to_string(),
                kind: ActorKind::Connection,
                on_behalf_of: None,
                credential: Some(delivery.credential.clone()),
                request_id: delivery.request_id.clone(),
            },
            reason: None,
            local_day: self.local_day(people, member),
            tzdb: Some(tzdb_version()),
            cause: None,
            account,
        };
        let trace = delivery.trace.as_ref().map(|trace| trace.clone().into_bytes().into());
        let append = match command_append(Topic::Milestones, &record, self.partitions, trace) {
            Ok(append) => append,
            Err(too_large) => return self.set_aside("too_large", &too_large.to_string(), source_id, raw),
        };
        let outcome = Outcome {
            status: Status::Accepted,
            source_id: source_id.map(str::to_owned),
            command: Some(record.id),
            what: Some(what),
            reason: None,
            detail: None,
        };
        Ok(Item { outcome, appends: vec![append], decided_as: Some((record.id, record.digest)) })
    }

    /// The day where the member works, by what this delivery says of the member, else by what is known.
    fn local_day(&self, people: &People, member: MemberId) -> Option<Day> {
        let delivery = self.delivery;
        match people.zones.get(&member) {
            Some((zone, location)) => {
                let located = location.as_ref().and_then(|name| delivery.connection.location_zones.get(name));
                let zones = [zone.as_deref(), located.map(String::as_str), Some(self.tenant_zone.as_str())];
                day_in(zones, delivery.now)
            }
            None => local_day(self.state, &delivery.tenant, member),
        }
    }

    fn set_aside(
        &self,
        reason: &str,
        detail: &str,
        source_id: Option<&str>,
        raw: &[u8],
    ) -> Result<Item, Problem> {
        let outcome = Outcome {
            status: Status::DeadLetter,
            source_id: source_id.map(str::to_owned),
            command: None,
            what: None,
            reason: Some(reason.to_owned()),
            detail: Some(detail.to_owned()),
        };
        if self.delivery.dry_run {
            return Ok(Item { outcome, appends: Vec::new(), decided_as: None });
        }
        let letters = letter::letters(self.state, self.delivery, reason, detail, source_id, raw)?;
        let partition = letter::partition(self.state, self.delivery);
        let append = |entry| Append { topic: Topic::DeadLetters, partition, entry, done: None };
        let appends = letters.into_iter().map(append).collect();
        Ok(Item { outcome, appends, decided_as: None })
    }
}

/// The key of a report. While another one is on its way to the rows it is news even if it was said before that one; the
/// same one again is a repeat.
fn key_after(space: &str, digest: Digest, parts: &[&[u8]], unseen: Option<Last>) -> Key {
    match unseen {
        Some(last) if last.digest == digest => last.key,
        Some(last) => derived_key(space, &[parts, &[&last.id.0]].concat()),
        None => derived_key(space, parts),
    }
}

/// What the rows say already.
fn known(what: &'static str, source_id: Option<&str>) -> Item {
    let outcome = Outcome {
        status: Status::Duplicate,
        source_id: source_id.map(str::to_owned),
        command: None,
        what: Some(what),
        reason: None,
        detail: None,
    };
    Item { outcome, appends: Vec::new(), decided_as: None }
}

fn ignored(source_id: Option<&str>, reason: &str, detail: &str) -> Item {
    let outcome = Outcome {
        status: Status::Ignored,
        source_id: source_id.map(str::to_owned),
        command: None,
        what: None,
        reason: Some(reason.to_owned()),
        detail: Some(detail.to_owned()),
    };
    Item { outcome, appends: Vec::new(), decided_as: None }
}
