//! The real binary as a person meets it: `demo`, and the journey that `docs/journey.md` tells with `curl`.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod demo;
mod journey;
mod page;
mod shell;

use std::path::{Path, PathBuf};

const BINARY: &str = env!("CARGO_BIN_EXE_mirabelle");

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}
