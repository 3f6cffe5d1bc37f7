//! Why did this member get nothing, or this much: every milestone with what came of it, in words.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::config::Campaign;
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{config_versions, considerations, milestones};
use mirabelle_domain::{AccountId, Day, MilestoneKind};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::grant::grant_body;
use super::params::{Params, PathOf, cursor};
use super::view::{self, instant, ok, said};
use super::{READERS_AND_MEMBER, words};
use crate::auth::Caller;
use crate::problem::{self, Problem};
use crate::reason;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;
use crate::state::State;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/members/{member}/explain", || get(explain))
    .roles(READERS_AND_MEMBER)
    .summary("Why did this member get nothing, or this much: milestones, and what came of each")
    .query(&[
        ("kind", "milestones of this kind only"),
        ("cursor", "`next` of the page before"),
        ("limit", "milestones of a page, 1 to 1000; 100"),
    ])
    .answer(200, "Milestones by kind and occurrence", SCHEMA)];

const SCHEMA: &str = r#"{"type":"object","required":["member","summary","milestones"],"properties":{
"member":{"type":"string"},"number":{"type":"string"},"summary":{"type":"string"},"next":{"type":"string"},
"sums":{"type":"object","description":"points of this page's milestones, by where they are now: what could not be taken back counts as paid",
"properties":{"paid":{"type":"integer"},"on_the_way":{"type":"integer"},"waiting":{"type":"integer"},
"taken_back":{"type":"integer"},"not_paid":{"type":"integer"}}},
"milestones":{"type":"array","items":{"type":"object","required":["kind","occurrence","state","considered"],
"properties":{"kind":{"type":"string"},"occurrence":{"type":"string"},"effective":{"type":"string","format":"date"},
"known_on":{"type":"string","format":"date"},"moved_from":{"type":"string","format":"date"},"state":{"type":"string"},
"connection":{"type":"string"},"attributes":{"type":"object"},"considered":{"type":"array","items":{"type":"object",
"required":["outcome","words"],"properties":{"campaign":{"type":"string"},"version":{"type":"integer"},
"outcome":{"type":"string"},"words":{"type":"string"},"failed_condition":{"type":"string"},
"considered_at":{"type":"string","format":"date-time"},"grant":{"type":"object"}}}}}}}}}"#;

/// Campaigns that one milestone can have been considered under.
const CAMPAIGNS_MAX: usize = 1_000;

async fn explain(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let kind = params.text("kind")?;
        check_kind(kind)?;
        let (limit, place) = (params.limit()?, params.cursor::<(String, String)>("cursor")?);
        let member = view::member(&state, &caller, &name)?;
        let headers = view::position(&state, &AccountId::member(caller.tenant().clone(), member));
        let rows = view::rows(&state)?;
        let key = vec![view::text(caller.tenant()), view::id(&member.0)];
        let row = view::get(rows.as_ref(), &mirabelle_domain::tables::members::TABLE, &key)?;
        let mut scan = Scan::new(&milestones::TABLE, key.clone(), limit + 1);
        scan.after = place.map(|(kind, occurrence)| vec![Value::Text(kind), Value::Text(occurrence)]);
        if let Some(kind) = kind {
            scan.from = std::ops::Bound::Included(vec![view::text(kind)]);
            scan.to = scan.from.clone();
        }
        let mut found = view::scan(rows.as_ref(), &scan)?;
        let another = kind.is_some() && found.is_empty() && scan.after.is_none();
        let another =
            another && !view::scan(rows.as_ref(), &Scan::new(&milestones::TABLE, key.clone(), 1))?.is_empty();
        let more = found.len() > limit;
        found.truncate(limit);
        let place = |row: &Found| {
            (
                row.text("kind").unwrap_or_default().to_owned(),
                row.text("occurrence").unwrap_or_default().to_owned(),
            )
        };
        let next = found.last().filter(|_| more).map(|row| cursor(&place(row)));
        let mut told = Vec::with_capacity(found.len());
        let mut sums = Sums::default();
        for milestone in &found {
            told.push(milestone_body(&state, &caller, rows.as_ref(), &key, milestone, &mut sums)?);
        }
        let summary = match (found.is_empty(), kind.filter(|_| another)) {
            (true, Some(kind)) => {
                format!("No milestone of the kind {kind} was reported for this member; there are others.")
            }
            (true, None) => nothing_reported(row.is_some()).to_owned(),
            (false, _) => sums.words(more),
        };
        Ok(ok(
            headers,
            json!({
                "member": view::opaque(member),
                "number": view::number(&state, &caller, member, row.as_ref())?,
                "summary": summary,
                "sums": sums.body(),
                "milestones": told,
                "next": next,
            }),
        ))
    })
    .await?
}

/// Only kinds that there are: a misspelt one would read as if nothing had been reported.
fn check_kind(kind: Option<&str>) -> Result<(), Problem> {
    let all = MilestoneKind::ALL.map(MilestoneKind::name);
    match kind {
        Some(kind) if !all.contains(&kind) => {
            let what = format!("no such kind of milestone: there are {}", all.join(", "));
            let problem = Problem::new(problem::MALFORMED, format!("?kind: {what}"));
            Err(problem.at("?kind", "not_valid", what))
        }
        _ => Ok(()),
    }
}

fn nothing_reported(known: bool) -> &'static str {
    match known {
        true => "No milestone was reported for this member: there was nothing to award.",
        false => "Neither a worker state nor a milestone was reported for this member.",
    }
}

/// What the milestones of a page came to. A milestone can earn by several campaigns.
#[derive(Default)]
struct Sums {
    milestones: usize,
    /// Those that no campaign owes anything for.
    nothing: usize,
    paid: i64,
    on_the_way: i64,
    waiting: i64,
    taken_back: i64,
    not_paid: i64,
}

impl Sums {
    /// Counts a grant where its points are.
    fn count(&mut self, grant: &Json) {
        let told = |name: &str| grant.get(name).and_then(Json::as_str);
        let number = |name: &str| grant.get(name).and_then(Json::as_i64).unwrap_or(0);
        let points = number("points");
        match (told("wallet_state"), told("budget_state")) {
            (Some("credited"), _) => self.paid += points,
            // What could not be taken back was paid and stays so.
            (Some("reversed"), _) => {
                self.paid += number("shortfall");
                self.taken_back += points - number("shortfall");
            }
            (Some("dropped" | "refused"), _) | (_, Some("declined" | "returned")) => self.not_paid += points,
            (_, Some("held")) => self.waiting += points,
            _ => self.on_the_way += points,
        }
    }

    fn words(&self, more: bool) -> String {
        let page = if more { " on this page" } else { "" };
        let parts = [
            (self.on_the_way, "on the way"),
            (self.waiting, "waiting for a person"),
            (self.taken_back, "taken back"),
            (self.not_paid, "not paid in the end"),
        ];
        let mut words = format!("{} milestone(s){page}: {} points paid", self.milestones, self.paid);
        for (points, what) in parts.iter().filter(|(points, _)| *points > 0) {
            words.push_str(&format!(", {points} {what}"));
        }
        if self.nothing > 0 {
            words.push_str(&format!("; {} earned nothing", self.nothing));
        }
        words + ". Each says why."
    }

    fn body(&self) -> Json {
        json!({
            "paid": self.paid,
            "on_the_way": self.on_the_way,
            "waiting": self.waiting,
            "taken_back": self.taken_back,
            "not_paid": self.not_paid,
        })
    }
}

/// What came of a milestone. Where it became known too late, by how much, and how far the campaign looks back.
fn outcome_words(rows: &dyn Rows, tenant: &Value, milestone: &Found, row: &Found) -> Result<String, Problem> {
    let outcome = row.text("outcome").unwrap_or_default();
    let day = |column: &str| milestone.text(column).and_then(|text| text.parse::<Day>().ok());
    let (Some(effective), Some(known_on)) = (day("effective"), day("known_on")) else {
        return Ok(words::of_outcome(outcome).to_owned());
    };
    if outcome != "too_late" {
        return Ok(words::of_outcome(outcome).to_owned());
    }
    let late = i64::from(known_on.0) - i64::from(effective.0);
    let campaign = view::text(row.text("campaign").unwrap_or_default());
    let version = Value::Int(row.int("version").unwrap_or(0));
    let key = [tenant.clone(), view::text("campaign"), campaign, version];
    let version = view::get(rows, &config_versions::TABLE, &key)?;
    let body = version.and_then(|version| serde_json::from_str::<Campaign>(version.text("body")?).ok());
    Ok(match body {
        Some(campaign) => format!(
            "it became known {late} days after its day, and the campaign looks back {} days",
            campaign.look_back_days
        ),
        None => format!("it became known {late} days after its day, too late for this campaign"),
    })
}

fn milestone_body(
    state: &State,
    caller: &Caller,
    rows: &dyn Rows,
    key: &[Value],
    milestone: &Found,
    sums: &mut Sums,
) -> Result<Json, Problem> {
    // The day of a birthday is the person's own, and so is when it was seen to.
    let days = view::sees_people(caller) || milestone.text("kind") != Some(MilestoneKind::Birthday.name());
    let part = |name: &str| view::text(milestone.text(name).unwrap_or_default());
    let mut scan = Scan::new(&considerations::TABLE, key.to_vec(), CAMPAIGNS_MAX);
    scan.from = std::ops::Bound::Included(vec![part("kind"), part("occurrence")]);
    scan.to = scan.from.clone();
    let mut considered = Vec::new();
    let mut earned = false;
    for row in view::scan(rows, &scan)? {
        let grant = match view::bits(&row, "grant") {
            Some(grant) => {
                let label = |row: &Found| Ok(said(row, "label"));
                Some(grant_body(rows, &key[0], &grant, label, &|cell| reason::of_cell(state, caller, &cell))?)
            }
            None => None,
        };
        if row.text("outcome") == Some("awarded") {
            earned = true;
            sums.count(grant.as_ref().unwrap_or(&Json::Null));
        }
        considered.push(json!({
            "campaign": said(&row, "campaign"),
            "version": row.int("version").filter(|version| *version > 0),
            "outcome": said(&row, "outcome"),
            "words": match (row.text("outcome"), grant.as_ref().and_then(|grant| grant["wallet_state"].as_str())) {
                (Some("awarded"), Some(in_wallet)) => words::of_award(in_wallet).to_owned(),
                _ => outcome_words(rows, &key[0], milestone, &row)?,
            },
            "failed_condition": said(&row, "failed_condition"),
            "considered_at": if days { instant(&row, "considered_at") } else { Json::Null },
            "again_at": instant(&row, "again_at"),
            "grant": grant,
        }));
    }
    sums.milestones += 1;
    sums.nothing += usize::from(!earned);
    let of_day = |column: &str| if days { said(milestone, column) } else { Json::Null };
    let attributes = milestone.text("attributes").and_then(|text| serde_json::from_str::<Json>(text).ok());
    Ok(json!({
        "kind": said(milestone, "kind"),
        "occurrence": said(milestone, "occurrence"),
        "effective": of_day("effective"),
        "known_on": of_day("known_on"),
        "moved_from": of_day("moved_from"),
        "state": said(milestone, "state"),
        "connection": said(milestone, "connection"),
        "source_id": said(milestone, "source_id"),
        "years": said(milestone, "years"),
        "attributes": attributes,
        "updated_at": if days { instant(milestone, "updated_at") } else { Json::Null },
        "considered": considered,
    }))
}
