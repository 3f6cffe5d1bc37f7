//! What came of a command: where a 202 sends its caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::command::Role;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::decisions;
use mirabelle_domain::{AccountId, AccountKey, Command, CommandId, Key, Timestamp};
use mirabelle_ledger::Checkpoint;
use mirabelle_log::{Log, Offset, Partition, ReadError, ReadLimit, Record, Topic, View};
use mirabelle_schemas::{bucket, command_id, decode_command, partition_of};
use mirabelle_store::Found;
use serde_json::{Value as Json, json};

use super::params::{Params, PathOf};
use super::view::{self, ok, said};
use super::words::snake;
use crate::auth::Caller;
use crate::member::internal;
use crate::prefer::patience;
use crate::problem::{self, Problem};
use crate::routes::table::Route;
use crate::routes::{self, Shared};
use crate::send::{blocking, reach};

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/commands/{key}", || get(read))
    .roles(&[Role::Member, Role::Admin, Role::Publisher, Role::Service, Role::Auditor, Role::Operator])
    .summary("What came of the command that was sent under this Idempotency-Key by this key's client")
    .query(&[("account", "whose account: `m:…`, `b:…` or `c:`, as the answer's Location says")])
    .answer(200, "The decision", SCHEMA)
    .also(&[
        (202, "Taken, and not decided yet; with `Prefer: wait=n` it is waited for"),
        (404, "Nothing was sent under this key"),
    ])];

const SCHEMA: &str = r#"{"type":"object","required":["id","key","account","state"],"properties":{
"id":{"type":"string"},"key":{"type":"string"},"account":{"type":"string"},"command":{"type":"string"},
"state":{"type":"string","enum":["pending","accepted","rejected"]},"accepted_at":{"type":"string","format":"date-time"},
"decided_at":{"type":"string","format":"date-time"},"seq":{"type":"integer"},
"made":{"type":"array","items":{"type":"string"}},"code":{"type":"string"},"detail":{"type":"string"},
"pointer":{"type":"string"}}}"#;

/// How soon the rows are asked again for a command that nobody has heard of.
const FIRST_LOOK: Duration = Duration::from_millis(10);
/// How often at least they are asked again.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Undecided inputs that are looked through, in reads of 1,000: more than ever wait, since the door closes first.
const READS_MAX: usize = 200;

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
    let mut row = awaited(&state, &account, id, wait).await?;
    if row.is_none() {
        if is_taken(&state, &account, id).await? {
            return Ok(not_yet(id, &key, &account));
        }
        // It may have been decided while it was looked for among what was not.
        row = find(&state, &account, id).await?;
    }
    let row = row.ok_or_else(|| Problem::missing("command"))?;
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

/// Whether the log has taken this command and the rows don't hold its decision yet: it stands among the inputs behind the
/// last one that the rows know decided. The id is made of the caller's own tenant and client, so that nobody else's is
/// ever found.
async fn is_taken(state: &Shared, account: &AccountId, id: CommandId) -> Result<bool, Problem> {
    let (log, store) = (Arc::clone(&state.parts.log), Arc::clone(&state.parts.store));
    let partition = Partition(partition_of(account, log.partitions()));
    blocking(move || {
        let rows = store.live().map_err(|error| internal(&error))?;
        let checkpoint = rows.checkpoint(partition).map_err(|error| internal(&error))?;
        let decided = checkpoint.and_then(|bytes| postcard::from_bytes::<Checkpoint>(&bytes).ok());
        for (index, topic) in Topic::INPUTS.into_iter().enumerate() {
            let from = decided.map_or(Offset(0), |checkpoint| checkpoint.head.next[index]);
            if stands_behind(log.as_ref(), topic, partition, from, id).map_err(|error| internal(&error))? {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await?
}

fn stands_behind(
    log: &dyn Log,
    topic: Topic,
    partition: Partition,
    from: Offset,
    id: CommandId,
) -> Result<bool, ReadError> {
    let start = log.bounds(topic, partition, View::Durable)?.start;
    let mut reader = log.reader(topic, partition, from.max(start), View::Durable)?;
    let mut records = Vec::new();
    for _ in 0..READS_MAX {
        records.clear();
        reader.read(ReadLimit { records: 1_000, bytes: 4 << 20 }, &mut records)?;
        let is_it = |record: &Record| {
            decode_command(&record.entry.value, record.entry.fingerprint).is_ok_and(|(c, _)| c.id == id)
        };
        if records.iter().any(is_it) {
            return Ok(true);
        }
        if records.is_empty() {
            break;
        }
    }
    Ok(false)
}

fn not_yet(id: CommandId, key: &Key, account: &AccountId) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    let body = json!({ "id": id.to_string(), "key": key, "account": account.key, "state": "pending" });
    routes::json(StatusCode::ACCEPTED, headers, &body)
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
