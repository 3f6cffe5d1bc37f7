//! The binary; its command line lives in [`mirabelle::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    mirabelle::cli::main()
}
