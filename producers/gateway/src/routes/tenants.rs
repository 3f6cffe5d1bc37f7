//! Tenants.

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use mirabelle_domain::command::{CreateTenant, Role, TenantMode};
use mirabelle_domain::{AccountId, Fact, TenantId};
use serde::Serialize;

use crate::auth::Caller;
use crate::json::Members;
use crate::member::internal;
use crate::problem::{self, Problem};
use crate::routes::table::{KeyRule, Route};
use crate::routes::{Shared, Told, body, conclude, json};
use crate::send::{Wish, blocking, key_or_new};
use crate::standards::{is_currency, is_locale};

const TENANT: &str = r#"{"type":"object","properties":{"tenant":{"type":"string"},"title":{"type":"string"},"mode":{"enum":["live","sandbox","synthetic"]},"zone":{"type":"string"},"currency":{"type":"string"},"locale":{"type":"string"}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/tenants", || post(create))
        .roles(&[Role::Operator])
        .summary("Create a tenant; its mode is for ever")
        .key(KeyRule::Optional)
        .request(r#"{"type":"object","additionalProperties":false,"required":["tenant","title","mode","zone","currency"],"properties":{"tenant":{"type":"string","pattern":"^[a-z0-9-][a-z0-9_-]{0,31}$"},"title":{"type":"string"},"mode":{"enum":["live","sandbox","synthetic"]},"zone":{"type":"string","description":"IANA time zone of last resort"},"currency":{"type":"string","description":"ISO 4217"},"locale":{"type":"string","description":"BCP 47","default":"en"}}}"#)
        .answer(201, "Created", TENANT),
    Route::get("/v1/tenants", || get(list))
        .roles(&[Role::Operator])
        .summary("Every tenant of this installation")
        .answer(200, "The tenants, by name", r#"{"type":"object","properties":{"tenants":{"type":"array","items":{"type":"object"}}}}"#),
];

#[derive(Serialize)]
struct TenantBody {
    tenant: String,
    title: String,
    mode: TenantMode,
    zone: String,
    currency: String,
    locale: String,
}

/// A mode by its name.
fn mode(members: &mut Members) -> Result<TenantMode, Problem> {
    match members.text("mode", 16)?.as_str() {
        "live" => Ok(TenantMode::Live),
        "sandbox" => Ok(TenantMode::Sandbox),
        "synthetic" => Ok(TenantMode::Synthetic),
        _ => {
            let what = "live, sandbox or synthetic";
            Err(Problem::new(problem::MALFORMED, format!("/mode: {what}")).at("/mode", "not_valid", what))
        }
    }
}

/// What the rules judge by its shape alone, judged by today's lists: which zones and currencies there are is data that
/// changes, and a decision must come out the same next year.
fn check(create: &CreateTenant) -> Result<(), Problem> {
    let wrong = |pointer: &str, what: &str| {
        Problem::new(problem::MALFORMED, format!("{pointer}: {what}")).at(pointer, "not_valid", what)
    };
    if jiff::tz::TimeZone::get(&create.zone).is_err() {
        return Err(wrong("/zone", "a zone of the time-zone database, such as Europe/Berlin"));
    }
    if !is_currency(&create.currency) {
        return Err(wrong(
            "/currency",
            "a currency in use, by its three capital letters (ISO 4217), such as EUR",
        ));
    }
    if !is_locale(&create.locale) {
        return Err(wrong(
            "/locale",
            "a language, with script and region where needed (BCP 47), such as en or de-DE",
        ));
    }
    Ok(())
}

async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = key_or_new(&headers)?;
    let mut members = Members::of(&body(&state, request).await?)?;
    let tenant: TenantId = members.parsed("tenant")?;
    let create = CreateTenant {
        title: members.text("title", 200)?,
        mode: mode(&mut members)?,
        zone: members.text("zone", 64)?,
        currency: members.text("currency", 3)?,
        locale: members.text_option("locale", 35)?.unwrap_or_else(|| "en".to_owned()),
    };
    members.end()?;
    check(&create)?;
    if tenant.as_str().starts_with('_') {
        let what = "names that begin with _ are reserved";
        return Err(Problem::rejected("invalid", what, Some("/tenant")));
    }
    if state.directory.tenant(&tenant).is_none() {
        // Durable before anything is sealed. Never for a tenant that exists: a key store that was lost must not begin
        // anew, with other ids for the same people.
        let (keys, of) = (state.parts.keys.clone(), tenant.clone());
        blocking(move || keys.create_tenant(&of)).await?.map_err(|error| internal(&error))?;
    }
    let account = AccountId::configuration(tenant.clone());
    let wish =
        Wish { account, command: create.into(), key, reason: None, on_behalf_of: None, local_day: None };
    conclude(&state, &caller, &headers, wish, |answer| {
        let created = answer.facts.iter().find_map(|fact| match fact {
            Fact::TenantCreated(created) => Some(created),
            _ => None,
        })?;
        let body = TenantBody {
            tenant: tenant.to_string(),
            title: created.title.clone(),
            mode: created.mode,
            zone: created.zone.clone(),
            currency: created.currency.clone(),
            locale: created.locale.clone(),
        };
        Some(Told { status: StatusCode::CREATED, location: None, body })
    })
    .await
}

async fn list(Extract(state): Extract<Shared>) -> Response {
    let body = |(tenant, of): (TenantId, std::sync::Arc<crate::directory::Tenant>)| TenantBody {
        tenant: tenant.to_string(),
        title: of.title.clone(),
        mode: of.mode,
        zone: of.zone.clone(),
        currency: of.currency.clone(),
        locale: of.locale.clone(),
    };
    let tenants: Vec<TenantBody> = state.directory.tenants().into_iter().map(body).collect();
    json(StatusCode::OK, HeaderMap::new(), &serde_json::json!({"tenants": tenants}))
}
