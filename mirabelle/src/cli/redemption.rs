//! `redemption`

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::output::plain;
use super::remote::Remote;
use super::table::{Table, pairs, said};
use super::write::Write;
use crate::client::{Call, segment};

/// Arguments of `redemption`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Show a redemption, what happened to it, and who saw its vouchers.
    Show {
        /// The redemption's id.
        redemption: String,
    },
    /// Cancel a redemption of which nothing was started: the points come back.
    Cancel {
        /// The redemption's id.
        redemption: String,
        /// Why; kept with the decision.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        write: Write,
    },
    /// Say what became of a line whose vendor did not answer, once you know it from the vendor: delivered or not.
    Settle {
        /// The redemption's id.
        redemption: String,
        /// The line.
        #[arg(long, value_name = "N")]
        line: u32,
        #[command(flatten)]
        outcome: Outcome,
        /// The vendor's own reference of the order.
        #[arg(long, requires = "fulfilled")]
        reference: Option<String>,
        /// How you know; kept with the decision.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        write: Write,
    },
    /// Show a line's voucher to its owner. That it was shown is recorded.
    Reveal {
        /// The redemption's id.
        redemption: String,
        /// The line.
        #[arg(long, value_name = "N", default_value_t = 0)]
        line: u32,
        /// The member for whom a service's key acts, by number.
        #[arg(long = "for", value_name = "MEMBER")]
        member: Option<String>,
        /// Why; kept with the decision.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        write: Write,
    },
}

/// What the vendor says became of it.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Outcome {
    /// It was delivered: the points are spent. Followed by the codes that the vendor gave, if any.
    #[arg(long, value_name = "CODE", num_args = 0..)]
    fulfilled: Option<Vec<String>>,
    /// It was not delivered, and will not be: the points go back.
    #[arg(long)]
    failed: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let path = |id: &str, act: &str| format!("/v1/redemptions/{}/{act}", segment(id));
    match arguments.act {
        Act::Show { redemption } => {
            session.read(Call::get(path(&redemption, "explain")), shown)?;
            Ok(Exit::Done)
        }
        Act::Cancel { redemption, reason, write } => {
            let mut body = json!({});
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            write.send(&session, Call::post(path(&redemption, "cancel"), &body), |body| {
                pairs([
                    ("redemption", &body["id"]),
                    ("state", &body["state"]),
                    ("came back", &body["returned"]),
                    ("available", &body["balance"]["available"]),
                ])
            })
        }
        Act::Settle { redemption, line, outcome, reference, reason, write } => {
            let mut body = json!({ "line": line, "outcome": "failed", "reason": reason });
            if let Some(codes) = outcome.fulfilled {
                body["outcome"] = json!("fulfilled");
                body["codes"] = json!(codes);
            }
            if let Some(reference) = reference {
                body["reference"] = json!(reference);
            }
            write.send(&session, Call::post(path(&redemption, "settle"), &body), |body| {
                pairs([
                    ("redemption", &body["id"]),
                    ("line", &body["line"]),
                    ("state", &body["state"]),
                    ("points", &body["points"]),
                    ("available", &body["balance"]["available"]),
                ])
            })
        }
        Act::Reveal { redemption, line, member, reason, write } => {
            let mut body = json!({ "line": line });
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            let mut call = Call::post(path(&redemption, "reveal"), &body);
            if let Some(member) = &member {
                call = call.on_behalf_of(member);
            }
            write.send(&session, call, codes)
        }
    }
}

/// The codes, a line each.
fn codes(body: &Json) -> String {
    let codes: Vec<String> = body["codes"].as_array().into_iter().flatten().map(said).collect();
    codes.join("\n")
}

fn shown(body: &Json) -> String {
    let summary = pairs([
        ("redemption", &body["id"]),
        ("member", &body["member"]),
        ("state", &body["state"]),
        ("points", &body["points"]),
        ("spent", &body["captured"]),
        ("came back", &body["returned"]),
    ]);
    let columns = [
        ("LINE", "line"),
        ("PRODUCT", "product"),
        ("QUANTITY", "quantity"),
        ("POINTS", "points"),
        ("STATE", "state"),
        ("VOUCHER", "voucher"),
        ("REASON", "reason"),
    ];
    let mut parts = vec![summary, Table::of(&body["lines"], &columns).text("no lines")];
    let story = body["story"].as_array().into_iter().flatten();
    parts.push(story.map(|line| plain(line.as_str().unwrap_or_default())).collect::<Vec<_>>().join("\n"));
    let reveals = body["reveals"].as_array().map_or(0, Vec::len);
    if reveals > 0 {
        let columns = [("LINE", "line"), ("SHOWN AT", "at"), ("BY", "by"), ("REASON", "reason")];
        parts.push(Table::of(&body["reveals"], &columns).text(""));
    }
    parts.join("\n\n")
}
