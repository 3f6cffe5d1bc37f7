//! Commands and their answers: once, for ever, and never for another.

use mirabelle_log::Topic;
use serde_json::json;

use crate::door::end;
use crate::shop::{self, ASHA, BEN, available, give, keyed, keyed_by};
use crate::world::{World, forgetful, world};

fn redeem(product: &str) -> serde_json::Value {
    json!({"member": ASHA, "lines": [{"product": product, "quantity": 1}]})
}

#[test]
fn a_repeated_redemption_gets_the_first_answer_byte_for_byte_and_spends_once() {
    [world(), forgetful()].into_iter().for_each(repeat);
}

fn repeat(world: &'static World) {
    let shop = shop::open(world, "repeat");
    give(&shop, "g", ASHA, 1_000);
    let first = keyed(&shop, "r-1", "/v1/redemptions", &redeem("day-off")).expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let told = first.json();
    assert_eq!((&told["state"], &told["points"]), (&json!("fulfilled"), &json!(300)));
    assert_eq!(told["balance"], json!({"available": 700, "pending": 0, "reserved": 0, "spent": 300}));
    for _ in 0..3 {
        let again = keyed(&shop, "r-1", "/v1/redemptions", &redeem("day-off")).expect(201);
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        for same in ["location", "log-position"] {
            assert_eq!(again.header(same), first.header(same), "{same}");
        }
    }
    shop.world.until("the rows have it", || (available(&shop, ASHA) == 700).then_some(()));
    let other = keyed(&shop, "r-2", "/v1/redemptions", &redeem("day-off")).expect(201);
    assert_ne!(other.json()["id"], told["id"]);
}

#[test]
fn one_key_with_another_body_is_refused_and_nothing_moves() {
    [world(), forgetful()].into_iter().for_each(reuse);
}

fn reuse(world: &'static World) {
    let shop = shop::open(world, "reused");
    give(&shop, "g", ASHA, 1_000);
    keyed(&shop, "r", "/v1/redemptions", &redeem("day-off")).expect(201);
    let two = json!({"member": ASHA, "lines": [{"product": "day-off", "quantity": 2}]});
    assert_eq!(keyed(&shop, "r", "/v1/redemptions", &two).problem(422), "idempotency_key_reused");
    // Another member's account is another scope.
    give(&shop, "h", BEN, 400);
    let ben = json!({"member": BEN, "lines": [{"product": "day-off"}]});
    keyed(&shop, "r", "/v1/redemptions", &ben).expect(201);
    shop.world.until("both have paid once", || {
        ((available(&shop, ASHA), available(&shop, BEN)) == (700, 100)).then_some(())
    });
}

#[test]
fn a_no_of_the_rules_is_remembered_under_its_key() {
    [world(), forgetful()].into_iter().for_each(refuse);
}

fn refuse(world: &'static World) {
    let shop = shop::open(world, "no");
    let refused = keyed(&shop, "r", "/v1/redemptions", &redeem("day-off"));
    assert_eq!(refused.clone().problem(422), "insufficient_points");
    give(&shop, "g", ASHA, 1_000);
    let again = keyed(&shop, "r", "/v1/redemptions", &redeem("day-off"));
    assert_eq!((again.status, &again.body), (422, &refused.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("log-position"), refused.header("log-position"));
    assert_eq!(available(&shop, ASHA), 1_000);
}

#[test]
fn a_repeat_that_comes_soon_costs_the_log_nothing() {
    let own: &'static World = Box::leak(Box::new(World::start(Default::default())));
    let shop = shop::open(own, "soon");
    give(&shop, "g", ASHA, 1_000);
    let first = keyed(&shop, "r", "/v1/redemptions", &redeem("day-off")).expect(201);
    let before = end(own, Topic::Commands);
    for _ in 0..50 {
        assert_eq!(keyed(&shop, "r", "/v1/redemptions", &redeem("day-off")).expect(201).body, first.body);
    }
    assert_eq!(end(own, Topic::Commands), before);
    // Whoever does not wait is told where to ask, as ever.
    let ahead = [("idempotency-key", "r"), ("prefer", "respond-async"), ("content-type", "application/json")];
    let body = redeem("day-off").to_string();
    own.call(&shop.admin, "POST", "/v1/redemptions", &ahead, body.as_bytes()).expect(202);
}

#[test]
fn many_requests_with_one_key_at_once_are_one_redemption() {
    let shop = shop::open(world(), "storm");
    give(&shop, "g", ASHA, 5_000);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let send = || keyed(&shop, "storm", "/v1/redemptions", &redeem("day-off"));
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body), "{}", answer.text());
    }
    let at = answers[0].header("log-position").unwrap().to_owned();
    let path = format!("/v1/members/{ASHA}/balance");
    let balance = shop.world.call(&shop.admin, "GET", &path, &[("read-after", &at)], b"").expect(200).json();
    assert_eq!(balance["available"], 4_700);
}

#[test]
fn whoever_does_not_wait_gets_202_and_a_place_to_ask() {
    let shop = shop::open(world(), "later");
    give(&shop, "g", ASHA, 1_000);
    let who = shop.admin.clone();
    let hurry = [("prefer", "respond-async")];
    let reply = keyed_by(
        &shop,
        &who,
        "a/b c?".replace(' ', "+").as_str(),
        "/v1/redemptions",
        &redeem("day-off"),
        &hurry,
    );
    let reply = reply.expect(202);
    assert_eq!(reply.header("preference-applied"), Some("respond-async"));
    let place = reply.header("location").unwrap().to_owned();
    assert!(place.starts_with("/v1/commands/a%2Fb%2Bc%3F?account=m:"), "{place}");
    shop.world.until("it is decided", || {
        let asked = shop.world.get(&who, &place);
        (asked.status == 200 && asked.json()["state"] != "pending").then_some(())
    });
    for (key, wish) in [("w", "wait=7"), ("v", "Foo; wait=1, WAIT = \"7\"; x, wait=3")] {
        let waited = keyed_by(&shop, &who, key, "/v1/redemptions", &redeem("day-off"), &[("prefer", wish)]);
        assert_eq!(waited.expect(201).header("preference-applied"), Some("wait=7"), "{wish}");
    }
}

#[test]
fn a_read_after_a_position_holds_what_was_decided_there() {
    let shop = shop::open(world(), "after");
    give(&shop, "g", ASHA, 1_000);
    let decided = keyed(&shop, "r", "/v1/redemptions", &redeem("day-off")).expect(201);
    let position = decided.header("log-position").unwrap().to_owned();
    let path = format!("/v1/members/{ASHA}/balance");
    let read = |after: &str| shop.world.call(&shop.admin, "GET", &path, &[("read-after", after)], b"");
    assert_eq!(read(&position).expect(200).json()["available"], 700);
    let parts: Vec<&str> = position.split('.').collect();
    let other_log = format!("v1.{}.{}.{}", "0".repeat(32), parts[2], parts[3]);
    assert_eq!(read(&other_log).problem(410), "position_lost");
    // Nothing is ever decided so far ahead: it would wait its whole time for nothing.
    let ahead = crate::world::wall_clock() + 60_000_000;
    let ahead = format!("v1.{}.{}.{ahead}", parts[1], parts[2]);
    for wrong in ["", "v1", "v2.a.b.c", "v1.zz.1.1", "v1.00.5000.1", &format!("{position}.1"), &ahead] {
        assert_eq!(read(wrong).problem(400), "malformed", "{wrong}");
    }
}

#[test]
fn a_write_that_moves_value_needs_a_key_of_printable_characters() {
    let shop = shop::open(world(), "keyless");
    let send = |headers: &[(&str, &str)]| {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        shop.world.call(
            &shop.admin,
            "POST",
            "/v1/redemptions",
            &all,
            redeem("day-off").to_string().as_bytes(),
        )
    };
    assert_eq!(send(&[]).problem(400), "idempotency_key_required");
    let long = "k".repeat(256);
    for key in ["", "with space", "ümlaut", &long] {
        assert_eq!(send(&[("idempotency-key", key)]).problem(400), "idempotency_key_required", "{key}");
    }
    let twice = send(&[("idempotency-key", "a"), ("idempotency-key", "b")]);
    assert_eq!(twice.problem(400), "idempotency_key_required");
}

#[test]
fn a_repeated_gift_is_one_gift_whenever_it_is_repeated() {
    let shop = shop::open(world(), "gifts");
    let body = json!({"budget": "spot", "grants": [
        {"member": ASHA, "points": 40, "label": "Thanks"}, {"member": BEN, "points": 60},
    ]});
    let first = keyed(&shop, "gift", "/v1/grants", &body).expect(201);
    let again = keyed(&shop, "gift", "/v1/grants", &body).expect(201);
    assert_eq!(again.body, first.body);
    shop.world.until("both have it", || {
        ((available(&shop, ASHA), available(&shop, BEN)) == (40, 60)).then_some(())
    });
    let grants = first.json()["grants"].clone();
    let id = grants[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/grants/{id}/reverse");
    assert_eq!(keyed(&shop, "back", &path, &json!({})).problem(422), "reason_required");
    let back = keyed(&shop, "back", &path, &json!({"reason": "to the wrong one"})).expect(200);
    assert_eq!((&back.json()["shortfall"], &back.json()["balance"]["available"]), (&json!(0), &json!(0)));
    let unknown = format!("/v1/grants/{}/reverse", "0".repeat(32));
    assert_eq!(keyed(&shop, "b2", &unknown, &json!({"reason": "x"})).problem(404), "not_found");
}

#[test]
fn all_of_a_block_of_gifts_or_none_is_given() {
    let shop = shop::open(world(), "block");
    let over = json!({"budget": "spot", "grants": [{"member": ASHA, "points": 9_999}, {"member": BEN, "points": 2}]});
    assert_eq!(keyed(&shop, "over", "/v1/grants", &over).problem(422), "budget_exhausted");
    let nobody =
        json!({"budget": "spot", "grants": [{"member": ASHA, "points": 1}, {"member": "1", "points": 2}]});
    let refused = keyed(&shop, "nobody", "/v1/grants", &nobody).expect(422).json();
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["pointer"]),
        (&json!("unknown_member"), &json!("/grants/1/member"))
    );
    let budget = shop.world.get(&shop.admin, "/v1/budgets/spot").expect(200).json();
    assert_eq!((&budget["free"], &budget["committed"]), (&json!(10_000), &json!(0)));
}

#[test]
fn a_correction_takes_or_adds_and_always_says_why() {
    let shop = shop::open(world(), "correct");
    give(&shop, "g", ASHA, 500);
    let adjust = |key: &str, body: serde_json::Value| keyed(&shop, key, "/v1/adjustments", &body);
    let taken = adjust("a", json!({"member": ASHA, "points": -120, "reason": "twice"})).expect(201).json();
    assert_eq!((&taken["points"], &taken["balance"]["available"]), (&json!(-120), &json!(380)));
    adjust("b", json!({"member": ASHA, "points": 20, "budget": "spot", "reason": "forgotten"})).expect(201);
    shop.world.until("it has come", || (available(&shop, ASHA) == 400).then_some(()));
    assert_eq!(adjust("c", json!({"member": ASHA, "points": -1})).problem(422), "reason_required");
    for wrong in [
        json!({"member": ASHA, "points": 0, "reason": "x"}),
        json!({"member": ASHA, "points": 5, "reason": "x"}),
        json!({"member": ASHA, "points": -5, "budget": "spot", "reason": "x"}),
    ] {
        assert_eq!(adjust("d", wrong).problem(400), "malformed");
    }
}

#[test]
fn a_voucher_is_cancelled_before_its_order_or_shown_to_its_owner_and_the_audit_after() {
    let shop = shop::open(world(), "voucher");
    give(&shop, "g", ASHA, 1_000);
    let told = keyed(&shop, "r", "/v1/redemptions", &redeem("gift-de-25")).expect(201).json();
    let id = told["id"].as_str().unwrap();
    let member = shop.key("asha", "member", json!({"member": ASHA}));
    let ben = shop.key("ben", "member", json!({"member": BEN}));
    let service = shop.key("bot", "service", json!({}));
    let path = format!("/v1/redemptions/{id}/reveal");
    let reveal = |who: &str, headers: &[(&str, &str)]| shop.world.call(who, "POST", &path, headers, b"");
    shop.world.until("the vendor has delivered", || (reveal(&member, &[]).status == 200).then_some(()));
    let shown = reveal(&member, &[]).expect(200);
    assert!(shown.json()["codes"][0].as_str().unwrap().starts_with("SANDBOX-"), "{}", shown.text());
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(reveal(&ben, &[]).problem(404), "not_found");
    assert_eq!(reveal(&service, &[]).problem(403), "forbidden");
    assert_eq!(reveal(&service, &[("on-behalf-of", &format!("member:{BEN}"))]).problem(403), "forbidden");
    reveal(&service, &[("on-behalf-of", &format!("member:{ASHA}"))]).expect(200);
    let cancel = format!("/v1/redemptions/{id}/cancel");
    assert_eq!(keyed(&shop, "c", &cancel, &json!({})).problem(422), "redemption_state");
    let free = keyed(&shop, "r2", "/v1/redemptions", &redeem("day-off")).expect(201).json();
    let cancel = format!("/v1/redemptions/{}/cancel", free["id"].as_str().unwrap());
    shop.world
        .until("the row is there", || (keyed(&shop, "c2", &cancel, &json!({})).status == 422).then_some(()));
}

#[test]
fn a_quote_says_the_price_and_records_nothing() {
    let shop = shop::open(world(), "quote");
    give(&shop, "g", ASHA, 500);
    let ask = |body: serde_json::Value| shop.world.post(&shop.admin, "/v1/quotes", &body);
    let two = json!({"member": ASHA, "lines": [{"product": "day-off", "quantity": 2}]});
    let told = ask(two).expect(200).json();
    assert_eq!(
        (&told["points"], &told["available"], &told["enough"]),
        (&json!(600), &json!(500), &json!(false))
    );
    assert_eq!(told["lines"][0]["unit_points"], 300);
    let unknown = ask(json!({"member": ASHA, "lines": [{"product": "day-off"}, {"product": "moon"}]}))
        .expect(422)
        .json();
    assert_eq!(
        (&unknown["code"], &unknown["errors"][0]["pointer"]),
        (&json!("unknown_product"), &json!("/lines/1/product"))
    );
    let elsewhere = ask(json!({"member": ASHA, "lines": [{"product": "gift-in"}]}));
    assert_eq!(elsewhere.problem(422), "not_offered");
    let dear = json!({"member": ASHA, "points_max": 299, "lines": [{"product": "day-off"}]});
    assert_eq!(keyed(&shop, "dear", "/v1/redemptions", &dear).problem(422), "price_changed");
    assert_eq!(available(&shop, ASHA), 500);
}
