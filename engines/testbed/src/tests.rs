//! The testbed at work. Each test leaves itself out, and says so, where servers can't be had.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

use std::net::TcpStream;

use crate::{Cassandra, CassandraOptions, Kafka, KafkaOptions, Testbed};

/// Whether anybody takes connections at `server`.
fn answers(server: &str) -> bool {
    TcpStream::connect(server).is_ok()
}

#[test]
fn a_broker_comes_back_on_its_directory_after_every_kind_of_end() {
    let Some(testbed) = Testbed::find_for_test("a broker of Apache Kafka") else { return };
    let kafka = Kafka::start(&testbed, &KafkaOptions::of(1)).unwrap();
    let server = kafka.servers();
    assert!(answers(&server));
    let first = kafka.pid(0).unwrap();
    kafka.kill(0).unwrap();
    assert!(!answers(&server), "a killed broker answers nobody");
    kafka.kill(0).unwrap_err();
    kafka.restart(0).unwrap();
    assert!(answers(&server));
    assert_ne!(kafka.pid(0).unwrap(), first);
    kafka.restart(0).unwrap_err();
    kafka.wipe(0).unwrap_err();
    kafka.pause(0).unwrap();
    kafka.resume(0).unwrap();
    kafka.stop(0).unwrap();
    assert!(!answers(&server));
    kafka.pause(0).unwrap_err();
    kafka.wipe(0).unwrap();
    kafka.restart(0).unwrap();
    assert!(answers(&server), "a wiped broker is a new one");
}

#[test]
fn a_node_comes_back_on_its_directory_after_every_kind_of_end() {
    let Some(testbed) = Testbed::find_for_test("two data centres of Apache Cassandra") else { return };
    let cassandra = Cassandra::start(&testbed, &CassandraOptions::of(2)).unwrap();
    assert!(cassandra.answers(0) && cassandra.answers(1));
    assert_eq!(cassandra.hosts(), format!("{},{}", cassandra.host(0), cassandra.host(1)));
    let first = cassandra.pid(1).unwrap();
    cassandra.kill(1).unwrap();
    assert!(!cassandra.answers(1), "a killed node answers nobody");
    assert!(cassandra.answers(0), "the other one does");
    cassandra.kill(1).unwrap_err();
    cassandra.restart(1).unwrap();
    assert!(cassandra.answers(1));
    assert_ne!(cassandra.pid(1).unwrap(), first);
    cassandra.restart(1).unwrap_err();
    cassandra.pause(1).unwrap();
    assert!(!cassandra.answers(1), "a paused node is there and says nothing");
    cassandra.resume(1).unwrap();
    assert!(cassandra.answers(1));
    cassandra.stop(1).unwrap();
    cassandra.pause(1).unwrap_err();
    assert!(!cassandra.answers(1));
    cassandra.wipe(1).unwrap_err();
    drop(cassandra);
    let alone = Cassandra::start(&testbed, &CassandraOptions::of(1)).unwrap();
    alone.wipe(0).unwrap_err();
    alone.kill(0).unwrap();
    alone.wipe(0).unwrap();
    alone.restart(0).unwrap();
    assert!(alone.answers(0), "a wiped node is a new one");
}
