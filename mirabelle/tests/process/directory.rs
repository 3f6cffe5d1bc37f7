//! A small directory in which everything has happened once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mirabelle::engine::wall_clock;
use mirabelle_ledger::ensure_roots;
use mirabelle_log::{Append, Entry, Log as _, Partition, Topic, View};
use mirabelle_log_embedded::{EmbeddedLog, Options};
use serde_json::json;

use crate::server::{Server, assert_holds, until};
use crate::shop::Shop;

/// Makes it: two lives of a server with an orderly end each. Its log begins with small segments, so that some are sealed.
pub(crate) fn make(data: &Path) {
    begin_with_small_segments(data);
    let server = Server::start(data);
    let shop = Shop::open(&server, 3);
    first_life(&server, &shop);
    server.terminate();
    throw_garbage(data);
    let server = Server::start(data);
    // The server of before would have known the answer: this one asks the log, where the repeat stands then.
    let wish = Shop::wish(&shop.members[0], "day-off");
    server.post(&shop.admin, "/v1/redemptions", "day-off", &wish).expect(201);
    for number in 0..60 {
        shop.give(&server, &format!("more-{number}"), &shop.members[number % 3], 5);
    }
    until("the garbage is set aside", || {
        let letters = server.get(&server.key, "/v1/dead-letters").expect(200).json();
        (!letters["dead_letters"].as_array().unwrap_or(&Vec::new()).is_empty()).then_some(())
    });
    server.terminate();
    assert_holds(data);
}

fn first_life(server: &Server, shop: &Shop) {
    let member = &shop.members[0];
    let review = |number: u32| {
        let row = json!({ "Employee_ID": member, "Milestone": "Review", "Milestone_ID": format!("R-{number}"),
            "Milestone_Date": today(), "Rating": "4.5" });
        json!({ "Report_Entry": [row] }).to_string()
    };
    // The second review of the day goes beyond what the campaign may pay on it, and waits for a person.
    let campaign = json!({ "title": "Great reviews", "milestone": "review", "points": { "fixed": 500 },
        "budget": "spot", "starts_on": "2020-01-01", "look_back_days": 60, "daily_ceiling": 600,
        "conditions": [{ "field": "attributes.rating", "at_least": 4 }] });
    shop.configure(server, "campaign", "reviews", &campaign);
    for number in 1..=2 {
        let headers = [("prefer", "wait=20")];
        server
            .try_call(&shop.admin, "POST", "/v1/hris/workday", &headers, &review(number))
            .unwrap()
            .expect(200);
    }
    until("the award has come", || (shop.available(server, member) >= 500).then_some(()));
    until("the other award is held", || {
        let budget = server.get(&shop.admin, "/v1/budgets/spot").expect(200).json();
        (budget["held"] == 1).then_some(())
    });
    shop.give(server, "gift", member, 100);
    server.post(&shop.admin, "/v1/redemptions", "day-off", &Shop::wish(member, "day-off")).expect(201);
    server.post(&shop.admin, "/v1/redemptions", "day-off", &Shop::wish(member, "day-off")).expect(201);
    let voucher =
        server.post(&shop.admin, "/v1/redemptions", "voucher", &Shop::wish(member, "voucher")).expect(201);
    let id = voucher.json()["id"].as_str().unwrap().to_owned();
    let roles = json!({ "name": "self", "roles": ["member"], "member": member });
    let key = server.post(&shop.admin, "/v1/keys", "member-key", &roles).expect(201).json();
    let key = key["key"].as_str().unwrap();
    until("the vendor has delivered, and the code is shown", || {
        let path = format!("/v1/redemptions/{id}/reveal");
        let revealed = server.try_call(key, "POST", &path, &[], "").unwrap();
        (revealed.status == 200).then_some(())
    });
}

fn today() -> String {
    mirabelle_domain::Timestamp(wall_clock()).utc_day().to_string()
}

/// A log whose first segments are small and full: the next one who opens it seals them.
fn begin_with_small_segments(data: &Path) {
    let mut options = Options::new(Arc::new(wall_clock));
    options.segment_bytes = 32 << 10;
    let log = EmbeddedLog::open(data.join("log"), options).unwrap();
    ensure_roots(&log, wall_clock(), Duration::from_secs(60)).unwrap();
    throw(&log, Topic::DeadLetters, 120);
}

/// An input that nobody can read.
fn throw_garbage(data: &Path) {
    let log = EmbeddedLog::open(data.join("log"), Options::new(Arc::new(wall_clock))).unwrap();
    throw(&log, Topic::Commands, 1);
}

/// Appends so many records of 1,000 bytes that are nothing of ours, one after the other.
fn throw(log: &EmbeddedLog, topic: Topic, count: u64) {
    let partition = Partition(3);
    for number in 1..=count {
        let value: Vec<u8> = (0..1_000).map(|byte| (number * 31 + byte * byte) as u8).collect();
        let key = Bytes::from_static(b"garbage");
        let entry = Entry { key, fingerprint: 1, value: value.into(), trace: None };
        // Small segments are made ready one after the other: now and then none is.
        until("the log takes it", || {
            log.append(vec![Append { topic, partition, entry: entry.clone(), done: None }]).ok()
        });
        let end = || log.bounds(topic, partition, View::Durable).unwrap().end.0;
        until("it is durable", || (end() >= number).then_some(()));
    }
}

/// Every file below a directory, in order, but those that hold nothing.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.metadata().unwrap().len() > 0 {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}
