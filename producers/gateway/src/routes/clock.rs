//! The clock's ear, for trying.

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::Day;
use mirabelle_domain::command::{Role, TenantMode};

use crate::auth::Caller;
use crate::json::Members;
use crate::problem::{self, Problem};
use crate::routes::table::Route;
use crate::routes::{Shared, body, json};

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/clock/run", || post(run))
        .roles(&[Role::Admin, Role::Operator])
        .summary("Take all days up to one as come: anniversaries, birthdays, milestones that waited for their day; vesting and expiry keep to the real time; not in a live tenant")
        .request(r#"{"type":"object","additionalProperties":false,"required":["today"],"properties":{"today":{"type":"string","format":"date"}}}"#)
        .answer(202, "The clock has heard it", r#"{"type":"object","properties":{"today":{"type":"string","format":"date","description":"up to which days are taken as come: the latest that was asked for"},"state":{"const":"running"}}}"#),
];

async fn run(Extract(state): Extract<Shared>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let mut members = Members::of(&body(&state, request).await?)?;
    let today: Day = members.parsed("today")?;
    members.end()?;
    let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
    if tenant.mode == TenantMode::Live {
        return Err(Problem::rejected("invalid", "a live tenant's days come by themselves", None));
    }
    let Some(pretend) = state.parts.pretend.clone() else {
        return Err(Problem::new(problem::UNAVAILABLE, "no clock runs in this process"));
    };
    let of = caller.tenant().clone();
    let latest = crate::send::blocking(move || pretend(&of, today)).await?;
    let body = serde_json::json!({"today": latest.to_string(), "state": "running"});
    Ok(json(StatusCode::ACCEPTED, HeaderMap::new(), &body))
}
