//! What a machine can check about the project itself.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod arrows;
mod configuration;
mod documents;
mod files;
mod licences;
mod metrics;
mod promises;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cargo_metadata::{Metadata, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root").to_owned()
}

fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        MetadataCommand::new()
            .manifest_path(root().join("Cargo.toml"))
            .other_options(["--offline".to_owned()])
            .exec()
            .expect("cargo metadata runs offline once the workspace was built")
    })
}

/// Every file that git knows and that still exists, relative to the root.
fn tracked() -> Vec<PathBuf> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git ls-files failed");
    let listing = String::from_utf8(output.stdout).expect("names are UTF-8");
    let mut files: Vec<PathBuf> = listing.lines().map(PathBuf::from).collect();
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    files
}

fn sources() -> Vec<(PathBuf, String)> {
    let rust = tracked().into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs"));
    rust.map(|file| {
        let text = std::fs::read_to_string(root().join(&file)).expect("a source file is UTF-8");
        (file, text)
    })
    .collect()
}
