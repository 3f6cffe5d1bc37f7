//! docs/metrics.md: every family that a process exports, from where it is registered.

use std::fmt::Write as _;

use prometheus::{Registry, TextEncoder};

use super::root;

/// A role, and its families with what they say.
type Role = (&'static str, Vec<(String, String)>);

/// A family with labels shows when one of it was counted.
fn roles() -> [Role; 4] {
    let registered = |register: &dyn Fn(&Registry)| {
        let registry = Registry::new();
        register(&registry);
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
        helps.map(|(name, says)| (name.to_owned(), says.to_owned())).collect()
    };
    let door = registered(&|registry| {
        let metrics = mirabelle_gateway::metrics::Metrics::new(registry).unwrap();
        metrics.requests.with_label_values(&["", ""]).inc();
        metrics.refused.with_label_values(&[""]).inc();
        metrics.deliveries.with_label_values(&["", ""]).inc();
    });
    let decider = registered(&|registry| {
        let metrics = mirabelle_decider::Metrics::new(registry).unwrap();
        metrics.decisions.with_label_values(&[""]).inc();
        metrics.records.with_label_values(&[""]).inc();
        for family in [&metrics.in_flight, &metrics.owned, &metrics.stopped, &metrics.accounts] {
            family.with_label_values(&[""]).set(1);
        }
    });
    let projector = registered(&|registry| {
        mirabelle_projector::Metrics::new(registry).unwrap();
    });
    let names = mirabelle_follower::metrics::NAMES.iter();
    let followers = names.map(|(name, says)| ((*name).to_owned(), (*says).to_owned())).collect();
    [
        ("The door", door),
        ("The decider", decider),
        ("The projector", projector),
        ("Courier, clock, fulfiller", followers),
    ]
}

fn page() -> String {
    let mut page = "# Metrics\n\n`GET /metrics` on the admin port, in Prometheus' text format. This page is made from the registries; a test fails when\nit is stale, and `cargo test -p mirabelle --test tidy write_the_page_of_metrics -- --ignored` makes it anew. What to be woken\nby stands in [operations](operations.md#alarms).\n".to_owned();
    for (role, families) in roles() {
        write!(page, "\n## {role}\n\n| family | what it says |\n|---|---|\n").unwrap();
        for (name, says) in families {
            writeln!(page, "| `{name}` | {says} |").unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_metrics_says_what_is_registered() {
    let families = roles().iter().map(|(_, families)| families.len()).sum::<usize>();
    assert!(families >= 25, "{families} families were found");
    let written = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    assert!(written == page(), "docs/metrics.md is stale: it says how to make it anew");
}

#[test]
#[ignore = "writes docs/metrics.md"]
fn write_the_page_of_metrics() {
    std::fs::write(root().join("docs/metrics.md"), page()).unwrap();
}
