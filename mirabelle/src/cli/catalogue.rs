//! `catalogue` and `quote`

use clap::Args;
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::redeem::Line;
use super::remote::Remote;
use super::table::{Table, pairs};
use crate::client::Call;

/// Arguments of `catalogue`.
#[derive(Args)]
pub(super) struct Catalogue {
    /// What is offered in this country only, two capital letters; a member's key sees its own country's.
    #[arg(long)]
    country: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Arguments of `quote`.
#[derive(Args)]
pub(super) struct Quote {
    /// Whose points: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// What for: the product, and how many of it.
    #[arg(required = true, value_name = "PRODUCT[=N]")]
    lines: Vec<Line>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Catalogue) -> Result<Exit, Failure> {
    let call = Call::get("/v1/catalogue").query_option("country", arguments.country.clone());
    let columns = [
        ("PRODUCT", "product"),
        ("POINTS", "points"),
        ("DELIVERY", "delivery"),
        ("COUNTRIES", "countries"),
        ("TITLE", "title"),
    ];
    let text = |body: &Json| Table::of(&body["products"], &columns).text("Nothing is offered.");
    arguments.remote.session()?.read(call, text)?;
    Ok(Exit::Done)
}

pub(super) fn quote(arguments: &Quote) -> Result<Exit, Failure> {
    let mut body = json!({ "lines": arguments.lines.iter().map(Line::body).collect::<Vec<_>>() });
    if arguments.member != "me" {
        body["member"] = json!(arguments.member);
    }
    // Nothing is recorded: to ask twice changes nothing.
    let call = Call::post("/v1/quotes", &body).repeatable();
    arguments.remote.session()?.read(call, priced)?;
    Ok(Exit::Done)
}

fn priced(quote: &Json) -> String {
    let columns = [
        ("PRODUCT", "product"),
        ("QUANTITY", "quantity"),
        ("EACH", "unit_points"),
        ("POINTS", "points"),
        ("TITLE", "title"),
    ];
    let sums = pairs([
        ("altogether", &quote["points"]),
        ("available", &quote["available"]),
        ("enough", &quote["enough"]),
    ]);
    format!("{}\n\n{sums}", Table::of(&quote["lines"], &columns).text("no lines"))
}
