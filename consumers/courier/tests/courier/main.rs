//! The courier's step function: facts in, commands out.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod grants;
mod restarts;
mod versions;

use mirabelle_courier::Courier;
use mirabelle_domain::fact::{
    AwardDropped, AwardOwed, Balance, BudgetBalance, GrantCommitted, GrantCredited, GrantDeclined, GrantHeld,
    GrantIntent, GrantRefused, GrantReturned, GrantSettled, HeldFor,
};
use mirabelle_domain::{
    AccountId, Command, CommandId, Fact, GrantId, MemberId, MilestoneKind, Name, Points, Timestamp,
};
use mirabelle_follower::{Core as _, Outgoing, Seen};

pub(crate) const PARTITIONS: u16 = 4;
pub(crate) const GRANT: GrantId = GrantId([0x41; 16]);

/// A courier at work, at an instant.
pub(crate) struct Desk {
    pub courier: Courier,
    pub now: i64,
    seq: u64,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { courier: Courier::new(PARTITIONS), now: 1_772_366_400_000_000, seq: 0 }
    }

    /// A decision with one fact is read.
    pub(crate) fn see_in(&mut self, partition: u16, account: &AccountId, fact: &Fact) {
        self.seq += 1;
        let facts = if self.courier.cares(fact.kind()) { vec![(0, fact.clone())] } else { vec![] };
        self.courier.see(&Seen {
            partition,
            seq: self.seq,
            accepted_at: self.now,
            account,
            command_id: CommandId([7; 16]),
            facts: &facts,
        });
    }

    pub(crate) fn see(&mut self, (account, fact): &(AccountId, Fact)) {
        self.see_in(1, account, fact);
    }

    pub(crate) fn act(&mut self) -> Vec<Outgoing> {
        self.courier.act(self.now)
    }

    /// The one command that is sent now.
    #[track_caller]
    pub(crate) fn one(&mut self) -> Outgoing {
        let mut sent = self.act();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// Another process takes over where this one saved its state.
    pub(crate) fn restarted(&self) -> Desk {
        let mut courier = Courier::new(PARTITIONS);
        assert!(courier.restore(&self.courier.save()));
        Desk { courier, now: self.now, seq: self.seq }
    }
}

pub(crate) fn points(points: i64) -> Points {
    Points::new(points).unwrap()
}

pub(crate) fn member() -> AccountId {
    AccountId::member("acme".parse().unwrap(), MemberId([3; 16]))
}

pub(crate) fn spot() -> Name {
    "spot".parse().unwrap()
}

pub(crate) fn budget() -> AccountId {
    AccountId::budget("acme".parse().unwrap(), spot())
}

/// An award's intent, or a person's gift.
pub(crate) fn intent(campaign: Option<&str>) -> GrantIntent {
    GrantIntent {
        grant: GRANT,
        member: MemberId([3; 16]),
        points: points(500),
        granted_at: Timestamp(1_041),
        activates_at: None,
        expires_at: None,
        campaign: campaign.map(|name| name.parse().unwrap()),
        campaign_version: 2,
        daily_ceiling: None,
        ceiling_day: None,
        label: "review R-1".to_owned(),
        note: None,
    }
}

pub(crate) fn award() -> GrantIntent {
    intent(Some("reviews"))
}

pub(crate) fn owed() -> (AccountId, Fact) {
    let (kind, occurrence) = (MilestoneKind::Review, "R-1".parse().unwrap());
    (member(), AwardOwed { kind, occurrence, budget: spot(), grant: award() }.into())
}

pub(crate) fn committed(grant: GrantIntent) -> (AccountId, Fact) {
    let balance = BudgetBalance::default();
    (budget(), GrantCommitted { grant, ceiling_sum: None, released: false, balance }.into())
}

pub(crate) fn held() -> (AccountId, Fact) {
    (budget(), GrantHeld { grant: award(), held_for: HeldFor::DailyCeiling }.into())
}

pub(crate) fn declined() -> (AccountId, Fact) {
    (budget(), GrantDeclined { grant: GRANT, member: MemberId([3; 16]), points: points(500) }.into())
}

pub(crate) fn credited(grant: GrantIntent) -> (AccountId, Fact) {
    let credited = GrantCredited { budget: spot(), grant, lot: 1, vested: true, balance: Balance::default() };
    (member(), credited.into())
}

pub(crate) fn refused() -> (AccountId, Fact) {
    let reason = "the member has left".to_owned();
    (member(), GrantRefused { budget: spot(), grant: GRANT, points: points(500), reason }.into())
}

pub(crate) fn dropped() -> (AccountId, Fact) {
    (member(), AwardDropped { grant: GRANT, reason: "declined".to_owned() }.into())
}

pub(crate) fn settled() -> (AccountId, Fact) {
    (budget(), GrantSettled { grant: GRANT, points: points(500), balance: BudgetBalance::default() }.into())
}

pub(crate) fn returned() -> (AccountId, Fact) {
    let (reason, balance) = ("the member has left".to_owned(), BudgetBalance::default());
    (budget(), GrantReturned { grant: GRANT, points: points(500), reason, balance }.into())
}

/// Whose account, and which command.
pub(crate) fn wish(sent: &Outgoing) -> (AccountId, &'static str) {
    (sent.account.clone(), name(&sent.command))
}

pub(crate) fn name(command: &Command) -> &'static str {
    command.name()
}
