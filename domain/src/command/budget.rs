//! Wishes about a budget.

use serde::{Deserialize, Serialize};

use crate::fact::GrantIntent;
use crate::ids::GrantId;

/// Opens a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBudget {
    /// For people.
    pub title: String,
    /// Percentages of the allocated sum at which an alert is recorded when committed + spent reach it; 1 to 100, rising.
    #[serde(default)]
    pub alerts: Vec<i32>,
}

/// Moves the allocated sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocateBudget {
    /// Added, or taken out of what is free; not zero.
    pub delta: i64,
}

/// Commits each grant, holds it, or rejects the block (`all_or_nothing`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitGrants {
    /// 1 to 1000 grants.
    pub grants: Vec<GrantIntent>,
    /// True for gifts of people: not enough free points rejects the whole. False for awards: what does not fit is held
    /// for a person.
    pub all_or_nothing: bool,
}

/// The wallets have these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleGrants {
    /// Grants committed here.
    pub grants: Vec<GrantId>,
}

/// The wallet refused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnGrant {
    /// Grant committed here.
    pub grant: GrantId,
    /// Why the wallet refused.
    pub reason: String,
}

/// A person's word on a grant that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveHeldGrant {
    /// Grant held here.
    pub grant: GrantId,
    /// Commit it now, beyond the ceiling if need be, never beyond the budget; or decline it for good.
    pub release: bool,
}

/// Closes a budget: settle and return still work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseBudget {}
