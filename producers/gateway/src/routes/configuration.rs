//! Configuration: drafted, submitted, published by somebody else, withdrawn; and connections, which are one kind of it.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::{
    ConfigKind, DraftVersion, PublishVersion, Role, SubmitVersion, TenantMode, WithdrawVersion,
};
use mirabelle_domain::config::{Connection, ConnectionState};
use mirabelle_domain::{AccountId, Command, Fact, Key, Name, Timestamp};
use serde::Serialize;

use crate::auth::Caller;
use crate::json::{Members, span_of};
use crate::problem::{self, Problem};
use crate::routes::read::params::PathOf;
use crate::routes::table::{KeyRule, Route, Size};
use crate::routes::{Shared, Told, bounded_body, conclude, json, members_or_none};
use crate::send::{Outcome, Wish, answer_headers, key_or_new, pending, send};
use crate::state::State;
use crate::waiters::Answer;

const DRAFTERS: &[Role] = &[Role::Admin, Role::Operator];
const PUBLISHERS: &[Role] = &[Role::Publisher, Role::Admin, Role::Operator];

const DRAFT: &str = r##"{"type":"object","additionalProperties":false,"required":["name","body"],"properties":{"name":{"type":"string"},"body":{"description":"as `kind` in the path says","oneOf":[{"$ref":"#/components/schemas/Campaign"},{"$ref":"#/components/schemas/Product"},{"$ref":"#/components/schemas/Connection"}]},"effective_at":{"type":"string","format":"date-time","description":"in force from then on; left out: as soon as possible"},"reason":{"type":"string"}}}"##;

const CONNECTION: &str = r##"{"type":"object","additionalProperties":false,"required":["connection","body"],"properties":{"connection":{"type":"string"},"body":{"$ref":"#/components/schemas/Connection"},"effective_at":{"type":"string","format":"date-time"},"reason":{"type":"string"}}}"##;

const VERSION: &str = r#"{"type":"object","properties":{"kind":{"enum":["campaign","product","connection"]},"name":{"type":"string"},"version":{"type":"integer"},"state":{"enum":["drafted","submitted","published","withdrawn"]},"number":{"type":"integer","description":"of the publication"},"effective_at":{"type":"string","format":"date-time"}}}"#;

const WHY: &str =
    r#"{"type":"object","additionalProperties":false,"properties":{"reason":{"type":"string"}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/config/{kind}/versions", || post(draft))
        .roles(DRAFTERS)
        .summary("Draft a version of a campaign, a product or a connection")
        .query(&[("publish", "`true`: submit it, and publish it in a sandbox tenant, in the same request")])
        .key(KeyRule::Optional)
        .request(DRAFT)
        .size(Size::Config)
        .answer(201, "Drafted, submitted or published, as `state` says", VERSION),
    Route::post("/v1/config/{kind}/{name}/versions/{version}/submit", || post(submit))
        .roles(DRAFTERS)
        .summary("Hand a draft to a publisher")
        .key(KeyRule::Optional)
        .request(WHY)
        .answer(200, "Submitted", VERSION),
    Route::post("/v1/config/{kind}/{name}/versions/{version}/approve", || post(approve))
        .roles(PUBLISHERS)
        .summary("Publish what another drafted; in a sandbox tenant one's own too")
        .key(KeyRule::Optional)
        .request(WHY)
        .answer(200, "Published and on its way to every partition", VERSION),
    Route::post("/v1/config/{kind}/{name}/versions/{version}/withdraw", || post(withdraw))
        .roles(PUBLISHERS)
        .summary("Throw a draft or a submitted version away")
        .key(KeyRule::Optional)
        .request(WHY)
        .answer(200, "Withdrawn", VERSION),
    Route::post("/v1/connections", || post(connect))
        .roles(DRAFTERS)
        .summary("Configure a connection of an HR system: draft, submit and, in a sandbox tenant, publish")
        .key(KeyRule::Optional)
        .request(CONNECTION)
        .size(Size::Config)
        .answer(201, "Submitted or published, as `state` says", VERSION),
    Route::post("/v1/connections/{connection}/open", || post(open))
        .roles(DRAFTERS)
        .summary("Let a connection's milestones earn")
        .key(KeyRule::Optional)
        .request(WHY)
        .answer(201, "Submitted or published, as `state` says", VERSION),
    Route::post("/v1/connections/{connection}/close", || post(close))
        .roles(DRAFTERS)
        .summary("Refuse a connection's deliveries")
        .key(KeyRule::Optional)
        .request(WHY)
        .answer(201, "Submitted or published, as `state` says", VERSION),
];

/// What a path names that is none of the kinds.
pub const KIND: &str = "kind of configuration (there are campaign, product and connection)";

/// A kind by its name in a path; another does not exist.
pub fn kind_of(text: &str) -> Result<ConfigKind, Problem> {
    match text {
        "campaign" => Ok(ConfigKind::Campaign),
        "product" => Ok(ConfigKind::Product),
        "connection" => Ok(ConfigKind::Connection),
        _ => Err(Problem::missing(KIND)),
    }
}

/// An operator configures connections, and nothing else of a tenant.
fn may(caller: &Caller, kind: ConfigKind, roles: &[Role]) -> Result<(), Problem> {
    if kind != ConfigKind::Connection {
        return caller.needs(roles);
    }
    let with_operator: Vec<Role> = roles.iter().copied().chain([Role::Operator]).collect();
    caller.needs(&with_operator)
}

fn is_sandbox(state: &State, caller: &Caller) -> bool {
    state.directory.tenant(caller.tenant()).is_some_and(|tenant| tenant.mode == TenantMode::Sandbox)
}

#[derive(Serialize)]
struct VersionBody {
    kind: ConfigKind,
    name: String,
    version: u32,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<String>,
}

/// What a decision says about a version.
fn version_of(answer: &Answer) -> Option<VersionBody> {
    let plain = |kind, name: &Name, version, state| VersionBody {
        kind,
        name: name.to_string(),
        version,
        state,
        number: None,
        effective_at: None,
    };
    answer.facts.iter().find_map(|fact| match fact {
        Fact::VersionDrafted(f) => Some(plain(f.kind, &f.name, f.version, "drafted")),
        Fact::VersionSubmitted(f) => Some(plain(f.kind, &f.name, f.version, "submitted")),
        Fact::VersionWithdrawn(f) => Some(plain(f.kind, &f.name, f.version, "withdrawn")),
        Fact::VersionPublished(f) => Some(VersionBody {
            number: Some(f.version.number),
            effective_at: Some(f.version.effective_at.to_string()),
            ..plain(f.version.kind, &f.version.name, f.version.version, "published")
        }),
        _ => None,
    })
}

/// A draft as it was asked for.
struct Draft {
    kind: ConfigKind,
    name: Name,
    body: String,
    effective_at: Option<Timestamp>,
    reason: Option<String>,
}

async fn read_draft(state: &State, request: Request, kind: ConfigKind, name: &str) -> Result<Draft, Problem> {
    let bytes = bounded_body(state, request, state.options.config_body_max, true).await?;
    let mut members = Members::of(&bytes)?;
    let draft = Draft {
        kind,
        name: members.parsed(name)?,
        body: span_of(&bytes, "body").unwrap_or_default().to_owned(),
        effective_at: members.instant("effective_at")?,
        reason: members.text_option("reason", 500)?,
    };
    // The body is kept as it was written; the rules read it strictly, and say what is wrong where.
    Members::from(members.need("body")?, "/body".to_owned())?;
    members.end()?;
    check_mapping(&draft)?;
    Ok(draft)
}

/// The domain keeps a mapping as it is; what reads deliveries has to understand it.
fn check_mapping(draft: &Draft) -> Result<(), Problem> {
    if draft.kind != ConfigKind::Connection {
        return Ok(());
    }
    let Ok(connection) = serde_json::from_str::<Connection>(&draft.body) else { return Ok(()) };
    crate::connection::profile(&connection).map(drop).map_err(|flaw| {
        let detail = format!("the connection's mapping is not valid: {}", flaw.what);
        Problem::rejected("invalid_configuration", detail, Some(&format!("/body/mapping{}", flaw.at)))
    })
}

async fn draft(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(kind): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let kind = kind_of(&kind)?;
    may(&caller, kind, &[Role::Admin])?;
    let headers = request.headers().clone();
    let publish = match request
        .uri()
        .query()
        .and_then(|query| query.split('&').find_map(|p| p.strip_prefix("publish=")))
    {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            let what = "`publish` is true or false";
            return Err(Problem::new(problem::MALFORMED, what).at("?publish", "not_a_boolean", what));
        }
    };
    let draft = read_draft(&state, request, kind, "name").await?;
    if publish {
        return in_one(&state, &caller, &headers, draft).await;
    }
    let key = key_or_new(&headers)?;
    let Draft { kind, name, body, effective_at, reason } = draft;
    let wish = wish(&caller, DraftVersion { kind, name, body, effective_at }, key, reason);
    conclude(&state, &caller, &headers, wish, |answer| {
        Some(Told { status: StatusCode::CREATED, location: None, body: version_of(answer)? })
    })
    .await
}

fn wish(caller: &Caller, command: impl Into<Command>, key: Key, reason: Option<String>) -> Wish {
    let account = AccountId::configuration(caller.tenant().clone());
    Wish { account, command: command.into(), key, reason, on_behalf_of: None, local_day: None }
}

/// The key of one of several commands that a request stands for: a repeat of the request repeats each of them.
fn step_key(key: &Key, step: &str) -> Result<Key, Problem> {
    let mut hasher = blake3::Hasher::new_derive_key("mirabelle gateway steps of one request 1");
    hasher.update(step.as_bytes()).update(&[0]).update(key.as_str().as_bytes());
    let text = format!("step-{}", &hasher.finalize().to_hex()[..32]);
    text.parse().map_err(|error| crate::member::internal(&error))
}

/// Drafts, submits and, where the drafter may, publishes. Each is a command of its own; a repeat goes on where the
/// first attempt stopped.
async fn in_one(
    state: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    draft: Draft,
) -> Result<Response, Problem> {
    let key = key_or_new(headers)?;
    let Draft { kind, name, body, effective_at, reason } = draft;
    let mut last: Option<(Arc<Answer>, bool)> = None;
    let mut version = 0;
    let steps: &[&str] =
        if is_sandbox(state, caller) { &["draft", "submit", "publish"] } else { &["draft", "submit"] };
    for step in steps {
        let command: Command = match *step {
            "draft" => DraftVersion { kind, name: name.clone(), body: body.clone(), effective_at }.into(),
            "submit" => SubmitVersion { kind, name: name.clone(), version }.into(),
            _ => PublishVersion { kind, name: name.clone(), version }.into(),
        };
        // The draft bears the request's own key: with another body it is refused, whether or not it is to be published.
        let step_key = if *step == "draft" { key.clone() } else { step_key(&key, step)? };
        let wish = wish(caller, command, step_key, reason.clone());
        let (account, key) = (wish.account.clone(), wish.key.clone());
        match send(state, caller, headers, wish).await? {
            Outcome::Pending => {
                let (status, headers) = pending(caller, &account, &key);
                return Ok(json(status, headers, &serde_json::json!({"state": "pending"})));
            }
            Outcome::Decided { answer, replayed } => {
                version = version_of(&answer).map_or(version, |told| told.version);
                last = Some((answer, replayed));
            }
        }
    }
    let told = last.as_ref().and_then(|(answer, replayed)| Some((version_of(answer)?, answer, *replayed)));
    let Some((body, answer, replayed)) = told else {
        return Err(crate::member::internal(&std::io::Error::other(
            "a version was decided without its fact",
        )));
    };
    Ok(json(StatusCode::CREATED, answer_headers(state, answer, replayed), &body))
}

type VersionPath = PathOf<(String, String, String)>;

fn version_path((kind, name, version): (String, String, String)) -> Result<(ConfigKind, Name, u32), Problem> {
    let kind = kind_of(&kind)?;
    let name = name.parse().map_err(|_| Problem::missing("version"))?;
    let version = version.parse().ok().filter(|number: &u32| number.to_string() == version);
    Ok((kind, name, version.ok_or_else(|| Problem::missing("version"))?))
}

async fn one_step(
    state: &Shared,
    caller: &Caller,
    request: Request,
    command: Command,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = key_or_new(&headers)?;
    let mut members = members_or_none(state, request).await?;
    let reason = members.text_option("reason", 500)?;
    members.end()?;
    let wish = wish(caller, command, key, reason);
    conclude(state, caller, &headers, wish, |answer| Some(Told::done(version_of(answer)?))).await
}

async fn submit(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(path): VersionPath,
    request: Request,
) -> Result<Response, Problem> {
    let (kind, name, version) = version_path(path)?;
    may(&caller, kind, &[Role::Admin])?;
    one_step(&state, &caller, request, SubmitVersion { kind, name, version }.into()).await
}

async fn approve(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(path): VersionPath,
    request: Request,
) -> Result<Response, Problem> {
    let (kind, name, version) = version_path(path)?;
    // Outside of a sandbox only a publisher, who by the rules is never the drafter.
    let sandbox = is_sandbox(&state, &caller);
    match sandbox {
        true => may(&caller, kind, &[Role::Publisher, Role::Admin])?,
        false => caller.needs(&[Role::Publisher])?,
    }
    one_step(&state, &caller, request, PublishVersion { kind, name, version }.into()).await
}

async fn withdraw(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(path): VersionPath,
    request: Request,
) -> Result<Response, Problem> {
    let (kind, name, version) = version_path(path)?;
    may(&caller, kind, &[Role::Publisher, Role::Admin])?;
    one_step(&state, &caller, request, WithdrawVersion { kind, name, version }.into()).await
}

async fn connect(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let draft = read_draft(&state, request, ConfigKind::Connection, "connection").await?;
    in_one(&state, &caller, &headers, draft).await
}

async fn open(
    state: Extract<Shared>,
    caller: Caller,
    path: PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    turn(state, caller, path, request, ConnectionState::Open).await
}

async fn close(
    state: Extract<Shared>,
    caller: Caller,
    path: PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    turn(state, caller, path, request, ConnectionState::Closed).await
}

async fn turn(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    request: Request,
    to: ConnectionState,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let mut members = members_or_none(&state, request).await?;
    let reason = members.text_option("reason", 500)?;
    members.end()?;
    let name: Name = name.parse().map_err(|_| Problem::missing("published connection"))?;
    let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
    // The latest plan, be it not in force yet: what is said last holds.
    let latest = tenant.at(Timestamp(i64::MAX)).connection(&name).map(|version| Arc::clone(&version.body));
    let connection = Connection {
        state: to,
        ..latest.ok_or_else(|| Problem::missing("published connection"))?.as_ref().clone()
    };
    let body = serde_json::to_string(&connection).map_err(|error| crate::member::internal(&error))?;
    let draft = Draft { kind: ConfigKind::Connection, name, body, effective_at: None, reason };
    in_one(&state, &caller, &headers, draft).await
}
