//! A block of grants while it is judged: the budget's sums as the facts so far leave them behind.

use std::collections::BTreeMap;

use super::{Budget, Phase, reaches};
use crate::fact::{BudgetAlerted, BudgetBalance, Fact, GrantCommitted, GrantHeld, GrantIntent, HeldFor};
use crate::ids::Name;
use crate::points::Points;
use crate::rejection::Rejection;
use crate::time::Day;

/// The facts so far, and the sums after them.
pub(super) struct Block<'a> {
    state: &'a Budget,
    pub(super) balance: BudgetBalance,
    days: BTreeMap<(&'a Name, Day), Points>,
    alerted: Vec<i32>,
    pub(super) facts: Vec<Fact>,
}

/// What a campaign's day says about a grant.
enum DaySum {
    /// No campaign's day counts it.
    Uncounted,
    /// The day's sum with this grant.
    Known(Points),
    /// The day is no longer known here, or its sum leaves the range of points.
    Unknown,
}

impl<'a> Block<'a> {
    pub(super) fn new(state: &'a Budget) -> Block<'a> {
        Block {
            state,
            balance: state.balance,
            days: BTreeMap::new(),
            alerted: state.alerted.clone(),
            facts: Vec::new(),
        }
    }

    /// Commits an award, or holds it.
    pub(super) fn commit_or_hold(&mut self, grant: &'a GrantIntent) -> Result<(), Rejection> {
        if self.state.phase != Phase::Open {
            self.hold(grant, HeldFor::BudgetClosed);
        } else if self.exceeds_ceiling(grant).is_some() {
            self.hold(grant, HeldFor::DailyCeiling);
        } else if grant.points > self.balance.free {
            self.hold(grant, HeldFor::BudgetExhausted);
        } else {
            self.commit(grant)?;
        }
        Ok(())
    }

    /// The rejection if the grant exceeds its campaign's ceiling.
    pub(super) fn exceeds_ceiling(&self, grant: &'a GrantIntent) -> Option<Rejection> {
        let ceiling = grant.daily_ceiling?;
        match self.day_sum(grant) {
            DaySum::Known(needed) if needed > ceiling => Some(Rejection::CeilingReached { ceiling, needed }),
            DaySum::Unknown => Some(Rejection::CeilingReached { ceiling, needed: grant.points }),
            DaySum::Known(_) | DaySum::Uncounted => None,
        }
    }

    fn hold(&mut self, grant: &GrantIntent, held_for: HeldFor) {
        self.facts.push(GrantHeld { grant: grant.clone(), held_for }.into());
    }

    /// Commits whatever the ceiling says; never more than is free.
    pub(super) fn commit(&mut self, grant: &'a GrantIntent) -> Result<(), Rejection> {
        let exhausted = Rejection::BudgetExhausted { free: self.balance.free, needed: grant.points };
        self.balance.free = self.balance.free.minus(grant.points).ok_or(exhausted)?;
        self.balance.committed = self.balance.committed.plus(grant.points).ok_or(Rejection::TooManyPoints)?;
        let ceiling_sum = match self.day_sum(grant) {
            DaySum::Known(sum) => {
                if let (Some(campaign), Some(day)) = (&grant.campaign, grant.ceiling_day) {
                    self.days.insert((campaign, day), sum);
                }
                Some(sum)
            }
            DaySum::Uncounted | DaySum::Unknown => None,
        };
        let released = self.state.held.contains_key(&grant.grant);
        let (grant, balance) = (grant.clone(), self.balance);
        self.facts.push(GrantCommitted { grant, ceiling_sum, released, balance }.into());
        self.alert();
        Ok(())
    }

    fn day_sum(&self, grant: &'a GrantIntent) -> DaySum {
        let (Some(campaign), Some(day)) = (&grant.campaign, grant.ceiling_day) else {
            return DaySum::Uncounted;
        };
        let kept = self.state.ceilings.get(campaign);
        let sum = match self.days.get(&(campaign, day)) {
            Some(sum) => *sum,
            None if kept.is_some_and(|days| days.is_forgotten(day)) => return DaySum::Unknown,
            None => kept.and_then(|days| days.sums.get(&day).copied()).unwrap_or(Points::ZERO),
        };
        sum.plus(grant.points).map_or(DaySum::Unknown, DaySum::Known)
    }

    /// Records thresholds that the sums have reached and nobody was told of.
    pub(super) fn alert(&mut self) {
        for &threshold in &self.state.alerts {
            if !self.alerted.contains(&threshold) && reaches(self.balance, threshold) {
                self.alerted.push(threshold);
                self.facts.push(BudgetAlerted { threshold, balance: self.balance }.into());
            }
        }
    }
}
