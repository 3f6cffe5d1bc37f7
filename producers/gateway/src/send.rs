//! A command's way: made, appended, decided, answered.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mirabelle_domain::fact::{CommandRejected, CommandRepeated};
use mirabelle_domain::rows::{Table, Value};
use mirabelle_domain::tables::decisions;
use mirabelle_domain::{
    AccountId, AccountKey, Command, CommandId, Day, Fact, Key, MemberId, Name, TenantId, Timestamp,
};
use mirabelle_ledger::{Position, Sought, TooLarge, command_append, find_decision};
use mirabelle_log::{Partition, Refused, Topic};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord};
use mirabelle_schemas::{BUCKETS, command_id, decode_fact, encode_body, input_digest, partition_of};
use mirabelle_store::Found;

use crate::auth::Caller;
use crate::member::internal;
use crate::prefer::patience;
use crate::problem::{self, Problem};
use crate::routes::{Shared, tzdb_version};
use crate::state::State;
use crate::waiters::Answer;

/// How far a position may lie ahead of the clock, microseconds: no owner decides with a clock further off.
const AHEAD_MAX: i64 = 2_000_000;

/// What a handler wants decided.
pub struct Wish {
    /// Whose account.
    pub account: AccountId,
    /// What.
    pub command: Command,
    /// The caller's key for it.
    pub key: Key,
    /// Why.
    pub reason: Option<String>,
    /// The member for whom a service acts.
    pub on_behalf_of: Option<MemberId>,
    /// The day where the member works.
    pub local_day: Option<Day>,
}

/// What came of it.
pub enum Outcome {
    /// Decided, now or long ago.
    Decided {
        /// The decision that holds.
        answer: Arc<Answer>,
        /// Whether it was decided before.
        replayed: bool,
    },
    /// Appended, or maybe appended; not decided in time.
    Pending,
}

/// The `Idempotency-Key` of a request.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Key, Problem> {
    let wrong = |detail: &str| {
        Problem::new(problem::KEY_REQUIRED, detail).at(
            "Idempotency-Key",
            "required",
            problem::KEY_REQUIRED.page,
        )
    };
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Err(wrong("the header Idempotency-Key is missing")) };
    if values.next().is_some() {
        return Err(wrong("the header Idempotency-Key stands twice"));
    }
    let text = value.to_str().map_err(|_| wrong("an Idempotency-Key is printable ASCII"))?;
    text.parse()
        .map_err(|_| wrong("an Idempotency-Key is 1 to 255 printable ASCII characters without spaces"))
}

/// The `Idempotency-Key` of a request that may come without: then a key of its own, and a repeat is another wish.
pub fn key_or_new(headers: &HeaderMap) -> Result<Key, Problem> {
    if headers.contains_key("idempotency-key") {
        return idempotency_key(headers);
    }
    let text = format!("{:032x}", rand::random::<u128>());
    text.parse().map_err(|error| internal(&error))
}

/// Whether the server can take a command now.
pub fn admit(state: &State) -> Result<(), Problem> {
    if state.parts.progress.lag() > state.options.lag_max_micros {
        state.metrics.refused.with_label_values(&["behind"]).inc();
        return Err(Problem::new(
            problem::UNAVAILABLE,
            "the rows are behind the log: come again in a moment",
        ));
    }
    Ok(())
}

/// Whether the caller's key opens still: it may have been revoked while the body came.
pub fn still_opens(state: &State, caller: &Caller) -> Result<(), Problem> {
    match state.directory.key(caller.key.key_id.as_str()) {
        Some(_) => Ok(()),
        None => Err(Problem::new(problem::UNAUTHENTICATED, problem::UNAUTHENTICATED.page)),
    }
}

/// Whether what a member's account is about to be judged by is what is in force. Budgets and the configuration itself
/// are judged by none of it.
fn adopted(state: &State, account: &AccountId) -> Result<(), Problem> {
    if !matches!(account.key, AccountKey::Member(_)) {
        return Ok(());
    }
    adopted_by(state, &account.tenant, &[partition_of(account, state.parts.log.partitions())])
}

/// Whether partitions have adopted what is in force for a tenant.
pub fn adopted_by(state: &State, tenant: &TenantId, partitions: &[u16]) -> Result<(), Problem> {
    let Some(of) = state.directory.tenant(tenant) else { return Ok(()) };
    let now = Timestamp(state.now());
    if partitions.iter().any(|partition| of.lags(*partition, now)) {
        state.metrics.refused.with_label_values(&["not_adopted"]).inc();
        return Err(Problem::new(problem::NOT_ADOPTED, problem::NOT_ADOPTED.page));
    }
    Ok(())
}

/// Whether a command for this partition would be decided.
pub fn sound(state: &State, partition: Partition) -> Result<(), Problem> {
    let Some(why) = state.ails(partition) else { return Ok(()) };
    state.metrics.refused.with_label_values(&["stopped"]).inc();
    let detail = format!("partition {partition} does not work ({why}); nothing was recorded");
    Err(Problem::new(problem::UNAVAILABLE, detail).retry_after(30))
}

/// What a refused append means to the caller: for certain nothing happened.
pub fn refused(state: &State, refused: &Refused) -> Problem {
    let (reason, detail, seconds) = match refused {
        Refused::Full { .. } => ("full", "the log's queue is full", 1),
        Refused::NoRoom => ("no_room", "the log has no room on its disk", 5),
        Refused::TooLarge { .. } => {
            state.metrics.refused.with_label_values(&["too_large"]).inc();
            return Problem::new(problem::TOO_LARGE, "the command is larger than the log takes");
        }
        Refused::Closed => ("closed", "the server is stopping", 2),
    };
    state.metrics.refused.with_label_values(&[reason]).inc();
    Problem::new(problem::UNAVAILABLE, format!("{detail}; nothing was recorded")).retry_after(seconds)
}

/// Sends a wish and waits for its decision. A rejection, also a remembered one, is an `Err`.
pub async fn send(
    state: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    wish: Wish,
) -> Result<Outcome, Problem> {
    admit(state)?;
    still_opens(state, caller)?;
    adopted(state, &wish.account)?;
    let (patience, _) = patience(state, headers);
    // Each look at a voucher is a record of its own, also one that is asked for again under its key: the audit counts them.
    let is_look = matches!(wish.command, Command::RevealVoucher(_));
    let wish = with_sealed_reason(state, wish).await?;
    let record = record(caller, headers, wish);
    // Answered lately, and out of the log: no second input is needed to say so again.
    if let Some(answer) = state.waiters.recent(record.id).filter(|_| !(is_look || patience.is_zero())) {
        state.metrics.recalled.inc();
        return match answer.digest == record.digest {
            true => told(state, answer, true),
            false => Err(Problem::new(problem::KEY_REUSED, problem::KEY_REUSED.page)),
        };
    }
    let mut ticket = state.waiters.wait(record.id, record.digest);
    append(state, &record, headers)?;
    if patience.is_zero() {
        return Ok(Outcome::Pending);
    }
    let answer = match tokio::time::timeout(patience, ticket.answer()).await {
        Ok(Some(answer)) => answer,
        // Nobody answers any more, or not in time: it will be decided all the same.
        Ok(None) | Err(_) => return Ok(Outcome::Pending),
    };
    drop(ticket);
    settle(state, &record, answer).await
}

/// The wish with its reason as the log keeps it.
async fn with_sealed_reason(state: &Shared, wish: Wish) -> Result<Wish, Problem> {
    if !crate::reason::is_about_people(&wish) {
        return Ok(wish);
    }
    let state = Arc::clone(state);
    blocking(move || {
        let reason = crate::reason::sealed(&state, &wish)?;
        Ok(Wish { reason, ..wish })
    })
    .await?
}

/// Follows a repeat to the decision that holds, and turns a rejection into its problem.
async fn settle(state: &State, record: &CommandRecord, answer: Arc<Answer>) -> Result<Outcome, Problem> {
    let reused = || Problem::new(problem::KEY_REUSED, problem::KEY_REUSED.page);
    let (answer, replayed) = match answer.facts.as_slice() {
        [Fact::CommandRepeated(repeated)] => {
            if !repeated.same_body {
                return Err(reused());
            }
            (first_answer(state, record.id, &answer, repeated).await?, true)
        }
        [Fact::InputSetAside(_)] => return Err(Problem::new(problem::SET_ASIDE, problem::SET_ASIDE.page)),
        // Another request under this key was decided first: with another body it is not this one's answer.
        _ if answer.digest != record.digest => return Err(reused()),
        _ => (answer, false),
    };
    told(state, answer, replayed)
}

/// The decision that holds for an id, as its sender is told.
fn told(state: &State, answer: Arc<Answer>, replayed: bool) -> Result<Outcome, Problem> {
    match answer.facts.as_slice() {
        [Fact::CommandRejected(rejected)] => {
            let problem = rejection(rejected).header("log-position", log_position(state, &answer));
            Err(if replayed { problem.header("idempotency-replayed", "true".to_owned()) } else { problem })
        }
        _ => Ok(Outcome::Decided { answer, replayed }),
    }
}

fn rejection(rejected: &CommandRejected) -> Problem {
    Problem::rejected(&rejected.code, rejected.detail.clone(), rejected.pointer.as_deref())
}

fn record(caller: &Caller, headers: &HeaderMap, wish: Wish) -> CommandRecord {
    let client: Name = caller.key.client.clone();
    let (kind, schema, body) = encode_body(&wish.command);
    CommandRecord {
        id: command_id(caller.namespace(), &wish.account, &client, &wish.key),
        account: wish.account,
        namespace: caller.namespace(),
        kind,
        schema,
        body,
        digest: input_digest(&wish.command),
        actor: Actor {
            principal: client.to_string(),
            kind: ActorKind::Key,
            on_behalf_of: wish.on_behalf_of,
            credential: Some(caller.key.key_id.to_string()),
            request_id: headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
        },
        client,
        key: wish.key,
        reason: wish.reason,
        tzdb: wish.local_day.map(|_| tzdb_version()),
        local_day: wish.local_day,
        cause: None,
    }
}

fn append(state: &State, record: &CommandRecord, headers: &HeaderMap) -> Result<(), Problem> {
    let trace = headers.get("traceparent").filter(|value| value.len() <= 128);
    let trace = trace.map(|value| value.as_bytes().to_vec().into());
    let log = &state.parts.log;
    let append = command_append(Topic::Commands, record, log.partitions(), trace);
    let append =
        append.map_err(|TooLarge { bytes, max }| refused(state, &Refused::TooLarge { bytes, max }))?;
    sound(state, append.partition)?;
    log.append(vec![append]).map_err(|error| refused(state, &error))
}

/// The decision that holds for a repeated id, read from the log again: the same facts, so the same answer for ever.
async fn first_answer(
    state: &State,
    id: CommandId,
    repeat: &Answer,
    repeated: &CommandRepeated,
) -> Result<Arc<Answer>, Problem> {
    // The first decision lies before its repeat, so its row is there when the repeat's are.
    reach(state, repeat.position.partition, repeat.position.at).await?;
    let seq = u64::try_from(repeated.first_seq).unwrap_or(0);
    let (log, store, partition) =
        (Arc::clone(&state.parts.log), Arc::clone(&state.parts.store), repeat.position.partition);
    let sought = blocking(move || {
        let rows = store.live().map_err(|error| internal(&error))?;
        let row = rows.get(&decisions::TABLE, &[Value::Bytes(id.0.to_vec())]);
        let Some(at) = row.map_err(|error| internal(&error))?.and_then(|row| row.int("at")) else {
            return Err(internal(&std::io::Error::other("a repeated command has no row")));
        };
        let sought = Sought { partition, seq, at, command_id: id };
        Ok((at, find_decision(log.as_ref(), &sought).map_err(|error| internal(&error))?))
    });
    let (at, found) = sought.await??;
    let Some(decision) = found else {
        return Err(internal(&std::io::Error::other("a repeated command's decision is not in the log")));
    };
    let facts = decision.facts.iter().map(decode_fact).collect::<Result<Vec<_>, _>>();
    Ok(Arc::new(Answer {
        position: Position { seq, at, ..repeat.position },
        bucket: repeat.bucket,
        digest: decision.input_digest,
        accepted_at: decision.accepted_at,
        facts: facts.map_err(|error| internal(&error))?,
    }))
}

/// Waits, within the bound of `Read-After`, until a partition's rows hold everything up to `at`.
pub async fn reach(state: &State, partition: Partition, at: i64) -> Result<(), Problem> {
    if state.arrivals.reach(partition, at, state.options.read_after_max()).await {
        Ok(())
    } else {
        Err(Problem::new(problem::NOT_YET, problem::NOT_YET.page))
    }
}

/// A row of the live generation.
pub fn row(state: &State, table: &'static Table, key: &[Value]) -> Result<Option<Found>, Problem> {
    let rows = state.parts.store.live().map_err(|error| internal(&error))?;
    rows.get(table, key).map_err(|error| internal(&error))
}

/// Runs what blocks on a thread for it.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
}

/// `v1.<log id>.<bucket>.<at>`: opaque to callers.
pub fn log_position(state: &State, answer: &Answer) -> String {
    format!("v1.{}.{}.{}", hex(&state.parts.log.id().0), answer.bucket, answer.position.at)
}

/// Reads what [`log_position`] wrote: the partition and `at`.
pub fn read_position(state: &State, text: &str) -> Result<(Partition, i64), Problem> {
    let wrong = || {
        let what = "a position is what an answer's Log-Position said, unchanged";
        Problem::new(problem::MALFORMED, format!("Read-After: {what}")).at(
            "Read-After",
            "not_a_position",
            what,
        )
    };
    let mut parts = text.split('.');
    let (Some("v1"), Some(log), Some(bucket), Some(at), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    if log.len() != 32 || !log.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(wrong());
    }
    let bucket: u16 = bucket.parse().map_err(|_| wrong())?;
    let at: i64 = at.parse().map_err(|_| wrong())?;
    // No owner decides that far ahead of the clock: a place there is made up, and nothing ever reaches it.
    if bucket >= BUCKETS || at < 0 || at > state.now().saturating_add(AHEAD_MAX) {
        return Err(wrong());
    }
    if log != hex(&state.parts.log.id().0) {
        return Err(Problem::new(problem::POSITION_LOST, problem::POSITION_LOST.page));
    }
    Ok((Partition(bucket % state.parts.log.partitions()), at))
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

/// The headers of an answer that a decision stands behind.
pub fn answer_headers(state: &State, answer: &Answer, replayed: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(position) = HeaderValue::from_str(&log_position(state, answer)) {
        headers.insert(HeaderName::from_static("log-position"), position);
    }
    if replayed {
        headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    headers
}

/// The answer to what is not decided yet.
pub fn pending(caller: &Caller, account: &AccountId, key: &Key) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::new();
    // An operator's commands lie in the tenant for which they were.
    let tenant = if caller.is_system() { format!("&tenant={}", account.tenant) } else { String::new() };
    let location = format!("/v1/commands/{}?account={}{tenant}", encoded(key.as_str()), account.key);
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(axum::http::header::LOCATION, location);
    }
    (StatusCode::ACCEPTED, headers)
}

/// Percent-encoded for one segment of a path.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
