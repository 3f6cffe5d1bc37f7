//! A giver's words: sealed in every topic, opened for whoever may see the member.

use mirabelle_log::Topic;
use serde_json::{Value as Json, json};

use crate::door::records;
use crate::reads::decisions;
use crate::shop::{ASHA, available, keyed, open};
use crate::world::{Tenant, world};

const WORDS: &str = "for sitting with Ravi at the hospital";

/// The label in statement, lots and grant, as a key sees them.
fn labels(tenant: &Tenant, key: &str, member: &str, grant: &str) -> [Json; 3] {
    let get = |path: String| tenant.world.get(key, &path).expect(200).json();
    [
        get(format!("/v1/members/{member}/statement"))["entries"][0]["label"].clone(),
        get(format!("/v1/members/{member}/lots"))["lots"][0]["label"].clone(),
        get(format!("/v1/grants/{grant}"))["label"].clone(),
    ]
}

#[test]
fn a_givers_words_lie_sealed_and_are_opened_for_those_who_may_see_the_member() {
    let tenant = open(world(), "gift-words");
    let body = json!({"budget": "spot", "member": ASHA, "points": 40, "label": WORDS});
    let first = keyed(&tenant, "g", "/v1/grants", &body).expect(201);
    // Equal words seal to equal bytes: a repeat is the same body, other words are not.
    assert_eq!(keyed(&tenant, "g", "/v1/grants", &body).expect(201).text(), first.text());
    let other = json!({"budget": "spot", "member": ASHA, "points": 40, "label": "for nothing"});
    assert_eq!(keyed(&tenant, "g", "/v1/grants", &other).problem(422), "idempotency_key_reused");
    let grant = first.json()["grants"][0]["id"].as_str().unwrap().to_owned();
    tenant.world.until("the points have come", || (available(&tenant, ASHA) == 40).then_some(()));

    let member = tenant.member(ASHA)["member"].as_str().unwrap().to_owned();
    let own = tenant.key("asha", "member", json!({ "member": ASHA }));
    let words = [json!(WORDS), json!(WORDS), json!(WORDS)];
    assert_eq!(labels(&tenant, &tenant.admin, &member, &grant), words);
    assert_eq!(labels(&tenant, &own, "me", &grant), words);
    let analyst = tenant.key("analyst", "analyst", json!({}));
    let nothing = [Json::Null, Json::Null, Json::Null];
    assert_eq!(labels(&tenant, &analyst, &member, &grant), nothing);

    let feed = Json::Array(decisions(tenant.world, &analyst)).to_string();
    assert!(feed.contains(r#""note":{"masked":true}"#), "{feed}");
    assert!(!feed.contains(WORDS) && !feed.contains("key_ref"), "{feed}");
    for topic in Topic::ALL {
        for record in records(tenant.world, topic) {
            let value = &record.entry.value;
            assert!(!value.windows(WORDS.len()).any(|part| part == WORDS.as_bytes()), "{topic:?}");
        }
    }
}

#[test]
fn a_corrections_reason_is_no_label() {
    let tenant = open(world(), "gift-reason");
    let body = json!({"member": ASHA, "points": 15, "budget": "spot", "reason": "her wedding was missed"});
    keyed(&tenant, "a", "/v1/adjustments", &body).expect(201);
    tenant.world.until("the points have come", || (available(&tenant, ASHA) == 15).then_some(()));
    let lots = tenant.world.get(&tenant.admin, &format!("/v1/members/{ASHA}/lots")).expect(200).json();
    assert_eq!(lots["lots"][0]["label"], Json::Null, "{lots}");
}

#[test]
fn lots_used_up_are_read_in_pages_and_hinder_no_balance() {
    let tenant = open(world(), "gift-lots");
    let redeem = json!({ "member": ASHA, "lines": [{ "product": "day-off" }] });
    // Lot 1 is kept for ever, the later ones are spent: it is found behind all of them.
    let kept = json!({"budget": "spot", "member": ASHA, "points": 7});
    keyed(&tenant, "kept", "/v1/grants", &kept).expect(201);
    tenant.world.until("the points have come", || (available(&tenant, ASHA) == 7).then_some(()));
    for number in 0..5 {
        let body =
            json!({"budget": "spot", "member": ASHA, "points": 300, "expires_at": "2100-01-01T00:00:00Z"});
        keyed(&tenant, &format!("g{number}"), "/v1/grants", &body).expect(201);
        tenant.world.until("the points have come", || (available(&tenant, ASHA) == 307).then_some(()));
        keyed(&tenant, &format!("r{number}"), "/v1/redemptions", &redeem).expect(201);
        tenant.world.until("the points are spent", || (available(&tenant, ASHA) == 7).then_some(()));
    }
    let get = |path: &str| tenant.world.get(&tenant.admin, path).expect(200).json();
    let numbers = |body: &Json| -> Vec<i64> {
        body["lots"].as_array().unwrap().iter().map(|lot| lot["lot"].as_i64().unwrap()).collect()
    };
    let path = format!("/v1/members/{ASHA}/lots");
    assert_eq!(numbers(&get(&path)), [1]);
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let page = get(&format!("{path}?all=true&limit=4{next}"));
        all.extend(numbers(&page));
        match page["next"].as_str() {
            Some(place) => next = format!("&cursor={place}"),
            None => break,
        }
    }
    assert_eq!(all, [1, 2, 3, 4, 5, 6]);
}
