//! `statement`

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::{Remote, Session};
use super::table::{Table, minute, said};
use crate::client::{Call, segment};

/// Arguments of `statement`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// Moves accepted at this instant or later (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Moves accepted before this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    to: Option<String>,
    /// The statement as it read at this instant (RFC 3339): moves accepted then or before.
    #[arg(long, value_name = "INSTANT", conflicts_with = "to", value_parser = instant)]
    as_of: Option<jiff::Timestamp>,
    /// With the id of the grant or redemption of each move.
    #[arg(long)]
    references: bool,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn instant(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| "an instant such as 2026-06-15T09:00:00Z".to_owned())
}

/// What comes before the end of this includes everything accepted at `as_of`: the log's stamps are microseconds.
fn end_of(as_of: jiff::Timestamp) -> Result<String, Failure> {
    let micros = as_of.as_microsecond().checked_add(1);
    let end = micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    end.map(|end| end.to_string()).ok_or_else(|| Failure::usage("--as-of is beyond all calendars"))
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let to = match arguments.as_of {
        Some(as_of) => Some(end_of(as_of)?),
        None => arguments.to.clone(),
    };
    let call = Call::get(format!("/v1/members/{}/statement", segment(&arguments.member)))
        .query_option("from", arguments.from.clone())
        .query_option("to", to);
    let session = arguments.remote.session()?;
    let text = |body: &Json| {
        let products = Products::of(&session, &body["entries"]);
        moves(&body["entries"], &products, arguments.references)
    };
    session.list(&call, "entries", &arguments.limit, text)?;
    Ok(Exit::Done)
}

/// Titles of what redemptions ordered, by the redemption's id.
#[derive(Default)]
struct Products(BTreeMap<String, String>);

impl Products {
    /// Of the redemptions that moves name. What this key may not see stays without a title.
    fn of(session: &Session, entries: &Json) -> Products {
        let ids: BTreeSet<&str> = entries
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| is_of_redemption(entry))
            .filter_map(|entry| entry["reference"].as_str())
            .collect();
        if ids.is_empty() {
            return Products::default();
        }
        let read =
            |path: String| session.send(Call::get(path)).ok().and_then(|reply| session.body(&reply).ok());
        let catalogue = read("/v1/catalogue".to_owned()).unwrap_or_default();
        let products = catalogue["products"].as_array().cloned().unwrap_or_default();
        let title = |line: &Json| {
            let product = products.iter().find(|product| {
                // Another version may be another reward: then the name alone is true.
                product["product"] == line["product"] && product["version"] == line["product_version"]
            });
            let title = said(product.map_or(&line["product"], |product| &product["title"]));
            match line["quantity"].as_u64() {
                Some(2..) => format!("{} × {title}", line["quantity"]),
                _ => title,
            }
        };
        let mut titles = BTreeMap::new();
        for id in ids {
            let Some(found) = read(format!("/v1/redemptions/{}", segment(id))) else { continue };
            let lines = found["lines"].as_array().into_iter().flatten().map(title);
            titles.insert(id.to_owned(), lines.collect::<Vec<_>>().join(", "));
        }
        Products(titles)
    }
}

/// Whether a move's reference is a redemption; the others' are grants.
fn is_of_redemption(entry: &Json) -> bool {
    let kind = entry["kind"].as_str().unwrap_or_default();
    ["redemption", "line", "refund"].iter().any(|of| kind.contains(of))
}

/// A line for each move: what changed, what was left, and in words what it was.
fn moves(entries: &Json, products: &Products, references: bool) -> String {
    let elements = || entries.as_array().into_iter().flatten();
    let pending = elements().any(|entry| entry["pending"].as_i64().unwrap_or(0) != 0);
    let mut heads = vec!["AT", "CHANGE", "AVAILABLE"];
    heads.extend(pending.then_some("PENDING"));
    heads.extend(["RESERVED", "SPENT", "WHAT"]);
    let mut table = Table::new(&heads);
    for entry in elements() {
        let mut cells = vec![minute(&entry["at"]), entry["delta"].clone(), entry["available"].clone()];
        cells.extend(pending.then(|| entry["pending"].clone()));
        cells.extend([
            entry["reserved"].clone(),
            entry["spent"].clone(),
            what(entry, products, references).into(),
        ]);
        table.row(&cells);
    }
    table.text("Nothing moved.")
}

fn what(entry: &Json, products: &Products, references: bool) -> String {
    let mut text = said(&entry["what"]);
    let (points, delta) = (entry["points"].as_i64(), entry["delta"].as_i64());
    // What moves between two places of a wallet changes no sum that is shown as a change.
    if let Some(points) =
        points.filter(|points| *points != 0 && Some(*points) != delta && Some(-*points) != delta)
    {
        text.push_str(&format!(" ({points} points)"));
    }
    let reference = said(&entry["reference"]);
    let mut more = vec![said(&entry["label"])];
    more.extend(products.0.get(&reference).filter(|_| is_of_redemption(entry)).cloned());
    let reason = said(&entry["reason"]);
    if !reason.is_empty() {
        more.push(format!("because: {reason}"));
    }
    if let Some(missing) = entry["shortfall"].as_i64().filter(|missing| *missing > 0) {
        more.push(format!("{missing} could not be taken back"));
    }
    if references && !reference.is_empty() {
        let of = if is_of_redemption(entry) { "redemption" } else { "grant" };
        more.push(format!("{of} {reference}"));
    }
    more.retain(|part| !part.is_empty());
    if more.is_empty() { text } else { format!("{text}: {}", more.join("; ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_move_is_told_with_what_it_was_for_and_why() {
        let products = Products(BTreeMap::from([("0b".to_owned(), "A tree, 2 × A mug".to_owned())]));
        let entries = json!([
            { "at": "2026-06-15T09:00:00Z", "kind": "line_fulfilled", "what": "delivered", "delta": 0, "points": 200,
              "available": 5, "reserved": 0, "spent": 200, "reference": "0b" },
            { "at": "2026-06-15T09:00:00Z", "kind": "points_deducted", "what": "taken by a correction", "delta": -3,
              "points": 3, "available": 5, "reserved": 0, "spent": 0, "reason": "counted twice" },
            { "at": "2026-06-15T09:00:00Z", "kind": "grant_reversed", "what": "taken back", "delta": 0, "available": 5,
              "reserved": 0, "spent": 0, "reference": "0c", "shortfall": 7 },
        ]);
        let told = moves(&entries, &products, true);
        for part in [
            "delivered (200 points): A tree, 2 × A mug; redemption 0b",
            "taken by a correction: because: counted twice",
            "taken back: 7 could not be taken back; grant 0c",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("PENDING"), "{told}");
        assert!(!moves(&entries, &products, false).contains("0c"));
    }

    #[test]
    fn as_of_takes_in_what_was_accepted_at_that_very_microsecond() {
        let at = |text: &str| end_of(instant(text).unwrap()).unwrap();
        assert_eq!(at("2026-06-15T11:00:00+02:00"), "2026-06-15T09:00:00.000001Z");
        assert_eq!(at("2026-06-15T09:00:00.999999Z"), "2026-06-15T09:00:01Z");
    }
}
