//! What moved in a wallet, newest first.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::fact::Fact;
use mirabelle_domain::project::month;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{grants, lots, statement};
use mirabelle_domain::{AccountId, MemberId, Timestamp};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::params::{Params, PathOf, cursor};
use super::view::{self, instant, ok, said};
use super::{READERS_AND_MEMBER, words};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;
use crate::state::State;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/members/{member}/statement", || get(page))
    .roles(READERS_AND_MEMBER)
    .summary("What moved in a wallet, newest first, with the sums after each move")
    .query(&[
        ("from", "an instant (RFC 3339): moves accepted then or later"),
        ("to", "an instant (RFC 3339): moves accepted before"),
        ("cursor", "`next` of the page before"),
        ("limit", "moves of a page, 1 to 1000; 100"),
    ])
    .answer(200, "A page of the statement", SCHEMA)];

const SCHEMA: &str = r#"{"type":"object","required":["member","entries"],"properties":{"member":{"type":"string"},
"next":{"type":"string"},"entries":{"type":"array","items":{"type":"object",
"required":["at","kind","what","delta","available","pending","reserved","spent"],"properties":{
"at":{"type":"string","format":"date-time"},"kind":{"type":"string"},"what":{"type":"string"},
"delta":{"type":"integer"},"points":{"type":"integer"},"available":{"type":"integer"},"pending":{"type":"integer"},
"reserved":{"type":"integer"},"spent":{"type":"integer"},"reference":{"type":"string"},"label":{"type":"string"},
"reason":{"type":"string"},"shortfall":{"type":"integer","description":"points of a reversed grant that could not be taken back: spent before, or held by an order"},"seq":{"type":"integer"}}}}}}"#;

/// Months of a statement, newest first, down to the one in which the wallet began.
pub struct Months {
    next: i64,
    last: i64,
}

impl Months {
    /// From the month of `to`, or the newest there may be, down to that of `from`, or the wallet's first.
    ///
    /// # Errors
    /// When the rows can't be read.
    pub fn back_from(
        rows: &dyn Rows,
        key: &[Value; 2],
        to: Option<Timestamp>,
        from: Option<Timestamp>,
    ) -> Result<Months, Problem> {
        // Nothing moves in a wallet before its first lot, and lots are kept; the newest move has the balance's instant.
        let first = view::scan(rows, &Scan::new(&lots::TABLE, key.to_vec(), 1))?;
        let Some(begun) = first.first().and_then(|lot| lot.int("granted_at")) else {
            return Ok(Months { next: 0, last: 1 });
        };
        let sums = view::get(rows, &mirabelle_domain::tables::balances::TABLE, key)?;
        let newest = sums.and_then(|sums| sums.int("as_of")).unwrap_or(begun);
        // A lane that is served later may hold an input of the month after the latest move's.
        let newest = following(month(Timestamp(newest)));
        let next = to.map_or(newest, |to| month(to).min(newest));
        let last = from.map_or(month(Timestamp(begun)), |from| month(from).max(month(Timestamp(begun))));
        Ok(Months { next, last })
    }

    /// Goes on in this month, where a page ended.
    fn skip_to(&mut self, month: i64) {
        self.next = self.next.min(month);
    }
}

impl Iterator for Months {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let month = self.next;
        self.next = before(month);
        (month >= self.last).then_some(month)
    }
}

/// The month before, both as `YYYYMM`.
fn before(month: i64) -> i64 {
    if month % 100 <= 1 { month - 100 + 11 } else { month - 1 }
}

fn following(month: i64) -> i64 {
    if month % 100 >= 12 { month + 100 - 11 } else { month + 1 }
}

/// Number of the fact that takes a grant back.
const GRANT_REVERSED: i64 = 24;

/// Where a page ended: month, seq, entry.
type Place = (i64, i64, i64);

async fn page(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let (from, to) = (params.instant("from")?, params.instant("to")?);
        let (limit, place) = (params.limit()?, params.cursor::<Place>("cursor")?);
        let member = view::member(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        let rows = view::rows(&state)?;
        let key = [view::text(caller.tenant()), view::id(&member.0)];
        let mut months = Months::back_from(rows.as_ref(), &key, to, from)?;
        if let Some((month, ..)) = place {
            months.skip_to(month);
        }
        let within = |row: &Found| {
            let at = row.int("accepted_at").unwrap_or(0);
            from.is_none_or(|from| at >= from.0) && to.is_none_or(|to| at < to.0)
        };
        // One more than asked for tells whether another page follows.
        let mut entries: Vec<(Place, Json)> = Vec::new();
        'months: for month in &mut months {
            let mut partition = key.to_vec();
            partition.push(Value::Int(month));
            let mut scan = Scan::new(&statement::TABLE, partition, 256);
            scan.reverse = true;
            scan.after = place
                .filter(|(of, ..)| *of == month)
                .map(|(_, seq, entry)| vec![Value::Int(seq), Value::Int(entry)]);
            loop {
                let page = view::scan(rows.as_ref(), &scan)?;
                for row in page.iter().filter(|row| within(row)) {
                    if entries.len() > limit {
                        break 'months;
                    }
                    let place = (month, row.int("seq").unwrap_or(0), row.int("entry").unwrap_or(0));
                    let label = label(&state, &caller, member, rows.as_ref(), row)?;
                    let mut entry = entry_body(row, label);
                    entry["reason"] = crate::reason::of_cell(&state, &caller, &entry["reason"]);
                    entries.push((place, entry));
                }
                match page.last() {
                    Some(last) if page.len() == scan.limit => scan.after = Some(last.key[3..].to_vec()),
                    _ => break,
                }
            }
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|(place, _)| cursor(place));
        let entries: Vec<Json> = entries.into_iter().map(|(_, body)| body).collect();
        Ok(ok(headers, json!({ "member": view::opaque(member), "entries": entries, "next": next })))
    })
    .await?
}

/// What a move says to people. That a grant was taken back has no words of its own: it has the grant's.
fn label(
    state: &State,
    caller: &Caller,
    member: MemberId,
    rows: &dyn Rows,
    row: &Found,
) -> Result<Json, Problem> {
    let grant = view::bits(row, "reference").filter(|_| row.int("kind") == Some(GRANT_REVERSED));
    let Some(grant) = grant else { return view::label(state, caller, member, row) };
    match view::get(rows, &grants::TABLE, &[view::text(caller.tenant()), view::id(&grant)])? {
        Some(grant) => view::label(state, caller, member, &grant),
        None => Ok(Json::Null),
    }
}

fn entry_body(row: &Found, label: Json) -> Json {
    let kind = u16::try_from(row.int("kind").unwrap_or(0)).unwrap_or(0);
    let name = Fact::KINDS.iter().find(|(number, _)| *number == kind).map_or("Unknown", |(_, name)| name);
    json!({
        "at": instant(row, "accepted_at"),
        "kind": words::snake(name),
        "what": words::of_move(kind, row),
        "delta": row.int("delta").unwrap_or(0),
        "points": row.int("points"),
        "available": row.int("available").unwrap_or(0),
        "pending": row.int("pending").unwrap_or(0),
        "reserved": row.int("reserved").unwrap_or(0),
        "spent": row.int("spent").unwrap_or(0),
        "reference": view::named(row, "reference"),
        "label": label,
        "reason": said(row, "reason"),
        "shortfall": row.int("shortfall").filter(|shortfall| *shortfall > 0),
        "seq": row.int("seq"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_back_over_the_turn_of_a_year_and_end() {
        let months: Vec<i64> = Months { next: 202_602, last: 202_511 }.collect();
        assert_eq!(months, [202_602, 202_601, 202_512, 202_511]);
        assert_eq!(Months { next: 0, last: 1 }.count(), 0);
        assert_eq!((following(202_512), following(202_601), before(202_601)), (202_601, 202_602, 202_512));
    }
}
