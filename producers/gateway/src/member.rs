//! Members as people name them: `700101`, `<id_space>:700101`, or opaque `m:<32 hexadecimal digits>`.

use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::members;
use mirabelle_domain::{MemberId, Name, TenantId, Timestamp};
use mirabelle_store::Rows;

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

/// Longest number.
const NUMBER_MAX: usize = 128;

/// Finds the member that a text means within a tenant.
pub fn resolve(state: &State, tenant: &TenantId, text: &str) -> Result<Resolution, Problem> {
    if text.is_empty() || text.len() > NUMBER_MAX || text.chars().any(char::is_control) {
        let what = "a member is named by its number, `<id_space>:<number>` or `m:<32 hexadecimal digits>`";
        return Err(Problem::new(problem::MALFORMED, what).at("/member", "not_a_member", what));
    }
    if let Some(hex) = text.strip_prefix("m:") {
        return Ok(hex.parse().map_or(Resolution::Nobody, Resolution::One));
    }
    if let Some((member, _)) = state.resolved.get(tenant, text) {
        return Ok(Resolution::One(member));
    }
    let Some(of) = state.directory.tenant(tenant) else { return Ok(Resolution::Nobody) };
    let spaces = of.id_spaces(Timestamp(state.now()));
    let (spaces, number) = match text.split_once(':') {
        Some((space, number)) => match spaces.into_iter().find(|known| known.as_str() == space) {
            Some(space) => (vec![space], number),
            None => return Ok(Resolution::Nobody),
        },
        None => (spaces, text),
    };
    let rows = state.parts.store.live().map_err(|error| internal(&error))?;
    let mut found = Vec::new();
    for space in spaces {
        let member = state.parts.keys.member_id(tenant, space.as_str(), number, 0);
        let member = member.map_err(|error| internal(&error))?;
        if is_known(rows.as_ref(), tenant, member)? {
            found.push((member, space));
        }
    }
    match found.len() {
        0 => Ok(Resolution::Nobody),
        1 => {
            let (member, space) = found.remove(0);
            state.resolved.put(tenant, text, member, space);
            Ok(Resolution::One(member))
        }
        _ => Ok(Resolution::Several(found.into_iter().map(|(_, space)| space).collect())),
    }
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
        Resolution::Nobody => Err(Problem::not_found()),
        Resolution::Several(spaces) => Err(ambiguous(&spaces)),
    }
}

fn ambiguous(spaces: &[Name]) -> Problem {
    let names: Vec<&str> = spaces.iter().map(Name::as_str).collect();
    let detail =
        format!("the number is known in the id spaces {}: write `<id_space>:<number>`", names.join(", "));
    Problem::new(problem::AMBIGUOUS, detail)
}

fn is_known(rows: &dyn Rows, tenant: &TenantId, member: MemberId) -> Result<bool, Problem> {
    let key = [Value::Text(tenant.to_string()), Value::Bytes(member.0.to_vec())];
    let row = rows.get(&members::TABLE, &key).map_err(|error| internal(&error))?;
    Ok(row.is_some())
}

/// A fault of the server's own: logged here, told without its content.
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a request met a fault");
    Problem::new(problem::INTERNAL, problem::INTERNAL.page)
}
