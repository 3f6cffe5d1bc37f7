//! Budgets, what waits on them, and grants.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::command::Role;
use mirabelle_domain::tables::{budget_held, budgets};
use mirabelle_domain::{AccountId, GrantId, MemberId, Name};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::READERS_AND_MEMBER;
use super::grant::{grant_body, hold_words};
use super::params::{Params, PathOf, cursor};
use super::view::{self, instant, ok, said, sum};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;
use crate::state::State;

const READERS: &[Role] = &[Role::Admin, Role::Analyst, Role::Auditor, Role::Operator];

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::get("/v1/budgets", || get(list))
        .roles(READERS)
        .summary("The tenant's budgets, by name")
        .query(&[("cursor", "`next` of the page before"), ("limit", "budgets of a page, 1 to 1000; 100")])
        .answer(200, "A page of budgets", LIST),
    Route::get("/v1/budgets/{budget}", || get(one))
        .roles(READERS)
        .summary("What is left of a budget: allocated = free + committed + spent")
        .answer(200, "The budget", BUDGET),
    Route::get("/v1/budgets/{budget}/held", || get(held))
        .roles(READERS)
        .summary("Grants that wait for a person to release or decline them")
        .query(&[("cursor", "`next` of the page before"), ("limit", "grants of a page, 1 to 1000; 100")])
        .answer(200, "A page of grants that wait", HELD),
    Route::get("/v1/held", || get(all_held))
        .roles(READERS)
        .summary(
            "Grants of every budget that wait for a person, those on budgets that nobody opened among them",
        )
        .query(&[("cursor", "`next` of the page before"), ("limit", "grants of a page, 1 to 1000; 100")])
        .answer(200, "A page of grants that wait, by budget", HELD),
    Route::get("/v1/grants/{grant}", || get(grant))
        .roles(READERS_AND_MEMBER)
        .summary("Where a grant stands, seen from the wallet and from the budget")
        .answer(200, "The grant", GRANT),
];

const BUDGET: &str = r#"{"type":"object","required":["budget","state","allocated","free","committed","spent"],
"properties":{"budget":{"type":"string"},"title":{"type":"string"},"state":{"type":"string","enum":["open","closed"]},
"allocated":{"type":"integer"},"free":{"type":"integer"},"committed":{"type":"integer"},"spent":{"type":"integer"},
"held":{"type":"integer"},"alerts":{"type":"array","items":{"type":"integer"}},"alerted":{"type":"integer"},
"alerted_at":{"type":"string"},"opened_at":{"type":"string"},"closed_at":{"type":"string"},"as_of":{"type":"string"}}}"#;
const LIST: &str = r#"{"type":"object","required":["budgets"],"properties":{"budgets":{"type":"array",
"items":{"type":"object"}},"next":{"type":"string"}}}"#;
const HELD: &str = r#"{"type":"object","required":["grants"],"properties":{"budget":{"type":"string"},
"grants":{"type":"array","items":{"type":"object","required":["grant","budget","member","points","held_for","words","since"],
"properties":{"grant":{"type":"string"},"budget":{"type":"string"},"member":{"type":"string"},"number":{"type":"string"},
"points":{"type":"integer"},"held_for":{"type":"string"},"words":{"type":"string"},"campaign":{"type":"string"},
"label":{"type":"string"},"since":{"type":"string","format":"date-time"}}}},"next":{"type":"string"}}}"#;
const GRANT: &str = r#"{"type":"object","required":["id","member","words"],"properties":{"id":{"type":"string"},
"member":{"type":"string"},"points":{"type":"integer"},"budget":{"type":"string"},"wallet_state":{"type":"string"},
"budget_state":{"type":"string"},"words":{"type":"string"},"held_for":{"type":"string"},"held_words":{"type":"string"},
"campaign":{"type":"string"},"reason":{"type":"string","description":"why it was released, declined, refused or taken back"},
"resolved_by":{"type":"string","description":"who released or declined it"},"shortfall":{"type":"integer",
"description":"of a grant that was taken back: points that could not be, as they were spent before or an order holds them"}}}"#;

/// Most held grants that are counted with a budget.
const HELD_COUNTED: usize = 10_000;

async fn list(Extract(state): Extract<Shared>, caller: Caller, params: Params) -> Result<Response, Problem> {
    blocking(move || {
        let (limit, after) = (params.limit()?, params.cursor::<String>("cursor")?);
        let rows = view::rows(&state)?;
        let mut scan = Scan::new(&budgets::TABLE, vec![view::text(caller.tenant())], limit + 1);
        scan.after = after.map(|name| vec![view::text(name)]);
        let mut found = view::scan(rows.as_ref(), &scan)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).and_then(|row| row.text("budget")).map(|name| cursor(&name));
        let budgets: Vec<Json> = found.iter().map(body).collect();
        Ok(ok(Default::default(), json!({ "budgets": budgets, "next": next })))
    })
    .await?
}

fn body(row: &Found) -> Json {
    let alerts: Vec<i64> = row
        .text("alerts")
        .unwrap_or_default()
        .split(',')
        .filter_map(|percent| percent.parse().ok())
        .collect();
    json!({
        "budget": said(row, "budget"),
        "title": said(row, "title"),
        "state": said(row, "state"),
        "allocated": sum(Some(row), "allocated"),
        "free": sum(Some(row), "free"),
        "committed": sum(Some(row), "committed"),
        "spent": sum(Some(row), "spent"),
        "alerts": alerts,
        "alerted": row.int("alerted"),
        "alerted_at": instant(row, "alerted_at"),
        "opened_at": instant(row, "opened_at"),
        "closed_at": instant(row, "closed_at"),
        "as_of": instant(row, "as_of"),
    })
}

/// A budget of this name that was opened.
fn find(state: &State, caller: &Caller, name: &str) -> Result<(Name, Found), Problem> {
    let name: Name = name.parse().map_err(|_| Problem::missing("budget"))?;
    let key = [view::text(caller.tenant()), view::text(&name)];
    let row = view::get(view::rows(state)?.as_ref(), &budgets::TABLE, &key)?;
    // Grants can wait on a budget that nobody opened: its row has no state.
    let row = row.filter(|row| row.text("state").is_some()).ok_or_else(|| Problem::missing("budget"))?;
    Ok((name, row))
}

fn held_scan(caller: &Caller, budget: &Name, limit: usize) -> Scan {
    Scan::new(&budget_held::TABLE, vec![view::text(caller.tenant()), view::text(budget)], limit)
}

async fn one(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
) -> Result<Response, Problem> {
    blocking(move || {
        let (name, _) = find(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::budget(caller.tenant().clone(), name.clone()));
        let (name, row) = find(&state, &caller, name.as_str())?;
        let held = view::scan(view::rows(&state)?.as_ref(), &held_scan(&caller, &name, HELD_COUNTED))?.len();
        let mut body = body(&row);
        body["held"] = json!(held);
        Ok(ok(headers, body))
    })
    .await?
}

async fn held(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let (limit, after) = (params.limit()?, params.cursor::<[u8; 16]>("cursor")?);
        let name: Name = name.parse().map_err(|_| Problem::missing("budget"))?;
        let headers = view::position(&state, &AccountId::budget(caller.tenant().clone(), name.clone()));
        let rows = view::rows(&state)?;
        let mut scan = held_scan(&caller, &name, limit + 1);
        scan.after = after.map(|grant| vec![view::id(&grant)]);
        let mut found = view::scan(rows.as_ref(), &scan)?;
        if found.is_empty() {
            // A campaign may name a budget before anybody opens it; only what nobody ever meant does not exist.
            find(&state, &caller, name.as_str())?;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found
            .last()
            .filter(|_| more)
            .and_then(|row| view::bits(row, "grant"))
            .map(|grant| cursor(&grant));
        let grants = found.iter().map(|row| held_body(&state, &caller, rows.as_ref(), &name, row));
        let grants = grants.collect::<Result<Vec<Json>, Problem>>()?;
        Ok(ok(headers, json!({ "budget": name, "grants": grants, "next": next })))
    })
    .await?
}

/// What waits on any budget. Only campaigns' awards ever wait, so every budget that matters is one that a campaign named.
async fn all_held(
    Extract(state): Extract<Shared>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let (limit, after) = (params.limit()?, params.cursor::<(String, [u8; 16])>("cursor")?);
        let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
        let rows = view::rows(&state)?;
        let begin = after.as_ref().map_or("", |(name, _)| name.as_str());
        let mut found: Vec<(&Name, Found)> = Vec::new();
        for name in tenant.published.budgets().into_iter().filter(|name| name.as_str() >= begin) {
            let mut scan = held_scan(&caller, name, limit + 1 - found.len());
            let place = after.as_ref().filter(|(of, _)| of == name.as_str());
            scan.after = place.map(|(_, grant)| vec![view::id(grant)]);
            found.extend(view::scan(rows.as_ref(), &scan)?.into_iter().map(|row| (name, row)));
            if found.len() > limit {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let place = |(name, row): &(&Name, Found)| Some((name.to_string(), view::bits(row, "grant")?));
        let next = found.last().filter(|_| more).and_then(place).map(|place| cursor(&place));
        let grants = found.iter().map(|(name, row)| held_body(&state, &caller, rows.as_ref(), name, row));
        let grants = grants.collect::<Result<Vec<Json>, Problem>>()?;
        Ok(ok(Default::default(), json!({ "grants": grants, "next": next })))
    })
    .await?
}

fn held_body(
    state: &State,
    caller: &Caller,
    rows: &dyn Rows,
    budget: &Name,
    row: &Found,
) -> Result<Json, Problem> {
    let member = view::bits(row, "member").map(MemberId);
    let number = match member {
        Some(member) if view::sees_people(caller) => number_of(state, caller, member)?,
        _ => None,
    };
    let label = match member {
        Some(member) => view::label(state, caller, member, row)?,
        None => Json::Null,
    };
    let held_for = row.text("held_for").unwrap_or_default();
    Ok(json!({
        "grant": view::named(row, "grant"),
        "budget": budget,
        "member": member.map(view::opaque),
        "number": number,
        "points": row.int("points"),
        "held_for": held_for,
        "words": hold_words(rows, &view::text(caller.tenant()), held_for, budget.as_str())?,
        "campaign": said(row, "campaign"),
        "label": label,
        "since": instant(row, "since"),
    }))
}

fn number_of(state: &State, caller: &Caller, member: MemberId) -> Result<Option<String>, Problem> {
    let key = [view::text(caller.tenant()), view::id(&member.0)];
    let row = view::get(view::rows(state)?.as_ref(), &mirabelle_domain::tables::members::TABLE, &key)?;
    view::number(state, caller, member, row.as_ref())
}

async fn grant(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    blocking(move || {
        let grant: GrantId = id.parse().map_err(|_| Problem::missing("grant"))?;
        let rows = view::rows(&state)?;
        let label = |row: &Found| match view::bits(row, "member") {
            Some(member) => view::label(&state, &caller, MemberId(member), row),
            None => Ok(Json::Null),
        };
        let reason = |cell: Json| crate::reason::of_cell(&state, &caller, &cell);
        let body = grant_body(rows.as_ref(), &view::text(caller.tenant()), &grant.0, label, &reason)?;
        let own = view::own(&caller).map(view::opaque);
        let seen = !body.is_null() && own.is_none_or(|own| body["member"] == json!(own));
        if seen { Ok(ok(Default::default(), body)) } else { Err(Problem::missing("grant")) }
    })
    .await?
}
