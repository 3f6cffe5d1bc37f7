//! A command's way: made, appended, decided, answered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mirabelle_domain::fact::{CommandRejected, CommandRepeated};
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::decisions;
use mirabelle_domain::{AccountId, Command, CommandId, Day, Fact, Key, MemberId, Name};
use mirabelle_ledger::{Position, Sought, find_decision};
use mirabelle_log::{Append, Entry, Partition, Refused, Topic};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, decode_fact, encode_body, encode_command, input_digest, partition_of};

use crate::auth::Caller;
use crate::member::internal;
use crate::problem::{self, Problem};
use crate::state::State;
use crate::waiters::Answer;

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

/// How long the caller is ready to wait (RFC 7240).
pub fn patience(state: &State, headers: &HeaderMap) -> Duration {
    let options = &state.options;
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut patience = options.wait_default;
    for preference in preferences.flat_map(|value| value.split([',', ';'])) {
        let preference = preference.trim();
        if preference.eq_ignore_ascii_case("respond-async") {
            patience = Duration::ZERO;
        } else if let Some(seconds) = preference.strip_prefix("wait=").and_then(|s| s.parse().ok()) {
            patience = Duration::from_secs(seconds).min(options.wait_max);
        }
    }
    patience
}

/// Whether the server can take a command now.
pub fn admit(state: &State) -> Result<(), Problem> {
    if state.parts.progress.lag() > state.options.lag_max {
        state.metrics.refused.with_label_values(&["behind"]).inc();
        return Err(Problem::new(
            problem::UNAVAILABLE,
            "the rows are behind the log: come again in a moment",
        ));
    }
    Ok(())
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
    state: &State,
    caller: &Caller,
    headers: &HeaderMap,
    wish: Wish,
) -> Result<Outcome, Problem> {
    admit(state)?;
    let patience = patience(state, headers);
    let record = record(caller, headers, wish);
    let id = record.id;
    let receiver = state.waiters.wait(id);
    if let Err(error) = append(state, &record, headers) {
        drop(receiver);
        state.waiters.forget(id);
        return Err(refused(state, &error));
    }
    let answer = match tokio::time::timeout(patience, receiver).await {
        Ok(Ok(answer)) => answer,
        // Nobody answers any more, or not in time: it will be decided all the same.
        Ok(Err(_)) | Err(_) => {
            state.waiters.forget(id);
            return Ok(Outcome::Pending);
        }
    };
    settle(state, id, answer).await
}

/// Follows a repeat to the decision that holds, and turns a rejection into its problem.
async fn settle(state: &State, id: CommandId, answer: Arc<Answer>) -> Result<Outcome, Problem> {
    let (answer, replayed) = match answer.facts.as_slice() {
        [Fact::CommandRepeated(repeated)] => {
            if !repeated.same_body {
                return Err(Problem::new(problem::KEY_REUSED, problem::KEY_REUSED.page));
            }
            (first_answer(state, id, &answer.position, repeated).await?, true)
        }
        _ => (answer, false),
    };
    if let [Fact::CommandRejected(rejected)] = answer.facts.as_slice() {
        let problem = rejection(rejected).header("log-position", log_position(state, &answer));
        return Err(if replayed {
            problem.header("idempotency-replayed", "true".to_owned())
        } else {
            problem
        });
    }
    Ok(Outcome::Decided { answer, replayed })
}

fn rejection(rejected: &CommandRejected) -> Problem {
    Problem::rejected(&rejected.code, rejected.detail.clone(), rejected.pointer.as_deref())
}

fn record(caller: &Caller, headers: &HeaderMap, wish: Wish) -> CommandRecord {
    let client: Name = caller.key.client.clone();
    let (kind, schema, body) = encode_body(&wish.command);
    CommandRecord {
        id: command_id(Namespace::Client, &wish.account, &client, &wish.key),
        account: wish.account,
        namespace: Namespace::Client,
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
        local_day: wish.local_day,
        tzdb: None,
        cause: None,
    }
}

fn append(state: &State, record: &CommandRecord, headers: &HeaderMap) -> Result<(), Refused> {
    let encoded = encode_command(record);
    let trace = headers.get("traceparent").filter(|value| value.len() <= 128);
    let entry = Entry {
        key: record.account.to_string().into_bytes().into(),
        fingerprint: encoded.fingerprint,
        value: encoded.value,
        trace: trace.map(|value| value.as_bytes().to_vec().into()),
    };
    let partition = Partition(partition_of(&record.account, state.parts.log.partitions()));
    state.parts.log.append(vec![Append { topic: Topic::Commands, partition, entry, done: None }])
}

/// The decision that holds for a repeated id, read from the log again: the same facts, so the same answer for ever.
async fn first_answer(
    state: &State,
    id: CommandId,
    repeat: &Position,
    repeated: &CommandRepeated,
) -> Result<Arc<Answer>, Problem> {
    let (progress, position) = (Arc::clone(&state.parts.progress), *repeat);
    let patience = state.options.read_after_max;
    // The first decision lies before its repeat, so its row is there when the repeat's are.
    let reached = state.parts.progress.applied(position.partition) >= position.at
        || blocking(move || progress.wait(position.partition, position.at, patience)).await?;
    if !reached {
        return Err(Problem::new(problem::NOT_YET, problem::NOT_YET.page));
    }
    let rows = state.parts.store.live().map_err(|error| internal(&error))?;
    let row =
        rows.get(&decisions::TABLE, &[Value::Bytes(id.0.to_vec())]).map_err(|error| internal(&error))?;
    let at = row.and_then(|row| row.int("at"));
    let seq = u64::try_from(repeated.first_seq).unwrap_or(0);
    let Some(at) = at else { return Err(internal(&std::io::Error::other("a repeated command has no row"))) };
    let log = Arc::clone(&state.parts.log);
    let sought = Sought { partition: position.partition, seq, at, command_id: id };
    let found =
        blocking(move || find_decision(log.as_ref(), &sought)).await?.map_err(|error| internal(&error))?;
    let Some(decision) = found else {
        return Err(internal(&std::io::Error::other("a repeated command's decision is not in the log")));
    };
    let facts = decision.facts.iter().map(decode_fact).collect::<Result<Vec<_>, _>>();
    let facts = facts.map_err(|error| internal(&error))?;
    let position = Position { seq, at, ..position };
    Ok(Arc::new(Answer { position, accepted_at: decision.accepted_at, facts }))
}

/// Runs what blocks on a thread for it.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
}

/// `v1.<log id>.<partition>.<at>`: opaque to callers.
pub fn log_position(state: &State, answer: &Answer) -> String {
    let id: String = state.parts.log.id().0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1.{id}.{}.{}", answer.position.partition, answer.position.at)
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
pub fn pending(account: &AccountId, key: &Key) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::new();
    let location = format!("/v1/commands/{key}?account={}", account.key);
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(axum::http::header::LOCATION, location);
    }
    (StatusCode::ACCEPTED, headers)
}
