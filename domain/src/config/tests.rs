//! Bodies that hold, and bodies that do not.

use serde_json::{Value, json};

use super::{BODY_BYTES_MAX, Body, Condition, Test, read};
use crate::command::{ConfigKind, TenantMode};
use crate::worker::MilestoneKind;

fn campaign() -> Value {
    json!({
        "title": "Five more years",
        "milestone": "anniversary",
        "conditions": [
            {"field": "years", "multiple_of": 5},
            {"field": "country", "any_of": ["DE", "IN"]},
            {"field": "attributes.rating", "at_least": 4},
        ],
        "points": {"per_year": 100},
        "budget": "anniversaries",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "vests_after_days": 30,
        "expires_after_days": 365,
        "daily_ceiling": 5000,
    })
}

fn product() -> Value {
    json!({
        "title": "Gift card, 25 EUR", "points": 2500, "countries": ["DE", "AT"],
        "delivery": "vendor", "vendor": "sandbox", "vendor_product": "card-25",
    })
}

fn connection() -> Value {
    json!({
        "system": "darwinbox", "state": "open", "id_space": "workers",
        "mapping": {"id": "employee_id"}, "location_zones": {"Pune": "Asia/Kolkata"},
    })
}

/// The body with the value at the pointer replaced, or taken out.
fn with(mut body: Value, pointer: &str, value: Option<Value>) -> String {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(members) => match value {
            Some(value) => {
                members.insert(name.to_owned(), value);
            }
            None => {
                members.remove(name);
            }
        },
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = value.unwrap(),
        other => panic!("{other} has no members"),
    }
    body.to_string()
}

/// A tenant that takes the body of a kind above: nothing of a vendor is live.
fn mode(kind: ConfigKind) -> TenantMode {
    if kind == ConfigKind::Product { TenantMode::Sandbox } else { TenantMode::Live }
}

fn refused(kind: ConfigKind, body: &str, pointer: &str) {
    let flaw = read(kind, mode(kind), body).expect_err(body);
    assert_eq!(flaw.pointer, pointer, "{body}: {flaw}");
    assert!(!flaw.detail.is_empty());
}

#[test]
fn bodies_of_every_kind_are_read() {
    let read = |kind, body: Value| read(kind, mode(kind), &body.to_string()).unwrap();
    let Body::Campaign(campaign) = read(ConfigKind::Campaign, campaign()) else { panic!() };
    assert_eq!((campaign.milestone, campaign.look_back_days), (MilestoneKind::Anniversary, 7));
    let years = Condition { field: "years".to_owned(), test: Test::MultipleOf(5) };
    assert_eq!(campaign.conditions[0], years);
    let Body::Product(product) = read(ConfigKind::Product, product()) else { panic!() };
    assert_eq!((product.points.get(), product.offered), (2_500, true));
    let Body::Connection(connection) = read(ConfigKind::Connection, connection()) else { panic!() };
    assert_eq!(connection.mapping.unwrap()["id"], "employee_id");
}

#[test]
fn what_is_no_json_object_is_refused() {
    for body in ["", "nonsense", "[]", "null", "7", "{", "{} {}", "{}x"] {
        assert!(read(ConfigKind::Product, TenantMode::Live, body).is_err(), "{body}");
    }
    // An array with the values in the order of the fields: serde alone would take it.
    refused(ConfigKind::Product, r#"["Card", 25, [], "immediate", null, null, true]"#, "");
    let condition = Some(json!(["years", null, null, 5, null, null]));
    refused(ConfigKind::Campaign, &with(campaign(), "/conditions/0", condition), "/conditions/0");
    refused(ConfigKind::Unknown, "{}", "");
}

#[test]
fn unknown_and_doubled_members_are_refused_at_any_depth() {
    refused(ConfigKind::Campaign, &with(campaign(), "/colour", Some(json!("red"))), "/colour");
    refused(
        ConfigKind::Campaign,
        &with(campaign(), "/conditions/1/not", Some(json!(1))),
        "/conditions/1/not",
    );
    refused(ConfigKind::Campaign, &with(campaign(), "/points/fixed", Some(json!(5))), "/points");
    let twice = product().to_string().replacen('{', r#"{"points": 1, "#, 1);
    assert!(read(ConfigKind::Product, TenantMode::Live, &twice).unwrap_err().detail.contains("twice"));
    let twice = connection().to_string().replace(r#""Pune""#, r#""Pune": "Asia/Kolkata", "Pune""#);
    assert!(read(ConfigKind::Connection, TenantMode::Live, &twice).unwrap_err().detail.contains("twice"));
}

#[test]
fn huge_and_deep_bodies_are_refused_before_they_are_read() {
    let huge = with(product(), "/title", Some(json!("x".repeat(BODY_BYTES_MAX))));
    refused(ConfigKind::Product, &huge, "");
    let deep = format!(
        r#"{{"system": "workday", "id_space": "w", "mapping": {}0{}}}"#,
        "[".repeat(60),
        "]".repeat(60)
    );
    let flaw = read(ConfigKind::Connection, TenantMode::Live, &deep).unwrap_err();
    assert!(flaw.detail.contains("deeper"), "{flaw}");
}

#[test]
fn a_condition_has_exactly_one_test() {
    for test in [json!({}), json!({"at_least": 1, "at_most": 5}), json!({"any_of": null})] {
        let mut condition = json!({"field": "years"});
        condition.as_object_mut().unwrap().extend(test.as_object().unwrap().clone());
        refused(ConfigKind::Campaign, &with(campaign(), "/conditions/0", Some(condition)), "/conditions/0");
    }
}

#[test]
fn a_condition_out_of_range_is_refused() {
    for (condition, pointer) in [
        (json!({"field": "shoe_size", "at_least": 1}), "/field"),
        (json!({"field": "attributes.", "at_least": 1}), "/field"),
        (json!({"field": "department", "at_least": 1}), ""),
        (json!({"field": "years", "multiple_of": 0}), "/multiple_of"),
        (json!({"field": "years", "any_of": []}), "/any_of"),
        (json!({"field": "years", "any_of": ["5", "07"]}), "/any_of/1"),
        (json!({"field": "country", "none_of": ["de"]}), "/none_of/0"),
        (json!({"field": "company", "any_of": [""]}), "/any_of/0"),
    ] {
        let body = with(campaign(), "/conditions/0", Some(condition));
        refused(ConfigKind::Campaign, &body, &format!("/conditions/0{pointer}"));
    }
}

#[test]
fn a_campaign_out_of_range_is_refused() {
    for (pointer, value) in [
        ("/title", json!("")),
        ("/title", json!("a\nb")),
        ("/milestone", json!("wedding")),
        ("/points/per_year", json!(0)),
        ("/points/per_year", json!(-5)),
        ("/points/per_year", json!(1.5)),
        ("/points/per_year", json!(9_007_199_254_740_992i64)),
        ("/budget", json!("No Spaces")),
        ("/starts_on", json!("2026-02-30")),
        ("/ends_on", json!("2025-12-31")),
        ("/look_back_days", json!(36_501)),
        ("/look_back_days", json!(-1)),
        ("/vests_after_days", json!(36_501)),
        ("/expires_after_days", json!(30)),
        ("/expires_after_days", json!(36_501)),
        ("/daily_ceiling", json!(0)),
        ("/daily_ceiling", json!(99)),
    ] {
        refused(ConfigKind::Campaign, &with(campaign(), pointer, Some(value)), pointer);
    }
    refused(ConfigKind::Campaign, &with(campaign(), "/budget", None), "");
    let mut other = campaign();
    other["milestone"] = json!("other");
    other["conditions"] = json!([]);
    refused(ConfigKind::Campaign, &other.to_string(), "/milestone");
}

#[test]
fn a_product_out_of_range_is_refused() {
    for (pointer, value) in [
        ("/points", json!(0)),
        ("/countries/1", json!("de")),
        ("/countries/1", json!("DEU")),
        ("/countries/1", json!("DE")),
        ("/delivery", json!("pigeon")),
        ("/vendor", json!(null)),
        ("/vendor_product", json!("")),
    ] {
        refused(ConfigKind::Product, &with(product(), pointer, Some(value)), pointer);
    }
    let at_once = with(product(), "/delivery", Some(json!("immediate")));
    refused(ConfigKind::Product, &at_once, "/vendor");
}

#[test]
fn a_tenant_that_is_not_live_reaches_the_sandbox_vendor_alone() {
    let body = with(product(), "/vendor", Some(json!("real-cards")));
    for mode in [TenantMode::Sandbox, TenantMode::Synthetic] {
        assert_eq!(read(ConfigKind::Product, mode, &body).unwrap_err().pointer, "/vendor");
        assert!(read(ConfigKind::Product, mode, &product().to_string()).is_ok());
    }
}

#[test]
fn nobody_pays_real_points_for_codes_that_buy_nothing_or_for_a_vendor_that_nobody_asks() {
    for vendor in ["sandbox", "real-cards"] {
        let body = with(product(), "/vendor", Some(json!(vendor)));
        let flaw = read(ConfigKind::Product, TenantMode::Live, &body).unwrap_err();
        assert_eq!(flaw.pointer, "/vendor");
        assert!(flaw.detail.contains("immediate"), "{flaw}");
    }
    let at_once = json!({"title": "A day off", "points": 900, "delivery": "immediate"}).to_string();
    assert!(read(ConfigKind::Product, TenantMode::Live, &at_once).is_ok());
}

#[test]
fn a_connection_out_of_range_is_refused() {
    for (pointer, value) in [
        ("/system", json!("fax")),
        ("/id_space", json!("")),
        ("/mapping", json!([1])),
        ("/location_zones/Pune", json!("India Standard Time")),
        ("/location_zones/a~1b", json!("../etc/passwd")),
    ] {
        let place = pointer.replace("~1", "");
        let body = with(connection(), &place, Some(value.clone()));
        let body = if place == pointer { body } else { body.replace(r#""ab""#, r#""a/b""#) };
        refused(ConfigKind::Connection, &body, pointer);
    }
}

#[test]
fn a_zone_is_judged_by_its_shape_alone() {
    for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1", "Mars/Olympus_Mons"] {
        assert!(super::is_zone(zone), "{zone}");
    }
    for zone in ["", "Z", "+01:00", "Europe/", "/Berlin", "a/b/c/d", "Europe/Ber lin", "Europe/2"] {
        assert!(!super::is_zone(zone), "{zone}");
    }
}

#[test]
fn bodies_survive_a_snapshot() {
    for (kind, body) in [
        (ConfigKind::Campaign, campaign()),
        (ConfigKind::Product, product()),
        (ConfigKind::Connection, connection()),
    ] {
        match read(kind, mode(kind), &body.to_string()).unwrap() {
            Body::Campaign(body) => survives(&body),
            Body::Product(body) => survives(&body),
            Body::Connection(body) => survives(&body),
        }
    }
}

fn survives<T>(body: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = postcard::to_allocvec(body).unwrap();
    assert_eq!(&postcard::from_bytes::<T>(&bytes).unwrap(), body);
    let text = serde_json::to_string(body).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), body);
}
