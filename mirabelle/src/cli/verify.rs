//! `verify`

use std::path::PathBuf;

use clap::Args;

use super::failure::{Exit, Failure};
use super::output::tell;
use crate::verify::Report;

/// Arguments of `verify`.
#[derive(Args)]
#[command(
    after_help = "Exit code 4: something differs, and each line says what and where. 3: what was looked at holds, and something could not be looked at. 1: the directory can't be opened."
)]
pub(super) struct Arguments {
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "MIRABELLE_DATA", default_value = "data")]
    data: PathBuf,
    /// Where scratch files go while it runs, if not into the data directory: about as much as `rows.redb` and `ids.redb`.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let report = crate::verify::directory(&arguments.data, arguments.scratch.as_deref())?;
    if arguments.json {
        tell(&serde_json::to_string(&report).map_err(anyhow::Error::from)?);
    } else {
        show(&report);
    }
    Ok(match (report.holds(), report.unchecked.is_empty()) {
        (false, _) => Exit::Difference,
        (true, false) => Exit::Partial,
        (true, true) => Exit::Done,
    })
}

fn show(report: &Report) {
    report.notes.iter().for_each(|note| tell(&format!("note: {note}")));
    report.unchecked.iter().for_each(|what| tell(&format!("not checked: {what}")));
    for difference in &report.differences {
        tell(&difference.to_string());
    }
    if report.more > 0 {
        tell(&format!("and {} more", report.more));
    }
    let Report { decisions, decided_again, not_decided_again, accounts, rows, tenants, .. } = report;
    tell(&format!("decided again: {decided_again} of {decisions} decisions"));
    for (count, why) in [
        (not_decided_again.input_gone, "hold no input, and its topic keeps it no longer"),
        (not_decided_again.other_revision, "were made under rules that this build does not know"),
        (not_decided_again.failed_then, "had failed in the build that met them, and were set aside"),
    ] {
        if count > 0 {
            tell(&format!("not decided again: {count} {why}"));
        }
    }
    if report.rows_of_another_release {
        tell("rows not compared: another release made them, and the next start makes them anew");
    }
    let verdict = match (report.holds(), report.unchecked.is_empty()) {
        (false, _) => "something differs",
        (true, false) => "what was checked holds",
        (true, true) => "everything holds",
    };
    tell(&format!("{verdict}: {decisions} decisions, {accounts} accounts, {rows} rows, {tenants} tenants"));
}
