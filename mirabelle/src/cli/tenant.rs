//! `tenant`

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::output::print;
use super::remote::Remote;
use super::table::{Table, members};
use super::write::Write;
use crate::client::Call;

/// Arguments of `tenant`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Create a tenant. Its mode is for ever.
    Create(Create),
    /// List the tenants of this installation.
    List,
    /// Show one tenant.
    Show {
        /// The tenant.
        name: String,
    },
}

#[derive(Args)]
struct Create {
    /// Name: 1 to 32 of a-z, 0-9, - and _.
    name: String,
    /// Title, for people; left out: the name.
    #[arg(long)]
    title: Option<String>,
    /// What it is for; a sandbox publishes its own drafts, a synthetic one reaches no vendor.
    #[arg(long, value_enum)]
    mode: Mode,
    /// IANA time zone, where neither a worker nor a location has one.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    zone: String,
    /// Currency (ISO 4217).
    #[arg(long, default_value = "EUR")]
    currency: String,
    /// Language (BCP 47).
    #[arg(long, default_value = "en")]
    locale: String,
    #[command(flatten)]
    write: Write,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// Real people and real rewards.
    Live,
    /// For trying, with vendors of the sandbox.
    Sandbox,
    /// Made-up people: no vendor is reached.
    Synthetic,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Sandbox => "sandbox",
            Mode::Synthetic => "synthetic",
        }
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut session = arguments.remote.session()?;
    // These routes are the installation's: they take no tenant to act for.
    session.without_tenant();
    match arguments.act {
        Act::Create(create) => {
            let body = json!({
                "tenant": create.name,
                "title": create.title.as_ref().unwrap_or(&create.name),
                "mode": create.mode.name(),
                "zone": create.zone,
                "currency": create.currency,
                "locale": create.locale,
            });
            create.write.send(&session, Call::post("/v1/tenants", &body), shown)
        }
        Act::List => {
            let columns = [
                ("TENANT", "tenant"),
                ("MODE", "mode"),
                ("ZONE", "zone"),
                ("CURRENCY", "currency"),
                ("LOCALE", "locale"),
                ("TITLE", "title"),
            ];
            let text = |body: &Json| Table::of(&body["tenants"], &columns).text("There is no tenant yet.");
            session.read(Call::get("/v1/tenants"), text)?;
            Ok(Exit::Done)
        }
        Act::Show { name } => {
            let body = session.body(&session.send(Call::get("/v1/tenants"))?)?;
            let found =
                body["tenants"].as_array().into_iter().flatten().find(|tenant| tenant["tenant"] == *name);
            let tenant = found.ok_or_else(|| anyhow::anyhow!("there is no tenant {name:?}"))?;
            print(&if session.json { tenant.to_string() } else { shown(tenant) });
            Ok(Exit::Done)
        }
    }
}

fn shown(tenant: &Json) -> String {
    members(tenant, &["tenant", "title", "mode", "zone", "currency", "locale"])
}
