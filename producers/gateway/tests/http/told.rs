//! Whether what is told is true: why points wait, what was taken back, what is missing, who may.

use mirabelle_domain::Timestamp;
use serde_json::{Value as Json, json};

use crate::client::{Reply, call};
use crate::door::{milestone, report};
use crate::reads::{balance, review, rewarding};
use crate::shop::{ASHA, BEN, give, keyed, open};
use crate::world::{Tenant, wall_clock, world};

fn get(tenant: &Tenant, path: &str) -> Json {
    tenant.world.get(&tenant.admin, path).expect(200).json()
}

/// A version of a name, once the rows have it published.
fn version(tenant: &Tenant, kind: &str, name: &str) -> Json {
    tenant.world.until("the rows have the version", || {
        let found = get(tenant, &format!("/v1/config/{kind}?name={name}"))["versions"][0].clone();
        (found["state"] == "published").then_some(found)
    })
}

/// What waits on any budget, once something does.
fn waiting(tenant: &Tenant) -> Json {
    tenant.world.until("a grant waits", || {
        let held = get(tenant, "/v1/held");
        (!held["grants"].as_array().unwrap().is_empty()).then(|| held["grants"][0].clone())
    })
}

#[test]
fn an_award_on_a_budget_that_nobody_opened_says_so_before_and_after_it_is_opened() {
    let tenant = rewarding("told-unopened", &json!({ "budget": "nosuch" }));
    let version = |tenant: &Tenant| version(tenant, "campaign", "reviews");
    assert!(version(&tenant)["note"].as_str().unwrap().contains("no budget `nosuch` was opened"));
    review(&tenant, "R-1", "5");
    let held = waiting(&tenant);
    assert_eq!((&held["budget"], &held["held_for"]), (&json!("nosuch"), &json!("budget_closed")));
    assert!(held["words"].as_str().unwrap().starts_with("no budget `nosuch` was opened"), "{held}");
    let explain = get(&tenant, "/v1/members/31001/explain");
    assert_eq!(explain["summary"], "1 milestone(s): 0 points paid, 500 waiting for a person. Each says why.");
    assert_eq!(explain["sums"]["waiting"], 500);
    let open = json!({ "budget": "nosuch", "title": "After all" });
    tenant.world.post(&tenant.admin, "/v1/budgets", &open).expect(201);
    keyed(&tenant, "fill-late", "/v1/budgets/nosuch/allocations", &json!({ "points": 1_000 })).expect(201);
    let words = tenant.world.until("the budget is open", || {
        let held = waiting(&tenant);
        Some(held["words"].as_str()?.to_owned()).filter(|words| words.contains("open now"))
    });
    assert_eq!(words, "the budget was not open when it came; it is open now: release it");
    assert_eq!(version(&tenant).get("note"), None);
    let path = format!("/v1/budgets/nosuch/held/{}/release", held["grant"].as_str().unwrap());
    keyed(&tenant, "let-go", &path, &json!({ "reason": "it is open now" })).expect(200);
    balance(&tenant, 500);
    assert_eq!(get(&tenant, "/v1/held")["grants"], json!([]));
}

#[test]
fn what_a_person_declined_carries_that_persons_reason() {
    let tenant = rewarding("told-declined", &json!({ "budget": "later" }));
    review(&tenant, "R-1", "5");
    let grant = waiting(&tenant)["grant"].as_str().unwrap().to_owned();
    let path = format!("/v1/budgets/later/held/{grant}/decline");
    keyed(&tenant, "no", &path, &json!({ "reason": "not this time" })).expect(200);
    let told = tenant.world.until("the wallet knows it too", || {
        let told = get(&tenant, &format!("/v1/grants/{grant}"));
        (told["wallet_state"] == "dropped").then_some(told)
    });
    assert_eq!((&told["words"], &told["reason"]), (&json!("it will not be paid"), &json!("not this time")));
    assert!(told["resolved_by"].as_str().is_some(), "{told}");
    let explain = get(&tenant, "/v1/members/31001/explain");
    assert_eq!(explain["sums"]["not_paid"], 500, "{explain}");
}

#[test]
fn what_was_spent_before_it_was_taken_back_is_told_as_not_taken_back() {
    let shop = open(world(), "told-reversed");
    let grant = |given: &Json| given["grants"][0]["id"].as_str().unwrap().to_owned();
    let first = grant(&give(&shop, "first", ASHA, 300));
    let wish = json!({ "member": ASHA, "lines": [{ "product": "day-off" }] });
    keyed(&shop, "spend", "/v1/redemptions", &wish).expect(201);
    let why = json!({ "reason": "given by mistake" });
    let answer = keyed(&shop, "back", &format!("/v1/grants/{first}/reverse"), &why).expect(200).json();
    assert_eq!(answer["shortfall"], 300);
    let told = shop.world.until("the rows say so", || {
        let told = get(&shop, &format!("/v1/grants/{first}"));
        (told["wallet_state"] == "reversed").then_some(told)
    });
    assert_eq!(
        told["words"],
        "0 points were taken back; 300 could not be: already spent, or held by an order"
    );
    assert_eq!(told["shortfall"], 300);
    let lots = get(&shop, &format!("/v1/members/{ASHA}/lots?all=true"));
    assert_eq!(lots["lots"][0]["state"], "reversed", "{lots}");
    let entry = get(&shop, &format!("/v1/members/{ASHA}/statement"))["entries"][0].clone();
    assert_eq!((&entry["kind"], &entry["delta"]), (&json!("grant_reversed"), &json!(0)));
    assert_eq!(entry["label"], "Thank you", "{entry}");
    assert!(entry["what"].as_str().unwrap().contains("nothing of it was left"), "{entry}");
    // Noted, and taken from nothing that comes later.
    give(&shop, "second", ASHA, 120);
    let now = get(&shop, &format!("/v1/members/{ASHA}/balance"));
    assert_eq!((&now["available"], &now["shortfall"]), (&json!(120), &json!(300)), "{now}");
    // A lot that was spent and never taken back is used up.
    give(&shop, "other", BEN, 300);
    let wish = json!({ "member": BEN, "lines": [{ "product": "day-off" }] });
    let spent = keyed(&shop, "spend-2", "/v1/redemptions", &wish).expect(201);
    let after = [("read-after", spent.header("log-position").unwrap())];
    let path = format!("/v1/members/{BEN}/lots?all=true");
    let lots = shop.world.call(&shop.admin, "GET", &path, &after, b"").expect(200).json();
    assert_eq!(lots["lots"][0]["state"], "used_up", "{lots}");
}

#[test]
fn a_kind_of_milestone_that_there_is_not_is_refused_and_one_that_nobody_reported_is_named() {
    let tenant = rewarding("told-kinds", &json!({}));
    let refused = tenant.world.get(&tenant.admin, "/v1/members/31001/explain?kind=xyz").expect(400).json();
    assert_eq!(refused["errors"][0]["pointer"], "?kind");
    assert!(refused["detail"].as_str().unwrap().contains("anniversary"), "{refused}");
    let summary =
        |kind: &str| get(&tenant, &format!("/v1/members/31001/explain?kind={kind}"))["summary"].clone();
    assert!(summary("birthday").as_str().unwrap().starts_with("No milestone was reported"));
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    let told = summary("birthday");
    assert_eq!(told, "No milestone of the kind birthday was reported for this member; there are others.");
}

#[test]
fn what_became_known_too_late_is_told_with_its_days_and_the_campaigns() {
    let tenant = rewarding("told-late", &json!({ "look_back_days": 3 }));
    let day = Timestamp(wall_clock() - 10 * 86_400_000_000).utc_day().to_string();
    let mut row = milestone("31001", "Review", "R-old", &day);
    row["Rating"] = json!("5");
    tenant.deliver("wd", "application/json", &report(&[row])).expect(200);
    let words = tenant.world.until("it is considered", || {
        let told = get(&tenant, "/v1/members/31001/explain");
        Some(told["milestones"][0]["considered"][0]["words"].as_str()?.to_owned())
    });
    let days = ["9 days", "10 days", "11 days"].iter().any(|days| words.contains(days));
    assert!(days && words.ends_with("the campaign looks back 3 days"), "{words}");
}

#[test]
fn a_connection_that_is_to_come_asks_its_sender_to_come_again() {
    let tenant = world().tenant("told-connection");
    let post = |path: &str, body: Json| tenant.world.post(&tenant.admin, path, &body);
    let body = json!({ "system": "workday", "id_space": "w" });
    let later = json!({ "connection": "wd", "body": body, "effective_at": "2100-01-01T00:00:00Z" });
    let published = post("/v1/connections", later).expect(201).json();
    assert_eq!(published["effective_at"], "2100-01-01T00:00:00Z");
    let deliver = |name: &str| {
        let headers = [("content-type", "application/json")];
        tenant.world.call(&tenant.admin, "POST", &format!("/v1/hris/{name}"), &headers, b"{}")
    };
    let refused = deliver("wd").expect(503);
    assert_eq!(refused.header("retry-after"), Some("3600"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("2100-01-01"), "{}", refused.text());
    assert_eq!(refused.problem(503), "not_in_force_yet");
    // Drafted is not published.
    let draft = json!({ "name": "only-drafted", "body": body });
    post("/v1/config/connection/versions", draft).expect(201);
    let missing = deliver("only-drafted").expect(404).json();
    assert!(missing["detail"].as_str().unwrap().contains("no such published connection"), "{missing}");
    assert_eq!(version(&tenant, "connection", "wd")["connection_state"], "baseline");
}

#[test]
fn what_is_missing_is_named_and_a_route_that_there_is_not_is_told_apart() {
    let tenant = world().tenant("told-missing");
    let sorts = [
        ("/v1/members/404", "member"),
        ("/v1/budgets/nothing", "budget"),
        ("/v1/grants/0123456789abcdef0123456789abcdef", "grant"),
        ("/v1/redemptions/0123456789abcdef0123456789abcdef", "redemption"),
        ("/v1/connections/nothing/status", "published connection"),
    ];
    for (path, sort) in sorts {
        let told = tenant.world.get(&tenant.admin, path).expect(404).json();
        assert_eq!(told["code"], "not_found");
        assert!(told["detail"].as_str().unwrap().starts_with(&format!("no such {sort} ")), "{path}: {told}");
    }
    assert_eq!(tenant.world.get(&tenant.admin, "/v1/member/1").problem(404), "unknown_route");
    let admin = call(world().admin, "GET", "/v1/members/1", &[], b"").expect(404).json();
    assert!(admin["detail"].as_str().unwrap().contains("admin port"), "{admin}");
}

#[test]
fn a_key_that_may_not_is_told_which_roles_may() {
    let tenant = world().tenant("told-roles");
    let analyst = tenant.key("analyst", "analyst", json!({}));
    let detail = |reply: Reply| reply.expect(403).json()["detail"].as_str().unwrap().to_owned();
    let budget = json!({ "budget": "b", "title": "B" });
    let told = detail(tenant.world.post(&analyst, "/v1/budgets", &budget));
    assert_eq!(told, "this takes a key of the role admin");
    let told = detail(tenant.world.get(&analyst, "/v1/keys"));
    assert_eq!(told, "this takes a key of one of the roles operator, admin and auditor");
    // A role that can do nothing yet is not handed out.
    let key = json!({ "name": "approver", "roles": ["approver"] });
    let refused = tenant.world.post(&tenant.admin, "/v1/keys", &key).expect(422).json();
    assert_eq!((&refused["code"], &refused["errors"][0]["pointer"]), (&json!("invalid"), &json!("/roles/0")));
}

#[test]
fn a_field_and_a_parameter_that_nobody_knows_are_named_as_such() {
    let tenant = world().tenant("told-fields");
    let body = json!({ "budget": "b", "title": "B", "titel": "B" });
    let told = tenant.world.post(&tenant.admin, "/v1/budgets", &body).expect(400).json();
    assert_eq!(told["errors"][0]["code"], "unknown_field");
    assert_eq!(told["errors"][0]["pointer"], "/titel");
    let told = tenant.world.get(&tenant.admin, "/v1/budgets?colour=red").expect(400).json();
    assert_eq!(told["errors"][0]["pointer"], "?colour");
    assert!(told["detail"].as_str().unwrap().contains("takes cursor, limit, tenant"), "{told}");
    let told = tenant.world.get(&tenant.admin, "/v1/budgets?%3Cb%3E=red").expect(400).json();
    assert_eq!(told["errors"][0]["pointer"], "?", "a name that is none is not repeated");
}

#[test]
fn a_currency_and_a_locale_that_there_are_not_are_refused() {
    for (field, wrong) in [("currency", "XYZ"), ("locale", "zz-zz-zz-1")] {
        let mut body = json!({"tenant": "told-money", "title": "M", "mode": "sandbox", "zone": "UTC", "currency": "EUR"});
        body[field] = json!(wrong);
        let told = world().post(&world().operator, "/v1/tenants", &body).expect(400).json();
        assert_eq!(told["errors"][0]["pointer"], format!("/{field}"), "{told}");
    }
}

#[test]
fn a_live_tenant_offers_nothing_of_a_vendor_that_delivers_nothing() {
    let body = json!({"tenant": "told-live", "title": "L", "mode": "live", "zone": "UTC", "currency": "EUR"});
    world().post(&world().operator, "/v1/tenants", &body).expect(201);
    let key = json!({ "name": "admin", "roles": ["admin"] });
    let key = world().post(&world().operator, "/v1/keys?tenant=told-live", &key).expect(201).json();
    let admin = key["key"].as_str().unwrap();
    for vendor in ["sandbox", "tango"] {
        let product = json!({ "title": "Card", "points": 250, "delivery": "vendor", "vendor": vendor });
        let draft = json!({ "name": "card", "body": product });
        let refused = world().post(admin, "/v1/config/product/versions", &draft).expect(422).json();
        assert_eq!(refused["code"], "invalid_configuration", "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], "/vendor", "{refused}");
    }
}
