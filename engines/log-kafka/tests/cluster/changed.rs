//! Topics that are not those which were written to before.

use std::time::Instant;

use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Log, Offset, Partition, ReadError, Refused, Topic, View};
use mirabelle_log_kafka::{KafkaLog, OpenError, Options};

use crate::servers::{PATIENCE, RIGHT, Server, quiet};
use crate::shared::{ALL, append};

const PLACE: (Topic, Partition) = (Topic::Commands, Partition(1));

fn written(options: &Options, records: u64) {
    let log = KafkaLog::open(options.clone()).unwrap();
    for number in 0..records {
        append(&log, PLACE.0, PLACE.1, number).unwrap();
    }
}

fn why_not(options: &Options) -> String {
    match KafkaLog::open(options.clone()) {
        Err(OpenError::NotTheLog { reason, .. }) => reason,
        Err(error) => panic!("refused for another reason: {error}"),
        Ok(_) => panic!("the log was opened"),
    }
}

fn make_again(server: &Server, options: &Options) {
    let name = format!("{}.{}", options.prefix, PLACE.0);
    server.delete(&name);
    server.make(&name, i32::from(options.partitions), &RIGHT);
}

#[test]
fn a_topic_that_was_deleted_is_not_made_again_as_if_nothing_had_been() {
    let Some(quiet) = quiet(1) else { return };
    let options = quiet.server.options();
    written(&options, 3);
    let name = format!("{}.{}", options.prefix, PLACE.0);
    quiet.server.delete(&name);
    let reason = why_not(&options);
    assert!(reason.contains(&name), "{reason}");
}

#[test]
fn a_topic_that_was_deleted_and_made_again_is_refused_empty_and_filled() {
    let Some(quiet) = quiet(1) else { return };
    let options = quiet.server.options();
    written(&options, 3);
    make_again(quiet.server, &options);
    let reason = why_not(&options);
    assert!(reason.contains("partition 1 of commands ends at 0, and held a record at 2"), "{reason}");
    // Somebody fills it, further than it was.
    let other = Options { prefix: Server::prefix(), ..options.clone() };
    written(&other, 1);
    let name = format!("{}.{}", options.prefix, PLACE.0);
    let producer: rdkafka::producer::BaseProducer = quiet.server.client().create().unwrap();
    for number in 0..5 {
        let value = format!("a stranger's {number}");
        let record = rdkafka::producer::BaseRecord::to(&name).partition(1).key("k").payload(&value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    rdkafka::producer::Producer::flush(&producer, PATIENCE).unwrap();
    let reason = why_not(&options);
    assert!(reason.contains("another record than before stands at offset 2"), "{reason}");
}

#[test]
fn a_log_without_the_topic_of_its_id_is_refused() {
    let Some(quiet) = quiet(1) else { return };
    let options = quiet.server.options();
    written(&options, 3);
    quiet.server.delete(&format!("{}.log", options.prefix));
    let reason = why_not(&options);
    assert!(reason.contains("does not say whose"), "{reason}");
}

#[test]
fn a_topic_that_is_made_again_under_an_open_log_ends_it() {
    let Some(quiet) = quiet(1) else { return };
    let options = quiet.server.options();
    let log = KafkaLog::open(options.clone()).unwrap();
    for number in 0..5 {
        append(&log, PLACE.0, PLACE.1, number).unwrap();
    }
    let mut reader = log.reader(PLACE.0, PLACE.1, Offset(0), View::Durable).unwrap();
    make_again(quiet.server, &options);
    // The next record that the new topic takes stands where another one stood.
    let deadline = Instant::now() + PATIENCE;
    while log.lost().is_none() {
        assert!(Instant::now() < deadline, "nobody noticed");
        append(&log, PLACE.0, PLACE.1, 99).expect_err("it is not the log that it was");
    }
    let again = Append { topic: Topic::Facts, partition: Partition(0), entry: entry(1), done: None };
    assert_eq!(log.append(vec![again]), Err(Refused::Closed), "nothing is taken any more, anywhere");
    let error = reader.read(ALL, &mut Vec::new()).expect_err("nor read");
    assert!(matches!(error, ReadError::Io { .. }), "{error}");
    drop((reader, log));
    why_not(&options);
}
