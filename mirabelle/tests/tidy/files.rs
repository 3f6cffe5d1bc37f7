//! Files are rooms that one can see at once, and hold nothing that is left for later.

use crate::{root, sources, tracked};

/// STYLE's bound for code. Tests beside it are rooms of their own.
const LINES_MAX: usize = 400;
/// Tables of cases and lists of bodies may run longer, never beyond this.
const LINES_MAX_TESTS: usize = 500;

#[test]
fn no_source_file_is_longer_than_one_can_see_at_once() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let path = file.to_string_lossy();
        let is_test = path.contains("tests/") || path.ends_with("tests.rs") || path.contains("benches/");
        let max = if is_test { LINES_MAX_TESTS } else { LINES_MAX };
        // Unit tests at a file's end do not count towards its code.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
        let lines = if is_test { text.lines().count() } else { code };
        if lines > max {
            wrong.push(format!("{path}: {lines} lines"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_left_for_later_without_an_issue() {
    let marks: [String; 4] = ["TO", "FIX", "todo", "unimplemented"].map(|mark| {
        if mark.len() == 2 {
            format!("{mark}DO")
        } else if mark.len() == 3 {
            format!("{mark}ME")
        } else {
            format!("{mark}!(")
        }
    });
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{}:{}: {}", file.display(), index + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_room_is_called_a_drawer() {
    let drawers = ["utils", "common", "helpers", "manager", "misc"];
    let named: Vec<_> = tracked()
        .into_iter()
        .filter(|file| {
            file.components().any(|part| {
                let name = part.as_os_str().to_string_lossy();
                drawers.contains(&name.trim_end_matches(".rs"))
            })
        })
        .collect();
    assert!(named.is_empty(), "{named:?}");
}

#[test]
fn every_crate_carries_the_licence_and_the_workspace_lints() {
    let licence = std::fs::read_to_string(root().join("LICENSE")).expect("LICENSE is there");
    assert!(licence.contains("Apache License"));
    for package in crate::metadata().workspace_packages() {
        assert_eq!(package.license.as_deref(), Some("Apache-2.0"), "{}", package.name);
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest is UTF-8");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} does not take the workspace's lints",
            package.name
        );
    }
}
