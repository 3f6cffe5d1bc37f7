//! The router, made from the table; and what stands before every handler: who asks, may they, is there room.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use mirabelle_domain::TenantId;
use mirabelle_domain::command::Role;
use tokio::sync::OwnedSemaphorePermit;
use tracing::error;

use crate::auth::{Caller, authenticate};
use crate::problem::{self, Problem};
use crate::routes::Shared;
use crate::routes::table::{self, KeyRule, Route, Size, Verb};
use crate::send::{reach, read_position};
use crate::state::State;

/// Which route answered, for the metrics.
#[derive(Clone, Copy)]
struct Label(&'static str);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bodies up to this are not counted against the room for bodies.
const UNCOUNTED: usize = 4 << 10;

/// The whole API.
pub fn router(state: &Shared) -> Router {
    let mut paths: BTreeMap<&'static str, (Vec<Verb>, MethodRouter<Shared>)> = BTreeMap::new();
    for route in table::all() {
        let layer = from_fn_with_state((Arc::clone(state), route), guard);
        let handler = (route.handler)().route_layer(layer);
        let (verbs, methods) = paths.remove(route.path).unwrap_or_default();
        let verbs = verbs.into_iter().chain([route.verb]).collect();
        paths.insert(route.path, (verbs, methods.merge(handler)));
    }
    let mut router = Router::new();
    for (path, (verbs, methods)) in paths {
        let allow = allow(&verbs);
        let refuse = move || {
            let problem = Problem::new(problem::METHOD, problem::METHOD.page).allow(allow.clone());
            std::future::ready(problem)
        };
        router = router.route(path, methods.fallback(refuse));
    }
    router
        .fallback(|| std::future::ready(Problem::new(problem::NO_ROUTE, problem::NO_ROUTE.page)))
        .layer(from_fn_with_state(Arc::clone(state), outermost))
        .with_state(Arc::clone(state))
}

fn allow(verbs: &[Verb]) -> String {
    let mut names: Vec<&str> = verbs.iter().map(|verb| verb.name()).collect();
    if verbs.contains(&Verb::Get) {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.join(", ")
}

/// Around everything: the request's id, its time, its place in the metrics, and the end of a panic.
async fn outermost(Extract(state): Extract<Shared>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut work = Box::pin(next.run(request));
    let outcome =
        std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(response)) => Poll::Ready(Some(response)),
            Err(_) => Poll::Ready(None),
        });
    let mut response = outcome.await.unwrap_or_else(|| {
        error!(request_id = id.to_str().unwrap_or_default(), "a handler panicked: see the panic above");
        Problem::new(problem::INTERNAL, problem::INTERNAL.page).into_response()
    });
    let label = response.extensions().get::<Label>().map_or("none", |label| label.0);
    state.metrics.requests.with_label_values(&[label, response.status().as_str()]).inc();
    state.metrics.seconds.observe(begun.elapsed().as_secs_f64());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The sender's id if it is a sane one, else one of ours.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=64).contains(&bytes.len()) && bytes.iter().all(allowed)
    };
    if let Some(given) = headers.get(&REQUEST_ID).filter(sane) {
        return given.clone();
    }
    let first = *FIRST.get_or_init(rand::random::<u64>);
    let text = format!("{first:016x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("none"))
}

static FIRST: std::sync::OnceLock<u64> = std::sync::OnceLock::new();

/// Before a route's handler.
async fn guard(
    Extract((state, route)): Extract<(Shared, &'static Route)>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match enter(&state, route, &mut request).await {
        Ok(room) => {
            let response = next.run(request).await;
            drop(room);
            response
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(Label(route.path));
    response
}

async fn enter(
    state: &Shared,
    route: &Route,
    request: &mut Request,
) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    if !route.roles.is_empty() {
        if !state.is_caught_up() {
            // A key that was revoked lately may still look issued.
            return Err(Problem::new(
                problem::UNAVAILABLE,
                "the server is starting: it reads the log to its end, and the rows follow",
            ));
        }
        let now = state.now();
        let mut caller = authenticate(&state.directory, request.headers(), now)?;
        caller.needs(route.roles)?;
        if let Err(seconds) = state.rate.take(&caller.key.key_id, now) {
            return Err(Problem::new(problem::RATE_LIMITED, problem::RATE_LIMITED.page).retry_after(seconds));
        }
        caller.acting = acting(state, route, &caller, request.uri().query())?;
        request.extensions_mut().insert(caller);
    }
    check_query(route, request.uri().query())?;
    if route.key == KeyRule::Required {
        crate::send::idempotency_key(request.headers())?;
    }
    // A write may be about what was just decided too.
    read_after(state, request.headers()).await?;
    match route.verb {
        Verb::Get => Ok(None),
        Verb::Post => room(state, route, request),
    }
}

/// The tenant that an operator names, `?tenant=`; nobody else can name one.
fn acting(
    state: &State,
    route: &Route,
    caller: &Caller,
    query: Option<&str>,
) -> Result<Option<TenantId>, Problem> {
    let Some(named) = parameters(query).find_map(|(name, value)| (name == "tenant").then_some(value)) else {
        return Ok(None);
    };
    if !takes_tenant(route) || !caller.has(&[Role::Operator]) {
        return Err(Problem::new(
            problem::FORBIDDEN,
            "only an operator's key can name a tenant, where a route takes one",
        ));
    }
    let tenant: TenantId = named.parse().map_err(|_| Problem::missing("tenant"))?;
    if state.directory.tenant(&tenant).is_none() {
        return Err(Problem::missing("tenant"));
    }
    Ok(Some(tenant))
}

/// Whether an operator can name a tenant on this route.
pub fn takes_tenant(route: &Route) -> bool {
    route.roles.contains(&Role::Operator) && route.roles.len() > 1
}

fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn check_query(route: &Route, query: Option<&str>) -> Result<(), Problem> {
    let mut seen = Vec::new();
    for (name, _) in parameters(query) {
        let known =
            route.query.iter().any(|(other, _)| *other == name) || (name == "tenant" && takes_tenant(route));
        if !known {
            let what = unknown_parameter(route);
            // The name is the sender's content: it is told only where it looks like one.
            let sane =
                name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            let place = if sane { format!("?{name}") } else { "?".to_owned() };
            let problem = Problem::new(problem::MALFORMED, format!("{place}: {what}"));
            return Err(problem.at(place, "unknown_parameter", what));
        }
        if seen.contains(&name) {
            let what = "a query parameter stands twice";
            return Err(Problem::new(problem::MALFORMED, what).at(format!("?{name}"), "twice", what));
        }
        seen.push(name);
    }
    Ok(())
}

fn unknown_parameter(route: &Route) -> String {
    let mut names: Vec<&str> = route.query.iter().map(|(name, _)| *name).collect();
    names.extend(takes_tenant(route).then_some("tenant"));
    match names.is_empty() {
        true => "this route takes no query parameters".to_owned(),
        false => format!("no such query parameter: this route takes {}", names.join(", ")),
    }
}

/// Read your writes: waits until the rows hold what the caller has seen decided.
async fn read_after(state: &State, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(position) = headers.get("read-after") else { return Ok(()) };
    let (partition, at) = read_position(state, position.to_str().unwrap_or_default())?;
    reach(state, partition, at).await
}

/// Room for the body, held until the answer: announced by its length, else the most that the route takes.
fn room(state: &State, route: &Route, request: &Request) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    let headers = request.headers();
    let max = match route.size {
        Size::Small => state.options.body_max,
        Size::Config => state.options.config_body_max,
        Size::Delivery => state.options.hris_body_max,
    };
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    // Chunks, and HTTP/2, may leave the length out.
    let bytes = match length {
        Some(length) => length.min(max),
        None if axum::body::HttpBody::is_end_stream(request.body()) => 0,
        None => max,
    };
    if bytes <= UNCOUNTED {
        return Ok(None);
    }
    let units = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
    match Arc::clone(&state.room).try_acquire_many_owned(units) {
        Ok(permit) => Ok(Some(permit)),
        Err(_) => {
            state.metrics.refused.with_label_values(&["bodies"]).inc();
            Err(Problem::new(
                problem::UNAVAILABLE,
                "too many large bodies are being read: come again in a moment",
            ))
        }
    }
}
