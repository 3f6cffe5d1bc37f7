//! `command`

use clap::{Args, Subcommand};
use mirabelle_domain::AccountKey;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::output::tell_error;
use super::remote::{Remote, Session};
use super::table::members;
use crate::client::{Call, segment};

/// Arguments of `command`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Show what came of the command that was sent under an idempotency key by this API key's client.
    Show(Show),
}

#[derive(Args)]
struct Show {
    /// The idempotency key.
    #[arg(value_name = "KEY")]
    under: String,
    #[command(flatten)]
    of: Of,
    /// Seconds in which a decision is waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=30))]
    wait: u32,
}

/// Whose command; a key's scope is one account.
#[derive(Args)]
#[group(multiple = false)]
struct Of {
    /// The account: `m:…`, `b:…` or `c:`.
    #[arg(long)]
    account: Option<AccountKey>,
    /// The member, by number.
    #[arg(long)]
    member: Option<String>,
    /// The budget.
    #[arg(long)]
    budget: Option<String>,
    /// The tenant's configuration, connections and keys.
    #[arg(long)]
    configuration: bool,
}

impl Of {
    /// The account as the API names it; `None`: a member's key's own.
    fn account(&self, session: &Session) -> Result<Option<String>, Failure> {
        if let Some(member) = &self.member {
            let call = Call::get(format!("/v1/members/{}", segment(member)));
            let found = session.body(&session.send(call)?)?;
            return Ok(found["member"].as_str().map(str::to_owned));
        }
        let budget = self.budget.as_ref().map(|name| format!("b:{name}"));
        let configuration = self.configuration.then(|| AccountKey::Configuration.to_string());
        Ok(self.account.as_ref().map(AccountKey::to_string).or(budget).or(configuration))
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let Act::Show(show) = arguments.act;
    let account = show.of.account(&session)?;
    let call = Call::get(format!("/v1/commands/{}", segment(&show.under))).query_option("account", account);
    let call = if show.wait > 0 { call.wait(show.wait) } else { call };
    let read = session.read(call, shown);
    if read.as_ref().is_err_and(Failure::is_not_found) {
        tell_error(
            "A key belongs to the account whose books it changed: a grant's to its budget (--budget), an order's to the \
             member (--member), a publication's to the configuration (--configuration); and to the client that sent it.",
        );
    }
    read?;
    Ok(Exit::Done)
}

fn shown(body: &Json) -> String {
    let names = [
        "key",
        "account",
        "command",
        "state",
        "code",
        "detail",
        "pointer",
        "accepted_at",
        "decided_at",
        "seq",
        "made",
        "id",
    ];
    members(body, &names)
}
