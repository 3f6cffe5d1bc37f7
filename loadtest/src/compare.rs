//! Reports side by side.

use anyhow::Result;

use crate::options::Compare;
use crate::output::{millis, print};
use crate::plot;
use crate::report::Report;

pub(crate) fn run(options: &Compare) -> Result<bool> {
    let reports = options.reports.iter().map(|path| Report::read(path)).collect::<Result<Vec<_>>>()?;
    print(&table(&reports))?;
    if let Some(directory) = &options.svg {
        plot::draw(&reports, directory)?;
    }
    Ok(reports.iter().all(|report| report.passed))
}

/// A Markdown table; ratios are to the first report.
fn table(reports: &[Report]) -> String {
    let mut out = String::from(
        "| run | decisions/s | ratio | p50 | p90 | p99 | p99.9 | max | longest gap | verdict |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let first = reports.first().map_or(1.0, |report| report.figures.decisions_per_s);
    for report in reports {
        let figures = &report.figures;
        let latency = &figures.latency_us;
        let cells = [
            report.name.clone(),
            format!("{:.0}", figures.decisions_per_s),
            format!("{:.2}", figures.decisions_per_s / first),
            millis(latency.p50),
            millis(latency.p90),
            millis(latency.p99),
            millis(latency.p999),
            millis(latency.max),
            format!("{:.1} ms", figures.longest_gap.ms),
            if report.passed {
                "passed".to_owned()
            } else {
                format!("failed: {}", report.reasons.join("; "))
            },
        ];
        out.push_str("| ");
        out.push_str(&cells.join(" | "));
        out.push_str(" |\n");
    }
    out
}
