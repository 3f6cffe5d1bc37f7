//! What looks into a directory.

use std::sync::Arc;
use std::sync::mpsc::channel;

use mirabelle_log::{Append, Entry, Log as _, Offset, Partition, ReadLimit, Record, Topic, View};
use mirabelle_log_embedded::{EmbeddedLog, Options};
use mirabelle_schemas::record::FactsRecord;
use mirabelle_schemas::{decode_facts_record, encode_decision};
use serde_json::{Value as Json, json};

use crate::server::{Said, Server, mirabelle, run};

/// Lines of JSON.
fn lines(said: &Said) -> Vec<Json> {
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn open(data: &std::path::Path) -> EmbeddedLog {
    EmbeddedLog::open(data.join("log"), Options::new(Arc::new(mirabelle::engine::wall_clock))).unwrap()
}

/// Every record of a partition's facts.
fn facts(log: &EmbeddedLog, partition: Partition) -> Vec<Record> {
    let mut records = Vec::new();
    let mut reader = log.reader(Topic::Facts, partition, Offset(0), View::Durable).unwrap();
    reader.read(ReadLimit { records: 10_000, bytes: 16 << 20 }, &mut records).unwrap();
    records
}

fn append(log: &EmbeddedLog, partition: Partition, entry: Entry) {
    let (tell, told) = channel();
    let done = Box::new(move |outcome| drop(tell.send(outcome)));
    log.append(vec![Append { topic: Topic::Facts, partition, entry, done: Some(done) }]).unwrap();
    told.recv().unwrap().unwrap();
}

#[test]
fn a_dump_says_of_every_fact_record_whether_it_counts() {
    let server = Server::start(Arc::new(tempfile::tempdir().unwrap()));
    let data = server.data.path().to_str().unwrap().to_owned();
    let create = ["tenant", "create", "acme", "--mode", "sandbox", "--url", &server.url, "--data", &data];
    run(&create).expect(0);
    let used = run(&["log", "dump", "--data", &data]).expect(1);
    assert!(used.err.contains("in use") && used.err.contains("stop the server"), "{used:#?}");
    let key = std::fs::read_to_string(server.admin_key()).unwrap();
    server.terminate();
    // Once more, so that every partition has a second claim, and its first epoch has ended.
    Server::start(Arc::clone(&server.data)).terminate();
    let whole = run(&["log", "dump", "--data", &data]).expect(0);
    let all = lines(&whole);
    let made = all
        .iter()
        .find(|line| line["decision"]["command"] == "CreateTenant" && line["decision"]["tenant"] == "acme");
    let made = made.unwrap_or_else(|| panic!("{whole:#?}"));
    assert_eq!(
        (&made["verdict"], &made["decision"]["facts"][0]["name"]),
        (&json!("counts"), &json!("TenantCreated"))
    );
    assert_eq!(all.iter().filter(|line| line["verdict"] == "root").count(), 8);
    assert!(all.iter().any(|line| line["verdict"] == "claimed" && line["claim"]["epoch"] == 1));
    assert!(!whole.out.contains(key.trim()), "the text of a key is nowhere in the log");
    let partition = Partition(u16::try_from(made["partition"].as_u64().unwrap()).unwrap());
    spoil(server.data.path(), partition);
    let number = partition.to_string();
    let dump = run(&["log", "dump", "--data", &data, "--partition", &number]).expect(0);
    let verdicts: Vec<Json> = lines(&dump).iter().map(|line| line["verdict"].clone()).collect();
    assert!(verdicts.ends_with(&[json!("repeat"), json!("foreign"), json!("ghost")]), "{verdicts:?}");
    let from = (verdicts.len() - 2).to_string();
    let end = run(&["log", "dump", "--data", &data, "--partition", &number, "--from", &from, "--limit", "1"]);
    let end = lines(&end.expect(0));
    assert_eq!((end.len(), &end[0]["verdict"]), (1, &json!("foreign")));
    let commands = lines(&run(&["log", "dump", "--data", &data, "--topic", "commands"]).expect(0));
    assert!(commands.iter().any(|line| line["command"]["body"]["mode"] == "sandbox"), "{commands:#?}");
    run(&["log", "dump", "--data", &data, "--partition", "8"]).expect(2);
}

/// Appends the last decision once more, something that is nobody's, and a decision of an epoch that has ended.
fn spoil(data: &std::path::Path, partition: Partition) {
    let log = open(data);
    let is_decision = |record: &Record| {
        let decoded = decode_facts_record(&record.entry.value, record.entry.fingerprint);
        matches!(decoded, Ok((FactsRecord::Decision(_), _)))
    };
    let last = facts(&log, partition).into_iter().rfind(is_decision).unwrap();
    append(&log, partition, last.entry.clone());
    let nobodys = Entry { fingerprint: 0, value: b"nobody's".to_vec().into(), ..last.entry.clone() };
    append(&log, partition, nobodys);
    let (record, _) = decode_facts_record(&last.entry.value, last.entry.fingerprint).unwrap();
    let FactsRecord::Decision(mut decision) = record else { panic!("a decision was looked for") };
    decision.seq += 1;
    let late = encode_decision(&decision);
    append(&log, partition, Entry { value: late.value, fingerprint: late.fingerprint, ..last.entry });
}

#[test]
fn a_directory_without_a_log_is_told_as_such() {
    let empty = tempfile::tempdir().unwrap();
    let said = run(&["log", "dump", "--data", empty.path().to_str().unwrap()]).expect(1);
    assert!(said.err.contains("could not open the log"), "{said:#?}");
    let version = Said::from(mirabelle(&["--version"]).output().unwrap()).expect(0);
    assert!(version.out.starts_with("mirabelle "), "{version:#?}");
}
