//! Who got what, and why somebody got nothing: compared line by line with the story, and shown in the API's words.

use anyhow::Context as _;
use mirabelle_domain::Day;
use serde_json::Value as Json;

use super::api::{expect, number, text, until};
use super::days::short;
use super::screen::{Column, Screen, left, right, thousands};
use super::setup::{BUDGET, Cast, name_of};
use super::story::{Expected, PEOPLE, Person, TAKEN_BACK};
use crate::cli::condition_in_words;

/// What the API says of points that are had.
const IN_THE_WALLET: &str = "the points are in the wallet";
/// What it says of those that are not any more.
const TAKEN: &str = "what had not expired of the points was taken back";

const COLUMNS: [Column; 5] = [
    left("person", 16),
    left("what was reported", 27),
    left("campaign", 14),
    right("points", 6),
    right("balance", 7),
];

/// Waits until everybody has what the story says, and shows it.
pub(super) async fn show(screen: Screen, cast: &Cast) -> anyhow::Result<()> {
    let mut explained = Vec::new();
    for person in &PEOPLE {
        explained.push(
            until(&format!("{}'s points", person.name), || async {
                let told = explain(cast, person.number).await?;
                compare(person, &told)?;
                expect(
                    &format!("{}'s balance", person.name),
                    &available(cast, person.number).await?,
                    &person.earns(),
                )?;
                Ok(told)
            })
            .await?,
        );
    }
    screen.head(&COLUMNS);
    for (person, told) in PEOPLE.iter().zip(&explained) {
        rows(screen, cast, person, told).await?;
    }
    let budget = cast.admin.get(&format!("/v1/budgets/{BUDGET}")).await?;
    expect("the alert that the budget has given", &number(&budget, "/alerted")?, &80)?;
    screen.ok("the budget gave its alert: more than 80 % of it is used");
    Ok(())
}

async fn explain(cast: &Cast, number: &str) -> anyhow::Result<Json> {
    cast.admin.get(&format!("/v1/members/{number}/explain")).await
}

async fn available(cast: &Cast, of: &str) -> anyhow::Result<i64> {
    number(&cast.admin.get(&format!("/v1/members/{of}/balance")).await?, "/available")
}

/// What came of a person's milestones, one line each, in the API's order: by kind.
fn compare(person: &Person, told: &Json) -> anyhow::Result<()> {
    let milestones = told["milestones"].as_array().context("an explanation without milestones")?;
    let kinds: Vec<&str> = milestones.iter().filter_map(|m| m["kind"].as_str()).collect();
    let wanted: Vec<&str> = person.milestones.iter().map(|expected| expected.kind).collect();
    expect(&format!("{}'s milestones", person.name), &kinds, &wanted)?;
    for (expected, milestone) in person.milestones.iter().zip(milestones) {
        one(person, expected, milestone)?;
    }
    Ok(())
}

fn one(person: &Person, expected: &Expected, milestone: &Json) -> anyhow::Result<()> {
    let of = |what: &str| format!("{what} of {}'s {}", person.name, expected.kind);
    let considered = milestone["considered"].as_array().map(Vec::len);
    expect(&of("the campaigns that looked at it,"), &considered, &Some(1))?;
    let came = &milestone["considered"][0];
    expect(&of("the campaign"), came["campaign"].as_str().unwrap_or_default(), expected.campaign)?;
    expect(&of("the outcome"), text(came, "/outcome")?, expected.outcome)?;
    if expected.outcome == "awarded" {
        expect(&of("the points"), &number(came, "/grant/points")?, &expected.points)?;
        expect(&of("the grant"), text(came, "/grant/words")?, IN_THE_WALLET)?;
    }
    Ok(())
}

async fn rows(screen: Screen, cast: &Cast, person: &Person, told: &Json) -> anyhow::Result<()> {
    let name = name_of(&cast.admin, person.number).await?;
    let balance = thousands(available(cast, person.number).await?);
    let milestones = told["milestones"].as_array().context("an explanation without milestones")?;
    if milestones.is_empty() {
        let left = "left before the day".to_owned();
        screen.row(&COLUMNS, &[name, left, "-".to_owned(), "-".to_owned(), balance]);
        screen.aside(20, text(told, "/summary")?);
        return Ok(());
    }
    for (index, milestone) in milestones.iter().enumerate() {
        let came = &milestone["considered"][0];
        let points = came["grant"]["points"].as_i64();
        let first = if index == 0 { name.clone() } else { String::new() };
        // All of a person's points together stand beside the name.
        let has = if index == 0 { balance.clone() } else { String::new() };
        let cells = [
            first,
            said(milestone),
            came["campaign"].as_str().unwrap_or("-").to_owned(),
            points.map_or_else(|| "-".to_owned(), thousands),
            has,
        ];
        screen.row(&COLUMNS, &cells);
        if points.is_none() {
            screen.aside(20, text(came, "/words")?);
            let failed = came["failed_condition"].as_str().map(condition_in_words);
            failed.iter().for_each(|condition| screen.aside(20, condition));
        }
    }
    Ok(())
}

/// A milestone in a few words; what no HR system says, the clock does.
fn said(milestone: &Json) -> String {
    let part = |name: &str| milestone[name].as_str().unwrap_or_default().to_owned();
    let attribute = |name: &str| milestone["attributes"][name].as_str().unwrap_or_default().to_owned();
    let on = part("effective").parse::<Day>().map_or_else(|_| part("effective"), short);
    match part("kind").as_str() {
        "hire" => format!("hired on {on}"),
        "rehire" => format!("hired again on {on}"),
        "promotion" => format!("promoted on {on}"),
        "job_change" => format!("another title from {on}"),
        "review" => format!("review of {on}, rating {}", attribute("rating")),
        "spot_award" => format!("spot award on {on}"),
        "anniversary" => format!("(clock) {} years on {on}", part("years")),
        "birthday" => format!("(clock) birthday on {on}"),
        other => format!("{other} on {on}"),
    }
}

/// Waits until what was taken back is taken back.
pub(super) async fn taken_back(screen: Screen, cast: &Cast) -> anyhow::Result<()> {
    let (of, points) = TAKEN_BACK;
    let person = PEOPLE.iter().find(|person| person.number == of).context("a person of the story")?;
    let left = person.earns() - points;
    let words = until("the spot award is taken back", || async {
        let told = cast.admin.get(&format!("/v1/members/{of}/explain?kind=spot_award")).await?;
        let words = text(&told, "/milestones/0/considered/0/grant/words")?.to_owned();
        expect(&format!("{}'s spot award", person.name), words.as_str(), TAKEN)?;
        expect(&format!("{}'s balance", person.name), &available(cast, of).await?, &left)?;
        Ok(words)
    })
    .await?;
    screen.ok(&format!(
        "{}: {words}, {points}; {} are left. They leave the wallet for good and do not return to the budget",
        person.name,
        thousands(left)
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_number_ends_the_demo_with_an_error_that_names_it() {
        let asha = &PEOPLE[0];
        let told = |kind: &str, points: i64, words: &str| {
            json!({ "milestones": [{ "kind": kind, "considered": [{
                "campaign": "welcome", "outcome": "awarded", "grant": { "points": points, "words": words },
            }] }] })
        };
        compare(asha, &told("hire", 500, IN_THE_WALLET)).unwrap();
        for (wrong, named) in [
            (
                told("hire", 501, IN_THE_WALLET),
                "the points of Asha Menon's hire: expected 500, but it is 501",
            ),
            (told("hire", 500, "it is on its way"), "the grant of Asha Menon's hire"),
            (told("rehire", 500, IN_THE_WALLET), "Asha Menon's milestones"),
            (json!({ "milestones": [] }), "Asha Menon's milestones"),
            (json!({}), "an explanation without milestones"),
        ] {
            let error = compare(asha, &wrong).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
