//! What was decided about a person: worker state, milestones, awards.

use serde::{Deserialize, Serialize};

use crate::ids::{GrantId, MemberId, Name, Occurrence};
use crate::points::Points;
use crate::sealed::Sealed;
use crate::time::{Day, Timestamp};
use crate::worker::{Attributes, MilestoneKind, WorkerState};

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
    /// The day on which this effective day became known here: `look_back_days` is measured from it.
    pub known_on: Day,
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
    /// No campaign in force is about this kind of milestone.
    NoCampaign,
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
    /// When it was decided: `granted_at` of the lot. 0 in a person's gift: when the log takes it.
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
    /// For the statement: a milestone's kind and occurrence; empty in a person's gift.
    pub label: String,
    /// The giver's words, sealed under the key of who gets it.
    pub note: Option<Sealed>,
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
