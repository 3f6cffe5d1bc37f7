//! What an HRIS says about a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sealed::Sealed;
use crate::time::Day;

/// Kinds of milestones. A kind that a reader does not know reads as `Other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MilestoneKind {
    /// Any other.
    #[default]
    Other,
    /// First hire.
    Hire,
    /// Hired again.
    Rehire,
    /// Promotion.
    Promotion,
    /// Another job, title or position.
    JobChange,
    /// Another department, location or company.
    Transfer,
    /// A closed performance review.
    Review,
    /// A reached goal.
    Goal,
    /// A spot award given in the HRIS.
    SpotAward,
    /// So many years of work; derived by the clock.
    Anniversary,
    /// Birthday; derived by the clock.
    Birthday,
    /// End of probation.
    Confirmation,
    /// The person leaves.
    Termination,
    /// A course or a certificate.
    Certification,
}

impl MilestoneKind {
    /// Every kind, `Other` first.
    pub const ALL: [MilestoneKind; 14] = {
        use MilestoneKind::*;
        [
            Other,
            Hire,
            Rehire,
            Promotion,
            JobChange,
            Transfer,
            Review,
            Goal,
            SpotAward,
            Anniversary,
            Birthday,
            Confirmation,
            Termination,
            Certification,
        ]
    };

    /// The name in configuration, JSON and Avro.
    pub fn name(self) -> &'static str {
        match self {
            MilestoneKind::Other => "other",
            MilestoneKind::Hire => "hire",
            MilestoneKind::Rehire => "rehire",
            MilestoneKind::Promotion => "promotion",
            MilestoneKind::JobChange => "job_change",
            MilestoneKind::Transfer => "transfer",
            MilestoneKind::Review => "review",
            MilestoneKind::Goal => "goal",
            MilestoneKind::SpotAward => "spot_award",
            MilestoneKind::Anniversary => "anniversary",
            MilestoneKind::Birthday => "birthday",
            MilestoneKind::Confirmation => "confirmation",
            MilestoneKind::Termination => "termination",
            MilestoneKind::Certification => "certification",
        }
    }
}

/// Whether a person works here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerStatus {
    /// Works here.
    #[default]
    Active,
    /// On leave, still employed.
    OnLeave,
    /// Not yet here.
    Pending,
    /// Has left.
    Terminated,
}

/// A worker's state as last reported. Business values in clear, personal ones sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerState {
    /// Works here or not.
    pub status: WorkerStatus,
    /// First ever hire.
    pub original_hire: Option<Day>,
    /// Latest hire.
    pub hire: Option<Day>,
    /// Start of continuous service.
    pub continuous_service: Option<Day>,
    /// Seniority date.
    pub seniority: Option<Day>,
    /// Last day, when known.
    pub termination: Option<Day>,
    /// Department.
    pub department: Option<String>,
    /// Cost centre.
    pub cost_centre: Option<String>,
    /// Employee, contingent, intern …, in the source's words.
    pub worker_type: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// ISO 3166-1 alpha-2 where the source has it.
    pub country: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// IANA time zone.
    pub zone: Option<String>,
    /// Birth date as `YYYY-MM-DD`, sealed.
    pub birth_date: Option<Sealed>,
    /// Names, e-mail and manager as one JSON object, sealed.
    pub personal: Option<Sealed>,
    /// The number the source knows the person by, sealed, for screens.
    pub external_id: Option<Sealed>,
}

/// Attributes of a milestone such as `rating` or `award_code`, business class, as text.
pub type Attributes = BTreeMap<String, String>;
