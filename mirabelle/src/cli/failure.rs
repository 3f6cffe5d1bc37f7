//! How a command ends.

use std::process::ExitCode;

use super::output::{plain, tell_error};
use crate::client::{Blame, Error, Problem};

/// How a command ended that did what it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// What was asked is not known yet, or did not succeed; the command has said so.
    Failed,
    /// Some of many were done.
    Partial,
    /// A difference was found.
    Difference,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Partial => 3,
            Exit::Difference => 4,
        })
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for what is not possible: exit code 2.
    Usage(String),
    /// The API did not do it, or nobody knows.
    Api {
        /// What came back.
        error: Box<Error>,
        /// Where it was sent.
        url: String,
        /// What a repeat would do.
        again: Again,
        /// The problem page as JSON, for programs.
        json: bool,
    },
    /// Anything else.
    Other(anyhow::Error),
}

/// What a repeat of a request does whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// Nothing twice: it reads, or what it writes counts once by itself.
    Harmless,
    /// Nothing twice, under this idempotency key.
    Under(String),
    /// Maybe the same once more.
    Anew,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

/// Exit code of a wrong command line.
const USAGE: u8 = 2;

impl Failure {
    /// Whether the API said that there is no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Failure::Api { error, .. } if error.problem().is_some_and(|problem| problem.status == 404))
    }

    /// The command line is wrong.
    pub(super) fn usage(what: impl Into<String>) -> Failure {
        Failure::Usage(what.into())
    }

    /// Says on standard error what failed and what to do; gives the exit code.
    pub fn tell(&self) -> ExitCode {
        match self {
            Failure::Usage(what) => {
                tell_error(&format!("error: {what}"));
                tell_error("For what a command takes, see its --help.");
                return ExitCode::from(USAGE);
            }
            Failure::Api { error, url, again, json } => tell_api(error, url, again, *json),
            Failure::Other(error) => tell_error(&format!("error: {error:#}")),
        }
        ExitCode::FAILURE
    }
}

fn tell_api(error: &Error, url: &str, again: &Again, json: bool) {
    match error.problem() {
        Some(problem) if json => tell_error(&serde_json::to_string(problem).unwrap_or_default()),
        Some(problem) => tell_problem(problem),
        None => tell_error(&format!("error: {}", chain(error))),
    }
    for line in advice(error, url, again) {
        tell_error(&line);
    }
}

fn tell_problem(problem: &Problem) {
    tell_error(&format!("error: {} ({} {})", plain(&problem.title), problem.status, plain(&problem.code)));
    let detail = plain(&problem.detail);
    // Of a problem with one place, the detail often says the same again.
    let again = |blame: &Blame| problem.detail.ends_with(&blame.detail);
    if !detail.is_empty() && !problem.errors.iter().any(again) {
        tell_error(&format!("  {detail}"));
    }
    for blame in &problem.errors {
        let (pointer, code, detail) = (plain(&blame.pointer), plain(&blame.code), plain(&blame.detail));
        tell_error(&format!("  at {pointer}: {detail} ({code})"));
    }
}

/// What to do now, a line each.
fn advice(error: &Error, url: &str, again: &Again) -> Vec<String> {
    let mut lines = Vec::new();
    if error.is_unclear() {
        lines.push(match again {
            Again::Harmless => "Repeat the command: whatever happened, nothing is done twice.".to_owned(),
            Again::Under(key) => format!(
                "Repeat the command with --idempotency-key {key}: whatever happened, it is done once."
            ),
            Again::Anew => "Look before you repeat it: a repeat may be done a second time.".to_owned(),
        });
    }
    match error {
        Error::Unreachable { .. } => lines.push(
            "Is the server running? `mirabelle serve` starts one; --url or MIRABELLE_URL names another."
                .to_owned(),
        ),
        Error::NotOurs { .. } => lines.push("Does --url name the API itself?".to_owned()),
        Error::Problem { problem, .. } => lines.extend(advice_on(problem, url, again)),
        _ => {}
    }
    lines
}

fn advice_on(problem: &Problem, url: &str, again: &Again) -> Vec<String> {
    let say = |text: &str| vec![text.to_owned()];
    if let Some(named) = problem.errors.iter().find_map(|blame| option_of(&blame.pointer, &blame.code)) {
        return say(named);
    }
    if problem.detail.contains("On-Behalf-Of") {
        return say(FOR_WHOM);
    }
    match (problem.code.as_str(), problem.status) {
        ("reason_required", _) => say("Say why with --reason \"…\"."),
        ("unauthenticated", _) => say(
            "Show another key: --key-file FILE, MIRABELLE_KEY_FILE or MIRABELLE_KEY. The first one is in DIR/admin.key of the server's data directory.",
        ),
        ("forbidden", _) => say(
            "Use a key with a role that may: docs/roles.md has them, `mirabelle key issue NAME --role ROLE` makes one (an admin's key, or an operator's with --tenant). An operator's key acts for a tenant with --tenant.",
        ),
        ("not_found", _) => say(
            "Check the name, and that --url names the API and not the port of health and metrics. An operator's key looks into a tenant with --tenant.",
        ),
        ("unknown_route", _) => say(
            "Does --url name the API itself, and is the server of this release? The port of health and metrics is another.",
        ),
        ("idempotency_key_reused", _) => say("For a new wish take a new --idempotency-key, or none."),
        (_, 503 | 429 | 408) => match again {
            Again::Under(key) => {
                vec![format!("Nothing was done. Try again later with --idempotency-key {key}.")]
            }
            _ => say("Nothing was done. Try again later."),
        },
        (code, _) => vec![format!("More about it: {url}/problems/{}", plain(code))],
    }
}

const FOR_WHOM: &str = "Say for whom with --for NUMBER, the number of the member whose order it is.";

/// How the command line names what the API misses.
fn option_of(pointer: &str, code: &str) -> Option<&'static str> {
    match (pointer, code) {
        ("?account", _) => Some(
            "Say whose command it was: --member NUMBER, --budget NAME (grants and what is released are their budget's), or --configuration (campaigns, products, connections, keys).",
        ),
        ("On-Behalf-Of", _) => Some(FOR_WHOM),
        ("/reason", _) => Some("Say why with --reason \"…\"."),
        _ => None,
    }
}

/// An error with its causes on one line, each told once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
