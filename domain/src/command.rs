//! Wishes, and what HR systems, the courier, the clock and vendors report. Every input of a decider is one.

use serde::{Deserialize, Serialize};

use crate::fact::{AdoptedVersion, GrantIntent};
use crate::ids::{Digest, GrantId, Name, Occurrence, RedemptionId};
use crate::points::Points;
use crate::sealed::Sealed;
use crate::time::{Day, Timestamp};
use crate::worker::{Attributes, MilestoneKind, WorkerState};

/// Declares the commands: their stable numbers on the wire, their names, their bodies.
macro_rules! commands {
    ($($(#[$doc:meta])* $number:literal $name:ident,)*) => {
        /// One input of a decider. Numbers are for ever and never reused.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
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

/// Natural key of a milestone within a member: (kind, occurrence) (DESIGN §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMilestone {
    /// The connection it came by; the clock's own milestones carry the connection of the worker state.
    pub connection: Name,
    /// Kind.
    pub kind: MilestoneKind,
    /// The source's id of the thing.
    pub occurrence: Occurrence,
    /// The day it counts from.
    pub effective: Day,
    /// The source's own id of the message.
    pub source_id: Option<String>,
    /// Completed years, for anniversaries.
    pub years: Option<i32>,
    /// Rating, award code and the like.
    #[serde(default)]
    pub attributes: Attributes,
}

/// Takes a milestone back; awards that are not paid yet are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetractMilestone {
    /// The connection it came by.
    pub connection: Name,
    /// Kind.
    pub kind: MilestoneKind,
    /// Occurrence.
    pub occurrence: Occurrence,
    /// The source's own id of the message.
    pub source_id: Option<String>,
}

/// A worker's whole state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWorker {
    /// The connection it came by.
    pub connection: Name,
    /// When the source changed it. An older one than recorded changes nothing.
    pub changed_at: Option<Timestamp>,
    /// The state.
    pub state: WorkerState,
}

/// Consider a recorded milestone under the campaigns in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsiderMilestone {
    /// Kind.
    pub kind: MilestoneKind,
    /// Occurrence.
    pub occurrence: Occurrence,
}

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
    /// The attempt that was answered.
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

/// How real a tenant is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantMode {
    /// Real people, real vouchers.
    #[default]
    Live,
    /// For trying: the drafter may publish, versions are in force at once, only the sandbox vendor.
    Sandbox,
    /// Probes: reaches no vendor and no chat.
    Synthetic,
}

/// Creates the tenant whose configuration account this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTenant {
    /// For people.
    pub title: String,
    /// Mode, for ever.
    pub mode: TenantMode,
    /// IANA time zone of last resort.
    pub zone: String,
    /// ISO 4217.
    pub currency: String,
    /// BCP 47.
    pub locale: String,
}

/// Kinds of configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigKind {
    /// A kind that this reader does not know.
    #[default]
    Unknown,
    /// What is rewarded.
    Campaign,
    /// What can be had.
    Product,
    /// Where milestones come from.
    Connection,
}

/// Drafts the next version of `kind`/`name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// The body as JSON; checked here, kept as written.
    pub body: String,
    /// In force from then on; `None`: as soon as the tenant's mode allows.
    pub effective_at: Option<Timestamp>,
}

/// Hands a draft on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// Publishes: by somebody else than the drafter, but in a sandbox tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// Throws a draft or a submitted version away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// What a key may do (DESIGN §10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A role that this reader does not know: may do nothing.
    #[default]
    Unknown,
    /// Tenants, connections, dead letters.
    Operator,
    /// Budgets, drafts, grants.
    Admin,
    /// Publishes what another drafted.
    Publisher,
    /// Acts for members.
    Service,
    /// One's own account.
    Member,
    /// Decides approvals.
    Approver,
    /// Reads, masked.
    Analyst,
    /// Reads, and reads the audit.
    Auditor,
    /// Delivers to one connection.
    Connector,
}

/// Issues a key. The key itself never reaches the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueKey {
    /// Name of the key, public; the first part of the key's text.
    pub key_id: Name,
    /// First 16 bytes of the SHA-256 of the key's secret part (256 random bits).
    pub hash: Digest,
    /// The integration that uses it: scope of idempotency keys. A rotated key keeps its client.
    pub client: Name,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The member whose own account it opens, for `Role::Member`.
    pub member: Option<crate::ids::MemberId>,
    /// The connection it delivers to, for `Role::Connector`.
    pub connection: Option<Name>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Revokes a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeKey {
    /// Which.
    pub key_id: Name,
}

/// Adopts one published version; numbers are adopted one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptConfiguration {
    /// The version, whole: the partition's log is complete by itself.
    pub version: AdoptedVersion,
}
