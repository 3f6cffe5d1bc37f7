//! `mirabelle-loadtest`: what a redemption pipeline bears, measured so that the figures can be trusted.
//!
//! Closed loops find throughput, open loops find latency from the scheduled instant, a burst finds what
//! is lost or paid twice. Every answer is judged; a run with a wrong answer fails whatever its speed.

mod answer;
mod burst;
mod compare;
mod http1;
mod idle;
mod interleave;
mod judge;
mod lane;
mod link;
mod machine;
mod options;
mod output;
mod pace;
mod pgbench;
mod plan;
mod plot;
mod processes;
mod profile;
mod report;
mod run;
mod seed;
mod slots;
mod tally;
mod template;
mod values;
mod wish;
mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::options::{Command, Options};

/// 0: ran and every answer was right; 1: ran and something was wrong, or could not run; 2: usage.
fn main() -> ExitCode {
    match dispatch(Options::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mirabelle-loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<bool> {
    match command {
        Command::Closed(options) => run::closed(&options),
        Command::Open(options) => run::open(&options),
        Command::Burst(options) => burst::run(&options),
        Command::Idle(options) => idle::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Interleave(options) => interleave::run(&options),
        Command::Pgbench(options) => pgbench::run(&options),
        Command::Seed(options) => seed::run(&options),
        Command::Worker => processes::serve_as_worker(),
    }
}
