//! `member`

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::remote::{Remote, Session};
use super::table::{members, when};
use crate::client::{Call, segment};

/// Arguments of `member`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.remote.session()?.read(path(&arguments.member), shown)?;
    Ok(Exit::Done)
}

fn path(member: &str) -> Call {
    Call::get(format!("/v1/members/{}", segment(member)))
}

/// A member's name, where this key may see it.
pub(super) fn name(session: &Session, member: &str) -> Option<String> {
    let reply = session.send(path(member)).ok()?;
    session.body(&reply).ok()?["name"].as_str().map(str::to_owned)
}

fn shown(member: &Json) -> String {
    let mut member = member.clone();
    for sum in ["available", "pending", "reserved", "spent"] {
        member[sum] = member["balance"][sum].clone();
    }
    member["last reported"] = when(&member["recorded_at"]);
    members(
        &member,
        &[
            "name",
            "number",
            "member",
            "email",
            "status",
            "hire",
            "original_hire",
            "continuous_service",
            "seniority",
            "termination",
            "department",
            "cost_centre",
            "worker_type",
            "company",
            "country",
            "location",
            "zone",
            "connection",
            "last reported",
            "available",
            "pending",
            "reserved",
            "spent",
        ],
    )
}
