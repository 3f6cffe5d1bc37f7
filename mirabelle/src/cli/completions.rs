//! `completions`

use clap::Args;
use clap_complete::Shell;

use super::failure::{Exit, Failure};
use super::output::print;

/// Arguments of `completions`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut command: clap::Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    print(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
