//! Deliveries, repeats, pages, JSON.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value as Json, json};

use crate::server::{Tenant, mirabelle, people};

#[test]
fn every_read_prints_the_apis_json_when_asked() {
    let shop = Tenant::shop("json");
    let grant = shop.give("700101", "500");
    let redemption = shop.json(&["redeem", "700101", "day-off", "--idempotency-key", "r-1041"]);
    let id = redemption["id"].as_str().unwrap();
    for arguments in [
        &["balance", "700101"][..],
        &["member", "700101"],
        &["catalogue"],
        &["quote", "700101", "day-off"],
        &["balance", "staff:700101", "--as-of", "2020-01-01T00:00:00Z"],
        &["lots", "700101", "--all"],
        &["statement", "700101", "--from", "2020-01-01T00:00:00Z"],
        &["explain", "700101"],
        &["grant", "show", &grant],
        &["redemption", "show", id],
        &["command", "show", "r-1041", "--member", "700101"],
        &["budget", "list"],
        &["budget", "show", "spot"],
        &["budget", "held", "spot"],
        &["config", "list", "product"],
        &["config", "show", "product", "day-off"],
        &["config", "status", "product", "day-off"],
        &["config", "status", "connection", "workday"],
        &["connection", "list"],
        &["connection", "status", "workday"],
        &["key", "list"],
        &["dlq", "list"],
        &["clock", "run", "--today", "2026-06-15"],
    ] {
        assert!(shop.json(arguments).is_object(), "{arguments:?}");
        assert!(!shop.run(arguments).expect(0).out.trim().is_empty(), "{arguments:?}");
    }
    let command = shop.json(&["command", "show", "r-1041", "--member", "700101"]);
    assert_eq!((&command["state"], &command["command"]), (&json!("accepted"), &json!("request_redemption")));
    let auditor = shop.key("auditor");
    let file = auditor.to_str().unwrap();
    shop.run(&["key", "issue", "auditor", "--role", "auditor", "--out", file]).expect(0);
    let pages: Vec<Json> = (0..8)
        .map(|partition| {
            let feed = ["feed", "--partition", &partition.to_string(), "--json"];
            shop.with_key(&auditor, &feed).expect(0).json()
        })
        .collect();
    let made = |page: &&Json| page["decisions"].to_string().contains("tenant_created");
    let made = pages.iter().find(made).unwrap();
    let partition = made["partition"].to_string();
    let told = shop.with_key(&auditor, &["feed", "--partition", &partition, "--limit", "1"]).expect(0);
    assert!(told.out.contains("tenant_created") && told.out.contains("more: --after"), "{told:#?}");
    let tenants = shop.operator(&["tenant", "list", "--json"]).expect(0).json();
    let shown = shop.operator(&["tenant", "show", "json", "--json"]).expect(0).json();
    assert!(tenants["tenants"].as_array().unwrap().contains(&shown), "{tenants}");
}

#[test]
fn a_repeat_under_one_idempotency_key_prints_the_same_and_is_done_once() {
    let shop = Tenant::shop("repeat");
    let give = ["grant", "700101", "70", "--budget", "spot", "--idempotency-key", "g-1041"];
    let first = shop.run(&give).expect(0);
    let again = shop.run(&give).expect(0);
    assert_eq!(first.out, again.out);
    assert!(again.err.contains("decided before") && first.err.is_empty(), "{again:#?}");
    let other = ["grant", "700101", "71", "--budget", "spot", "--idempotency-key", "g-1041"];
    let other = shop.run(&other).expect(1);
    assert!(
        other.err.contains("idempotency_key_reused") && other.err.contains("--idempotency-key"),
        "{other:#?}"
    );
    assert_eq!(shop.json(&["budget", "show", "spot"])["free"], 9_930);
    // Without a key each is a wish of its own.
    shop.run(&["grant", "700101", "1", "--budget", "spot"]).expect(0);
    shop.run(&["grant", "700101", "1", "--budget", "spot"]).expect(0);
    assert_eq!(shop.json(&["budget", "show", "spot"])["free"], 9_928);
}

#[test]
fn whoever_does_not_wait_is_told_how_to_ask_and_finds_the_answer_there() {
    let shop = Tenant::shop("later");
    let give = ["grant", "700101", "70", "--budget", "spot", "--wait", "0", "--idempotency-key", "later-1"];
    let taken = shop.run(&give).expect(0);
    assert!(taken.out.is_empty() && taken.err.contains("not decided yet"), "{taken:#?}");
    let hint = "mirabelle command show later-1 --account b:spot";
    assert!(taken.err.contains(hint), "{taken:#?}");
    let show = ["command", "show", "later-1", "--account", "b:spot", "--wait", "20"];
    let shown = shop.run(&show).expect(0);
    assert!(shown.out.contains("commit_grants") && shown.out.contains("accepted"), "{shown:#?}");
    let same = shop.run(&["command", "show", "later-1", "--budget", "spot"]).expect(0);
    assert_eq!(same.out, shown.out);
}

#[test]
fn a_delivery_of_which_something_went_to_the_dead_letters_exits_with_3() {
    let shop = Tenant::shop("partial");
    let mut report: Json = serde_json::from_str(&people(&["700103"])).unwrap();
    report["Report_Entry"].as_array_mut().unwrap().push(json!({ "First_Name": "Nobody" }));
    let (good, bad) =
        (shop.file("good.json", &people(&["700104"])), shop.file("bad.json", &report.to_string()));
    let dry = shop.run(&["ingest", "--connection", "workday", "--dry-run", &bad]).expect(3);
    assert!(dry.out.contains("[1] dead_letter no_person"), "{dry:#?}");
    assert!(shop.json(&["dlq", "list"])["dead_letters"].as_array().unwrap().is_empty());
    let gone = shop.place.path().join("gone.json");
    let said =
        shop.run(&["ingest", "--connection", "workday", &good, &bad, gone.to_str().unwrap()]).expect(3);
    for part in [
        "good.json [0] accepted worker",
        "bad.json [0] accepted worker",
        "bad.json [1] dead_letter no_person",
    ] {
        assert!(said.out.contains(part), "{said:#?}");
    }
    let sums = "2 accepted, 1 to the dead letters, 1 file(s) not delivered";
    assert!(said.err.contains(sums) && said.err.contains("gone.json was not delivered"), "{said:#?}");
    let listed = shop.json(&["dlq", "list"]);
    let letter = &listed["dead_letters"][0];
    let place = format!("{}/{}", letter["partition"], letter["offset"]);
    let shown = shop.run(&["dlq", "show", &place]).expect(0);
    assert!(shown.out.contains("no_person") && shown.out.contains("workday"), "{shown:#?}");
    shop.run(&["dlq", "show", "0/999999"]).expect(1);
    let again = shop.run(&["ingest", "--connection", "workday", &good]).expect(0);
    assert!(again.err.contains("1 known already"), "{again:#?}");
}

#[test]
fn a_delivery_comes_from_standard_input_and_soap_is_told_item_by_item_too() {
    let tenant = Tenant::new("soap");
    let add =
        ["connection", "add", "sf", "--system", "success_factors", "--id-space", "staff", "--state", "open"];
    tenant.run(&add).expect(0);
    let mut command =
        mirabelle(&["ingest", "-", "--connection", "sf", "--json", "--url", &tenant.server.url]);
    let mut child = command
        .arg("--key-file")
        .arg(tenant.key("admin"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"<Envelope><Body>nothing that anybody sends</Body></Envelope>")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["counts"]["dead_letter"], &told["system"]), (&json!(1), &json!("success_factors")));
}

#[test]
fn a_long_list_is_followed_over_its_pages_up_to_the_limit() {
    let shop = Tenant::shop("pages");
    let rows: Vec<Json> = (0..1_150).map(|n| json!({ "First_Name": format!("Nobody {n}") })).collect();
    let file = shop.file("nobody.json", &json!({ "Report_Entry": rows }).to_string());
    shop.run(&["ingest", "--connection", "workday", &file]).expect(3);
    let listed = shop.run(&["dlq", "list", "--limit", "1120", "--json"]).expect(0).json();
    assert_eq!(listed["dead_letters"].as_array().unwrap().len(), 1_120);
    assert!(listed["next"].is_string());
    let all = shop.json(&["dlq", "list", "--limit", "5000"]);
    assert_eq!(all["dead_letters"].as_array().unwrap().len(), 1_150);
    assert!(all.get("next").is_none());
    let few = shop.run(&["dlq", "list", "--limit", "3"]).expect(0);
    assert_eq!(few.out.lines().count(), 4, "{few:#?}");
    assert!(few.err.contains("There is more"), "{few:#?}");
}
