//! What is asked, and what of it who may see.

use mirabelle_domain::Timestamp;
use serde_json::{Value as Json, json};

use crate::client::Reply;
use crate::door::{milestone, report, worker};
use crate::world::{PARTITIONS, Tenant, World, wall_clock, world};

const JSON: &str = "application/json";

/// Every decision of a key's tenant, as the feed has it.
pub(crate) fn decisions(world: &World, key: &str) -> Vec<Json> {
    let mut all = Vec::new();
    for partition in 0..PARTITIONS {
        let page = world.get(key, &format!("/v1/feed?partition={partition}&limit=1000")).expect(200).json();
        all.extend(page["decisions"].as_array().unwrap().clone());
    }
    all
}

fn today() -> String {
    Timestamp(wall_clock()).utc_day().to_string()
}

/// A tenant where reviews of at least 4 earn 500 points, paid by a budget of 10,000; with one member, 31001.
pub(crate) fn rewarding(name: &str, campaign: &Json) -> Tenant {
    let tenant = world().tenant(name);
    let open = json!({ "budget": "thanks", "title": "Thanks" });
    tenant.world.post(&tenant.admin, "/v1/budgets", &open).expect(201);
    keyed(&tenant, "/v1/budgets/thanks/allocations", "fill", &json!({ "points": 10_000 })).expect(201);
    let mut body = json!({
        "title": "Great reviews", "milestone": "review", "points": { "fixed": 500 }, "budget": "thanks",
        "starts_on": "2020-01-01", "look_back_days": 60,
        "conditions": [{ "field": "attributes.rating", "at_least": 4 }],
    });
    campaign.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    tenant.configure("campaign", "reviews", &body);
    let product =
        json!({ "title": "A day off", "points": 300, "delivery": "immediate", "countries": ["US"] });
    tenant.configure("product", "day-off", &product);
    tenant.connection("wd", "workday", "wd", "open");
    tenant.deliver("wd", JSON, &report(&[worker("31001", "Engineering", &json!({}))])).expect(200);
    tenant.member("31001");
    tenant
}

fn keyed(tenant: &Tenant, path: &str, key: &str, body: &Json) -> Reply {
    let headers = [("content-type", JSON), ("idempotency-key", key)];
    tenant.world.call(&tenant.admin, "POST", path, &headers, body.to_string().as_bytes())
}

pub(crate) fn review(tenant: &Tenant, id: &str, rating: &str) {
    let mut row = milestone("31001", "Review", id, &today());
    row["Rating"] = json!(rating);
    tenant.deliver("wd", JSON, &report(&[row])).expect(200);
}

pub(crate) fn balance(tenant: &Tenant, wanted: i64) -> Json {
    tenant.world.until("the balance is there", || {
        let balance = tenant.world.get(&tenant.admin, "/v1/members/31001/balance").expect(200).json();
        (balance["available"] == wanted).then_some(balance)
    })
}

fn redeem(tenant: &Tenant, key: &str) -> Reply {
    let body = json!({ "member": "31001", "lines": [{ "product": "day-off" }] });
    keyed(tenant, "/v1/redemptions", key, &body)
}

/// The numbers of a balance at an instant.
fn available_at(tenant: &Tenant, at: &str) -> Json {
    let path = format!("/v1/members/31001/balance?as_of={at}");
    tenant.world.get(&tenant.admin, &path).expect(200).json()["available"].clone()
}

#[test]
fn a_review_becomes_points_with_a_lot_a_statement_and_a_reason() {
    let tenant = rewarding("read-award", &json!({}));
    review(&tenant, "R-1", "5");
    let balance = balance(&tenant, 500);
    assert_eq!(
        (&balance["number"], &balance["pending"], &balance["spent"]),
        (&json!("31001"), &json!(0), &json!(0))
    );
    // To the end of the years that RFC 3339 can write it is the same balance, with the same sums.
    let path = "/v1/members/31001/balance?as_of=9999-12-31T23:59:59Z";
    let then = tenant.world.get(&tenant.admin, path).expect(200).json();
    for sum in [
        "member",
        "number",
        "available",
        "pending",
        "reserved",
        "spent",
        "expired",
        "taken",
        "shortfall",
        "as_of",
    ] {
        assert!(!balance[sum].is_null() && then[sum] == balance[sum], "{sum}: {then} and {balance}");
    }
    let lots = tenant.world.get(&tenant.admin, "/v1/members/31001/lots").expect(200).json();
    let lot = &lots["lots"][0];
    assert_eq!(
        (&lot["points"], &lot["free"], &lot["campaign"]),
        (&json!(500), &json!(500), &json!("reviews"))
    );
    let statement = tenant.world.get(&tenant.admin, "/v1/members/31001/statement").expect(200).json();
    let entry = &statement["entries"][0];
    assert_eq!(
        (&entry["kind"], &entry["delta"], &entry["available"]),
        (&json!("grant_credited"), &json!(500), &json!(500))
    );
    assert_eq!(entry["reference"], lot["grant"]);
    let grant = lot["grant"].as_str().unwrap();
    let grant = tenant.world.until("the budget knows it too", || {
        let grant = tenant.world.get(&tenant.admin, &format!("/v1/grants/{grant}")).expect(200).json();
        (grant["budget_state"] == "settled").then_some(grant)
    });
    assert_eq!((&grant["words"], &grant["points"]), (&json!("the points are in the wallet"), &json!(500)));
    let budget = tenant.world.get(&tenant.admin, "/v1/budgets/thanks").expect(200).json();
    let sums = [&budget["allocated"], &budget["free"], &budget["committed"], &budget["spent"]];
    assert_eq!(sums, [&json!(10_000), &json!(9_500), &json!(0), &json!(500)]);
}

#[test]
fn why_somebody_got_nothing_is_said_in_words() {
    let tenant = rewarding("read-explain", &json!({}));
    review(&tenant, "R-good", "4");
    review(&tenant, "R-poor", "3");
    let promotion = milestone("31001", "Promotion", "P-1", &today());
    tenant.deliver("wd", JSON, &report(&[promotion])).expect(200);
    balance(&tenant, 500);
    let told = tenant.world.until("all three are considered", || {
        let told = tenant.world.get(&tenant.admin, "/v1/members/31001/explain").expect(200).json();
        (told["milestones"].as_array().unwrap().len() == 3).then_some(told)
    });
    assert_eq!(told["summary"], "3 milestone(s): 500 points paid; 2 earned nothing. Each says why.");
    let of = |occurrence: &str| {
        let all = told["milestones"].as_array().unwrap();
        all.iter().find(|told| told["occurrence"] == occurrence).unwrap()["considered"][0].clone()
    };
    assert_eq!(
        (&of("R-good")["outcome"], &of("R-good")["grant"]["points"]),
        (&json!("awarded"), &json!(500))
    );
    assert_eq!(of("R-poor")["outcome"], "condition_failed");
    assert!(of("R-poor")["failed_condition"].as_str().unwrap().contains("rating"), "{}", of("R-poor"));
    assert_eq!(of("P-1")["words"], "no campaign in force is about this kind of milestone");
    let one = tenant.world.get(&tenant.admin, "/v1/members/31001/explain?kind=promotion").expect(200).json();
    assert_eq!(one["milestones"].as_array().unwrap().len(), 1);
}

#[test]
fn a_statement_in_pages_is_the_statement_and_a_balance_then_was_the_balance_then() {
    let tenant = rewarding("read-pages", &json!({}));
    let mut instants = vec![(Timestamp(wall_clock()).to_string(), json!(0))];
    for (count, points) in (1..).zip([101, 202, 303, 404, 505]) {
        let body = json!({ "budget": "thanks", "member": "31001", "points": points, "label": format!("gift {count}") });
        keyed(&tenant, "/v1/grants", &format!("gift-{count}"), &body).expect(201);
        let sum: i64 = [101, 202, 303, 404, 505].iter().take(count).sum();
        balance(&tenant, sum);
        instants.push((Timestamp(wall_clock()).to_string(), json!(sum)));
    }
    let path = "/v1/members/31001/statement";
    let whole = tenant.world.get(&tenant.admin, path).expect(200).json()["entries"].clone();
    assert_eq!(whole.as_array().unwrap().len(), 5);
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = tenant.world.get(&tenant.admin, &format!("{path}?limit=2{cursor}")).expect(200).json();
        pages.extend(page["entries"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(Json::Array(pages), whole);
    for (at, available) in &instants {
        assert_eq!(&available_at(&tenant, at), available, "at {at}");
    }
    // Half-open: what was accepted from the second instant on and before the fourth.
    let (from, to) = (&instants[1].0, &instants[3].0);
    let between = tenant.world.get(&tenant.admin, &format!("{path}?from={from}&to={to}")).expect(200).json();
    let deltas: Vec<i64> =
        between["entries"].as_array().unwrap().iter().map(|e| e["delta"].as_i64().unwrap()).collect();
    assert_eq!(deltas, [303, 202]);
    for wrong in
        ["?limit=0", "?limit=1001", "?cursor=zzz", "?from=yesterday", "?unknown=1", "?limit=1&limit=2"]
    {
        let reply = tenant.world.get(&tenant.admin, &format!("{path}{wrong}"));
        assert_eq!(reply.problem(400), "malformed", "{wrong}");
    }
}

#[test]
fn a_redemption_read_back_is_what_was_answered_and_has_a_story() {
    let tenant = rewarding("read-redemption", &json!({}));
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    let answered = redeem(&tenant, "off-1").expect(201);
    let position = answered.header("log-position").unwrap().to_owned();
    let answered = answered.json();
    let id = answered["id"].as_str().unwrap();
    let headers = [("read-after", position.as_str())];
    let path = format!("/v1/redemptions/{id}");
    let read = tenant.world.call(&tenant.admin, "GET", &path, &headers, b"").expect(200).json();
    for member in ["id", "state", "points", "requested_at"] {
        assert_eq!(read[member], answered[member], "{member}");
    }
    assert_eq!(read["lines"][0]["state"], answered["lines"][0]["state"]);
    let told = tenant.world.get(&tenant.admin, &format!("{path}/explain")).expect(200).json();
    assert_eq!(told["story"][1], "Line 0, 1 of day-off: delivered; 300 points are spent.", "{told}");
    let statement = tenant.world.get(&tenant.admin, "/v1/members/31001/statement").expect(200).json();
    assert_eq!(
        (&statement["entries"][0]["reference"], &statement["entries"][0]["delta"]),
        (&json!(id), &json!(-300))
    );
}

#[test]
fn a_member_sees_its_own_account_and_no_other() {
    let tenant = rewarding("read-own", &json!({}));
    tenant.deliver("wd", JSON, &report(&[worker("31002", "Sales", &json!({}))])).expect(200);
    tenant.member("31002");
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    let redemption = redeem(&tenant, "off-1").expect(201).json()["id"].as_str().unwrap().to_owned();
    let own = tenant.key("own", "member", json!({ "member": "31001" }));
    let other = tenant.key("other", "member", json!({ "member": "31002" }));
    tenant.world.until("the redemption is in the rows", || {
        (tenant.world.get(&own, &format!("/v1/redemptions/{redemption}")).status == 200).then_some(())
    });
    for path in ["", "/balance", "/lots", "/statement", "/explain"] {
        let me = tenant.world.get(&own, &format!("/v1/members/me{path}")).expect(200);
        assert_eq!(me.body, tenant.world.get(&own, &format!("/v1/members/31001{path}")).expect(200).body);
        // Whether there is such a member is none of its business either.
        let others = tenant.world.get(&own, &format!("/v1/members/31002{path}"));
        assert_eq!(others.body, tenant.world.get(&own, &format!("/v1/members/nobody{path}")).body);
        assert_eq!(others.problem(403), "forbidden", "{path}");
    }
    assert_eq!(tenant.world.get(&other, &format!("/v1/redemptions/{redemption}")).problem(404), "not_found");
    for path in ["/v1/budgets", "/v1/config/campaign", "/v1/dead-letters", "/v1/feed"] {
        assert_eq!(tenant.world.get(&own, path).problem(403), "forbidden", "{path}");
    }
    let here = tenant.world.get(&own, "/v1/catalogue").expect(200).json();
    assert_eq!(here["products"][0]["product"], "day-off");
    let there = tenant.world.get(&own, "/v1/catalogue?country=DE").expect(200).json();
    assert_eq!(there["products"], json!([]));
}

#[test]
fn what_is_another_tenants_has_the_very_bytes_of_what_is_not_there() {
    let tenant = rewarding("read-isolated", &json!({}));
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    let redemption = redeem(&tenant, "off-1").expect(201).json()["id"].as_str().unwrap().to_owned();
    let member = tenant.member("31001")["member"].as_str().unwrap().to_owned();
    let lots = tenant.world.get(&tenant.admin, "/v1/members/31001/lots").expect(200).json();
    let grant = lots["lots"][0]["grant"].as_str().unwrap().to_owned();
    let stranger = world().tenant("read-stranger");
    let missing = "0123456789abcdef0123456789abcdef";
    let opaque = format!("m:{missing}");
    let pairs = [
        ("/v1/members/", &member, &opaque, ""),
        ("/v1/members/", &member, &opaque, "/balance"),
        ("/v1/members/", &member, &opaque, "/statement"),
        ("/v1/redemptions/", &redemption, &missing.to_owned(), ""),
        ("/v1/redemptions/", &redemption, &missing.to_owned(), "/explain"),
        ("/v1/grants/", &grant, &missing.to_owned(), ""),
        ("/v1/budgets/", &"thanks".to_owned(), &"nothing".to_owned(), ""),
        ("/v1/budgets/", &"thanks".to_owned(), &"nothing".to_owned(), "/held"),
        ("/v1/connections/", &"wd".to_owned(), &"nothing".to_owned(), "/status"),
    ];
    for (before, theirs, none, behind) in pairs {
        let path = |id: &str| format!("{before}{id}{behind}");
        tenant.world.until("it is in the rows", || {
            (tenant.world.get(&tenant.admin, &path(theirs)).status == 200).then_some(())
        });
        let (other, none) =
            (world().get(&stranger.admin, &path(theirs)), world().get(&stranger.admin, &path(none)));
        assert_eq!(other.body, none.body, "{}", path(theirs));
        let headers = |reply: &Reply| {
            let kept = |(name, _): &&(String, String)| name != "x-request-id" && name != "date";
            reply.headers.iter().filter(kept).cloned().collect::<Vec<_>>()
        };
        assert_eq!(headers(&other), headers(&none));
        assert_eq!(other.problem(404), "not_found");
    }
}

#[test]
fn a_grant_beyond_the_daily_ceiling_waits_where_people_see_it() {
    let tenant = rewarding("read-held", &json!({ "daily_ceiling": 600 }));
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    review(&tenant, "R-2", "5");
    let held = tenant.world.until("the second waits", || {
        let held = tenant.world.get(&tenant.admin, "/v1/budgets/thanks/held").expect(200).json();
        (!held["grants"].as_array().unwrap().is_empty()).then_some(held)
    });
    let grant = &held["grants"][0];
    assert_eq!(
        (&grant["points"], &grant["held_for"], &grant["number"]),
        (&json!(500), &json!("daily_ceiling"), &json!("31001"))
    );
    assert_eq!(tenant.world.get(&tenant.admin, "/v1/budgets/thanks").expect(200).json()["held"], 1);
    let path = format!("/v1/grants/{}", grant["grant"].as_str().unwrap());
    let told = tenant.world.get(&tenant.admin, &path).expect(200).json();
    assert_eq!(told["words"], "it waits for a person to release it");
    let auditor = tenant.key("auditor", "auditor", json!({}));
    let masked = tenant.world.get(&auditor, "/v1/budgets/thanks/held").expect(200);
    assert!(!masked.text().contains("31001"), "{}", masked.text());
}

#[test]
fn a_command_is_found_by_its_key_whatever_came_of_it() {
    let tenant = rewarding("read-command", &json!({}));
    let member = tenant.member("31001")["member"].as_str().unwrap().to_owned();
    let path = |key: &str| format!("/v1/commands/{key}?account={member}");
    assert_eq!(tenant.world.get(&tenant.admin, &path("poor")).problem(404), "not_found");
    assert_eq!(redeem(&tenant, "poor").problem(422), "insufficient_points");
    let wait = [("prefer", "wait=20")];
    let refused = tenant.world.until("the row is there", || {
        let reply = tenant.world.call(&tenant.admin, "GET", &path("poor"), &wait, b"");
        (reply.status == 200).then(|| reply.json())
    });
    assert_eq!((&refused["state"], &refused["code"]), (&json!("rejected"), &json!("insufficient_points")));
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    let redeemed = redeem(&tenant, "rich").expect(201).json();
    let found = tenant.world.until("the row is there", || {
        let reply = tenant.world.get(&tenant.admin, &path("rich"));
        (reply.status == 200).then(|| reply.json())
    });
    assert_eq!((&found["state"], &found["command"]), (&json!("accepted"), &json!("request_redemption")));
    assert_eq!(found["made"], json!([redeemed["id"]]));
    // Another client's keys, another tenant's, another account's: none of them is this one.
    let service = tenant.key("service", "service", json!({}));
    assert_eq!(tenant.world.get(&service, &path("rich")).problem(404), "not_found");
    let account = "/v1/commands/rich?account=b:thanks";
    assert_eq!(tenant.world.get(&tenant.admin, account).problem(404), "not_found");
    assert_eq!(tenant.world.get(&tenant.admin, "/v1/commands/rich").problem(400), "malformed");
    assert_eq!(tenant.world.get(&tenant.admin, "/v1/commands/rich?account=m:zz").problem(400), "malformed");
}

#[test]
fn the_feed_in_pages_is_the_feed_and_shows_nothing_personal_or_secret() {
    let tenant = rewarding("read-feed", &json!({}));
    review(&tenant, "R-1", "5");
    balance(&tenant, 500);
    let analyst = tenant.key("analyst", "analyst", json!({}));
    let all = decisions(tenant.world, &analyst);
    let kinds: Vec<&str> = all
        .iter()
        .flat_map(|decision| decision["facts"].as_array().unwrap())
        .map(|fact| fact["kind"].as_str().unwrap())
        .collect();
    for kind in [
        "worker_recorded",
        "milestone_considered",
        "award_owed",
        "grant_credited",
        "key_issued",
        "tenant_created",
    ] {
        assert!(kinds.contains(&kind), "{kind} is missing: {kinds:?}");
    }
    let text = Json::Array(all.clone()).to_string();
    for hidden in ["key_ref", "nonce", "31001\"", "Quist"] {
        assert!(!text.contains(hidden), "{hidden} is shown");
    }
    let mut paged = Vec::new();
    for partition in 0..PARTITIONS {
        let mut after = String::new();
        loop {
            let path = format!("/v1/feed?partition={partition}&limit=1{after}");
            let page = tenant.world.get(&analyst, &path).expect(200).json();
            paged.extend(page["decisions"].as_array().unwrap().clone());
            after = format!("&after={}", page["next"].as_str().unwrap());
            if page["more"] == false {
                break;
            }
        }
        let next = format!("/v1/feed?partition={}{after}", (partition + 1) % PARTITIONS);
        assert_eq!(tenant.world.get(&analyst, &next).problem(400), "malformed");
    }
    // The key of the analyst itself was decided meanwhile at the latest: what is paged begins with what was read.
    assert_eq!(&paged[..], &decisions(tenant.world, &analyst)[..]);
    assert_eq!(tenant.world.get(&analyst, "/v1/feed?after=AAAA").problem(400), "malformed");
    assert_eq!(
        tenant.world.get(&analyst, &format!("/v1/feed?partition={PARTITIONS}")).problem(400),
        "malformed"
    );
}

#[test]
fn a_place_in_the_feed_of_another_log_is_gone() {
    let tenant = rewarding("read-lost", &json!({}));
    let auditor = tenant.key("auditor", "auditor", json!({}));
    let mine = tenant.world.get(&auditor, "/v1/feed?partition=1&limit=1000").expect(200).json();
    let elsewhere: &'static World = Box::leak(Box::new(World::start(Default::default())));
    let other = elsewhere.tenant("read-lost");
    let other_auditor = other.key("auditor", "auditor", json!({}));
    let path = format!("/v1/feed?partition=1&after={}", mine["next"].as_str().unwrap());
    assert_eq!(elsewhere.get(&other_auditor, &path).problem(410), "position_lost");
}

#[test]
fn dead_letters_come_in_pages_and_only_the_tenants_own() {
    let tenant = rewarding("read-letters", &json!({}));
    for body in ["{", "[", "{\"a\"", "nothing", "<html>"] {
        tenant.deliver("wd", JSON, body.as_bytes()).expect(200);
    }
    let (mut reasons, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            tenant.world.get(&tenant.admin, &format!("/v1/dead-letters?limit=2{cursor}")).expect(200).json();
        let letters = page["dead_letters"].as_array().unwrap().clone();
        assert!(letters.iter().all(|letter| letter["tenant"] == "read-letters"), "{page}");
        reasons.extend(letters.iter().map(|letter| letter["reason"].as_str().unwrap().to_owned()));
        cursor = format!("&cursor={}", page["next"].as_str().unwrap());
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    // The place stays good: what comes later comes there.
    tenant.deliver("wd", JSON, b"{\"late\"").expect(200);
    let later =
        tenant.world.get(&tenant.admin, &format!("/v1/dead-letters?limit=2{cursor}")).expect(200).json();
    assert_eq!(later["dead_letters"].as_array().unwrap().len(), 1, "{later}");
    let everything = world().get(&world().operator, "/v1/dead-letters?limit=1000").expect(200).json();
    assert!(everything["dead_letters"].as_array().unwrap().len() >= 6);
}

#[test]
fn versions_connections_and_the_catalogue_say_what_is_in_force() {
    let tenant = rewarding("read-config", &json!({}));
    let cheaper = json!({ "title": "A day off", "points": 250, "delivery": "immediate" });
    tenant.configure("product", "day-off", &cheaper);
    let versions = tenant.world.until("both versions are in the rows", || {
        let path = "/v1/config/product?name=day-off";
        let versions = tenant.world.get(&tenant.admin, path).expect(200).json();
        let published = |version: &Json| version["state"] == "published";
        let all = versions["versions"].as_array().unwrap();
        (all.len() == 2 && all.iter().all(published)).then_some(versions)
    });
    let in_force: Vec<&Json> =
        versions["versions"].as_array().unwrap().iter().map(|version| &version["in_force"]).collect();
    assert_eq!(in_force, [&json!(false), &json!(true)], "{versions}");
    assert!(
        versions["versions"].as_array().unwrap().iter().all(|version| version["adopted_everywhere"] == true)
    );
    let catalogue = tenant.world.get(&tenant.admin, "/v1/catalogue").expect(200).json();
    assert_eq!(
        (&catalogue["products"][0]["points"], &catalogue["products"][0]["version"]),
        (&json!(250), &json!(2))
    );
    let status = tenant.world.get(&tenant.admin, "/v1/connections/wd/status").expect(200).json();
    assert_eq!(
        (&status["state"], &status["adopted_everywhere"], &status["system"]),
        (&json!("open"), &json!(true), &json!("workday"))
    );
    assert_eq!(tenant.world.get(&tenant.admin, "/v1/config/nonsense").problem(404), "not_found");
}

#[test]
fn every_schema_is_served_by_the_number_in_the_wire_header() {
    for schema in mirabelle_schemas::registry() {
        let path = format!("/v1/schemas/ids/{}", schema.id);
        let served = crate::client::call(world().door, "GET", &path, &[], b"").expect(200).json();
        assert_eq!(served["schema"], schema.json);
        assert_eq!(served["fingerprint"], format!("{:016x}", schema.fingerprint));
    }
    for none in ["0", "4294967295", "-1", "x", "1e3", "99999999999999999999"] {
        let reply = crate::client::call(world().door, "GET", &format!("/v1/schemas/ids/{none}"), &[], b"");
        assert_eq!(reply.problem(404), "not_found", "{none}");
    }
}
