//! Points given by people: gifts from a budget, corrections, and grants taken back.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::response::Response;
use axum::routing::post;
use mirabelle_domain::command::{CommitGrants, DeductPoints, ReverseGrant, Role};
use mirabelle_domain::fact::{BudgetBalance, GrantIntent};
use mirabelle_domain::points::POINTS_MAX;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{budget_grants, grants};
use mirabelle_domain::{AccountId, CommandId, Fact, GrantId, Key, MemberId, Name, Points, Sealed, Timestamp};
use mirabelle_keys::KeysError;
use mirabelle_schemas::command_id;
use serde::Serialize;

use crate::auth::Caller;
use crate::json::{Json, Members};
use crate::member::internal;
use crate::problem::{self, Problem};
use crate::routes::read::params::PathOf;
use crate::routes::redemptions::BalanceBody;
use crate::routes::table::{KeyRule, Route, Size};
use crate::routes::{Shared, Told, bounded_body, conclude, reason};
use crate::send::{Wish, blocking, idempotency_key, row};
use crate::state::State;
use crate::waiters::Answer;

/// Most grants of a request: one block of a budget.
const GRANTS_MAX: usize = 1_000;

/// Most bytes of the giver's words.
const LABEL_MAX: usize = 512;

/// Under this name the giver's words are sealed.
pub(super) const NOTE: &str = "grant_note";

const GRANTS: &str = r#"{"type":"object","additionalProperties":false,"required":["budget"],"properties":{"budget":{"type":"string"},"member":{"type":"string","description":"instead of `grants`, for a single one, with `points` and the rest beside it"},"points":{"type":"integer","minimum":1,"maximum":9007199254740991},"label":{"type":"string","maxLength":512,"description":"your words to the member: sealed, and opened for whoever may see people"},"activates_at":{"type":"string","format":"date-time"},"expires_at":{"type":"string","format":"date-time"},"grants":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","additionalProperties":false,"required":["member","points"],"properties":{"member":{"type":"string"},"points":{"type":"integer","minimum":1,"maximum":9007199254740991},"label":{"type":"string","maxLength":512,"description":"your words to the member: sealed, and opened for whoever may see people"},"activates_at":{"type":"string","format":"date-time"},"expires_at":{"type":"string","format":"date-time"}}}},"reason":{"type":"string"}}}"#;

const COMMITTED: &str = r#"{"type":"object","properties":{"grants":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"},"member":{"type":"string"},"points":{"type":"integer"},"state":{"const":"committed"}}}},"budget":{"type":"object","properties":{"budget":{"type":"string"},"allocated":{"type":"integer"},"free":{"type":"integer"},"committed":{"type":"integer"},"spent":{"type":"integer"}}}}}"#;

const REASON: &str = r#"{"type":"object","additionalProperties":false,"required":["reason"],"properties":{"reason":{"type":"string"}}}"#;

const ADJUSTMENT: &str = r#"{"type":"object","additionalProperties":false,"required":["member","points","reason"],"properties":{"member":{"type":"string"},"points":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991,"not":{"const":0},"description":"taken from the wallet when negative, granted from `budget` when positive"},"budget":{"type":"string"},"reason":{"type":"string"}}}"#;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/grants", || post(grant))
        .roles(&[Role::Admin])
        .summary("Give points from a budget: all of the grants or none")
        .key(KeyRule::Required)
        .request(GRANTS)
        .size(Size::Config)
        .answer(201, "Committed on the budget and on their way to the wallets", COMMITTED),
    Route::post("/v1/grants/{grant}/reverse", || post(reverse))
        .roles(&[Role::Admin])
        .summary("Take back what is left of a grant")
        .key(KeyRule::Required)
        .request(REASON)
        .answer(200, "Taken back; `shortfall` is what was spent before", r#"{"type":"object","properties":{"id":{"type":"string"},"shortfall":{"type":"integer"},"balance":{"type":"object"}}}"#),
    Route::post("/v1/adjustments", || post(adjust))
        .roles(&[Role::Admin])
        .summary("Correct a wallet, with a reason")
        .key(KeyRule::Required)
        .request(ADJUSTMENT)
        .answer(201, "Corrected, or, when points are added, on the way", r#"{"type":"object"}"#),
];

/// A budget's sums as JSON.
#[derive(Serialize)]
pub struct SumsBody {
    budget: String,
    allocated: i64,
    free: i64,
    committed: i64,
    spent: i64,
}

impl SumsBody {
    /// Of a budget.
    pub fn new(budget: &str, sums: &BudgetBalance) -> SumsBody {
        SumsBody {
            budget: budget.to_owned(),
            allocated: sums.allocated.get(),
            free: sums.free.get(),
            committed: sums.committed.get(),
            spent: sums.spent.get(),
        }
    }
}

#[derive(Serialize)]
struct GrantBody {
    id: String,
    member: String,
    points: i64,
    state: &'static str,
}

#[derive(Serialize)]
struct CommittedBody {
    grants: Vec<GrantBody>,
    budget: SumsBody,
}

async fn grant(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let bytes = bounded_body(&state, request, state.options.config_body_max, true).await?;
    let (shared, asking) = (Arc::clone(&state), caller.clone());
    let (budget, reason, gifts) = blocking(move || read_gifts(&shared, &asking, &bytes)).await??;
    let wish = commit(&caller, budget.clone(), key, gifts, reason);
    conclude(&state, &caller, &headers, wish, |answer| committed(&budget, answer)).await
}

/// What a request asks for. Looks up everybody in it, and seals.
fn read_gifts(
    state: &State,
    caller: &Caller,
    bytes: &[u8],
) -> Result<(Name, Option<String>, Vec<Gift>), Problem> {
    let mut members = Members::of(bytes)?;
    let budget: Name = members.parsed("budget")?;
    let reason = members.text_option("reason", 500)?;
    let mut gifts = Vec::new();
    if members.has("grants") {
        for (pointer, element) in members.list("grants", GRANTS_MAX)? {
            gifts.push(gift(state, caller, element, pointer)?);
        }
    } else {
        gifts.push(read_gift(state, caller, &mut members)?);
    }
    members.end()?;
    if gifts.is_empty() {
        let what = "at least one grant";
        return Err(
            Problem::new(problem::MALFORMED, "/grants: at least one grant").at("/grants", "missing", what)
        );
    }
    Ok((budget, reason, gifts))
}

/// A grant as it was asked for.
struct Gift {
    member: MemberId,
    points: Points,
    /// The giver's words, sealed: the log keeps them for ever, and their member's erasure has to reach them.
    note: Option<Sealed>,
    activates_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

fn gift(state: &State, caller: &Caller, element: Json, pointer: String) -> Result<Gift, Problem> {
    let mut members = Members::from(element, pointer.clone())?;
    let gift = read_gift(state, caller, &mut members).map_err(|problem| problem.below(&pointer))?;
    members.end()?;
    Ok(gift)
}

fn read_gift(state: &State, caller: &Caller, members: &mut Members) -> Result<Gift, Problem> {
    let number = members.text("member", 160)?;
    let points = members.int("points", 1..=POINTS_MAX)?;
    let label = members.text_option("label", LABEL_MAX)?.unwrap_or_default();
    let (activates_at, expires_at) = (members.instant("activates_at")?, members.instant("expires_at")?);
    let member = crate::member::for_write(state, caller.tenant(), &number)?;
    let points = Points::new(points).unwrap_or(Points::ZERO);
    let note = sealed_note(state, caller, member, &label)?;
    Ok(Gift { member, points, note, activates_at, expires_at })
}

/// The giver's words under the key of who gets them. Equal words seal equally, so a repeat is the same body.
fn sealed_note(
    state: &State,
    caller: &Caller,
    member: MemberId,
    label: &str,
) -> Result<Option<Sealed>, Problem> {
    if label.is_empty() {
        return Ok(None);
    }
    match state.parts.keys.seal(caller.tenant(), member, NOTE, label.as_bytes()) {
        Ok(sealed) => Ok(Some(sealed)),
        Err(KeysError::Erased) => {
            Err(Problem::rejected("unknown_member", "this member was erased", Some("/member")))
        }
        Err(error) => Err(internal(&error)),
    }
}

/// A block of gifts on a budget. Ids are derived from the command's, so that a repeat has the same.
fn commit(caller: &Caller, budget: Name, key: Key, gifts: Vec<Gift>, reason: Option<String>) -> Wish {
    let account = AccountId::budget(caller.tenant().clone(), budget);
    let id = command_id(caller.namespace(), &account, &caller.key.client, &key);
    let intent = |(index, gift): (usize, Gift)| GrantIntent {
        grant: grant_id(id, index),
        member: gift.member,
        points: gift.points,
        // When the log takes it: the sender's clock decides nothing, and a repeat is the same body.
        granted_at: Timestamp(0),
        activates_at: gift.activates_at,
        expires_at: gift.expires_at,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: String::new(),
        note: gift.note,
    };
    let grants = gifts.into_iter().enumerate().map(intent).collect();
    let command = CommitGrants { grants, all_or_nothing: true }.into();
    Wish { account, command, key, reason, on_behalf_of: None, local_day: None }
}

fn grant_id(command: CommandId, index: usize) -> GrantId {
    GrantId(command.derived("grant", u32::try_from(index).unwrap_or(u32::MAX)))
}

fn committed(budget: &Name, answer: &Answer) -> Option<Told<CommittedBody>> {
    let mut sums = None;
    let mut grants = Vec::new();
    for fact in &answer.facts {
        if let Fact::GrantCommitted(committed) = fact {
            sums = Some(committed.balance);
            grants.push(GrantBody {
                id: committed.grant.grant.to_string(),
                member: format!("m:{}", committed.grant.member),
                points: committed.grant.points.get(),
                state: "committed",
            });
        }
    }
    let body = CommittedBody { budget: SumsBody::new(budget.as_str(), &sums?), grants };
    Some(Told { status: axum::http::StatusCode::CREATED, location: None, body })
}

async fn reverse(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let mut members = super::members_or_none(&state, request).await?;
    let why = reason(&mut members)?;
    members.end()?;
    let grant: GrantId = id.parse().map_err(|_| Problem::missing("grant"))?;
    let (shared, asking) = (Arc::clone(&state), caller.clone());
    let member = blocking(move || member_of(&shared, &asking, grant)).await??;
    let wish = Wish {
        account: AccountId::member(caller.tenant().clone(), member),
        command: ReverseGrant { grant }.into(),
        key,
        reason: Some(why),
        on_behalf_of: None,
        local_day: None,
    };
    conclude(&state, &caller, &headers, wish, |answer| {
        let reversed = answer.facts.iter().find_map(|fact| match fact {
            Fact::GrantReversed(reversed) if reversed.grant == grant => Some(reversed),
            _ => None,
        })?;
        Some(Told::done(serde_json::json!({
            "id": grant.to_string(),
            "shortfall": reversed.shortfall.get(),
            "balance": BalanceBody::from(&reversed.balance),
        })))
    })
    .await
}

/// Whose grant it is, as the wallet's rows know, or the budget's.
fn member_of(state: &State, caller: &Caller, grant: GrantId) -> Result<MemberId, Problem> {
    let key = [Value::Text(caller.tenant().to_string()), Value::Bytes(grant.0.to_vec())];
    for table in [&grants::TABLE, &budget_grants::TABLE] {
        let found = row(state, table, &key)?;
        if let Some(member) = found.and_then(|row| row.bytes("member")?.try_into().ok()) {
            return Ok(MemberId(member));
        }
    }
    Err(Problem::missing("grant"))
}

async fn adjust(
    Extract(state): Extract<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let key = idempotency_key(&headers)?;
    let mut members = Members::of(&super::body(&state, request).await?)?;
    let number = members.text("member", 160)?;
    let points = members.int("points", -POINTS_MAX..=POINTS_MAX)?;
    let budget: Option<Name> = members.parsed_option("budget")?;
    let why = reason(&mut members)?;
    members.end()?;
    let wrong = |pointer: &str, what: &str| {
        Err(Problem::new(problem::MALFORMED, format!("{pointer}: {what}")).at(pointer, "not_valid", what))
    };
    let (shared, tenant) = (Arc::clone(&state), caller.tenant().clone());
    let member = blocking(move || crate::member::for_write(&shared, &tenant, &number)).await??;
    let amount = Points::new(points.saturating_abs()).unwrap_or(Points::ZERO);
    match (points, budget) {
        (0, _) => wrong("/points", "a correction is not zero"),
        (1.., None) => wrong("/budget", "name the budget that pays what is added"),
        (..=-1, Some(_)) => wrong("/budget", "what is taken goes back to no budget: leave it out"),
        (1.., Some(budget)) => {
            let gift = Gift { member, points: amount, note: None, activates_at: None, expires_at: None };
            let wish = commit(&caller, budget.clone(), key, vec![gift], Some(why));
            conclude(&state, &caller, &headers, wish, |answer| committed(&budget, answer)).await
        }
        (..=-1, None) => {
            let wish = Wish {
                account: AccountId::member(caller.tenant().clone(), member),
                command: DeductPoints { points: amount }.into(),
                key,
                reason: Some(why),
                on_behalf_of: None,
                local_day: None,
            };
            conclude(&state, &caller, &headers, wish, deducted).await
        }
    }
}

fn deducted(answer: &Answer) -> Option<Told<serde_json::Value>> {
    let deducted = answer.facts.iter().find_map(|fact| match fact {
        Fact::PointsDeducted(deducted) => Some(deducted),
        _ => None,
    })?;
    let body = serde_json::json!({
        "points": -deducted.points.get(),
        "balance": BalanceBody::from(&deducted.balance),
    });
    Some(Told { status: axum::http::StatusCode::CREATED, location: None, body })
}
