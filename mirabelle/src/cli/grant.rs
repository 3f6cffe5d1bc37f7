//! `grant`

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::output::{print, tell_error};
use super::remote::{Remote, Session};
use super::table::{members, pairs};
use super::write::Write;
use crate::client::{Call, segment};

/// Arguments of `grant`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    give: Give,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Subcommand)]
enum Act {
    /// Take back what is left of a grant.
    Reverse {
        /// The grant's id.
        grant: String,
        /// Why; kept with the decision.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        write: Write,
    },
    /// Show where a grant stands, seen from the wallet and from the budget.
    Show {
        /// The grant's id.
        grant: String,
    },
}

#[derive(Args)]
struct Give {
    /// Who gets them: a number, `id_space:number` or `m:…`.
    #[arg(required = true, value_parser = member)]
    member: Option<String>,
    /// How many points.
    #[arg(required = true, allow_negative_numbers = true)]
    points: Option<i64>,
    /// The budget that pays.
    #[arg(long, required = true)]
    budget: Option<String>,
    /// What it is for; the member reads it.
    #[arg(long)]
    label: Option<String>,
    /// Spendable from this instant on (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    activates_at: Option<String>,
    /// Until this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
    /// Why; kept with the decision.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    write: Write,
}

/// Nobody's number is the name of a command: options before it would make it one.
fn member(text: &str) -> Result<String, String> {
    match text {
        "reverse" | "show" => Err(format!("a command stands before its options: `mirabelle grant {text} …`")),
        _ => Ok(text.to_owned()),
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    match arguments.act {
        None => give(&session, arguments.give),
        Some(Act::Show { grant }) => {
            session.read(Call::get(format!("/v1/grants/{}", segment(&grant))), shown)?;
            Ok(Exit::Done)
        }
        Some(Act::Reverse { grant, reason, write }) => {
            let path = format!("/v1/grants/{}/reverse", segment(&grant));
            write.send(&session, Call::post(path, &json!({ "reason": reason })), |body| {
                let balance = &body["balance"];
                pairs([
                    ("grant", &body["id"]),
                    ("could not be taken back", &body["shortfall"]),
                    ("available", &balance["available"]),
                    ("pending", &balance["pending"]),
                    ("reserved", &balance["reserved"]),
                ])
            })
        }
    }
}

fn give(session: &Session, give: Give) -> Result<Exit, Failure> {
    let mut body = json!({ "budget": give.budget, "member": give.member, "points": give.points });
    let options = [
        ("label", give.label),
        ("activates_at", give.activates_at),
        ("expires_at", give.expires_at),
        ("reason", give.reason),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    let patience = give.write.patience();
    give.write.send_then(session, Call::post("/v1/grants", &body), given, |body| {
        arrived(session, &body["grants"][0]["id"], patience)
    })
}

fn given(body: &Json) -> String {
    let (grant, budget) = (&body["grants"][0], &body["budget"]);
    pairs([
        ("grant", &grant["id"]),
        ("member", &grant["member"]),
        ("points", &grant["points"]),
        ("budget", &budget["budget"]),
        ("left in it", &budget["free"]),
    ])
}

/// Between two looks at a grant that is on its way.
const BREATH: Duration = Duration::from_millis(50);

/// Waits until a grant that its budget has committed is in the wallet and in the budget's books, or will not come, and
/// says which: whoever reads next sees it.
pub(super) fn arrived(session: &Session, grant: &Json, patience: Duration) -> Result<Exit, Failure> {
    let Some(id) = grant.as_str() else { return Ok(Exit::Done) };
    let deadline = Instant::now() + patience;
    loop {
        let found = session.body(&session.send(Call::get(format!("/v1/grants/{}", segment(id))))?)?;
        let state = |name: &str| found[name].as_str().unwrap_or_default();
        let exit = match (state("wallet_state"), state("budget_state")) {
            ("credited", "settled") | ("reversed", _) | (_, "held") => Some(Exit::Done),
            ("refused" | "dropped", _) | (_, "declined" | "returned") => Some(Exit::Failed),
            _ if patience.is_zero() => Some(Exit::Done),
            ("credited", _) if Instant::now() >= deadline => Some(Exit::Done),
            _ if Instant::now() >= deadline => Some(Exit::Failed),
            _ => None,
        };
        if let Some(exit) = exit {
            if !session.json {
                print(&pairs([("now", &found["words"]), ("because", &found["held_words"])]));
            }
            if state("wallet_state").is_empty() && exit == Exit::Failed {
                tell_error(&format!("Where it stands later: mirabelle grant show {id}"));
            }
            return Ok(exit);
        }
        session.pause(BREATH);
    }
}

fn shown(grant: &Json) -> String {
    let names = [
        "id",
        "member",
        "points",
        "budget",
        "campaign",
        "version",
        "label",
        "words",
        "held_words",
        "granted_at",
        "activates_at",
        "expires_at",
        "lot",
        "reason",
        "resolved_by",
    ];
    members(grant, &names)
}
