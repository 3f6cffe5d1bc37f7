//! `config`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

use super::draft;
use super::failure::{Exit, Failure};
use super::output::{print, tell_error};
use super::pages::Limit;
use super::remote::{Remote, Session};
use super::table::{Table, members, said, when};
use super::write::Write;
use crate::client::{Call, segment};

/// Arguments of `config`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Draft a version from a file.
    Draft(Draft),
    /// Hand a draft to a publisher.
    Submit(Step),
    /// Publish what another drafted; in a sandbox, a file at once. In force after 60 seconds in a live tenant.
    Publish(Publish),
    /// Throw a draft or a submitted version away.
    Withdraw(Step),
    /// List the versions of a kind.
    List {
        /// Kind of configuration.
        kind: Kind,
        /// Versions of this name only.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show a version with its body.
    Show {
        /// Kind of configuration.
        kind: Kind,
        /// Name of the campaign, product or connection.
        name: String,
        /// Which version; left out: the latest.
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Say which version is in force, and whether it is adopted everywhere.
    Status {
        /// Kind of configuration.
        kind: Kind,
        /// Name of the campaign, product or connection.
        name: String,
    },
}

/// Kinds of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// What earns points.
    Campaign,
    /// What points buy.
    Product,
    /// By which an HR system delivers.
    Connection,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Campaign => "campaign",
            Kind::Product => "product",
            Kind::Connection => "connection",
        }
    }
}

#[derive(Args)]
struct Draft {
    /// Kind of configuration.
    kind: Kind,
    /// Name of the campaign, product or connection.
    name: String,
    /// The body: a JSON or TOML file, or `-` for JSON on standard input.
    file: PathBuf,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    write: Write,
}

#[derive(Args)]
struct When {
    /// In force from this instant on (RFC 3339); left out: as soon as possible.
    #[arg(long, value_name = "INSTANT")]
    effective_at: Option<String>,
    /// Why; kept with the decision.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args)]
struct Step {
    /// Kind of configuration.
    kind: Kind,
    /// Name of the campaign, product or connection.
    name: String,
    /// Which version; left out: the only one that waits for this step.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// Why; kept with the decision.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    write: Write,
}

#[derive(Args)]
struct Publish {
    /// Kind of configuration.
    kind: Kind,
    /// Name of the campaign, product or connection.
    name: String,
    /// A file to draft, submit and, in a sandbox tenant alone, publish at once; left out: a submitted version is published.
    #[arg(conflicts_with = "version")]
    file: Option<PathBuf>,
    /// Which submitted version; left out: the only one.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    write: Write,
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    match arguments.act {
        Act::Draft(it) => drafted(&session, it, false),
        Act::Submit(it) => it.take(&session, "submit", &["drafted"]),
        Act::Publish(Publish { kind, name, file, version, when, write }) => match file {
            Some(file) => drafted(&session, Draft { kind, name, file, when, write }, true),
            None if when.effective_at.is_some() => {
                Err(Failure::usage("--effective-at belongs to a draft: name its FILE"))
            }
            None => {
                let step = Step { kind, name, version, reason: when.reason, write };
                step.take(&session, "approve", &["submitted"])
            }
        },
        Act::Withdraw(it) => it.take(&session, "withdraw", &["drafted", "submitted"]),
        Act::List { kind, name, limit } => {
            let call = versions(kind, name.as_deref());
            session.list(&call, "versions", &limit, |body| overview(&body["versions"]))?;
            Ok(Exit::Done)
        }
        Act::Show { kind, name, version } => show(&session, kind, &name, version),
        Act::Status { kind, name } => status(&session, kind, &name),
    }
}

fn versions(kind: Kind, name: Option<&str>) -> Call {
    Call::get(format!("/v1/config/{}", kind.name())).query_option("name", name)
}

fn drafted(session: &Session, it: Draft, publish: bool) -> Result<Exit, Failure> {
    let body = draft::read(&it.file)?;
    let more = [("effective_at", &it.when.effective_at), ("reason", &it.when.reason)];
    let text = draft::request("name", &it.name, &body, &more);
    let mut call = Call::deliver(format!("/v1/config/{}/versions", it.kind.name()), "application/json", text);
    if publish {
        call = call.query("publish", "true");
    }
    it.write.send_then(session, call, told, next)
}

/// What a step says of its version.
pub(super) fn told(version: &Json) -> String {
    members(version, &["kind", "name", "version", "state", "number", "effective_at"])
}

/// What has to come next, and from when on a published version counts.
pub(super) fn next(version: &Json) -> Result<Exit, Failure> {
    let (kind, name, number) = (said(&version["kind"]), said(&version["name"]), said(&version["version"]));
    match version["state"].as_str() {
        Some("drafted") => tell_error(&format!(
            "Drafted, nobody is affected yet. Hand it to a publisher: mirabelle config submit {kind} {name} --version {number}"
        )),
        Some("submitted") => tell_error(&format!(
            "Submitted, not published yet. Somebody else, with a key of the role publisher: mirabelle config publish {kind} {name} --version {number} --reason \"…\""
        )),
        Some("published") => {
            let from = version["effective_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
            let now = jiff::Timestamp::now();
            if let Some(from) = from.filter(|from| *from > now) {
                let seconds = from.as_second() - now.as_second();
                tell_error(&format!(
                    "Published, and in force from {} on, in {seconds} seconds; until then nothing changes.",
                    said(&when(&version["effective_at"]))
                ));
            }
        }
        _ => {}
    }
    Ok(Exit::Done)
}

impl Step {
    fn take(self, session: &Session, step: &str, from: &[&str]) -> Result<Exit, Failure> {
        let version = match self.version {
            Some(version) => version,
            None => only(session, self.kind, &self.name, from)?,
        };
        let mut body = json!({});
        if let Some(reason) = &self.reason {
            body["reason"] = json!(reason);
        }
        let (kind, name) = (self.kind.name(), segment(&self.name));
        let call = Call::post(format!("/v1/config/{kind}/{name}/versions/{version}/{step}"), &body);
        self.write.send_then(session, call, told, next)
    }
}

/// The only version in one of these states: which of several is meant, nobody guesses.
fn only(session: &Session, kind: Kind, name: &str, states: &[&str]) -> Result<u64, Failure> {
    let found = of_name(session, kind, name)?;
    let waits = |version: &&Json| version["state"].as_str().is_some_and(|state| states.contains(&state));
    let waiting: Vec<u64> =
        found.iter().filter(waits).filter_map(|version| version["version"].as_u64()).collect();
    match waiting.as_slice() {
        [version] => {
            tell_error(&format!("Version {version} of {} {name}.", kind.name()));
            Ok(*version)
        }
        [] => {
            let (kind, states) = (kind.name(), states.join(" or "));
            let hint = format!("`mirabelle config list {kind} --name {name}` shows where each stands");
            Err(anyhow::anyhow!("no version of {kind} {name} is {states}: {hint}").into())
        }
        several => Err(Failure::usage(format!("versions {several:?} wait for it: say which with --version"))),
    }
}

/// Every version of a name.
fn of_name(session: &Session, kind: Kind, name: &str) -> Result<Vec<Json>, Failure> {
    let body = session.pages(&versions(kind, Some(name)), "versions", usize::MAX)?;
    match body["versions"].as_array() {
        Some(versions) if !versions.is_empty() => Ok(versions.clone()),
        _ => Err(anyhow::anyhow!("there is no {} {name:?}", kind.name()).into()),
    }
}

fn overview(versions: &Json) -> String {
    let columns = [
        ("NAME", "name"),
        ("VERSION", "version"),
        ("STATE", "state"),
        ("IN FORCE", "in_force"),
        ("ADOPTED EVERYWHERE", "adopted_everywhere"),
        ("EFFECTIVE", "effective_at"),
        ("DRAFTER", "drafter"),
        ("PUBLISHER", "publisher"),
    ];
    Table::of(versions, &columns).text("There is no version.")
}

fn show(session: &Session, kind: Kind, name: &str, version: Option<u64>) -> Result<Exit, Failure> {
    let versions = of_name(session, kind, name)?;
    let shown = match version {
        Some(wanted) => versions.iter().find(|version| version["version"].as_u64() == Some(wanted)),
        None => versions.iter().max_by_key(|version| version["version"].as_u64()),
    };
    let shown = shown.ok_or_else(|| anyhow::anyhow!("{} {name} has no such version", kind.name()))?;
    if session.json {
        print(&shown.to_string());
        return Ok(Exit::Done);
    }
    let names = [
        "name",
        "version",
        "state",
        "number",
        "in_force",
        "adopted_everywhere",
        "effective_at",
        "drafter",
        "submitter",
        "publisher",
        "withdrawer",
        "reason",
        "drafted_at",
        "published_at",
    ];
    let body = serde_json::to_string_pretty(&shown["body"]).map_err(anyhow::Error::from)?;
    print(&format!("{}\n\n{body}", members(shown, &names)));
    Ok(Exit::Done)
}

fn status(session: &Session, kind: Kind, name: &str) -> Result<Exit, Failure> {
    if kind == Kind::Connection {
        return super::connection::status(session, name);
    }
    let versions = of_name(session, kind, name)?;
    let in_force = versions.iter().find(|version| version["in_force"] == true);
    if session.json {
        let body = json!({ "kind": kind.name(), "name": name, "in_force": in_force, "versions": versions });
        print(&body.to_string());
        return Ok(Exit::Done);
    }
    let said = match in_force {
        Some(version) => format!("Version {} is in force.", version["version"]),
        None => "No version is in force.".to_owned(),
    };
    print(&format!("{said}\n\n{}", overview(&Json::Array(versions))));
    Ok(Exit::Done)
}
