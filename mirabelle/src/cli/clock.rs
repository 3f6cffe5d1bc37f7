//! `clock`

use clap::{Args, Subcommand};
use mirabelle_domain::Day;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::remote::Remote;
use super::table::said;
use crate::client::Call;

/// Arguments of `clock`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Take all days up to one as come, for the tenant: anniversaries, birthdays, milestones that waited for their day;
    /// vesting and expiry keep to the real time.
    Run {
        /// The day, such as 2026-06-15.
        #[arg(long, value_name = "DAY")]
        today: Day,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let Act::Run { today } = arguments.act;
    // To hear of the same day twice changes nothing.
    let call = Call::post("/v1/clock/run", &json!({ "today": today.to_string() })).repeatable();
    session.read(call, |body| {
        format!("The clock runs up to {}: what is due is decided in a moment.", said(&body["today"]))
    })?;
    Ok(Exit::Done)
}
