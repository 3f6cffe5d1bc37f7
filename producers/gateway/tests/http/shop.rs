//! A tenant where everything is there: people, a budget with points, a catalogue.

use serde_json::{Value as Json, json};

use crate::client::Reply;
use crate::world::{Tenant, World};

/// Asha's and Ben's numbers.
pub(crate) const ASHA: &str = "700101";
pub(crate) const BEN: &str = "700102";

/// A sandbox tenant with two people, a budget of 10,000 points and three products.
pub(crate) fn open(world: &'static World, name: &str) -> Tenant {
    let tenant = world.tenant(name);
    tenant.connection("workday", "workday", "staff", "open");
    let products = [
        ("day-off", json!({"title": "A day off", "points": 300, "delivery": "immediate"})),
        (
            "gift-de-25",
            json!({"title": "Voucher", "points": 250, "delivery": "vendor", "vendor": "sandbox",
            "vendor_product": "gift-25", "countries": ["DE"]}),
        ),
        (
            "gift-in",
            json!({"title": "Only in India", "points": 10, "delivery": "immediate", "countries": ["IN"]}),
        ),
    ];
    for (product, body) in products {
        tenant.configure("product", product, &body);
    }
    let row = |number: &str, name: &str| {
        json!({"Employee_ID": number, "First_Name": name, "Country": "DE", "Hire_Date": "2020-04-01",
            "Time_Zone": "Europe/Berlin"})
    };
    let report = json!({"Report_Entry": [row(ASHA, "Asha"), row(BEN, "Ben")]});
    tenant.deliver("workday", "application/json", report.to_string().as_bytes()).expect(200);
    tenant.member(ASHA);
    tenant.member(BEN);
    world.post(&tenant.admin, "/v1/budgets", &json!({"budget": "spot", "title": "Spot"})).expect(201);
    keyed(&tenant, "fill", "/v1/budgets/spot/allocations", &json!({"points": 10_000})).expect(201);
    world.until("the budget is filled", || {
        let budget = world.get(&tenant.admin, "/v1/budgets/spot");
        (budget.status == 200 && budget.json()["free"] == 10_000).then_some(())
    });
    tenant
}

/// A write with an `Idempotency-Key`, by the admin.
pub(crate) fn keyed(tenant: &Tenant, key: &str, path: &str, body: &Json) -> Reply {
    keyed_by(tenant, &tenant.admin, key, path, body, &[])
}

/// The same by anybody, with more headers.
pub(crate) fn keyed_by(
    tenant: &Tenant,
    who: &str,
    key: &str,
    path: &str,
    body: &Json,
    more: &[(&str, &str)],
) -> Reply {
    let mut headers = vec![("content-type", "application/json"), ("idempotency-key", key)];
    headers.extend_from_slice(more);
    tenant.world.call(who, "POST", path, &headers, body.to_string().as_bytes())
}

/// What a member has to spend.
pub(crate) fn available(tenant: &Tenant, number: &str) -> i64 {
    let reply = tenant.world.get(&tenant.admin, &format!("/v1/members/{number}/balance")).expect(200);
    reply.json()["available"].as_i64().unwrap()
}

/// Gives points and waits until the wallet has them and nothing more is on its way.
pub(crate) fn give(tenant: &Tenant, key: &str, number: &str, points: i64) -> Json {
    let body = json!({"budget": "spot", "member": number, "points": points, "label": "Thank you"});
    let given = keyed(tenant, key, "/v1/grants", &body).expect(201).json();
    let path = format!("/v1/grants/{}", given["grants"][0]["id"].as_str().unwrap());
    tenant.world.until("the points have come", || {
        let grant = tenant.world.get(&tenant.admin, &path);
        (grant.status == 200
            && (&grant.json()["wallet_state"], &grant.json()["budget_state"])
                == (&json!("credited"), &json!("settled")))
            .then_some(())
    });
    given
}
