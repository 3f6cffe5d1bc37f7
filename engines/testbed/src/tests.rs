//! The testbed at work. Each test leaves itself out, and says so, where servers can't be had.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

use std::net::TcpStream;

use crate::{Kafka, KafkaOptions, Testbed};

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
