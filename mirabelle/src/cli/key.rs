//! `key`

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::output::{print, tell_error};
use super::remote::{Remote, Session};
use super::table::{Table, members};
use super::write::Write;
use crate::client::{Call, segment};

/// Arguments of `key`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Issue a key. Its text is told this once and kept nowhere.
    Issue(Issue),
    /// Revoke a key, at once and for good.
    Revoke {
        /// The key's id, as `key list` shows it.
        key_id: String,
        /// Why; kept with the decision.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        write: Write,
    },
    /// List the tenant's keys, without their texts: who issued and revoked them, and when.
    List,
}

#[derive(Args)]
struct Issue {
    /// Name of the key.
    name: String,
    /// What the key may do; may be given several times.
    #[arg(long = "role", required = true, value_enum)]
    roles: Vec<Role>,
    /// The integration that logs in with it: a rotated key keeps it; left out: the name.
    #[arg(long)]
    client: Option<String>,
    /// The member whose own account it opens, for the role member.
    #[arg(long)]
    member: Option<String>,
    /// The connection that it delivers to, for the role connector.
    #[arg(long)]
    connection: Option<String>,
    /// Until when it opens (RFC 3339).
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
    /// New file for the key's text, readable by its owner alone, instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    /// Tenants, connections, dead letters of the installation.
    Operator,
    /// Budgets, grants, drafts, keys of a tenant.
    Admin,
    /// Publishes what others drafted.
    Publisher,
    /// Acts for members.
    Service,
    /// A member's own account.
    Member,
    /// Reads, masked.
    Analyst,
    /// Reads, with reasons.
    Auditor,
    /// Delivers to one connection.
    Connector,
}

impl Role {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    match arguments.act {
        Act::Issue(issue) => self::issue(&session, issue),
        Act::Revoke { key_id, reason, write } => {
            let mut body = json!({});
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            let call = Call::post(format!("/v1/keys/{}/revoke", segment(&key_id)), &body);
            write.send(&session, call, |body| members(body, &["key_id", "state"]))
        }
        Act::List => {
            let columns = [
                ("KEY", "key_id"),
                ("STATE", "state"),
                ("ROLES", "roles"),
                ("ISSUED", "issued_at"),
                ("BY", "issuer"),
                ("EXPIRES", "expires_at"),
                ("REVOKED", "revoked_at"),
                ("BY", "revoker"),
                ("CLIENT", "client"),
                ("OPENS", "opens"),
            ];
            let text = |body: &Json| {
                let mut keys = body["keys"].clone();
                for key in keys.as_array_mut().into_iter().flatten() {
                    // One connection or one member's account, or all that its roles may.
                    let only = [&key["connection"], &key["member"]].into_iter().find(|one| one.is_string());
                    key["opens"] = only.cloned().unwrap_or(Json::Null);
                }
                Table::of(&keys, &columns).text("There is no key.")
            };
            session.read(Call::get("/v1/keys"), text)?;
            Ok(Exit::Done)
        }
    }
}

fn issue(session: &Session, issue: Issue) -> Result<Exit, Failure> {
    let roles: Vec<String> = issue.roles.iter().map(|role| role.name()).collect();
    let mut body = json!({ "name": issue.name, "roles": roles });
    let options = [
        ("client", issue.client),
        ("member", issue.member),
        ("connection", issue.connection),
        ("expires_at", issue.expires_at),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    // Opened first: a key whose text can't be kept is not asked for.
    let mut file = issue.out.as_deref().map(new_file).transpose()?;
    let sent =
        session.send(Call::post("/v1/keys", &body)).and_then(|reply| Ok((session.body(&reply)?, reply)));
    let (told, reply) = match sent {
        Ok(sent) => sent,
        Err(failure) => {
            if let Some((_, path)) = &file {
                std::fs::remove_file(path).ok();
            }
            return Err(failure);
        }
    };
    match &mut file {
        Some((file, path)) => {
            let text = told["key"].as_str().unwrap_or_default();
            let kept = writeln!(file, "{text}").and_then(|()| file.sync_all());
            kept.with_context(|| {
                let id = &told["key_id"];
                format!(
                    "could not keep the key in {}: it is lost, revoke {id} and issue another",
                    path.display()
                )
            })?;
            tell_error(&format!("The key's text is in {}.", path.display()));
            let mut rest = told.clone();
            rest.as_object_mut().map(|object| object.remove("key"));
            print(&if session.json { rest.to_string() } else { shown(&rest) });
        }
        None => {
            session.show(&reply, shown)?;
            tell_error("The key's text is told this once: keep it.");
        }
    }
    session.settle(&reply);
    Ok(Exit::Done)
}

fn shown(key: &Json) -> String {
    members(key, &["key_id", "client", "roles", "connection", "member", "expires_at", "key"])
}

/// A file that did not exist, readable by its owner alone.
fn new_file(path: &Path) -> anyhow::Result<(std::fs::File, PathBuf)> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = made.with_context(|| format!("could not make the file {} for the key", path.display()))?;
    Ok((file, path.to_owned()))
}
