//! Whom a name means, and whether what was paid to somebody can be seen and corrected.

use serde_json::json;

use crate::shop::{self, available, give, keyed};
use crate::world::world;

#[test]
fn a_number_that_looks_like_another_persons_name_never_pays_from_their_wallet() {
    let tenant = shop::open(world(), "lookalikes");
    let liar = format!("staff:{}", shop::BEN);
    let row =
        json!({"Employee_ID": liar, "First_Name": "Mallory", "Country": "DE", "Hire_Date": "2020-04-01"});
    tenant
        .deliver("workday", "application/json", json!({"Report_Entry": [row]}).to_string().as_bytes())
        .expect(200);
    tenant.member(&format!("staff:{liar}"));
    give(&tenant, "gift-ben", shop::BEN, 500);
    let wish = json!({"member": liar, "lines": [{"product": "day-off", "quantity": 1}]});
    let refused = keyed(&tenant, "k-1", "/v1/redemptions", &wish).expect(422).json();
    assert_eq!(refused["code"], "ambiguous_member", "{refused}");
    assert_eq!(available(&tenant, shop::BEN), 500);
    // Nothing is ambiguous about the whole number in its space, or about Ben's own.
    let exact = json!({"member": format!("staff:{liar}"), "lines": [{"product": "day-off", "quantity": 1}]});
    let poor = keyed(&tenant, "k-2", "/v1/redemptions", &exact).expect(422).json();
    assert_eq!(poor["code"], "insufficient_points", "{poor}");
    assert_eq!(available(&tenant, shop::BEN), 500);
}

#[test]
fn what_is_paid_to_a_number_before_its_worker_state_is_seen_and_can_be_corrected() {
    let tenant = shop::open(world(), "early");
    let today = jiff::Zoned::now().date().to_string();
    let campaign = json!({"title": "Promoted", "milestone": "promotion", "points": {"fixed": 100}, "budget": "spot",
        "starts_on": "2020-01-01", "look_back_days": 30});
    tenant.configure("campaign", "promotion", &campaign);
    let row = json!({"Employee_ID": "typo-2", "Milestone": "Promotion", "Milestone_ID": "PX2", "Milestone_Date": today});
    tenant
        .deliver("workday", "application/json", json!({"Report_Entry": [row]}).to_string().as_bytes())
        .expect(200);
    let path = "/v1/members/typo-2/balance";
    tenant.world.until("the points are seen", || {
        let balance = tenant.world.get(&tenant.admin, path);
        (balance.status == 200 && balance.json()["available"] == 100).then_some(())
    });
    for of in ["", "/lots", "/statement", "/explain"] {
        tenant.world.get(&tenant.admin, &format!("/v1/members/typo-2{of}")).expect(200);
    }
    let correction =
        json!({"member": "typo-2", "points": -100, "reason": "nobody of this number works here"});
    keyed(&tenant, "fix", "/v1/adjustments", &correction).expect(201);
    tenant.world.until("they are taken", || (available(&tenant, "typo-2") == 0).then_some(()));
}

#[test]
fn one_key_with_another_draft_is_refused_whether_or_not_it_is_published() {
    let tenant = world().tenant("two-drafts");
    let draft = |points: u64| json!({"name": "tree", "body": {"title": "A tree", "points": points, "delivery": "immediate"}});
    keyed(&tenant, "key-9", "/v1/config/product/versions?publish=true", &draft(10)).expect(201);
    let other = keyed(&tenant, "key-9", "/v1/config/product/versions", &draft(20)).expect(422).json();
    assert_eq!(other["code"], "idempotency_key_reused");
}

#[test]
fn a_tenant_in_a_zone_that_no_clock_knows_is_refused() {
    let body = json!({"tenant": "mars", "title": "Mars", "mode": "sandbox", "zone": "Mars/Olympus", "currency": "EUR"});
    let refused = world().post(&world().operator, "/v1/tenants", &body).expect(400).json();
    assert_eq!(refused["errors"][0]["pointer"], "/zone", "{refused}");
}

#[test]
fn a_path_that_is_no_text_is_answered_like_what_is_not_there() {
    let tenant = world().tenant("bad-paths");
    for path in [
        "/v1/redemptions/%ff/cancel",
        "/v1/grants/%ff/reverse",
        "/v1/budgets/%ff/close",
        "/v1/keys/%ff/revoke",
    ] {
        let reply = keyed(&tenant, "k", path, &json!({"reason": "why"})).expect(404);
        assert_eq!(reply.json()["code"], "not_found", "{path}");
    }
}
