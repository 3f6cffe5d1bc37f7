//! For whom a request is made.

use std::sync::Arc;

use axum::http::HeaderMap;
use mirabelle_domain::MemberId;
use mirabelle_domain::command::Role;

use crate::auth::Caller;
use crate::member::{Resolution, resolve};
use crate::problem::{self, Problem};
use crate::routes::Shared;
use crate::send::blocking;
use crate::state::State;

/// Whose wallet is meant, and for whom a service acts: a member's key opens its own account alone.
pub fn acting_member(
    state: &State,
    caller: &Caller,
    headers: &HeaderMap,
    number: Option<&str>,
) -> Result<(MemberId, Option<MemberId>), Problem> {
    let serves = caller.has(&[Role::Service, Role::Admin]);
    let behalf = on_behalf_of(state, caller, headers)?;
    if !serves {
        let not_own = || Problem::new(problem::FORBIDDEN, "a member's key opens its own account alone");
        let own = caller.key.member.ok_or_else(not_own)?;
        let same = match number {
            None => true,
            Some(number) => resolve(state, caller.tenant(), number)? == Resolution::One(own),
        };
        return if same { Ok((own, None)) } else { Err(not_own()) };
    }
    let named = number.map(|number| crate::member::for_write(state, caller.tenant(), number)).transpose()?;
    match (named, behalf) {
        (Some(named), Some(behalf)) if named != behalf => {
            let what = "`member` and On-Behalf-Of name two people";
            Err(Problem::new(problem::MALFORMED, what).at("/member", "contradiction", what))
        }
        (Some(member), _) | (None, Some(member)) => Ok((member, Some(member))),
        (None, None) => {
            let what = "say for which member";
            Err(Problem::new(problem::MALFORMED, "/member: say for which member")
                .at("/member", "missing", what))
        }
    }
}

/// The same, on a thread that may wait for the rows unless everybody named is remembered.
pub async fn acting(
    state: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    number: Option<&str>,
) -> Result<(MemberId, Option<MemberId>), Problem> {
    let behalf = headers.get("on-behalf-of").and_then(|value| value.to_str().ok());
    let behalf = behalf.and_then(|text| text.strip_prefix("member:"));
    let at_hand = |number: &str| crate::member::is_at_hand(state, caller.tenant(), number);
    if [number, behalf].into_iter().flatten().all(at_hand) {
        return acting_member(state, caller, headers, number);
    }
    let (state, caller, headers) = (Arc::clone(state), caller.clone(), headers.clone());
    let number = number.map(str::to_owned);
    blocking(move || acting_member(&state, &caller, &headers, number.as_deref())).await?
}

/// The member of `On-Behalf-Of: member:<number>`, for services.
pub fn on_behalf_of(
    state: &State,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<MemberId>, Problem> {
    let Some(value) = headers.get("on-behalf-of") else { return Ok(None) };
    if !caller.has(&[Role::Service, Role::Admin]) {
        return Err(Problem::new(problem::FORBIDDEN, "only a service's key acts on behalf of somebody"));
    }
    let Some(number) = value.to_str().ok().and_then(|text| text.strip_prefix("member:")) else {
        let what = "On-Behalf-Of is `member:<number>`";
        return Err(Problem::new(problem::MALFORMED, what).at("On-Behalf-Of", "not_a_member", what));
    };
    crate::member::for_write(state, caller.tenant(), number).map(Some)
}
