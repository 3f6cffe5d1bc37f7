//! The clock's step function.

use std::collections::{BTreeMap, HashMap};

use mirabelle_domain::command::{ApplyDue, ConfigKind, ConsiderMilestone, ReportMilestone};
use mirabelle_domain::config::Campaign;
use mirabelle_domain::fact::{AdoptedVersion, LotState, WorkerRecorded};
use mirabelle_domain::{
    AccountId, AccountKey, Command, CommandId, Day, Fact, MemberId, Sealed, TenantId, Timestamp,
};
use mirabelle_follower::core::derived;
use mirabelle_follower::{Core, Outgoing, Seen, is_stale};
use mirabelle_schemas::record::{Cause, Namespace};
use serde::{Deserialize, Serialize};

use crate::calendar::tzdb_version;
use crate::looks::{Look, Looks};
use crate::lots::Lots;
use crate::people::{Agenda, Person, Settings, Task, Who, Yearly};

/// An answer that did not come within this time is asked for again, with the same id.
pub const RESEND_AFTER_MICROS: i64 = 5_000_000;
/// Most commands of one step.
const STEP_MAX: usize = 2_000;

/// Opens a sealed birth date: month and day, `None` when it is erased or no date. The year stays unread.
pub trait Opener: Send {
    /// Opens one member's birth date.
    fn birthday(&self, tenant: &TenantId, member: MemberId, sealed: &Sealed) -> Option<(i8, i8)>;
}

/// What time will make due.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    settings: Settings,
    people: BTreeMap<Who, Person>,
    lots: Lots,
    agenda: Agenda,
    /// Campaigns adopted per partition whose start lies ahead: (from when, partition, tenant, version).
    campaigns: Vec<(Timestamp, u16, AdoptedVersion, TenantId)>,
    looks: Looks,
}

/// A command under way.
#[derive(Debug)]
struct Sent {
    at: i64,
    outgoing: Outgoing,
    /// Seen to when answered: yearly dates up to this day.
    evaluates: Option<(Who, Day)>,
}

/// The clock.
pub struct Clock {
    partitions: u16,
    opener: Box<dyn Opener>,
    state: State,
    sent: HashMap<CommandId, Sent>,
    /// Answered lately: an answer that changed nothing ("not due" by the log's clock) must not be asked for in a spin.
    answered: HashMap<CommandId, i64>,
    /// The latest `act`.
    now: i64,
    /// For trying: everything that is due on days up to this one is due now.
    today: Option<Day>,
}

impl Clock {
    /// A clock over so many partitions.
    pub fn new(partitions: u16, opener: Box<dyn Opener>) -> Clock {
        Clock {
            partitions,
            opener,
            state: State::default(),
            sent: HashMap::new(),
            answered: HashMap::new(),
            now: 0,
            today: None,
        }
    }

    /// For trying, in tenants that are not live: takes every day up to this one as come.
    pub fn pretend(&mut self, today: Day) {
        self.today = Some(today);
    }

    /// How many members the clock knows.
    pub fn people(&self) -> usize {
        self.state.people.len()
    }

    fn see_member(&mut self, seen: &Seen<'_>, member: MemberId, fact: &Fact) {
        let tenant = &seen.account.tenant;
        let lots = &mut self.state.lots;
        let mut moved = |states: &[LotState]| states.iter().for_each(|lot| lots.moved(tenant, member, lot));
        match fact {
            Fact::RedemptionRequested(f) => moved(&f.lots),
            Fact::LineFulfilled(f) => moved(&f.lots),
            Fact::LineFailed(f) => moved(&f.lots),
            Fact::RedemptionClosed(f) => moved(&f.lots),
            Fact::PointsDeducted(f) => moved(&f.lots),
            Fact::GrantReversed(f) => moved(f.lot.as_slice()),
            Fact::GrantCredited(f) => lots.credited(tenant, f),
            Fact::LotVested(f) => lots.vested(tenant, member, &f.lot),
            Fact::LotExpired(f) => lots.expired(tenant, member, &f.lot),
            Fact::WorkerRecorded(f) => self.see_worker(seen, member, f),
            Fact::MilestoneRecorded(f) => self.person(seen, member, &f.connection).recorded(f),
            Fact::MilestoneConsidered(f) => {
                if let Some(person) = self.state.people.get_mut(&(tenant.clone(), member)) {
                    person.considered(f);
                }
            }
            Fact::MilestoneRetracted(f) => {
                if let Some(person) = self.state.people.get_mut(&(tenant.clone(), member)) {
                    person.retracted(f.kind, &f.occurrence);
                }
            }
            _ => {}
        }
    }

    fn person(
        &mut self,
        seen: &Seen<'_>,
        member: MemberId,
        connection: &mirabelle_domain::Name,
    ) -> &mut Person {
        let today = Timestamp(seen.accepted_at).utc_day();
        let who = (seen.account.tenant.clone(), member);
        self.state.people.entry(who).or_insert_with(|| Person::first_seen(connection.clone(), today))
    }

    fn see_worker(&mut self, seen: &Seen<'_>, member: MemberId, recorded: &WorkerRecorded) {
        if !recorded.current {
            return;
        }
        let sealed = recorded.state.birth_date.as_ref();
        let birthday = sealed.and_then(|sealed| self.opener.birthday(&seen.account.tenant, member, sealed));
        self.person(seen, member, &recorded.connection).record(recorded, birthday);
    }

    fn see_adopted(&mut self, seen: &Seen<'_>, version: &AdoptedVersion) {
        let tenant = &seen.account.tenant;
        match version.kind {
            ConfigKind::Connection => {
                self.state.settings.adopt_connection(tenant, &version.name, &version.body);
                let of_tenant = |who: &&Who| who.0 == *tenant;
                let everybody: Vec<Who> = self.state.people.keys().filter(of_tenant).cloned().collect();
                everybody.iter().for_each(|who| self.schedule(who));
            }
            ConfigKind::Campaign => {
                let entry = (version.effective_at, seen.partition, version.clone(), tenant.clone());
                self.state.campaigns.push(entry);
            }
            ConfigKind::Product | ConfigKind::Unknown => {}
        }
    }

    /// Puts a member's next yearly date and waiting milestones on the agenda.
    fn schedule(&mut self, who: &Who) {
        let Some(person) = self.state.people.get(who) else { return };
        let calendar = self.state.settings.calendar(&who.0, person);
        let mut tasks = Vec::new();
        if let Some(day) = person.next_yearly(&self.state.settings, &who.0) {
            tasks.push((calendar.award_instant(day), Task::Yearly(day)));
        }
        for ((kind, occurrence), day) in person.waiting() {
            tasks.push((calendar.award_instant(day), Task::Consider(*kind, occurrence.clone())));
        }
        self.state.agenda.set(who, tasks);
    }

    fn act_on_agenda(&mut self, now: Timestamp, out: &mut Vec<Outgoing>) {
        // 09:00 of the day after at the easternmost place lies 10 hours before that day's midnight in UTC: far enough.
        let horizon = self
            .today
            .map_or(now, |day| Timestamp(i64::from(day.0 + 1) * mirabelle_domain::time::DAY_MICROS));
        for (who, task) in self.state.agenda.due(horizon.max(now)) {
            if out.len() >= STEP_MAX {
                break;
            }
            match task {
                Task::Yearly(day) => self.send_yearly(&who, day, now, out),
                Task::Consider(kind, occurrence) => {
                    let day = self.local_day(&who, now);
                    let effective =
                        self.state.people[&who].milestones_of(kind).find(|(o, _)| **o == occurrence);
                    let on = effective.map_or(day, |(_, effective)| effective);
                    let key = format!("consider.{}.{occurrence}.{on}", kind.name());
                    let command = ConsiderMilestone { kind, occurrence }.into();
                    self.send(&who, key, command, day.max(on), None, now, None, out);
                }
            }
        }
    }

    fn send_yearly(&mut self, who: &Who, day: Day, now: Timestamp, out: &mut Vec<Outgoing>) {
        let person = &self.state.people[who];
        let connection = person.connection.clone();
        for date in person.yearly_through(&self.state.settings, &who.0, day) {
            let Yearly { kind, occurrence, day, years } = date;
            let key = format!("{}.{occurrence}.{day}", kind.name());
            let command = ReportMilestone {
                connection: connection.clone(),
                kind,
                occurrence,
                effective: day,
                source_id: None,
                years,
                attributes: Default::default(),
            };
            let local_day = self.local_day(who, now).max(day);
            self.send(who, key, command.into(), local_day, None, now, Some(day), out);
        }
    }

    fn act_on_lots(&mut self, now: Timestamp, out: &mut Vec<Outgoing>) {
        for (who, due) in self.state.lots.due(now) {
            if out.len() >= STEP_MAX {
                break;
            }
            let day = self.local_day(&who, now);
            self.send(&who, format!("due.{}", due.0), ApplyDue { due }.into(), day, None, now, None, out);
        }
    }

    /// A newly adopted campaign looks at the milestones that are recorded already.
    fn act_on_campaigns(&mut self, now: Timestamp, out: &mut Vec<Outgoing>) {
        let (come, ahead) =
            std::mem::take(&mut self.state.campaigns).into_iter().partition(|(at, ..)| *at <= now);
        self.state.campaigns = ahead;
        let come: Vec<(Timestamp, u16, AdoptedVersion, TenantId)> = come;
        for (_, partition, version, tenant) in come {
            let Ok(campaign) = serde_json::from_str::<Campaign>(&version.body) else { continue };
            for (who, occurrence, day) in self.covered(&campaign, partition, &tenant, now) {
                let (number, kind, effective_at) = (version.number, campaign.milestone, version.effective_at);
                let look = Look { who, number, kind, occurrence, day, effective_at, attempt: 0 };
                self.state.looks.add(look);
            }
        }
        let room = STEP_MAX.saturating_sub(out.len());
        for look in self.state.looks.due(room, |id| self.sent.contains_key(id)) {
            let day = self.local_day(&look.who, now);
            self.send(&look.who, look.key(), look.command().into(), day, None, now, None, out);
        }
    }

    fn covered(
        &self,
        campaign: &Campaign,
        partition: u16,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Vec<(Who, mirabelle_domain::Occurrence, Day)> {
        let earliest = now.utc_day().plus(-1 - i32::try_from(campaign.look_back_days).unwrap_or(i32::MAX));
        let mut covered = Vec::new();
        for (who, person) in self.state.people.range((tenant.clone(), MemberId([0; 16]))..) {
            if who.0 != *tenant {
                break;
            }
            let account = AccountId::member(who.0.clone(), who.1);
            if mirabelle_schemas::partition_of(&account, self.partitions) != partition {
                continue;
            }
            let in_reach = |day: &Day| *day >= campaign.starts_on.max(earliest);
            let milestones = person.milestones_of(campaign.milestone).filter(|(_, day)| in_reach(day));
            covered.extend(milestones.map(|(occurrence, day)| (who.clone(), occurrence.clone(), day)));
        }
        covered
    }

    fn local_day(&self, who: &Who, now: Timestamp) -> Day {
        let calendar = self.state.people.get(who).map(|person| self.state.settings.calendar(&who.0, person));
        let today = calendar.map_or_else(|| now.utc_day(), |calendar| calendar.day_at(now));
        self.today.map_or(today, |pretended| pretended.max(today))
    }

    #[expect(clippy::too_many_arguments, reason = "one place that makes the clock's commands")]
    fn send(
        &mut self,
        who: &Who,
        key: String,
        command: Command,
        local_day: Day,
        cause: Option<Cause>,
        now: Timestamp,
        evaluates: Option<Day>,
        out: &mut Vec<Outgoing>,
    ) {
        let outgoing = Outgoing {
            account: AccountId::member(who.0.clone(), who.1),
            namespace: Namespace::Clock,
            client: derived("clock"),
            key: derived(&key),
            command,
            cause,
            local_day: Some(local_day),
            tzdb: Some(tzdb_version()),
        };
        let id = outgoing.id();
        if self.sent.contains_key(&id) || self.answered.contains_key(&id) {
            return;
        }
        let evaluates = evaluates.map(|day| (who.clone(), day));
        self.sent.insert(id, Sent { at: now.0, outgoing: outgoing.clone(), evaluates });
        out.push(outgoing);
    }

    /// Whether it was one of ours.
    fn answered(&mut self, id: CommandId) -> bool {
        let Some(sent) = self.sent.remove(&id) else { return false };
        self.answered.insert(id, self.now);
        if let Some((who, day)) = sent.evaluates {
            // Two dates of one day are two commands: the day is seen to when both are answered.
            let others = |other: &Sent| other.evaluates.as_ref().is_some_and(|(w, d)| *w == who && *d <= day);
            if !self.sent.values().any(others)
                && let Some(person) = self.state.people.get_mut(&who)
            {
                person.evaluated(day);
            }
        }
        true
    }
}

/// Facts about a person, not about points: what may change the agenda.
fn is_about_a_person(fact: &Fact) -> bool {
    matches!(fact.kind(), 10..=13)
}

impl Core for Clock {
    fn role(&self) -> &'static str {
        "clock"
    }

    fn cares(&self, kind: u16) -> bool {
        matches!(kind, 10..=13 | 20 | 22..=25 | 30 | 33 | 34 | 36 | 60 | 80)
    }

    fn see(&mut self, seen: &Seen<'_>) {
        self.state.looks.answered(seen.command_id, Timestamp(seen.accepted_at));
        let ours = self.answered(seen.command_id);
        for (_, fact) in seen.facts {
            match (&seen.account.key, fact) {
                (AccountKey::Member(member), fact) => self.see_member(seen, *member, fact),
                (_, Fact::TenantCreated(tenant)) => {
                    let zones = &mut self.state.settings.tenant_zones;
                    zones.insert(seen.account.tenant.clone(), tenant.zone.clone());
                }
                (_, Fact::ConfigurationAdopted(adopted)) => self.see_adopted(seen, &adopted.version),
                _ => {}
            }
        }
        // A busy wallet says nothing about its owner's days.
        let may_change_days = ours || seen.facts.iter().any(|(_, fact)| is_about_a_person(fact));
        if let (AccountKey::Member(member), true) = (&seen.account.key, may_change_days) {
            self.schedule(&(seen.account.tenant.clone(), *member));
        }
    }

    fn act(&mut self, now: i64) -> Vec<Outgoing> {
        let mut out = Vec::new();
        self.now = now;
        self.answered.retain(|_, at| !is_stale(*at, now, RESEND_AFTER_MICROS));
        for sent in self.sent.values_mut().filter(|sent| is_stale(sent.at, now, RESEND_AFTER_MICROS)) {
            sent.at = now;
            out.push(sent.outgoing.clone());
        }
        let now = Timestamp(now);
        self.act_on_lots(now, &mut out);
        self.act_on_agenda(now, &mut out);
        self.act_on_campaigns(now, &mut out);
        out
    }

    fn next_due(&self, now: i64) -> Option<i64> {
        let resend = self.sent.values().map(|sent| sent.at + RESEND_AFTER_MICROS).min();
        let lots = self.state.lots.next_due().map(|due| due.0);
        let agenda = self.state.agenda.next_due().map(|due| due.0);
        let campaigns = self.state.campaigns.iter().map(|(at, ..)| at.0).min();
        // What is due and under way, or was answered just now, is waited for by `resend` and `cooled`.
        let busy = !(self.sent.is_empty() && self.answered.is_empty());
        let due = [lots, agenda].into_iter().flatten().filter(|due| !(busy && *due <= now));
        let cooled = self.answered.values().map(|at| at + RESEND_AFTER_MICROS).min();
        due.chain(campaigns).chain(resend).chain(cooled).min()
    }

    fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.state).expect("a clock's state is plain data")
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        match postcard::from_bytes::<State>(saved) {
            Ok(mut state) => {
                state.settings.reparse();
                self.state = state;
                true
            }
            Err(_) => false,
        }
    }
}
