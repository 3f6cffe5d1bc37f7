//! What the HR systems send, and what they are answered.

use serde_json::Value as Json;

use super::api::{Customer, expect, json, number, text, until};
use super::days::Days;
use super::samples::{
    MILESTONES, OF_WORKDAY, PROMOTION, REPOSTED, RESCINDED, Sample, Source, UNREADABLE, WORKERS,
};
use super::screen::{Column, Screen, left};
use super::setup::{Cast, open_connections};
use super::story::PEOPLE;

const COLUMNS: [Column; 3] = [left("system", 14), left("sent", 26), left("answered", 34)];

/// The counts of a JSON answer that are not zero.
const COUNTS: [&str; 5] = ["accepted", "duplicate", "dead_letter", "ignored", "refused"];

struct Door<'a> {
    screen: Screen,
    cast: &'a Cast,
    days: Days,
}

impl Door<'_> {
    /// Sends a sample and tells its answer; in JSON it has to hold these counts and no others.
    async fn send(&self, sample: &Sample, counts: &[(&str, i64)]) -> anyhow::Result<String> {
        let path = format!("/v1/hris/{}", sample.from.connection());
        let body = self.days.moved(sample.text);
        let by = self.cast.connector(sample.from);
        let reply = by.deliver(&path, sample.content_type(), body).await?;
        let answer = String::from_utf8_lossy(&reply.body).into_owned();
        let told = if sample.is_soap() {
            let acknowledged = answer.contains("ExternalEventResponse") && answer.contains(">200<");
            expect(&format!("SOAP success as the answer to {}", sample.file), &acknowledged, &true)?;
            "success, in SOAP".to_owned()
        } else {
            let said = counts_of(&json(&reply)?);
            let wanted: Vec<(String, i64)> = counts.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect();
            expect(&format!("the answer to {}", sample.file), &said, &wanted)?;
            said.iter()
                .map(|(name, count)| format!("{count} {}", in_words(name)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let file = sample.file.split_once('/').map_or(sample.file, |(_, file)| file);
        self.screen.row(&COLUMNS, &[sample.from.title().to_owned(), file.to_owned(), told]);
        Ok(answer)
    }
}

fn counts_of(answer: &Json) -> Vec<(String, i64)> {
    let count = |name: &&str| {
        let count = answer["counts"][*name].as_i64()?;
        (count != 0).then(|| ((*name).to_owned(), count))
    };
    COUNTS.iter().filter_map(count).collect()
}

/// What an item's status means.
fn in_words(status: &str) -> &str {
    match status {
        "accepted" => "recorded",
        "duplicate" => "known already",
        "dead_letter" => "set aside",
        "ignored" => "not about people",
        other => other,
    }
}

/// The first load in baseline, then the connections opened, then what happened.
pub(super) async fn deliver(screen: Screen, cast: &Cast, days: Days) -> anyhow::Result<()> {
    let door = Door { screen, cast, days };
    screen.head(&COLUMNS);
    for (sample, people) in WORKERS.iter().zip([5, 4, 2, 1]) {
        door.send(sample, &[("accepted", people)]).await?;
    }
    everybody_is_known(cast).await?;
    open_connections(cast).await?;
    screen.aside(
        2,
        "The first load earned nobody anything: the connections were in baseline. Now they are open.",
    );
    let mut soap = None;
    for sample in &MILESTONES {
        let answer = door.send(sample, &[("accepted", 4)]).await?;
        if sample.is_soap() {
            soap.get_or_insert(answer);
        }
    }
    screen.aside(2, "SuccessFactors is answered in XML, as it wants to be, once all of it is on disk:");
    screen.aside(4, soap.unwrap_or_default().replace("><", "> <").trim());
    Ok(())
}

/// Waits until the rows have everybody, by name; nobody has a point by it.
async fn everybody_is_known(cast: &Cast) -> anyhow::Result<()> {
    until("everybody of the first load is known", || async {
        for person in &PEOPLE {
            let member = cast.admin.get(&format!("/v1/members/{}", person.number)).await?;
            expect(&format!("the name of {}", person.number), text(&member, "/name")?, person.name)?;
            let available = number(&member, "/balance/available")?;
            expect(&format!("{}'s balance after the first load", person.name), &available, &0)?;
        }
        Ok(())
    })
    .await
}

/// What goes wrong in real life: repeats, one id with two contents, a row that nobody can read.
pub(super) async fn trouble(screen: Screen, cast: &Cast, days: Days) -> anyhow::Result<()> {
    let door = Door { screen, cast, days };
    screen.head(&COLUMNS);
    door.send(&OF_WORKDAY, &[("duplicate", 4)]).await?;
    door.send(&PROMOTION, &[]).await?;
    door.send(&REPOSTED, &[]).await?;
    door.send(&UNREADABLE, &[("duplicate", 1), ("dead_letter", 1)]).await?;
    let repeats = repeats(&cast.auditor).await?;
    expect(
        "what the log says of the two repeats of the promotion: the same body, then another",
        &repeats,
        &vec![true, false],
    )?;
    screen.ok("the report sent twice counts once, and so does the promotion: its source id is known");
    screen.ok("the promotion reposted under its id with another reason is refused; what stood stands");
    let letters = cast.auditor.get("/v1/dead-letters").await?;
    let count = letters["dead_letters"].as_array().map(Vec::len);
    expect("the number of dead letters", &count, &Some(2))?;
    let all = letters["dead_letters"].as_array().into_iter().flatten();
    let mut told: Vec<(&str, &str)> = all
        .map(|letter| Ok((text(letter, "/reason")?, text(letter, "/detail").unwrap_or_default())))
        .collect::<anyhow::Result<_>>()?;
    told.sort_unstable();
    let reasons: Vec<&str> = told.iter().map(|(reason, _)| *reason).collect();
    expect("the dead letters' reasons", &reasons, &vec!["impossible_date", "source_id_reused"])?;
    screen
        .ok("one row can't be read and costs its neighbour nothing; it and the repost wait as dead letters:");
    for (reason, detail) in told {
        // Which decision it was is for whoever looks into the log.
        let detail = match reason {
            "source_id_reused" => "another content under an id that is known already",
            _ => detail,
        };
        screen.aside(4, &format!("{reason}: {detail}"));
    }
    Ok(())
}

/// Of each repeat of SuccessFactors in the log: whether it had the same body.
async fn repeats(auditor: &Customer) -> anyhow::Result<Vec<bool>> {
    let mut found = Vec::new();
    let mut partition = 0;
    loop {
        let mut path = format!("/v1/feed?partition={partition}");
        let partitions = loop {
            let page = auditor.get(&path).await?;
            found.extend(page["decisions"].as_array().into_iter().flatten().filter_map(repeat));
            if page["more"] != true {
                break number(&page, "/partitions")?;
            }
            path = format!("/v1/feed?partition={partition}&after={}", text(&page, "/next")?);
        };
        partition += 1;
        if partition >= partitions {
            return Ok(found);
        }
    }
}

fn repeat(decision: &Json) -> Option<bool> {
    let fact = &decision["facts"][0];
    let of_source = decision["principal"] == Source::SuccessFactors.connection();
    (of_source && fact["kind"] == "command_repeated").then(|| fact["body"]["same_body"] == true)
}

/// The HR system takes a spot award back.
pub(super) async fn rescind(screen: Screen, cast: &Cast, days: Days) -> anyhow::Result<()> {
    let door = Door { screen, cast, days };
    screen.head(&COLUMNS);
    door.send(&RESCINDED, &[("accepted", 1)]).await.map(drop)
}
