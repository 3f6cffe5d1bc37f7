//! Decided and projected, in process: redemptions captured at once, spread over many accounts, with every role at work.
//!
//! `cargo bench -p mirabelle --bench pipeline -- --accounts 100000 --in-flight 200 --seconds 60`

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use anyhow::Context as _;
use mirabelle::config::Config;
use mirabelle::engine::Engines;
use mirabelle::roles::Roles;

mod driver;

use driver::{Driver, Until, cpu_seconds, prepare, redeem, settle};

struct Arguments {
    accounts: u64,
    in_flight: usize,
    seconds: u64,
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut arguments = Arguments { accounts: 100_000, in_flight: 200, seconds: 20 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number =
            || words.next().and_then(|n| n.parse::<u64>().ok()).context("a number after the flag");
        match word.as_str() {
            "--accounts" => arguments.accounts = number()?,
            "--in-flight" => arguments.in_flight = usize::try_from(number()?)?,
            "--seconds" => arguments.seconds = number()?,
            _ => {}
        }
    }
    Ok(arguments)
}

fn main() -> anyhow::Result<()> {
    let arguments = arguments()?;
    let directory = tempfile::tempdir()?;
    let data = directory.path().to_string_lossy().into_owned();
    let config = Config::load(None, &[("data", data)])?;
    let engines = Engines::open(&config)?;
    let shutdown = tokio_util::sync::CancellationToken::new();
    let roles = Roles::start(&engines, &config, &prometheus::Registry::new(), &shutdown)?;
    let mut driver = Driver::new(engines.log())?;
    let begun = Instant::now();
    prepare(&mut driver, arguments.accounts)?;
    settle(&engines, &roles)?;
    println!("prepared {} accounts in {:.1} s", arguments.accounts, begun.elapsed().as_secs_f64());
    let mut random = 41;
    let Arguments { accounts, in_flight, seconds } = arguments;
    let warm = Until::Elapsed(Duration::from_secs(seconds.min(3)));
    redeem(&mut driver, accounts, in_flight, warm, &mut random)?;
    let cpu = cpu_seconds();
    let (decided, took) =
        redeem(&mut driver, accounts, in_flight, Until::Elapsed(Duration::from_secs(seconds)), &mut random)?;
    let cpu = cpu_seconds() - cpu;
    driver.latencies.sort_unstable();
    let at = |share: f64| driver.latencies[((driver.latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{:.0} decided/s with {} in flight over {:.1} s; rejected {}; p50 {} µs, p99 {} µs; rows behind {} ms; {:.1} µs CPU each",
        decided as f64 / took.as_secs_f64(),
        arguments.in_flight,
        took.as_secs_f64(),
        driver.rejected,
        at(0.5),
        at(0.99),
        roles.progress.lag() / 1_000,
        cpu * 1e6 / decided as f64,
    );
    shutdown.cancel();
    roles.join();
    Ok(())
}
