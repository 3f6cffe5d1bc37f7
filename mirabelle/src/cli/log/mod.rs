//! `log`

mod dump;
mod line;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mirabelle_log::Topic;

use super::failure::{Exit, Failure};

/// Arguments of `log`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Print records as JSON, one a line; of facts with what the reading rule makes of each. Nothing is changed, and
    /// what is sealed stays sealed.
    Dump(Dump),
}

/// What to print.
#[derive(Args)]
struct Dump {
    /// The data directory; no server may have it open.
    #[arg(long, value_name = "DIR", env = "MIRABELLE_DATA", default_value = "data")]
    data: PathBuf,
    /// The topic.
    #[arg(long, value_enum, default_value_t = Of::Facts)]
    topic: Of,
    /// One partition; left out: all, one after the other.
    #[arg(long, value_name = "N")]
    partition: Option<u16>,
    /// From this offset of each partition on.
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,
    /// The most records that are printed.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    /// What HR systems reported.
    Milestones,
    /// Wishes.
    Commands,
    /// Wishes from files and runs.
    CommandsBulk,
    /// Decisions and claims: the truth.
    Facts,
    /// What nobody could read.
    DeadLetters,
}

impl From<Of> for Topic {
    fn from(of: Of) -> Topic {
        match of {
            Of::Milestones => Topic::Milestones,
            Of::Commands => Topic::Commands,
            Of::CommandsBulk => Topic::CommandsBulk,
            Of::Facts => Topic::Facts,
            Of::DeadLetters => Topic::DeadLetters,
        }
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Act::Dump(it) = arguments.act;
    dump::run(&it)
}
