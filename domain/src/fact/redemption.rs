//! What became of a redemption.

use serde::{Deserialize, Serialize};

use crate::fact::{Balance, LotState};
use crate::ids::{Name, RedemptionId};
use crate::points::Points;
use crate::sealed::Sealed;

/// How a line is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// By a vendor's call.
    #[default]
    Vendor,
    /// By the decision itself (a donation, a day off): captured at once.
    Immediate,
}

/// A line with the price it was decided with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// Catalogue item.
    pub product: Name,
    /// Its version.
    pub product_version: u32,
    /// How many.
    pub quantity: u32,
    /// Price of one.
    pub unit_points: Points,
    /// How it is delivered.
    pub delivery: Delivery,
    /// The vendor, for `Delivery::Vendor`.
    pub vendor: Option<Name>,
}

/// Points are held for it, lot by lot, in spending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedemptionRequested {
    /// Its id for ever.
    pub redemption: RedemptionId,
    /// The lines.
    pub lines: Vec<PricedLine>,
    /// All lines together.
    pub points: Points,
    /// The lots after; `moved` is what is held of each.
    pub lots: Vec<LotState>,
    /// Sums after.
    pub balance: Balance,
    /// Recipient or message, sealed.
    pub note: Option<Sealed>,
}

/// Approved; without a policy, at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedemptionApproved {
    /// Which.
    pub redemption: RedemptionId,
}

/// A vendor may be called from here on, with `H(redemption, line)` as its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentStarted {
    /// Which.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// From 1.
    pub attempt: u32,
}

/// Delivered and captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFulfilled {
    /// Which.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// Captured points.
    pub points: Points,
    /// The lots after.
    pub lots: Vec<LotState>,
    /// The vouchers, sealed.
    pub voucher: Option<Sealed>,
    /// The vendor's reference.
    pub reference: Option<String>,
    /// Sums after.
    pub balance: Balance,
}

/// Not delivered; the points went back. What came back to a lot past its expiry expires by the next `LotExpired`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFailed {
    /// Which.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// Returned points.
    pub points: Points,
    /// The lots after.
    pub lots: Vec<LotState>,
    /// Why.
    pub reason: String,
    /// Sums after.
    pub balance: Balance,
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineUnanswered {
    /// Which.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// The attempt without an answer.
    pub attempt: u32,
}

/// How a redemption ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionEnd {
    /// An end that this reader does not know.
    #[default]
    Unknown,
    /// Every line.
    Fulfilled,
    /// Some lines.
    PartiallyFulfilled,
    /// No line.
    Failed,
    /// By the member, before anything was started.
    Cancelled,
}

/// The end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedemptionClosed {
    /// Which.
    pub redemption: RedemptionId,
    /// How.
    pub end: RedemptionEnd,
    /// Captured altogether.
    pub captured: Points,
    /// Given back altogether.
    pub returned: Points,
    /// For a cancellation: the lots after; else empty.
    pub lots: Vec<LotState>,
    /// Sums after.
    pub balance: Balance,
}

/// For the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRevealed {
    /// Which.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
}
