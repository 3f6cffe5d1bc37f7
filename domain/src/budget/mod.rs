//! A budget: allocated = free + committed + spent, at every step.
//!
//! Rules that may surprise:
//! - **A grant is judged when it arrives.** Grants of a block are judged one after the other; a small one may pass
//!   where a large one before it is held.
//! - **An award is never refused.** On a budget that is closed or was never opened, above the campaign's daily ceiling
//!   or without enough free points it is *held* until a person releases or declines it; opening the budget or raising
//!   the allocation releases nothing by itself. A person's gift (`all_or_nothing`) is never held: it is rejected whole.
//! - **A release goes beyond the ceiling, never beyond the budget**, and counts in the day's sum. A closed budget
//!   releases nothing; it still declines, settles, takes returns back and gives up what is free.
//! - **A ceiling counts what was committed**: what a wallet refused later does not make room on that day. The sums of
//!   the latest [`CEILING_DAYS`] days of a campaign are kept; an award with a ceiling for an earlier day is held, as
//!   nobody knows what that day has paid.
//! - **An alert is recorded once** when committed + spent reach a threshold, and again only after an allocation has
//!   brought the use below it: a grant that comes back and goes out again alerts nobody twice.
//! - **Known here** are grants that are committed or held. Such a grant is not committed again: in a block of awards
//!   it is left as it is, and the block is rejected only if none of its grants is new. What was settled, returned or
//!   declined is forgotten here; the wallet knows it for ever and refuses a second credit.

mod block;
mod decide;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use crate::fact::{BudgetBalance, Fact, GrantCommitted, GrantHeld, GrantIntent, HeldFor};
use crate::ids::{GrantId, Name};
use crate::points::Points;
use crate::time::{Day, Timestamp};

pub use decide::decide;

/// Days of a campaign whose sums are kept for its ceiling.
pub const CEILING_DAYS: usize = 62;
/// Most grants of one command.
pub const BLOCK_MAX: usize = 1_000;
/// Most alert thresholds of a budget.
pub const ALERTS_MAX: usize = 10;

/// Grants by id. A copy shares everything with the original until one of them changes, and then all but the way to the
/// change: a decision in flight stands on a copy, and a busy budget has tens of thousands of grants on their way.
type Grants<T> = RedBlackTreeMapSync<GrantId, T>;

/// A budget's state. Only grants that are committed or held are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    phase: Phase,
    balance: BudgetBalance,
    committed: Grants<Points>,
    held: Grants<Held>,
    ceilings: BTreeMap<Name, CeilingDays>,
    /// Thresholds in per cent, rising.
    alerts: Vec<i32>,
    /// Thresholds that are reached and were recorded.
    alerted: Vec<i32>,
}

/// Where a budget is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Awards may wait here already.
    #[default]
    NeverOpened,
    /// Takes commitments.
    Open,
    /// Takes no new ones.
    Closed,
}

/// A grant that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The grant.
    pub grant: Arc<GrantIntent>,
    /// Why.
    pub held_for: HeldFor,
}

/// What a campaign has committed, day by day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct CeilingDays {
    sums: BTreeMap<Day, Points>,
    /// Sums of this day and of earlier ones are no longer known.
    forgotten: Option<Day>,
}

impl CeilingDays {
    fn is_forgotten(&self, day: Day) -> bool {
        self.forgotten.is_some_and(|forgotten| day <= forgotten)
    }

    fn record(&mut self, day: Day, sum: Points) {
        if self.is_forgotten(day) {
            return;
        }
        self.sums.insert(day, sum);
        while self.sums.len() > CEILING_DAYS {
            self.forgotten = self.sums.pop_first().map(|(day, _)| day);
        }
    }
}

impl Budget {
    /// Its sums.
    pub fn balance(&self) -> BudgetBalance {
        self.balance
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Grants on their way to wallets.
    pub fn committed(&self) -> impl Iterator<Item = (GrantId, Points)> + '_ {
        self.committed.iter().map(|(grant, points)| (*grant, *points))
    }

    /// Grants that wait for a person.
    pub fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// The thresholds that a balance reaches.
    fn reached(&self, balance: BudgetBalance) -> impl Iterator<Item = i32> + '_ {
        self.alerts.iter().copied().filter(move |threshold| reaches(balance, *threshold))
    }
}

/// Whether committed + spent reach so many per cent of what is allocated. Nothing allocated reaches nothing.
fn reaches(balance: BudgetBalance, threshold: i32) -> bool {
    let allocated = i128::from(balance.allocated.get());
    let used = i128::from(balance.committed.get()) + i128::from(balance.spent.get());
    allocated > 0 && used * 100 >= i128::from(threshold) * allocated
}

/// What a fact changes in a budget. Asserts that the fact's sums are this budget's.
///
/// # Panics
/// When a fact's numbers contradict the state, or it is no fact of a budget.
pub fn evolve(state: &mut Budget, fact: &Fact, _at: Timestamp) {
    match fact {
        Fact::CommandRejected(_) | Fact::CommandRepeated(_) | Fact::InputSetAside(_) => {}
        Fact::BudgetOpened(fact) => {
            state.phase = Phase::Open;
            state.alerts.clone_from(&fact.alerts);
        }
        Fact::BudgetAllocated(fact) => {
            state.balance = moved(state.balance, [fact.delta, fact.delta, 0, 0], fact.balance);
            let reached: Vec<i32> = state.reached(state.balance).collect();
            state.alerted.retain(|threshold| reached.contains(threshold));
        }
        Fact::GrantCommitted(fact) => committed(state, fact),
        Fact::GrantHeld(fact) => held(state, fact),
        Fact::GrantDeclined(fact) => {
            let held = state.held.remove_mut(&fact.grant);
            assert!(held, "grant {} was declined, but not held", fact.grant);
        }
        Fact::GrantSettled(fact) => {
            take_committed(state, fact.grant, fact.points);
            let points = fact.points.get();
            state.balance = moved(state.balance, [0, 0, -points, points], fact.balance);
        }
        Fact::GrantReturned(fact) => {
            take_committed(state, fact.grant, fact.points);
            let points = fact.points.get();
            state.balance = moved(state.balance, [0, points, -points, 0], fact.balance);
        }
        Fact::BudgetAlerted(fact) => {
            state.balance = moved(state.balance, [0; 4], fact.balance);
            state.alerted.push(fact.threshold);
        }
        Fact::BudgetClosed(fact) => {
            state.balance = moved(state.balance, [0; 4], fact.balance);
            state.phase = Phase::Closed;
        }
        Fact::WorkerRecorded(_)
        | Fact::MilestoneRecorded(_)
        | Fact::MilestoneRetracted(_)
        | Fact::MilestoneConsidered(_)
        | Fact::AwardOwed(_)
        | Fact::AwardDropped(_)
        | Fact::GrantCredited(_)
        | Fact::GrantRefused(_)
        | Fact::LotVested(_)
        | Fact::LotExpired(_)
        | Fact::GrantReversed(_)
        | Fact::PointsDeducted(_)
        | Fact::RedemptionRequested(_)
        | Fact::RedemptionApproved(_)
        | Fact::FulfilmentStarted(_)
        | Fact::LineFulfilled(_)
        | Fact::LineFailed(_)
        | Fact::LineUnanswered(_)
        | Fact::RedemptionClosed(_)
        | Fact::VoucherRevealed(_)
        | Fact::TenantCreated(_)
        | Fact::VersionDrafted(_)
        | Fact::VersionSubmitted(_)
        | Fact::VersionPublished(_)
        | Fact::VersionWithdrawn(_)
        | Fact::KeyIssued(_)
        | Fact::KeyRevoked(_)
        | Fact::ConfigurationAdopted(_) => panic!("{} is no fact of a budget", fact.name()),
    }
}

fn committed(state: &mut Budget, fact: &GrantCommitted) {
    let grant = &fact.grant;
    let points = grant.points.get();
    state.balance = moved(state.balance, [0, -points, points, 0], fact.balance);
    let held = state.held.remove_mut(&grant.grant);
    assert_eq!(held, fact.released, "a grant is released if and only if it was held");
    assert!(!state.committed.contains_key(&grant.grant), "grant {} was committed twice", grant.grant);
    state.committed.insert_mut(grant.grant, grant.points);
    if let (Some(campaign), Some(day), Some(sum)) = (&grant.campaign, grant.ceiling_day, fact.ceiling_sum) {
        state.ceilings.entry(campaign.clone()).or_default().record(day, sum);
    }
}

fn held(state: &mut Budget, fact: &GrantHeld) {
    let grant = fact.grant.grant;
    let waits = Held { grant: Arc::new(fact.grant.clone()), held_for: fact.held_for };
    assert!(!state.held.contains_key(&grant), "grant {grant} was held twice");
    state.held.insert_mut(grant, waits);
}

/// A grant leaves the committed ones.
fn take_committed(state: &mut Budget, grant: GrantId, points: Points) {
    let committed = state.committed.get(&grant);
    assert_eq!(committed, Some(&points), "grant {grant} ends with the points that it was committed with");
    state.committed.remove_mut(&grant);
}

/// The sums after a move of `[allocated, free, committed, spent]`, which have to be those that the fact carries.
fn moved(before: BudgetBalance, by: [i64; 4], after: BudgetBalance) -> BudgetBalance {
    let sums = [before.allocated, before.free, before.committed, before.spent];
    let carried = [after.allocated, after.free, after.committed, after.spent];
    for ((sum, delta), carried) in sums.into_iter().zip(by).zip(carried) {
        assert_eq!(sum.get() + delta, carried.get(), "a fact's sums follow from the budget's");
    }
    let [allocated, parts @ ..] = carried.map(|sum| i128::from(sum.get()));
    assert_eq!(allocated, parts.iter().sum::<i128>(), "allocated = free + committed + spent");
    after
}
