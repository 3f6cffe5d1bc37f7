//! pgbench's transaction logs as a report of our shape.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::machine::{Machine, Usage};
use crate::options::Pgbench;
use crate::output::publish;
use crate::report::{Figures, Report};
use crate::tally::Tally;

/// One line of a log: when the transaction ended, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Transaction {
    ended: Duration,
    took: Duration,
}

pub(crate) fn run(options: &Pgbench) -> Result<bool> {
    let mut transactions = Vec::new();
    for path in &options.logs {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        for line in text.lines() {
            transactions.push(parse(line).with_context(|| format!("{}: `{line}`", path.display()))?);
        }
    }
    let figures = figures(&transactions, options.warmup, options.rows)?;
    let name = options.output.name.as_deref().unwrap_or("PostgreSQL");
    let mut machine = Machine::read();
    machine.load_before = options.load_before.unwrap_or(machine.load_before);
    let mut report = Report::new(name, "closed", figures, Usage::default(), machine);
    options.command.clone_into(&mut report.command);
    publish(&report, &options.output)
}

/// `client transaction microseconds script seconds microseconds`, as `pgbench --log` writes it.
fn parse(line: &str) -> Result<Transaction> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_client, _number, took, _script, seconds, micros, ..] = fields.as_slice() else {
        bail!("a line of pgbench's log has six fields or more");
    };
    let took = took.parse().context("a transaction that was skipped or failed has no time")?;
    let ended = Duration::from_secs(seconds.parse()?) + Duration::from_micros(micros.parse()?);
    Ok(Transaction { ended, took: Duration::from_micros(took) })
}

/// How long before the end of the logs the window ends at least: clients that stop one by one are no load.
const RUN_OUT: Duration = Duration::from_millis(500);

/// The window runs from the warm-up after the first beginning to the last whole second before the run-out.
fn figures(transactions: &[Transaction], warmup: Duration, rows: u32) -> Result<Figures> {
    let started = transactions.iter().map(|one| one.ended.saturating_sub(one.took)).min();
    let started = started.context("the logs hold no transaction")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    ensure!(started < now, "the logs come from the future");
    let mut tally = Tally::default();
    for one in transactions {
        let since_start = one.ended - started;
        tally.sent += u64::from(rows);
        tally.answered += u64::from(rows);
        tally.decisions.note(since_start);
        if since_start.saturating_sub(one.took) >= warmup {
            tally.latency.saturating_record(one.took.as_micros() as u64);
        }
    }
    let end = Duration::from_secs(tally.decisions.end().saturating_sub(RUN_OUT).as_secs());
    ensure!(end > warmup, "the logs are shorter than the warm-up and a second");
    Ok(Figures::of(&tally, warmup, Some(end), rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_becomes_figures_with_rows_per_statement_and_without_its_warm_up() {
        let log = "0 1 200000 0 1700000000 500000\n1 1 100000 0 1700000001 500000\n0 2 300000 0 1700000002 900000\n\
                   1 2 100000 0 1700000004 100000";
        let transactions: Vec<Transaction> = log.lines().map(|line| parse(line).unwrap()).collect();
        let figures = figures(&transactions, Duration::from_secs(1), 500).unwrap();
        assert_eq!((figures.decisions, figures.seconds), (1000, 2.0));
        assert_eq!((figures.decisions_per_s, figures.per_second.as_slice()), (500.0, &[500, 500][..]));
        assert_eq!(figures.latency_us.count, 3);
        assert!((figures.latency_us.max as f64 / 300_000.0 - 1.0).abs() < 0.001);
    }

    #[test]
    fn a_skipped_transaction_or_a_torn_line_is_an_error() {
        assert!(parse("0 1 skipped 0 1700000000 5").is_err());
        assert!(parse("0 1 200").is_err());
    }
}
