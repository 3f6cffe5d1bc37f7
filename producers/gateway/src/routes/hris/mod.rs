//! What HR systems deliver: read, sealed, recorded on `milestones`; what can't be read goes to `dead-letters`.
//!
//! ```text
//!   body ─ read ─▶ items ─┬─ milestone, worker ─▶ sealed ─▶ command on `milestones` ─┐
//!                         └─ unreadable ─▶ sealed whole ─▶ `dead-letters` ───────────┴─ durable ─▶ answer
//! ```
//! Nothing is acknowledged before all of it is durable. A delivery that fails on the way may be sent again: what was
//! recorded has the same command ids then, and is decided once.

mod answer;
mod append;
mod body;
mod key;
mod letter;
mod milestone;
mod outcome;
mod plan;
mod profile;
mod reported;
mod worker;

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::Role;
use mirabelle_domain::config::{Connection, ConnectionState};
use mirabelle_domain::{Name, Timestamp};
use mirabelle_hris::{AnswerShape, Limits, Profile};
use mirabelle_log::Topic;

pub use profile::Profiles;
pub use reported::Reported;

use crate::auth::Caller;
use crate::directory::Tenant;
use crate::problem::{self, Problem};
use crate::routes::read::params::{Params, PathOf};
use crate::routes::table::{Route, Size};
use crate::routes::{Shared, bounded_body};
use crate::send::{admit, adopted_by, blocking, still_opens};
use body::Body;
use outcome::{Delivery, Outcome, Planned};

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::post("/v1/hris/{connection}", || post(deliver))
    .roles(&[Role::Connector, Role::Admin, Role::Operator])
    .summary("Take a delivery of an HR system, as that system sends it")
    .query(&[
        ("dry_run", "true: say what each item would be, record nothing"),
        ("variant", "the variant of the connection's mapping that reads it, such as a report by its name"),
        ("dataset", "the dataset that it is, of those in the connection's mapping, such as inactive"),
    ])
    .size(Size::Delivery)
    .answer(
        200,
        "What became of each item; SuccessFactors' own answer where it was asked in SOAP",
        answer::SCHEMA,
    )
    .also(&[
        (409, "The connection is closed"),
        (503, "Not now, or the connection is published and not in force yet: `Retry-After` says when"),
    ])];

/// `POST /v1/hris/{connection}`
async fn deliver(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    let dry_run = params.flag("dry_run")?;
    let Opened { name, connection, profile } = open(&state, &caller, &name)?;
    if !dry_run {
        admit(&state)?;
    }
    let headers = request.headers().clone();
    let body = bounded_body(&state, request, state.options.hris_body_max, false).await?;
    let delivery = Delivery {
        tenant: caller.tenant().clone(),
        name,
        connection,
        credential: caller.key.key_id.to_string(),
        request_id: text(&headers, "x-request-id"),
        trace: text(&headers, "traceparent").filter(|trace| trace.len() <= 128),
        content_type: text(&headers, header::CONTENT_TYPE.as_str()),
        now: state.now(),
        dry_run,
        variant: params.text("variant")?.map(str::to_owned),
        dataset: params.text("dataset")?.map(str::to_owned),
    };
    let room = state.profiles.room(body.len()).await;
    // A change of threads costs more than reading a small body does.
    let early = (body.len() <= LIGHT_BYTES).then(|| Body::of(&state, &delivery, profile.as_deref(), &body));
    let (delivery, planned) = match early {
        Some(read) if read.is_light() && state.parts.store.is_in_process() => {
            let planned = plan::plan(&state, &delivery, read, &body)?;
            (delivery, planned)
        }
        early => {
            let shared = Arc::clone(&state);
            let work = move || {
                let read = early.unwrap_or_else(|| Body::of(&shared, &delivery, profile.as_deref(), &body));
                let planned = plan::plan(&shared, &delivery, read, &body)?;
                Ok::<_, Problem>((delivery, planned))
            };
            blocking(work).await??
        }
    };
    drop(room);
    let Planned { items, shape } = planned;
    let outcomes = if dry_run {
        items.into_iter().map(|item| item.outcome).collect()
    } else {
        still_opens(&state, &caller)?;
        // Each person's partition alone: one that stopped holds up nobody else. Letters are judged by nothing.
        let judged = items.iter().flat_map(|item| &item.appends);
        let judged = judged.filter(|append| append.topic == Topic::Milestones);
        let partitions: Vec<u16> = judged.map(|append| append.partition.0).collect();
        adopted_by(&state, &delivery.tenant, &partitions)?;
        append::append(&state, &delivery, items, append::patience(&state, &headers)).await?
    };
    count(&state, &delivery, &outcomes);
    // Whoever tries a delivery, or asks for JSON and nothing else, is a person or a script of theirs, whatever the
    // system speaks: only JSON says what became of each item.
    let for_people =
        dry_run || text(&headers, header::ACCEPT.as_str()).as_deref() == Some("application/json");
    let shape = if for_people { AnswerShape::Json } else { shape };
    Ok(answer::answer(&delivery, &shape, &outcomes))
}

/// Bytes of a body that is read where it came in.
const LIGHT_BYTES: usize = 16 << 10;

/// A connection that takes deliveries.
struct Opened {
    name: Name,
    connection: Arc<Connection>,
    /// How its bodies are read; `None`: its mapping can't be used.
    profile: Option<Arc<Profile>>,
}

/// The connection that a caller may deliver to.
fn open(state: &Shared, caller: &Caller, name: &str) -> Result<Opened, Problem> {
    let name: Name = name.parse().map_err(|_| Problem::missing("published connection"))?;
    let everywhere = caller.has(&[Role::Admin, Role::Operator]);
    if !everywhere && caller.key.connection.as_ref() != Some(&name) {
        return Err(Problem::new(problem::FORBIDDEN, "the key delivers to another connection"));
    }
    let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
    let now = state.now();
    let Some(version) = tenant.at(Timestamp(now)).connection(&name) else {
        return Err(not_in_force(&tenant, &name, now));
    };
    let connection = Arc::clone(&version.body);
    if connection.state == ConnectionState::Closed {
        return Err(Problem::new(problem::CLOSED_CONNECTION, problem::CLOSED_CONNECTION.page));
    }
    let profile = state.profiles.of(caller.tenant(), &name, version.version, &connection);
    Ok(Opened { name, connection, profile })
}

/// A connection that is none now: to come, or unknown. What was drafted or submitted only is not published, and nobody
/// has agreed to take anything on it.
fn not_in_force(tenant: &Tenant, name: &Name, now: i64) -> Problem {
    let Some(begins) = tenant.published.connection_begins(name) else {
        return Problem::missing("published connection");
    };
    let seconds = (begins.0 - now).div_euclid(1_000_000) + 1;
    let detail = format!("the connection is published and in force from {begins}; nothing was recorded");
    Problem::new(problem::NOT_IN_FORCE, detail)
        .retry_after(u32::try_from(seconds.clamp(1, RETRY_MAX)).unwrap_or(1))
}

/// Longest time after which a sender is asked to come again, seconds.
const RETRY_MAX: i64 = 3_600;

/// A delivery as large as the door takes; a report of a whole workforce among them.
fn limits(bytes: usize) -> Limits {
    Limits { bytes, values: 1_000_000, items: 50_000, ..Limits::push() }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn count(state: &Shared, delivery: &Delivery, outcomes: &[Outcome]) {
    if delivery.dry_run {
        return;
    }
    let system = profile::system_name(delivery.connection.system);
    for outcome in outcomes {
        state.metrics.deliveries.with_label_values(&[system, outcome.status.name()]).inc();
    }
}
