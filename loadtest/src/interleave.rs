//! A B A B: two commands in turn, so that a machine's quiet and busy minutes meet both alike.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::options::Interleave;
use crate::output::print;
use crate::report::Report;

/// B's figure over A's, over the rounds.
#[derive(Debug, PartialEq, Serialize)]
struct Ratio {
    what: &'static str,
    min: f64,
    median: f64,
    max: f64,
    rounds: Vec<f64>,
}

pub(crate) fn run(options: &Interleave) -> Result<bool> {
    let directory = options.keep.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("mirabelle-interleave-{:016x}", rand::random::<u64>()))
    });
    fs::create_dir_all(&directory).with_context(|| format!("could not create {}", directory.display()))?;
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let a = once(&options.a, &directory.join(format!("a-{round}.json")))?;
        let b = once(&options.b, &directory.join(format!("b-{round}.json")))?;
        print(&format!(
            "round {round}: {} {:.0}/s, {} {:.0}/s\n",
            a.name, a.figures.decisions_per_s, b.name, b.figures.decisions_per_s
        ))?;
        for failed in [&a, &b].into_iter().filter(|report| !report.passed) {
            print(&format!(
                "  {} FAILED, its figures mean nothing: {}\n",
                failed.name,
                failed.reasons.join("; ")
            ))?;
        }
        rounds.push((a, b));
    }
    let ratios = ratios(&rounds);
    for ratio in &ratios {
        print(&format!(
            "{:<14} b/a  min {:.3}  median {:.3}  max {:.3}\n",
            ratio.what, ratio.min, ratio.median, ratio.max
        ))?;
    }
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string(&ratios)? + "\n")
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    if options.keep.is_none() {
        fs::remove_dir_all(&directory)
            .with_context(|| format!("could not remove {}", directory.display()))?;
    }
    Ok(rounds.iter().all(|(a, b)| a.passed && b.passed))
}

/// Runs a command that writes its report to `path`. A failed run counts through its report; a command
/// without one ends everything.
fn once(command: &str, path: &Path) -> Result<Report> {
    ensure!(command.contains("{json}"), "`{command}` does not say where its report goes: it needs {{json}}");
    remove_old(path)?;
    let line = command.replace("{json}", &path.to_string_lossy());
    let output = Command::new("sh").args(["-c", &line]).output().context("could not start a shell")?;
    Report::read(path).with_context(|| {
        format!("`{line}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    })
}

/// So that a report of an earlier time never stands for a command that failed.
fn remove_old(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn ratios(rounds: &[(Report, Report)]) -> Vec<Ratio> {
    type Figure = fn(&Report) -> f64;
    let figures: [(&'static str, Figure); 4] = [
        ("decisions/s", |report| report.figures.decisions_per_s),
        ("p50", |report| report.figures.latency_us.p50 as f64),
        ("p99", |report| report.figures.latency_us.p99 as f64),
        ("longest gap", |report| report.figures.longest_gap.ms),
    ];
    figures
        .into_iter()
        .map(|(what, figure)| ratio(what, rounds.iter().map(|(a, b)| figure(b) / figure(a)).collect()))
        .collect()
}

fn ratio(what: &'static str, rounds: Vec<f64>) -> Ratio {
    let mut sorted = rounds.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median =
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
    Ratio { what, min: sorted[0], median, max: sorted[sorted.len() - 1], rounds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() {
        let even = ratio("p50", vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((even.min, even.median, even.max), (1.0, 2.5, 4.0));
        assert_eq!(ratio("p50", vec![5.0, 1.0, 3.0]).median, 3.0);
    }
}
