//! Topics with which answers could be lost are not worked with.

use std::time::Duration;

use mirabelle_log::Topic;
use mirabelle_log_kafka::{KafkaLog, OpenError, Options};

use crate::servers::{RIGHT, quiet};

fn refusal(options: &Options) -> OpenError {
    match KafkaLog::open(options.clone()) {
        Ok(_) => panic!("the log was opened"),
        Err(error) => error,
    }
}

#[test]
fn topics_with_wrong_settings_are_refused_and_each_is_named() {
    let Some(quiet) = quiet(1) else { return };
    let server = quiet.server;
    let options = server.options();
    let prefix = &options.prefix;
    let with = |key: &'static str, value: &'static str| {
        RIGHT.map(|(known, right)| if known == key { (known, value) } else { (known, right) })
    };
    let made = [
        ("facts", 2, with("retention.ms", "604800000")),
        ("milestones", 2, with("message.timestamp.type", "CreateTime")),
        ("commands", 3, with("retention.bytes", "1000000")),
        ("commands-bulk", 2, with("cleanup.policy", "compact,delete")),
        ("dead-letters", 2, with("max.message.bytes", "1048588")),
        ("membership", 1, RIGHT),
        ("log", 1, RIGHT),
    ];
    for (topic, partitions, settings) in made {
        server.make(&format!("{prefix}.{topic}"), partitions, &settings);
    }
    let OpenError::Topics { wrong, .. } = refusal(&options) else { panic!("refused for another reason") };
    let expected = [
        format!("{prefix}.facts: retention.ms is \"604800000\" and must be -1"),
        format!("{prefix}.milestones: message.timestamp.type is \"CreateTime\" and must be LogAppendTime"),
        format!("{prefix}.commands: it has 3 partitions and must have 2"),
        format!("{prefix}.commands: retention.bytes is \"1000000\" and must be -1"),
        format!("{prefix}.commands-bulk: cleanup.policy is \"compact,delete\" and must be delete"),
        format!("{prefix}.dead-letters: max.message.bytes is \"1048588\" and must be 1114112 or more"),
        format!("{prefix}.membership: it has 1 partitions and must have 2"),
        format!("{prefix}.log: cleanup.policy is \"delete\" and must be compact"),
    ];
    for one in &expected {
        assert!(wrong.contains(one), "{one:?} is not among {wrong:#?}");
    }
    assert_eq!(wrong.len(), expected.len(), "{wrong:#?}");
}

#[test]
fn copies_that_could_not_survive_a_broker_are_refused() {
    let Some(quiet) = quiet(3) else { return };
    let server = quiet.server;
    let mut options = server.options();
    options.create = false;
    for topic in Topic::ALL {
        // Acknowledged by one broker alone, which a majority may not know of.
        server.make(&format!("{}.{topic}", options.prefix), 2, &RIGHT);
    }
    let OpenError::Topics { wrong, .. } = refusal(&options) else { panic!("refused for another reason") };
    let named = |what: &str| wrong.iter().any(|one| one.contains(what));
    for topic in Topic::ALL {
        let name = format!("{}.{topic}", options.prefix);
        assert!(named(&format!("{name}: min.insync.replicas is \"1\" and must be 2 or more")), "{wrong:#?}");
    }
    assert!(named(&format!("{}.log is missing", options.prefix)), "{wrong:#?}");
    assert!(named(&format!("{}.membership is missing", options.prefix)), "{wrong:#?}");
}

#[test]
fn more_copies_than_brokers_are_refused_with_the_way_out() {
    let Some(quiet) = quiet(1) else { return };
    let mut options = quiet.server.options();
    options.replication = 3;
    let error = refusal(&options).to_string();
    assert!(error.contains("replication=1"), "{error}");
}

#[test]
fn a_log_of_other_partitions_is_refused() {
    let Some(quiet) = quiet(1) else { return };
    let mut options = quiet.server.options();
    drop(KafkaLog::open(options.clone()).unwrap());
    options.partitions = 3;
    let error = refusal(&options).to_string();
    assert!(error.contains("facts: it has 2 partitions and must have 3"), "{error}");
}

#[test]
fn a_cluster_that_does_not_answer_is_told_in_time() {
    let options = Options { open_timeout: Duration::from_secs(2), ..Options::new("127.0.0.1:1", "nobody") };
    let error = refusal(&options);
    assert!(matches!(error, OpenError::Cluster { .. }), "{error}");
}
