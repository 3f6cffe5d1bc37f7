//! The clock's step function.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mirabelle_domain::command::{ConfigKind, TenantMode};
use mirabelle_domain::fact::{AdoptedVersion, LotState, MilestoneConsidered, TenantCreated, WorkerRecorded};
use mirabelle_domain::{
    AccountKey, CommandId, Day, Fact, MemberId, MilestoneKind, Occurrence, Sealed, TenantId, Timestamp,
};
use mirabelle_follower::{Core, Fault, Outgoing, Seen, is_stale};
use serde::{Deserialize, Serialize};

use crate::looks::Looks;
use crate::lots::Lots;
use crate::people::{Agenda, Person, Settings, Who};

/// An answer that did not come within this time is asked for again, with the same id.
pub const RESEND_AFTER_MICROS: i64 = 5_000_000;
/// Most commands of one step.
pub(crate) const STEP_MAX: usize = 2_000;
/// Begins a saved state: its form has the number 2.
const FORM: &[u8] = b"clock 2\n";

/// Opens a sealed birth date. The year stays unread.
pub trait Opener: Send {
    /// Month and day of one member's birth; `None` when it was erased or is no date.
    ///
    /// # Errors
    /// When it can't be told now: the role ends, and asks again when it is started again.
    fn birthday(
        &self,
        tenant: &TenantId,
        member: MemberId,
        sealed: &Sealed,
    ) -> Result<Option<(i8, i8)>, Fault>;
}

/// What time will make due. Nothing in it tells a birth date: those lie in it as they came, sealed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) people: BTreeMap<Who, Person>,
    pub(crate) lots: Lots,
    /// Days of birth stand in it: made anew after a start.
    #[serde(skip)]
    pub(crate) agenda: Agenda,
    /// Campaigns adopted per partition whose start lies ahead: (from when, partition, tenant, version).
    pub(crate) campaigns: Vec<(Timestamp, u16, AdoptedVersion, TenantId)>,
    pub(crate) looks: Looks,
}

/// A command under way.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) at: i64,
    pub(crate) outgoing: Outgoing,
    /// Seen to when answered: yearly dates up to this day.
    pub(crate) evaluates: Option<(Who, Day)>,
}

/// The clock.
pub struct Clock {
    pub(crate) partitions: u16,
    opener: Box<dyn Opener>,
    pub(crate) state: State,
    pub(crate) sent: HashMap<CommandId, Sent>,
    /// Answered lately: an answer that changed nothing ("not due" by the log's clock) must not be asked for in a spin.
    pub(crate) answered: HashMap<CommandId, i64>,
    /// Members whose agenda has to be made anew.
    pub(crate) changed: BTreeSet<Who>,
    /// Milestones that the decision which is being seen has said something about.
    told: Vec<(MilestoneKind, Occurrence)>,
    /// The latest `act`.
    now: i64,
    /// For trying: what is due in the tenant on days up to this one is due now.
    today: BTreeMap<TenantId, Day>,
    fault: Option<Fault>,
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
            changed: BTreeSet::new(),
            told: Vec::new(),
            now: 0,
            today: BTreeMap::new(),
            fault: None,
        }
    }

    /// For trying: takes every day of this tenant up to this one as come; it does not go back. In a live tenant, and in
    /// one whose mode the facts have not told yet, it changes nothing.
    pub fn pretend(&mut self, tenant: TenantId, today: Day) {
        let latest = self.today.entry(tenant).or_insert(today);
        *latest = today.max(*latest);
    }

    /// The day that somebody wants to be taken as come in a tenant where that may be.
    pub(crate) fn pretended(&self, tenant: &TenantId) -> Option<Day> {
        let mode = self.state.settings.modes.get(tenant).copied().unwrap_or(TenantMode::Live);
        self.today.get(tenant).copied().filter(|_| mode != TenantMode::Live)
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
                let first = self.is_first_word(f);
                if let Some(person) = self.state.people.get_mut(&(tenant.clone(), member)) {
                    person.considered(f, first);
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

    /// Whether this is the first that the decision says about the milestone: each campaign has a word.
    fn is_first_word(&mut self, said: &MilestoneConsidered) -> bool {
        let milestone = (said.kind, said.occurrence.clone());
        let first = !self.told.contains(&milestone);
        if first {
            self.told.push(milestone);
        }
        first
    }

    fn see_worker(&mut self, seen: &Seen<'_>, member: MemberId, recorded: &WorkerRecorded) {
        if !recorded.current {
            return;
        }
        let began = self.person(seen, member, &recorded.connection).record(recorded);
        let who = (seen.account.tenant.clone(), member);
        if let Some(person) = self.state.people.get_mut(&who).filter(|_| began) {
            let calendar = self.state.settings.calendar(&who.0, person);
            person.begins(calendar.day_at(Timestamp(seen.accepted_at)));
        }
    }

    fn see_tenant(&mut self, tenant: &TenantId, created: &TenantCreated) {
        self.state.settings.tenant_zones.insert(tenant.clone(), created.zone.clone());
        self.state.settings.modes.insert(tenant.clone(), created.mode);
        self.everybody_changed(tenant);
    }

    fn see_adopted(&mut self, seen: &Seen<'_>, version: &AdoptedVersion) {
        let tenant = &seen.account.tenant;
        match version.kind {
            ConfigKind::Connection => {
                self.state.settings.adopt_connection(tenant, &version.name, &version.body);
                self.everybody_changed(tenant);
            }
            ConfigKind::Campaign => {
                let entry = (version.effective_at, seen.partition, version.clone(), tenant.clone());
                self.state.campaigns.push(entry);
            }
            ConfigKind::Product | ConfigKind::Unknown => {}
        }
    }

    fn everybody_changed(&mut self, tenant: &TenantId) {
        let everybody = self.state.people.range((tenant.clone(), MemberId([0; 16]))..).map(|(who, _)| who);
        self.changed.extend(everybody.take_while(|who| who.0 == *tenant).cloned());
    }

    /// A member's birthday, opened anew each time: an erasure counts from the moment that it is made.
    pub(crate) fn birthday(&self, who: &Who) -> Result<Option<(i8, i8)>, Fault> {
        let sealed = self.state.people.get(who).and_then(Person::birth_date);
        sealed.map_or(Ok(None), |sealed| self.opener.birthday(&who.0, who.1, sealed))
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
        self.told.clear();
        for (_, fact) in seen.facts {
            match (&seen.account.key, fact) {
                (AccountKey::Member(member), fact) => self.see_member(seen, *member, fact),
                (_, Fact::TenantCreated(created)) => self.see_tenant(&seen.account.tenant, created),
                (_, Fact::ConfigurationAdopted(adopted)) => self.see_adopted(seen, &adopted.version),
                _ => {}
            }
        }
        // A busy wallet says nothing about its owner's days.
        let may_change_days = ours || seen.facts.iter().any(|(_, fact)| is_about_a_person(fact));
        if let (AccountKey::Member(member), true) = (&seen.account.key, may_change_days) {
            let who = (seen.account.tenant.clone(), *member);
            if self.state.people.contains_key(&who) {
                self.changed.insert(who);
            }
        }
    }

    fn act(&mut self, now: i64) -> Vec<Outgoing> {
        self.now = now;
        self.answered.retain(|_, at| !is_stale(*at, now, RESEND_AFTER_MICROS));
        self.all_due(Timestamp(now)).unwrap_or_else(|fault| {
            self.fault = Some(fault);
            Vec::new()
        })
    }

    fn fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn open(&self) -> usize {
        self.sent.len() + self.state.looks.len()
    }

    fn next_due(&self, now: i64) -> Option<i64> {
        if !self.changed.is_empty() {
            return Some(now);
        }
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
        postcard::to_extend(&self.state, FORM.to_vec()).expect("a clock's state is plain data")
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        let state = saved.strip_prefix(FORM).and_then(|saved| postcard::from_bytes::<State>(saved).ok());
        let Some(mut state) = state else { return false };
        state.settings.reparse();
        self.changed = state.people.keys().cloned().collect();
        self.state = state;
        true
    }
}
