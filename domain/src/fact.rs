//! What was decided. Facts are for ever: a field is only ever added, with a default, in a new schema version.
//!
//! Each fact carries the numbers it was decided with and left behind; no reader decides or adds up again.

use serde::{Deserialize, Serialize};

use crate::command::{ConfigKind, Role, TenantMode};
use crate::ids::{Digest, GrantId, MemberId, Name, Occurrence, RedemptionId};
use crate::points::Points;
use crate::sealed::Sealed;
use crate::time::{Day, Timestamp};
use crate::worker::{Attributes, MilestoneKind, WorkerState};

/// Declares the facts: their stable numbers on the wire, their names, their bodies.
macro_rules! facts {
    ($($(#[$doc:meta])* $number:literal $name:ident,)*) => {
        /// One fact of a decision. Numbers are for ever and never reused. No `match` on it has a `_` arm.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
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

/// A worker's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecorded {
    /// The connection it came by.
    pub connection: Name,
    /// When the source changed it.
    pub changed_at: Option<Timestamp>,
    /// False: an older state than the recorded one, kept for the record only.
    pub current: bool,
    /// The state.
    pub state: WorkerState,
}

/// A milestone, under its natural key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneRecorded {
    /// The connection it came by first.
    pub connection: Name,
    /// Kind.
    pub kind: MilestoneKind,
    /// Occurrence.
    pub occurrence: Occurrence,
    /// The day it counts from.
    pub effective: Day,
    /// The day it counted from before, when this is a move.
    pub moved_from: Option<Day>,
    /// The source's own id of the message.
    pub source_id: Option<String>,
    /// Completed years.
    pub years: Option<i32>,
    /// Rating and the like.
    pub attributes: Attributes,
}

/// A retraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneRetracted {
    /// Kind.
    pub kind: MilestoneKind,
    /// Occurrence.
    pub occurrence: Occurrence,
}

/// What a campaign made of a milestone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Considered {
    /// An outcome that this reader does not know.
    #[default]
    Unknown,
    /// An award is owed.
    Awarded,
    /// This campaign has already awarded this milestone.
    AlreadyAwarded,
    /// The connection is in baseline: states are recorded, nothing is paid.
    Baseline,
    /// Its day has not come; the clock will ask again.
    NotDue,
    /// It lies before the campaign's `starts_on`.
    BeforeStart,
    /// It lies after the campaign's `ends_on`.
    AfterEnd,
    /// It became known more than `look_back_days` after its day.
    TooLate,
    /// A condition does not hold; `failed_condition` says which.
    ConditionFailed,
    /// The member has left, or was not here on that day.
    NotEmployed,
    /// No worker state is known, and a condition needs one.
    WorkerUnknown,
    /// The milestone was retracted.
    Retracted,
    /// The campaign pays zero points for this.
    NoPoints,
}

/// The daily answer to "why did she get nothing?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneConsidered {
    /// Kind.
    pub kind: MilestoneKind,
    /// Occurrence.
    pub occurrence: Occurrence,
    /// Campaign; `None` when no campaign in force is about this kind.
    pub campaign: Option<Name>,
    /// Its version.
    pub campaign_version: u32,
    /// What came of it.
    pub outcome: Considered,
    /// The condition that did not hold, as configured, with the value found.
    pub failed_condition: Option<String>,
}

/// A grant as decided: what travels. Later steps look nothing up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantIntent {
    /// Its id for ever.
    pub grant: GrantId,
    /// Who gets it.
    pub member: MemberId,
    /// How many; more than zero.
    pub points: Points,
    /// When it was decided: `granted_at` of the lot.
    pub granted_at: Timestamp,
    /// Spendable from then on; `None`: at once.
    pub activates_at: Option<Timestamp>,
    /// What is left goes then; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Campaign that owes it; `None`: a person's gift.
    pub campaign: Option<Name>,
    /// The campaign's version; 0 for a gift.
    pub campaign_version: u32,
    /// Most points of this campaign on `ceiling_day`; what exceeds it waits for a person.
    pub daily_ceiling: Option<Points>,
    /// The day that the ceiling counts on.
    pub ceiling_day: Option<Day>,
    /// For the statement: a milestone's kind and occurrence, or the giver's words (business class).
    pub label: String,
}

/// An award on its way to the budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardOwed {
    /// Kind of the milestone.
    pub kind: MilestoneKind,
    /// Occurrence of the milestone.
    pub occurrence: Occurrence,
    /// The budget that is to commit it.
    pub budget: Name,
    /// The grant.
    pub grant: GrantIntent,
}

/// An award that will not be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardDropped {
    /// The grant.
    pub grant: GrantId,
    /// Why.
    pub reason: String,
}

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
    /// Reversals that found too little, ever.
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

/// A reversal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantReversed {
    /// The grant.
    pub grant: GrantId,
    /// Its lot after; `None` when nothing of it was left.
    pub lot: Option<LotState>,
    /// What was wanted and not there.
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

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreated {
    /// For people.
    pub title: String,
    /// Mode.
    pub mode: TenantMode,
    /// IANA zone of last resort.
    pub zone: String,
    /// ISO 4217.
    pub currency: String,
    /// BCP 47.
    pub locale: String,
}

/// Drafted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionDrafted {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// 1, 2, 3 … per kind and name.
    pub version: u32,
    /// The body as JSON, as written.
    pub body: String,
    /// Wanted start.
    pub effective_at: Option<Timestamp>,
    /// Who drafted it.
    pub drafter: String,
}

/// Submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSubmitted {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// A published version as every partition adopts it: complete by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedVersion {
    /// The tenant's running number of publications, from 1, without holes.
    pub number: u32,
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version of this kind and name.
    pub version: u32,
    /// The body as JSON, as written.
    pub body: String,
    /// In force from the first input accepted at or after this, everywhere alike.
    pub effective_at: Timestamp,
    /// The tenant's mode and zone travel with it: partitions know the tenant by its first version.
    pub mode: TenantMode,
}

/// Published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPublished {
    /// What goes to every partition.
    pub version: AdoptedVersion,
    /// Who drafted it.
    pub drafter: String,
    /// Who published it.
    pub publisher: String,
}

/// Withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionWithdrawn {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// Issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyIssued {
    /// Name of the key.
    pub key_id: Name,
    /// First 16 bytes of the SHA-256 of its secret part.
    pub hash: Digest,
    /// Scope of idempotency keys.
    pub client: Name,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Whose own account.
    pub member: Option<MemberId>,
    /// Which connection.
    pub connection: Option<Name>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// Name of the key.
    pub key_id: Name,
}

/// Adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationAdopted {
    /// The version, whole.
    pub version: AdoptedVersion,
}
