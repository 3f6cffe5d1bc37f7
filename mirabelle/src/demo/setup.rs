//! A tenant with everything that it needs: keys by role, connections, campaigns, a catalogue, a budget.

use anyhow::Context as _;
use mirabelle_domain::Day;
use serde_json::{Value as Json, json};

use super::api::{Customer, expect, number, text, until};
use super::samples::Source;
use super::screen::{Screen, thousands};
use super::story::ALLOCATED;

/// The tenant's name.
pub(super) const TENANT: &str = "acme";
/// The budget that pays for everything.
pub(super) const BUDGET: &str = "rewards";
/// Percentages of the budget at which somebody is told.
const ALERTS: [i64; 2] = [50, 80];

/// Whoever acts in the demo.
pub(super) struct Cast {
    pub(super) url: String,
    pub(super) admin: Customer,
    /// The employees' app: acts for members.
    pub(super) app: Customer,
    /// Reads, and sees no names.
    pub(super) analyst: Customer,
    pub(super) auditor: Customer,
    /// One a connection, in the order of [`Source::ALL`].
    connectors: Vec<Customer>,
}

impl Cast {
    /// The key by which a system delivers.
    pub(super) fn connector(&self, source: Source) -> &Customer {
        let place = Source::ALL.iter().position(|other| *other == source).unwrap_or_default();
        &self.connectors[place]
    }

    /// A member's own key.
    pub(super) async fn member(&self, name: &str, number: &str) -> anyhow::Result<Customer> {
        issue(&self.url, &self.admin, "", &json!({ "name": name, "roles": ["member"], "member": number }))
            .await
    }
}

async fn issue(url: &str, by: &Customer, query: &str, body: &Json) -> anyhow::Result<Customer> {
    let told = by.post(&format!("/v1/keys{query}"), body, 201).await?;
    Customer::new(url, text(&told, "/key")?)
}

/// Makes all of it and waits until it is in force everywhere.
pub(super) async fn set_up(screen: Screen, url: &str, operator: &str, story: Day) -> anyhow::Result<Cast> {
    let operator = Customer::new(url, operator)?;
    let tenant = json!({
        "tenant": TENANT, "title": "Acme", "mode": "sandbox", "zone": "Europe/Berlin", "currency": "EUR",
    });
    let created = operator.post("/v1/tenants", &tenant, 201).await?;
    expect("the mode of the new tenant", text(&created, "/mode")?, "sandbox")?;
    let admin = json!({ "name": "admin", "roles": ["admin"] });
    let admin = issue(url, &operator, &format!("?tenant={TENANT}"), &admin).await?;
    screen.ok(&format!(
        "the operator made the tenant `{TENANT}`, a sandbox (for trying), and gave its admin a key"
    ));
    for source in Source::ALL {
        configure(&admin, "connection", source.connection(), &connection(source, "baseline")).await?;
    }
    for (name, body) in campaigns(story) {
        configure(&admin, "campaign", name, &body).await?;
    }
    for (name, body) in products() {
        configure(&admin, "product", name, &body).await?;
    }
    let adopted = adopted(&admin).await?;
    screen.ok(&format!(
        "{} campaigns, {} products, {} connections, one for each HR system: {adopted} versions published, and in force. The connections are \"in baseline\": people are recorded, nobody earns yet, so that a first load pays nobody for having been hired years ago",
        campaigns(story).len(),
        products().len(),
        Source::ALL.len(),
    ));
    budget(&admin).await?;
    screen.ok(&format!(
        "a budget `{BUDGET}` of {} points, which gives an alert at 50 % and at 80 % used",
        thousands(ALLOCATED)
    ));
    let cast = cast(url, admin).await?;
    screen.ok("keys by role: a connector for each HR system, the employees' app, an analyst, an auditor");
    Ok(cast)
}

async fn cast(url: &str, admin: Customer) -> anyhow::Result<Cast> {
    let mut connectors = Vec::new();
    for source in Source::ALL {
        let name = source.connection();
        let key = json!({ "name": name, "roles": ["connector"], "connection": name });
        connectors.push(issue(url, &admin, "", &key).await?);
    }
    let app = issue(url, &admin, "", &json!({ "name": "app", "roles": ["service"] })).await?;
    let analyst = issue(url, &admin, "", &json!({ "name": "analyst", "roles": ["analyst"] })).await?;
    let auditor = issue(url, &admin, "", &json!({ "name": "auditor", "roles": ["auditor"] })).await?;
    Ok(Cast { url: url.to_owned(), admin, app, analyst, auditor, connectors })
}

async fn budget(admin: &Customer) -> anyhow::Result<()> {
    let open = json!({ "budget": BUDGET, "title": "Rewards", "alerts": ALERTS });
    admin.post("/v1/budgets", &open, 201).await?;
    let allocate = json!({ "points": ALLOCATED, "reason": "the year's budget" });
    let path = format!("/v1/budgets/{BUDGET}/allocations");
    let sums = super::api::json(&admin.order(&path, "allocate-1", &allocate).await?)?;
    expect("the budget's free points", &number(&sums, "/free")?, &ALLOCATED)
}

/// A version of anything, published in one request: a sandbox needs no second person for it.
async fn configure(admin: &Customer, kind: &str, name: &str, body: &Json) -> anyhow::Result<()> {
    let path = format!("/v1/config/{kind}/versions?publish=true");
    let told = admin.post(&path, &json!({ "name": name, "body": body }), 201).await?;
    expect(&format!("the state of {kind} {name}"), text(&told, "/state")?, "published")
}

/// Waits until every partition has adopted everything that is published; says how many versions that are.
async fn adopted(admin: &Customer) -> anyhow::Result<i64> {
    until("all that is published is adopted everywhere", || async {
        let told = admin.get("/v1/config/connection").await?;
        let (published, adopted) = (number(&told, "/published")?, number(&told, "/adopted")?);
        expect("versions adopted everywhere", &adopted, &published)?;
        Ok(adopted)
    })
    .await
}

/// Lets every connection's milestones earn.
pub(super) async fn open_connections(cast: &Cast) -> anyhow::Result<()> {
    for source in Source::ALL {
        let name = source.connection();
        let path = format!("/v1/connections/{name}/open");
        let opened = cast.admin.post(&path, &json!({ "reason": "the first load is in" }), 201).await?;
        expect(&format!("the state of opening {name}"), text(&opened, "/state")?, "published")?;
    }
    adopted(&cast.admin).await?;
    for source in Source::ALL {
        let name = source.connection();
        let status = cast.admin.get(&format!("/v1/connections/{name}/status")).await?;
        expect(&format!("the connection {name}"), text(&status, "/state")?, "open")?;
    }
    Ok(())
}

fn connection(source: Source, state: &str) -> Json {
    let mut body = json!({ "system": source.system(), "id_space": source.id_space(), "state": state });
    if source == Source::Darwinbox {
        // Its workers have no time zone of their own.
        body["location_zones"] = json!({ "Hyderabad": "Asia/Kolkata" });
    }
    body
}

fn campaigns(story: Day) -> Vec<(&'static str, Json)> {
    let campaign = |title: &str, milestone: &str, points: Json| {
        json!({
            "title": title, "milestone": milestone, "points": points, "budget": BUDGET,
            "starts_on": story.plus(-30).to_string(), "expires_after_days": 730,
        })
    };
    let fixed = |points: i64| json!({ "fixed": points });
    let mut review = campaign("A strong review", "review", fixed(1_000));
    review["conditions"] = json!([{ "field": "attributes.rating", "at_least": 5 }]);
    vec![
        ("welcome", campaign("Welcome", "hire", fixed(500))),
        ("promotion", campaign("Promoted", "promotion", fixed(1_500))),
        ("strong-review", review),
        ("bravo", campaign("Bravo", "spot_award", fixed(300))),
        ("anniversary", campaign("Years with us", "anniversary", json!({ "per_year": 100 }))),
        ("birthday", campaign("Happy birthday", "birthday", fixed(250))),
    ]
}

fn products() -> Vec<(&'static str, Json)> {
    let of_vendor = |title: &str, points: i64| json!({ "title": title, "points": points, "delivery": "vendor", "vendor": "sandbox" });
    let mut gift = of_vendor("Gift card of 10 EUR", 1_000);
    gift["countries"] = json!(["DE"]);
    vec![
        ("tree", json!({ "title": "A tree is planted", "points": 200, "delivery": "immediate" })),
        ("gift-de-10", gift),
        // The sandbox vendor refuses what ends in -refused, and answers what ends in -slow at the third attempt.
        ("concert-refused", of_vendor("A concert that is sold out", 800)),
        // And those that end in -later it is asked for a minute after their order: until then they can be cancelled.
        ("lunch-later", of_vendor("A lunch for two", 400)),
        ("hamper-slow", of_vendor("A hamper of a vendor who is hard to reach", 600)),
    ]
}

/// Names of the people, as the admin may see them.
pub(super) async fn name_of(admin: &Customer, number: &str) -> anyhow::Result<String> {
    let member = admin.get(&format!("/v1/members/{number}")).await?;
    Ok(text(&member, "/name").context("a member without a name")?.to_owned())
}
