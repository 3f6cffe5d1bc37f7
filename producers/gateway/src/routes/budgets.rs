//! Budgets: opened, filled, closed; and the grants that wait there for a person.

use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::{AllocateBudget, CloseBudget, OpenBudget, ResolveHeldGrant, Role};
use mirabelle_domain::fact::BudgetBalance;
use mirabelle_domain::points::POINTS_MAX;
use mirabelle_domain::{AccountId, Command, Fact, GrantId, Key, Name};
use serde_json::json;

use crate::auth::Caller;
use crate::json::Members;
use crate::problem::{self, Problem};
use crate::routes::grants::SumsBody;
use crate::routes::read::params::PathOf;
use crate::routes::table::{KeyRule, Route};
use crate::routes::{Shared, Told, body, conclude, members_or_none, reason};
use crate::send::{Wish, idempotency_key, key_or_new};

const SUMS: &str = r#"{"type":"object","properties":{"budget":{"type":"string"},"allocated":{"type":"integer"},"free":{"type":"integer"},"committed":{"type":"integer"},"spent":{"type":"integer"}}}"#;

const REASON: &str = r#"{"type":"object","additionalProperties":false,"required":["reason"],"properties":{"reason":{"type":"string"}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/budgets", || post(open))
        .roles(&[Role::Admin])
        .summary("Open a budget")
        .key(KeyRule::Optional)
        .request(r#"{"type":"object","additionalProperties":false,"required":["budget","title"],"properties":{"budget":{"type":"string"},"title":{"type":"string"},"alerts":{"type":"array","maxItems":10,"items":{"type":"integer","minimum":1,"maximum":100},"description":"percentages, rising"}}}"#)
        .answer(201, "Opened, empty", SUMS),
    Route::post("/v1/budgets/{budget}/allocations", || post(allocate))
        .roles(&[Role::Admin])
        .summary("Put points into a budget, or take free ones out")
        .key(KeyRule::Required)
        .request(r#"{"type":"object","additionalProperties":false,"required":["points"],"properties":{"points":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991,"not":{"const":0}},"reason":{"type":"string"}}}"#)
        .answer(201, "The sums after", SUMS),
    Route::post("/v1/budgets/{budget}/close", || post(close))
        .roles(&[Role::Admin])
        .summary("Close a budget: what is on the way is settled, nothing new begins")
        .key(KeyRule::Optional)
        .request(REASON)
        .answer(200, "Closed", SUMS),
    Route::post("/v1/budgets/{budget}/held/{grant}/release", || post(release))
        .roles(&[Role::Admin])
        .summary("Pay a grant that waits for a person")
        .key(KeyRule::Required)
        .request(REASON)
        .answer(200, "Committed and on its way", r#"{"type":"object"}"#),
    Route::post("/v1/budgets/{budget}/held/{grant}/decline", || post(decline))
        .roles(&[Role::Admin])
        .summary("Decline a grant that waits for a person, for good")
        .key(KeyRule::Required)
        .request(REASON)
        .answer(200, "Declined", r#"{"type":"object"}"#),
];

fn named(text: &str) -> Result<Name, Problem> {
    text.parse().map_err(|_| Problem::missing("budget"))
}

fn wish(
    caller: &Caller,
    budget: &Name,
    command: impl Into<Command>,
    key: Key,
    reason: Option<String>,
) -> Wish {
    let account = AccountId::budget(caller.tenant().clone(), budget.clone());
    Wish { account, command: command.into(), key, reason, on_behalf_of: None, local_day: None }
}

async fn open(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = key_or_new(&headers)?;
    let mut members = Members::of(&body(&state, request).await?)?;
    let budget: Name = members.parsed("budget")?;
    let title = members.text("title", 200)?;
    let alerts = members.ints("alerts", 10, 1..=100)?;
    members.end()?;
    let alerts = alerts.into_iter().filter_map(|alert| i32::try_from(alert).ok()).collect();
    let wish = wish(&caller, &budget, OpenBudget { title, alerts }, key, None);
    conclude(&state, &caller, &headers, wish, |answer| {
        let opened = answer.facts.iter().any(|fact| matches!(fact, Fact::BudgetOpened(_)));
        let sums = SumsBody::new(budget.as_str(), &BudgetBalance::default());
        opened.then(|| Told::created(format!("/v1/budgets/{budget}"), sums))
    })
    .await
}

async fn allocate(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(budget): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let mut members = Members::of(&body(&state, request).await?)?;
    let delta = members.int("points", -POINTS_MAX..=POINTS_MAX)?;
    let why = members.text_option("reason", 500)?;
    members.end()?;
    if delta == 0 {
        let what = "put points in, or take some out: not zero";
        return Err(Problem::new(problem::MALFORMED, format!("/points: {what}")).at("/points", "zero", what));
    }
    let budget = named(&budget)?;
    let wish = wish(&caller, &budget, AllocateBudget { delta }, key, why);
    conclude(&state, &caller, &headers, wish, |answer| {
        answer.facts.iter().find_map(|fact| match fact {
            Fact::BudgetAllocated(allocated) => Some(Told {
                status: StatusCode::CREATED,
                location: None,
                body: SumsBody::new(budget.as_str(), &allocated.balance),
            }),
            _ => None,
        })
    })
    .await
}

async fn close(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(budget): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = key_or_new(&headers)?;
    let mut members = members_or_none(&state, request).await?;
    let why = reason(&mut members)?;
    members.end()?;
    let budget = named(&budget)?;
    let wish = wish(&caller, &budget, CloseBudget {}, key, Some(why));
    conclude(&state, &caller, &headers, wish, |answer| {
        answer.facts.iter().find_map(|fact| match fact {
            Fact::BudgetClosed(closed) => Some(Told::done(SumsBody::new(budget.as_str(), &closed.balance))),
            _ => None,
        })
    })
    .await
}

async fn release(
    state: Extract<Shared>,
    caller: Caller,
    path: PathOf<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    resolve(state, caller, path, request, true).await
}

async fn decline(
    state: Extract<Shared>,
    caller: Caller,
    path: PathOf<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    resolve(state, caller, path, request, false).await
}

async fn resolve(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf((budget, grant)): PathOf<(String, String)>,
    request: Request,
    release: bool,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let mut members = members_or_none(&state, request).await?;
    let why = reason(&mut members)?;
    members.end()?;
    let budget = named(&budget)?;
    let grant: GrantId = grant.parse().map_err(|_| Problem::missing("grant"))?;
    let wish = wish(&caller, &budget, ResolveHeldGrant { grant, release }, key, Some(why));
    conclude(&state, &caller, &headers, wish, |answer| {
        answer.facts.iter().find_map(|fact| match fact {
            Fact::GrantCommitted(committed) => Some(Told::done(json!({
                "id": grant.to_string(),
                "state": "committed",
                "points": committed.grant.points.get(),
                "budget": SumsBody::new(budget.as_str(), &committed.balance),
            }))),
            Fact::GrantDeclined(declined) => Some(Told::done(json!({
                "id": grant.to_string(), "state": "declined", "points": declined.points.get(),
            }))),
            _ => None,
        })
    })
    .await
}
