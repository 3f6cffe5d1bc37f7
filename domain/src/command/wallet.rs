//! Wishes about a wallet.

use serde::{Deserialize, Serialize};

use crate::fact::GrantIntent;
use crate::ids::{GrantId, Name};
use crate::points::Points;
use crate::time::Timestamp;

/// What a budget committed, on its way to the wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditGrant {
    /// The budget that committed it.
    pub budget: Name,
    /// The grant, as decided.
    pub grant: GrantIntent,
}

/// The budget declined a grant that a campaign owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropGrant {
    /// The budget that declined it.
    pub budget: Name,
    /// The grant.
    pub grant: GrantId,
    /// Why.
    pub reason: String,
}

/// Takes back what is left of a grant's lot; the shortfall is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReverseGrant {
    /// The grant.
    pub grant: GrantId,
}

/// Takes points, in spending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeductPoints {
    /// How many; more than zero.
    pub points: Points,
}

/// Applies due vesting and expiry up to `accepted_at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyDue {
    /// The instant that fell due, which made the clock send this.
    pub due: Timestamp,
}
