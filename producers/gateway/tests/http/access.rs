//! Who may do what: every route with every role, and nothing of another tenant, to the byte.

use std::sync::OnceLock;

use mirabelle_domain::command::Role;
use mirabelle_gateway::guard::takes_tenant;
use mirabelle_gateway::routes::table::{self, Verb};
use serde_json::json;

use crate::client::{Reply, call};
use crate::shop::{self, ASHA, BEN, give, keyed};
use crate::world::{Tenant, world};

fn shop() -> &'static Tenant {
    static SHOP: OnceLock<Tenant> = OnceLock::new();
    SHOP.get_or_init(|| shop::open(world(), "access"))
}

/// A key of each role.
fn keys(shop: &Tenant) -> Vec<(Role, String)> {
    let plain = [
        (Role::Admin, "admin"),
        (Role::Publisher, "publisher"),
        (Role::Service, "service"),
        (Role::Analyst, "analyst"),
        (Role::Auditor, "auditor"),
    ];
    let mut keys: Vec<_> =
        plain.map(|(role, name)| (role, shop.key(&format!("m-{name}"), name, json!({})))).into();
    keys.push((Role::Member, shop.key("m-member", "member", json!({"member": ASHA}))));
    keys.push((Role::Connector, shop.key("m-connector", "connector", json!({"connection": "workday"}))));
    keys.push((Role::Operator, shop.world.operator.clone()));
    keys
}

#[test]
fn each_role_reaches_its_routes_and_no_other() {
    let shop = shop();
    let keys = keys(shop);
    for route in table::all().filter(|route| !route.roles.is_empty()) {
        let path = route
            .path
            .replace("{member}", ASHA)
            .replace("{connection}", "workday")
            .replace("{kind}", "connection");
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for (role, key) in &keys {
            let tenant = *role == Role::Operator && takes_tenant(route);
            let path = if tenant { format!("{path}?tenant=access") } else { path.clone() };
            // No body, no Idempotency-Key: whoever is let in fails behind the guard.
            let reply = shop.world.call(key, route.verb.name(), &path, &[], b"");
            let place = format!("{role:?} {} {path}: {}", route.verb.name(), reply.text());
            if route.roles.contains(role) {
                assert_ne!(reply.status, 401, "{place}");
                // Some routes look closer: whose member, which kind. That is their own test's.
                assert!(reply.status != 403 || route.verb == Verb::Get || *role != Role::Admin, "{place}");
            } else {
                assert_eq!(reply.problem(403), "forbidden", "{place}");
            }
        }
    }
}

#[test]
fn an_unknown_a_wrong_an_expired_and_a_revoked_key_are_one_answer() {
    let shop = shop();
    let revoked = shop.key("gone", "analyst", json!({}));
    shop.world.post(&shop.admin, "/v1/keys/access.gone/revoke", &json!({"reason": "left"})).expect(200);
    let good = shop.key("good", "analyst", json!({}));
    let mut wrong = good.clone();
    // The last character but one: all of its bits count.
    let place = wrong.len() - 2..wrong.len() - 1;
    let other = if &wrong[place.clone()] == "A" { "B" } else { "A" };
    wrong.replace_range(place, other);
    let expired = {
        let at = mirabelle_domain::Timestamp(crate::world::wall_clock() + 700_000).to_string();
        let key = shop.key("brief", "analyst", json!({"expires_at": at}));
        let path = "/v1/budgets";
        shop.world.until("the key has ended", || (shop.world.get(&key, path).status == 401).then_some(()));
        key
    };
    let unknown = good.replace("access.good", "access.nobody");
    let bare = |headers: &[(&str, &str)]| call(shop.world.door, "GET", "/v1/budgets", headers, b"");
    let first = bare(&[]).expect(401);
    assert_eq!(first.header("www-authenticate"), Some("Bearer"));
    for key in [&revoked, &wrong, &expired, &unknown, &String::new(), &"mk_".to_owned(), &"ü".repeat(40)] {
        let reply = shop.world.get(key, "/v1/budgets").expect(401);
        assert_eq!(reply.body, first.body, "{key}");
    }
    let twice = format!("Bearer {good}");
    bare(&[("authorization", &twice), ("authorization", &twice)]).expect(401);
    bare(&[("authorization", &format!("Basic {good}"))]).expect(401);
    bare(&[("authorization", &twice)]).expect(200);
}

fn same(one: &Reply, other: &Reply, place: &str) {
    assert_eq!((one.status, &one.body), (other.status, &other.body), "{place}");
    let names = |reply: &Reply| {
        let headers = reply.headers.iter().filter(|(name, _)| name != "x-request-id" && name != "date");
        headers.cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(one), names(other), "{place}");
}

#[test]
fn what_belongs_to_another_tenant_looks_like_what_does_not_exist_to_the_byte() {
    let (mine, theirs) = (shop(), shop::open(world(), "theirs"));
    give(&theirs, "g", BEN, 1_000);
    let body = json!({"member": BEN, "lines": [{"product": "gift-de-25"}]});
    let redemption =
        keyed(&theirs, "r", "/v1/redemptions", &body).expect(201).json()["id"].as_str().unwrap().to_owned();
    let body = json!({"budget": "spot", "member": BEN, "points": 5});
    let grant = keyed(&theirs, "h", "/v1/grants", &body).expect(201).json();
    let (grant, member) = (
        grant["grants"][0]["id"].as_str().unwrap().to_owned(),
        grant["grants"][0]["member"].as_str().unwrap().to_owned(),
    );
    theirs.world.until("their rows are there", || {
        let known = [format!("/v1/redemptions/{redemption}"), format!("/v1/grants/{grant}")];
        known.iter().all(|path| theirs.world.get(&theirs.admin, path).status == 200).then_some(())
    });
    theirs.configure(
        "product",
        "only-theirs",
        &json!({"title": "Theirs", "points": 7, "delivery": "immediate"}),
    );
    let none = "0123456789abcdef0123456789abcdef";
    let reads = [
        (format!("/v1/redemptions/{redemption}"), format!("/v1/redemptions/{none}")),
        (format!("/v1/redemptions/{redemption}/explain"), format!("/v1/redemptions/{none}/explain")),
        (format!("/v1/grants/{grant}"), format!("/v1/grants/{none}")),
        (format!("/v1/members/{member}"), format!("/v1/members/m:{none}")),
        (format!("/v1/members/{member}/balance"), format!("/v1/members/m:{none}/balance")),
        (format!("/v1/members/{member}/lots"), format!("/v1/members/m:{none}/lots")),
        (format!("/v1/members/{member}/statement"), format!("/v1/members/m:{none}/statement")),
        (format!("/v1/commands/r?account={member}"), format!("/v1/commands/r?account=m:{none}")),
        ("/v1/config/product/only-theirs".to_owned(), "/v1/config/product/nobodys".to_owned()),
    ];
    for (there, nowhere) in reads {
        let (theirs_by_me, missing) =
            (mine.world.get(&mine.admin, &there), mine.world.get(&mine.admin, &nowhere));
        assert_eq!(missing.status, 404, "{nowhere}: {}", missing.text());
        same(&theirs_by_me, &missing, &there);
    }
    for action in ["cancel", "reveal"] {
        let key = mine.key(&format!("s-{action}"), "service", json!({}));
        let by = |id: &str| {
            shop::keyed_by(mine, &key, "x", &format!("/v1/redemptions/{id}/{action}"), &json!({}), &[])
        };
        let missing = by(none);
        assert_eq!(missing.clone().problem(404), "not_found");
        same(&by(&redemption), &missing, action);
    }
    let why = json!({"reason": "x"});
    let reverse = |id: &str| keyed(mine, "x", &format!("/v1/grants/{id}/reverse"), &why);
    same(&reverse(&grant), &reverse(none), "reverse");
    let gift = |member: &str| {
        keyed(mine, "x", "/v1/grants", &json!({"budget": "spot", "member": member, "points": 1}))
    };
    same(&gift(&member), &gift(&format!("m:{none}")), "grants");
    let revoke = |key: &str| mine.world.post(&mine.admin, &format!("/v1/keys/{key}/revoke"), &json!({}));
    same(&revoke("theirs.admin"), &revoke("nowhere.admin"), "revoke");
    theirs.world.get(&theirs.admin, "/v1/budgets").expect(200);
}

#[test]
fn a_tenant_is_named_by_operators_alone() {
    let shop = shop();
    let named = shop.world.get(&shop.admin, "/v1/keys?tenant=access");
    assert_eq!(named.problem(403), "forbidden");
    shop.world.get(&shop.world.operator, "/v1/keys?tenant=access").expect(200);
    for tenant in ["nowhere", "No%20Name", ""] {
        let reply = shop.world.get(&shop.world.operator, &format!("/v1/keys?tenant={tenant}"));
        assert_eq!(reply.problem(404), "not_found", "{tenant}");
    }
}

#[test]
fn a_members_key_opens_its_own_account_alone() {
    let shop = shop();
    let asha = shop.key("own-asha", "member", json!({"member": ASHA}));
    give(shop, "own", ASHA, 600);
    let redeem = |who: &str, key: &str, body: serde_json::Value, headers: &[(&str, &str)]| {
        shop::keyed_by(shop, who, key, "/v1/redemptions", &body, headers)
    };
    let lines = json!([{"product": "day-off"}]);
    redeem(&asha, "1", json!({"lines": lines}), &[]).expect(201);
    redeem(&asha, "2", json!({"member": ASHA, "lines": lines}), &[]).expect(201);
    for number in [BEN, "1", "m:0123456789abcdef0123456789abcdef"] {
        assert_eq!(
            redeem(&asha, "3", json!({"member": number, "lines": lines}), &[]).problem(403),
            "forbidden"
        );
    }
    let behalf = [("on-behalf-of", "member:700102")];
    assert_eq!(redeem(&asha, "4", json!({"lines": lines}), &behalf).problem(403), "forbidden");
    let bot = shop.key("own-bot", "service", json!({}));
    let contradiction = redeem(&bot, "5", json!({"member": ASHA, "lines": lines}), &behalf);
    assert_eq!(contradiction.problem(400), "malformed");
    assert_eq!(redeem(&bot, "6", json!({"lines": lines}), &behalf).problem(422), "insufficient_points");
    assert_eq!(redeem(&bot, "7", json!({"lines": lines}), &[]).problem(400), "malformed");
    let other = [("on-behalf-of", "700102")];
    assert_eq!(redeem(&bot, "8", json!({"lines": lines}), &other).problem(400), "malformed");
}

#[test]
fn no_admin_of_a_live_tenant_makes_itself_a_publisher() {
    let world = world();
    let body = json!({"tenant": "live", "title": "Live", "mode": "live", "zone": "Europe/Berlin", "currency": "EUR"});
    world.post(&world.operator, "/v1/tenants", &body).expect(201);
    assert_eq!(world.post(&world.operator, "/v1/tenants", &body).problem(422), "tenant_exists");
    let issue = |who: &str, path: &str, roles: &[&str]| {
        let body = json!({"name": format!("k-{}", roles.join("-")), "roles": roles});
        world.post(who, path, &body)
    };
    let admin = issue(&world.operator, "/v1/keys?tenant=live", &["admin"]).expect(201).json();
    let admin = admin["key"].as_str().unwrap();
    for roles in [&["publisher"][..], &["admin", "analyst"]] {
        assert_eq!(issue(admin, "/v1/keys", roles).problem(403), "forbidden");
    }
    for who in [admin, world.operator.as_str()] {
        let path = if who == admin { "/v1/keys" } else { "/v1/keys?tenant=live" };
        assert_eq!(issue(who, path, &["operator"]).problem(422), "invalid");
    }
    let publisher = issue(&world.operator, "/v1/keys?tenant=live", &["publisher"]).expect(201).json();
    let publisher = publisher["key"].as_str().unwrap();
    let product = json!({"name": "tea", "body": {"title": "Tea", "points": 5, "delivery": "immediate"}});
    let path = "/v1/config/product/versions?publish=true";
    let version = world.post(admin, path, &product).expect(201).json();
    assert_eq!((&version["state"], &version["version"]), (&json!("submitted"), &json!(1)));
    let approve = "/v1/config/product/tea/versions/1/approve";
    let why = json!({"reason": "the board agreed"});
    assert_eq!(world.post(admin, approve, &why).problem(403), "forbidden");
    assert_eq!(world.post(publisher, approve, &json!({})).problem(422), "reason_required");
    let published = world.post(publisher, approve, &why).expect(200).json();
    assert_eq!((&published["state"], &published["number"]), (&json!("published"), &json!(1)));
    let clock = world.post(admin, "/v1/clock/run", &json!({"today": "2030-01-01"}));
    assert_eq!(clock.problem(422), "invalid");
}

#[test]
fn a_rotated_key_has_its_clients_answers_and_another_client_has_none_of_them() {
    let shop = shop();
    give(shop, "rot", ASHA, 900);
    let client = json!({"client": "kiosk"});
    let (old, new) = (shop.key("kiosk-1", "service", client.clone()), shop.key("kiosk-2", "service", client));
    let other = shop.key("totem", "service", json!({}));
    let body = json!({"member": ASHA, "lines": [{"product": "day-off"}]});
    let send = |who: &str| shop::keyed_by(shop, who, "order-1", "/v1/redemptions", &body, &[]).expect(201);
    let first = send(&old);
    shop.world.post(&shop.admin, "/v1/keys/access.kiosk-1/revoke", &json!({})).expect(200);
    let again = send(&new);
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&first.body, Some("true")));
    let others = send(&other);
    assert_ne!(others.json()["id"], first.json()["id"]);
    assert_eq!(others.header("idempotency-replayed"), None);
}

/// Rows that hold everything.
struct Whole;

impl mirabelle_gateway::Progress for Whole {
    fn applied(&self, _: mirabelle_log::Partition) -> i64 {
        i64::MAX
    }

    fn lag(&self) -> i64 {
        0
    }

    fn observe(&self, _: Box<dyn Fn() + Send + Sync>) {}

    fn hurry(&self, _: bool) {}
}

#[test]
fn a_door_that_opens_over_rows_knows_tenants_keys_and_configuration_without_reading_the_log() {
    let shop = shop::open(world(), "again");
    shop.key("stays", "analyst", json!({}));
    shop.key("goes", "analyst", json!({}));
    shop.world.post(&shop.admin, "/v1/keys/again.goes/revoke", &json!({})).expect(200);
    let parts = || mirabelle_gateway::Parts {
        log: std::sync::Arc::new(shop.world.log.clone()),
        store: shop.world.store.clone(),
        keys: std::sync::Arc::new(shop.world.keys.clone()),
        progress: std::sync::Arc::new(Whole),
        now: std::sync::Arc::new(crate::world::wall_clock),
        registry: prometheus::Registry::new(),
        pretend: None,
    };
    let tenant: mirabelle_domain::TenantId = "again".parse().unwrap();
    let product = "day-off".parse().unwrap();
    shop.world.until("the rows say so", || {
        let gateway = mirabelle_gateway::Gateway::new(parts(), Default::default()).unwrap();
        let state = gateway.state();
        let known = |name: &str| state.directory.key(name).is_some();
        let of = state.directory.tenant(&tenant)?;
        let priced = of.at(mirabelle_domain::Timestamp(i64::MAX)).product(&product)?.body.points.get() == 300;
        let whole =
            priced && of.published.number == 4 && of.adopted.values().filter(|n| **n == 4).count() == 4;
        (whole && known("again.stays") && known("again.admin") && !known("again.goes")).then_some(())
    });
}
