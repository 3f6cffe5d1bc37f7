//! A process killed at random moments, again and again on the same files: what it had said to be durable is there,
//! no checkpoint is there without its rows, and the next process goes on.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mirabelle_domain::CommandId;
use mirabelle_domain::rows::{Row, Table, Type, Value};
use mirabelle_log::{LogId, Partition};
use mirabelle_store::{Batch, Ids, Rows, Store};
use mirabelle_store_embedded::{EmbeddedIds, EmbeddedStore, Options};

const DIRECTORY: &str = "MIRABELLE_CRASH_TEST_DIRECTORY";
const LOG: LogId = LogId([5; 16]);
const AT: Partition = Partition(3);
/// Small, so that commits and merges happen all the time.
const OPTIONS: Options = Options {
    sync_after: Duration::from_millis(2),
    sync_decisions: 40,
    sync_bytes: 1 << 16,
    cache_bytes: 1 << 20,
    pack_rows_min: 500,
};

static LINES: Table = Table {
    number: 9,
    name: "lines",
    partition: &[("tenant", Type::Text)],
    clustering: &[("number", Type::Int)],
    columns: &[("twice", Type::Int)],
};
static LAST: Table = Table {
    number: 10,
    name: "last",
    partition: &[("tenant", Type::Text)],
    clustering: &[],
    columns: &[("number", Type::Int), ("twice", Type::Int)],
};

fn tenant() -> Value {
    Value::Text("acme".to_owned())
}

fn batch(number: i64) -> Batch {
    let line = Row {
        table: &LINES,
        key: vec![tenant(), Value::Int(number)],
        cells: vec![(0, Value::Int(2 * number))],
        delete: false,
    };
    let cells = vec![(0, Value::Int(number)), (1, Value::Int(2 * number))];
    let last = Row { table: &LAST, key: vec![tenant()], cells, delete: false };
    let mut batch = Batch::new();
    batch.decision(1_000 + number, vec![line, last]);
    batch.checkpoint(AT, number.to_be_bytes().to_vec());
    batch
}

fn id(number: u64) -> CommandId {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    CommandId([mixed.to_be_bytes(), number.to_be_bytes()].concat().try_into().unwrap())
}

fn open(directory: &Path) -> (EmbeddedStore, Arc<dyn Rows>, EmbeddedIds) {
    let store = EmbeddedStore::open(&directory.join("rows.redb"), LOG, OPTIONS).unwrap();
    let rows = match store.live() {
        Ok(rows) => rows,
        Err(_) => store.create(&"first".parse().unwrap()).unwrap(),
    };
    (store, rows, EmbeddedIds::open(&directory.join("ids.redb"), LOG, OPTIONS).unwrap())
}

fn reached(rows: &dyn Rows) -> i64 {
    rows.checkpoint(AT).unwrap().map_or(-1, |bytes| i64::from_be_bytes(bytes.try_into().unwrap()))
}

/// What the rows and ids say, checked against each other.
fn check(rows: &dyn Rows, ids: &EmbeddedIds) -> (i64, i64) {
    let reached = reached(rows);
    let lines = rows.scan_table(&LINES, None, usize::MAX).unwrap();
    assert_eq!(lines.len() as i64, reached + 1, "every line up to the checkpoint, and none beyond");
    for (number, line) in (0..).zip(&lines) {
        assert_eq!((line.int("number"), line.int("twice")), (Some(number), Some(2 * number)));
    }
    let last = rows.get(&LAST, &[tenant()]).unwrap();
    assert_eq!(last.and_then(|row| row.int("number")), (reached >= 0).then_some(reached));
    let covered = ids.covered_to(AT).unwrap();
    for seq in 0..covered.map_or(0, |covered| covered + 1) {
        assert_eq!(ids.lookup(id(seq)).unwrap().map(|place| place.seq), Some(seq));
    }
    (reached, covered.map_or(-1, |covered| covered as i64))
}

#[test]
#[ignore = "the process that the other test kills"]
fn a_process_that_writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let (store, rows, ids) = open(Path::new(&directory));
    let mut out = std::io::stdout();
    let (number, seq) = (reached(&*rows) + 1, ids.covered_to(AT).unwrap().map_or(0, |covered| covered + 1));
    // An end of its own, should nobody kill it.
    for round in 0..100_000 {
        let (number, seq) = (number + round as i64, seq + round);
        rows.apply(batch(number)).unwrap();
        ids.insert_batch(AT, &[(id(seq), seq)], seq).unwrap();
        if round % 50 == 49 {
            store.sync().unwrap();
            ids.sync().unwrap();
            writeln!(out, "durable {number} {seq}").unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_durable_and_leaves_no_checkpoint_without_rows() {
    let directory = tempfile::tempdir().unwrap();
    let mut durable = (-1, -1);
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = 0_i64;
        // Killed after another number of lines each round, wherever it is then; what it still said counts too.
        while let Some(Ok(line)) = lines.next() {
            if let Some(numbers) = line.strip_prefix("durable ") {
                let (rows, ids) = numbers.split_once(' ').unwrap();
                durable = (rows.parse::<i64>().unwrap(), ids.parse::<i64>().unwrap());
                told += 1;
                if told == 1 + round % 5 {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(told > round % 5, "the process was at work");
        let (_store, rows, ids) = open(directory.path());
        let found = check(&*rows, &ids);
        assert!(durable.0 > 49 * round, "each process went on where the last one ended");
        assert!(found.0 >= durable.0 && found.1 >= durable.1, "{durable:?} was durable, {found:?} is there");
    }
}
