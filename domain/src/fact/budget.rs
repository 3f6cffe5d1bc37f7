//! What moved in a budget.

use serde::{Deserialize, Serialize};

use crate::fact::GrantIntent;
use crate::ids::{GrantId, MemberId};
use crate::points::Points;

/// A budget's sums after a fact: allocated = free + committed + spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetBalance {
    /// Given to it altogether.
    pub allocated: Points,
    /// Not promised to anybody.
    pub free: Points,
    /// On the way to wallets.
    pub committed: Points,
    /// In wallets, or gone on from there.
    pub spent: Points,
}

/// Opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetOpened {
    /// For people.
    pub title: String,
    /// Alert thresholds in per cent.
    pub alerts: Vec<i32>,
}

/// Allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetAllocated {
    /// Added or taken out.
    pub delta: i64,
    /// Sums after.
    pub balance: BudgetBalance,
}

/// Committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantCommitted {
    /// The grant.
    pub grant: GrantIntent,
    /// Points of the campaign committed for the ceiling's day, with this one.
    pub ceiling_sum: Option<Points>,
    /// True: it was held, and a person released it.
    #[serde(default)]
    pub released: bool,
    /// Sums after.
    pub balance: BudgetBalance,
}

/// Why a grant waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldFor {
    /// A reason that this reader does not know.
    #[default]
    Unknown,
    /// The campaign's daily ceiling is reached.
    DailyCeiling,
    /// The budget has too little free.
    BudgetExhausted,
    /// The budget is closed or was never opened.
    BudgetClosed,
}

/// Waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantHeld {
    /// The grant.
    pub grant: GrantIntent,
    /// Why.
    pub held_for: HeldFor,
}

/// Declined by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantDeclined {
    /// The grant.
    pub grant: GrantId,
    /// Who would have had it.
    pub member: MemberId,
    /// How many points.
    pub points: Points,
}

/// Settled, final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantSettled {
    /// The grant.
    pub grant: GrantId,
    /// How many.
    pub points: Points,
    /// Sums after.
    pub balance: BudgetBalance,
}

/// Returned, final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantReturned {
    /// The grant.
    pub grant: GrantId,
    /// How many.
    pub points: Points,
    /// Why the wallet refused.
    pub reason: String,
    /// Sums after.
    pub balance: BudgetBalance,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetAlerted {
    /// The threshold, per cent of the allocated sum.
    pub threshold: i32,
    /// Sums then.
    pub balance: BudgetBalance,
}

/// Closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetClosed {
    /// Sums then.
    pub balance: BudgetBalance,
}
