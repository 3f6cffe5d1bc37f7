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
    // Once more, with a decision: the partition has a second claim then, and its first epoch has ended.
    let again = Server::start(Arc::clone(&server.data));
    let known = ["tenant", "create", "acme", "--mode", "live", "--url", &again.url, "--data", &data];
    assert!(run(&known).expect(1).err.contains("tenant_exists"));
    again.terminate();
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
    assert!(verdicts.ends_with(&["repeat", "foreign", "ghost", "orphan"].map(Json::from)), "{verdicts:?}");
    let from = (verdicts.len() - 3).to_string();
    let end = run(&["log", "dump", "--data", &data, "--partition", &number, "--from", &from, "--limit", "1"]);
    let end = lines(&end.expect(0));
    assert_eq!((end.len(), &end[0]["verdict"]), (1, &json!("foreign")));
    let commands = lines(&run(&["log", "dump", "--data", &data, "--topic", "commands"]).expect(0));
    assert!(commands.iter().any(|line| line["command"]["body"]["mode"] == "sandbox"), "{commands:#?}");
    run(&["log", "dump", "--data", &data, "--partition", "8"]).expect(2);
}

/// Appends the first decision once more, something that is nobody's, a decision of the epoch that has ended, and one
/// behind a gap.
fn spoil(data: &std::path::Path, partition: Partition) {
    let log = open(data);
    let decision = |record: &Record| match decode_facts_record(&record.entry.value, record.entry.fingerprint)
    {
        Ok((FactsRecord::Decision(decision), _)) => Some((record.entry.clone(), decision)),
        _ => None,
    };
    let decisions: Vec<_> = facts(&log, partition).iter().filter_map(decision).collect();
    let (first, last) = (decisions.first().unwrap(), decisions.last().unwrap());
    assert!(first.1.epoch < last.1.epoch);
    append(&log, partition, first.0.clone());
    append(&log, partition, Entry { fingerprint: 0, value: b"nobody's".to_vec().into(), ..first.0.clone() });
    for (entry, decision) in [first, last] {
        let mut beyond = decision.clone();
        beyond.seq += 1_041;
        let encoded = encode_decision(&beyond);
        append(
            &log,
            partition,
            Entry { value: encoded.value, fingerprint: encoded.fingerprint, ..entry.clone() },
        );
    }
}

#[test]
fn a_directory_without_a_log_is_told_as_such() {
    let empty = tempfile::tempdir().unwrap();
    let said = run(&["log", "dump", "--data", empty.path().to_str().unwrap()]).expect(1);
    assert!(said.err.contains("could not open the log"), "{said:#?}");
    let version = Said::from(mirabelle(&["--version"]).output().unwrap()).expect(0);
    assert!(version.out.starts_with("mirabelle "), "{version:#?}");
}
