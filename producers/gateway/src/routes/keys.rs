//! API keys: issued, their text told once; revoked.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use mirabelle_domain::command::{IssueKey, RevokeKey, Role, TenantMode};
use mirabelle_domain::tables::keys as rows_of_keys;
use mirabelle_domain::{AccountId, Fact, MemberId, Name, Timestamp};
use mirabelle_store::{Found, Scan};
use serde::Serialize;

use crate::auth::{Caller, SYSTEM, make_key};
use crate::directory::Key;
use crate::json::Members;
use crate::problem::{self, Problem};
use crate::routes::read::params::PathOf;
use crate::routes::read::view;
use crate::routes::table::{KeyRule, Route};
use crate::routes::{Shared, Told, body, conclude, json, members_or_none};
use crate::seed::role;
use crate::send::{Outcome, Wish, answer_headers, blocking, key_or_new, pending, send};
use crate::state::State;

const ISSUERS: &[Role] = &[Role::Operator, Role::Admin];

/// What an admin may hand out by itself. The others let their holder do what the admin must not do alone.
const OF_ADMINS: &[Role] =
    &[Role::Service, Role::Member, Role::Approver, Role::Analyst, Role::Auditor, Role::Connector];

const KEY: &str = r#"{"type":"object","properties":{"key_id":{"type":"string"},"client":{"type":"string"},"roles":{"type":"array","items":{"type":"string"}},"connection":{"type":"string"},"member":{"type":"string"},"expires_at":{"type":"string","format":"date-time"},"key":{"type":"string","description":"the key's text, told this once"}}}"#;

const KEYS: &str = r#"{"type":"object","properties":{"keys":{"type":"array","items":{"type":"object","required":["key_id","state","client","roles"],"properties":{"key_id":{"type":"string"},"state":{"enum":["issued","revoked"]},"client":{"type":"string"},"roles":{"type":"array","items":{"type":"string"}},"connection":{"type":"string"},"member":{"type":"string"},"issued_at":{"type":"string","format":"date-time"},"issuer":{"type":"string"},"expires_at":{"type":"string","format":"date-time"},"revoked_at":{"type":"string","format":"date-time"},"revoker":{"type":"string"}}}}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/keys", || post(issue))
        .roles(ISSUERS)
        .summary("Issue a key; its text is told once and kept nowhere")
        .request(r#"{"type":"object","additionalProperties":false,"required":["name","roles"],"properties":{"name":{"type":"string"},"client":{"type":"string","description":"the integration: scope of idempotency keys; a rotated key keeps it; left out: the name"},"roles":{"type":"array","minItems":1,"items":{"enum":["operator","admin","publisher","service","member","analyst","auditor","connector"]}},"member":{"type":"string","description":"for the role member"},"connection":{"type":"string","description":"for the role connector"},"expires_at":{"type":"string","format":"date-time"}}}"#)
        .answer(201, "Issued", KEY),
    Route::get("/v1/keys", || get(list))
        .roles(&[Role::Operator, Role::Admin, Role::Auditor])
        .summary("The tenant's keys, without their texts; revoked ones too")
        .answer(200, "The keys, by name", KEYS),
    Route::post("/v1/keys/{key}/revoke", || post(revoke))
        .roles(ISSUERS)
        .summary("Revoke a key, at once and for good")
        .key(KeyRule::Optional)
        .request(r#"{"type":"object","additionalProperties":false,"properties":{"reason":{"type":"string"}}}"#)
        .answer(200, "Revoked", r#"{"type":"object","properties":{"key_id":{"type":"string"},"state":{"const":"revoked"}}}"#),
];

#[derive(Serialize)]
struct KeyBody<'a> {
    key_id: String,
    client: String,
    roles: &'a [Role],
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

async fn issue(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let mut members = Members::of(&body(&state, request).await?)?;
    let (shared, asking) = (Arc::clone(&state), caller.clone());
    let read = blocking(move || {
        let read = read(&shared, &asking, &mut members)?;
        members.end()?;
        Ok::<_, Problem>(read)
    });
    let (issue, text) = read.await??;
    let roles = issue.roles.clone();
    let told = KeyBody {
        key_id: issue.key_id.to_string(),
        client: issue.client.to_string(),
        roles: &roles,
        connection: issue.connection.as_ref().map(Name::to_string),
        member: issue.member.map(|member| format!("m:{member}")),
        expires_at: issue.expires_at.map(|at| at.to_string()),
        key: Some(text),
    };
    // Each issue is a wish of its own: the text of a key can't be told twice, so a repeat could not be answered.
    let key = key_or_new(&HeaderMap::new())?;
    let account = AccountId::configuration(caller.tenant().clone());
    let wish = Wish {
        account: account.clone(),
        command: issue.into(),
        key: key.clone(),
        reason: None,
        on_behalf_of: None,
        local_day: None,
    };
    match send(&state, &caller, &headers, wish).await? {
        // It opens as soon as it is decided; its text can't be told later.
        Outcome::Pending => {
            let (status, headers) = pending(&caller, &account, &key);
            Ok(json(status, headers, &told))
        }
        Outcome::Decided { answer, .. } => {
            Ok(json(StatusCode::CREATED, answer_headers(&state, &answer, false), &told))
        }
    }
}

fn read(state: &State, caller: &Caller, members: &mut Members) -> Result<(IssueKey, String), Problem> {
    let name: Name = members.parsed("name")?;
    let client: Option<Name> = members.parsed_option("client")?;
    let mut roles = Vec::new();
    for (pointer, text) in members.texts("roles", 16)? {
        match role(&text) {
            Role::Unknown => {
                let what =
                    "a role is operator, admin, publisher, service, member, analyst, auditor or connector";
                return Err(Problem::new(problem::MALFORMED, format!("{pointer}: {what}")).at(
                    pointer,
                    "not_valid",
                    what,
                ));
            }
            Role::Approver => {
                let what =
                    "nothing can be approved yet, so that a key of the role approver would open nothing";
                return Err(Problem::rejected("invalid", what, Some(&pointer)));
            }
            role => roles.push(role),
        }
    }
    may_hand_out(state, caller, &roles)?;
    let number = members.text_option("member", 160)?;
    let member =
        number.map(|number| crate::member::for_write(state, caller.tenant(), &number)).transpose()?;
    let connection: Option<Name> = members.parsed_option("connection")?;
    if let Some(connection) = &connection {
        let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
        if tenant.at(Timestamp(i64::MAX)).connection(connection).is_none() {
            return Err(Problem::rejected(
                "invalid",
                "the tenant has no such connection",
                Some("/connection"),
            ));
        }
    }
    let expires_at = members.instant("expires_at")?;
    let text = format!("{}.{name}", caller.tenant());
    let key_id: Name = text.parse().map_err(|_| {
        let what = "tenant and name together have at most 64 characters";
        Problem::new(problem::MALFORMED, format!("/name: {what}")).at("/name", "too_long", what)
    })?;
    let (text, hash) = make_key(key_id.as_str(), &rand::random());
    let client = client.unwrap_or(name);
    Ok((IssueKey { key_id, hash, client, roles, member, connection, expires_at }, text))
}

/// Operators' keys are the installation's and nothing else; an admin of a live tenant hands out nothing by which it
/// could publish its own drafts.
fn may_hand_out(state: &State, caller: &Caller, roles: &[Role]) -> Result<(), Problem> {
    let of_system = caller.tenant().as_str() == SYSTEM;
    if roles.iter().any(|role| (*role == Role::Operator) != of_system) {
        let what = "the role operator, and no other, belongs to keys of the installation itself";
        return Err(Problem::rejected("invalid", what, Some("/roles")));
    }
    if caller.has(&[Role::Operator]) {
        return Ok(());
    }
    let mode = state.directory.tenant(caller.tenant()).map(|tenant| tenant.mode);
    let alone = roles.iter().all(|role| OF_ADMINS.contains(role));
    if alone || mode == Some(TenantMode::Sandbox) {
        return Ok(());
    }
    let what = "in a live tenant only an operator issues keys of the roles admin and publisher";
    Err(Problem::new(problem::FORBIDDEN, what).at("/roles", "not_allowed", what))
}

async fn list(Extract(state): Extract<Shared>, caller: Caller) -> Result<Response, Problem> {
    blocking(move || {
        let headers = view::position(&state, &AccountId::configuration(caller.tenant().clone()));
        let keys = keys(&state, &caller)?;
        Ok(view::ok(headers, serde_json::json!({"keys": keys})))
    })
    .await?
}

/// Every key that the tenant ever had, by name. What opens is what the directory knows, at this very moment; who issued
/// and revoked it, and when, the rows tell.
fn keys(state: &State, caller: &Caller) -> Result<Vec<serde_json::Value>, Problem> {
    let mut live: BTreeMap<String, Arc<Key>> = BTreeMap::new();
    for key in state.directory.keys_of(caller.tenant()) {
        live.insert(key.key_id.to_string(), key);
    }
    let rows = view::rows(state)?;
    let mut scan = Scan::new(&rows_of_keys::TABLE, vec![view::text(caller.tenant())], PAGE);
    let mut told = BTreeMap::new();
    loop {
        let page = view::scan(rows.as_ref(), &scan)?;
        for row in &page {
            let key_id = row.text("key_id").unwrap_or_default().to_owned();
            live.remove(&key_id);
            let revoked = state.directory.is_revoked(&key_id);
            told.insert(key_id, of_row(row, revoked));
        }
        match page.last() {
            Some(last) if page.len() == PAGE => scan.after = Some(last.key[1..].to_vec()),
            _ => break,
        }
    }
    // Issued a moment ago: the rows don't have them yet.
    told.extend(live.into_iter().map(|(key_id, key)| (key_id, of_directory(&key))));
    Ok(told.into_values().collect())
}

/// Keys read at once.
const PAGE: usize = 1_000;

fn of_row(row: &Found, revoked: bool) -> serde_json::Value {
    let roles: Vec<&str> =
        row.text("roles").unwrap_or_default().split(',').filter(|role| !role.is_empty()).collect();
    serde_json::json!({
        "key_id": view::said(row, "key_id"),
        "state": if revoked || row.text("state") == Some("revoked") { "revoked" } else { "issued" },
        "client": view::said(row, "client"),
        "roles": roles,
        "connection": view::said(row, "connection"),
        "member": view::bits(row, "member").map(|member| view::opaque(MemberId(member))),
        "issued_at": view::instant(row, "issued_at"),
        "issuer": view::said(row, "issuer"),
        "expires_at": view::instant(row, "expires_at"),
        "revoked_at": view::instant(row, "revoked_at"),
        "revoker": view::said(row, "revoker"),
    })
}

fn of_directory(key: &Key) -> serde_json::Value {
    serde_json::json!({
        "key_id": key.key_id,
        "state": "issued",
        "client": key.client,
        "roles": key.roles,
        "connection": key.connection,
        "member": key.member.map(view::opaque),
        "expires_at": key.expires_at.map(|at| at.to_string()),
    })
}

async fn revoke(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(key_id): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = key_or_new(&headers)?;
    let mut members = members_or_none(&state, request).await?;
    let reason = members.text_option("reason", 500)?;
    members.end()?;
    let key_id: Name = key_id.parse().map_err(|_| Problem::missing("key"))?;
    if !key_id.as_str().starts_with(&format!("{}.", caller.tenant())) {
        return Err(Problem::missing("key"));
    }
    let account = AccountId::configuration(caller.tenant().clone());
    let command = RevokeKey { key_id }.into();
    let wish = Wish { account, command, key, reason, on_behalf_of: None, local_day: None };
    conclude(&state, &caller, &headers, wish, |answer| {
        answer.facts.iter().find_map(|fact| match fact {
            Fact::KeyRevoked(revoked) => Some(Told::done(serde_json::json!({
                "key_id": revoked.key_id.to_string(), "state": "revoked",
            }))),
            _ => None,
        })
    })
    .await
}
