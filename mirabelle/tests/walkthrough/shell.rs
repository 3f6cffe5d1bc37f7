//! `bash` and `curl`, as people have them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Fails with words a person understands where a tool is missing.
fn demand(tool: &str) {
    let there = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(
        there.is_ok_and(|status| status.success()),
        "`{tool}` is missing: the walkthrough runs the commands of docs/journey.md with it (scripts/setup installs it)"
    );
}

/// Runs a script in a directory to its end.
pub(crate) fn bash(script: &str, within: &Path) -> Output {
    demand("bash");
    demand("curl");
    // Neither a proxy nor somebody's settings stand between the page and the server.
    let mut command = Command::new("bash");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env("CURL_HOME", "/nonexistent").env("LC_ALL", "C.UTF-8");
    command.arg("-c").arg(script).current_dir(within).stdin(Stdio::null()).output().unwrap()
}
