//! The command line.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mirabelle::config::{Config, Format, Output};
use mirabelle::verify::Report;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Exit code: a difference was found.
const DIFFERENCE: u8 = 4;

/// Rewards that are never paid twice, never lost, never wrong on screen.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every role and the HTTP surface in this process, on the embedded engines.
    Serve {
        /// Configuration file; config.default.toml is the reference.
        #[arg(long, env = "MIRABELLE_CONFIG")]
        config: Option<PathBuf>,
        /// Where everything is kept.
        #[arg(long)]
        data: Option<PathBuf>,
        /// Address of the API.
        #[arg(long)]
        listen: Option<String>,
        /// Address of health and metrics.
        #[arg(long)]
        admin_listen: Option<String>,
    },
    /// Checks a data directory that no server has open: every byte, every decision, every row. Exit code 4 when
    /// something differs.
    Verify {
        /// The data directory.
        #[arg(long, default_value = "data")]
        data: PathBuf,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve { config, data, listen, admin_listen } => {
            let data = data.map(|path| path.to_string_lossy().into_owned());
            let flags = [("data", data), ("http.listen", listen), ("http.admin_listen", admin_listen)];
            let flags: Vec<(&str, String)> = flags.into_iter().filter_map(|(k, v)| Some((k, v?))).collect();
            serve(config, &flags)
        }
        Command::Verify { data, json } => verify(&data, json),
    };
    outcome.unwrap_or_else(|error| {
        tell_error(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn serve(config: Option<PathBuf>, flags: &[(&str, String)]) -> anyhow::Result<ExitCode> {
    let config = Config::load(config.as_deref(), flags)?;
    log_lines(&config.output)?;
    mirabelle::serve::serve(&config, &CancellationToken::new(), |door, admin| {
        tell(&format!("listening on http://{door}, health and metrics on http://{admin}"));
    })?;
    Ok(ExitCode::SUCCESS)
}

fn log_lines(output: &Output) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&output.level)?)
        .with_writer(std::io::stderr);
    match output.format {
        Format::Json => lines.json().init(),
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

fn verify(data: &std::path::Path, json: bool) -> anyhow::Result<ExitCode> {
    let report = mirabelle::verify::directory(data)?;
    if json {
        tell(&serde_json::to_string(&report)?);
    } else {
        show(&report);
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENCE) })
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

/// A line on standard output; whoever closed it does not want it.
fn tell(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

fn tell_error(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
