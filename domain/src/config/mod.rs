//! Bodies of configuration: what a drafted version holds. JSON, strict: see [`read`].

mod check;
mod condition;
mod strict;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::command::{ConfigKind, TenantMode};
use crate::fact::Delivery;
use crate::ids::Name;
use crate::points::Points;
use crate::time::{Day, LeapDay};
use crate::worker::MilestoneKind;

pub use check::reaches_vendor;
pub(crate) use check::{is_title, is_zone};
pub use condition::{Condition, Test};
pub use strict::Flaw;
pub use text::{iso_day, iso_day_option, json_text};

/// A body of any kind, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// What is rewarded.
    Campaign(Campaign),
    /// What can be had.
    Product(Product),
    /// Where milestones come from.
    Connection(Connection),
}

/// Reads a body and checks everything that needs no other record. Refused are: what is no JSON object, unknown and
/// doubled members, arrays in the place of objects, more than [`BODY_BYTES_MAX`] bytes, values out of their range;
/// every vendor that the tenant does not reach ([`reaches_vendor`]).
///
/// # Errors
/// The first [`Flaw`]: what is wrong, where (a JSON pointer), what to write instead.
pub fn read(kind: ConfigKind, mode: TenantMode, body: &str) -> Result<Body, Flaw> {
    match kind {
        ConfigKind::Campaign => {
            let campaign: Campaign = strict::read(body, &["/conditions"])?;
            check::campaign(&campaign)?;
            Ok(Body::Campaign(campaign))
        }
        ConfigKind::Product => {
            let product: Product = strict::read(body, &[])?;
            check::product(&product, mode)?;
            Ok(Body::Product(product))
        }
        ConfigKind::Connection => {
            let connection: Connection = strict::read(body, &[])?;
            check::connection(&connection)?;
            Ok(Body::Connection(connection))
        }
        ConfigKind::Unknown => Err(Flaw::new(
            "",
            "no configuration of this kind exists here: use campaign, product or connection",
        )),
    }
}

/// Largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 65_536;

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
    #[serde(default, with = "json_text")]
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
