//! Bad input at the routes: each gets a clear answer, nothing moves, and none of it comes back in the answer.

use serde_json::json;

use crate::client::Reply;
use crate::shop::{self, ASHA, available, give, keyed};
use crate::world::{Tenant, world};

fn raw(shop: &Tenant, path: &str, body: &[u8]) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", "bad")];
    shop.world.call(&shop.admin, "POST", path, &headers, body)
}

#[test]
fn no_hostile_redemption_moves_anything_and_each_is_told_where_it_is_wrong() {
    let shop = shop::open(world(), "hostile");
    give(&shop, "g", ASHA, 1_000);
    let line = r#"{"product":"day-off","quantity":1}"#;
    let with = |lines: &str| format!(r#"{{"member":"{ASHA}","lines":{lines}}}"#);
    let quantity = |q: &str| with(&format!(r#"[{{"product":"day-off","quantity":{q}}}]"#));
    let max = |m: &str| format!(r#"{{"member":"{ASHA}","points_max":{m},"lines":[{line}]}}"#);
    let member = |m: &str| format!(r#"{{"member":{m},"lines":[{line}]}}"#);
    let huge = format!(r#""{}""#, "7".repeat(60_000));
    let cases = [
        (String::new(), ""),
        ("null".into(), ""),
        ("[]".into(), ""),
        (format!("[{}]", with(&format!("[{line}]"))), ""),
        (format!("{} {{}}", with(&format!("[{line}]"))), ""),
        (with(&format!("[{line}]")).replace('}', ""), ""),
        (format!(r#"{{"member":"{ASHA}","member":"{ASHA}","lines":[{line}]}}"#), ""),
        (format!(r#"{{"member":"{ASHA}","points":1,"lines":[{line}]}}"#), "/points"),
        (
            format!(
                r#"{{"member":"{ASHA}","lines":[{line}],"x":{}1{}}}"#,
                "[".repeat(20_000),
                "]".repeat(20_000)
            ),
            "",
        ),
        (with("[]"), "/lines"),
        (with(line), "/lines"),
        (with(r#"{"0":{"product":"day-off"}}"#), "/lines"),
        (with(r#"[["day-off",1]]"#), "/lines/0"),
        (with(r#"[{"product":"day-off","price":1}]"#), "/lines/0/price"),
        (with(r#"[{"product":["day-off"]}]"#), "/lines/0/product"),
        (with(r#"[{"product":"../etc/passwd"}]"#), "/lines/0/product"),
        (with(r#"[{"product":"day\u0000off"}]"#), "/lines/0/product"),
        (with(r#"[{"quantity":1}]"#), "/lines/0/product"),
        (with(&format!("[{}]", vec![line; 21].join(","))), "/lines"),
        (quantity("0"), "/lines/0/quantity"),
        (quantity("-1"), "/lines/0/quantity"),
        (quantity("101"), "/lines/0/quantity"),
        (quantity("1.0"), "/lines/0/quantity"),
        (quantity("1.5"), "/lines/0/quantity"),
        (quantity("1e0"), "/lines/0/quantity"),
        (quantity("\"1\""), "/lines/0/quantity"),
        (quantity("true"), "/lines/0/quantity"),
        (quantity("[1]"), "/lines/0/quantity"),
        (quantity("18446744073709551617"), "/lines/0/quantity"),
        (quantity("01"), ""),
        (quantity("+1"), ""),
        (quantity("NaN"), ""),
        (max("-1"), "/points_max"),
        (max("9007199254740992"), "/points_max"),
        (max("1e3"), "/points_max"),
        (member("700101"), "/member"),
        (member("[\"700101\"]"), "/member"),
        (member("\"7001\\u000001\""), "/member"),
        (member("\"7001\\n01\""), "/member"),
        (member(&huge), "/member"),
    ];
    for (body, pointer) in &cases {
        let reply = raw(&shop, "/v1/redemptions", body.as_bytes());
        let shown: String = body.chars().take(120).collect();
        assert_eq!(reply.status, 400, "{shown}: {}", reply.text());
        let told = reply.json();
        assert_eq!(told["code"], "malformed", "{shown}");
        assert_eq!(told["errors"][0]["pointer"], *pointer, "{shown}: {told}");
        assert!(!reply.text().contains("passwd") && reply.body.len() < 1_024, "{shown}: {}", reply.text());
    }
    for bytes in
        [&b"\xff\xfe{}"[..], b"{\"member\":\"\xc3\x28\"}", b"\x1f\x8b\x08\x00", b"{\"m\":\"\xed\xa0\x80\"}"]
    {
        assert_eq!(raw(&shop, "/v1/redemptions", bytes).problem(400), "malformed");
    }
    assert_eq!(available(&shop, ASHA), 1_000);
    // None of them has used the key up.
    let body = json!({"member": ASHA, "lines": [{"product": "day-off"}]});
    keyed(&shop, "bad", "/v1/redemptions", &body).expect(201);
}

#[test]
fn amounts_are_whole_within_range_and_not_nothing() {
    let shop = shop::open(world(), "amounts");
    let grant = |points: &str| format!(r#"{{"budget":"spot","member":"{ASHA}","points":{points}}}"#);
    let allocate = |points: &str| format!(r#"{{"points":{points}}}"#);
    let wrong = ["0", "1.0", "1e2", "\"5\"", "null", "9007199254740992", "-9007199254740992", "1e400"];
    for points in wrong {
        assert_eq!(raw(&shop, "/v1/grants", grant(points).as_bytes()).problem(400), "malformed", "{points}");
        let reply = raw(&shop, "/v1/budgets/spot/allocations", allocate(points).as_bytes());
        assert_eq!(reply.problem(400), "malformed", "{points}");
    }
    assert_eq!(raw(&shop, "/v1/grants", grant("-5").as_bytes()).problem(400), "malformed");
    let most = raw(&shop, "/v1/budgets/spot/allocations", allocate("9007199254740991").as_bytes());
    assert_eq!(most.problem(422), "too_many_points");
    let budget = shop.world.get(&shop.admin, "/v1/budgets/spot").expect(200).json();
    assert_eq!(budget["allocated"], 10_000);
}

#[test]
fn days_and_instants_that_no_calendar_has_are_refused() {
    let shop = shop::open(world(), "dates");
    let clock = |day: &str| raw(&shop, "/v1/clock/run", json!({"today": day}).to_string().as_bytes());
    for day in ["2026-02-30", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "1899-01-01", ""]
    {
        assert_eq!(clock(day).problem(400), "malformed", "{day}");
    }
    for instant in [
        "2026-02-30T00:00:00Z",
        "2026-07-01",
        "2026-07-01T09:00:00",
        "1969-12-31T00:00:00Z",
        "9999-01-01T00:00:00Z",
    ] {
        let body = json!({"budget": "spot", "member": ASHA, "points": 1, "expires_at": instant});
        let reply = raw(&shop, "/v1/grants", body.to_string().as_bytes());
        assert_eq!(reply.problem(400), "malformed", "{instant}");
    }
    let past = json!({"budget": "spot", "member": ASHA, "points": 1, "expires_at": "2001-01-01T00:00:00Z"});
    assert_eq!(raw(&shop, "/v1/grants", past.to_string().as_bytes()).problem(422), "invalid");
}

#[test]
fn a_body_of_another_type_or_too_large_is_refused() {
    let shop = shop::open(world(), "types");
    let body = json!({"member": ASHA, "lines": [{"product": "day-off"}]}).to_string();
    for kind in ["text/plain", "application/xml", "application/jsonp", "", "multipart/form-data; boundary=x"]
    {
        let headers = [("content-type", kind), ("idempotency-key", "t")];
        let reply = shop.world.call(&shop.admin, "POST", "/v1/redemptions", &headers, body.as_bytes());
        assert_eq!(reply.problem(415), "unsupported_media_type", "{kind}");
    }
    let blank = " ".repeat((64 << 10) + 1);
    assert_eq!(raw(&shop, "/v1/redemptions", blank.as_bytes()).problem(413), "body_too_large");
    let blank = " ".repeat((1 << 20) + 1);
    assert_eq!(raw(&shop, "/v1/config/product/versions", blank.as_bytes()).problem(413), "body_too_large");
}

#[test]
fn a_command_larger_than_its_readers_take_is_refused_at_once() {
    let shop = shop::open(world(), "large");
    let body = json!({"title": "x".repeat(400_000), "points": 1, "delivery": "immediate"});
    let draft = json!({"name": "mug", "body": body}).to_string();
    assert_eq!(raw(&shop, "/v1/config/product/versions", draft.as_bytes()).problem(413), "body_too_large");
}

#[test]
fn ids_in_paths_that_are_none_look_like_what_does_not_exist() {
    let shop = shop::open(world(), "ids");
    let huge = "9".repeat(20_000);
    for id in [
        "..%2f..%2fetc",
        "%00",
        "%0a",
        "%ff",
        "0",
        "x".repeat(33).as_str(),
        &huge,
        "0123456789ABCDEF0123456789ABCDEF",
    ] {
        for path in [
            format!("/v1/redemptions/{id}/cancel"),
            format!("/v1/grants/{id}/reverse"),
            format!("/v1/budgets/{id}/close"),
            format!("/v1/keys/{id}/revoke"),
        ] {
            let reply = raw(&shop, &path, br#"{"reason":"x"}"#);
            // A budget may be called 0 or xxx…: nobody has opened it.
            let ok =
                matches!(reply.status, 400 | 404) || (path.starts_with("/v1/budgets") && reply.status == 422);
            assert!(ok, "{path}: {} {}", reply.status, reply.text());
            assert!(!reply.text().contains("etc"), "{}", reply.text());
        }
    }
    for path in ["/v1/nothing", "/v1/redemptions/", "/v1//redemptions", "/", "/v1/../metrics"] {
        assert_eq!(raw(&shop, path, b"{}").problem(404), "unknown_route", "{path}");
    }
    let unknown = shop.world.get(&shop.admin, "/v1/keys?colour=red");
    assert_eq!(unknown.problem(400), "malformed");
}

#[test]
fn a_configuration_that_does_not_hold_is_refused_with_its_place_and_a_good_one_kept_as_written() {
    let shop = shop::open(world(), "config");
    let draft = |kind: &str, body: &str| {
        let text = format!(r#"{{"name":"it","body":{body}}}"#);
        let headers = [("content-type", "application/json")];
        let path = format!("/v1/config/{kind}/versions");
        shop.world.call(&shop.admin, "POST", &path, &headers, text.as_bytes())
    };
    let good = r#"{ "title":"Tea",  "points":5, "delivery":"immediate" }"#;
    let refused = |kind: &str, body: &str| {
        let reply = draft(kind, body);
        assert!(matches!(reply.status, 400 | 422), "{body}: {}", reply.text());
        reply
    };
    refused("product", "[]");
    refused("product", "null");
    refused("product", r#""text""#);
    for body in [
        good.replace("5", "-5"),
        good.replace("5", "5.5"),
        good.replace("immediate", "by_owl"),
        good.replace("\"points\":5,", ""),
        good.replace("\"points\":5", "\"points\":5,\"colour\":\"red\""),
        good.replace("\"points\":5", "\"points\":5,\"points\":6"),
    ] {
        refused("product", &body);
    }
    let mapping = r#"{"system":"workday","id_space":"s","mapping":{"id":"no-pointer"}}"#;
    let told = refused("connection", mapping).expect(422).json();
    assert_eq!(told["code"], "invalid_configuration");
    assert!(told["errors"][0]["pointer"].as_str().unwrap().starts_with("/body/mapping"), "{told}");
    assert_eq!(draft("weather", good).problem(404), "not_found");
    let version = draft("product", good).expect(201).json();
    assert_eq!((&version["state"], &version["version"]), (&json!("drafted"), &json!(1)));
    let post = |step: &str| {
        shop.world.post(&shop.admin, &format!("/v1/config/product/it/versions/1/{step}"), &json!({}))
    };
    assert_eq!(post("approve").problem(422), "version_state");
    assert_eq!(post("submit").expect(200).json()["state"], "submitted");
    assert_eq!(post("approve").expect(200).json()["state"], "published");
    assert_eq!(post("withdraw").problem(422), "version_state");
    let key = [
        mirabelle_domain::rows::Value::Text("config".into()),
        mirabelle_domain::rows::Value::Text("product".into()),
        mirabelle_domain::rows::Value::Text("it".into()),
        mirabelle_domain::rows::Value::Int(1),
    ];
    let kept = shop.world.until("the row is there", || {
        let rows = mirabelle_store::Store::live(shop.world.store.as_ref()).unwrap();
        rows.get(&mirabelle_domain::tables::config_versions::TABLE, &key).unwrap()
    });
    assert_eq!(kept.text("body"), Some(good));
}

#[test]
fn connections_open_and_close_by_one_request_each() {
    let shop = shop::open(world(), "connections");
    let post = |path: &str, body: serde_json::Value| shop.world.post(&shop.admin, path, &body);
    let body = json!({"connection": "darwin", "body": {"system": "darwinbox", "id_space": "india"}});
    let first = post("/v1/connections", body).expect(201).json();
    assert_eq!(
        (&first["kind"], &first["state"], &first["version"]),
        (&json!("connection"), &json!("published"), &json!(1))
    );
    let second =
        post("/v1/connections/darwin/open", json!({"reason": "baseline is through"})).expect(201).json();
    assert_eq!((&second["state"], &second["version"]), (&json!("published"), &json!(2)));
    let closed = post("/v1/connections/darwin/close", json!({})).expect(201).json();
    assert_eq!(closed["version"], 3);
    assert_eq!(shop.deliver("darwin", "application/json", b"{}").problem(409), "connection_closed");
    assert_eq!(post("/v1/connections/nobody/open", json!({})).problem(404), "not_found");
    let operator = shop.world.operator.clone();
    let open =
        shop.world.post(&operator, "/v1/connections/darwin/open?tenant=connections", &json!({})).expect(201);
    assert_eq!(open.json()["version"], 4);
    let product = json!({"name": "x", "body": {"title": "X", "points": 1, "delivery": "immediate"}});
    let reply = shop.world.post(&operator, "/v1/config/product/versions?tenant=connections", &product);
    assert_eq!(reply.problem(403), "forbidden");
}
