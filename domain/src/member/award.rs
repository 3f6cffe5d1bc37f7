//! What a campaign makes of a milestone.

use crate::config::{Campaign, Condition, Payout, Test};
use crate::fact::{Considered, GrantIntent};
use crate::ids::Name;
use crate::points::Points;
use crate::rules::Version;
use crate::time::Day;
use crate::worker::{MilestoneKind, WorkerStatus};

use super::decimal::Decimal;
use super::draft::Draft;
use super::milestone::Report;
use super::worker::{Field, Worker};

/// Whether milestones of a connection earn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Baseline,
    /// The connection is not in force here.
    Unknown,
}

/// A milestone with all that a campaign may ask.
pub(super) struct Case<'a> {
    pub(super) kind: MilestoneKind,
    pub(super) report: &'a Report,
    pub(super) standing: Standing,
    pub(super) worker: Option<&'a Worker>,
    pub(super) today: Day,
}

/// Why a campaign awards nothing.
#[derive(Debug)]
pub(super) struct No {
    pub(super) outcome: Considered,
    pub(super) condition: Option<String>,
}

impl From<Considered> for No {
    fn from(outcome: Considered) -> No {
        No { outcome, condition: None }
    }
}

/// What the campaign pays for it; the first reason against it otherwise.
pub(super) fn judge(campaign: &Campaign, case: &Case<'_>) -> Result<Points, No> {
    let report = case.report;
    if report.effective > case.today {
        return Err(Considered::NotDue.into());
    }
    match case.standing {
        Standing::Open => {}
        Standing::Baseline => return Err(Considered::Baseline.into()),
        Standing::Unknown => {
            let condition = Some("the connection is not in force".to_owned());
            return Err(No { outcome: Considered::Baseline, condition });
        }
    }
    if report.effective < campaign.starts_on {
        return Err(Considered::BeforeStart.into());
    }
    if campaign.ends_on.is_some_and(|ends_on| report.effective > ends_on) {
        return Err(Considered::AfterEnd.into());
    }
    let late_by = i64::from(report.known_on.0) - i64::from(report.effective.0);
    if late_by > i64::from(campaign.look_back_days) {
        return Err(Considered::TooLate.into());
    }
    if let Some(worker) = case.worker
        && (worker.status == WorkerStatus::Terminated || !worker.was_here(report.effective, case.kind))
    {
        return Err(Considered::NotEmployed.into());
    }
    campaign.conditions.iter().try_for_each(|condition| hold(condition, case))?;
    payout(&campaign.points, report.years)
}

fn payout(payout: &Payout, years: Option<i32>) -> Result<Points, No> {
    let points = match *payout {
        Payout::Fixed(points) => Some(points),
        // Without a number of years, or with one below one, nothing is earned by the year.
        Payout::PerYear(points) => {
            points.times(years.and_then(|years| u32::try_from(years).ok()).unwrap_or(0))
        }
    };
    match points {
        Some(points) if points.is_zero() => Err(Considered::NoPoints.into()),
        Some(points) => Ok(points),
        None => {
            let condition = Some("the payout exceeds the largest amount of points".to_owned());
            Err(No { outcome: Considered::NoPoints, condition })
        }
    }
}

/// A condition on a value that is not known does not hold, whatever it asks.
fn hold(condition: &Condition, case: &Case<'_>) -> Result<(), No> {
    let field = condition.field.as_str();
    let years = case.report.years.map(|years| years.to_string());
    let value = if field == "years" {
        years.as_deref()
    } else if let Some(attribute) = field.strip_prefix("attributes.") {
        case.report.attributes.get(attribute).map(String::as_str)
    } else {
        match (case.worker, Field::named(field)) {
            (None, Some(_)) => return Err(Considered::WorkerUnknown.into()),
            (Some(worker), Some(field)) => worker.text(field),
            (_, None) => None,
        }
    };
    if value.is_some_and(|value| passes(&condition.test, value)) {
        return Ok(());
    }
    let found = value.map_or("nothing is known".to_owned(), |value| format!("found {value:?}"));
    let condition = Some(format!("{field} {}: {found}", in_words(&condition.test)));
    Err(No { outcome: Considered::ConditionFailed, condition })
}

fn passes(test: &Test, value: &str) -> bool {
    let number = || Decimal::read(value);
    match test {
        Test::AnyOf(texts) => texts.iter().any(|text| text == value),
        Test::NoneOf(texts) => texts.iter().all(|text| text != value),
        Test::AtLeast(bound) => number().is_some_and(|number| number.compare(*bound).is_ge()),
        Test::AtMost(bound) => number().is_some_and(|number| number.compare(*bound).is_le()),
        Test::MultipleOf(of) => number().is_some_and(|number| number.is_multiple_of(*of)),
    }
}

fn in_words(test: &Test) -> String {
    match test {
        Test::AnyOf(texts) => format!("any_of {texts:?}"),
        Test::NoneOf(texts) => format!("none_of {texts:?}"),
        Test::AtLeast(bound) => format!("at_least {bound}"),
        Test::AtMost(bound) => format!("at_most {bound}"),
        Test::MultipleOf(of) => format!("multiple_of {of}"),
    }
}

/// The grant that the next fact owes. Its dates are absolute: later steps look nothing up.
pub(super) fn intent(
    draft: &Draft<'_>,
    name: &Name,
    version: &Version<Campaign>,
    points: Points,
    label: String,
) -> GrantIntent {
    let campaign = &version.body;
    let at = draft.at();
    GrantIntent {
        grant: draft.next_grant(),
        member: draft.id,
        points,
        granted_at: at,
        activates_at: (campaign.vests_after_days > 0).then(|| at.plus_days(campaign.vests_after_days)),
        expires_at: campaign.expires_after_days.map(|days| at.plus_days(days)),
        campaign: Some(name.clone()),
        campaign_version: version.version,
        daily_ceiling: campaign.daily_ceiling,
        ceiling_day: campaign.daily_ceiling.map(|_| draft.today()),
        label,
        note: None,
    }
}
