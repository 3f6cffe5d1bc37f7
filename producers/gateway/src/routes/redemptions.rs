//! Redemptions: asked for (the hot path), cancelled, their vouchers shown.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::{CancelRedemption, RequestRedemption, RequestedLine, RevealVoucher, Role};
use mirabelle_domain::fact::{Balance, PricedLine, RedemptionEnd, RedemptionRequested};
use mirabelle_domain::rows::{Value, lines_from_text, sealed_from_bytes};
use mirabelle_domain::tables::{redemption_lines, redemptions};
use mirabelle_domain::{AccountId, Fact, MemberId, Points, RedemptionId, Timestamp};
use mirabelle_keys::ExposeSecret as _;
use mirabelle_store::Found;
use serde::Serialize;

use crate::auth::Caller;
use crate::json::Members;
use crate::member::internal;
use crate::problem::{self, Problem};
use crate::routes::acting::{acting, on_behalf_of};
use crate::routes::read::params::PathOf;
use crate::routes::table::{KeyRule, Route};
use crate::routes::{Shared, Told, conclude, json, members_or_none, read_body};
use crate::send::{Outcome, Wish, answer_headers, blocking, idempotency_key, key_or_new, pending, row, send};
use crate::state::State;
use crate::waiters::Answer;

/// The field under which vouchers are sealed; the fulfiller seals them, a JSON array of texts.
pub(super) const VOUCHER_FIELD: &str = "voucher";

/// Most lines of a request.
const LINES_MAX: usize = 20;

const WHO: &[Role] = &[Role::Member, Role::Service, Role::Admin];

const BALANCE: &str = r#"{"type":"object","properties":{"available":{"type":"integer"},"pending":{"type":"integer"},"reserved":{"type":"integer"},"spent":{"type":"integer"}}}"#;

const LINES: &str = r#"{"type":"object","additionalProperties":false,"required":["lines"],"properties":{"member":{"type":"string","description":"number, <id_space>:number or m:<32 hex>; a member's own key leaves it out"},"lines":{"type":"array","minItems":1,"maxItems":20,"items":{"type":"object","additionalProperties":false,"required":["product"],"properties":{"product":{"type":"string"},"quantity":{"type":"integer","minimum":1,"maximum":100,"default":1}}}},"points_max":{"type":"integer","minimum":0,"maximum":9007199254740991,"description":"the most that the lines may cost together"}}}"#;

const REDEMPTION: &str = r#"{"type":"object","properties":{"id":{"type":"string"},"state":{"enum":["requested","approved","fulfilled","partially_fulfilled","failed","cancelled"]},"points":{"type":"integer"},"lines":{"type":"array","items":{"type":"object","properties":{"line":{"type":"integer"},"product":{"type":"string"},"quantity":{"type":"integer"},"points":{"type":"integer"},"state":{"enum":["fulfilled","waiting"]}}}},"balance":{"type":"object"},"requested_at":{"type":"string","format":"date-time"}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/redemptions", || post(request))
        .roles(WHO)
        .summary("Redeem points for rewards")
        .key(KeyRule::Required)
        .request(LINES)
        .answer(201, "Decided: the points are held or spent", REDEMPTION),
    Route::post("/v1/redemptions/{redemption}/cancel", || post(cancel))
        .roles(WHO)
        .summary("Cancel a redemption of which nothing was started")
        .key(KeyRule::Required)
        .request(r#"{"type":"object","additionalProperties":false,"properties":{"reason":{"type":"string"}}}"#)
        .answer(200, "Cancelled: the points are back in their lots", r#"{"type":"object","properties":{"id":{"type":"string"},"state":{"const":"cancelled"},"returned":{"type":"integer"},"balance":{"type":"object"}}}"#),
    Route::post("/v1/redemptions/{redemption}/reveal", || post(reveal))
        .roles(&[Role::Member, Role::Service])
        .summary("Show a line's voucher; that it was shown is recorded")
        .key(KeyRule::Optional)
        .request(r#"{"type":"object","additionalProperties":false,"properties":{"line":{"type":"integer","minimum":0,"default":0},"reason":{"type":"string"}}}"#)
        .answer(200, "The voucher", r#"{"type":"object","properties":{"id":{"type":"string"},"line":{"type":"integer"},"codes":{"type":"array","items":{"type":"string"}}}}"#),
];

/// Schema of a wallet's sums.
pub const BALANCE_SCHEMA: &str = BALANCE;

async fn request(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let key = idempotency_key(&headers)?;
    let bytes = read_body(&state, &headers, body, state.options.body_max, true).await?;
    let mut members = Members::of(&bytes)?;
    let number = members.text_option("member", 160)?;
    let points_max = members.int_option("points_max", 0..=mirabelle_domain::points::POINTS_MAX)?;
    let lines = read_lines(&mut members)?;
    members.end()?;
    let (member, on_behalf_of) = acting(&state, &caller, &headers, number.as_deref()).await?;
    let points_max = points_max.and_then(|points| Points::new(points).ok());
    let wish = Wish {
        account: AccountId::member(caller.tenant().clone(), member),
        command: RequestRedemption { lines, points_max, note: None }.into(),
        key,
        reason: None,
        on_behalf_of,
        local_day: None,
    };
    conclude(&state, &caller, &headers, wish, |answer| {
        let requested = answer.facts.iter().find_map(|fact| match fact {
            Fact::RedemptionRequested(requested) => Some(requested),
            _ => None,
        })?;
        let location = format!("/v1/redemptions/{}", requested.redemption);
        Some(Told::created(location, redemption_body(requested, answer)))
    })
    .await
}

/// The lines of a request or of a quote.
pub fn read_lines(members: &mut Members) -> Result<Vec<RequestedLine>, Problem> {
    let mut lines = Vec::new();
    for (pointer, element) in members.list("lines", LINES_MAX)? {
        let mut line = Members::from(element, pointer)?;
        let product = line.parsed("product")?;
        let quantity = line.int_option("quantity", 1..=100)?.unwrap_or(1);
        line.end()?;
        lines.push(RequestedLine { product, quantity: u32::try_from(quantity).unwrap_or(1) });
    }
    if lines.is_empty() {
        let what = "at least one line";
        return Err(
            Problem::new(problem::MALFORMED, "/lines: at least one line").at("/lines", "missing", what)
        );
    }
    Ok(lines)
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
struct LineBody {
    line: usize,
    product: String,
    quantity: u32,
    points: i64,
    state: &'static str,
}

#[derive(Serialize)]
struct RedemptionBody {
    id: String,
    state: &'static str,
    points: i64,
    lines: Vec<LineBody>,
    balance: BalanceBody,
    requested_at: String,
}

fn redemption_body(requested: &RedemptionRequested, answer: &Answer) -> RedemptionBody {
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
    let line = |(index, line): (usize, &PricedLine)| LineBody {
        line: index,
        product: line.product.to_string(),
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
        requested_at: Timestamp(answer.accepted_at).to_string(),
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

/// A redemption's row and whose it is, if this caller may see it; else it does not exist.
fn own_redemption(
    state: &State,
    caller: &Caller,
    id: &str,
) -> Result<(RedemptionId, MemberId, Found), Problem> {
    let id: RedemptionId = id.parse().map_err(|_| Problem::missing("redemption"))?;
    let key = [Value::Text(caller.tenant().to_string()), Value::Bytes(id.0.to_vec())];
    let found = row(state, &redemptions::TABLE, &key)?.ok_or_else(|| Problem::missing("redemption"))?;
    let member = found.bytes("member").and_then(|bytes| bytes.try_into().ok()).map(MemberId);
    let member = member.ok_or_else(|| Problem::missing("redemption"))?;
    let all = caller.has(&[Role::Service, Role::Admin]);
    if !all && caller.key.member != Some(member) {
        return Err(Problem::missing("redemption"));
    }
    Ok((id, member, found))
}

/// A redemption that somebody asks about, as the rows know it.
struct Asked {
    redemption: RedemptionId,
    member: MemberId,
    found: Found,
    /// For whom a service acts.
    behalf: Option<MemberId>,
    /// The voucher of the line asked for, sealed; empty: none.
    voucher: Vec<u8>,
}

/// Reads it on a thread that may wait for the rows.
async fn asked(
    state: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    id: String,
    line: Option<i64>,
) -> Result<Asked, Problem> {
    let (state, caller, headers) = (Arc::clone(state), caller.clone(), headers.clone());
    blocking(move || {
        let (redemption, member, found) = own_redemption(&state, &caller, &id)?;
        let behalf = on_behalf_of(&state, &caller, &headers)?;
        let mut voucher = Vec::new();
        if let Some(line) = line {
            let tenant = Value::Text(caller.tenant().to_string());
            let key = [tenant, Value::Bytes(redemption.0.to_vec()), Value::Int(line)];
            let row = row(&state, &redemption_lines::TABLE, &key)?;
            voucher = row.and_then(|row| row.bytes("voucher").map(<[u8]>::to_vec)).unwrap_or_default();
        }
        Ok(Asked { redemption, member, found, behalf, voucher })
    })
    .await?
}

async fn cancel(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let mut members = members_or_none(&state, request).await?;
    let reason = members.text_option("reason", 500)?;
    members.end()?;
    let Asked { redemption, member, found, behalf, .. } = asked(&state, &caller, &headers, id, None).await?;
    if behalf.is_some_and(|behalf| behalf != member) {
        return Err(Problem::missing("redemption"));
    }
    let lines = lines_from_text(found.text("lines").unwrap_or_default()).map_err(|error| internal(&error))?;
    if lines.iter().all(|line| line.vendor.is_none()) {
        // Delivered by its own decision, and forgotten there: only the row remembers it.
        let state = found.text("state").unwrap_or("fulfilled");
        return Err(Problem::rejected("redemption_state", format!("the redemption is {state}"), None));
    }
    let wish = Wish {
        account: AccountId::member(caller.tenant().clone(), member),
        command: CancelRedemption { redemption }.into(),
        key,
        reason,
        on_behalf_of: caller.has(&[Role::Service, Role::Admin]).then_some(member),
        local_day: None,
    };
    conclude(&state, &caller, &headers, wish, |answer| {
        let closed = answer.facts.iter().find_map(|fact| match fact {
            Fact::RedemptionClosed(closed) => Some(closed),
            _ => None,
        })?;
        Some(Told::done(serde_json::json!({
            "id": closed.redemption.to_string(),
            "state": end_name(closed.end),
            "returned": closed.returned.get(),
            "balance": BalanceBody::from(&closed.balance),
        })))
    })
    .await
}

async fn reveal(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = key_or_new(&headers)?;
    let mut members = members_or_none(&state, request).await?;
    let line = members.int_option("line", 0..=19)?.unwrap_or(0);
    let reason = members.text_option("reason", 500)?;
    members.end()?;
    let Asked { redemption, member, behalf, voucher, .. } =
        asked(&state, &caller, &headers, id, Some(line)).await?;
    if caller.key.member != Some(member) && behalf != Some(member) {
        // A service sees a voucher only while it acts for the one whose it is.
        let what = match behalf {
            None => "say On-Behalf-Of whom: a voucher is shown to its owner alone",
            Some(_) => {
                "the redemption is another member's than On-Behalf-Of names: a voucher is shown to its owner alone"
            }
        };
        return Err(Problem::new(problem::FORBIDDEN, what));
    }
    let sealed = sealed_from_bytes(&voucher).map_err(|error| internal(&error))?;
    let Some(sealed) = sealed else {
        return Err(Problem::rejected("invalid", "the line has no voucher", Some("/line")));
    };
    let line = u32::try_from(line).unwrap_or(0);
    let account = AccountId::member(caller.tenant().clone(), member);
    let wish = Wish {
        account: account.clone(),
        command: RevealVoucher { redemption, line }.into(),
        key: key.clone(),
        reason,
        on_behalf_of: behalf,
        local_day: None,
    };
    match send(&state, &caller, &headers, wish).await? {
        // Not a look before the audit has it.
        Outcome::Pending => {
            let (status, headers) = pending(&caller, &account, &key);
            Ok(json(status, headers, &serde_json::json!({"state": "pending"})))
        }
        Outcome::Decided { answer, replayed } => {
            let (keys, tenant) = (Arc::clone(&state.parts.keys), caller.tenant().clone());
            let opened = blocking(move || keys.open(&tenant, member, VOUCHER_FIELD, &sealed)).await?;
            let opened = opened.map_err(|error| internal(&error))?;
            let codes: Vec<String> =
                serde_json::from_slice(opened.expose_secret()).map_err(|error| internal(&error))?;
            let body = serde_json::json!({"id": redemption.to_string(), "line": line, "codes": codes});
            Ok(json(StatusCode::OK, answer_headers(&state, &answer, replayed), &body))
        }
    }
}
