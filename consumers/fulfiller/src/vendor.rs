//! The seam to those who deliver.

use std::time::Duration;

use mirabelle_domain::{MemberId, Name, RedemptionId, TenantId};

/// What a vendor is asked to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// For whom.
    pub tenant: TenantId,
    /// For whom.
    pub member: MemberId,
    /// Of which redemption.
    pub redemption: RedemptionId,
    /// Line, from 0.
    pub line: u32,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Catalogue item.
    pub product: Name,
    /// How many.
    pub quantity: u32,
    /// Which vendor.
    pub vendor: Name,
    /// The vendor's idempotency key: hash of (redemption, line), the same for every attempt.
    pub key: String,
}

/// What a vendor said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Delivered: one code for each of the quantity, and the vendor's reference.
    Delivered {
        /// Voucher codes, clear: sealed before they go anywhere.
        codes: Vec<String>,
        /// The vendor's own number for the order.
        reference: String,
    },
    /// Definitely not delivered.
    Refused {
        /// The vendor's reason.
        reason: String,
    },
    /// Nothing that can be relied on: ask again with the same key.
    Unclear,
}

/// Delivers. Asked twice with one key within [`Vendor::key_retention`], a vendor delivers once and answers the same.
pub trait Vendor: Send {
    /// Orders, or asks what became of the order with this key.
    fn order(&mut self, order: &Order) -> Answer;

    /// For how long after an order the vendor knows its key, less the longest time that a call may take. Asked later it
    /// would deliver a second time, so it is not asked again: the line waits for a person. [`Duration::MAX`]: for ever.
    fn key_retention(&self) -> Duration;

    /// How long an order of a product waits, from its request, before the vendor is first asked: until then it can be
    /// cancelled. Counted anew by nobody, so it has to be short. None by default.
    fn wait(&self) -> fn(&Name) -> Duration {
        |_| Duration::ZERO
    }
}
