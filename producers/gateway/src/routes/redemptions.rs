//! Redemptions: the hot path.

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use mirabelle_domain::command::{RequestRedemption, RequestedLine, Role};
use mirabelle_domain::fact::{Balance, RedemptionEnd, RedemptionRequested};
use mirabelle_domain::{AccountId, Fact, MemberId, Points};
use serde::Serialize;

use crate::auth::Caller;
use crate::json::Members;
use crate::problem::{self, Problem};
use crate::routes::{Shared, body, json};
use crate::send::{Outcome, Wish, answer_headers, idempotency_key, pending, send};
use crate::state::State;
use crate::waiters::Answer;

/// Most lines of a request.
const LINES_MAX: usize = 20;

/// `POST /v1/redemptions`
pub async fn request(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.needs(&[Role::Member, Role::Service, Role::Admin])?;
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let bytes = body(&state, request).await?;
    let (member, command) = read(&state, &caller, &bytes)?;
    let account = AccountId::member(caller.tenant().clone(), member);
    let on_behalf_of = caller.has(&[Role::Service, Role::Admin]).then_some(member);
    let wish = Wish {
        account: account.clone(),
        command: command.into(),
        key: key.clone(),
        reason: None,
        on_behalf_of,
        local_day: None,
    };
    match send(&state, &caller, &headers, wish).await? {
        Outcome::Pending => {
            let (status, headers) = pending(&account, &key);
            Ok(json(status, headers, &serde_json::json!({"state": "pending"})))
        }
        Outcome::Decided { answer, replayed } => Ok(requested(&state, &answer, replayed)),
    }
}

fn read(state: &State, caller: &Caller, bytes: &[u8]) -> Result<(MemberId, RequestRedemption), Problem> {
    let mut members = Members::of(bytes)?;
    let number = members.text_option("member", 160)?;
    let points_max = members.int_option("points_max", 0..=mirabelle_domain::points::POINTS_MAX)?;
    let mut lines = Vec::new();
    for (pointer, element) in members.list("lines", LINES_MAX)? {
        let mut line = Members::from(element, pointer)?;
        let product = line.parsed("product")?;
        let quantity = line.int_option("quantity", 1..=100)?.unwrap_or(1);
        line.end()?;
        lines.push(RequestedLine { product, quantity: u32::try_from(quantity).unwrap_or(1) });
    }
    members.end()?;
    if lines.is_empty() {
        let what = "at least one line";
        return Err(
            Problem::new(problem::MALFORMED, "/lines: at least one line").at("/lines", "missing", what)
        );
    }
    let member = acting_member(state, caller, number.as_deref())?;
    let points_max = points_max.and_then(|points| Points::new(points).ok());
    Ok((member, RequestRedemption { lines, points_max, note: None }))
}

/// The member whose wallet is meant: a member's key opens its own account alone.
pub fn acting_member(state: &State, caller: &Caller, number: Option<&str>) -> Result<MemberId, Problem> {
    let own = caller.key.member.filter(|_| !caller.has(&[Role::Service, Role::Admin]));
    match (own, number) {
        (Some(own), None) => Ok(own),
        (Some(own), Some(number)) => match crate::member::resolve(state, caller.tenant(), number)? {
            crate::member::Resolution::One(member) if member == own => Ok(own),
            _ => Err(Problem::new(problem::FORBIDDEN, "a member's key opens its own account alone")),
        },
        (None, Some(number)) => crate::member::for_write(state, caller.tenant(), number),
        (None, None) => {
            let what = "say for which member";
            Err(Problem::new(problem::MALFORMED, "/member: say for which member")
                .at("/member", "missing", what))
        }
    }
}

/// A wallet's sums as JSON.
#[derive(Serialize)]
pub struct BalanceBody {
    available: i64,
    pending: i64,
    reserved: i64,
    spent: i64,
}

impl From<&Balance> for BalanceBody {
    fn from(balance: &Balance) -> BalanceBody {
        BalanceBody {
            available: balance.available.get(),
            pending: balance.pending.get(),
            reserved: balance.reserved.get(),
            spent: balance.spent.get(),
        }
    }
}

#[derive(Serialize)]
struct LineBody<'a> {
    line: usize,
    product: &'a str,
    quantity: u32,
    points: i64,
    state: &'static str,
}

#[derive(Serialize)]
struct RedemptionBody<'a> {
    id: String,
    state: &'static str,
    points: i64,
    lines: Vec<LineBody<'a>>,
    balance: BalanceBody,
    requested_at: String,
}

/// The answer to a request, from its decision's facts alone: the same bytes whenever it is asked for.
fn requested(state: &State, answer: &Answer, replayed: bool) -> Response {
    let mut headers = answer_headers(state, answer, replayed);
    let requested = answer.facts.iter().find_map(|fact| match fact {
        Fact::RedemptionRequested(requested) => Some(requested),
        _ => None,
    });
    let Some(requested) = requested else {
        let error = std::io::Error::other("a redemption was decided without its fact");
        return axum::response::IntoResponse::into_response(crate::member::internal(&error));
    };
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/redemptions/{}", requested.redemption)) {
        headers.insert(header::LOCATION, location);
    }
    json(StatusCode::CREATED, headers, &redemption_body(requested, answer))
}

fn redemption_body<'a>(requested: &'a RedemptionRequested, answer: &Answer) -> RedemptionBody<'a> {
    let mut delivered = vec![false; requested.lines.len()];
    let mut state = "requested";
    let mut balance = &requested.balance;
    for fact in &answer.facts {
        match fact {
            Fact::RedemptionApproved(_) => state = "approved",
            Fact::LineFulfilled(f) => {
                balance = &f.balance;
                if let Some(line) = delivered.get_mut(f.line as usize) {
                    *line = true;
                }
            }
            Fact::RedemptionClosed(f) => {
                balance = &f.balance;
                state = end_name(f.end);
            }
            _ => {}
        }
    }
    let line = |(index, line): (usize, &'a mirabelle_domain::fact::PricedLine)| LineBody {
        line: index,
        product: line.product.as_str(),
        quantity: line.quantity,
        points: line.unit_points.get() * i64::from(line.quantity),
        state: if delivered[index] { "fulfilled" } else { "waiting" },
    };
    RedemptionBody {
        id: requested.redemption.to_string(),
        state,
        points: requested.points.get(),
        lines: requested.lines.iter().enumerate().map(line).collect(),
        balance: balance.into(),
        requested_at: mirabelle_domain::Timestamp(answer.accepted_at).to_string(),
    }
}

/// An end as in JSON.
pub fn end_name(end: RedemptionEnd) -> &'static str {
    match end {
        RedemptionEnd::Unknown => "unknown",
        RedemptionEnd::Fulfilled => "fulfilled",
        RedemptionEnd::PartiallyFulfilled => "partially_fulfilled",
        RedemptionEnd::Failed => "failed",
        RedemptionEnd::Cancelled => "cancelled",
    }
}
