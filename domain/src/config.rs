//! Bodies of configuration: what a drafted version holds. JSON, strict: unknown members are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Delivery;
use crate::ids::Name;
use crate::points::Points;
use crate::time::{Day, LeapDay};
use crate::worker::MilestoneKind;

/// What is rewarded. Matched by the milestone's effective day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// For people.
    pub title: String,
    /// The kind of milestone that it is about.
    pub milestone: MilestoneKind,
    /// All have to hold.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// What it pays.
    pub points: Payout,
    /// The budget that pays.
    pub budget: Name,
    /// First effective day.
    #[serde(with = "iso_day")]
    pub starts_on: Day,
    /// Last effective day.
    #[serde(default, with = "iso_day_option")]
    pub ends_on: Option<Day>,
    /// A milestone that becomes known more than so many days after its day earns nothing.
    #[serde(default = "seven")]
    pub look_back_days: u32,
    /// The lot is spendable so many days after the award; 0: at once.
    #[serde(default)]
    pub vests_after_days: u32,
    /// What is left of the lot expires so many days after the award; `None`: never.
    #[serde(default)]
    pub expires_after_days: Option<u32>,
    /// Most points a day; what exceeds it waits for a person.
    #[serde(default)]
    pub daily_ceiling: Option<Points>,
}

fn seven() -> u32 {
    7
}

/// What a campaign pays for one milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Payout {
    /// The same for everybody.
    Fixed(Points),
    /// So many for each completed year.
    PerYear(Points),
}

/// A condition on one field of the milestone or of the worker's state at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// `years`, `department`, `cost_centre`, `worker_type`, `company`, `country`, `location`, or `attributes.<name>`.
    pub field: String,
    /// How it compares.
    #[serde(flatten)]
    pub test: Test,
}

/// A comparison; exactly one is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Equal to one of these; numbers are written as text.
    AnyOf(Vec<String>),
    /// Equal to none of these.
    NoneOf(Vec<String>),
    /// A whole number, not smaller.
    AtLeast(i64),
    /// A whole number, not larger.
    AtMost(i64),
    /// A whole number that this divides (every 5 years).
    MultipleOf(i64),
}

/// What can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// For people.
    pub title: String,
    /// Price of one, more than zero.
    pub points: Points,
    /// ISO 3166-1 alpha-2; empty: everywhere.
    #[serde(default)]
    pub countries: Vec<String>,
    /// How it is delivered.
    pub delivery: Delivery,
    /// The vendor, for `vendor`.
    #[serde(default)]
    pub vendor: Option<Name>,
    /// What the vendor calls it.
    #[serde(default)]
    pub vendor_product: Option<String>,
    /// False: no longer offered.
    #[serde(default = "yes")]
    pub offered: bool,
}

fn yes() -> bool {
    true
}

/// Which HR system speaks on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// SAP SuccessFactors.
    SuccessFactors,
    /// Workday.
    Workday,
    /// Darwinbox.
    Darwinbox,
}

/// Whether a connection's milestones earn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// States and milestones are recorded, nothing is awarded.
    #[default]
    Baseline,
    /// Milestones earn.
    Open,
    /// Deliveries are refused.
    Closed,
}

/// Which date anniversaries count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnniversaryBasis {
    /// First ever hire, else hire.
    #[default]
    OriginalHire,
    /// Latest hire.
    Hire,
    /// Continuous service date, else hire.
    ContinuousService,
    /// Seniority date, else hire.
    Seniority,
}

/// Where milestones come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The HR system.
    pub system: System,
    /// Baseline, open, closed.
    #[serde(default)]
    pub state: ConnectionState,
    /// Ids of two spaces never meet; connections of one workforce share a space.
    pub id_space: Name,
    /// How its bodies are read; the HRIS adapters define and check it. `None`: the system's default.
    #[serde(default)]
    pub mapping: Option<serde_json::Value>,
    /// Anniversaries count from here.
    #[serde(default)]
    pub anniversary: AnniversaryBasis,
    /// 29 February in other years.
    #[serde(default)]
    pub leap_day: LeapDay,
    /// Locations' IANA zones, where the worker has none.
    #[serde(default)]
    pub location_zones: BTreeMap<String, String>,
}

/// Days as `YYYY-MM-DD`.
pub mod iso_day {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::Day;

    /// Writes a day.
    pub fn serialize<S: Serializer>(day: &Day, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    /// Reads a day.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Optional days as `YYYY-MM-DD` or `null`.
pub mod iso_day_option {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::Day;

    /// Writes a day or null.
    pub fn serialize<S: Serializer>(day: &Option<Day>, serializer: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => serializer.collect_str(day),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a day or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
