//! Reasons: why somebody wanted something. What is said about a person is sealed under that person's key (DESIGN §6),
//! like the words of a gift; what is said about things of the tenant stays as it was written.
//!
//! ```text
//!   sealed:m:<member, 32 hex>:<base64url>   about one person, under that person's key
//!   sealed:t:<base64url>                    about several, under the tenant's
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mirabelle_domain::command::Role;
use mirabelle_domain::rows::{Value, sealed_bytes, sealed_from_bytes};
use mirabelle_domain::tables::budget_grants;
use mirabelle_domain::{AccountKey, Command, GrantId, MemberId, Sealed, TenantId};
use mirabelle_keys::{ExposeSecret as _, Keys, KeysError};
use serde_json::{Value as Json, json};
use tracing::warn;

use crate::auth::Caller;
use crate::member::internal;
use crate::problem::Problem;
use crate::routes::read::view::sees_people;
use crate::send::{Wish, row};
use crate::state::State;

/// Under this name reasons are sealed.
const FIELD: &str = "reason";
const OF_MEMBER: &str = "sealed:m:";
const OF_TENANT: &str = "sealed:t:";

/// Whom a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Person(MemberId),
    People,
    Things,
}

fn about(state: &State, wish: &Wish) -> Result<About, Problem> {
    let tenant = &wish.account.tenant;
    Ok(match (&wish.account.key, &wish.command) {
        (AccountKey::Member(member), _) => About::Person(*member),
        (_, Command::CommitGrants(block)) => match &block.grants[..] {
            [grant] => About::Person(grant.member),
            _ => About::People,
        },
        (_, Command::ResolveHeldGrant(held)) => {
            receiver(state, tenant, held.grant)?.map_or(About::People, About::Person)
        }
        _ => About::Things,
    })
}

fn receiver(state: &State, tenant: &TenantId, grant: GrantId) -> Result<Option<MemberId>, Problem> {
    let key = [Value::Text(tenant.to_string()), Value::Bytes(grant.0.to_vec())];
    let found = row(state, &budget_grants::TABLE, &key)?;
    Ok(found.and_then(|row| row.bytes("member")?.try_into().ok()).map(MemberId))
}

/// The wish's reason as the log keeps it. Reads rows and keys: for a thread that may wait.
///
/// # Errors
/// When the person was erased.
pub(crate) fn sealed(state: &State, wish: &Wish) -> Result<Option<String>, Problem> {
    let Some(clear) = &wish.reason else { return Ok(None) };
    let (tenant, keys) = (&wish.account.tenant, &state.parts.keys);
    let text = match about(state, wish)? {
        About::Things => return Ok(Some(clear.clone())),
        About::Person(member) => match keys.seal(tenant, member, FIELD, clear.as_bytes()) {
            Ok(sealed) => format!("{OF_MEMBER}{member}:{}", encoded(&sealed)),
            Err(KeysError::Erased) => {
                return Err(Problem::rejected("unknown_member", "this member was erased", Some("/member")));
            }
            Err(error) => return Err(internal(&error)),
        },
        About::People => {
            let sealed = keys.seal_for_tenant(tenant, FIELD, clear.as_bytes());
            format!("{OF_TENANT}{}", encoded(&sealed.map_err(|error| internal(&error))?))
        }
    };
    Ok(Some(text))
}

/// Whether a reason of this wish has to be sealed.
pub(crate) fn is_about_people(wish: &Wish) -> bool {
    wish.reason.is_some()
        && (matches!(wish.account.key, AccountKey::Member(_))
            || matches!(wish.command, Command::CommitGrants(_) | Command::ResolveHeldGrant(_)))
}

fn encoded(sealed: &Sealed) -> String {
    URL_SAFE_NO_PAD.encode(sealed_bytes(Some(sealed)))
}

/// A reason that is kept sealed, opened for a caller who may see people or audits; `null` for everybody else, and when
/// the person was erased. One that was kept as written is given as written.
pub(crate) fn shown(state: &State, caller: &Caller, text: &str) -> Json {
    let Some(parsed) = parse(text) else { return json!(text) };
    if !(sees_people(caller) || caller.has(&[Role::Auditor])) {
        return Json::Null;
    }
    match opened(state.parts.keys.as_ref(), caller.tenant(), &parsed) {
        Ok(clear) => json!(clear),
        Err(KeysError::Erased) => Json::Null,
        Err(error) => {
            warn!(%error, "a reason can't be opened");
            Json::Null
        }
    }
}

/// The reason in a cell of a row; see [`shown`].
pub(crate) fn of_cell(state: &State, caller: &Caller, cell: &Json) -> Json {
    cell.as_str().map_or(Json::Null, |text| shown(state, caller, text))
}

fn parse(text: &str) -> Option<(Option<MemberId>, Sealed)> {
    let (member, bytes) = match text.strip_prefix(OF_MEMBER) {
        Some(rest) => {
            let (member, bytes) = rest.split_once(':')?;
            (Some(member.parse().ok()?), bytes)
        }
        None => (None, text.strip_prefix(OF_TENANT)?),
    };
    let sealed = sealed_from_bytes(&URL_SAFE_NO_PAD.decode(bytes).ok()?).ok()??;
    Some((member, sealed))
}

fn opened(
    keys: &dyn Keys,
    tenant: &TenantId,
    (member, sealed): &(Option<MemberId>, Sealed),
) -> Result<String, KeysError> {
    let clear = match member {
        Some(member) => keys.open(tenant, *member, FIELD, sealed)?,
        None => keys.open_for_tenant(tenant, FIELD, sealed)?,
    };
    Ok(String::from_utf8_lossy(clear.expose_secret()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_reason_survives_its_text_and_other_texts_are_taken_as_written() {
        let sealed = Sealed { key_ref: "m1".to_owned(), nonce: vec![7; 12], bytes: vec![9; 40] };
        let member = MemberId([3; 16]);
        let text = format!("{OF_MEMBER}{member}:{}", encoded(&sealed));
        assert_eq!(parse(&text), Some((Some(member), sealed.clone())));
        assert_eq!(parse(&format!("{OF_TENANT}{}", encoded(&sealed))), Some((None, sealed)));
        for plain in ["", "twice", "sealed:", "sealed:m:x:AA", "sealed:t:!", "sealed:m:", &text[1..]] {
            assert_eq!(parse(plain), None, "{plain}");
        }
    }
}
