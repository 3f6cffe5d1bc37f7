//! What the documents name exists.

use crate::{root, tracked};

const DOCUMENTS: [&str; 5] = [
    "README.md",
    "docs/architecture.md",
    "docs/operations.md",
    "docs/configuration.md",
    "docs/decisions/README.md",
];

/// Words in code marks that look like files or folders of the repository.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).filter(|word| {
        let is_file = [".rs", ".md", ".toml", ".avsc", ".json", ".xml"].iter().any(|end| word.ends_with(end));
        let is_folder = word.ends_with('/');
        !word.contains(char::is_whitespace)
            && !word.starts_with('/')
            && (is_file || is_folder || word.starts_with("scripts/"))
    })
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let files: Vec<String> = tracked().iter().map(|file| format!("/{}", file.to_string_lossy())).collect();
    let mut wrong = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root().join(document)).expect("a document is UTF-8");
        for word in named(&text) {
            // Those of a data directory are not the repository's.
            let of_data = ["log/", "keys/", "snapshots/", "data/"].contains(&word);
            let exists = |file: &String| match word.strip_suffix('/') {
                Some(folder) => file.contains(&format!("/{folder}/")),
                None => file.ends_with(&format!("/{word}")),
            };
            if !of_data && !files.iter().any(exists) {
                wrong.push(format!("{document}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
