//! `explain`

use clap::Args;
use clap::builder::PossibleValuesParser;
use mirabelle_domain::MilestoneKind;
use serde_json::Value as Json;

use super::failure::{Exit, Failure};
use super::pages::Limit;
use super::remote::Remote;
use super::table::{said, when};
use crate::client::{Call, segment};

/// Arguments of `explain`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Who: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// Milestones of this kind only.
    #[arg(long, value_parser = PossibleValuesParser::new(MilestoneKind::ALL.map(MilestoneKind::name)))]
    kind: Option<String>,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let call = Call::get(format!("/v1/members/{}/explain", segment(&arguments.member)))
        .query_option("kind", arguments.kind.clone());
    let kind = arguments.kind.as_deref();
    arguments.remote.session()?.list(&call, "milestones", &arguments.limit, |body| explained(body, kind))?;
    Ok(Exit::Done)
}

fn explained(body: &Json, kind: Option<&str>) -> String {
    let mut lines = Vec::new();
    let none = body["milestones"].as_array().is_none_or(Vec::is_empty);
    // The API's summary is about one page: where there are more, what follows speaks for itself.
    lines.push(match kind {
        Some(kind) if none => format!("No milestone of the kind {kind} was reported for this member."),
        _ => said(&body["summary"]),
    });
    for milestone in body["milestones"].as_array().into_iter().flatten() {
        lines.push(String::new());
        lines.push(heading(milestone));
        let mut considered: Vec<&Json> = milestone["considered"].as_array().into_iter().flatten().collect();
        considered.sort_by_key(|considered| said(&considered["considered_at"]));
        // What was said at several times is told with each: a campaign of today says other things than none of yesterday.
        let times = considered.iter().map(|considered| said(&considered["considered_at"]));
        let several = times.collect::<std::collections::BTreeSet<_>>().len() > 1;
        for considered in considered {
            lines.extend(outcome(considered, several));
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
fn outcome(considered: &Json, with_time: bool) -> Vec<String> {
    let (name, version) = (said(&considered["campaign"]), said(&considered["version"]));
    let campaign = if name.is_empty() { "no campaign".to_owned() } else { format!("{name}@{version}") };
    let time = match with_time {
        true => format!("{}, ", said(&when(&considered["considered_at"]))),
        false => String::new(),
    };
    let mut lines = vec![format!("  {time}{campaign}: {}", said(&considered["words"]))];
    let failed = said(&considered["failed_condition"]);
    if !failed.is_empty() {
        lines.push(format!("    the condition: {}", in_words(&failed)));
    }
    let again = said(&when(&considered["again_at"]));
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

/// A condition that failed, as facts have it, for people: `attributes.rating at_least 5: found "4"` becomes
/// `rating has to be at least 5, and is 4`.
pub(crate) fn in_words(failed: &str) -> String {
    let read = || {
        let (condition, found) = failed.rsplit_once(": ")?;
        let (field, test) = condition.split_once(' ')?;
        let (operator, value) = test.split_once(' ')?;
        let asked = match operator {
            "any_of" => format!("has to be one of {}", value.trim_matches(['[', ']']).replace('"', "")),
            "none_of" => format!("must be none of {}", value.trim_matches(['[', ']']).replace('"', "")),
            "at_least" => format!("has to be at least {value}"),
            "at_most" => format!("must be at most {value}"),
            "multiple_of" => format!("has to be a multiple of {value}"),
            _ => return None,
        };
        let field = field.strip_prefix("attributes.").unwrap_or(field).replace('_', " ");
        Some(match found.strip_prefix("found ") {
            Some(value) => format!("{field} {asked}, and is {}", value.trim_matches('"')),
            None => format!("{field} {asked}, and is not known"),
        })
    };
    read().unwrap_or_else(|| failed.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_that_failed_is_told_in_words() {
        for (fact, words) in [
            ("attributes.rating at_least 5: found \"4\"", "rating has to be at least 5, and is 4"),
            ("country any_of [\"DE\", \"AT\"]: found \"IN\"", "country has to be one of DE, AT, and is IN"),
            (
                "cost_centre none_of [\"X\"]: nothing is known",
                "cost centre must be none of X, and is not known",
            ),
            ("years multiple_of 5: found \"4\"", "years has to be a multiple of 5, and is 4"),
            ("the connection is not in force", "the connection is not in force"),
        ] {
            assert_eq!(in_words(fact), words);
        }
    }

    #[test]
    fn what_several_campaigns_said_is_told_in_its_order() {
        let body = json!({ "summary": "s", "milestones": [{
            "kind": "review", "occurrence": "2026", "effective": "2026-05-01", "known_on": "2026-06-15", "state": "recorded",
            "considered": [
                { "campaign": "late", "version": 1, "outcome": "too_late", "words": "too late", "considered_at": "2026-06-16T09:00:00Z" },
                { "outcome": "no_campaign", "words": "nobody asked", "considered_at": "2026-06-15T09:00:00Z" },
            ],
        }] });
        let told = explained(&body, Some("review"));
        let nobody = told.find("no campaign: nobody asked").unwrap();
        let late = told.find("late@1: too late").unwrap();
        assert!(nobody < late, "{told}");
        let none = json!({ "summary": "s", "milestones": [] });
        assert!(explained(&none, Some("goal")).contains("No milestone of the kind goal"));
        assert_eq!(explained(&none, None), "s");
    }

    #[test]
    fn a_milestone_is_told_with_what_every_campaign_made_of_it() {
        let body = json!({ "summary": "1 milestone(s) earned 500 points altogether.", "milestones": [{
            "kind": "review", "occurrence": "2026", "effective": "2026-05-31", "state": "recorded",
            "connection": "sf", "considered": [
                { "campaign": "stars", "version": 3, "outcome": "condition_failed", "words": "a condition of the campaign does not hold",
                  "failed_condition": "attributes.rating at_least 4: found \"3\"" },
                { "campaign": "thanks", "version": 1, "words": "the campaign owes points for it",
                  "grant": { "id": "0a", "points": 500, "budget": "spot", "words": "it waits for a person to release it",
                             "held_words": "the budget has too little free" } },
            ],
        }] });
        let wanted = "1 milestone(s) earned 500 points altogether.\n\n\
            review 2026, on 2026-05-31, by sf (recorded)\n\
            \x20 stars@3: a condition of the campaign does not hold\n\
            \x20   the condition: rating has to be at least 4, and is 3\n\
            \x20 thanks@1: the campaign owes points for it\n\
            \x20   500 points: it waits for a person to release it (grant 0a)\n\
            \x20   it waits because the budget has too little free: `mirabelle budget held spot`";
        assert_eq!(explained(&body, None), wanted);
    }
}
