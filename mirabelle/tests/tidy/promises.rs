//! `docs/promises.md` names tests and commands that exist.

use std::collections::HashSet;

use crate::{root, sources};

struct Promise {
    line: usize,
    text: String,
    shown_by: Vec<String>,
}

fn promises(document: &str) -> Vec<Promise> {
    let mut promises = Vec::new();
    for (index, line) in document.lines().enumerate() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let is_row = line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| promise ");
        if !is_row {
            continue;
        }
        let shown_by = cells.last().copied().unwrap_or_default();
        let names = shown_by.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        promises.push(Promise { line: index + 1, text: cells[0].to_owned(), shown_by: names });
    }
    promises
}

fn functions() -> HashSet<String> {
    let mut names = HashSet::new();
    for (_, text) in sources() {
        for part in text.split("fn ").skip(1) {
            names.insert(part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

/// A command shows something only if what it starts is in the repository.
fn command_exists(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    let after = |flag: &str| words.iter().position(|w| *w == flag).and_then(|at| words.get(at + 1)).copied();
    match words.first().copied() {
        Some("cargo") => match (after("-p"), after("--bench").or(after("--test")).or(after("--example"))) {
            (Some(package), Some(target)) => crate::metadata()
                .workspace_packages()
                .iter()
                .any(|p| p.name.as_str() == package && p.targets.iter().any(|t| t.name == target)),
            (Some(package), None) => {
                crate::metadata().workspace_packages().iter().any(|p| p.name.as_str() == package)
            }
            (None, _) => matches!(words.get(1), Some(&"test" | &"fmt" | &"clippy" | &"doc" | &"run")),
        },
        Some("mirabelle") => true,
        Some(path) => root().join(path).is_file(),
        None => false,
    }
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let document =
        std::fs::read_to_string(root().join("docs/promises.md")).expect("docs/promises.md is there");
    let promises = promises(&document);
    let functions = functions();
    let mut wrong = Vec::new();
    for promise in &promises {
        if promise.shown_by.is_empty() {
            wrong.push(format!("line {}: nothing shows «{}»", promise.line, promise.text));
        }
        for name in &promise.shown_by {
            let exists =
                if name.contains([' ', '/']) { command_exists(name) } else { functions.contains(name) };
            if !exists {
                wrong.push(format!("line {}: `{name}` does not exist", promise.line));
            }
        }
    }
    assert!(promises.len() >= 40, "only {} promises were read: is the table's form another?", promises.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_promise_without_its_test_is_found() {
    let read = promises(
        "| promise | shown by |\n|---|---|\n| never twice | `no_such_test_anywhere_at_all` |\n| lost | |\n",
    );
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].shown_by, ["no_such_test_anywhere_at_all".to_owned()]);
    assert!(read[1].shown_by.is_empty());
    assert!(!command_exists("scripts/no-such-script"));
}
