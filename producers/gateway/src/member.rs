//! Members as people name them: `700101`, `<id_space>:700101`, or opaque `m:<32 hexadecimal digits>`.

use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{balances, members, milestones};
use mirabelle_domain::{MemberId, Name, TenantId, Timestamp};
use mirabelle_store::{Scan, StoreError};

use crate::problem::{self, Problem};
use crate::state::State;

/// What a number came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// One member.
    One(MemberId),
    /// Nobody that any connection has reported.
    Nobody,
    /// Several, of these id spaces.
    Several(Vec<Name>),
}

/// After so long whoever found the rows away may ask again.
const AWAY_SECONDS: u32 = 5;
/// Longest number.
const NUMBER_MAX: usize = 128;

/// Finds the member that a text means within a tenant.
pub fn resolve(state: &State, tenant: &TenantId, text: &str) -> Result<Resolution, Problem> {
    if text.is_empty() || text.len() > NUMBER_MAX || text.chars().any(char::is_control) {
        let what = "a member is named by its number, `<id_space>:<number>` or `m:<32 hexadecimal digits>`";
        return Err(Problem::new(problem::MALFORMED, what).at("/member", "not_a_member", what));
    }
    let Some(of) = state.directory.tenant(tenant) else { return Ok(Resolution::Nobody) };
    let spaces = of.id_spaces(Timestamp(state.now()));
    let mut found = Vec::new();
    // An HR system may put anything into a number: what looks qualified, or opaque, may be a number as a whole. Where
    // both are somebody, nobody is meant until it is said more exactly.
    for space in &spaces {
        if let Some(member) = in_space(state, tenant, space, text)? {
            found.push((member, space.clone()));
        }
    }
    if let Some((space, number)) = text.split_once(':') {
        if let Some(space) = spaces.iter().find(|known| known.as_str() == space)
            && let Some(member) = in_space(state, tenant, space, number)?
        {
            found.push((member, space.clone()));
        }
        if let Some(member) = (space == "m").then(|| number.parse().ok()).flatten()
            && is_known(state, tenant, member)?
        {
            if found.is_empty() {
                return Ok(Resolution::One(member));
            }
            found.push((member, "m".parse().expect("a name")));
        }
    }
    match found.len() {
        0 => Ok(Resolution::Nobody),
        1 => Ok(Resolution::One(found.remove(0).0)),
        _ => Ok(Resolution::Several(found.into_iter().map(|(_, space)| space).collect())),
    }
}

/// Whether [`resolve`] answers without a look at the rows: every id space's member of this number is remembered.
pub fn is_at_hand(state: &State, tenant: &TenantId, text: &str) -> bool {
    let Some(of) = state.directory.tenant(tenant) else { return true };
    let (space, number) = text.split_once(':').map_or((None, text), |(space, number)| (Some(space), number));
    space != Some("m")
        && (of.id_spaces(Timestamp(state.now())).iter())
            .filter(|known| space.is_none_or(|space| known.as_str() == space))
            .all(|space| state.resolved.get(tenant, space, number).is_some())
}

/// The known member of a number in one id space. A member once known stays known, so that is remembered.
fn in_space(
    state: &State,
    tenant: &TenantId,
    space: &Name,
    number: &str,
) -> Result<Option<MemberId>, Problem> {
    if let Some(member) = state.resolved.get(tenant, space, number) {
        return Ok(Some(member));
    }
    let member = state.parts.keys.member_id(tenant, space.as_str(), number, 0);
    let member = member.map_err(|error| internal(&error))?;
    let known = is_known(state, tenant, member)?;
    if known {
        state.resolved.put(tenant, space, number, member);
    }
    Ok(known.then_some(member))
}

/// The member for a write: an unknown one is a "no" of the rules.
pub fn for_write(state: &State, tenant: &TenantId, text: &str) -> Result<MemberId, Problem> {
    match resolve(state, tenant, text)? {
        Resolution::One(member) => Ok(member),
        Resolution::Nobody => Err(Problem::rejected(
            "unknown_member",
            "no connection has reported this member",
            Some("/member"),
        )),
        Resolution::Several(spaces) => Err(ambiguous(&spaces)),
    }
}

/// The member for a read: an unknown one does not exist.
pub fn for_read(state: &State, tenant: &TenantId, text: &str) -> Result<MemberId, Problem> {
    match resolve(state, tenant, text)? {
        Resolution::One(member) => Ok(member),
        Resolution::Nobody => Err(Problem::missing("member")),
        Resolution::Several(spaces) => Err(ambiguous(&spaces)),
    }
}

fn ambiguous(spaces: &[Name]) -> Problem {
    let names: Vec<&str> = spaces.iter().map(Name::as_str).collect();
    let detail =
        format!("the number is known in the id spaces {}: write `<id_space>:<number>`", names.join(", "));
    Problem::new(problem::AMBIGUOUS, detail)
}

/// Whether a connection reported the person, or anything was ever recorded for them: an award may come before the worker's
/// state does.
fn is_known(state: &State, tenant: &TenantId, member: MemberId) -> Result<bool, Problem> {
    let key = [Value::Text(tenant.to_string()), Value::Bytes(member.0.to_vec())];
    Ok(crate::send::row(state, &members::TABLE, &key)?.is_some()
        || crate::send::row(state, &balances::TABLE, &key)?.is_some()
        || has_milestones(state, &key)?)
}

fn has_milestones(state: &State, key: &[Value]) -> Result<bool, Problem> {
    let rows = state.parts.store.live().map_err(|error| internal(&error))?;
    let page =
        rows.scan(&Scan::new(&milestones::TABLE, key.to_vec(), 1)).map_err(|error| internal(&error))?;
    Ok(!page.is_empty())
}

/// A fault of the server's own: logged here, told without its content. Rows that are away come back.
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    if error.downcast_ref::<StoreError>().is_some_and(StoreError::passes) {
        tracing::warn!(error, "a request found the rows away");
        return Problem::new(problem::UNAVAILABLE, "the rows are away").retry_after(AWAY_SECONDS);
    }
    tracing::error!(error, "a request met a fault");
    Problem::new(problem::INTERNAL, problem::INTERNAL.page)
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn rows_that_are_away_are_not_now_and_other_faults_are_ours() {
        let away = StoreError::Away { act: "read a row".into(), source: "node 10.0.0.7 is down".into() };
        let response = internal(&away).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        let damaged = StoreError::Failed { reason: "the disk has gone".into() };
        assert_eq!(internal(&damaged).into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
