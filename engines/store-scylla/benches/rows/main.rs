//! What the projector's path to the servers bears, against bare prepared inserts of the same rows through the same
//! driver, part by part in turn (A B A B), on one node of Apache Cassandra.
//!
//! `cargo bench -p mirabelle-store-scylla -- [decisions]`
//!
//! A decision here is one redemption delivered at once, projected by the domain's own code: four facts. "Bare" sends
//! one insert a row, unstamped and unbatched, as many at a time as the store does, and waits for nothing between
//! batches; the store coalesces, stamps, sends a request for each partition key, waits for each batch and puts its
//! checkpoint behind it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod bare;
#[allow(dead_code, unreachable_pub, reason = "the other engine's bench reads too")]
#[path = "../../../store-embedded/benches/rows/redemptions.rs"]
mod redemptions;

use std::time::{Duration, Instant};

use mirabelle_log::LogId;
use mirabelle_store::{Batch, Rows, Store};
use mirabelle_store_scylla::{Options, ScyllaStore};
use mirabelle_testbed::{Cassandra, CassandraOptions, Testbed};

use redemptions::Redemptions;

const LOG: LogId = LogId([7; 16]);
/// Facts of one decision.
const FACTS: usize = 4;

/// A way in which decisions come.
struct Load {
    what: &'static str,
    accounts: usize,
    /// Decisions of one batch.
    batch: usize,
}

const LOADS: [Load; 3] = [
    Load { what: "spread: each batch touches a row once", accounts: 100_000, batch: 250 },
    Load { what: "busy: some rows of a batch meet", accounts: 2_000, batch: 2_000 },
    Load { what: "hot: a batch touches the same rows again and again", accounts: 100, batch: 2_000 },
];

#[derive(Clone, Copy, Default)]
struct Spent {
    ours: Duration,
    bare: Duration,
    rows: usize,
    decisions: usize,
}

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.replace('_', "").parse::<usize>().ok());
    let decisions = numbers.next().unwrap_or(40_000);
    let testbed = match Testbed::find() {
        Ok(testbed) => testbed,
        Err(missing) => return println!("left out: {missing}"),
    };
    let options = CassandraOptions { heap_mib: 768, ..CassandraOptions::of(1) };
    let cassandra = Cassandra::start(&testbed, &options).expect("a node of Cassandra");
    for (place, load) in LOADS.iter().enumerate() {
        run(&cassandra, place, load, decisions);
    }
}

fn run(cassandra: &Cassandra, place: usize, load: &Load, decisions: usize) {
    let url = format!("scylla://{}/bench_{place}?dc=eu&replication=eu:1", cassandra.host(0));
    let options = Options::parse(&url).expect("a URL");
    let store = ScyllaStore::open(options.clone(), LOG).expect("a new store");
    let rows = store.create(&"ours".parse().expect("a name")).expect("a generation");
    store.create(&"bare".parse().expect("a name")).expect("a generation");
    let keyspace = store.keyspace(&"bare".parse().expect("a name")).expect("it is there");
    let bare = bare::Bare::connect(&options, &keyspace);
    let mut made = Redemptions::over(load.accounts);
    // A first part of each side warms the servers up and does not count.
    part(rows.as_ref(), &bare, batches(&mut made, load, 2_000));
    let before = store.counts();
    let (parts, mut spent) = (8, Spent::default());
    for number in 0..parts {
        let one = part(rows.as_ref(), &bare, batches(&mut made, load, decisions / parts));
        println!(
            "    part {number}: {:>8.0} facts/s ours, {:>8.0} bare",
            facts(&one, one.ours),
            facts(&one, one.bare)
        );
        spent.ours += one.ours;
        spent.bare += one.bare;
        spent.rows += one.rows;
        spent.decisions += one.decisions;
    }
    let counts = store.counts();
    let per_decision = |count: u64| count as f64 / spent.decisions as f64;
    println!("{} ({} accounts, batches of {})", load.what, load.accounts, load.batch);
    println!(
        "  a decision: {:.2} rows; ours {:.2} statements in {:.2} requests, {} retries",
        spent.rows as f64 / spent.decisions as f64,
        per_decision(counts.statements - before.statements),
        per_decision(counts.requests - before.requests),
        counts.retries
    );
    let rate = |time: Duration| spent.rows as f64 / time.as_secs_f64();
    println!(
        "  rows/s: ours {:.0}, bare {:.0}; facts/s: ours {:.0}, bare {:.0}",
        rate(spent.ours),
        rate(spent.bare),
        facts(&spent, spent.ours),
        facts(&spent, spent.bare)
    );
    println!("  ours / bare: {:.2}", spent.bare.as_secs_f64() / spent.ours.as_secs_f64());
}

fn facts(spent: &Spent, time: Duration) -> f64 {
    (spent.decisions * FACTS) as f64 / time.as_secs_f64()
}

fn batches(made: &mut Redemptions, load: &Load, decisions: usize) -> Vec<Batch> {
    (0..decisions.div_ceil(load.batch)).map(|_| made.batch(load.batch)).collect()
}

/// The same batches, by one and then by the other.
fn part(rows: &dyn Rows, bare: &bare::Bare, batches: Vec<Batch>) -> Spent {
    let mut spent = Spent {
        rows: batches.iter().map(|batch| batch.puts().len()).sum(),
        decisions: batches.iter().map(Batch::decisions).sum(),
        ..Spent::default()
    };
    let inserts = bare.inserts(&batches);
    let begun = Instant::now();
    batches.into_iter().for_each(|batch| rows.apply(batch).expect("a healthy store"));
    spent.ours = begun.elapsed();
    let begun = Instant::now();
    bare.write(inserts);
    spent.bare = begun.elapsed();
    spent
}
