//! Makes what a load runs against: a tenant with people, points and products, over HTTP like any customer.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, StatusCode};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::options::Seed;
use crate::output::print;

/// Deliveries and blocks of grants that are on their way at a time.
const IN_FLIGHT: usize = 4;
/// The connection by which the people come; the `hris` profile delivers to `load`.
const PEOPLE: &str = "load-people";
/// Between two looks at a state that the server reaches by itself.
const LOOK: Duration = Duration::from_millis(50);

/// A server and a key for it.
#[derive(Clone)]
struct Api {
    client: Client,
    url: String,
    key: String,
}

impl Api {
    async fn post(&self, path: &str, idempotency_key: &str, body: &Json) -> Result<Json> {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.key)
            .header("idempotency-key", idempotency_key)
            .header("prefer", "wait=30")
            .json(body);
        let response = request.send().await.with_context(|| format!("no answer to POST {path}"))?;
        answer(response, path).await
    }

    async fn get(&self, path: &str) -> Result<Json> {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.key);
        answer(request.send().await.with_context(|| format!("no answer to GET {path}"))?, path).await
    }

    /// Looks until `reached`; what is waited for goes on in the server, which tells nobody when it is there.
    async fn until(&self, path: &str, mut reached: impl FnMut(&Json) -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(600);
        loop {
            let state = self.get(path).await?;
            if reached(&state) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{path} does not get on: {state}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A version of something, published, and adopted by every partition.
    async fn configure(&self, kind: &str, name: &str, body: &Json) -> Result<()> {
        let path = format!("/v1/config/{kind}/versions?publish=true");
        let version =
            self.post(&path, &format!("{kind}-{name}"), &json!({"name": name, "body": body})).await?;
        let number = version["number"].as_u64().with_context(|| format!("no number in {version}"))?;
        self.until(&format!("/v1/config/{kind}"), |config| config["adopted"].as_u64() >= Some(number)).await
    }
}

async fn answer(response: reqwest::Response, path: &str) -> Result<Json> {
    let status = response.status();
    let text = response.text().await.with_context(|| format!("{path}: the answer was cut"))?;
    if !status.is_success() || status == StatusCode::ACCEPTED {
        bail!("{path} answered {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("{path} answered no JSON: {text}"))
}

pub(crate) fn run(options: &Seed) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(seed(options))?;
    Ok(true)
}

async fn seed(options: &Seed) -> Result<()> {
    let operator = std::fs::read_to_string(&options.operator_key_file)
        .with_context(|| format!("no operator key in {}", options.operator_key_file.display()))?;
    let url = options.url.trim_end_matches('/').to_owned();
    let operator = Api { client: Client::new(), url, key: operator.trim().to_owned() };
    let tenant = json!({
        "tenant": options.tenant, "title": "Load", "mode": "sandbox", "zone": "Europe/Berlin", "currency": "EUR",
    });
    operator.post("/v1/tenants", "load-tenant", &tenant).await?;
    let path = format!("/v1/keys?tenant={}", options.tenant);
    let key = json!({"name": format!("load-{}", std::process::id()), "roles": ["admin", "service"]});
    let key = operator.post(&path, &format!("load-key-{}", std::process::id()), &key).await?;
    let key = key["key"].as_str().with_context(|| format!("no key in {key}"))?.to_owned();
    keep(&options.key_file, &key)?;
    let api = Api { key, ..operator };
    for (name, system) in [(PEOPLE, "workday"), ("load", "success_factors")] {
        api.configure("connection", name, &json!({"system": system, "id_space": "load", "state": "open"}))
            .await?;
    }
    for (name, points) in [("gift-de-25", 25_u64), ("castle", 1_000_000_000_000)] {
        api.configure("product", name, &json!({"title": name, "points": points, "delivery": "immediate"}))
            .await?;
    }
    people(&api, options).await?;
    api.post("/v1/budgets", "load-budget", &json!({"budget": "load", "title": "Load"})).await?;
    let sum = u64::from(options.members) * options.points;
    api.post("/v1/budgets/load/allocations", "load-sum", &json!({"points": sum})).await?;
    grants(&api, options).await?;
    let settled = format!("wallets of {} members are filled", options.members);
    api.until("/v1/budgets/load", |budget| budget["spent"].as_u64() == Some(sum)).await.context(settled)?;
    print(&format!(
        "{} members with {} points each; the key is in {}\n",
        options.members,
        options.points,
        options.key_file.display()
    ))
}

fn keep(place: &Path, key: &str) -> Result<()> {
    std::fs::write(place, format!("{key}\n")).with_context(|| format!("could not write {}", place.display()))
}

/// Every member's worker state, many to a delivery.
async fn people(api: &Api, options: &Seed) -> Result<()> {
    blocks(api, options, 2_000, "people", |api, members| async move {
        let rows: Vec<Json> = members
            .map(|member| {
                json!({"Employee_ID": format!("load-{member:06}"), "Country": "DE", "Hire_Date": "2020-04-01",
                    "Time_Zone": "Europe/Berlin"})
            })
            .collect();
        let count = rows.len();
        let path = format!("/v1/hris/{PEOPLE}");
        let answer = api.post(&path, "", &json!({"Report_Entry": rows})).await?;
        let counts = &answer["counts"];
        let taken = counts["accepted"].as_u64().unwrap_or(0) + counts["duplicate"].as_u64().unwrap_or(0);
        if taken != count as u64 {
            bail!("of {count} people not all were taken: {counts}");
        }
        Ok(())
    })
    .await
}

/// Every member's points, many to a request.
async fn grants(api: &Api, options: &Seed) -> Result<()> {
    let points = options.points;
    blocks(api, options, 1_000, "grants", |api, members| async move {
        let key = format!("load-grants-{}", members.start());
        let grants: Vec<Json> =
            members.map(|member| json!({"member": format!("load-{member:06}"), "points": points})).collect();
        api.post("/v1/grants", &key, &json!({"budget": "load", "grants": grants})).await.map(drop)
    })
    .await
}

/// Runs `act` for all members in blocks, some at a time.
async fn blocks<F>(
    api: &Api,
    options: &Seed,
    size: u32,
    what: &'static str,
    act: impl Fn(Api, std::ops::RangeInclusive<u32>) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let style = ProgressStyle::with_template("{msg:8} {bar:40} {human_pos}/{human_len} {per_sec} {eta}")?;
    let bar = ProgressBar::new(u64::from(options.members)).with_style(style).with_message(what);
    let mut running: JoinSet<Result<u64>> = JoinSet::new();
    let mut next = 1;
    while next <= options.members || !running.is_empty() {
        if next <= options.members && running.len() < IN_FLIGHT {
            let last = options.members.min(next.saturating_add(size - 1));
            let block = act(api.clone(), next..=last);
            let count = u64::from(last - next + 1);
            running.spawn(async move { block.await.map(|()| count) });
            next = last + 1;
        } else if let Some(done) = running.join_next().await {
            bar.inc(done.context("a block panicked")??);
        }
    }
    bar.finish();
    Ok(())
}
