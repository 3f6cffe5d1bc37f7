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
    /// vesting and expiry keep to the real time. It returns before all of it is decided; `explain` shows what came of it.
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
        // Days are written so that their order is the texts' order.
        let (asked, day) = (today.to_string(), said(&body["today"]));
        let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
        if asked < day || asked < now {
            let latest = day.max(now);
            return format!(
                "{asked} has come already: nothing new is due. The clock is at {latest} and does not go back while the server runs."
            );
        }
        format!(
            "The clock takes all days up to {day} as come. What is due is decided from now on, in a moment; \
             `mirabelle explain MEMBER` shows it."
        )
    })?;
    Ok(Exit::Done)
}
