//! The admin port: health and metrics, for machines; never for the world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State as Extract;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use mirabelle_log::Partition;
use prometheus::{Encoder as _, TextEncoder};

use crate::problem::{self, Problem};
use crate::routes::Shared;

/// Rows further behind than this make the process unready, microseconds.
const UNREADY_LAG: i64 = 30_000_000;

#[derive(Clone)]
struct Admin {
    state: Shared,
    stopping: Arc<AtomicBool>,
}

/// What somebody is told who asks the admin port for the API.
const WRONG_PORT: &str =
    "this is the admin port: it serves /livez, /readyz, /startupz and /metrics; the API is at the other port";

/// `/livez`, `/readyz`, `/startupz`, `/metrics`.
pub fn router(state: Shared, stopping: Arc<AtomicBool>) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/startupz", get(started))
        .route("/metrics", get(metrics))
        .fallback(|| std::future::ready(Problem::new(problem::NO_ROUTE, WRONG_PORT)))
        .with_state(Admin { state, stopping })
}

fn health(sound: bool, says: &'static str) -> Response {
    let status = if sound { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, says).into_response()
}

/// About the process alone: whoever sees it red starts another one. A partition that does not work is the same in the
/// next process; `/readyz` names it.
async fn live(Extract(admin): Extract<Admin>) -> Response {
    match admin.state.health.is_stopped() {
        true => health(false, "the tail of facts has stopped: see the log\n"),
        false => health(true, "ok\n"),
    }
}

async fn started(Extract(admin): Extract<Admin>) -> Response {
    match admin.state.is_caught_up() {
        true => health(true, "ok\n"),
        false => health(false, "reading the log to its end\n"),
    }
}

/// The partitions that do not work, a line each.
fn ailing(state: &Shared) -> Option<String> {
    let partitions = (0..state.parts.log.partitions()).map(Partition);
    let ails = |number: Partition| state.ails(number).map(|why| format!("partition {number}: {why}\n"));
    let lines: String = partitions.filter_map(ails).collect();
    (!lines.is_empty()).then_some(lines)
}

async fn ready(Extract(admin): Extract<Admin>) -> Response {
    let (state, stopping) = (&admin.state, admin.stopping.load(Ordering::Acquire));
    if stopping {
        health(false, "stopping\n")
    } else if let Some(ailing) = ailing(state) {
        (StatusCode::SERVICE_UNAVAILABLE, ailing).into_response()
    } else if state.health.is_stopped() {
        health(false, "the tail of facts has stopped: see the log\n")
    } else if !state.is_caught_up() {
        health(false, "reading the log to its end\n")
    } else if state.parts.progress.lag() > UNREADY_LAG {
        health(false, "the rows are far behind the log\n")
    } else {
        health(true, "ok\n")
    }
}

async fn metrics(Extract(admin): Extract<Admin>) -> Response {
    let state = &admin.state;
    state.metrics.waiting.set(i64::try_from(state.waiters.len()).unwrap_or(i64::MAX));
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    if let Err(error) = encoder.encode(&state.parts.registry.gather(), &mut text) {
        return crate::member::internal(&error).into_response();
    }
    let kind = HeaderValue::from_str(encoder.format_type()).unwrap_or(HeaderValue::from_static("text/plain"));
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
