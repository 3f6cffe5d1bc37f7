//! How a customer's system names things: a versioned piece of configuration, checked when it is drafted and trusted
//! when a delivery is read.

mod check;
mod defaults;
mod patch;
mod path;
mod shape;

use std::collections::BTreeMap;

use mirabelle_domain::{MilestoneKind, WorkerStatus};
use serde::{Deserialize, Serialize};

pub use check::MappingFault;
pub(crate) use path::selection;
pub use path::{NotAPath, Path};
pub use shape::{Csv, Delimiter, Hint, Trailer, Variant, When};

pub use crate::dates::DateFormat;
pub use mirabelle_domain::config::System;

/// Whose delivery it is and how to read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The system.
    pub system: System,
    /// How it names things.
    pub mapping: Mapping,
}

/// Where a customer's system has what we look for.
///
/// Everything is looked into by JSON pointers, whatever it came in. Of JSON: members and indices. Of XML: elements by
/// their local names in the namespace of the document, `/@name` an attribute. Of CSV: `/Column`. Of a SuccessFactors
/// `ExternalEvent`: `/name` the entity key or parameter of that name, `/@event/…` an element of the item and `/@meta/…`
/// one of the delivery. The other known shapes (OData, Compound Employee, Worker_Sync, PECI, Get_Workers) are laid out
/// under the names that the system's default mapping looks for. In every list of paths the first that has a value
/// counts. Empty text, null, what is absent and what stands in `blanks` are no value. White space at both ends of a
/// value is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The person's id in the connection's id space.
    pub id: Path,
    /// What a JSON number is worth as an id.
    #[serde(default)]
    pub numeric_ids: NumericIds,
    /// Other ids of the same person, by name.
    #[serde(default)]
    pub aliases: BTreeMap<String, Path>,
    /// Where the rows of a body are: the first path that exists counts; empty is the body itself. An array holds rows,
    /// an object is one row. Of XML the path begins below the first element, and every element there is a row.
    #[serde(default)]
    pub rows: Vec<Path>,
    /// What tells a failed answer from one with rows.
    #[serde(default)]
    pub answer: AnswerRule,
    /// Formats of dates; in a dataset with formats of its own, those instead.
    pub dates: Vec<DateFormat>,
    /// Formats of dates in front of a time of day, in stamps that are neither ISO 8601 nor milliseconds.
    #[serde(default)]
    pub stamp_dates: Vec<DateFormat>,
    /// IANA zone of stamps without an offset; UTC without it. Days have no zone.
    #[serde(default)]
    pub stamp_zone: Option<String>,
    /// IANA zone in which an instant (`2015-04-05T22:00:00Z`, a number of milliseconds) is a day, where a source sends
    /// instants for days. Without it such a value is set aside.
    #[serde(default)]
    pub day_zone: Option<String>,
    /// How a CSV body is written; `None`: this connection sends none.
    #[serde(default)]
    pub csv: Option<Csv>,
    /// The namespace of an XML document, such as a report's; a document of another is refused. `None`: any.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Every row is a hint to read something back: nothing in it is recorded.
    #[serde(default)]
    pub hint: Option<Hint>,
    /// Texts that mean "nothing", such as `0000-00-00`.
    #[serde(default)]
    pub blanks: Vec<String>,
    /// Workers' states, if this connection reports them.
    #[serde(default)]
    pub worker: Option<WorkerMapping>,
    /// Milestones, if this connection reports them.
    #[serde(default)]
    pub milestone: Option<MilestoneMapping>,
    /// The datasets that a system answers with, by name.
    #[serde(default)]
    pub datasets: BTreeMap<String, Dataset>,
    /// The dataset that was asked for. Without it each row says by itself.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Other shapes that come by the same connection, each with its own mapping: a second report, a webhook beside the
    /// answers to a pull. The first that fits is used; where none fits, this mapping.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// What a JSON number is worth as an id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumericIds {
    /// Set aside: a system that sends numbers has lost the leading zeros, and 00018 is not 18.
    #[default]
    Refused,
    /// The digits as they are written. No sign, fraction or exponent.
    Verbatim,
}

/// What tells a failed answer from one with rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRule {
    /// What must stand there for the answer to count, such as `1` at `/status`.
    #[serde(default)]
    pub ok: Option<Expected>,
    /// What never stands in a good answer, such as `/error`.
    #[serde(default)]
    pub failed_if_present: Vec<Path>,
}

/// A value at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Where.
    pub at: Path,
    /// What, as text: `1` fits the number 1 and the text "1".
    pub is: String,
}

/// A set of rows that a system answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Formats of its dates; empty: those of the mapping.
    #[serde(default)]
    pub dates: Vec<DateFormat>,
    /// Everybody in it has left, whatever else a row says.
    #[serde(default)]
    pub leavers: bool,
    /// What a row says of itself if it belongs here. A row that says something else of itself is set aside when this
    /// dataset was asked for, and looked up here when none was.
    #[serde(default)]
    pub marked: Option<Expected>,
}

/// Where a row has a worker's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerMapping {
    /// Fields, each at the first of its paths that has a value.
    pub fields: BTreeMap<WorkerField, Vec<Path>>,
    /// The system's words for a status. A word that is not here sets the row aside.
    #[serde(default)]
    pub statuses: BTreeMap<String, WorkerStatus>,
    /// The status of a row that has none.
    #[serde(default)]
    pub status_if_absent: WorkerStatus,
}

/// Fields of a worker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerField {
    /// A word of `statuses`.
    Status,
    /// First ever hire, a date.
    OriginalHire,
    /// Latest hire, a date.
    Hire,
    /// Start of continuous service, a date.
    ContinuousService,
    /// Seniority date.
    Seniority,
    /// Last day, a date.
    Termination,
    /// Department.
    Department,
    /// Cost centre.
    CostCentre,
    /// Kind of worker.
    WorkerType,
    /// Company.
    Company,
    /// Country.
    Country,
    /// Location.
    Location,
    /// Time zone.
    Zone,
    /// Date of birth.
    BirthDate,
    /// Given name.
    GivenName,
    /// Family name.
    FamilyName,
    /// Name as shown.
    DisplayName,
    /// E-mail address at work.
    Email,
    /// The manager's id, in the same id space.
    Manager,
    /// When the source changed the row, an instant.
    ChangedAt,
}

/// Where an item has a milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MilestoneMapping {
    /// What says the kind: an event type, a code. Never a field with a personal value: it is shown where no rule
    /// fits. A JSON row without it holds no milestone.
    pub code: Vec<Path>,
    /// What refines it.
    #[serde(default)]
    pub reason: Vec<Path>,
    /// The day.
    pub effective: Vec<Path>,
    /// The source's id of this report.
    #[serde(default)]
    pub source_id: Vec<Path>,
    /// When the source published it, an instant.
    #[serde(default)]
    pub published_at: Vec<Path>,
    /// What says that the milestone is taken back.
    #[serde(default)]
    pub rescinded: Option<Rescinded>,
    /// Values to carry along, by the name that campaigns use.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeMapping>,
    /// Codes and reasons to kinds. The rule that names code and reason goes before the one that names the code.
    pub kinds: Vec<KindRule>,
}

/// A field that takes a milestone back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescinded {
    /// Where.
    pub at: Path,
    /// The values that do.
    pub values: Vec<String>,
}

/// A value to carry along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeMapping {
    /// Where; the first that has a value counts.
    pub at: Vec<Path>,
    /// Of which type. A value that is not sets the item aside.
    #[serde(default)]
    pub is: AttributeType,
}

/// Types of attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// Text.
    #[default]
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A decimal number of at most 30 digits without exponent.
    Decimal,
}

/// What a code means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// The system's code, exactly.
    pub code: String,
    /// The reason it goes with; none: any.
    #[serde(default)]
    pub reason: Option<String>,
    /// The kind; none: the thing must be read back from the source before anything is recorded.
    #[serde(default)]
    pub kind: Option<MilestoneKind>,
    /// What tells two milestones of this kind and person apart, joined by `/`. It must stay the same when the source
    /// corrects the day, and should not hold an employee number: it is kept in clear for ever.
    #[serde(default)]
    pub occurrence: Vec<OccurrencePart>,
    /// The code itself takes a milestone back.
    #[serde(default)]
    pub retracts: bool,
}

/// A part of an occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrencePart {
    /// A value of the item, as it is written.
    Value(Path),
    /// A date of the item as `YYYY-MM-DD`, so that two formats of one day agree.
    Date(Path),
    /// A fixed text: `first` for what a person can have once.
    Text(String),
    /// The year of the milestone's day.
    Year,
}
