//! Reports that have not reached the rows.

use mirabelle_log::Topic;
use mirabelle_log::memory::Fate;
use serde_json::json;

use crate::door::{report, statuses, worker};
use crate::world::World;

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
