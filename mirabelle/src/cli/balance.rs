//! `balance` and `lots`

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::Remote;
use super::table::{Table, pairs};
use crate::client::{Call, segment};

/// Arguments of `balance`.
#[derive(Args)]
pub(super) struct Balance {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// As it was at an instant (RFC 3339): after the last move accepted by then.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Arguments of `lots`.
#[derive(Args)]
pub(super) struct Lots {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// Those used up, expired and reversed too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Balance) -> Result<Exit, Failure> {
    let call = Call::get(format!("/v1/members/{}/balance", segment(&arguments.member)))
        .query_option("as_of", arguments.as_of.clone());
    arguments.remote.session()?.read(call, balance)?;
    Ok(Exit::Done)
}

fn balance(body: &Json) -> String {
    let mut text = pairs([
        ("member", &body["member"]),
        ("number", &body["number"]),
        ("available", &body["available"]),
        ("pending", &body["pending"]),
        ("reserved", &body["reserved"]),
        ("spent", &body["spent"]),
        ("expired", &body["expired"]),
        ("taken back", &body["taken"]),
        ("owed", &body["shortfall"]),
        ("as of", &body["as_of"]),
    ]);
    if body["expiring"].as_array().is_some_and(|lots| !lots.is_empty()) {
        let table = Table::of(&body["expiring"], &[("EXPIRING", "points"), ("ON", "expires_at")]);
        text.push_str(&format!("\n\n{}", table.text("")));
    }
    if body["due"].is_object() {
        let due = &body["due"];
        let due = pairs([
            ("become spendable", &due["vests"]),
            ("expire", &due["expires"]),
            ("available then", &due["available"]),
        ]);
        text.push_str(&format!("\n\ndue, and applied first by whatever comes next:\n{due}"));
    }
    text
}

pub(super) fn lots(arguments: &Lots) -> Result<Exit, Failure> {
    let mut call = Call::get(format!("/v1/members/{}/lots", segment(&arguments.member)));
    if arguments.all {
        call = call.query("all", "true");
    }
    let columns = [
        ("LOT", "lot"),
        ("POINTS", "points"),
        ("FREE", "free"),
        ("HELD", "held"),
        ("STATE", "state"),
        ("GRANTED", "granted_at"),
        ("SPENDABLE", "activates_at"),
        ("EXPIRES", "expires_at"),
        ("CAMPAIGN", "campaign"),
        ("BUDGET", "budget"),
        ("LABEL", "label"),
    ];
    let text = |body: &Json| Table::of(&body["lots"], &columns).text("There is no lot.");
    let session = arguments.remote.session()?;
    if arguments.all {
        // They come in pages, and whoever says all means all.
        session.list(&call, "lots", &Limit { limit: usize::MAX }, text)?;
    } else {
        session.read(call, text)?;
    }
    Ok(Exit::Done)
}
