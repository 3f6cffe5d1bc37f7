//! `dlq`

use clap::{Args, Subcommand};
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::output::print;
use super::pages::Limit;
use super::remote::Remote;
use super::table::{Table, members, minute};
use crate::client::Call;

/// Arguments of `dlq`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// List dead letters, oldest first within a partition.
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one dead letter.
    Show {
        /// Its place as `dlq list` shows it: PARTITION/OFFSET.
        #[arg(value_parser = place)]
        place: (u64, u64),
    },
}

fn place(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(p, o)| Some((p.parse().ok()?, o.parse().ok()?)));
    parts.ok_or_else(|| "a place such as 3/1041".to_owned())
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let call = Call::get("/v1/dead-letters");
    match arguments.act {
        Act::List { limit } => {
            session.list(&call, "dead_letters", &limit, |body| listed(&body["dead_letters"]))?;
            Ok(Exit::Done)
        }
        Act::Show { place: (partition, offset) } => {
            let all = session.pages(&call, "dead_letters", usize::MAX)?;
            let here = |letter: &&Json| {
                letter["partition"].as_u64() == Some(partition) && letter["offset"].as_u64() == Some(offset)
            };
            let letter = all["dead_letters"].as_array().into_iter().flatten().find(here);
            let letter =
                letter.ok_or_else(|| anyhow::anyhow!("there is no dead letter at {partition}/{offset}"))?;
            let names =
                ["partition", "offset", "at", "tenant", "origin", "source_id", "reason", "detail", "bytes"];
            print(&if session.json { letter.to_string() } else { members(letter, &names) });
            Ok(Exit::Done)
        }
    }
}

fn listed(letters: &Json) -> String {
    let mut table = Table::new(&["PLACE", "AT", "TENANT", "ORIGIN", "SOURCE ID", "REASON", "DETAIL"]);
    for letter in letters.as_array().into_iter().flatten() {
        let place = Json::String(format!("{}/{}", letter["partition"], letter["offset"]));
        let at = minute(&letter["at"]);
        let cells = [&place, &at, &letter["tenant"], &letter["origin"], &letter["source_id"]];
        table.row(cells.into_iter().chain([&letter["reason"], &letter["detail"]]));
    }
    table.text("There is no dead letter.")
}
