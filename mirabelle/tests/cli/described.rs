//! Help, completions, docs/cli.md.

use std::path::Path;

use crate::server::run;

/// Every command with the line that says what it does, from the reference.
fn commands(reference: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = reference.lines();
    while let Some(line) = lines.next() {
        let heading = line.trim_start_matches('#').trim();
        if let Some(name) = line.strip_prefix("##").and(heading.strip_prefix('`')) {
            let about = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
            found.push((name.trim_end_matches('`').to_owned(), about.to_owned()));
        }
    }
    found
}

#[test]
fn every_command_says_what_it_does_and_so_does_each_of_its_arguments() {
    let reference = run(&["reference"]).expect(0).out;
    let commands = commands(&reference);
    assert!(commands.len() > 45, "{commands:#?}");
    for (name, about) in &commands {
        assert!(
            about.len() > 12 && about.ends_with(['.', ':']) && !about.starts_with(['`', '|', '#']),
            "{name}: {about}"
        );
        let words: Vec<&str> = name.split(' ').skip(1).chain(["--help"]).collect();
        let help = run(&words).expect(0).out;
        let said = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.starts_with(about.trim_end_matches('.')), "{name}: {said}");
    }
    for row in reference.lines().filter(|line| line.starts_with("| `")) {
        let meaning = row.trim_end_matches('|').rsplit(" | ").next().unwrap_or_default().trim();
        assert!(meaning.len() > 3 && meaning.contains(' '), "an argument without a word about it: {row}");
    }
}

#[test]
fn the_page_of_every_command_is_what_the_commands_say() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let page = std::fs::read_to_string(page).unwrap();
    let made = run(&["reference"]).expect(0).out;
    assert!(page == made, "docs/cli.md is stale: make it anew with `mirabelle reference > docs/cli.md`");
}

#[test]
fn the_page_of_roles_is_what_the_routes_say() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/roles.md");
    let page = std::fs::read_to_string(page).unwrap();
    let made = run(&["reference", "roles"]).expect(0).out;
    assert!(
        page == made,
        "docs/roles.md is stale: make it anew with `mirabelle reference roles > docs/roles.md`"
    );
    assert!(made.lines().filter(|line| line.contains(" yes |")).count() > 30, "{made}");
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).expect(0).out;
        for part in ["mirabelle", "redeem", "idempotency-key"] {
            assert!(script.contains(part), "{shell} knows no {part}");
        }
    }
}
