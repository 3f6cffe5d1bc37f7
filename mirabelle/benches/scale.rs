//! What many wallets and a long history cost: memory, disk, processor time, starting after a crash, replaying, verifying.
//!
//! `cargo bench -p mirabelle --bench scale -- --accounts 1000000 --redemptions 10000000`
//!
//! A child process loads the directory and ends by `abort`, in the middle of its work and without a last snapshot, as
//! after a crash; this process opens it again.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mirabelle::config::Config;
use mirabelle::engine::Engines;
use mirabelle::roles::Roles;
use mirabelle_ledger::{Chain, FactsReader, ReaderOptions, Start};
use mirabelle_log::{Log, Partition, ReadLimit};

mod driver;

use driver::{Driver, Until, cpu_seconds, prepare, redeem, settle};

const IN_FLIGHT: usize = 200;
/// Parts into which the history is cut, to compare the last with the first.
const PARTS: u64 = 10;

struct Arguments {
    accounts: u64,
    redemptions: u64,
    /// The child's: the directory to load.
    load: Option<String>,
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut arguments = Arguments { accounts: 100_000, redemptions: 1_000_000, load: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().context("a value after the flag");
        match word.as_str() {
            "--accounts" => arguments.accounts = value()?.parse()?,
            "--redemptions" => arguments.redemptions = value()?.parse()?,
            "--load" => arguments.load = Some(value()?),
            _ => {}
        }
    }
    Ok(arguments)
}

fn main() -> anyhow::Result<()> {
    let arguments = arguments()?;
    if let Some(directory) = &arguments.load {
        return load(directory, &arguments);
    }
    let directory = tempfile::tempdir()?;
    let data = directory.path().to_string_lossy().into_owned();
    let (accounts, redemptions) = (arguments.accounts.to_string(), arguments.redemptions.to_string());
    let status = Command::new(std::env::current_exe()?)
        .args(["--load", &data, "--accounts", &accounts, "--redemptions", &redemptions])
        .status()?;
    ensure!(status.code().is_none(), "the child ended by itself: {status}");
    start(&data)?;
    disk(directory.path(), arguments.redemptions)?;
    verify(directory.path())
}

/// How fast everything is checked again: each input decided anew, each row compared.
fn verify(directory: &Path) -> anyhow::Result<()> {
    let (cpu, begun) = (cpu_seconds(), Instant::now());
    let report = mirabelle::verify::directory(directory, None)?;
    ensure!(report.not_decided_again.total() == 0, "{report:?}");
    println!(
        "verify: {:.0} decisions/s ({:.1} µs CPU each), each decided again; {} rows compared; {:.0} MB resident",
        report.decided_again as f64 / begun.elapsed().as_secs_f64(),
        (cpu_seconds() - cpu) * 1e6 / report.decided_again as f64,
        report.rows,
        resident()? / 1e6,
    );
    Ok(())
}

/// The child: loads, prints what it cost, and dies.
fn load(directory: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let config = Config::load(None, &[("data", directory.to_owned())])?;
    let engines = Engines::open(&config)?;
    let shutdown = tokio_util::sync::CancellationToken::new();
    let roles = Roles::start(&engines, &config, &prometheus::Registry::new(), &shutdown)?;
    let mut driver = Driver::new(engines.log())?;
    let empty = resident()?;
    prepare(&mut driver, arguments.accounts)?;
    settle(&engines, &roles)?;
    let bytes = (resident()? - empty) / arguments.accounts as f64;
    println!("{} wallets with one lot each: {bytes:.0} bytes resident each", arguments.accounts);
    let mut random = 41;
    let mut first = None;
    for part in 1..=PARTS {
        let cpu = cpu_seconds();
        let until = Until::Decided(arguments.redemptions / PARTS);
        let (decided, took) = redeem(&mut driver, arguments.accounts, IN_FLIGHT, until, &mut random)?;
        let each = (cpu_seconds() - cpu) * 1e6 / decided as f64;
        let ratio = each / *first.get_or_insert(each);
        let speed = decided as f64 / took.as_secs_f64();
        let resident = resident()? / 1e6;
        println!(
            "part {part}: {speed:.0}/s, {each:.1} µs CPU each = {ratio:.2} of the first, {resident:.0} MB"
        );
    }
    settle(&engines, &roles)?;
    std::process::abort();
}

/// Opens what a crash left, decides something new, and replays everything.
fn start(data: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let config = Config::load(None, &[("data", data.to_owned())])?;
    let engines = Engines::open(&config)?;
    let opened = begun.elapsed();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let registry = prometheus::Registry::new();
    let roles = Roles::start(&engines, &config, &registry, &shutdown)?;
    let log = engines.log();
    while !owned(&registry, log.partitions()) {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!(
        "start after a crash: engines open in {:.3} s, every partition owned after {:.3} s",
        opened.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    shutdown.cancel();
    roles.join();
    for (name, chain) in [("with the chain of digests", Chain::Verify), ("without it", Chain::Trust)] {
        let (decisions, seconds) = replay(&log, chain)?;
        println!("replay {name}: {:.0} decisions/s on one thread", decisions as f64 / seconds);
    }
    Ok(())
}

fn owned(registry: &prometheus::Registry, partitions: u16) -> bool {
    let owned = registry.gather().into_iter().find(|family| family.name() == "mirabelle_decider_owned");
    owned.is_some_and(|family| {
        family.get_metric().iter().map(|m| m.get_gauge().get_value()).sum::<f64>() >= f64::from(partitions)
    })
}

fn replay(log: &Arc<dyn Log>, chain: Chain) -> anyhow::Result<(u64, f64)> {
    let cpu = cpu_seconds();
    let mut decisions = 0;
    let mut folded = Vec::new();
    for partition in (0..log.partitions()).map(Partition) {
        let options = ReaderOptions { chain, ..ReaderOptions::default() };
        let mut reader = FactsReader::open(log.as_ref(), partition, Start::Beginning, options)?;
        loop {
            folded.clear();
            reader.read(ReadLimit { records: 4_096, bytes: 4 << 20 }, &mut folded)?;
            if folded.is_empty() {
                break;
            }
            decisions += folded.iter().filter(|one| one.decision().is_some()).count() as u64;
        }
    }
    Ok((decisions, cpu_seconds() - cpu))
}

fn disk(directory: &Path, redemptions: u64) -> anyhow::Result<()> {
    let (mut raw, mut sealed) = (0, 0);
    for entry in std::fs::read_dir(directory.join("log"))? {
        let entry = entry?;
        let length = entry.metadata()?.len();
        *(if entry.path().extension().is_some_and(|e| e == "raw") { &mut raw } else { &mut sealed }) +=
            length;
    }
    let rows = std::fs::metadata(directory.join("rows.redb"))?.len();
    let each = |bytes: u64| bytes as f64 / redemptions as f64;
    println!(
        "disk a redemption: {:.0} bytes in sealed segments ({raw} bytes are not sealed yet), {:.0} in the file of rows",
        each(sealed),
        each(rows),
    );
    Ok(())
}

/// Resident memory of this process, bytes.
fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes * 1024.0)
}
