//! What HR systems and the clock report about a person.

use serde::{Deserialize, Serialize};

use crate::ids::{Name, Occurrence};
use crate::time::{Day, Timestamp};
use crate::worker::{Attributes, MilestoneKind, WorkerState};

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
