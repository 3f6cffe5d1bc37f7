//! `adjust`

use clap::Args;
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::remote::Remote;
use super::table::pairs;
use super::write::Write;
use crate::client::Call;

/// Arguments of `adjust`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Whose wallet: a number, `id_space:number` or `m:…`.
    member: String,
    /// How many points: added from a budget, or, with a negative number, taken for good.
    #[arg(allow_negative_numbers = true)]
    points: i64,
    /// The budget that pays what is added; what is taken goes back to none.
    #[arg(long)]
    budget: Option<String>,
    /// Why; kept with the decision, and read by the member.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    if arguments.points > 0 && arguments.budget.is_none() {
        return Err(Failure::usage("say with --budget which budget pays what is added"));
    }
    if arguments.points < 0 && arguments.budget.is_some() {
        return Err(Failure::usage("what is taken goes back to no budget: leave --budget out"));
    }
    let mut body =
        json!({ "member": arguments.member, "points": arguments.points, "reason": arguments.reason });
    if let Some(budget) = &arguments.budget {
        body["budget"] = json!(budget);
    }
    let patience = arguments.write.patience();
    arguments.write.send_then(&session, Call::post("/v1/adjustments", &body), adjusted, |body| {
        // What is added comes as a grant does: from the budget, on its own way.
        super::grant::arrived(&session, &body["grants"][0]["id"], patience)
    })
}

fn adjusted(body: &Json) -> String {
    let (grant, balance) = (&body["grants"][0], &body["balance"]);
    let points = if grant["points"].is_null() { &body["points"] } else { &grant["points"] };
    pairs([
        ("points", points),
        ("grant", &grant["id"]),
        ("budget", &body["budget"]["budget"]),
        ("left in it", &body["budget"]["free"]),
        ("available", &balance["available"]),
        ("pending", &balance["pending"]),
        ("reserved", &balance["reserved"]),
    ])
}
