//! A worker's state: what is personal sealed, and whether it says anything new.

use std::collections::BTreeMap;

use mirabelle_domain::fact::WorkerRecorded;
use mirabelle_domain::project::Context;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::members;
use mirabelle_domain::{AccountId, CommandId, MemberId, Timestamp, WorkerState, project};
use mirabelle_hris::{WorkerPersonal, WorkerReport};
use mirabelle_keys::{Keys, KeysError};
use mirabelle_store::Found;
use serde::Serialize;

use super::outcome::Delivery;

/// Under this name a birth date is sealed, as `YYYY-MM-DD`: the clock opens it.
pub(super) const BIRTH_DATE: &str = "birth_date";
/// Under this name names, e-mail, manager and further ids are sealed, as one JSON object.
pub(super) const PERSONAL: &str = "personal";
/// Under this name the source's number is sealed, as text.
pub(super) const EXTERNAL_ID: &str = "external_id";

/// Personal values as they are sealed. The order of the members is part of the bytes, so of "same body": it stays.
#[derive(Serialize)]
struct Personal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    aliases: BTreeMap<&'a str, &'a str>,
}

/// The state as it is recorded.
pub(super) fn state(
    keys: &dyn Keys,
    delivery: &Delivery,
    member: MemberId,
    report: &WorkerReport,
) -> Result<WorkerState, KeysError> {
    let tenant = &delivery.tenant;
    let personal = personal(&report.personal, &report.aliases);
    let birth_date = report.personal.birth_date.map(|day| day.to_string());
    let seal = |field, clear: &[u8]| keys.seal(tenant, member, field, clear);
    Ok(WorkerState {
        status: report.status,
        original_hire: report.dates.original_hire,
        hire: report.dates.hire,
        continuous_service: report.dates.continuous_service,
        seniority: report.dates.seniority,
        termination: report.dates.termination,
        department: report.business.department.clone(),
        cost_centre: report.business.cost_centre.clone(),
        worker_type: report.business.worker_type.clone(),
        company: report.business.company.clone(),
        country: report.business.country.clone(),
        location: report.business.location.clone(),
        zone: report.business.zone.clone(),
        birth_date: birth_date.map(|day| seal(BIRTH_DATE, day.as_bytes())).transpose()?,
        personal: personal.map(|json| seal(PERSONAL, &json)).transpose()?,
        external_id: Some(seal(EXTERNAL_ID, report.person.as_str().as_bytes())?),
    })
}

fn personal(personal: &WorkerPersonal, aliases: &[(String, String)]) -> Option<Vec<u8>> {
    let sealed = Personal {
        given_name: personal.given_name.as_deref(),
        family_name: personal.family_name.as_deref(),
        display_name: personal.display_name.as_deref(),
        email: personal.email.as_deref(),
        manager: personal.manager.as_ref().map(|manager| manager.as_str()),
        aliases: aliases.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect(),
    };
    let json = serde_json::to_vec(&sealed).expect("texts are JSON");
    (json != b"{}").then_some(json)
}

/// Whether the rows say this already: then nothing is appended. Compared is what the projection itself would write, so
/// that a column which is added later is compared too.
pub(super) fn is_known(found: &Found, account: &AccountId, recorded: &WorkerRecorded) -> bool {
    let context = Context {
        account,
        command_id: CommandId([0; 16]),
        command_kind: 0,
        at: 0,
        seq: 0,
        partition: 0,
        accepted_at: Timestamp(0),
        principal: "",
        reason: None,
    };
    let rows = project(&context, &[recorded.clone().into()]);
    let Some(row) = rows.into_iter().find(|row| row.table == &members::TABLE) else { return false };
    let stamps = [members::RECORDED_AT, members::SEEN_AT];
    let mut cells = row.cells.iter().filter(|(column, _)| !stamps.contains(column));
    cells.all(|(column, value)| found.value(*column) == Some(value))
}

/// When the recorded state was taken in, if the source does not date this one otherwise than that: part of the id, so
/// that a value which comes back (A, B, A) is news each time, and a repeat is none.
pub(super) fn basis(found: Option<&Found>, changed_at: Option<Timestamp>) -> i64 {
    let Some(found) = found else { return 0 };
    let known = found.text("changed_at").unwrap_or_default();
    let same = changed_at.is_none_or(|changed_at| changed_at.to_string() == known);
    if same { found.int("recorded_at").unwrap_or(0) } else { 0 }
}

/// The key of a member's row.
pub(super) fn row_key(delivery: &Delivery, member: MemberId) -> [Value; 2] {
    [Value::Text(delivery.tenant.to_string()), Value::Bytes(member.0.to_vec())]
}
