//! Where a grant stands, seen from the wallet and from the budget.

use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{budget_grants, budgets, grants};
use mirabelle_store::{Found, Rows};
use serde_json::{Value as Json, json};

use super::view::{self, instant, said};
use super::words;
use crate::problem::Problem;

/// Why a grant waits on a budget, as the budget is now.
pub(super) fn hold_words(
    rows: &dyn Rows,
    tenant: &Value,
    held_for: &str,
    budget: &str,
) -> Result<String, Problem> {
    let row = view::get(rows, &budgets::TABLE, &[tenant.clone(), view::text(budget)])?;
    Ok(words::of_hold(held_for, (budget, row.as_ref().and_then(|row| row.text("state")))))
}

fn reversal_words(row: &Found) -> String {
    let number = |column: &str| row.int(column).unwrap_or(0);
    words::of_reversal(number("points"), number("shortfall"), row.int("expires_at").is_some())
}

/// A grant, as the wallet's and the budget's rows have it; `null` when neither knows it.
pub(super) fn grant_body(
    rows: &dyn Rows,
    tenant: &Value,
    grant: &[u8; 16],
    label: impl Fn(&Found) -> Result<Json, Problem>,
    reason_of: &dyn Fn(Json) -> Json,
) -> Result<Json, Problem> {
    let key = [tenant.clone(), view::id(grant)];
    let wallet = view::get(rows, &grants::TABLE, &key)?;
    let budget = view::get(rows, &budget_grants::TABLE, &key)?;
    let either = |column: &str| {
        let of = |row: &Option<Found>| row.as_ref().map_or(Json::Null, |row| said(row, column));
        Some(of(&wallet)).filter(|value| !value.is_null()).unwrap_or_else(|| of(&budget))
    };
    if wallet.is_none() && budget.is_none() {
        return Ok(Json::Null);
    }
    let number = |column: &str| {
        let of = |row: &Option<Found>| row.as_ref().and_then(|row| row.int(column));
        of(&wallet).or_else(|| of(&budget))
    };
    let at = |row: &Option<Found>, column: &str| row.as_ref().map_or(Json::Null, |row| instant(row, column));
    let state = |row: &Option<Found>| row.as_ref().and_then(|row| row.text("state")).map(str::to_owned);
    let (in_wallet, in_budget) = (state(&wallet), state(&budget));
    let member = wallet.as_ref().or(budget.as_ref()).and_then(|row| view::bits(row, "member"));
    let held_for = budget.as_ref().filter(|_| in_budget.as_deref() == Some("held"));
    let held_for = held_for.and_then(|row| row.text("held_for"));
    let held_words = match (&budget, held_for) {
        (Some(row), Some(held_for)) => {
            Some(hold_words(rows, tenant, held_for, row.text("budget").unwrap_or_default())?)
        }
        _ => None,
    };
    let words = match &wallet {
        Some(row) if in_wallet.as_deref() == Some("reversed") => reversal_words(row),
        _ => words::of_grant(in_wallet.as_deref(), in_budget.as_deref()).to_owned(),
    };
    // The person who declined it said why; the wallet was told only that it was declined.
    let reason = match in_budget.as_deref() {
        Some("declined") => budget.as_ref().map_or(Json::Null, |row| said(row, "reason")),
        _ => either("reason"),
    };
    Ok(json!({
        "id": view::hex(grant),
        "member": member.map(|member| view::opaque(mirabelle_domain::MemberId(member))),
        "points": number("points"),
        "budget": either("budget"),
        "campaign": either("campaign"),
        "version": number("version").filter(|version| *version > 0),
        "label": match wallet.as_ref().or(budget.as_ref()) {
            // Both sides have the grant's own words; a wallet that refused it never wrote them.
            Some(row) if row.text("label").is_some() => label(row)?,
            _ => budget.as_ref().map_or(Ok(Json::Null), &label)?,
        },
        "wallet_state": in_wallet,
        "budget_state": in_budget,
        "words": words,
        "held_for": held_for,
        "held_words": held_words,
        "granted_at": at(&wallet, "granted_at"),
        "activates_at": at(&wallet, "activates_at"),
        "expires_at": at(&wallet, "expires_at"),
        "lot": number("lot"),
        "reason": reason_of(reason),
        "resolved_by": budget.as_ref().map_or(Json::Null, |row| said(row, "resolved_by")),
        "shortfall": number("shortfall").filter(|shortfall| *shortfall > 0),
    }))
}
