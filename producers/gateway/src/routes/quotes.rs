//! What lines would cost now. Nothing is recorded and nothing is promised: `points_max` of a redemption holds a price.

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::{RequestedLine, Role};
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{balances, members as member_rows};
use mirabelle_domain::{Points, Rejection, Timestamp};
use serde_json::json;

use crate::auth::Caller;
use crate::json::Members;
use crate::problem::Problem;
use crate::routes::acting::acting_member;
use crate::routes::redemptions::read_lines;
use crate::routes::table::Route;
use crate::routes::{Shared, body};
use crate::send::{blocking, row};
use crate::state::State;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/quotes", || post(quote))
        .roles(&[Role::Member, Role::Service, Role::Admin])
        .summary("What lines cost now, and whether the member can pay them")
        .request(r#"{"type":"object","additionalProperties":false,"required":["lines"],"properties":{"member":{"type":"string"},"lines":{"type":"array","minItems":1,"maxItems":20,"items":{"type":"object","additionalProperties":false,"required":["product"],"properties":{"product":{"type":"string"},"quantity":{"type":"integer","minimum":1,"maximum":100,"default":1}}}}}}"#)
        .answer(200, "The price", r#"{"type":"object","properties":{"points":{"type":"integer"},"available":{"type":"integer"},"enough":{"type":"boolean"},"lines":{"type":"array","items":{"type":"object","properties":{"line":{"type":"integer"},"product":{"type":"string"},"title":{"type":"string"},"quantity":{"type":"integer"},"unit_points":{"type":"integer"},"points":{"type":"integer"}}}},"priced_at":{"type":"string","format":"date-time"}}}"#),
];

fn refused(rejection: &Rejection) -> Problem {
    Problem::rejected(rejection.code(), rejection.to_string(), rejection.pointer().as_deref())
}

async fn quote(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let mut members = Members::of(&body(&state, request).await?)?;
    let number = members.text_option("member", 160)?;
    let wanted = read_lines(&mut members)?;
    members.end()?;
    let body = blocking(move || price(&state, &caller, &headers, number.as_deref(), &wanted)).await??;
    Ok(crate::routes::json(StatusCode::OK, HeaderMap::new(), &body))
}

/// What the lines cost now. Reads rows.
fn price(
    state: &State,
    caller: &Caller,
    headers: &HeaderMap,
    number: Option<&str>,
    wanted: &[RequestedLine],
) -> Result<serde_json::Value, Problem> {
    let (member, _) = acting_member(state, caller, headers, number)?;
    let key = [Value::Text(caller.tenant().to_string()), Value::Bytes(member.0.to_vec())];
    let worker = row(state, &member_rows::TABLE, &key)?;
    let country = worker.as_ref().and_then(|row| row.text("country")).unwrap_or_default();
    let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
    let now = Timestamp(state.now());
    let in_force = tenant.at(now);
    let mut sum = Points::ZERO;
    let mut lines = Vec::with_capacity(wanted.len());
    for (number, line) in (0..).zip(wanted) {
        let version = in_force.product(&line.product);
        let version = version.ok_or_else(|| refused(&Rejection::UnknownProduct { line: number }))?;
        let product = &version.body;
        let here =
            product.countries.is_empty() || product.countries.iter().any(|c| c.eq_ignore_ascii_case(country));
        if !product.offered || !here {
            return Err(refused(&Rejection::NotOffered { line: number }));
        }
        let cost = product.points.times(line.quantity);
        let too_many = || refused(&Rejection::TooManyPoints);
        let cost = cost.ok_or_else(too_many)?;
        sum = sum.plus(cost).ok_or_else(too_many)?;
        lines.push(json!({
            "line": number,
            "product": line.product.as_str(),
            "title": product.title,
            "quantity": line.quantity,
            "unit_points": product.points.get(),
            "points": cost.get(),
        }));
    }
    let balance = row(state, &balances::TABLE, &key)?;
    let available = balance.and_then(|row| row.int("available")).unwrap_or(0);
    Ok(json!({
        "points": sum.get(),
        "available": available,
        "enough": available >= sum.get(),
        "lines": lines,
        "priced_at": now.to_string(),
    }))
}
