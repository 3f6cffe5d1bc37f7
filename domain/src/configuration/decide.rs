//! What follows from an input to the configuration account.

use std::collections::BTreeSet;

use super::{Configuration, Draft, Ended, NOTICE_MICROS, OPEN_DRAFTS_MAX};
use crate::command::{
    Command, ConfigKind, CreateTenant, DraftVersion, IssueKey, PublishVersion, Role, SubmitVersion,
    TenantMode, WithdrawVersion,
};
use crate::config::{self, is_title, is_zone};
use crate::decide::Input;
use crate::fact::{
    AdoptedVersion, Fact, KeyIssued, KeyRevoked, TenantCreated, VersionDrafted, VersionPublished,
    VersionSubmitted, VersionWithdrawn,
};
use crate::ids::Name;
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// What follows from an input to the configuration account.
pub fn decide(state: &Configuration, input: &Input<'_>) -> Result<Vec<Fact>, Rejection> {
    match input.command {
        Command::CreateTenant(create) => decide_tenant(state, create),
        Command::DraftVersion(draft) => decide_draft(state, draft, input),
        Command::SubmitVersion(submit) => decide_submission(state, submit),
        Command::PublishVersion(publish) => decide_publication(state, publish, input),
        Command::WithdrawVersion(withdraw) => decide_withdrawal(state, withdraw),
        Command::IssueKey(issue) => decide_issue(state, issue, input.accepted_at),
        Command::RevokeKey(revoke) => decide_revocation(state, &revoke.key_id),
        Command::ReportMilestone(_)
        | Command::RetractMilestone(_)
        | Command::ReportWorker(_)
        | Command::ConsiderMilestone(_)
        | Command::CreditGrant(_)
        | Command::DropGrant(_)
        | Command::ReverseGrant(_)
        | Command::DeductPoints(_)
        | Command::ApplyDue(_)
        | Command::RequestRedemption(_)
        | Command::CancelRedemption(_)
        | Command::StartFulfilment(_)
        | Command::RecordFulfilment(_)
        | Command::RevealVoucher(_)
        | Command::OpenBudget(_)
        | Command::AllocateBudget(_)
        | Command::CommitGrants(_)
        | Command::SettleGrants(_)
        | Command::ReturnGrant(_)
        | Command::ResolveHeldGrant(_)
        | Command::CloseBudget(_)
        | Command::AdoptConfiguration(_) => {
            Err(invalid("this command is not for a configuration account", None))
        }
    }
}

fn invalid(detail: &'static str, pointer: Option<&'static str>) -> Rejection {
    Rejection::Invalid { detail, pointer }
}

fn decide_tenant(state: &Configuration, create: &CreateTenant) -> Result<Vec<Fact>, Rejection> {
    if state.mode.is_some() {
        return Err(Rejection::TenantExists);
    }
    if !is_title(&create.title) {
        return Err(invalid("a title has 1 to 200 characters without control characters", Some("/title")));
    }
    if !is_zone(&create.zone) {
        return Err(invalid("an IANA time zone such as Europe/Berlin", Some("/zone")));
    }
    if create.currency.len() != 3 || !create.currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(invalid(
            "a currency is three capital letters (ISO 4217), such as EUR",
            Some("/currency"),
        ));
    }
    if !is_locale(&create.locale) {
        return Err(invalid("a locale is a BCP 47 tag such as en or de-DE", Some("/locale")));
    }
    let CreateTenant { title, mode, zone, currency, locale } = create.clone();
    Ok(vec![TenantCreated { title, mode, zone, currency, locale }.into()])
}

/// Whether this has the shape of a BCP 47 tag.
fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn decide_draft(
    state: &Configuration,
    draft: &DraftVersion,
    input: &Input<'_>,
) -> Result<Vec<Fact>, Rejection> {
    let mode = state.mode.ok_or(Rejection::UnknownTenant)?;
    if draft.kind == ConfigKind::Unknown {
        return Err(invalid("the kind is campaign, product or connection", Some("/kind")));
    }
    config::read(draft.kind, mode, &draft.body)?;
    let versions = state.versions.get(&(draft.kind, draft.name.clone()));
    if versions.is_some_and(|versions| versions.open.len() >= OPEN_DRAFTS_MAX) {
        return Err(invalid("20 versions of this name are open: publish or withdraw one first", None));
    }
    let drafted = versions.map_or(0, |versions| versions.drafted);
    let version = drafted.checked_add(1).ok_or(invalid("this name has too many versions", None))?;
    let fact = VersionDrafted {
        kind: draft.kind,
        name: draft.name.clone(),
        version,
        body: draft.body.clone(),
        effective_at: draft.effective_at,
        drafter: input.principal.to_owned(),
    };
    Ok(vec![fact.into()])
}

/// An open version of a name.
fn open<'a>(
    state: &'a Configuration,
    kind: ConfigKind,
    name: &Name,
    version: u32,
) -> Result<&'a Draft, Rejection> {
    state.mode.ok_or(Rejection::UnknownTenant)?;
    let versions = state.versions.get(&(kind, name.clone())).ok_or(Rejection::UnknownVersion)?;
    if let Some(draft) = versions.open.get(&version) {
        return Ok(draft);
    }
    match versions.ended.get(&version) {
        Some(Ended::Published) => Err(Rejection::VersionState { state: "published" }),
        Some(Ended::Withdrawn) => Err(Rejection::VersionState { state: "withdrawn" }),
        None => Err(Rejection::UnknownVersion),
    }
}

fn decide_submission(state: &Configuration, submit: &SubmitVersion) -> Result<Vec<Fact>, Rejection> {
    let SubmitVersion { kind, name, version } = submit.clone();
    if open(state, kind, &name, version)?.submitted {
        return Err(Rejection::VersionState { state: "submitted" });
    }
    Ok(vec![VersionSubmitted { kind, name, version }.into()])
}

fn decide_publication(
    state: &Configuration,
    publish: &PublishVersion,
    input: &Input<'_>,
) -> Result<Vec<Fact>, Rejection> {
    let PublishVersion { kind, name, version } = publish.clone();
    let draft = open(state, kind, &name, version)?;
    let mode = state.mode.ok_or(Rejection::UnknownTenant)?;
    if !draft.submitted {
        return Err(Rejection::VersionState { state: "drafted" });
    }
    if mode != TenantMode::Sandbox {
        if *draft.drafter == *input.principal {
            return Err(Rejection::OwnDraft);
        }
        if input.reason.is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Rejection::ReasonRequired);
        }
    }
    // It held when it was drafted; an earlier build may have asked for less.
    config::read(kind, mode, &draft.body)?;
    let notice = if mode == TenantMode::Live { NOTICE_MICROS } else { 0 };
    let earliest = Timestamp(input.accepted_at.0.saturating_add(notice));
    let number = state.number.checked_add(1).ok_or(invalid("the tenant has too many publications", None))?;
    let published = AdoptedVersion {
        number,
        kind,
        name,
        version,
        body: draft.body.to_string(),
        effective_at: draft.effective_at.map_or(earliest, |wanted| wanted.max(earliest)),
        mode,
    };
    let (drafter, publisher) = (draft.drafter.to_string(), input.principal.to_owned());
    Ok(vec![VersionPublished { version: published, drafter, publisher }.into()])
}

fn decide_withdrawal(state: &Configuration, withdraw: &WithdrawVersion) -> Result<Vec<Fact>, Rejection> {
    let WithdrawVersion { kind, name, version } = withdraw.clone();
    open(state, kind, &name, version)?;
    Ok(vec![VersionWithdrawn { kind, name, version }.into()])
}

fn decide_issue(
    state: &Configuration,
    issue: &IssueKey,
    accepted_at: Timestamp,
) -> Result<Vec<Fact>, Rejection> {
    state.mode.ok_or(Rejection::UnknownTenant)?;
    if state.keys.contains_key(&issue.key_id) {
        return Err(Rejection::KeyExists);
    }
    let roles: BTreeSet<Role> = issue.roles.iter().copied().collect();
    if roles.is_empty() || roles.len() != issue.roles.len() || roles.contains(&Role::Unknown) {
        return Err(invalid("a key has one role or more, each once", Some("/roles")));
    }
    if roles.contains(&Role::Member) != issue.member.is_some() {
        return Err(invalid("a key of the role `member`, and no other, names its member", Some("/member")));
    }
    if roles.contains(&Role::Connector) != issue.connection.is_some() {
        let detail = "a key of the role `connector`, and no other, names its connection";
        return Err(invalid(detail, Some("/connection")));
    }
    if issue.expires_at.is_some_and(|expires_at| expires_at <= accepted_at) {
        return Err(invalid("a key has to end in the future", Some("/expires_at")));
    }
    let IssueKey { key_id, hash, client, roles, member, connection, expires_at } = issue.clone();
    Ok(vec![KeyIssued { key_id, hash, client, roles, member, connection, expires_at }.into()])
}

fn decide_revocation(state: &Configuration, key_id: &Name) -> Result<Vec<Fact>, Rejection> {
    state.mode.ok_or(Rejection::UnknownTenant)?;
    match state.keys.get(key_id) {
        None => Err(Rejection::UnknownKey),
        Some(true) => Err(Rejection::KeyRevoked),
        Some(false) => Ok(vec![KeyRevoked { key_id: key_id.clone() }.into()]),
    }
}
