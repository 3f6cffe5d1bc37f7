//! From rows to JSON.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use mirabelle_domain::command::Role;
use mirabelle_domain::rows::{Table, Value, sealed_from_bytes};
use mirabelle_domain::{AccountId, MemberId, TenantId, Timestamp};
use mirabelle_keys::{ExposeSecret as _, KeysError, SecretSlice};
use mirabelle_log::Partition;
use mirabelle_schemas::{bucket, partition_of};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Map, Value as Json, json};

use crate::auth::Caller;
use crate::member::{Resolution, internal, resolve};
use crate::problem::{self, Problem};
use crate::routes;
use crate::state::State;

/// The live generation.
pub fn rows(state: &State) -> Result<Arc<dyn Rows>, Problem> {
    state.parts.store.live().map_err(|error| internal(&error))
}

/// A row, by key.
pub fn get(rows: &dyn Rows, table: &'static Table, key: &[Value]) -> Result<Option<Found>, Problem> {
    rows.get(table, key).map_err(|error| internal(&error))
}

/// Rows of one partition key.
pub fn scan(rows: &dyn Rows, scan: &Scan) -> Result<Vec<Found>, Problem> {
    rows.scan(scan).map_err(|error| internal(&error))
}

/// A text of a key.
pub fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}

/// An id of a key.
pub fn id(bits: &[u8; 16]) -> Value {
    Value::Bytes(bits.to_vec())
}

/// 16 bytes of a cell.
pub fn bits(row: &Found, column: &str) -> Option<[u8; 16]> {
    row.bytes(column).and_then(|bytes| bytes.try_into().ok())
}

/// Bytes as hexadecimal digits.
pub fn hex(bits: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bits))
}

/// Where the rows of an account stand: what `Read-After` may be asked with later. Taken before the rows are read, so
/// that it never says more than was seen.
pub fn position(state: &State, account: &AccountId) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let partition = Partition(partition_of(account, state.parts.log.partitions()));
    let at = state.parts.progress.applied(partition);
    if at >= 0 {
        let log = hex(&state.parts.log.id().0);
        let position = format!("v1.{log}.{}.{at}", bucket(account));
        if let Ok(position) = HeaderValue::from_str(&position) {
            headers.insert(HeaderName::from_static("log-position"), position);
        }
    }
    headers
}

/// 200 with JSON from which members that are null are left out.
pub fn ok(headers: HeaderMap, body: Json) -> Response {
    routes::json(StatusCode::OK, headers, &compact(body))
}

/// Without members that are null, at any depth.
pub fn compact(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(kept.map(|(name, value)| (name, compact(value))).collect::<Map<_, _>>())
        }
        Json::Array(elements) => Json::Array(elements.into_iter().map(compact).collect()),
        other => other,
    }
}

/// An instant of a cell as RFC 3339.
pub fn instant(row: &Found, column: &str) -> Json {
    row.int(column).map_or(Json::Null, |micros| json!(Timestamp(micros).to_string()))
}

/// A number of a cell; a sum that was never set is 0.
pub fn sum(row: Option<&Found>, column: &str) -> i64 {
    row.and_then(|row| row.int(column)).unwrap_or(0)
}

/// A text of a cell; empty is nothing.
pub fn said(row: &Found, column: &str) -> Json {
    row.text(column).filter(|text| !text.is_empty()).map_or(Json::Null, |text| json!(text))
}

/// An id of a cell.
pub fn named(row: &Found, column: &str) -> Json {
    bits(row, column).map_or(Json::Null, |bits| json!(hex(&bits)))
}

/// A member as everybody may see one.
pub fn opaque(member: MemberId) -> String {
    format!("m:{member}")
}

/// Whether the caller may see who people are. Everybody else works with opaque ids.
pub fn sees_people(caller: &Caller) -> bool {
    caller.has(&[Role::Admin, Role::Service, Role::Member])
}

/// The member whose own account alone this key opens; `None`: it sees everybody.
pub fn own(caller: &Caller) -> Option<MemberId> {
    if caller.sees_everybody() { None } else { Some(caller.key.member.unwrap_or(MemberId([0; 16]))) }
}

/// The member that a path names, for this caller: `me` is a member's key's own. Somebody whom nobody reported does not
/// exist, nor does another tenant's.
pub fn member(state: &State, caller: &Caller, name: &str) -> Result<MemberId, Problem> {
    if let Some(own) = own(caller) {
        // Whether there is another member of this number is none of this key's business.
        let same = name == "me" || resolve(state, caller.tenant(), name)? == Resolution::One(own);
        if !same {
            return Err(Problem::new(problem::FORBIDDEN, "a member's key opens its own account alone"));
        }
        return Ok(own);
    }
    crate::member::for_read(state, caller.tenant(), name)
}

/// What a cell of a member's row holds sealed; `None`: nothing, or the member was erased.
pub fn opened(
    state: &State,
    tenant: &TenantId,
    member: MemberId,
    field: &str,
    cell: Option<&[u8]>,
) -> Result<Option<SecretSlice<u8>>, Problem> {
    let sealed = sealed_from_bytes(cell.unwrap_or_default()).map_err(|error| internal(&error))?;
    let Some(sealed) = sealed else { return Ok(None) };
    match state.parts.keys.open(tenant, member, field, &sealed) {
        Ok(clear) => Ok(Some(clear)),
        Err(KeysError::Erased) => Ok(None),
        Err(error) => Err(internal(&error)),
    }
}

/// What a grant's row says to people: the giver's words for a caller who may see people, else what is nobody's secret.
pub fn label(state: &State, caller: &Caller, member: MemberId, row: &Found) -> Result<Json, Problem> {
    if sees_people(caller) {
        let field = crate::routes::grants::NOTE;
        let words = opened(state, caller.tenant(), member, field, row.bytes("note"))?;
        if let Some(words) = words.and_then(|clear| String::from_utf8(clear.expose_secret().to_vec()).ok()) {
            return Ok(json!(words));
        }
    }
    Ok(said(row, "label"))
}

/// The source's number of a member, for a caller who may see people.
pub fn number(
    state: &State,
    caller: &Caller,
    member: MemberId,
    row: Option<&Found>,
) -> Result<Option<String>, Problem> {
    let Some(row) = row.filter(|_| sees_people(caller)) else { return Ok(None) };
    let clear = opened(state, caller.tenant(), member, "external_id", row.bytes("external_id"))?;
    Ok(clear.and_then(|clear| String::from_utf8(clear.expose_secret().to_vec()).ok()))
}
