//! `connection`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

use super::draft;
use super::failure::{Exit, Failure};
use super::output::{print, tell_error};
use super::pages::Limit;
use super::remote::{Remote, Session};
use super::table::{Table, members};
use super::write::Write;
use crate::client::{Call, segment};

/// Arguments of `connection`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Add a connection, or configure it anew. It begins in baseline: states are recorded, nothing is awarded.
    Add(Add),
    /// Let a connection's milestones earn.
    Open(Turn),
    /// Refuse a connection's deliveries.
    Close(Turn),
    /// List the connections with their versions.
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Say how a connection stands: what is in force, what is to come, how far it is adopted.
    Status {
        /// The connection.
        name: String,
    },
}

#[derive(Args)]
struct Add {
    /// Name of the connection.
    name: String,
    /// The whole configuration as a JSON or TOML file, or `-`, instead of the options.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["system", "id_space", "state", "mapping", "anniversary"])]
    file: Option<PathBuf>,
    /// The HR system.
    #[arg(long, value_enum, required_unless_present = "file")]
    system: Option<System>,
    /// Space of the people's numbers; connections of one workforce share it.
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    id_space: Option<String>,
    /// Whether it earns.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// How its bodies are read, as a JSON or TOML file; left out: the system's default.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// From which day anniversaries count.
    #[arg(long, value_enum)]
    anniversary: Option<Basis>,
    /// Why; kept with the decision.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    write: Write,
}

#[derive(Args)]
struct Turn {
    /// The connection.
    name: String,
    /// Why; kept with the decision.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    write: Write,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum System {
    /// SAP SuccessFactors.
    SuccessFactors,
    /// Workday.
    Workday,
    /// Darwinbox.
    Darwinbox,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Basis {
    /// First ever hire, else hire.
    OriginalHire,
    /// Latest hire.
    Hire,
    /// Continuous service date, else hire.
    ContinuousService,
    /// Seniority date, else hire.
    Seniority,
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    /// States are recorded, nothing is awarded.
    Baseline,
    /// Milestones earn.
    Open,
}

/// A choice as the API names it.
fn named(choice: &impl ValueEnum) -> Option<String> {
    choice.to_possible_value().map(|value| value.get_name().to_owned())
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    match arguments.act {
        Act::Add(add) => self::add(&session, &add),
        Act::Open(it) => turn(&session, &it, "open"),
        Act::Close(it) => turn(&session, &it, "close"),
        Act::List { limit } => {
            let columns = [
                ("CONNECTION", "name"),
                ("SYSTEM", "body/system"),
                ("STATE", "body/state"),
                ("ID SPACE", "body/id_space"),
                ("VERSION", "version"),
                ("VERSION IS", "state"),
                ("IN FORCE", "in_force"),
            ];
            let text = |body: &Json| {
                let mut versions = body["versions"].clone();
                for version in versions.as_array_mut().into_iter().flatten() {
                    if version["body"]["state"].is_null() {
                        // A body without a state begins in baseline.
                        version["body"]["state"] = json!("baseline");
                    }
                }
                Table::of(&versions, &columns).text("There is no connection yet.")
            };
            session.list(&Call::get("/v1/config/connection"), "versions", &limit, text)?;
            Ok(Exit::Done)
        }
        Act::Status { name } => status(&session, &name),
    }
}

fn add(session: &Session, add: &Add) -> Result<Exit, Failure> {
    let body = match &add.file {
        Some(file) => draft::read(file)?,
        None => body(add)?,
    };
    let text = draft::request("connection", &add.name, &body, &[("reason", &add.reason)]);
    let call = Call::deliver("/v1/connections", "application/json", text);
    add.write.send_then(session, call, super::config::told, super::config::next)
}

/// The body that the options describe.
fn body(add: &Add) -> Result<String, Failure> {
    let mut body = json!({
        "system": add.system.as_ref().and_then(named),
        "id_space": add.id_space,
        "state": named(&add.state.unwrap_or(State::Baseline)),
    });
    if let Some(anniversary) = &add.anniversary {
        body["anniversary"] = json!(named(anniversary));
    }
    if let Some(file) = &add.mapping {
        let mapping: Json = serde_json::from_str(&draft::read(file)?).map_err(anyhow::Error::from)?;
        body["mapping"] = mapping;
    }
    Ok(body.to_string())
}

fn turn(session: &Session, it: &Turn, to: &str) -> Result<Exit, Failure> {
    let wanted = if to == "open" { "open" } else { "closed" };
    // Whoever repeats a request under its key is told what came of that.
    if !it.write.is_keyed()
        && let Some(version) = planned(session, &it.name)?
        && version["body"]["state"] == wanted
    {
        if session.json {
            print(&version.to_string());
        }
        tell_error(&format!("The connection {} is {wanted} already: nothing was done.", it.name));
        return Ok(Exit::Done);
    }
    let mut body = json!({});
    if let Some(reason) = &it.reason {
        body["reason"] = json!(reason);
    }
    let call = Call::post(format!("/v1/connections/{}/{to}", segment(&it.name)), &body);
    hint(&it.name, it.write.send_then(session, call, super::config::told, super::config::next))
}

/// What was only submitted does not exist yet for whoever delivers.
fn hint<T>(name: &str, done: Result<T, Failure>) -> Result<T, Failure> {
    if done.as_ref().is_err_and(Failure::is_not_found) {
        tell_error(&format!(
            "A connection that was only submitted exists once somebody else has published it: \
             mirabelle config list connection --name {name}"
        ));
    }
    done
}

/// The version that is published last: what holds, now or soon. Another one like it would change nothing.
fn planned(session: &Session, name: &str) -> Result<Option<Json>, Failure> {
    let call = Call::get("/v1/config/connection").query("name", name);
    let versions = session.pages(&call, "versions", usize::MAX)?;
    let published = versions["versions"].as_array().into_iter().flatten();
    let published = published.filter(|version| version["state"] == "published");
    Ok(published.max_by_key(|version| version["number"].as_u64()).cloned())
}

/// How a connection stands.
pub(super) fn status(session: &Session, name: &str) -> Result<Exit, Failure> {
    let names = [
        "connection",
        "system",
        "state",
        "in_force",
        "version",
        "effective_at",
        "id_space",
        "anniversary",
        "adopted_everywhere",
        "partitions_behind",
    ];
    let call = Call::get(format!("/v1/connections/{}/status", segment(name)));
    let read = session.read(call, |body| {
        let mut text = members(body, &names);
        if body["in_force"] == false {
            text.push_str("\n\nnot in force yet: deliveries are not taken before the instant above");
        }
        if body["next"].is_object() {
            text.push_str(&format!(
                "\n\nto come:\n{}",
                members(&body["next"], &["version", "state", "effective_at"])
            ));
        }
        text
    });
    hint(name, read)?;
    Ok(Exit::Done)
}
