//! `kill -9` under load: this binary runs itself as a child, kills it, and looks at what it left.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;

use bytes::Bytes;
use mirabelle_log::{Append, Entry, Log, Offset, Partition, ReadLimit, Topic, View};

use super::{PATIENCE, read_slot};
use crate::{EmbeddedLog, Options};

const DIR: &str = "MIRABELLE_LOG_KILL_DIR";
const KILLS: u64 = 12;
const CLIENTS: u16 = 3;

fn options() -> Options {
    Options {
        partitions: 2,
        segment_bytes: 256 << 10,
        tail_bytes_max: 64 << 10,
        ..Options::new(Options::system_clock())
    }
}

fn record(topic: Topic, partition: Partition, value: String) -> Append {
    let entry =
        Entry { key: Bytes::from_static(b"k"), fingerprint: 5, value: Bytes::from(value), trace: None };
    Append { topic, partition, entry, done: None }
}

/// Decides everything that it reads before it is durable: each decision names its command's offset and value.
fn decide(log: &dyn Log, partition: Partition) {
    let from = log.bounds(Topic::Facts, partition, View::Durable).unwrap().end;
    let mut reader = log.reader(Topic::Commands, partition, from, View::Accepted).unwrap();
    loop {
        let tick = log.tick(View::Accepted);
        let mut commands = Vec::new();
        reader.read(ReadLimit { records: 100, bytes: 1 << 20 }, &mut commands).unwrap();
        for command in &commands {
            let value = format!("{} {}", command.offset, String::from_utf8_lossy(&command.entry.value));
            let mut decision = record(Topic::Facts, partition, value.clone());
            decision.done = Some(Box::new(move |answer: Result<Offset, _>| {
                answer.unwrap();
                // One write to the pipe: the parent sees it whole or not at all.
                std::io::stdout().lock().write_all(format!("ack {partition} {value}\n").as_bytes()).unwrap();
            }));
            log.append(vec![decision]).expect("three clients do not fill the queue");
        }
        if commands.is_empty() {
            log.wait(View::Accepted, tick, PATIENCE);
        }
    }
}

/// The child: writes until it is killed.
#[test]
#[ignore = "is run by the test that kills it"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(Path::new(&dir), options()).unwrap());
    for partition in [Partition(0), Partition(1)] {
        let log = Arc::clone(&log);
        // Decisions are made up for what the last life left undecided: facts and commands have equal offsets.
        std::thread::spawn(move || decide(&*log, partition));
    }
    let clients = (0..CLIENTS).map(|client| {
        let log = Arc::clone(&log);
        std::thread::spawn(move || {
            for number in 0u64.. {
                let (sender, receiver) = channel();
                let value = format!("{}-{client}-{number}", std::process::id());
                let mut command = record(Topic::Commands, Partition(client % 2), value);
                command.done = Some(Box::new(move |answer| drop(sender.send(answer))));
                if log.append(vec![command]).is_ok() {
                    receiver.recv().unwrap().unwrap();
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().unwrap();
    }
}

/// Lets a child write until it acknowledged `count` decisions, kills it, and gives all that it acknowledged.
fn live_and_die(dir: &Path, count: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "tests::kill::child_that_writes_until_it_is_killed"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let mut acknowledged = Vec::new();
    let mut killed = false;
    for line in lines {
        let line = String::from_utf8(line.unwrap()).unwrap();
        if let Some(answer) = line.strip_prefix("ack ") {
            acknowledged.push(answer.to_owned());
        }
        if acknowledged.len() as u64 >= count && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself after {} answers", acknowledged.len());
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        acknowledged.extend(live_and_die(dir.path(), 50 + kill * 211));
        let log = EmbeddedLog::open_offline(dir.path(), options()).unwrap();
        assert_eq!(log.check_all().faults, []);
        let mut held = BTreeSet::new();
        for partition in [Partition(0), Partition(1)] {
            let commands = read_slot(&log, Topic::Commands, partition, View::Durable).unwrap();
            let facts = read_slot(&log, Topic::Facts, partition, View::Durable).unwrap();
            assert!(facts.len() <= commands.len(), "a decision outlived its command");
            for (fact, command) in facts.iter().zip(&commands) {
                let value = String::from_utf8(fact.entry.value.to_vec()).unwrap();
                let command = String::from_utf8_lossy(&command.entry.value).into_owned();
                assert_eq!(
                    value,
                    format!("{} {command}", fact.offset),
                    "one decision a command, in its order"
                );
                held.insert(format!("{partition} {value}"));
            }
        }
        let lost: Vec<_> = acknowledged.difference(&held).collect();
        assert!(lost.is_empty(), "kill {kill}: acknowledged and gone: {lost:?}");
    }
}
