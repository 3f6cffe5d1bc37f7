//! A redemption, and its story.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::config::reaches_vendor;
use mirabelle_domain::rows::{Value, lines_from_text};
use mirabelle_domain::tables::{redemption_lines, redemptions, repeats, reveals};
use mirabelle_domain::{AccountId, MemberId, RedemptionId};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::params::PathOf;
use super::view::{self, instant, ok, said};
use super::{READERS_AND_MEMBER, words};
use crate::auth::Caller;
use crate::member::internal;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;
use crate::state::State;

/// Most reveals that a story tells.
const REVEALS_MAX: usize = 1_000;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::get("/v1/redemptions/{redemption}", || get(read))
        .roles(READERS_AND_MEMBER)
        .summary("A redemption and what became of its lines")
        .answer(200, "The redemption", REDEMPTION),
    Route::get("/v1/redemptions/{redemption}/explain", || get(explain))
        .roles(READERS_AND_MEMBER)
        .summary("What happened to a redemption, in words, and who saw its vouchers")
        .answer(200, "The redemption with its story", REDEMPTION),
];

const REDEMPTION: &str = r#"{"type":"object","required":["id","member","state","points","lines","requested_at"],
"properties":{"id":{"type":"string"},"member":{"type":"string"},"state":{"type":"string","enum":["requested","approved",
"fulfilling","fulfilled","partially_fulfilled","failed","cancelled"]},"words":{"type":"string"},
"points":{"type":"integer"},"captured":{"type":"integer"},"returned":{"type":"integer"},
"requested_at":{"type":"string","format":"date-time"},"closed_at":{"type":"string","format":"date-time"},
"lines":{"type":"array","items":{"type":"object","required":["line","product","quantity","points","state"],
"properties":{"line":{"type":"integer"},"product":{"type":"string"},"product_version":{"type":"integer"},
"quantity":{"type":"integer"},"points":{"type":"integer"},"state":{"type":"string","enum":["waiting","started",
"unanswered","fulfilled","failed","cancelled"]},"attempt":{"type":"integer"},"voucher":{"type":"boolean"},
"reference":{"type":"string"},"reason":{"type":"string"},"updated_at":{"type":"string"}}}},
"story":{"type":"array","items":{"type":"string"}},"reveals":{"type":"array","items":{"type":"object"}}}}"#;

/// A redemption that the caller may see. Whose it is decides; what is not the caller's does not exist.
pub fn find(state: &State, caller: &Caller, text: &str) -> Result<(RedemptionId, MemberId, Found), Problem> {
    let redemption: RedemptionId = text.parse().map_err(|_| Problem::missing("redemption"))?;
    let key = [view::text(caller.tenant()), view::id(&redemption.0)];
    let row = view::get(view::rows(state)?.as_ref(), &redemptions::TABLE, &key)?
        .ok_or_else(|| Problem::missing("redemption"))?;
    let member = view::bits(&row, "member").map(MemberId).ok_or_else(|| Problem::missing("redemption"))?;
    if view::own(caller).is_some_and(|own| own != member) {
        return Err(Problem::missing("redemption"));
    }
    Ok((redemption, member, row))
}

async fn read(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    blocking(move || {
        let (_, member, _) = find(&state, &caller, &id)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        // Read again behind the position, which must not say more than was seen.
        let (redemption, _, row) = find(&state, &caller, &id)?;
        Ok(ok(headers, body(view::rows(&state)?.as_ref(), &caller, redemption, &row)?))
    })
    .await?
}

/// A redemption as its rows have it.
pub fn body(
    rows: &dyn Rows,
    caller: &Caller,
    redemption: RedemptionId,
    row: &Found,
) -> Result<Json, Problem> {
    let state = row.text("state").unwrap_or_default();
    let member = view::bits(row, "member").map(|member| view::opaque(MemberId(member)));
    Ok(json!({
        "id": redemption.to_string(),
        "member": member,
        "state": state,
        "words": words::of_redemption(state),
        "points": row.int("points"),
        "captured": row.int("captured"),
        "returned": row.int("returned"),
        "requested_at": instant(row, "requested_at"),
        "closed_at": instant(row, "closed_at"),
        "lines": lines(rows, caller, redemption, row)?,
    }))
}

fn lines(
    rows: &dyn Rows,
    caller: &Caller,
    redemption: RedemptionId,
    row: &Found,
) -> Result<Vec<Json>, Problem> {
    let ordered = lines_from_text(row.text("lines").unwrap_or_default()).map_err(|error| internal(&error))?;
    let key = vec![view::text(caller.tenant()), view::id(&redemption.0)];
    let waited =
        view::scan(rows, &Scan::new(&redemption_lines::TABLE, key, mirabelle_domain::member::LINES_MAX))?;
    let cancelled = row.text("state") == Some("cancelled");
    let body = |(index, line): (i64, &mirabelle_domain::rows::OrderedLine)| {
        let of = waited.iter().find(|row| row.int("line") == Some(index));
        let state = match of.and_then(|row| row.text("state")) {
            // Without a row of its own it was delivered by the request's own decision.
            None if line.vendor.is_none() => "fulfilled",
            None | Some("waiting") if cancelled => "cancelled",
            None => "waiting",
            Some(state) => state,
        };
        let told = |column| of.map_or(Json::Null, |row| said(row, column));
        json!({
            "line": index,
            "product": line.product,
            "product_version": line.product_version,
            "quantity": line.quantity,
            "points": line.unit_points.get() * i64::from(line.quantity),
            "vendor": line.vendor,
            "state": state,
            "attempt": of.and_then(|row| row.int("attempt")),
            "voucher": of.and_then(|row| row.bytes("voucher")).is_some_and(|bytes| !bytes.is_empty()),
            "reference": told("reference"),
            "reason": told("reason"),
            "updated_at": of.map_or(Json::Null, |row| instant(row, "updated_at")),
        })
    };
    Ok((0..).zip(&ordered).map(body).collect())
}

async fn explain(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    blocking(move || {
        let (_, member, _) = find(&state, &caller, &id)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        // Read again behind the position, which must not say more than was seen.
        let (redemption, _, row) = find(&state, &caller, &id)?;
        let rows = view::rows(&state)?;
        let mut body = body(rows.as_ref(), &caller, redemption, &row)?;
        let key: Vec<Value> = vec![view::text(caller.tenant()), view::id(&redemption.0)];
        let seen = view::scan(rows.as_ref(), &Scan::new(&reveals::TABLE, key, REVEALS_MAX))?;
        let mode = state.directory.tenant(caller.tenant()).map(|tenant| tenant.mode).unwrap_or_default();
        let reached = |vendor: &str| vendor.parse().is_ok_and(|vendor| reaches_vendor(mode, &vendor));
        body["story"] = json!(story(&body, &reached));
        body["reveals"] = shown(&state, &caller, rows.as_ref(), &seen)?.into();
        Ok(ok(headers, body))
    })
    .await?
}

/// Each time a voucher was shown, oldest first: a request that is repeated under its key is shown it again.
fn shown(state: &State, caller: &Caller, rows: &dyn Rows, seen: &[Found]) -> Result<Vec<Json>, Problem> {
    let mut shown = Vec::new();
    for row in seen {
        let reason = crate::reason::of_cell(state, caller, &said(row, "reason"));
        let look = |by: &Found, at: &str, repeated: bool| {
            let body = json!({
                "line": row.int("line"),
                "by": said(by, "principal"),
                "reason": reason,
                "at": instant(by, at),
                "repeated": repeated.then_some(true),
            });
            (by.int(at).unwrap_or(0), body)
        };
        shown.push(look(row, "revealed_at", false));
        if let Some(command) = view::bits(row, "command_id") {
            let again = view::scan(rows, &Scan::new(&repeats::TABLE, vec![view::id(&command)], REVEALS_MAX))?;
            let same = again.iter().filter(|row| row.int("same_body") == Some(1));
            shown.extend(same.map(|row| look(row, "accepted_at", true)));
        }
    }
    shown.sort_by_key(|(at, _)| *at);
    Ok(shown.into_iter().map(|(_, body)| body).collect())
}

/// What happened, a sentence each; `reached` says whether anybody asks a vendor of this name.
fn story(body: &Json, reached: &dyn Fn(&str) -> bool) -> Vec<String> {
    let text = |json: &Json, name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let mut story = vec![format!(
        "{}: ordered for {} points, which were held.",
        text(body, "requested_at"),
        body["points"]
    )];
    for line in body["lines"].as_array().into_iter().flatten() {
        let what = format!("Line {}, {} of {}", line["line"], line["quantity"], text(line, "product"));
        story.push(match text(line, "state").as_str() {
            "fulfilled" => format!("{what}: delivered; {} points are spent.", line["points"]),
            "failed" => {
                format!(
                    "{what}: not delivered ({}); {} points came back.",
                    text(line, "reason"),
                    line["points"]
                )
            }
            "cancelled" => format!("{what}: cancelled before it was started."),
            "waiting" | "started" | "unanswered" if line["vendor"].as_str().is_some_and(|vendor| !reached(vendor)) => {
                format!(
                    "{what}: the vendor `{}` is not set up here, so nobody was asked; the points stay held until it \
                     is, or until somebody settles the line.",
                    text(line, "vendor")
                )
            }
            "unanswered" => {
                format!(
                    "{what}: the vendor did not answer attempt {}; it is asked again, with the same key.",
                    line["attempt"]
                )
            }
            "started" => format!("{what}: the vendor is being asked, attempt {}.", line["attempt"]),
            _ => format!("{what}: waits for its turn."),
        });
    }
    let state = text(body, "state");
    match body["closed_at"].as_str() {
        Some(at) => story.push(format!("{at}: {state}; {}.", words::of_redemption(&state))),
        None => story.push(format!("Now {state}: {}.", words::of_redemption(&state))),
    }
    story
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_says_of_each_line_what_became_of_it() {
        let body = json!({
            "requested_at": "2026-06-15T09:00:00Z", "closed_at": "2026-06-15T09:00:02Z", "points": 5_300,
            "state": "partially_fulfilled",
            "lines": [
                { "line": 0, "quantity": 2, "product": "gift-de-25", "points": 5_000, "state": "fulfilled" },
                { "line": 1, "quantity": 1, "product": "mug", "points": 300, "state": "failed", "reason": "sold_out" },
            ],
        });
        let story = story(&body, &|_| true);
        assert_eq!(story[1], "Line 0, 2 of gift-de-25: delivered; 5000 points are spent.");
        assert_eq!(story[2], "Line 1, 1 of mug: not delivered (sold_out); 300 points came back.");
        assert!(story[3].starts_with("2026-06-15T09:00:02Z: partially_fulfilled"), "{story:?}");
    }
    #[test]
    fn a_line_of_a_vendor_that_nobody_set_up_is_told_as_that() {
        let line = json!({"line": 0, "quantity": 1, "product": "card", "points": 300, "state": "unanswered",
            "attempt": 8, "vendor": "tango"});
        let body = json!({"requested_at": "2026-06-15T09:00:00Z", "points": 300, "state": "fulfilling", "lines": [line]});
        let told = |reached: bool| story(&body, &move |vendor| reached && vendor == "tango")[1].clone();
        assert!(told(true).contains("did not answer attempt 8"), "{}", told(true));
        assert!(told(false).contains("`tango` is not set up here"), "{}", told(false));
        assert!(!told(false).contains("did not answer"), "{}", told(false));
    }
}
