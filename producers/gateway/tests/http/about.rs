//! What the door says about itself: its description, its problems, its health.

use std::collections::BTreeSet;

use mirabelle_gateway::problem::{EDGE, REJECTIONS};
use mirabelle_gateway::routes::table;

use mirabelle_log::{Append, Entry, Log as _, Partition, Topic};
use serde_json::json;

use crate::client::call;
use crate::world::{World, world};

#[test]
fn the_description_holds_every_route_and_nothing_else() {
    let reply = call(world().door, "GET", "/openapi.json", &[], b"").expect(200);
    let document = reply.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
            let place = format!("{method} {path}");
            assert!(operation["summary"].as_str().unwrap().len() > 5, "{place} has no summary");
            let named: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let wanted = path.matches('{').count();
            assert_eq!(named.len(), wanted, "{place}");
        }
    }
    let routed: BTreeSet<(String, String)> =
        table::all().map(|route| (route.verb.name().to_owned(), route.path.to_owned())).collect();
    assert_eq!(described, routed);
    let ids: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|methods| methods.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), routed.len(), "operation ids are told apart");
}

#[test]
fn every_schema_in_the_table_of_routes_is_one() {
    for route in table::all() {
        let texts = [route.request, Some(route.answer.2)].into_iter().flatten();
        for text in texts {
            let schema: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert!(schema.is_ok_and(|schema| schema.is_object()), "{}: {text}", route.path);
        }
        assert!((200..300).contains(&route.answer.0), "{}", route.path);
    }
}

#[test]
fn every_described_route_is_served_and_every_other_method_is_refused_with_the_right_ones() {
    for route in table::all() {
        let path: String = route
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let served = call(world().door, route.verb.name(), &path, &[], b"");
        let wanted: &[u16] = if route.roles.is_empty() { &[200, 404] } else { &[401] };
        assert!(wanted.contains(&served.status), "{} {path}: {}", route.verb.name(), served.status);
        let refused = call(world().door, "DELETE", &path, &[], b"").expect(405);
        let allow = refused.header("allow").unwrap().to_owned();
        assert!(allow.split(", ").any(|method| method == route.verb.name()), "{path}: {allow}");
        assert_eq!(refused.problem(405), "method_not_allowed");
    }
}

#[test]
fn every_problem_code_has_a_page_for_people_and_for_machines() {
    let names = EDGE.iter().map(|code| code.name).chain(REJECTIONS.iter().map(|(code, ..)| *code));
    for code in names {
        let path = format!("/problems/{code}");
        let page = call(world().door, "GET", &path, &[], b"").expect(200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text().contains(&format!("<code>{code}</code>")));
        let json = call(world().door, "GET", &path, &[("accept", "application/json")], b"").expect(200);
        assert_eq!(json.json()["code"], code);
    }
    assert_eq!(call(world().door, "GET", "/problems/none_such", &[], b"").problem(404), "not_found");
}

#[test]
fn every_answer_carries_the_requests_own_id_or_a_new_one() {
    let id = |headers: &[(&str, &str)]| {
        let reply = call(world().door, "GET", "/v1/members/1", headers, b"").expect(401);
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id(&[("x-request-id", "order-7.b_c")]), "order-7.b_c");
    let long = "x".repeat(65);
    for insane in ["", "with space", "<script>", &long] {
        assert_ne!(id(&[("x-request-id", insane)]), insane);
    }
    assert_ne!(id(&[]), id(&[]));
}

#[test]
fn the_admin_port_tells_health_and_every_documented_metric() {
    let world = world();
    for path in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(call(world.admin, "GET", path, &[], b"").expect(200).text(), "ok\n");
    }
    call(world.door, "GET", "/v1/members/1", &[], b"").expect(401);
    let text = call(world.admin, "GET", "/metrics", &[], b"").expect(200).text();
    for (name, _) in mirabelle_gateway::metrics::NAMES {
        let family = format!("# TYPE {name} ");
        // A family with labels shows when the first of them was counted.
        let labelled = ["mirabelle_gateway_appends_refused_total", "mirabelle_gateway_deliveries_total"];
        assert!(text.contains(&family) || labelled.contains(name), "{name} is not exported:\n{text}");
    }
    let documented: BTreeSet<&str> =
        mirabelle_gateway::metrics::NAMES.iter().map(|(name, _)| *name).collect();
    for line in text.lines().filter(|line| line.starts_with("# TYPE mirabelle_gateway_")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(documented.contains(name), "{name} is exported and not documented");
    }
    assert!(
        text.contains("mirabelle_gateway_requests_total{route=\"/v1/members/{member}\",status=\"401\"}"),
        "{text}"
    );
    assert_eq!(call(world.door, "GET", "/metrics", &[], b"").problem(404), "unknown_route");
    assert_eq!(call(world.admin, "GET", "/v1/members/1", &[], b"").problem(404), "unknown_route");
}

#[test]
fn a_partition_that_has_stopped_is_named_by_readyz_and_takes_no_writes() {
    let world: &'static World = Box::leak(Box::new(World::start(Default::default())));
    let tenant = world.tenant("stopped");
    let budget = |name: &str| json!({"budget": name, "title": name});
    world.post(&tenant.admin, "/v1/budgets", &budget("before")).expect(201);
    // What only a newer release can read, in every partition.
    for partition in (0..world.log.partitions()).map(Partition) {
        let value = (&b"\0\0\0\x07\xd2a decision of tomorrow"[..]).into();
        let entry = Entry { key: Default::default(), fingerprint: 0x1041, value, trace: None };
        world.log.append(vec![Append { topic: Topic::Facts, partition, entry, done: None }]).unwrap();
    }
    let last = format!("partition {}: ", world.log.partitions() - 1);
    world.until("readyz names every partition", || {
        let ready = call(world.admin, "GET", "/readyz", &[], b"");
        let text = ready.text();
        (ready.status == 503 && text.contains("partition 0: ") && text.contains(&last)).then_some(())
    });
    let refused = world.post(&tenant.admin, "/v1/budgets", &budget("after")).expect(503);
    assert_eq!(
        (refused.json()["code"].as_str(), refused.header("retry-after")),
        (Some("unavailable"), Some("30"))
    );
    assert!(refused.text().contains("does not work"), "{}", refused.text());
}
