//! Wishes about redemptions, and what vendors answered.

use serde::{Deserialize, Serialize};

use crate::ids::{Name, RedemptionId};
use crate::points::Points;
use crate::sealed::Sealed;

/// What a member wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRedemption {
    /// 1 to 20 lines.
    pub lines: Vec<RequestedLine>,
    /// The most that the lines may cost together, if the caller saw a price; beyond it: `price_changed`.
    #[serde(default)]
    pub points_max: Option<Points>,
    /// Recipient or message, sealed.
    #[serde(default)]
    pub note: Option<Sealed>,
}

/// One line of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedLine {
    /// Catalogue item.
    pub product: Name,
    /// 1 to 100.
    pub quantity: u32,
}

/// Ends a redemption whose lines have not been started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRedemption {
    /// Which.
    pub redemption: RedemptionId,
}

/// Recorded before any vendor is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFulfilment {
    /// Which redemption.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// From 1.
    pub attempt: u32,
}

/// The vendor's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFulfilment {
    /// Which redemption.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// The attempt that was answered; 0: whichever the line has come to, as a person settles it.
    pub attempt: u32,
    /// What came of it.
    pub outcome: VendorOutcome,
    /// The vouchers, sealed, when fulfilled.
    pub voucher: Option<Sealed>,
    /// The vendor's reference.
    pub reference: Option<String>,
    /// The vendor's reason, when failed.
    pub reason: Option<String>,
}

/// What a vendor said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VendorOutcome {
    /// No answer, or none that can be understood: ask again with the same key.
    #[default]
    Unknown,
    /// Delivered.
    Fulfilled,
    /// Definitely not delivered.
    Failed,
}

/// Shows a voucher; the fact is the audit's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealVoucher {
    /// Which redemption.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
}
