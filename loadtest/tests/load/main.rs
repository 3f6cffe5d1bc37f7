//! The load generator against a stand-in server that keeps the contract or breaks it in one chosen way:
//! right answers pass, each lie is found, a stall shows in the percentiles.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without fails the test")]

mod lies;
mod measuring;
mod reports;
mod standin;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::standin::Standin;

/// A finished run: its exit, its report, what it printed.
pub(crate) struct Ran {
    pub(crate) passed: bool,
    pub(crate) report: Value,
    pub(crate) text: String,
}

impl Ran {
    /// The number at a JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        let value = self.report.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {}", self.text));
        value.as_f64().unwrap_or_else(|| panic!("{pointer} is {value}"))
    }

    /// All reasons and complaints in one text.
    pub(crate) fn grounds(&self) -> String {
        format!(
            "{} {} {}",
            self.report["reasons"],
            self.report["figures"]["complaints"],
            self.report["repeats"]["complaints"]
        )
    }
}

/// Runs the program.
pub(crate) fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mirabelle-loadtest")).args(arguments).output().unwrap()
}

/// Runs a mode against a stand-in and reads the report.
pub(crate) fn load(server: &Standin, mode: &str, arguments: &[&str]) -> Ran {
    let scratch = TempDir::new().unwrap();
    let json = scratch.path().join("report.json");
    let key = scratch.path().join("key");
    std::fs::write(&key, "secret\n").unwrap();
    let url = server.url();
    let mut all = vec![mode, "--url", &url, "--json", text_of(&json), "--key-file", text_of(&key)];
    all.extend_from_slice(arguments);
    let output = program(&all);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(&json).unwrap_or_else(|error| panic!("{error}: {text}"));
    Ran { passed: output.status.success(), report: serde_json::from_str(&report).unwrap(), text }
}

pub(crate) fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}
