//! `balance` and `lots`

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::Remote;
use super::table::{Table, pairs, when};
use crate::client::{Call, segment};

/// Arguments of `balance`.
#[derive(Args)]
pub(super) struct Balance {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// As it was at an instant (RFC 3339): after the last move accepted by then.
    #[arg(long, value_name = "INSTANT", value_parser = super::statement::instant)]
    as_of: Option<jiff::Timestamp>,
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
    if let Some(as_of) = arguments.as_of.filter(|as_of| *as_of > jiff::Timestamp::now()) {
        return Err(Failure::usage(format!(
            "--as-of {as_of} lies ahead: a balance of a day to come is not known; without --as-of the one of now is shown, with what expires and vests"
        )));
    }
    let call = Call::get(format!("/v1/members/{}/balance", segment(&arguments.member)))
        .query_option("as_of", arguments.as_of.map(|as_of| as_of.to_string()));
    let session = arguments.remote.session()?;
    let reply = session.send(call)?;
    let name = if session.json { None } else { super::member::name(&session, &arguments.member) };
    session.show(&reply, |body| balance(body, name.as_deref(), arguments.as_of))?;
    Ok(Exit::Done)
}

fn balance(body: &Json, name: Option<&str>, as_of: Option<jiff::Timestamp>) -> String {
    let name = name.map_or(Json::Null, Json::from);
    let as_of = when(&Json::from(as_of.unwrap_or_else(jiff::Timestamp::now).to_string()));
    let last = when(&body["as_of"]);
    let last = if last.is_null() { Json::from("none yet") } else { last };
    let mut text = pairs([
        ("name", &name),
        ("number", &body["number"]),
        ("member", &body["member"]),
        ("at", &as_of),
        ("last move", &last),
        ("available", &body["available"]),
        ("pending", &body["pending"]),
        ("reserved", &body["reserved"]),
        ("spent", &body["spent"]),
        ("expired", &body["expired"]),
        ("taken back", &body["taken"]),
        ("could not be taken back", &positive(&body["shortfall"])),
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

/// A number that is worth a word.
fn positive(number: &Json) -> Json {
    if number.as_i64().unwrap_or(0) > 0 { number.clone() } else { Json::Null }
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
