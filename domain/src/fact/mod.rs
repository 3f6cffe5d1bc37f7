//! What was decided. Facts are for ever: a field is only ever added, with a default, in a new schema version.
//!
//! Each fact carries the numbers it was decided with and left behind; no reader decides or adds up again.

use serde::{Deserialize, Serialize};

mod budget;
mod configuration;
mod member;
mod redemption;
mod wallet;

pub use budget::*;
pub use configuration::*;
pub use member::*;
pub use redemption::*;
pub use wallet::*;

/// Declares the facts: their stable numbers on the wire, their names, their bodies.
macro_rules! facts {
    ($($(#[$doc:meta])* $number:literal $name:ident,)*) => {
        /// One fact of a decision. Numbers are for ever and never reused. No `match` on it has a `_` arm.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[allow(clippy::large_enum_variant, reason = "the large one, a worker's state, is rare and short-lived")]
        pub enum Fact { $($(#[$doc])* $name($name),)* }

        impl Fact {
            /// Every kind: (number on the wire, name of body and schema).
            pub const KINDS: &'static [(u16, &'static str)] = &[$(($number, stringify!($name))),*];

            /// The kind's number on the wire.
            pub fn kind(&self) -> u16 {
                match self { $(Fact::$name(_) => $number,)* }
            }

            /// The kind's name.
            pub fn name(&self) -> &'static str {
                match self { $(Fact::$name(_) => stringify!($name),)* }
            }
        }

        $(impl From<$name> for Fact {
            fn from(body: $name) -> Fact { Fact::$name(body) }
        })*

        /// Calls `$callback!{ (number, Name), … }` with every fact: codecs are generated from this one list.
        #[macro_export]
        macro_rules! for_each_fact {
            ($callback:ident) => { $callback! { $(($number, $name)),* } };
        }
    };
}

facts! {
    /// The rules said no; nothing moved. Remembered for ever under the command's id.
    1 CommandRejected,
    /// The command's id was known; nothing moved.
    2 CommandRepeated,
    /// The input could not be read, or not here; its bytes are in `dead-letters`.
    3 InputSetAside,
    /// A worker's state was recorded.
    10 WorkerRecorded,
    /// A milestone was recorded, or moved to another day.
    11 MilestoneRecorded,
    /// A milestone was taken back.
    12 MilestoneRetracted,
    /// What came of a milestone under one campaign, also why not.
    13 MilestoneConsidered,
    /// A campaign owes an award; it goes to the budget next.
    14 AwardOwed,
    /// The budget declined, or the milestone was retracted, before anything was paid.
    15 AwardDropped,
    /// Points came into the wallet as a lot.
    20 GrantCredited,
    /// The wallet took nothing; the budget gets its points back.
    21 GrantRefused,
    /// A lot became spendable.
    22 LotVested,
    /// What was left of a lot expired.
    23 LotExpired,
    /// What was left of a grant was taken back.
    24 GrantReversed,
    /// Points were taken by a correction.
    25 PointsDeducted,
    /// A redemption was requested and its points are held.
    30 RedemptionRequested,
    /// Nothing stands in its way any more.
    31 RedemptionApproved,
    /// From here on the vendor may have been called.
    32 FulfilmentStarted,
    /// A line was delivered; its points are spent.
    33 LineFulfilled,
    /// A line was definitely not delivered; its points are back in their lots.
    34 LineFailed,
    /// The vendor did not answer; the same attempt is asked again.
    35 LineUnanswered,
    /// The redemption reached its end.
    36 RedemptionClosed,
    /// Somebody saw a voucher.
    37 VoucherRevealed,
    /// A budget was opened.
    40 BudgetOpened,
    /// The allocated sum moved.
    41 BudgetAllocated,
    /// Points are on their way to a wallet.
    42 GrantCommitted,
    /// A grant waits for a person.
    43 GrantHeld,
    /// A person declined a grant that waited.
    44 GrantDeclined,
    /// The wallet has the points.
    45 GrantSettled,
    /// The wallet refused; the points are free again.
    46 GrantReturned,
    /// A threshold was reached.
    47 BudgetAlerted,
    /// The budget takes no new commitments.
    48 BudgetClosed,
    /// A tenant exists.
    60 TenantCreated,
    /// A version was drafted.
    61 VersionDrafted,
    /// A draft was handed on.
    62 VersionSubmitted,
    /// A version is published and on its way to every partition.
    63 VersionPublished,
    /// A draft was thrown away.
    64 VersionWithdrawn,
    /// A key was issued.
    65 KeyIssued,
    /// A key was revoked.
    66 KeyRevoked,
    /// This partition has adopted a version.
    80 ConfigurationAdopted,
}

/// A "no" by the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRejected {
    /// Stable, snake_case; see `Rejection::code`.
    pub code: String,
    /// For people; no personal values.
    pub detail: String,
    /// JSON pointer into the request, where one field is to blame.
    pub pointer: Option<String>,
}

/// A repeat of a known id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRepeated {
    /// The decision that holds for this id, in this partition.
    pub first_seq: i64,
    /// False: same key, other body, refused.
    pub same_body: bool,
}

/// An input that ended in `dead-letters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSetAside {
    /// Stable, snake_case: unreadable, unknown_schema, wrong_partition, too_large, parked.
    pub reason: String,
    /// For people; no personal values.
    pub detail: String,
}
