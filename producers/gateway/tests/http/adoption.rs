//! What is on its way: configuration that has not reached every partition, reports that have not reached the rows.

use mirabelle_log::Topic;
use mirabelle_log::memory::Fate;
use serde_json::json;

use crate::door::{report, statuses, worker};
use crate::shop::{ASHA, give, keyed, open};
use crate::world::World;

#[test]
fn what_would_be_judged_by_older_rules_is_refused_until_the_new_ones_have_come() {
    let world: &'static World = Box::leak(Box::new(World::start(Default::default())));
    let tenant = open(world, "adopt-late");
    give(&tenant, "points", ASHA, 1_000);
    let redeem = json!({ "member": ASHA, "lines": [{ "product": "day-off" }] });
    let headers = [("content-type", "application/json")];
    let deliver = |department: &str| {
        let rows = report(&[worker("31001", department, &json!({}))]);
        world.call(&tenant.admin, "POST", "/v1/hris/workday", &headers, &rows)
    };

    // From here on no partition hears of a publication.
    world.log.set_fate(Some(Box::new(|topic, _, entry| match topic {
        Topic::Commands if entry.key.windows(2).any(|part| part == b"p:") => Fate::Late,
        _ => Fate::Keep,
    })));
    let publish = |name: &str, more: serde_json::Value| {
        let mut body = json!({ "title": "A day off", "points": 900, "delivery": "immediate" });
        let mut draft = json!({ "name": name });
        more.as_object().unwrap().iter().for_each(|(name, value)| draft[name] = value.clone());
        body["title"] = json!(name);
        draft["body"] = body;
        world.post(&tenant.admin, "/v1/config/product/versions?publish=true", &draft).expect(201);
    };
    // What comes into force in time to come hinders nobody.
    publish("later", json!({ "effective_at": "2100-01-01T00:00:00Z" }));
    keyed(&tenant, "before", "/v1/redemptions", &redeem).expect(201);
    deliver("Sales").expect(200);

    publish("day-off", json!({}));
    let refused = keyed(&tenant, "during", "/v1/redemptions", &redeem);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.problem(503), "configuration_not_adopted");
    assert_eq!(deliver("Legal").problem(503), "configuration_not_adopted");
    // Budgets are judged by no configuration, and configuration itself goes on.
    let gift = json!({ "budget": "spot", "member": ASHA, "points": 5 });
    keyed(&tenant, "gift", "/v1/grants", &gift).expect(201);

    world.log.set_fate(None);
    world.log.release_late(usize::MAX);
    let told = world.until("the new price has come", || {
        let reply = keyed(&tenant, "during", "/v1/redemptions", &redeem);
        (reply.status != 503).then_some(reply)
    });
    // The key was not used up: what is decided now is decided by the new price.
    assert_eq!(told.problem(422), "insufficient_points");
    deliver("Legal").expect(200);
}

#[test]
fn a_state_that_comes_back_before_the_rows_have_the_other_one_is_news_too() {
    let world: &'static World = Box::leak(Box::new(World::start(Default::default())));
    let tenant = world.tenant("quick-back");
    tenant.connection("wd", "workday", "wd", "open");
    let headers = [("content-type", "application/json")];
    let state = |department: &str| report(&[worker("31001", department, &json!({}))]);
    let deliver = |body: &[u8]| {
        let reply = world.call(&tenant.admin, "POST", "/v1/hris/wd", &headers, body).expect(200);
        statuses(&reply)
    };
    deliver(&state("A"));
    world.until("A is recorded", || (tenant.member("31001")["department"] == "A").then_some(()));
    // No decision is read back: the rows say A all the while.
    let held = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let holds = std::sync::Arc::clone(&held);
    world.log.set_fate(Some(Box::new(move |topic, _, _| match topic {
        Topic::Facts if holds.load(std::sync::atomic::Ordering::Acquire) => Fate::Lost,
        _ => Fate::Keep,
    })));
    assert_eq!(deliver(&state("B")), ["accepted"]);
    assert_eq!(deliver(&state("A")), ["accepted"], "what came before it is not what was said last");
    assert_eq!(deliver(&state("A")), ["accepted"], "and a repeat is appended under the same key");
    assert_eq!(deliver(&state("B")), ["accepted"]);
    assert_eq!(deliver(&state("A")), ["accepted"]);
    held.store(false, std::sync::atomic::Ordering::Release);
    world.log.set_fate(None);
    world.until("the rows have what was said last", || (deliver(&state("A")) == ["duplicate"]).then_some(()));
    assert_eq!(tenant.member("31001")["department"], "A");
}
