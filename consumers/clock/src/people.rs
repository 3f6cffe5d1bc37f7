//! Members with their yearly dates, and milestones whose day has not come.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::command::TenantMode;
use mirabelle_domain::config::{AnniversaryBasis, Connection};
use mirabelle_domain::fact::{Considered, MilestoneConsidered, MilestoneRecorded, WorkerRecorded};
use mirabelle_domain::{
    Day, LeapDay, MemberId, MilestoneKind, Name, Occurrence, Sealed, TenantId, Timestamp, WorkerState,
    WorkerStatus,
};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;

pub(crate) type Who = (TenantId, MemberId);

/// A member as the clock knows one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) connection: Name,
    works: bool,
    zone: Option<String>,
    location: Option<String>,
    original_hire: Option<Day>,
    hire: Option<Day>,
    continuous_service: Option<Day>,
    seniority: Option<Day>,
    /// As it came: the state outlives an erasure, what is sealed does not.
    birth_date: Option<Sealed>,
    /// Yearly dates up to this day have been seen to.
    evaluated_through: Day,
    /// Recorded milestones: their day, and the campaigns' word on them.
    milestones: BTreeMap<(MilestoneKind, Occurrence), Recorded>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    effective: Day,
    /// Some campaign, or the connection's state, said "not yet" in the latest decision that considered it.
    not_due: bool,
}

/// A yearly date that has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yearly {
    pub(crate) kind: MilestoneKind,
    pub(crate) occurrence: Occurrence,
    pub(crate) day: Day,
    pub(crate) years: Option<i32>,
}

/// What is due for whom, first things first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Task {
    /// See to the yearly dates up to this day.
    Yearly(Day),
    /// Consider a recorded milestone.
    Consider(MilestoneKind, Occurrence),
}

/// Tenants' and connections' settings that days hang on.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) tenant_zones: BTreeMap<TenantId, String>,
    pub(crate) modes: BTreeMap<TenantId, TenantMode>,
    /// Stored as JSON text: the body is configuration, not state of ours.
    connections: BTreeMap<(TenantId, Name), String>,
    #[serde(skip)]
    parsed: BTreeMap<(TenantId, Name), Connection>,
}

impl Settings {
    pub(crate) fn adopt_connection(&mut self, tenant: &TenantId, name: &Name, body: &str) {
        let key = (tenant.clone(), name.clone());
        if let Ok(connection) = serde_json::from_str(body) {
            self.parsed.insert(key.clone(), connection);
            self.connections.insert(key, body.to_owned());
        }
    }

    /// Parses again what a saved state holds as text.
    pub(crate) fn reparse(&mut self) {
        let parse = |(key, body): (&(TenantId, Name), &String)| {
            serde_json::from_str(body).ok().map(|connection| (key.clone(), connection))
        };
        self.parsed = self.connections.iter().filter_map(parse).collect();
    }

    fn connection(&self, tenant: &TenantId, name: &Name) -> Option<&Connection> {
        self.parsed.get(&(tenant.clone(), name.clone()))
    }

    pub(crate) fn calendar(&self, tenant: &TenantId, person: &Person) -> Calendar {
        let of_location = person
            .location
            .as_ref()
            .and_then(|location| self.connection(tenant, &person.connection)?.location_zones.get(location));
        Calendar::of([
            person.zone.as_deref(),
            of_location.map(String::as_str),
            self.tenant_zones.get(tenant).map(String::as_str),
        ])
    }

    fn basis(&self, tenant: &TenantId, connection: &Name) -> (AnniversaryBasis, LeapDay) {
        self.connection(tenant, connection).map(|c| (c.anniversary, c.leap_day)).unwrap_or_default()
    }
}

impl Person {
    /// A person first seen on `today`: yearly dates before that day are history.
    pub(crate) fn first_seen(connection: Name, today: Day) -> Person {
        Person {
            connection,
            works: false,
            zone: None,
            location: None,
            original_hire: None,
            hire: None,
            continuous_service: None,
            seniority: None,
            birth_date: None,
            evaluated_through: today.plus(-1),
            milestones: BTreeMap::new(),
        }
    }

    /// Takes over a worker's state; whether it says that the person works, who did not before.
    pub(crate) fn record(&mut self, recorded: &WorkerRecorded) -> bool {
        let state: &WorkerState = &recorded.state;
        let worked = self.works;
        self.connection = recorded.connection.clone();
        self.works = matches!(state.status, WorkerStatus::Active | WorkerStatus::OnLeave);
        self.zone.clone_from(&state.zone);
        self.location.clone_from(&state.location);
        self.original_hire = state.original_hire;
        self.hire = state.hire;
        self.continuous_service = state.continuous_service;
        self.seniority = state.seniority;
        self.birth_date.clone_from(&state.birth_date);
        self.works && !worked
    }

    /// The person begins to work on this day, or does so again: yearly dates before it are history.
    pub(crate) fn begins(&mut self, today: Day) {
        self.evaluated_through = today.plus(-1);
    }

    /// The sealed birth date of who works here.
    pub(crate) fn birth_date(&self) -> Option<&Sealed> {
        self.birth_date.as_ref().filter(|_| self.works)
    }

    pub(crate) fn recorded(&mut self, milestone: &MilestoneRecorded) {
        let key = (milestone.kind, milestone.occurrence.clone());
        let effective = milestone.effective;
        self.milestones.entry(key).or_insert(Recorded { effective, not_due: false }).effective = effective;
    }

    /// One campaign's word, the first of the decision's or one more.
    pub(crate) fn considered(&mut self, considered: &MilestoneConsidered, first: bool) {
        if let Some(recorded) = self.milestones.get_mut(&(considered.kind, considered.occurrence.clone())) {
            recorded.not_due = (!first && recorded.not_due) || considered.outcome == Considered::NotDue;
        }
    }

    pub(crate) fn retracted(&mut self, kind: MilestoneKind, occurrence: &Occurrence) {
        self.milestones.remove(&(kind, occurrence.clone()));
    }

    /// Recorded milestones of a kind, with their days.
    pub(crate) fn milestones_of(&self, kind: MilestoneKind) -> impl Iterator<Item = (&Occurrence, Day)> {
        self.milestones.iter().filter(move |((k, _), _)| *k == kind).map(|((_, o), r)| (o, r.effective))
    }

    /// Milestones that wait for their day.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&(MilestoneKind, Occurrence), Day)> {
        self.milestones.iter().filter(|(_, recorded)| recorded.not_due).map(|(key, r)| (key, r.effective))
    }

    fn anniversary_of(&self, basis: AnniversaryBasis) -> Option<Day> {
        let hire = self.hire.or(self.original_hire);
        match basis {
            AnniversaryBasis::OriginalHire => self.original_hire.or(hire),
            AnniversaryBasis::Hire => hire,
            AnniversaryBasis::ContinuousService => self.continuous_service.or(hire),
            AnniversaryBasis::Seniority => self.seniority.or(hire),
        }
    }

    fn yearly_in(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        birthday: Option<(i8, i8)>,
        year: i16,
    ) -> Vec<Yearly> {
        if !self.works {
            return Vec::new();
        }
        let (basis, leap_day) = settings.basis(tenant, &self.connection);
        let mut dates = Vec::new();
        if let Some(start) = self.anniversary_of(basis) {
            let years = i32::from(year) - i32::from(start.civil().year());
            if let Some(day) = start.in_year(year, leap_day).filter(|_| years > 0) {
                let occurrence = mirabelle_follower::core::derived(&format!("{years}y"));
                dates.push(Yearly { kind: MilestoneKind::Anniversary, occurrence, day, years: Some(years) });
            }
        }
        // A leap year stands in for the year of birth, so that 29 February is a day of it.
        let born = birthday.and_then(|(month, day)| Day::from_ymd(2000, month, day).ok());
        if let Some(day) = born.and_then(|born| born.in_year(year, leap_day)) {
            let occurrence = mirabelle_follower::core::derived(&year.to_string());
            dates.push(Yearly { kind: MilestoneKind::Birthday, occurrence, day, years: None });
        }
        dates
    }

    /// The yearly dates after `evaluated_through`, up to `through`, in order.
    pub(crate) fn yearly_through(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        birthday: Option<(i8, i8)>,
        through: Day,
    ) -> Vec<Yearly> {
        let years = self.evaluated_through.civil().year()..=through.civil().year();
        let mut dates: Vec<Yearly> = years
            .flat_map(|year| self.yearly_in(settings, tenant, birthday, year))
            .filter(|date| date.day > self.evaluated_through && date.day <= through)
            .collect();
        dates.sort_by_key(|date| (date.day, date.kind));
        dates
    }

    /// The first yearly date that has not been seen to.
    pub(crate) fn next_yearly(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        birthday: Option<(i8, i8)>,
    ) -> Option<Day> {
        let year = self.evaluated_through.civil().year();
        (year..=year + 1)
            .flat_map(|year| self.yearly_in(settings, tenant, birthday, year))
            .map(|date| date.day)
            .filter(|day| *day > self.evaluated_through)
            .min()
    }

    pub(crate) fn evaluated(&mut self, through: Day) {
        self.evaluated_through = self.evaluated_through.max(through);
    }
}

/// The tasks of everybody, per tenant ordered by when they are due.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    by_time: BTreeMap<TenantId, BTreeSet<(Timestamp, MemberId, Task)>>,
    by_person: BTreeMap<Who, Vec<(Timestamp, Task)>>,
}

impl Agenda {
    /// Replaces what is due for one member.
    pub(crate) fn set(&mut self, who: &Who, tasks: Vec<(Timestamp, Task)>) {
        let by_time = self.by_time.entry(who.0.clone()).or_default();
        for (at, task) in self.by_person.remove(who).unwrap_or_default() {
            by_time.remove(&(at, who.1, task));
        }
        by_time.extend(tasks.iter().map(|(at, task)| (*at, who.1, task.clone())));
        if !tasks.is_empty() {
            self.by_person.insert(who.clone(), tasks);
        }
    }

    /// What is due up to each tenant's horizon.
    pub(crate) fn due(&self, horizon: impl Fn(&TenantId) -> Timestamp) -> Vec<(Who, Task)> {
        let mut due = Vec::new();
        for (tenant, by_time) in &self.by_time {
            let horizon = horizon(tenant);
            let come = by_time.iter().take_while(|(at, ..)| *at <= horizon);
            due.extend(come.map(|(_, member, task)| ((tenant.clone(), *member), task.clone())));
        }
        due
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.by_time.values().filter_map(BTreeSet::first).map(|(at, ..)| *at).min()
    }
}
