//! `verify`

use std::path::PathBuf;

use clap::Args;

use super::failure::{Exit, Failure};
use super::output::tell;
use crate::verify::Report;

/// Arguments of `verify`.
#[derive(Args)]
#[command(after_help = "Exit code 4: something differs, and each line says what and where.")]
pub(super) struct Arguments {
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "MIRABELLE_DATA", default_value = "data")]
    data: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let report = crate::verify::directory(&arguments.data)?;
    if arguments.json {
        tell(&serde_json::to_string(&report).map_err(anyhow::Error::from)?);
    } else {
        show(&report);
    }
    Ok(if report.holds() { Exit::Done } else { Exit::Difference })
}

fn show(report: &Report) {
    for difference in &report.differences {
        tell(&difference.to_string());
    }
    if report.more > 0 {
        tell(&format!("and {} more", report.more));
    }
    let Report { decisions, accounts, rows, tenants, .. } = report;
    let verdict = if report.holds() { "everything holds" } else { "something differs" };
    tell(&format!("{verdict}: {decisions} decisions, {accounts} accounts, {rows} rows, {tenants} tenants"));
}
