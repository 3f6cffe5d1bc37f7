//! What moved in a wallet.

use serde::{Deserialize, Serialize};

use crate::fact::GrantIntent;
use crate::ids::{GrantId, Name};
use crate::points::Points;

/// A wallet's sums after a fact; for every lot, available + pending + reserved = what is left of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Spendable now.
    pub available: Points,
    /// Credited, not yet vested.
    pub pending: Points,
    /// Held by redemptions.
    pub reserved: Points,
    /// Captured by redemptions, ever.
    pub spent: Points,
    /// Expired, ever.
    pub expired: Points,
    /// Reversed and deducted, ever.
    pub taken: Points,
    /// What reversals wanted and did not find: spent before, or held by a redemption and not come back yet.
    pub shortfall: Points,
}

/// One lot's absolute state after a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotState {
    /// The lot's number within the wallet, from 1.
    pub lot: u32,
    /// How many points this fact moved in this lot.
    pub moved: Points,
    /// Left and not held, after.
    pub free: Points,
    /// Held, after.
    pub held: Points,
}

/// A new lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantCredited {
    /// The budget that pays.
    pub budget: Name,
    /// The grant, whose points, dates and campaign the lot has.
    pub grant: GrantIntent,
    /// The lot's number within the wallet.
    pub lot: u32,
    /// False: pending until `activates_at`.
    pub vested: bool,
    /// Sums after.
    pub balance: Balance,
}

/// A wallet's "no", final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRefused {
    /// The budget that gets its points back.
    pub budget: Name,
    /// The grant.
    pub grant: GrantId,
    /// How many.
    pub points: Points,
    /// Why.
    pub reason: String,
}

/// A lot became spendable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotVested {
    /// The lot after.
    pub lot: LotState,
    /// Sums after.
    pub balance: Balance,
}

/// What was free of a lot expired; what is held stays held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotExpired {
    /// The lot after.
    pub lot: LotState,
    /// Sums after.
    pub balance: Balance,
}

/// A reversal. What a redemption gives back to a reversed lot is taken at once by another one of these, which lowers
/// the shortfall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantReversed {
    /// The grant.
    pub grant: GrantId,
    /// Its lot after; `None` when nothing of it was left.
    pub lot: Option<LotState>,
    /// True: the lot had not vested, what was taken was pending; false: it was available.
    #[serde(default)]
    pub pending: bool,
    /// What of this grant is missing after this: spent, or still held. Expired points are nobody's debt.
    pub shortfall: Points,
    /// Sums after.
    pub balance: Balance,
}

/// A correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsDeducted {
    /// How many.
    pub points: Points,
    /// The lots after.
    pub lots: Vec<LotState>,
    /// Sums after.
    pub balance: Balance,
}
