//! A line whose vendor never answered, settled by a person who has found out what became of the order.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::{RecordFulfilment, Role, VendorOutcome};
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::redemption_lines;
use mirabelle_domain::{AccountId, Fact, MemberId, RedemptionId, Sealed};
use mirabelle_keys::KeysError;
use serde_json::{Value as Json, json};

use super::redemptions::{BalanceBody, VOUCHER_FIELD};
use crate::auth::Caller;
use crate::json::Members;
use crate::member::internal;
use crate::problem::{self, Problem};
use crate::routes::read::params::PathOf;
use crate::routes::read::redemption::find;
use crate::routes::table::{KeyRule, Route};
use crate::routes::{Shared, Told, body, conclude, reason};
use crate::send::{Wish, blocking, idempotency_key, row};
use crate::state::State;
use crate::waiters::Answer;

/// Most codes of a line: one for each piece.
const CODES_MAX: usize = mirabelle_domain::member::QUANTITY_MAX as usize;
/// Longest code, bytes.
const CODE_MAX: usize = 512;
/// What the facts say in place of a vendor's reason; the person's own words are kept sealed, with the decision.
const BY_A_PERSON: &str = "settled_by_a_person";

const SETTLEMENT: &str = r#"{"type":"object","additionalProperties":false,"required":["line","outcome","reason"],"properties":{"line":{"type":"integer","minimum":0},"outcome":{"enum":["fulfilled","failed"]},"codes":{"type":"array","maxItems":100,"items":{"type":"string","maxLength":512},"description":"with `fulfilled`: the codes that the vendor gave, if it gave some; sealed, and shown by reveal alone"},"reference":{"type":"string","maxLength":256,"description":"with `fulfilled`: the vendor's own reference"},"reason":{"type":"string","description":"how you know: kept sealed with the decision"}}}"#;

const SETTLED: &str = r#"{"type":"object","properties":{"id":{"type":"string"},"line":{"type":"integer"},"state":{"enum":["fulfilled","failed"]},"points":{"type":"integer"},"balance":{"type":"object"}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::post("/v1/redemptions/{redemption}/settle", || post(settle))
    .roles(&[Role::Operator, Role::Admin])
    .summary("Say what became of a line whose vendor did not answer: delivered, or not")
    .key(KeyRule::Required)
    .request(SETTLEMENT)
    .answer(200, "Settled: the points are spent, or back in their lots", SETTLED)];

/// What a person has found out.
struct Found {
    line: u32,
    outcome: VendorOutcome,
    codes: Vec<String>,
    reference: Option<String>,
    reason: String,
}

fn read(members: &mut Members) -> Result<Found, Problem> {
    let line = members.int("line", 0..=19)?;
    let wrong = |pointer: &str, what: &str| {
        Problem::new(problem::MALFORMED, format!("{pointer}: {what}")).at(pointer, "not_valid", what)
    };
    let outcome = match members.text("outcome", 16)?.as_str() {
        "fulfilled" => VendorOutcome::Fulfilled,
        "failed" => VendorOutcome::Failed,
        _ => return Err(wrong("/outcome", "`fulfilled` or `failed`")),
    };
    let mut codes = Vec::new();
    if members.has("codes") {
        for (pointer, element) in members.list("codes", CODES_MAX)? {
            match element {
                crate::json::Json::Text(code) if (1..=CODE_MAX).contains(&code.len()) => codes.push(code),
                _ => return Err(wrong(&pointer, "a code is a text of 1 to 512 bytes")),
            }
        }
    }
    let reference = members.text_option("reference", 256)?;
    if outcome == VendorOutcome::Failed && !(codes.is_empty() && reference.is_none()) {
        return Err(wrong("/codes", "what was not delivered has neither codes nor a reference"));
    }
    let reason = reason(members)?;
    Ok(Found { line: u32::try_from(line).unwrap_or(0), outcome, codes, reference, reason })
}

async fn settle(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let mut members = Members::of(&body(&state, request).await?)?;
    let found = read(&mut members)?;
    members.end()?;
    let reason = Some(found.reason.clone());
    let line = found.line;
    let (shared, asking) = (Arc::clone(&state), caller.clone());
    let (member, record) = blocking(move || record(&shared, &asking, &id, found)).await??;
    let redemption = record.redemption;
    let wish = Wish {
        account: AccountId::member(caller.tenant().clone(), member),
        command: record.into(),
        key,
        reason,
        on_behalf_of: None,
        local_day: None,
    };
    conclude(&state, &caller, &headers, wish, |answer| settled(redemption, line, answer)).await
}

/// The answer that the vendor owes, in its words. What was settled before is sent again too: under its key it is answered
/// as it was, under another one the rules refuse it.
fn record(
    state: &State,
    caller: &Caller,
    id: &str,
    found: Found,
) -> Result<(MemberId, RecordFulfilment), Problem> {
    let (redemption, member, _) = find(state, caller, id)?;
    let key = [
        Value::Text(caller.tenant().to_string()),
        Value::Bytes(redemption.0.to_vec()),
        Value::Int(found.line.into()),
    ];
    let Some(of_line) = row(state, &redemption_lines::TABLE, &key)? else {
        return Err(Problem::rejected(
            "invalid",
            "the redemption has no such line of a vendor",
            Some("/line"),
        ));
    };
    let at = of_line.text("state").unwrap_or_default();
    if !matches!(at, "unanswered" | "fulfilled" | "failed") {
        let what = format!("the line is {at}: its vendor is being asked, and may answer yet");
        return Err(Problem::rejected("redemption_state", what, Some("/line")));
    }
    let voucher = match found.codes.is_empty() {
        true => None,
        false => Some(seal(state, caller, member, &found.codes)?),
    };
    let record = RecordFulfilment {
        redemption,
        line: found.line,
        attempt: 0,
        outcome: found.outcome,
        voucher,
        reference: found.reference,
        reason: (found.outcome == VendorOutcome::Failed).then(|| BY_A_PERSON.to_owned()),
    };
    Ok((member, record))
}

fn seal(state: &State, caller: &Caller, member: MemberId, codes: &[String]) -> Result<Sealed, Problem> {
    let clear = serde_json::to_vec(codes).map_err(|error| internal(&error))?;
    match state.parts.keys.seal(caller.tenant(), member, VOUCHER_FIELD, &clear) {
        Ok(sealed) => Ok(sealed),
        Err(KeysError::Erased) => {
            Err(Problem::rejected("unknown_member", "this member was erased", Some("/codes")))
        }
        Err(error) => Err(internal(&error)),
    }
}

fn settled(redemption: RedemptionId, line: u32, answer: &Answer) -> Option<Told<Json>> {
    let (state, points, balance) = answer.facts.iter().find_map(|fact| match fact {
        Fact::LineFulfilled(f) if (f.redemption, f.line) == (redemption, line) => {
            Some(("fulfilled", f.points, f.balance))
        }
        Fact::LineFailed(f) if (f.redemption, f.line) == (redemption, line) => {
            Some(("failed", f.points, f.balance))
        }
        _ => None,
    })?;
    Some(Told::done(json!({
        "id": redemption.to_string(),
        "line": line,
        "state": state,
        "points": points.get(),
        "balance": BalanceBody::from(&balance),
    })))
}
