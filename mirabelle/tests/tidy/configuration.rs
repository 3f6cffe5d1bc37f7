//! `docs/configuration.md` lists what the code reads: every member with its default, every word, examples that are
//! accepted.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::MilestoneKind;
use mirabelle_domain::command::{ConfigKind, TenantMode};
use mirabelle_domain::config::{self, Campaign, Condition, Connection, Payout, Product};
use mirabelle_hris::Mapping;
use mirabelle_hris::mapping::{
    AnswerRule, AttributeMapping, Dataset, KindRule, MilestoneMapping, WorkerField, WorkerMapping,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::root;

fn page() -> String {
    std::fs::read_to_string(root().join("docs/configuration.md")).unwrap()
}

/// What stands between a heading and the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let rest = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}")).1;
    let end = rest.match_indices("\n#").map(|(at, _)| at).next().unwrap_or(rest.len());
    &rest[..end]
}

/// The rows of the section's table whose first head is `head`: the name in the first cell, and all cells.
fn table(section: &str, head: &str) -> BTreeMap<String, Vec<String>> {
    let lines = section.lines().skip_while(|line| !line.starts_with(&format!("| {head} |"))).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()));
    cells
        .map(|cells| cells.collect::<Vec<_>>())
        .map(|cells| (cells[0].trim_matches('`').to_owned(), cells))
        .collect()
}

/// The names that serde would have expected in the place of another.
fn expected<T: DeserializeOwned>(wrong: Json) -> BTreeSet<String> {
    let said = serde_json::from_value::<T>(wrong).err().expect("nothing is called that").to_string();
    let (_, names) = said.split_once("expected ").unwrap_or_else(|| panic!("{said}"));
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn members<T: DeserializeOwned>() -> BTreeSet<String> {
    expected::<T>(json!({ "no such member": 1 }))
}

fn words<T: DeserializeOwned>() -> BTreeSet<String> {
    expected::<T>(json!("no such word"))
}

fn keys<T>(of: &BTreeMap<String, T>) -> BTreeSet<String> {
    of.keys().cloned().collect()
}

/// The schema in `/openapi.json` has the members, says which are required, and has the defaults of `whole`.
#[track_caller]
fn is_described(name: &str, members: &BTreeSet<String>, required: &BTreeSet<String>, whole: &Json) {
    let document = mirabelle_gateway::openapi::document();
    let schema = &document["components"]["schemas"][name];
    let names = |list: &Json| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(&properties.keys().cloned().collect::<BTreeSet<_>>(), members, "{name}");
    assert_eq!(&names(&schema["required"]), required, "{name}");
    for (member, schema) in properties.iter().filter(|(member, _)| !required.contains(*member)) {
        assert_eq!(schema.get("default").unwrap_or(&Json::Null), &whole[member], "{name}: {member}");
    }
}

/// Every member stands in the section's table, with the default that it has where `least`, the smallest body, is read.
#[track_caller]
fn agrees<T: DeserializeOwned + Serialize>(heading: &str, least: Json) {
    let page = page();
    let table = table(section(&page, heading), "member");
    assert_eq!(keys(&table), members::<T>(), "{heading}");
    let read: T = serde_json::from_value(least.clone()).unwrap();
    let whole = serde_json::to_value(read).unwrap();
    let described = heading.strip_prefix("## ").filter(|name| *name != "Mapping");
    if let Some(name) = described {
        let required = least.as_object().unwrap().keys().cloned().collect();
        is_described(name, &members::<T>(), &required, &whole);
    }
    for (name, cells) in &table {
        let default = cells[2].as_str();
        if least.get(name).is_some() {
            assert_eq!(default, "required", "{heading}: {name}");
            let mut without = least.clone();
            without.as_object_mut().unwrap().remove(name);
            assert!(serde_json::from_value::<T>(without).is_err(), "{heading}: {name} is not required");
            continue;
        }
        let told: Json = match default {
            "none" => Json::Null,
            text => serde_json::from_str(text.trim_matches('`'))
                .unwrap_or_else(|_| panic!("{heading}: {name} has the default {text}")),
        };
        // An object of defaults is told as `{}`: its own table says what is in it.
        let same = told == whole[name] || (told == json!({}) && whole[name].is_object());
        assert!(same, "{heading}: {name} is {} by default, the page says {default}", whole[name]);
    }
}

#[test]
fn the_page_of_configuration_lists_every_member_with_its_default() {
    let campaign = json!({"title": "T", "milestone": "review", "points": {"fixed": 1}, "budget": "b",
        "starts_on": "2026-01-01"});
    agrees::<Campaign>("## Campaign", campaign);
    agrees::<Product>("## Product", json!({"title": "T", "points": 1, "delivery": "immediate"}));
    agrees::<Connection>("## Connection", json!({"system": "workday", "id_space": "staff"}));
    agrees::<Mapping>("## Mapping", json!({"id": "/id", "dates": ["iso"]}));
    agrees::<AnswerRule>("### Answer", json!({}));
    agrees::<WorkerMapping>("### Worker", json!({"fields": {}}));
    agrees::<MilestoneMapping>("### Milestone", json!({"code": ["/c"], "effective": ["/e"], "kinds": []}));
    agrees::<AttributeMapping>("### Attribute", json!({"at": ["/a"]}));
    agrees::<KindRule>("### Kind rule", json!({"code": "C"}));
    agrees::<Dataset>("### Dataset", json!({}));
}

#[test]
fn the_page_of_configuration_lists_every_comparison_field_kind_and_word() {
    let page = page();
    assert_eq!(keys(&table(section(&page, "### Points"), "member")), words::<Payout>());
    let condition = section(&page, "### Condition");
    assert_eq!(keys(&table(condition, "member")), members::<Condition>());
    is_described("Condition", &members::<Condition>(), &BTreeSet::from(["field".to_owned()]), &Json::Null);
    let kinds: BTreeSet<String> = MilestoneKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    assert_eq!(keys(&table(section(&page, "### Kinds of milestones"), "kind")), kinds);
    let fields = section(&page, "### Worker").split_once("The fields:").unwrap().1;
    let fields: BTreeSet<String> = fields.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(fields, words::<WorkerField>());
    for (name, cells) in table(condition, "field") {
        let field = name.replace("<name>", "rating");
        let text = cells[2] == "`any_of`, `none_of`";
        assert!(text || cells[2] == "any comparison", "{name}: {}", cells[2]);
        assert!(accepts(&field, json!({"any_of": [if field == "country" { "DE" } else { "5" }]})), "{name}");
        assert_eq!(accepts(&field, json!({"at_least": 5})), !text, "{name}");
    }
    let refused =
        config::read(ConfigKind::Campaign, TenantMode::Sandbox, &about("nothing", json!({"at_least": 5})));
    let known = refused.unwrap_err().detail;
    let known = known.split_once("no such field: ").unwrap().1.replace(" or ", ", ");
    let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
    assert_eq!(keys(&table(condition, "field")), known);
}

/// A campaign with a condition on a field.
fn about(field: &str, test: Json) -> String {
    let mut condition = test;
    condition["field"] = json!(field);
    json!({"title": "T", "milestone": "review", "conditions": [condition], "points": {"fixed": 1}, "budget": "b",
        "starts_on": "2026-01-01"})
    .to_string()
}

fn accepts(field: &str, test: Json) -> bool {
    config::read(ConfigKind::Campaign, TenantMode::Sandbox, &about(field, test)).is_ok()
}

#[test]
fn every_example_of_the_page_of_configuration_is_accepted() {
    let page = page();
    let mut seen = BTreeMap::new();
    for block in page.split("```json ").skip(1) {
        let (kind, rest) = block.split_once('\n').unwrap();
        let body = rest.split_once("```").unwrap().0;
        let read =
            |kind| config::read(kind, TenantMode::Sandbox, body).map(drop).map_err(|flaw| flaw.to_string());
        let outcome = match kind {
            "campaign" => read(ConfigKind::Campaign),
            "product" => read(ConfigKind::Product),
            "connection" => read(ConfigKind::Connection),
            "mapping" => match serde_json::from_str::<Mapping>(body).map(|mapping| mapping.faults()) {
                Ok(faults) if faults.is_empty() => Ok(()),
                other => Err(format!("{other:?}")),
            },
            other => panic!("an example of {other}"),
        };
        assert_eq!(outcome, Ok(()), "{kind}: {body}");
        *seen.entry(kind.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(keys(&seen).len(), 4, "{seen:?}");
}
