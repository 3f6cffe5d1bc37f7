//! Wishes, and what HR systems, the courier, the clock and vendors report. Every input of a decider is one.

use serde::Serialize;

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

/// Declares the commands: their stable numbers on the wire, their names, their bodies.
macro_rules! commands {
    ($($(#[$doc:meta])* $number:literal $name:ident,)*) => {
        /// One input of a decider. Numbers are for ever and never reused.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[allow(clippy::large_enum_variant, reason = "the large one, a worker's state, is rare and short-lived")]
        pub enum Command { $($(#[$doc])* $name($name),)* }

        impl Command {
            /// Every kind: (number on the wire, name of body and schema).
            pub const KINDS: &'static [(u16, &'static str)] = &[$(($number, stringify!($name))),*];

            /// The kind's number on the wire.
            pub fn kind(&self) -> u16 {
                match self { $(Command::$name(_) => $number,)* }
            }

            /// The kind's name.
            pub fn name(&self) -> &'static str {
                match self { $(Command::$name(_) => stringify!($name),)* }
            }
        }

        $(impl From<$name> for Command {
            fn from(body: $name) -> Command { Command::$name(body) }
        })*

        /// Calls `$callback!{ (number, Name), … }` with every command: codecs are generated from this one list.
        #[macro_export]
        macro_rules! for_each_command {
            ($callback:ident) => { $callback! { $(($number, $name)),* } };
        }
    };
}

commands! {
    /// An HRIS, or the clock, reports a milestone of a member.
    10 ReportMilestone,
    /// An HRIS takes a milestone back.
    11 RetractMilestone,
    /// An HRIS reports a worker's changed state.
    12 ReportWorker,
    /// The clock: consider a recorded milestone (again), because its day has come or a campaign was adopted.
    13 ConsiderMilestone,
    /// The courier: a budget has committed this grant; credit it.
    20 CreditGrant,
    /// The courier: a budget declined this grant.
    21 DropGrant,
    /// Take back what is left of a grant.
    22 ReverseGrant,
    /// Take points from a wallet (a correction, with a reason).
    23 DeductPoints,
    /// The clock: apply what has fallen due in this wallet (vesting, expiry).
    24 ApplyDue,
    /// A member wants rewards.
    30 RequestRedemption,
    /// A member, or somebody for the member, no longer wants them.
    31 CancelRedemption,
    /// The fulfiller is about to call the vendor.
    32 StartFulfilment,
    /// The fulfiller: what the vendor answered.
    33 RecordFulfilment,
    /// Somebody entitled wants to see a voucher; recorded for the audit.
    34 RevealVoucher,
    /// Open a budget.
    40 OpenBudget,
    /// Put points into a budget, or take free ones out.
    41 AllocateBudget,
    /// Commit grants, in one block, on a budget.
    42 CommitGrants,
    /// The courier: these grants were credited.
    43 SettleGrants,
    /// The courier: this wallet refused the grant.
    44 ReturnGrant,
    /// A person releases a grant that waits (ceiling, budget), or declines it.
    45 ResolveHeldGrant,
    /// Close a budget for new commitments.
    46 CloseBudget,
    /// Create a tenant.
    60 CreateTenant,
    /// Draft a version of a piece of configuration.
    61 DraftVersion,
    /// Hand a draft to a publisher.
    62 SubmitVersion,
    /// Publish a submitted version.
    63 PublishVersion,
    /// Throw a draft away.
    64 WithdrawVersion,
    /// Issue an API key.
    65 IssueKey,
    /// Revoke an API key.
    66 RevokeKey,
    /// The courier: this partition is to adopt a published version.
    80 AdoptConfiguration,
}
