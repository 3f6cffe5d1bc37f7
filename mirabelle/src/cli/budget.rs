//! `budget`

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::{Remote, Session};
use super::table::{Table, members, minute, pairs, when};
use super::write::Write;
use crate::client::{Call, segment};

/// Arguments of `budget`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Open a budget, empty.
    Open {
        /// Name of the budget.
        budget: String,
        /// Title, for people; left out: the name.
        #[arg(long)]
        title: Option<String>,
        /// Say so when this much of it is used, per cent, rising; may be given several times.
        #[arg(long = "alert", value_name = "PERCENT")]
        alerts: Vec<i64>,
        #[command(flatten)]
        write: Write,
    },
    /// Put points into a budget, or, with a negative number, take free ones out.
    Allocate {
        /// The budget.
        budget: String,
        /// How many points.
        #[arg(allow_negative_numbers = true)]
        points: i64,
        /// Why; kept with the decision.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        write: Write,
    },
    /// Show what is left: allocated = free + committed + paid out.
    Show {
        /// The budget.
        budget: String,
    },
    /// List the budgets.
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// List the grants that wait for a person.
    Held {
        /// The budget; left out: every budget, those that nobody opened among them.
        budget: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Pay a grant that waits.
    Release(Resolve),
    /// Decline a grant that waits, for good.
    Decline(Resolve),
    /// Close a budget: what is on the way is settled, nothing new begins.
    Close {
        /// The budget.
        budget: String,
        /// Why; kept with the decision.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        write: Write,
    },
}

#[derive(Args)]
struct Resolve {
    /// The budget.
    budget: String,
    /// The grant's id, as `budget held` shows it.
    grant: String,
    /// Why; kept with the decision.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    write: Write,
}

/// The sums after a change. What came into wallets is "paid out" on every screen: "spent" are points of a wallet.
fn sums(body: &Json) -> String {
    pairs([
        ("budget", &body["budget"]),
        ("allocated", &body["allocated"]),
        ("free", &body["free"]),
        ("committed", &body["committed"]),
        ("paid out", &body["spent"]),
    ])
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    match arguments.act {
        Act::Open { budget, title, alerts, write } => {
            let mut body = json!({ "budget": budget, "title": title.as_ref().unwrap_or(&budget) });
            if !alerts.is_empty() {
                body["alerts"] = json!(alerts);
            }
            write.send(&session, Call::post("/v1/budgets", &body), sums)
        }
        Act::Allocate { budget, points, reason, write } => {
            let mut body = json!({ "points": points });
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            let call = Call::post(format!("/v1/budgets/{}/allocations", segment(&budget)), &body);
            write.send(&session, call, sums)
        }
        Act::Show { budget } => {
            let call = Call::get(format!("/v1/budgets/{}", segment(&budget)));
            session.read(call, shown)?;
            Ok(Exit::Done)
        }
        Act::List { limit } => list(&session, &limit),
        Act::Held { budget, limit } => held(&session, budget.as_deref(), &limit),
        Act::Release(it) => resolve(&session, &it, "release"),
        Act::Decline(it) => resolve(&session, &it, "decline"),
        Act::Close { budget, reason, write } => {
            let call =
                Call::post(format!("/v1/budgets/{}/close", segment(&budget)), &json!({ "reason": reason }));
            write.send(&session, call, sums)
        }
    }
}

fn shown(budget: &Json) -> String {
    pairs([
        ("budget", &budget["budget"]),
        ("title", &budget["title"]),
        ("state", &budget["state"]),
        ("allocated", &budget["allocated"]),
        ("free", &budget["free"]),
        ("committed", &budget["committed"]),
        ("paid out", &budget["spent"]),
        ("grants waiting", &budget["held"]),
        ("alerts at %", &budget["alerts"]),
        ("alerted at %", &budget["alerted"]),
        ("alerted", &when(&budget["alerted_at"])),
        ("opened", &when(&budget["opened_at"])),
        ("closed", &when(&budget["closed_at"])),
        ("last move", &when(&budget["as_of"])),
    ])
}

fn list(session: &Session, limit: &Limit) -> Result<Exit, Failure> {
    let columns = [
        ("BUDGET", "budget"),
        ("STATE", "state"),
        ("ALLOCATED", "allocated"),
        ("FREE", "free"),
        ("COMMITTED", "committed"),
        ("PAID OUT", "spent"),
        ("TITLE", "title"),
    ];
    let text = |body: &Json| Table::of(&body["budgets"], &columns).text("There is no budget yet.");
    session.list(&Call::get("/v1/budgets"), "budgets", limit, text)?;
    Ok(Exit::Done)
}

fn held(session: &Session, budget: Option<&str>, limit: &Limit) -> Result<Exit, Failure> {
    let call = match budget {
        Some(budget) => Call::get(format!("/v1/budgets/{}/held", segment(budget))),
        None => Call::get("/v1/held"),
    };
    let text = |body: &Json| {
        let mut table =
            Table::new(&["GRANT", "BUDGET", "MEMBER", "POINTS", "SINCE", "CAMPAIGN", "WHY IT WAITS"]);
        for grant in body["grants"].as_array().into_iter().flatten() {
            let member = [&grant["number"], &grant["member"]].into_iter().find(|known| !known.is_null());
            let member = member.unwrap_or(&Json::Null);
            table.row([
                &grant["grant"],
                &grant["budget"],
                member,
                &grant["points"],
                &minute(&grant["since"]),
                &grant["campaign"],
                &grant["words"],
            ]);
        }
        table.text("Nothing waits.")
    };
    session.list(&call, "grants", limit, text)?;
    Ok(Exit::Done)
}

fn resolve(session: &Session, it: &Resolve, how: &str) -> Result<Exit, Failure> {
    let path = format!("/v1/budgets/{}/held/{}/{how}", segment(&it.budget), segment(&it.grant));
    let call = Call::post(path, &json!({ "reason": it.reason }));
    let patience = it.write.patience();
    it.write.send_then(
        session,
        call,
        |body| members(body, &["id", "state", "points"]),
        |body| match how {
            // What is released goes to the wallet, on its own way.
            "release" => super::grant::arrived(session, &body["id"], patience),
            _ => Ok(Exit::Done),
        },
    )
}
