//! A partition that can't be read on, and what is measured.

use std::collections::BTreeSet;
use std::sync::Arc;

use mirabelle_follower::metrics::NAMES;
use mirabelle_follower::{Follower, Metrics, Options};
use mirabelle_log::{Log as _, Offset, Partition, Topic};
use mirabelle_store::MemoryStore;
use prometheus::{Registry, TextEncoder};

use crate::{Idle, log, own};

const NOW: i64 = 3_500_000;

#[test]
fn a_partition_that_can_not_be_read_on_stops_alone_and_shows_in_the_metrics() {
    let log = log(2);
    let store = Arc::new(MemoryStore::new(log.id()));
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).unwrap();
    let options = Options { records_max: 4, ..Options::default() };
    let follower = Follower::open(Arc::new(log.clone()), store, Idle, options).unwrap();
    let mut follower = follower.measured(&metrics);
    assert!(follower.turn(NOW).unwrap());
    let text = || TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    assert!(text().contains("mirabelle_follower_lag_seconds{role=\"courier\"} 2.5"), "{}", text());
    log.drop_before(Topic::Facts, Partition(0), Offset(9));
    while follower.turn(NOW).unwrap() {}
    assert_eq!((follower.stopped_partitions(), follower.caught_up()), (1, true));
    own(&log, Partition(1), 99);
    assert!(follower.turn(NOW).unwrap(), "the other partition is read on");
    assert!(text().contains("mirabelle_follower_stopped_partitions{role=\"courier\"} 1"), "{}", text());
    assert!(text().contains("mirabelle_follower_open_obligations{role=\"courier\"} 7"), "{}", text());
}

#[test]
fn a_partition_that_is_not_the_one_of_the_checkpoint_stops_alone_at_the_start() {
    let log = log(2);
    let store = Arc::new(MemoryStore::new(log.id()));
    let open = || Follower::open(Arc::new(log.clone()), store.clone(), Idle, Options::default()).unwrap();
    let mut first = open();
    while first.turn(NOW).unwrap() {}
    first.keep_place(true).unwrap();
    log.cut(Topic::Facts, Partition(0), Offset(5));
    own(&log, Partition(1), 77);
    for _ in 0..2 {
        let mut again = open();
        assert_eq!(again.stopped_partitions(), 1);
        // No place is kept that would pass over what was not read: the next start finds the same.
        assert!(again.turn(NOW).unwrap(), "the other partition is read on");
        assert!(again.caught_up());
        again.keep_place(true).unwrap();
    }
}

#[test]
fn every_documented_metric_of_the_followers_is_exported_and_no_other() {
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).unwrap();
    let log = log(1);
    let store = Arc::new(MemoryStore::new(log.id()));
    let follower = Follower::open(Arc::new(log), store, Idle, Options::default()).unwrap();
    follower.measured(&metrics).turn(NOW).unwrap();
    let exported: BTreeSet<String> = registry.gather().iter().map(|one| one.name().to_owned()).collect();
    assert_eq!(exported, NAMES.iter().map(|(name, _)| (*name).to_owned()).collect());
}
