//! Why did this member get nothing, or this much: every milestone with what came of it, in words.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::AccountId;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{budget_grants, considerations, grants, milestones};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::params::{Params, PathOf, cursor};
use super::view::{self, instant, ok, said};
use super::{READERS_AND_MEMBER, words};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/members/{member}/explain", || get(explain))
    .roles(READERS_AND_MEMBER)
    .summary("Why did this member get nothing, or this much: milestones, and what came of each")
    .query(&[
        ("kind", "milestones of this kind only"),
        ("cursor", "`next` of the page before"),
        ("limit", "milestones of a page, 1 to 1000; 100"),
    ])
    .answer(200, "Milestones by kind and occurrence", SCHEMA)];

const SCHEMA: &str = r#"{"type":"object","required":["member","summary","milestones"],"properties":{
"member":{"type":"string"},"number":{"type":"string"},"summary":{"type":"string"},"next":{"type":"string"},
"milestones":{"type":"array","items":{"type":"object","required":["kind","occurrence","state","considered"],
"properties":{"kind":{"type":"string"},"occurrence":{"type":"string"},"effective":{"type":"string","format":"date"},
"known_on":{"type":"string","format":"date"},"moved_from":{"type":"string","format":"date"},"state":{"type":"string"},
"connection":{"type":"string"},"attributes":{"type":"object"},"considered":{"type":"array","items":{"type":"object",
"required":["outcome","words"],"properties":{"campaign":{"type":"string"},"version":{"type":"integer"},
"outcome":{"type":"string"},"words":{"type":"string"},"failed_condition":{"type":"string"},
"considered_at":{"type":"string","format":"date-time"},"grant":{"type":"object"}}}}}}}}}"#;

/// Campaigns that one milestone can have been considered under.
const CAMPAIGNS_MAX: usize = 1_000;

async fn explain(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let kind = params.text("kind")?;
        let (limit, place) = (params.limit()?, params.cursor::<(String, String)>("cursor")?);
        let member = view::member(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        let rows = view::rows(&state)?;
        let key = vec![view::text(caller.tenant()), view::id(&member.0)];
        let row = view::get(rows.as_ref(), &mirabelle_domain::tables::members::TABLE, &key)?;
        let mut scan = Scan::new(&milestones::TABLE, key.clone(), limit + 1);
        scan.after = place.map(|(kind, occurrence)| vec![Value::Text(kind), Value::Text(occurrence)]);
        if let Some(kind) = kind {
            scan.from = std::ops::Bound::Included(vec![view::text(kind)]);
            scan.to = scan.from.clone();
        }
        let mut found = view::scan(rows.as_ref(), &scan)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let place = |row: &Found| {
            (
                row.text("kind").unwrap_or_default().to_owned(),
                row.text("occurrence").unwrap_or_default().to_owned(),
            )
        };
        let next = found.last().filter(|_| more).map(|row| cursor(&place(row)));
        let mut told = Vec::with_capacity(found.len());
        let mut sums = Sums::default();
        for milestone in &found {
            told.push(milestone_body(rows.as_ref(), &key, milestone, &mut sums)?);
        }
        let summary = sums.words(row.is_some(), found.is_empty(), more);
        Ok(ok(
            headers,
            json!({
                "member": view::opaque(member),
                "number": view::number(&state, &caller, member, row.as_ref())?,
                "summary": summary,
                "milestones": told,
                "next": next,
            }),
        ))
    })
    .await?
}

/// What the milestones of a page came to.
#[derive(Default)]
struct Sums {
    awarded: usize,
    nothing: usize,
    points: i64,
}

impl Sums {
    fn words(&self, known: bool, none: bool, more: bool) -> String {
        let page = if more { " on this page" } else { "" };
        match (none, known) {
            (true, true) => {
                "No milestone was reported for this member: there was nothing to award.".to_owned()
            }
            (true, false) => {
                "Neither a worker state nor a milestone was reported for this member.".to_owned()
            }
            (false, _) => format!(
                "{} milestone(s){page} earned {} points altogether; {} earned nothing, or it was taken back: each says why.",
                self.awarded, self.points, self.nothing
            ),
        }
    }
}

fn milestone_body(
    rows: &dyn Rows,
    key: &[Value],
    milestone: &Found,
    sums: &mut Sums,
) -> Result<Json, Problem> {
    let part = |name: &str| view::text(milestone.text(name).unwrap_or_default());
    let mut scan = Scan::new(&considerations::TABLE, key.to_vec(), CAMPAIGNS_MAX);
    scan.from = std::ops::Bound::Included(vec![part("kind"), part("occurrence")]);
    scan.to = scan.from.clone();
    let mut considered = Vec::new();
    let mut earned = false;
    for row in view::scan(rows, &scan)? {
        let grant = match view::bits(&row, "grant") {
            Some(grant) => Some(grant_body(rows, &key[0], &grant, |row| Ok(said(row, "label")))?),
            None => None,
        };
        if row.text("outcome") == Some("awarded") {
            let told = |name: &str| grant.as_ref().and_then(|grant| grant.get(name));
            // What was dropped, refused or taken back was awarded, and is not had.
            if matches!(told("wallet_state").and_then(Json::as_str), Some("owed" | "credited")) {
                earned = true;
                sums.points += told("points").and_then(Json::as_i64).unwrap_or(0);
            }
        }
        considered.push(json!({
            "campaign": said(&row, "campaign"),
            "version": row.int("version").filter(|version| *version > 0),
            "outcome": said(&row, "outcome"),
            "words": words::of_outcome(row.text("outcome").unwrap_or_default()),
            "failed_condition": said(&row, "failed_condition"),
            "considered_at": instant(&row, "considered_at"),
            "again_at": instant(&row, "again_at"),
            "grant": grant,
        }));
    }
    *if earned { &mut sums.awarded } else { &mut sums.nothing } += 1;
    let attributes = milestone.text("attributes").and_then(|text| serde_json::from_str::<Json>(text).ok());
    Ok(json!({
        "kind": said(milestone, "kind"),
        "occurrence": said(milestone, "occurrence"),
        "effective": said(milestone, "effective"),
        "known_on": said(milestone, "known_on"),
        "moved_from": said(milestone, "moved_from"),
        "state": said(milestone, "state"),
        "connection": said(milestone, "connection"),
        "source_id": said(milestone, "source_id"),
        "years": said(milestone, "years"),
        "attributes": attributes,
        "updated_at": instant(milestone, "updated_at"),
        "considered": considered,
    }))
}

/// A grant, as the wallet's and the budget's rows have it; `null` when neither knows it.
pub fn grant_body(
    rows: &dyn Rows,
    tenant: &Value,
    grant: &[u8; 16],
    label: impl Fn(&Found) -> Result<Json, Problem>,
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
    let held = budget.as_ref().filter(|_| in_budget.as_deref() == Some("held"));
    let held_for = held.and_then(|row| row.text("held_for"));
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
        "words": words::of_grant(in_wallet.as_deref(), in_budget.as_deref()),
        "held_for": held_for,
        "held_words": held_for.map(words::of_hold),
        "granted_at": at(&wallet, "granted_at"),
        "activates_at": at(&wallet, "activates_at"),
        "expires_at": at(&wallet, "expires_at"),
        "lot": number("lot"),
        "reason": either("reason"),
        "shortfall": number("shortfall").filter(|shortfall| *shortfall > 0),
    }))
}
