//! `explain`

use clap::Args;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::Remote;
use super::table::said;
use crate::client::{Call, segment};

/// Arguments of `explain`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// Milestones of this kind only, such as anniversary.
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let call = Call::get(format!("/v1/members/{}/explain", segment(&arguments.member)))
        .query_option("kind", arguments.kind.clone());
    arguments.remote.session()?.list(&call, "milestones", &arguments.limit, explained)?;
    Ok(Exit::Done)
}

fn explained(body: &Json) -> String {
    let mut lines = Vec::new();
    // The API's summary is about one page: where there are more, what follows speaks for itself.
    lines.push(said(&body["summary"]));
    for milestone in body["milestones"].as_array().into_iter().flatten() {
        lines.push(String::new());
        lines.push(heading(milestone));
        for considered in milestone["considered"].as_array().into_iter().flatten() {
            lines.extend(outcome(considered));
        }
        if milestone["considered"].as_array().is_none_or(Vec::is_empty) {
            lines.push("  no campaign has considered it".to_owned());
        }
    }
    lines.join("\n")
}

fn heading(milestone: &Json) -> String {
    let mut text = format!("{} {}", said(&milestone["kind"]), said(&milestone["occurrence"]));
    let parts =
        [("on", "effective"), ("known on", "known_on"), ("moved from", "moved_from"), ("by", "connection")];
    for (word, member) in parts {
        let told = said(&milestone[member]);
        if !told.is_empty() {
            text.push_str(&format!(", {word} {told}"));
        }
    }
    let state = said(&milestone["state"]);
    if state.is_empty() { text } else { format!("{text} ({state})") }
}

/// What a campaign made of it.
fn outcome(considered: &Json) -> Vec<String> {
    let campaign = match said(&considered["campaign"]) {
        name if name.is_empty() => "no campaign".to_owned(),
        name => format!("{name}@{}", said(&considered["version"])),
    };
    let mut lines = vec![format!("  {campaign}: {}", said(&considered["words"]))];
    let failed = said(&considered["failed_condition"]);
    if !failed.is_empty() {
        lines.push(format!("    the condition: {failed}"));
    }
    let again = said(&considered["again_at"]);
    if !again.is_empty() {
        lines.push(format!("    considered again at {again}"));
    }
    let grant = &considered["grant"];
    if grant.is_object() {
        let (points, words, id) = (said(&grant["points"]), said(&grant["words"]), said(&grant["id"]));
        lines.push(format!("    {points} points: {words} (grant {id})"));
        let held = said(&grant["held_words"]);
        if !held.is_empty() {
            lines.push(format!(
                "    it waits because {held}: `mirabelle budget held {}`",
                said(&grant["budget"])
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_milestone_is_told_with_what_every_campaign_made_of_it() {
        let body = json!({ "summary": "1 milestone(s) earned 500 points altogether.", "milestones": [{
            "kind": "review", "occurrence": "2026", "effective": "2026-05-31", "state": "recorded",
            "connection": "sf", "considered": [
                { "campaign": "stars", "version": 3, "outcome": "condition_failed", "words": "a condition of the campaign does not hold",
                  "failed_condition": "rating at least 4" },
                { "campaign": "thanks", "version": 1, "words": "the campaign owes points for it",
                  "grant": { "id": "0a", "points": 500, "budget": "spot", "words": "it waits for a person to release it",
                             "held_words": "the budget has too little free" } },
            ],
        }] });
        let wanted = "1 milestone(s) earned 500 points altogether.\n\n\
            review 2026, on 2026-05-31, by sf (recorded)\n\
            \x20 stars@3: a condition of the campaign does not hold\n\
            \x20   the condition: rating at least 4\n\
            \x20 thanks@1: the campaign owes points for it\n\
            \x20   500 points: it waits for a person to release it (grant 0a)\n\
            \x20   it waits because the budget has too little free: `mirabelle budget held spot`";
        assert_eq!(explained(&body), wanted);
    }
}
