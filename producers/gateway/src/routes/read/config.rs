//! What a tenant has configured: versions, the catalogue in force, how connections stand.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::command::{ConfigKind, Role};
use mirabelle_domain::config::Connection;
use mirabelle_domain::tables::{budgets, config_versions, members};
use mirabelle_domain::{AccountId, Name, TenantId, Timestamp};
use mirabelle_store::{Found, Rows, Scan};
use serde_json::{Value as Json, json};

use super::params::{Params, PathOf, cursor};
use super::view::{self, instant, ok, said};
use super::{READERS, READERS_AND_MEMBER};
use crate::auth::Caller;
use crate::directory::Tenant;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;

const CONFIGURERS: &[Role] = &[Role::Admin, Role::Publisher, Role::Analyst, Role::Auditor, Role::Operator];

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::get("/v1/config/{kind}", || get(versions))
        .roles(CONFIGURERS)
        .summary("Versions of a kind of configuration (campaign, product, connection), and how far they are adopted")
        .query(&[
            ("name", "versions of this name only"),
            ("cursor", "`next` of the page before"),
            ("limit", "versions of a page, 1 to 1000; 100"),
        ])
        .answer(200, "A page of versions", VERSIONS),
    Route::get("/v1/catalogue", || get(catalogue))
        .roles(READERS_AND_MEMBER)
        .summary("What can be had now; for a member's key, where the member works")
        .query(&[("country", "ISO 3166-1 alpha-2: what is offered there")])
        .answer(200, "The catalogue", CATALOGUE),
    Route::get("/v1/connections/{connection}/status", || get(status))
        .roles(&[Role::Connector, Role::Admin, Role::Publisher, Role::Analyst, Role::Auditor, Role::Operator])
        .summary("How a connection stands: what is in force, what is to come, how far it is adopted")
        .answer(200, "The connection", STATUS),
];

const VERSIONS: &str = r#"{"type":"object","required":["kind","versions","published","adopted"],"properties":{
"kind":{"type":"string"},"published":{"type":"integer"},"adopted":{"type":"integer"},"next":{"type":"string"},
"versions":{"type":"array","items":{"type":"object","required":["name","version","state","body"],"properties":{
"name":{"type":"string"},"version":{"type":"integer"},"state":{"type":"string","enum":["drafted","submitted",
"published","withdrawn"]},"number":{"type":"integer"},"body":{"type":"object"},"effective_at":{"type":"string"},
"in_force":{"type":"boolean"},"adopted_everywhere":{"type":"boolean"},"drafter":{"type":"string"},
"submitter":{"type":"string"},"publisher":{"type":"string"},"withdrawer":{"type":"string"},"reason":{"type":"string"},
"note":{"type":"string","description":"what is wrong with it as things stand"},"connection_state":{"type":"string",
"description":"of a connection: what `state` says, or its default"},"drafted_at":{"type":"string"},"published_at":{"type":"string"}}}}}}"#;
const CATALOGUE: &str = r#"{"type":"object","required":["products"],"properties":{"products":{"type":"array",
"items":{"type":"object","required":["product","version","title","points","delivery"],"properties":{
"product":{"type":"string"},"version":{"type":"integer"},"title":{"type":"string"},"points":{"type":"integer"},
"countries":{"type":"array","items":{"type":"string"}},"delivery":{"type":"string","enum":["vendor","immediate"]}}}}}}"#;
const STATUS: &str = r#"{"type":"object","required":["connection","system","state","version","id_space","adopted_everywhere"],
"properties":{"connection":{"type":"string"},"system":{"type":"string"},"state":{"type":"string","enum":["baseline",
"open","closed"]},"version":{"type":"integer"},"effective_at":{"type":"string"},"id_space":{"type":"string"},
"adopted_everywhere":{"type":"boolean"},"partitions_behind":{"type":"array","items":{"type":"integer"}},
"next":{"type":"object"}}}"#;

/// A kind by its name in paths.
///
/// # Errors
/// 404 for any other.
pub fn kind(name: &str) -> Result<ConfigKind, Problem> {
    match name {
        "campaign" => Ok(ConfigKind::Campaign),
        "product" => Ok(ConfigKind::Product),
        "connection" => Ok(ConfigKind::Connection),
        _ => Err(Problem::missing(crate::routes::configuration::KIND)),
    }
}

/// The number that every partition has adopted.
fn adopted(tenant: &Tenant, partitions: u16) -> u32 {
    (0..partitions).map(|partition| tenant.adopted.get(&partition).copied().unwrap_or(0)).min().unwrap_or(0)
}

async fn versions(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(kind_name): PathOf<String>,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        kind(&kind_name)?;
        let name = params.parsed::<Name>("name")?;
        let (limit, after) = (params.limit()?, params.cursor::<(String, i64)>("cursor")?);
        let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
        let headers = view::position(&state, &AccountId::configuration(caller.tenant().clone()));
        let mut scan = Scan::new(
            &config_versions::TABLE,
            vec![view::text(caller.tenant()), view::text(&kind_name)],
            limit + 1,
        );
        scan.after =
            after.map(|(name, version)| vec![view::text(name), mirabelle_domain::rows::Value::Int(version)]);
        if let Some(name) = name {
            scan.from = std::ops::Bound::Included(vec![view::text(name)]);
            scan.to = scan.from.clone();
        }
        let mut found = view::scan(view::rows(&state)?.as_ref(), &scan)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let place =
            |row: &Found| (row.text("name").unwrap_or_default().to_owned(), row.int("version").unwrap_or(0));
        let next = found.last().filter(|_| more).map(|row| cursor(&place(row)));
        let everywhere = adopted(&tenant, state.parts.log.partitions());
        let now = Timestamp(state.now());
        let rows = view::rows(&state)?;
        let mut versions = Vec::with_capacity(found.len());
        for row in &found {
            let mut body = version_body(row, &in_force(&tenant, now, &kind_name, row), everywhere);
            match kind_name.as_str() {
                "campaign" => body["note"] = budget_note(rows.as_ref(), caller.tenant(), &body)?,
                // What a body leaves out counts as its default, and is told.
                "connection" => body["connection_state"] = connection_state(row),
                _ => {}
            }
            versions.push(body);
        }
        Ok(ok(
            headers,
            json!({
                "kind": kind_name,
                "published": tenant.published.number,
                "adopted": everywhere,
                "versions": versions,
                "next": next,
            }),
        ))
    })
    .await?
}

/// Whether a version is the one in force; null for what is not published.
fn in_force(tenant: &Tenant, now: Timestamp, kind: &str, row: &Found) -> Json {
    if row.text("state") != Some("published") {
        return Json::Null;
    }
    let Some(name) = row.text("name").and_then(|name| name.parse::<Name>().ok()) else { return Json::Null };
    let view = tenant.at(now);
    let version = match kind {
        "campaign" => {
            let mut all = mirabelle_domain::MilestoneKind::ALL.iter().flat_map(|kind| view.campaigns(*kind));
            all.find(|(other, _)| **other == name).map(|(_, version)| version.version)
        }
        "product" => view.product(&name).map(|version| version.version),
        _ => view.connection(&name).map(|version| version.version),
    };
    json!(version.map(i64::from) == row.int("version"))
}

/// A campaign may name a budget that nobody has opened: its awards wait there then.
fn budget_note(rows: &dyn Rows, tenant: &TenantId, body: &Json) -> Result<Json, Problem> {
    let Some(budget) = body["body"]["budget"].as_str() else { return Ok(Json::Null) };
    let row = view::get(rows, &budgets::TABLE, &[view::text(tenant), view::text(budget)])?;
    let note = match row.as_ref().and_then(|row| row.text("state")) {
        Some("open") => return Ok(Json::Null),
        Some(_) => format!("the budget `{budget}` is closed: awards wait there for a person"),
        None => {
            format!("no budget `{budget}` was opened: awards wait there until it is, and are released then")
        }
    };
    Ok(json!(note))
}

fn connection_state(row: &Found) -> Json {
    let connection = row.text("body").and_then(|body| serde_json::from_str::<Connection>(body).ok());
    connection.map_or(Json::Null, |connection| json!(connection.state))
}

fn version_body(row: &Found, in_force: &Json, everywhere: u32) -> Json {
    let number = row.int("number").filter(|_| row.text("state") == Some("published"));
    json!({
        "name": said(row, "name"),
        "version": row.int("version"),
        "state": said(row, "state"),
        "number": number,
        "body": row.text("body").and_then(|body| serde_json::from_str::<Json>(body).ok()),
        "effective_at": instant(row, "effective_at"),
        "in_force": in_force,
        "adopted_everywhere": number.map(|number| number <= i64::from(everywhere)),
        "drafter": said(row, "drafter"),
        "submitter": said(row, "submitter"),
        "publisher": said(row, "publisher"),
        "withdrawer": said(row, "withdrawer"),
        "reason": said(row, "reason"),
        "drafted_at": instant(row, "drafted_at"),
        "published_at": instant(row, "published_at"),
    })
}

async fn catalogue(
    Extract(state): Extract<Shared>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    blocking(move || {
        let mut country = params.text("country")?.map(str::to_owned);
        let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
        if country.is_none()
            && let Some(own) = view::own(&caller)
        {
            let key = [view::text(caller.tenant()), view::id(&own.0)];
            let row = view::get(view::rows(&state)?.as_ref(), &members::TABLE, &key)?;
            country = row
                .and_then(|row| row.text("country").filter(|country| !country.is_empty()).map(str::to_owned));
        }
        let offered = |product: &mirabelle_domain::config::Product| {
            let here = country.as_ref().is_none_or(|country| {
                product.countries.is_empty() || product.countries.iter().any(|other| other == country)
            });
            product.offered && here
        };
        let view = tenant.at(Timestamp(state.now()));
        let products = view.products().filter(|(_, version)| offered(&version.body));
        let body = |(name, version): (
            &Name,
            &mirabelle_domain::rules::Version<mirabelle_domain::config::Product>,
        )| {
            let product = &version.body;
            json!({
                "product": name,
                "version": version.version,
                "title": product.title,
                "points": product.points,
                "countries": product.countries,
                "delivery": product.delivery,
            })
        };
        let products: Vec<Json> = products.map(body).collect();
        Ok(ok(Default::default(), json!({ "products": products })))
    })
    .await?
}

async fn status(
    Extract(state): Extract<Shared>,
    caller: Caller,
    PathOf(name): PathOf<String>,
) -> Result<Response, Problem> {
    let name: Name = name.parse().map_err(|_| Problem::missing("published connection"))?;
    let tenant = state.directory.tenant(caller.tenant()).ok_or_else(|| Problem::missing("tenant"))?;
    let everywhere = caller.has(CONFIGURERS) || caller.has(READERS);
    if !everywhere && caller.key.connection.as_ref() != Some(&name) {
        return Err(Problem::missing("published connection"));
    }
    let now = Timestamp(state.now());
    let current = tenant.at(now).connection(&name);
    // The latest that is published, be it for later: at the end of time it is in force.
    let last = tenant
        .at(Timestamp(i64::MAX))
        .connection(&name)
        .ok_or_else(|| Problem::missing("published connection"))?;
    let shown = current.unwrap_or(last);
    let partitions = state.parts.log.partitions();
    let number = tenant.published.number;
    let behind: Vec<u16> = (0..partitions)
        .filter(|partition| tenant.adopted.get(partition).copied().unwrap_or(0) < number)
        .collect();
    let coming = (last.version != shown.version).then(|| {
        json!({
            "version": last.version,
            "state": last.body.state,
            "effective_at": last.effective_at.to_string(),
        })
    });
    Ok(ok(
        Default::default(),
        json!({
            "connection": name,
            "system": shown.body.system,
            "state": shown.body.state,
            "in_force": current.is_some(),
            "version": shown.version,
            "effective_at": shown.effective_at.to_string(),
            "id_space": shown.body.id_space,
            "anniversary": shown.body.anniversary,
            "adopted_everywhere": behind.is_empty(),
            "partitions_behind": behind,
            "next": coming,
        }),
    ))
}
