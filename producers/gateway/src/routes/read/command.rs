//! What came of a command: where a 202 sends its caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::command::Role;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::decisions;
use mirabelle_domain::{AccountId, AccountKey, Command, CommandId, Key, Timestamp};
use mirabelle_schemas::{bucket, command_id};
use mirabelle_store::Found;
use serde_json::{Value as Json, json};

use super::params::{Params, PathOf};
use super::view::{self, ok, said};
use super::words::snake;
use crate::auth::Caller;
use crate::problem::{self, Problem};
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::{blocking, patience, reach};

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/commands/{key}", || get(read))
    .roles(&[Role::Member, Role::Admin, Role::Publisher, Role::Service, Role::Auditor, Role::Operator])
    .summary("What came of the command that was sent under this Idempotency-Key by this key's client")
    .query(&[("account", "whose account: `m:…`, `b:…` or `c:`, as the answer's Location says")])
    .answer(200, "The decision", SCHEMA)
    .also(&[(404, "Nothing is decided under this key, or not yet; with `Prefer: wait=n` it is waited for")])];

const SCHEMA: &str = r#"{"type":"object","required":["id","key","account","state","accepted_at"],"properties":{
"id":{"type":"string"},"key":{"type":"string"},"account":{"type":"string"},"command":{"type":"string"},
"state":{"type":"string","enum":["accepted","rejected"]},"accepted_at":{"type":"string","format":"date-time"},
"decided_at":{"type":"string","format":"date-time"},"seq":{"type":"integer"},
"made":{"type":"array","items":{"type":"string"}},"code":{"type":"string"},"detail":{"type":"string"},
"pointer":{"type":"string"}}}"#;

/// How soon the rows are asked again for a command that nobody has heard of.
const FIRST_LOOK: Duration = Duration::from_millis(10);
/// How often at least they are asked again.
const LAST_LOOK: Duration = Duration::from_secs(1);

async fn read(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(key): PathOf<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key: Key = key.parse().map_err(|_| Problem::missing("command"))?;
    let account = match params.parsed::<AccountKey>("account")? {
        Some(account) => account,
        None => {
            let what = "say whose account, as the answer's Location does";
            let own = view::own(&caller).map(AccountKey::Member);
            own.ok_or_else(|| Problem::new(problem::MALFORMED, what).at("?account", "missing", what))?
        }
    };
    if view::own(&caller).is_some_and(|own| account != AccountKey::Member(own)) {
        return Err(Problem::missing("command"));
    }
    let account = AccountId { tenant: caller.tenant().clone(), key: account };
    let id = command_id(caller.namespace(), &account, &caller.key.client, &key);
    let (wait, preference) = patience(&state, &headers);
    let wait =
        preference.filter(|preference| preference.starts_with("wait=")).map_or(Duration::ZERO, |_| wait);
    let row = awaited(&state, &account, id, wait).await?.ok_or_else(|| Problem::missing("command"))?;
    let position = view::position(&state, &account);
    Ok(ok(position, body(id, &key, &account, &row)))
}

/// The row of a command, waited for if need be. The ticket is taken before the rows are asked, so that a decision that
/// comes between is heard. One that came just before the ticket is not heard again, and its row may not be there yet: so
/// the rows are asked again too, ever less often.
async fn awaited(
    state: &Shared,
    account: &AccountId,
    id: CommandId,
    wait: Duration,
) -> Result<Option<Found>, Problem> {
    if let Some(row) = find(state, account, id).await? {
        return Ok(Some(row));
    }
    let deadline = Instant::now() + wait;
    let mut ticket = state.waiters.wait(id, mirabelle_domain::Digest([0; 16]));
    let mut pause = FIRST_LOOK;
    loop {
        if let Some(row) = find(state, account, id).await? {
            return Ok(Some(row));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match tokio::time::timeout(pause.min(left), ticket.answer()).await {
            Ok(Some(answer)) => {
                debug_assert_eq!(answer.bucket, bucket(account), "an id has one account");
                reach(state, answer.position.partition, answer.position.at).await?;
                return find(state, account, id).await;
            }
            Ok(None) => return Ok(None),
            Err(_) => pause = (pause * 2).min(LAST_LOOK),
        }
    }
}

/// The row, if it is this tenant's: another's does not exist.
async fn find(state: &Shared, account: &AccountId, id: CommandId) -> Result<Option<Found>, Problem> {
    let state = Arc::clone(state);
    let row = blocking(move || {
        let key = [Value::Bytes(id.0.to_vec())];
        view::get(view::rows(&state)?.as_ref(), &decisions::TABLE, &key)
    })
    .await??;
    Ok(row.filter(|row| row.text("tenant") == Some(account.tenant.as_str())))
}

fn body(id: CommandId, key: &Key, account: &AccountId, row: &Found) -> Json {
    let rejected = row.int("accepted") == Some(0);
    let at = row.int("at");
    let accepted_at =
        at.zip(row.int("wait")).map(|(at, wait)| Timestamp(at.saturating_sub(wait)).to_string());
    let made: Vec<String> = row
        .bytes("references")
        .unwrap_or_default()
        .chunks_exact(16)
        .filter_map(|bits| bits.try_into().ok().map(|bits: [u8; 16]| view::hex(&bits)))
        .collect();
    let kind = row.int("kind").and_then(|kind| u16::try_from(kind).ok());
    let name = Command::KINDS.iter().find(|(number, _)| Some(*number) == kind).map(|(_, name)| snake(name));
    let told = |column| if rejected { said(row, column) } else { Json::Null };
    json!({
        "id": id.to_string(),
        "key": key,
        "account": account.key,
        "command": name,
        "state": if rejected { "rejected" } else { "accepted" },
        "accepted_at": accepted_at,
        "decided_at": at.map(|at| Timestamp(at).to_string()),
        "seq": row.int("seq"),
        "made": made,
        "code": told("code"),
        "detail": told("detail"),
        "pointer": told("pointer"),
    })
}
