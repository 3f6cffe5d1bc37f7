//! `statement`

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::Remote;
use super::table::Table;
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
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    remote: Remote,
}

fn instant(text: &str) -> Result<jiff::Timestamp, String> {
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
    let columns = [
        ("AT", "at"),
        ("POINTS", "points"),
        ("CHANGE", "delta"),
        ("AVAILABLE", "available"),
        ("PENDING", "pending"),
        ("RESERVED", "reserved"),
        ("SPENT", "spent"),
        ("LABEL", "label"),
        ("WHAT", "what"),
    ];
    let text = |body: &Json| Table::of(&body["entries"], &columns).text("Nothing moved.");
    arguments.remote.session()?.list(&call, "entries", &arguments.limit, text)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_of_takes_in_what_was_accepted_at_that_very_microsecond() {
        let at = |text: &str| end_of(instant(text).unwrap()).unwrap();
        assert_eq!(at("2026-06-15T11:00:00+02:00"), "2026-06-15T09:00:00.000001Z");
        assert_eq!(at("2026-06-15T09:00:00.999999Z"), "2026-06-15T09:00:01Z");
    }
}
