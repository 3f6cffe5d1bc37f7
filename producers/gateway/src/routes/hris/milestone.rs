//! A milestone as a command, and whether it says anything new.

use mirabelle_domain::command::{ReportMilestone, RetractMilestone};
use mirabelle_domain::rows::Value;
use mirabelle_domain::{Command, MemberId, MilestoneKind, Name};
use mirabelle_hris::{Attribute, MilestoneReport};
use mirabelle_store::Found;

use super::outcome::Delivery;

/// The command; `None`: its occurrence is none.
pub(super) fn command(
    connection: &Name,
    report: &MilestoneReport,
    source_id: Option<&str>,
) -> Option<Command> {
    let occurrence = report.occurrence.parse().ok()?;
    let connection = connection.clone();
    let source_id = source_id.map(str::to_owned);
    if report.retracts {
        return Some(RetractMilestone { connection, kind: report.kind, occurrence, source_id }.into());
    }
    let years = match report.attributes.get("years") {
        Some(Attribute::Int(years)) if report.kind == MilestoneKind::Anniversary => {
            i32::try_from(*years).ok()
        }
        _ => None,
    };
    let attributes = report.attributes.iter().map(|(name, value)| (name.clone(), value.to_string()));
    let report = ReportMilestone {
        connection,
        kind: report.kind,
        occurrence,
        effective: report.effective,
        source_id,
        years,
        attributes: attributes.collect(),
    };
    Some(report.into())
}

/// The key of its row: its natural key.
pub(super) fn row_key(delivery: &Delivery, member: MemberId, report: &MilestoneReport) -> [Value; 4] {
    [
        Value::Text(delivery.tenant.to_string()),
        Value::Bytes(member.0.to_vec()),
        Value::Text(report.kind.name().to_owned()),
        Value::Text(report.occurrence.clone()),
    ]
}

/// Whether the rows say this already, so that a report which stands in every file costs nothing. Of a source that
/// gives its reports ids, a repeat is told by the id instead.
pub(super) fn is_known(found: &Found, command: &Command) -> bool {
    let state = found.text("state");
    match command {
        Command::RetractMilestone(_) => state == Some("retracted"),
        Command::ReportMilestone(report) => {
            let years = report.years.map(|years| years.to_string()).unwrap_or_default();
            let attributes = serde_json::to_string(&report.attributes).expect("a map of texts is JSON");
            // What was taken back stays so: to say it again is known too.
            state == Some("retracted")
                || (found.text("effective") == Some(report.effective.to_string().as_str())
                    && found.text("years").unwrap_or_default() == years
                    && found.text("attributes") == Some(attributes.as_str()))
        }
        _ => false,
    }
}

/// When the recorded milestone last changed, if the source does not date its reports: part of the id, so that a day
/// which comes back (A, B, A) is news each time, and a repeat is none.
pub(super) fn basis(found: Option<&Found>, published_at: Option<i64>) -> i64 {
    match published_at {
        Some(_) => 0,
        None => found.and_then(|found| found.int("updated_at")).unwrap_or(0),
    }
}
