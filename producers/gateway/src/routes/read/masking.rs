//! What of a fact an analyst may see: nothing personal, nothing secret, though sealed or hashed it be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use mirabelle_domain::MilestoneKind;
use mirabelle_schemas::{Subject, registry};
use serde_json::{Value as Json, json};

type Masked = BTreeMap<u16, BTreeSet<String>>;

/// Names of the fields of each kind of fact that its schemas class as personal or secret.
fn masked() -> &'static Masked {
    static MASKED: OnceLock<Masked> = OnceLock::new();
    MASKED.get_or_init(|| {
        let mut masked = Masked::new();
        for schema in registry() {
            let Subject::Fact(kind) = schema.subject else { continue };
            let names = masked.entry(kind).or_default();
            // A schema that was compiled in is JSON: the registry has parsed it.
            collect(&serde_json::from_str(schema.json).unwrap_or(Json::Null), names);
        }
        masked
    })
}

fn collect(schema: &Json, names: &mut BTreeSet<String>) {
    match schema {
        Json::Object(members) => {
            let class = members.get("class").and_then(Json::as_str);
            if let (Some("personal" | "secret"), Some(name)) =
                (class, members.get("name").and_then(Json::as_str))
            {
                names.insert(name.to_owned());
            }
            members.values().for_each(|value| collect(value, names));
        }
        Json::Array(elements) => elements.iter().for_each(|element| collect(element, names)),
        _ => {}
    }
}

/// A fact's body without what is personal or secret, and without the day of a birthday: in its place stands
/// `{"masked": true}`.
pub(super) fn mask(kind: u16, mut body: Json) -> Json {
    if body["kind"] == MilestoneKind::Birthday.name() {
        for day in ["effective", "known_on", "moved_from"] {
            if body.get(day).is_some_and(|day| !day.is_null()) {
                body[day] = json!({ "masked": true });
            }
        }
    }
    match masked().get(&kind) {
        Some(names) => hide(body, names),
        // A kind without a schema here is one of a newer release: nothing of it is shown.
        None => json!({ "masked": true }),
    }
}

fn hide(body: Json, names: &BTreeSet<String>) -> Json {
    match body {
        Json::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let hidden = names.contains(&name) && !value.is_null();
                let value = if hidden { json!({ "masked": true }) } else { hide(value, names) };
                (name, value)
            })
            .collect(),
        Json::Array(elements) => elements.into_iter().map(|element| hide(element, names)).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use mirabelle_domain::Sealed;
    use mirabelle_domain::fact::{Fact, KeyIssued, WorkerRecorded};
    use mirabelle_domain::worker::WorkerState;

    use super::*;

    fn body(fact: &Fact) -> Json {
        mask(fact.kind(), serde_json::to_value(fact).unwrap())
    }

    #[test]
    fn sealed_values_and_hashes_of_keys_are_masked_in_facts() {
        let sealed = Sealed { key_ref: "m1".to_owned(), nonce: vec![7; 12], bytes: vec![9; 40] };
        let state = WorkerState {
            department: Some("R&D".to_owned()),
            birth_date: Some(sealed.clone()),
            personal: Some(sealed.clone()),
            external_id: Some(sealed),
            ..WorkerState::default()
        };
        let connection = "workday".parse().unwrap();
        let recorded = body(&WorkerRecorded { connection, changed_at: None, current: true, state }.into());
        assert_eq!(recorded["state"]["department"], "R&D");
        for field in ["birth_date", "personal", "external_id"] {
            assert_eq!(recorded["state"][field], json!({ "masked": true }), "{field}");
        }
        assert!(!recorded.to_string().contains("key_ref"));
        let issued = body(
            &KeyIssued {
                key_id: "acme.app".parse().unwrap(),
                hash: mirabelle_domain::Digest([5; 16]),
                client: "app".parse().unwrap(),
                roles: Vec::new(),
                member: None,
                connection: None,
                expires_at: None,
            }
            .into(),
        );
        assert_eq!((&issued["hash"], &issued["client"]), (&json!({ "masked": true }), &json!("app")));
    }

    #[test]
    fn the_day_of_a_birthday_is_masked_in_facts_and_that_of_an_anniversary_is_not() {
        let recorded = |kind: MilestoneKind| {
            let day = mirabelle_domain::Day::from_ymd(2026, 11, 5).unwrap();
            body(
                &mirabelle_domain::fact::MilestoneRecorded {
                    connection: "workday".parse().unwrap(),
                    kind,
                    occurrence: "2026".parse().unwrap(),
                    effective: day,
                    known_on: day,
                    moved_from: None,
                    source_id: None,
                    years: None,
                    attributes: Default::default(),
                }
                .into(),
            )
        };
        let birthday = recorded(MilestoneKind::Birthday);
        let masked = json!({ "masked": true });
        assert_eq!((&birthday["effective"], &birthday["known_on"]), (&masked, &masked), "{birthday}");
        assert_eq!(birthday["occurrence"], "2026");
        assert_ne!(recorded(MilestoneKind::Anniversary)["effective"], masked);
    }

    #[test]
    fn every_kind_of_fact_has_a_schema_that_says_what_is_masked() {
        for (kind, name) in Fact::KINDS {
            assert!(masked().contains_key(kind), "{name}");
        }
    }
}
