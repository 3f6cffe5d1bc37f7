//! A member, the balance, the lots.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{balances, grants, lots, members, statement};
use mirabelle_domain::{AccountId, MemberId, Timestamp};
use mirabelle_keys::ExposeSecret as _;
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::READERS_AND_MEMBER;
use super::due::Due;
use super::params::{Params, PathOf, cursor};
use super::statement::Months;
use super::view::{self, instant, ok, said, sum};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;
use crate::state::State;

/// Lots read at once.
const LOTS_READ: usize = 256;
/// Most lots of a wallet.
const LOTS_MAX: usize = mirabelle_domain::member::LOTS_MAX;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::get("/v1/members/{member}", || get(member))
        .roles(READERS_AND_MEMBER)
        .summary("What is known of a member; `me` is a member's own")
        .answer(200, "The member", MEMBER),
    Route::get("/v1/members/{member}/balance", || get(balance))
        .roles(READERS_AND_MEMBER)
        .summary("What a member has, now or at an earlier instant")
        .query(&[(
            "as_of",
            "an instant (RFC 3339): the sums after the last move accepted by then; what falls due is said of now alone",
        )])
        .answer(200, "The balance", BALANCE),
    Route::get("/v1/members/{member}/lots", || get(lots_of))
        .roles(READERS_AND_MEMBER)
        .summary("The lots of a wallet that still hold points, in the order in which they are spent")
        .query(&[
            ("all", "true: those used up, expired and reversed too, by number, in pages"),
            ("cursor", "with `all`: `next` of the page before"),
            ("limit", "with `all`: lots of a page, 1 to 1000; 100"),
        ])
        .answer(200, "The lots", LOTS),
];

const MEMBER: &str = r#"{"type":"object","required":["member","balance"],"properties":{"member":{"type":"string"},
"number":{"type":"string"},"name":{"type":"string"},"email":{"type":"string"},"status":{"type":"string"},
"hire":{"type":"string","format":"date"},"original_hire":{"type":"string","format":"date"},
"department":{"type":"string"},"country":{"type":"string"},"connection":{"type":"string"},
"balance":{"type":"object"}}}"#;
const BALANCE: &str = r#"{"type":"object","required":["member","available","pending","reserved","spent"],"properties":{
"member":{"type":"string"},"number":{"type":"string"},"available":{"type":"integer"},"pending":{"type":"integer"},
"reserved":{"type":"integer"},"spent":{"type":"integer"},"expired":{"type":"integer"},"taken":{"type":"integer"},
"shortfall":{"type":"integer","description":"points that were to be taken back and could not be: they were spent before, or an order holds them. Noted for people; nothing is ever taken from later points for it"},"as_of":{"type":"string","format":"date-time"},
"expiring":{"type":"array","items":{"type":"object","required":["points","expires_at"],"properties":{
"points":{"type":"integer"},"expires_at":{"type":"string","format":"date-time"}}}},
"due":{"type":"object","description":"what has fallen due and is applied first by the next decision","properties":{
"vests":{"type":"integer"},"expires":{"type":"integer"},"available":{"type":"integer"}}}}}"#;
const LOTS: &str = r#"{"type":"object","required":["lots"],"properties":{"lots":{"type":"array","items":{"type":"object",
"required":["lot","points","free","held","state"],"properties":{"lot":{"type":"integer"},"points":{"type":"integer"},
"free":{"type":"integer"},"held":{"type":"integer"},"state":{"type":"string","enum":["pending","open","used_up","expired","reversed"]},
"granted_at":{"type":"string"},"activates_at":{"type":"string"},"expires_at":{"type":"string"},
"campaign":{"type":"string"},"version":{"type":"integer"},"budget":{"type":"string"},"grant":{"type":"string"},
"label":{"type":"string"}}}},"next":{"type":"string"}}}"#;

fn key(caller: &Caller, member: MemberId) -> [Value; 2] {
    [view::text(caller.tenant()), view::id(&member.0)]
}

async fn member(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
) -> Result<Response, Problem> {
    blocking(move || {
        let member = view::member(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        let rows = view::rows(&state)?;
        let key = key(&caller, member);
        let row = view::get(rows.as_ref(), &members::TABLE, &key)?;
        let balance = balance_now(rows.as_ref(), &key, state.now())?;
        let mut body = json!({ "member": view::opaque(member), "balance": balance });
        if let Some(row) = &row {
            let text = [
                "status",
                "original_hire",
                "hire",
                "continuous_service",
                "seniority",
                "termination",
                "department",
                "cost_centre",
                "worker_type",
                "company",
                "country",
                "location",
                "zone",
                "connection",
                "changed_at",
            ];
            text.iter().for_each(|column| body[*column] = said(row, column));
            body["recorded_at"] = instant(row, "recorded_at");
            body["seen_at"] = instant(row, "seen_at");
            body["number"] = json!(view::number(&state, &caller, member, Some(row))?);
            if view::sees_people(&caller) {
                let (name, email) = who(&state, &caller, member, row)?;
                body["name"] = name;
                body["email"] = email;
            }
        }
        Ok(ok(headers, body))
    })
    .await?
}

/// Name and e-mail, as they were sealed.
fn who(state: &State, caller: &Caller, member: MemberId, row: &Found) -> Result<(Json, Json), Problem> {
    let clear = view::opened(state, caller.tenant(), member, "personal", row.bytes("personal"))?;
    let personal: Json = match clear {
        Some(clear) => serde_json::from_slice(clear.expose_secret()).unwrap_or(Json::Null),
        None => Json::Null,
    };
    let part = |name: &str| personal.get(name).and_then(Json::as_str);
    let whole: Vec<&str> = [part("given_name"), part("family_name")].into_iter().flatten().collect();
    let name = match part("display_name") {
        Some(shown) => json!(shown),
        None if whole.is_empty() => Json::Null,
        None => json!(whole.join(" ")),
    };
    Ok((name, json!(part("email"))))
}

fn balance_body(sums: Option<&Found>) -> Json {
    balance_as(sums, "shortfall", "as_of")
}

/// A balance by a row of sums, of which two columns have other names in other tables.
fn balance_as(sums: Option<&Found>, shortfall: &str, as_of: &str) -> Json {
    json!({
        "available": sum(sums, "available"),
        "pending": sum(sums, "pending"),
        "reserved": sum(sums, "reserved"),
        "spent": sum(sums, "spent"),
        "expired": sum(sums, "expired"),
        "taken": sum(sums, "taken"),
        "shortfall": sum(sums, shortfall),
        "as_of": sums.map_or(Json::Null, |sums| instant(sums, as_of)),
    })
}

async fn balance(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let as_of = params.instant("as_of")?;
        let member = view::member(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        let rows = view::rows(&state)?;
        let key = key(&caller, member);
        let row = view::get(rows.as_ref(), &members::TABLE, &key)?;
        let mut body = match as_of {
            None => balance_now(rows.as_ref(), &key, state.now())?,
            Some(as_of) => balance_then(rows.as_ref(), &key, as_of)?,
        };
        body["member"] = json!(view::opaque(member));
        body["number"] = json!(view::number(&state, &caller, member, row.as_ref())?);
        Ok(ok(headers, body))
    })
    .await?
}

/// The sums as they stand, and what falls due.
fn balance_now(rows: &dyn Rows, key: &[Value; 2], now: i64) -> Result<Json, Problem> {
    let sums = view::get(rows, &balances::TABLE, key)?;
    let mut body = balance_body(sums.as_ref());
    Due::of(&open_lots(rows, key, sums.as_ref())?, now).say(&mut body);
    Ok(body)
}

/// The lots that still hold points, newest first. Those used up stay for ever, and are mostly the older ones: so it is
/// read from the newest back, until all that the sums say is found.
fn open_lots(rows: &dyn Rows, key: &[Value; 2], sums: Option<&Found>) -> Result<Vec<Found>, Problem> {
    let mut left: i64 = ["available", "pending", "reserved"].iter().map(|column| sum(sums, column)).sum();
    let mut scan = Scan::new(&lots::TABLE, key.to_vec(), LOTS_READ);
    scan.reverse = true;
    let mut open = Vec::new();
    while left > 0 {
        let page = view::scan(rows, &scan)?;
        let (read, last) = (page.len(), page.last().map(|lot| lot.key[2..].to_vec()));
        for lot in page {
            let holds = sum(Some(&lot), "free") + sum(Some(&lot), "held");
            if holds > 0 {
                left -= holds;
                open.push(lot);
            }
        }
        if read < scan.limit {
            break;
        }
        scan.after = last;
    }
    Ok(open)
}

/// The sums after the last move that was accepted by then; the statement holds them with every move.
fn balance_then(rows: &dyn Rows, key: &[Value; 2], as_of: Timestamp) -> Result<Json, Problem> {
    for month in Months::back_from(rows, key, Some(as_of), None)? {
        let mut partition = key.to_vec();
        partition.push(Value::Int(month));
        let mut scan = Scan::new(&statement::TABLE, partition, 256);
        scan.reverse = true;
        loop {
            let page = view::scan(rows, &scan)?;
            let then = page.iter().find(|row| row.int("accepted_at").is_some_and(|at| at <= as_of.0));
            if let Some(row) = then {
                return Ok(balance_as(Some(row), "wallet_shortfall", "accepted_at"));
            }
            match page.last() {
                Some(last) if page.len() == scan.limit => scan.after = Some(last.key[3..].to_vec()),
                _ => break,
            }
        }
    }
    Ok(balance_as(None, "wallet_shortfall", "accepted_at"))
}

async fn lots_of(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let (all, limit) = (params.flag("all")?, params.limit()?);
        let after = params.cursor::<i64>("cursor")?;
        let member = view::member(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        let rows = view::rows(&state)?;
        let key = key(&caller, member);
        let mut next = None;
        let mut found;
        if all {
            // They only become more: in pages.
            let mut scan = Scan::new(&lots::TABLE, key.to_vec(), limit + 1);
            scan.after = after.map(|lot| vec![Value::Int(lot)]);
            found = view::scan(rows.as_ref(), &scan)?;
            let more = found.len() > limit;
            found.truncate(limit);
            next = found.last().filter(|_| more).and_then(|lot| lot.int("lot")).map(|lot| cursor(&lot));
        } else {
            let sums = view::get(rows.as_ref(), &balances::TABLE, &key)?;
            found = open_lots(rows.as_ref(), &key, sums.as_ref())?;
            // As the wallet spends them: what goes first, then what was granted first.
            found.sort_by_key(|lot| {
                let end = lot.int("expires_at");
                (end.is_none(), end, lot.int("granted_at"), lot.int("lot"))
            });
            found.truncate(LOTS_MAX);
        }
        let lot = |lot: &Found| {
            let label = view::label(&state, &caller, member, lot)?;
            Ok(lot_body(lot, lot_state(rows.as_ref(), &key[0], lot)?, label))
        };
        let lots = found.iter().map(lot).collect::<Result<Vec<Json>, Problem>>()?;
        Ok(ok(headers, json!({ "member": view::opaque(member), "lots": lots, "next": next })))
    })
    .await?
}

/// A lot's state. One that holds nothing any more is used up, unless its grant was taken back when nothing of it was
/// left.
fn lot_state(rows: &dyn Rows, tenant: &Value, lot: &Found) -> Result<Json, Problem> {
    if lot.text("state") != Some("open") || sum(Some(lot), "free") + sum(Some(lot), "held") > 0 {
        return Ok(said(lot, "state"));
    }
    let grant = match view::bits(lot, "grant") {
        Some(grant) => view::get(rows, &grants::TABLE, &[tenant.clone(), view::id(&grant)])?,
        None => None,
    };
    let reversed = grant.is_some_and(|grant| grant.text("state") == Some("reversed"));
    Ok(json!(if reversed { "reversed" } else { "used_up" }))
}

fn lot_body(lot: &Found, state: Json, label: Json) -> Json {
    json!({
        "lot": lot.int("lot"),
        "points": lot.int("points"),
        "free": sum(Some(lot), "free"),
        "held": sum(Some(lot), "held"),
        "state": state,
        "granted_at": instant(lot, "granted_at"),
        "activates_at": instant(lot, "activates_at"),
        "expires_at": instant(lot, "expires_at"),
        "campaign": said(lot, "campaign"),
        "version": lot.int("version").filter(|version| *version > 0),
        "budget": said(lot, "budget"),
        "grant": view::named(lot, "grant"),
        "label": label,
    })
}
