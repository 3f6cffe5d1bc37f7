//! Reads an embedded log that no process has open, and prints it.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use anyhow::Context as _;
use mirabelle_ledger::{FactsReader, ReaderOptions, Start, Verdict};
use mirabelle_log::{Log, Offset, Partition, ReadLimit, Topic, View};
use mirabelle_log_embedded::{EmbeddedLog, OpenError, Options};
use serde_json::Value as Json;

use super::{Dump, line};
use crate::cli::failure::{Exit, Failure};
use crate::engine::{Places, wall_clock};

/// Records read at once.
const READ: ReadLimit = ReadLimit { records: 1_000, bytes: 4 << 20 };

pub(super) fn run(it: &Dump) -> Result<Exit, Failure> {
    let place = Places { root: it.data.clone() }.log();
    let log = match EmbeddedLog::open_offline(&place, Options::new(Arc::new(wall_clock))) {
        Ok(log) => log,
        Err(error @ OpenError::InUse { .. }) => {
            let hint =
                "stop the server first, or look at `GET /v1/feed` and `mirabelle dlq` of the running one";
            return Err(anyhow::Error::from(error).context(hint).into());
        }
        Err(error) => return Err(anyhow::Error::from(error).context("could not open the log").into()),
    };
    let partitions = match it.partition {
        Some(number) if number >= log.partitions() => {
            return Err(Failure::usage(format!(
                "a partition of this log is a number below {}",
                log.partitions()
            )));
        }
        Some(number) => number..number + 1,
        None => 0..log.partitions(),
    };
    let mut printer = Printer {
        out: BufWriter::new(std::io::stdout().lock()),
        from: it.from,
        left: it.limit.unwrap_or(u64::MAX),
        closed: false,
    };
    let topic = Topic::from(it.topic);
    for partition in partitions.map(Partition) {
        match topic {
            Topic::Facts => facts(&log, partition, &mut printer)?,
            topic => others(&log, topic, partition, &mut printer)?,
        }
    }
    printer.out.flush().ok();
    Ok(Exit::Done)
}

/// Prints lines until there were enough, or nobody reads them any more.
struct Printer<W> {
    out: W,
    from: u64,
    left: u64,
    closed: bool,
}

impl<W: Write> Printer<W> {
    fn has_enough(&self) -> bool {
        self.left == 0 || self.closed
    }

    fn wants(&self, offset: Offset) -> bool {
        offset.0 >= self.from && !self.has_enough()
    }

    fn print(&mut self, line: &Json) {
        self.left -= 1;
        self.closed = writeln!(self.out, "{line}").is_err();
    }
}

/// The facts of a partition. What a record counts for depends on all before it, so all of them are read.
fn facts<W: Write>(log: &EmbeddedLog, partition: Partition, printer: &mut Printer<W>) -> Result<(), Failure> {
    let opened = FactsReader::open(log, partition, Start::Beginning, ReaderOptions::default());
    let mut reader = opened.with_context(|| format!("could not read facts/{partition}"))?;
    while !printer.has_enough() {
        let read = reader.read_each(READ, |_, seen| {
            if printer.wants(seen.offset) {
                printer.print(&line::of_facts(partition, &seen));
            }
        });
        let stopped = reader.stopped().is_some();
        match read {
            Ok(0) if !stopped => return Ok(()),
            Ok(_) => {}
            Err(error) => {
                printer.out.flush().ok();
                return Err(anyhow::Error::from(error).context("nothing behind this is believed").into());
            }
        }
    }
    Ok(())
}

/// Any other topic.
fn others<W: Write>(
    log: &EmbeddedLog,
    topic: Topic,
    partition: Partition,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let context = || format!("could not read {topic}/{partition}");
    let bounds = log.bounds(topic, partition, View::Durable).with_context(context)?;
    let from = Offset(printer.from).max(bounds.start).min(bounds.end);
    let mut reader = log.reader(topic, partition, from, View::Durable).with_context(context)?;
    let mut records = Vec::new();
    while !printer.has_enough() {
        reader.read(READ, &mut records).with_context(context)?;
        if records.is_empty() {
            break;
        }
        for record in records.drain(..) {
            if printer.wants(record.offset) {
                printer.print(&line::of_other(topic, partition, &record));
            }
        }
    }
    Ok(())
}

/// A verdict's name and, where the fold stopped, why.
pub(super) fn verdict(verdict: &Verdict) -> (&'static str, Option<String>) {
    let name = match verdict {
        Verdict::Root => "root",
        Verdict::Claimed => "claimed",
        Verdict::StaleClaim => "stale_claim",
        Verdict::Counts => "counts",
        Verdict::Ghost => "ghost",
        Verdict::Orphan => "orphan",
        Verdict::Repeat => "repeat",
        Verdict::Foreign => "foreign",
        Verdict::Stop(alarm) => return ("stop", Some(alarm.to_string())),
    };
    (name, None)
}
