//! The two functions on which everything stands: what follows from an input, and what a fact changes.

use serde::{Deserialize, Serialize};

use crate::account::AccountKey;
use crate::budget::Budget;
use crate::command::Command;
use crate::configuration::Configuration;
use crate::fact::Fact;
use crate::ids::CommandId;
use crate::member::Member;
use crate::rejection::Rejection;
use crate::rules::{Adopted, InForce};
use crate::time::{Day, Timestamp};

/// What deciding means. A change of any rule raises it; the log activates it, never the start of a newer binary.
pub const DOMAIN_REVISION: u32 = 1;

/// One input, with all that a decision may depend on besides the account's state and the rules in force.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What is wanted.
    pub command: &'a Command,
    /// Its id: ids made inside are derived from it.
    pub id: CommandId,
    /// Business time: when the log took the input. No other clock exists here.
    pub accepted_at: Timestamp,
    /// The calendar day at that instant where the member works, as the sender computed it with its time-zone data;
    /// `None`: the day in UTC.
    pub local_day: Option<Day>,
    /// Who wants it.
    pub principal: &'a str,
    /// Why, where a reason is required.
    pub reason: Option<&'a str>,
}

impl Input<'_> {
    /// The calendar day on which the input counts.
    pub fn day(&self) -> Day {
        self.local_day.unwrap_or_else(|| self.accepted_at.utc_day())
    }
}

/// An account's state. `None` in a decider's map means that nothing was ever recorded for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Account {
    /// A member with the wallet.
    Member(Member),
    /// A budget.
    Budget(Budget),
    /// A tenant's configuration.
    Configuration(Configuration),
    /// What a partition has adopted.
    Partition(Adopted),
}

impl Account {
    /// The empty account of a kind.
    pub fn empty(key: &AccountKey) -> Account {
        match key {
            AccountKey::Member(_) => Account::Member(Member::default()),
            AccountKey::Budget(_) => Account::Budget(Budget::default()),
            AccountKey::Configuration => Account::Configuration(Configuration::default()),
            AccountKey::Partition(_) => Account::Partition(Adopted::default()),
        }
    }
}

/// What follows from an input: the facts, or the rules' "no". Deterministic; changes nothing.
pub fn decide(
    key: &AccountKey,
    account: &Account,
    rules: InForce<'_>,
    input: &Input<'_>,
) -> Result<Vec<Fact>, Rejection> {
    match (key, account) {
        (AccountKey::Member(member), Account::Member(state)) => {
            crate::member::decide(*member, state, rules, input)
        }
        (AccountKey::Budget(name), Account::Budget(state)) => crate::budget::decide(name, state, input),
        (AccountKey::Configuration, Account::Configuration(state)) => {
            crate::configuration::decide(state, input)
        }
        (AccountKey::Partition(_), Account::Partition(state)) => {
            crate::configuration::decide_adoption(state, input)
        }
        _ => Err(Rejection::Invalid { detail: "the command is not for this kind of account", pointer: None }),
    }
}

/// What a fact changes. Cannot fail: arguing with a fact comes too late. `at` is the `accepted_at` of its decision.
///
/// # Panics
/// When the fact's own numbers contradict the state: a broken invariant stops the partition.
pub fn evolve(account: &mut Account, fact: &Fact, at: Timestamp) {
    match account {
        Account::Member(state) => crate::member::evolve(state, fact, at),
        Account::Budget(state) => crate::budget::evolve(state, fact, at),
        Account::Configuration(state) => crate::configuration::evolve(state, fact, at),
        Account::Partition(state) => crate::configuration::evolve_adoption(state, fact),
    }
}
