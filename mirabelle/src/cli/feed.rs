//! `feed`

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::output::tell;
use super::remote::Remote;
use super::table::{Table, minute, said};
use crate::client::Call;

/// Arguments of `feed`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Which partition of the log.
    #[arg(long, value_name = "N", default_value_t = 0)]
    partition: u16,
    /// `next` of the page before; left out: from the beginning.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// The most decisions of the page.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let call = Call::get("/v1/feed")
        .query("partition", arguments.partition.to_string())
        .query("limit", arguments.limit.to_string())
        .query_option("after", arguments.after.clone());
    let session = arguments.remote.session()?;
    let reply = session.send(call)?;
    session.show(&reply, shown)?;
    let body = session.body(&reply)?;
    if !session.json && body["more"] == true {
        tell(&format!("\nmore: --after {}", said(&body["next"])));
    }
    Ok(Exit::Done)
}

fn shown(page: &Json) -> String {
    let mut table = Table::new(&["SEQ", "AT", "ACCOUNT", "COMMAND", "BY", "FACTS"]);
    for decision in page["decisions"].as_array().into_iter().flatten() {
        let kinds = decision["facts"].as_array().into_iter().flatten().map(|fact| said(&fact["kind"]));
        let facts = Json::from(kinds.collect::<Vec<_>>().join(", "));
        table.row(&[
            decision["seq"].clone(),
            minute(&decision["at"]),
            decision["account"].clone(),
            decision["command"].clone(),
            decision["principal"].clone(),
            facts,
        ]);
    }
    table.text("There is no decision of this tenant here.")
}
