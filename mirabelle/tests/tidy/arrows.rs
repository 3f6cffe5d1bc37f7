//! `use` points one way (STYLE §2, DESIGN §9).

use crate::metadata;

/// A crate's storey: it may use its own storey's listed neighbours and everything below.
const STOREYS: &[(&str, &[&str])] = &[
    ("mirabelle-domain", &[]),
    ("mirabelle-log", &[]),
    ("mirabelle-schemas", &["mirabelle-domain"]),
    ("mirabelle-store", &["mirabelle-domain", "mirabelle-log"]),
    ("mirabelle-keys", &["mirabelle-domain"]),
    ("mirabelle-hris", &["mirabelle-domain"]),
    ("mirabelle-ledger", &["mirabelle-domain", "mirabelle-log", "mirabelle-schemas"]),
    ("mirabelle-log-embedded", &["mirabelle-domain", "mirabelle-log"]),
    ("mirabelle-log-kafka", &["mirabelle-domain", "mirabelle-log"]),
    ("mirabelle-store-embedded", &["mirabelle-domain", "mirabelle-log", "mirabelle-store"]),
    ("mirabelle-store-scylla", &["mirabelle-domain", "mirabelle-log", "mirabelle-store"]),
    ("mirabelle-loadtest", &[]),
    ("mirabelle-testbed", &[]),
    ("mirabelle-follower", ENGINES),
    ("mirabelle-decider", ENGINES),
    ("mirabelle-projector", ENGINES),
    ("mirabelle-courier", ROLE),
    ("mirabelle-clock", ROLE),
    ("mirabelle-fulfiller", ROLE),
    (
        "mirabelle-gateway",
        &[
            "mirabelle-domain",
            "mirabelle-log",
            "mirabelle-schemas",
            "mirabelle-ledger",
            "mirabelle-store",
            "mirabelle-keys",
            "mirabelle-hris",
        ],
    ),
];

const ENGINES: &[&str] = &[
    "mirabelle-domain",
    "mirabelle-log",
    "mirabelle-schemas",
    "mirabelle-ledger",
    "mirabelle-store",
    "mirabelle-keys",
];
const ROLE: &[&str] = &[
    "mirabelle-domain",
    "mirabelle-log",
    "mirabelle-schemas",
    "mirabelle-ledger",
    "mirabelle-store",
    "mirabelle-keys",
    "mirabelle-follower",
];

#[test]
fn every_arrow_of_knowledge_points_the_agreed_way() {
    let mut wrong = Vec::new();
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        if name == "mirabelle" {
            continue;
        }
        let Some((_, allowed)) = STOREYS.iter().find(|(storey, _)| *storey == name) else {
            wrong.push(format!(
                "{name} has no storey: say in arrows.rs what it may use, and why in docs/decisions"
            ));
            continue;
        };
        let normal = package.dependencies.iter().filter(|d| d.kind == cargo_metadata::DependencyKind::Normal);
        for dependency in normal.filter(|d| d.name.starts_with("mirabelle")) {
            if !allowed.contains(&dependency.name.as_str()) {
                wrong.push(format!("{name} uses {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_uses_no_clock_io_or_async_crate() {
    let package = metadata().workspace_packages().into_iter().find(|p| p.name.as_str() == "mirabelle-domain");
    let names: Vec<&str> = package
        .expect("the domain is a member")
        .dependencies
        .iter()
        .filter(|d| d.kind == cargo_metadata::DependencyKind::Normal)
        .map(|d| d.name.as_str())
        .collect();
    let pure =
        ["jiff", "rpds", "serde", "serde_json", "serde_path_to_error", "sha2", "smallvec", "thiserror"];
    let strangers: Vec<&&str> = names.iter().filter(|name| !pure.contains(name)).collect();
    assert!(strangers.is_empty(), "the domain depends on {strangers:?}");
}
