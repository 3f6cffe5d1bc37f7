//! Only licences that were agreed on.

use crate::metadata;

const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "MPL-2.0",
    "ISC",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "BSL-1.0",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
    "MIT-0",
    "Apache-2.0 WITH LLVM-exception",
    "Unlicense",
];

/// Whether an SPDX expression can be met by allowed licences alone. `A/B` is the old spelling of `A OR B`.
fn can_be_met(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" AND ").all(|all| all.split(" OR ").any(|one| ALLOWED.contains(&one.trim())))
}

#[test]
fn every_dependency_has_an_agreed_licence() {
    let mut wrong = Vec::new();
    for package in &metadata().packages {
        let licence = package.license.as_deref().unwrap_or("none stated");
        if !can_be_met(licence) {
            wrong.push(format!("{} {}: {licence}", package.name, package.version));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_licence_that_was_not_agreed_is_found() {
    for licence in ["GPL-3.0-only", "AGPL-3.0", "none stated", "MIT AND GPL-2.0"] {
        assert!(!can_be_met(licence), "{licence}");
    }
    assert!(can_be_met("MIT OR GPL-2.0"));
}
