//! A run's figures, in the one shape that every tool here writes and compares.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::machine::{Machine, Usage, commit};
use crate::slots::Gap;
use crate::tally::{Complaint, Outcomes, Tally, sparse};

/// Raised when a member changes its meaning.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) mode: String,
    /// RFC 3339.
    pub(crate) finished_at: String,
    pub(crate) command: String,
    pub(crate) commit: String,
    pub(crate) machine: Machine,
    pub(crate) passed: bool,
    /// Why the run failed.
    pub(crate) reasons: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_flight: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    pub(crate) figures: Figures,
    /// Of the repetition of every key, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeats: Option<Figures>,
    pub(crate) usage: Usage,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Figures {
    /// Length of the measured window.
    pub(crate) seconds: f64,
    /// Answered in the window: paid, refused or recognised as a repetition.
    pub(crate) decisions: u64,
    pub(crate) decisions_per_s: f64,
    pub(crate) latency_us: Percentiles,
    /// How late requests were sent, which is part of their latency; a closed loop has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lateness_us: Option<Percentiles>,
    pub(crate) longest_gap: Gap,
    pub(crate) per_second: Vec<u64>,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) retried: u64,
    pub(crate) outcomes: Outcomes,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) complaints: BTreeMap<String, Complaint>,
    /// Latency in microseconds and how many requests had it.
    pub(crate) histogram: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl Percentiles {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            mean: histogram.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
        }
    }
}

impl Figures {
    /// From counts; the window ends with the last decision when `to` is absent. `rows` is how many
    /// decisions one completion stands for.
    pub(crate) fn of(tally: &Tally, from: Duration, to: Option<Duration>, rows: u32) -> Self {
        let to = to.unwrap_or_else(|| tally.decisions.end());
        let seconds = to.saturating_sub(from).as_secs_f64();
        let decisions = tally.decisions.count(from, to) * u64::from(rows);
        let per_second = tally.decisions.per_second(from, to);
        Self {
            seconds,
            decisions,
            decisions_per_s: if seconds > 0.0 { decisions as f64 / seconds } else { 0.0 },
            latency_us: Percentiles::of(&tally.latency),
            lateness_us: None,
            longest_gap: tally.decisions.longest_gap(from, to),
            per_second: per_second.into_iter().map(|count| count * u64::from(rows)).collect(),
            sent: tally.sent,
            answered: tally.answered,
            retried: tally.retried,
            outcomes: tally.outcomes,
            statuses: tally.statuses.clone(),
            complaints: tally.complaints.clone(),
            histogram: sparse::buckets(&tally.latency),
        }
    }

    /// The latencies that the buckets stand for.
    pub(crate) fn latencies(&self) -> Histogram<u64> {
        sparse::filled(&self.histogram)
    }

    /// Why these figures are not worth having; empty when every request got the answer that had to come.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let wrong: u64 = self.complaints.values().map(|complaint| complaint.count).sum();
        if wrong > 0 {
            faults.push(format!("{wrong} wrong answers or broken exchanges"));
        }
        if self.answered < self.sent {
            faults.push(format!("{} requests got no answer", self.sent - self.answered));
        }
        if self.decisions == 0 {
            faults.push("nothing was decided in the measured time".to_owned());
        }
        faults
    }
}

impl Report {
    /// A report of now, by this command line, without faults so far.
    pub(crate) fn new(name: &str, mode: &str, figures: Figures, usage: Usage, machine: Machine) -> Self {
        let reasons = figures.faults();
        Self {
            format: FORMAT,
            name: name.to_owned(),
            mode: mode.to_owned(),
            finished_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command: command_line(),
            commit: commit(),
            machine,
            passed: reasons.is_empty(),
            reasons,
            in_flight: None,
            rate: None,
            figures,
            repeats: None,
            usage,
        }
    }

    /// Adds reasons to fail the run.
    pub(crate) fn fault(&mut self, reasons: impl IntoIterator<Item = String>) {
        self.reasons.extend(reasons);
        self.passed = self.reasons.is_empty();
    }

    /// p99 times throughput over requests in flight: 1 when every request waits equally long.
    pub(crate) fn tail_factor(&self) -> Option<f64> {
        let in_flight = f64::from(self.in_flight?);
        Some(self.figures.latency_us.p99 as f64 / 1e6 * self.figures.decisions_per_s / in_flight)
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        let report: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))?;
        ensure!(report.format == FORMAT, "{} has format {}", path.display(), report.format);
        Ok(report)
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self)?;
        fs::write(path, text + "\n").with_context(|| format!("could not write {}", path.display()))
    }
}

/// What was typed, with the program's name alone in place of its path.
fn command_line() -> String {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    words.fold(program, |line, word| {
        let plain =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:,%{}".contains(c));
        line + " " + &if plain { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
    })
}
