//! What the embedded engines bear, against bare redb in the same run, part by part in turn (A B A B).
//!
//! `cargo bench -p mirabelle-store-embedded -- [decisions] [ids]`
//!
//! A decision here is one redemption delivered at once, projected by the domain's own code, on one of 100,000
//! accounts. "Bare redb" inserts the very same bytes, sorted, without reading what was there: the cheapest that a
//! projector on a plain B-tree could do.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod bare;
mod ids;
mod redemptions;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::{balances, statement};
use mirabelle_log::LogId;
use mirabelle_store::{Rows, Scan, Store};
use mirabelle_store_embedded::{EmbeddedStore, Options};

use redemptions::Redemptions;

/// Decisions between two changes of side.
const PART: usize = 50_000;
/// Decisions in one batch: what a projector finds after a pause of 5 ms at 50,000 a second.
const BATCH: usize = 250;
const LOG: LogId = LogId([7; 16]);

/// Time on the clock and on the processor.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    pub(crate) fn on<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), process_time());
        let done = work();
        self.wall += wall.elapsed();
        self.cpu += process_time() - cpu;
        done
    }

    pub(crate) fn line(&self, what: &str, done: usize) -> String {
        let rate = |time: Duration| done as f64 / time.as_secs_f64();
        let (wall, cpu) = (rate(self.wall), rate(self.cpu));
        format!("{what:<34}{wall:>12.0} /s{cpu:>12.0} /s of processor time")
    }
}

/// User and system time of all threads.
fn process_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells a process its times");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap_or_default()).sum();
    Duration::from_millis(ticks * 10)
}

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.replace('_', "").parse::<usize>().ok());
    let decisions = numbers.next().unwrap_or(1_000_000).next_multiple_of(PART);
    let ids = numbers.next().unwrap_or(5_000_000);
    let directory = tempfile::tempdir().expect("a directory for the run");
    rows(directory.path(), decisions);
    ids::run(directory.path(), ids);
}

fn rows(directory: &std::path::Path, decisions: usize) {
    let path = directory.join("rows.redb");
    let store = EmbeddedStore::open(&path, LOG, Options::default()).expect("a new store");
    let rows = store.create(&"first".parse().expect("a name")).expect("a generation");
    let mut bare = bare::Bare::create(&directory.join("bare.redb"));
    let (mut ours, mut theirs) = (Spent::default(), Spent::default());
    let mut made = Redemptions::default();
    let (mut puts, mut cells) = (0, 0);
    println!("rows: {decisions} decisions in batches of {BATCH}, parts of {PART} in turn");
    for part in 0..decisions / PART {
        let batches: Vec<_> = (0..PART / BATCH).map(|_| made.batch(BATCH)).collect();
        let bytes: Vec<_> = batches.iter().map(bare::encoded).collect();
        puts += batches.iter().map(|batch| batch.puts().len()).sum::<usize>();
        cells += batches.iter().flat_map(|batch| batch.puts()).map(|put| put.row.cells.len()).sum::<usize>();
        let (mut this, mut that) = (Spent::default(), Spent::default());
        this.on(|| {
            batches.into_iter().for_each(|batch| rows.apply(batch).expect("a healthy store"));
            store.sync().expect("a healthy store");
        });
        that.on(|| bare.write(bytes, BATCH));
        ours = add(ours, this);
        theirs = add(theirs, that);
        if (part + 1) % 5 == 0 {
            println!("  {:>9}  {}", (part + 1) * PART, this.line("this part, Store", PART));
            println!("  {:>9}  {}", "", that.line("this part, bare redb", PART));
        }
    }
    println!("a decision: {:.1} rows, {:.1} cells", per(puts, decisions), per(cells, decisions));
    println!("{}", ours.line("Store, decisions", decisions));
    println!("{}", theirs.line("bare redb, decisions", decisions));
    let ratio = |a: Duration, b: Duration| b.as_secs_f64() / a.as_secs_f64();
    println!(
        "Store / bare redb: {:.2} by the clock, {:.2} by the processor",
        ratio(ours.wall, theirs.wall),
        ratio(ours.cpu, theirs.cpu)
    );
    let usage = store.usage().expect("a healthy store");
    println!(
        "Store: {usage:?}: {:.0} bytes a decision in pages in use",
        per(usage.file_bytes as usize, decisions)
    );
    let file = std::fs::metadata(&path).map_or(0, |file| file.len());
    println!("Store: the file is {:.0} bytes a decision", per(file as usize, decisions));
    println!("bare redb: {:.0} bytes a decision in pages in use", per(bare.bytes(), decisions));
    reads(&rows, &made);
    drop((rows, store));
    let opening = Instant::now();
    let store = EmbeddedStore::open(&path, LOG, Options::default()).expect("a store");
    println!("opened again in {:.1} ms", opening.elapsed().as_secs_f64() * 1e3);
    drop(store);
}

fn reads(rows: &Arc<dyn Rows>, made: &Redemptions) {
    let mut times: Vec<Duration> = Vec::new();
    for account in (0..redemptions::ACCOUNTS).step_by(53) {
        let begun = Instant::now();
        let found = rows.get(&balances::TABLE, &redemptions::account_key(account)).expect("a healthy store");
        times.push(begun.elapsed());
        assert_eq!(found.is_some(), made.has(account), "account {account}");
    }
    println!("{}", quantiles("get of a balance", times));
    let mut times: Vec<Duration> = Vec::new();
    for account in (0..redemptions::ACCOUNTS).step_by(211) {
        let mut key = redemptions::account_key(account);
        key.push(Value::Int(redemptions::month_number()));
        let begun = Instant::now();
        let scan = Scan { reverse: true, ..Scan::new(&statement::TABLE, key, 20) };
        let found = rows.scan(&scan).expect("a healthy store");
        times.push(begun.elapsed());
        assert_eq!(!found.is_empty(), made.has(account), "account {account}");
    }
    println!("{}", quantiles("scan of a statement's last 20", times));
}

pub(crate) fn quantiles(what: &str, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    format!("{what:<34}p50 {:.1} µs, p99 {:.1} µs", at(0.5), at(0.99))
}

fn add(a: Spent, b: Spent) -> Spent {
    Spent { wall: a.wall + b.wall, cpu: a.cpu + b.cpu }
}

pub(crate) fn per(sum: usize, count: usize) -> f64 {
    sum as f64 / count as f64
}
