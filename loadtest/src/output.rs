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
    line(&mut out, &format!("{} ({}), {}", report.name, report.mode, report.started_at));
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
    let usage = &report.usage;
    let answered = report.figures.answered.max(1) as f64;
    line(
        &mut out,
        &format!(
            "  processors      {:.0} % busy, {:.0} % by this client ({:.1} us a request)",
            usage.busy_share * 100.0,
            usage.client_share * 100.0,
            usage.client_seconds * 1e6 / answered
        ),
    );
    if usage.server_seconds > 0.0 {
        line(
            &mut out,
            &format!(
                "  server          {:.1} us a request, {:.0} MiB resident",
                usage.server_seconds * 1e6 / answered,
                usage.server_resident_mib
            ),
        );
    }
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
    for (what, complaint) in &figures.complaints {
        line(out, &format!("  unexpected      {} x {what}: {}", complaint.count, complaint.example));
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
