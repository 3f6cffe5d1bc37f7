//! `serve`

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::failure::{Exit, Failure};
use super::output::tell;
use crate::config::{Config, Format, Output};

/// Arguments of `serve`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Configuration file; config.default.toml is the reference.
    #[arg(long, value_name = "FILE", env = "MIRABELLE_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the API.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address of health and metrics.
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Delete rows and the index of ids first: both are rebuilt from the log before anything is answered. For when one of
    /// them is damaged.
    #[arg(long)]
    rebuild_rows: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { config, data, listen, admin_listen, rebuild_rows } = arguments;
    let data = data.map(|path| path.to_string_lossy().into_owned());
    let flags = [("data", data), ("http.listen", listen), ("http.admin_listen", admin_listen)];
    let flags: Vec<(&str, String)> =
        flags.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let config = Config::load(config.as_deref(), &flags).map_err(anyhow::Error::from)?;
    log_lines(&config.output)?;
    if rebuild_rows {
        crate::engine::forget_rows(&config)?;
    }
    crate::serve::serve(&config, &CancellationToken::new(), |door, admin| {
        tell(&format!("listening on http://{door}, health and metrics on http://{admin}"));
    })?;
    Ok(Exit::Done)
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
