//! What the figures mean: stalls show, processes add up, shares are kept.

use std::time::Duration;

use crate::standin::{Lie, Stall, Standin};
use crate::{load, text_of};

const STALL: Stall = Stall { after: Duration::from_millis(600), lasts: Duration::from_millis(500) };

#[test]
fn a_stall_shows_in_the_percentiles_of_an_open_loop_although_few_requests_were_in_flight() {
    let server = Standin::start(Lie::None, Some(STALL));
    let arguments =
        ["--rate", "400", "--connections", "4", "--duration", "2500ms", "--warmup", "0s", "--drain", "10s"];
    let ran = load(&server, "open", &arguments);
    assert!(ran.passed, "{}", ran.text);
    // 200 of 1000 requests were due during the half second. Only 4 of them could be in flight, and a loop
    // that times from the sending would have seen 4 slow ones, 0.4 %: less than its p99 shows.
    assert_eq!(ran.number("/figures/latency_us/count"), 1000.0);
    assert!(ran.number("/figures/latency_us/p99") > 400_000.0, "{}", ran.text);
    assert!(ran.number("/figures/latency_us/p90") > 200_000.0, "{}", ran.text);
    assert!(ran.number("/figures/lateness_us/p99") > 300_000.0, "{}", ran.text);
    assert!(ran.number("/figures/longest_gap/ms") > 480.0, "{}", ran.text);
}

#[test]
fn the_same_stall_in_a_closed_loop_shows_in_the_longest_gap() {
    let server = Standin::start(Lie::None, Some(STALL));
    let ran = load(&server, "closed", &["--in-flight", "4", "--duration", "2s", "--warmup", "0s"]);
    assert!(ran.passed, "{}", ran.text);
    assert!(ran.number("/figures/longest_gap/ms") > 480.0, "{}", ran.text);
    assert!(ran.number("/figures/latency_us/max") > 480_000.0, "{}", ran.text);
}

#[test]
fn a_run_over_three_processes_sends_distinct_keys_and_counts_each_once() {
    let server = Standin::start(Lie::None, None);
    let arguments = ["--count", "301", "--connections", "31", "--processes", "3", "--threads", "2"];
    let ran = load(&server, "burst", &arguments);
    assert!(ran.passed, "{}", ran.text);
    assert_eq!((server.keys(), server.requests()), (301, 602));
    assert_eq!(ran.number("/figures/answered"), 301.0);
    assert_eq!(ran.number("/figures/latency_us/count"), 301.0);
    assert_eq!(ran.number("/figures/decisions"), 301.0);
}

#[test]
fn http2_carries_more_requests_than_it_has_connections() {
    let server = Standin::start(Lie::None, None);
    let arguments =
        ["--http2", "--in-flight", "60", "--connections", "3", "--duration", "500ms", "--warmup", "100ms"];
    let ran = load(&server, "closed", &arguments);
    assert!(ran.passed, "{}", ran.text);
    assert!(ran.number("/figures/decisions") > 60.0, "{}", ran.text);
    assert_eq!(ran.number("/in_flight"), 60.0);
}

#[test]
fn idle_connections_are_held_to_the_end() {
    let server = Standin::start(Lie::None, None);
    let scratch = tempfile::TempDir::new().unwrap();
    let (json, key) = (scratch.path().join("idle.json"), scratch.path().join("key"));
    std::fs::write(&key, "secret").unwrap();
    let url = server.url();
    let arguments =
        ["idle", "--connections", "50", "--duration", "200ms", "--url", &url, "--overdrafts", "0"];
    let files = ["--json", text_of(&json), "--key-file", text_of(&key)];
    let output = crate::program(&[&arguments[..], &files[..]].concat());
    assert!(output.status.success(), "{output:?}");
    let held: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((held["opened"].as_u64(), held["open_at_end"].as_u64()), (Some(50), Some(50)));
    assert_eq!(server.requests(), 50);
}
