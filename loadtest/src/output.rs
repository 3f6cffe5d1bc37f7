//! Reports for people, on standard output.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, Result};

use crate::options::Output;
use crate::plot;
use crate::report::{Figures, Percentiles, Report};

/// Prints a report, writes what was asked for, and says whether the run passed.
pub(crate) fn publish(report: &Report, output: &Output) -> Result<bool> {
    print(&text(report))?;
    if let Some(path) = &output.json {
        report.write(path)?;
    }
    if let Some(directory) = &output.svg {
        plot::draw(std::slice::from_ref(report), directory)?;
    }
    Ok(report.passed)
}

/// Writes text to standard output; a reader that went away is an error, not a panic.
pub(crate) fn print(text: &str) -> Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes()).context("could not write to standard output")
}

/// Microseconds as a person reads them.
pub(crate) fn millis(micros: u64) -> String {
    let millis = micros as f64 / 1e3;
    if millis < 10.0 { format!("{millis:.3} ms") } else { format!("{millis:.1} ms") }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    let machine = &report.machine;
    line(&mut out, &format!("{} ({}), {}", report.name, report.mode, report.finished_at));
    line(
        &mut out,
        &format!(
            "  {} cores of {}, load {:.2} before",
            machine.cores, machine.processor, machine.load_before
        ),
    );
    figures(&mut out, &report.figures);
    if let Some(factor) = report.tail_factor() {
        line(&mut out, &format!("  tail factor     {factor:.2}"));
    }
    processors(&mut out, report);
    if let Some(repeats) = &report.repeats {
        line(&mut out, "  every key once more:");
        figures(&mut out, repeats);
    }
    line(&mut out, if report.passed { "  passed" } else { "  FAILED" });
    for reason in &report.reasons {
        line(&mut out, &format!("    {reason}"));
    }
    out
}

fn figures(out: &mut String, figures: &Figures) {
    line(
        out,
        &format!(
            "  throughput      {:.0}/s ({} decisions in {:.2} s)",
            figures.decisions_per_s, figures.decisions, figures.seconds
        ),
    );
    line(out, &format!("  latency         {}", percentiles(&figures.latency_us)));
    if let Some(lateness) = &figures.lateness_us {
        line(out, &format!("  sent late by    {}", percentiles(lateness)));
    }
    let gap = figures.longest_gap;
    line(out, &format!("  longest gap     {:.1} ms, at {:.1} s", gap.ms, gap.at_s));
    if !figures.statuses.is_empty() {
        answers(out, figures);
    }
    for (what, complaint) in &figures.complaints {
        line(out, &format!("  unexpected      {} x {what}: {}", complaint.count, complaint.example));
    }
}

fn answers(out: &mut String, figures: &Figures) {
    let o = &figures.outcomes;
    line(
        out,
        &format!(
            "  answers         {} paid, {} refused, {} repeated, {} undecided, {} turned away, {} failed",
            o.paid, o.refused, o.repeated, o.undecided, o.turned_away, o.failed
        ),
    );
    let statuses: Vec<String> = figures.statuses.iter().map(|(status, n)| format!("{status}: {n}")).collect();
    line(out, &format!("  statuses        {}", statuses.join(", ")));
}

/// Who used the processors; nothing where nobody looked, as with pgbench.
fn processors(out: &mut String, report: &Report) {
    let usage = &report.usage;
    let repeated = report.repeats.as_ref().map_or(0, |repeats| repeats.answered);
    let answered = (report.figures.answered + repeated).max(1) as f64;
    if usage.busy_share > 0.0 {
        let (busy, client) = (usage.busy_share * 100.0, usage.client_share * 100.0);
        let each = usage.client_seconds * 1e6 / answered;
        line(
            out,
            &format!(
                "  processors      {busy:.0} % busy, {client:.0} % by this client ({each:.1} us a request)"
            ),
        );
    }
    if usage.server_seconds > 0.0 {
        let each = usage.server_seconds * 1e6 / answered;
        let resident = usage.server_resident_mib;
        line(out, &format!("  server          {each:.1} us a request, {resident:.0} MiB resident"));
    }
}

fn percentiles(p: &Percentiles) -> String {
    format!(
        "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
        millis(p.p50),
        millis(p.p90),
        millis(p.p99),
        millis(p.p999),
        millis(p.max)
    )
}

fn line(out: &mut String, text: &str) {
    // Writing into a string cannot fail.
    let _infallible = writeln!(out, "{text}");
}
