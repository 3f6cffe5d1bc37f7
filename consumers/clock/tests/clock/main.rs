//! The clock's step function: facts and instants in, commands out.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod birthdays;
mod days;
mod lots;
mod years;

use mirabelle_clock::{Clock, Opener};
use mirabelle_domain::command::{ConfigKind, TenantMode};
use mirabelle_domain::fact::{
    AdoptedVersion, ConfigurationAdopted, Considered, MilestoneConsidered, MilestoneRecorded, TenantCreated,
    WorkerRecorded,
};
use mirabelle_domain::{
    AccountId, AccountKey, Command, CommandId, Day, Fact, MemberId, MilestoneKind, Sealed, TenantId,
    Timestamp, WorkerState, WorkerStatus,
};
use mirabelle_follower::{Core as _, Fault, Outgoing, Seen};
use mirabelle_schemas::partition_of;

pub(crate) const PARTITIONS: u16 = 4;

/// Opens a sealed birth date that was not sealed: its bytes are month and day.
struct Plain;

impl Opener for Plain {
    fn birthday(&self, _: &TenantId, _: MemberId, sealed: &Sealed) -> Result<Option<(i8, i8)>, Fault> {
        let [month, day] = sealed.bytes[..] else { return Ok(None) };
        Ok(Some((month as i8, day as i8)))
    }
}

/// A clock at work, at an instant.
pub(crate) struct Desk {
    pub clock: Clock,
    pub now: i64,
    seq: u64,
}

impl Desk {
    /// A clock in a tenant of Berlin, at an instant.
    pub(crate) fn at(instant: &str) -> Desk {
        Desk::opening(instant, Box::new(Plain))
    }

    /// The same, with an opener of birth dates.
    pub(crate) fn opening(instant: &str, opener: Box<dyn Opener>) -> Desk {
        let mut desk = Desk { clock: Clock::new(PARTITIONS, opener), now: micros(instant), seq: 0 };
        desk.tenant("acme", TenantMode::Sandbox);
        desk
    }

    /// A tenant is created.
    pub(crate) fn tenant(&mut self, tenant: &str, mode: TenantMode) {
        let created = TenantCreated {
            title: "A company".into(),
            mode,
            zone: "Europe/Berlin".into(),
            currency: "EUR".into(),
            locale: "en".into(),
        };
        let account = AccountId::configuration(tenant.parse().unwrap());
        self.see(&account, CommandId([1; 16]), &[created.into()]);
    }

    /// The time it becomes.
    pub(crate) fn becomes(&mut self, instant: &str) {
        self.now = micros(instant);
    }

    pub(crate) fn see(&mut self, account: &AccountId, command_id: CommandId, facts: &[Fact]) {
        self.seq += 1;
        let cared = (0..).zip(facts).filter(|(_, fact)| self.clock.cares(fact.kind()));
        let facts: Vec<(u16, Fact)> = cared.map(|(index, fact)| (index, fact.clone())).collect();
        self.clock.see(&Seen {
            partition: partition_of(account, PARTITIONS),
            seq: self.seq,
            accepted_at: self.now,
            account,
            command_id,
            facts: &facts,
        });
    }

    /// A fact of Asha's that answers no command of the clock.
    pub(crate) fn fact(&mut self, fact: impl Into<Fact>) {
        self.see(&asha(), CommandId([2; 16]), &[fact.into()]);
    }

    /// The decider's answer to a command of the clock.
    pub(crate) fn answer(&mut self, sent: &Outgoing, facts: &[Fact]) {
        self.see(&sent.account, sent.id(), facts);
    }

    /// A report of the clock is recorded, and its campaigns considered.
    pub(crate) fn record(&mut self, sent: &Outgoing, outcome: Considered) {
        let Command::ReportMilestone(report) = &sent.command else { panic!("{sent:?}") };
        let facts = recorded(report.kind, report.occurrence.as_str(), report.effective, outcome);
        self.answer(sent, &facts);
    }

    /// A worker's state is recorded.
    pub(crate) fn hire(&mut self, state: WorkerState) {
        let connection = "workday".parse().unwrap();
        self.fact(WorkerRecorded { connection, changed_at: None, current: true, state });
    }

    /// The connection is adopted in Asha's partition.
    pub(crate) fn connection(&mut self, rest: &str) {
        let body = format!(r#"{{"system":"workday","id_space":"staff","state":"open"{rest}}}"#);
        self.adopt(1, ConfigKind::Connection, "workday", body);
    }

    pub(crate) fn adopt(&mut self, number: u32, kind: ConfigKind, name: &str, body: String) {
        let version = AdoptedVersion {
            number,
            kind,
            name: name.parse().unwrap(),
            version: 1,
            body,
            effective_at: Timestamp(self.now),
            mode: TenantMode::Sandbox,
        };
        let key = AccountKey::Partition(partition_of(&asha(), PARTITIONS));
        let account = AccountId { tenant: "acme".parse().unwrap(), key };
        self.see(&account, CommandId([4; 16]), &[ConfigurationAdopted { version }.into()]);
    }

    pub(crate) fn act(&mut self) -> Vec<Outgoing> {
        self.clock.act(self.now)
    }

    /// The one command that is sent now.
    #[track_caller]
    pub(crate) fn one(&mut self) -> Outgoing {
        let mut sent = self.act();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// When it wants its next turn.
    pub(crate) fn clock_next(&self) -> Option<i64> {
        self.clock.next_due(self.now)
    }

    /// Another process takes over where this one saved its state.
    pub(crate) fn restarted(&self) -> Desk {
        self.restarted_opening(Box::new(Plain))
    }

    /// The same, with an opener of birth dates.
    pub(crate) fn restarted_opening(&self, opener: Box<dyn Opener>) -> Desk {
        let mut clock = Clock::new(PARTITIONS, opener);
        assert!(clock.restore(&self.clock.save()));
        Desk { clock, now: self.now, seq: self.seq }
    }
}

pub(crate) fn micros(instant: &str) -> i64 {
    instant.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(crate) fn asha() -> AccountId {
    AccountId::member("acme".parse().unwrap(), MemberId([3; 16]))
}

/// An active worker hired on a day.
pub(crate) fn hired(on: &str) -> WorkerState {
    WorkerState { status: WorkerStatus::Active, hire: Some(day(on)), ..WorkerState::default() }
}

/// A birth date on this month and day.
pub(crate) fn born(month: u8, on: u8) -> Option<Sealed> {
    Some(Sealed { key_ref: "plain".into(), nonce: vec![], bytes: vec![month, on] })
}

pub(crate) fn recorded(
    kind: MilestoneKind,
    occurrence: &str,
    effective: Day,
    outcome: Considered,
) -> [Fact; 2] {
    let occurrence: mirabelle_domain::Occurrence = occurrence.parse().unwrap();
    let recorded = MilestoneRecorded {
        connection: "workday".parse().unwrap(),
        kind,
        occurrence: occurrence.clone(),
        effective,
        known_on: effective,
        moved_from: None,
        source_id: None,
        years: None,
        attributes: Default::default(),
    };
    let campaign = Some("reviews".parse().unwrap());
    let considered = MilestoneConsidered {
        kind,
        occurrence,
        campaign,
        campaign_version: 1,
        outcome,
        failed_condition: None,
    };
    [recorded.into(), considered.into()]
}
