//! Schemas of what is configured, for `/openapi.json`. What each member means is told in `docs/configuration.md`; a test
//! of the whole project holds both against the code that reads the bodies.

use serde_json::{Map, Value, json};

/// The schemas by name.
pub(super) fn schemas() -> Map<String, Value> {
    let all = [
        ("Campaign", campaign()),
        ("Condition", condition()),
        ("Product", product()),
        ("Connection", connection()),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn campaign() -> Value {
    let points = json!({"type": "integer", "minimum": 1});
    let days = json!({"type": "integer", "minimum": 0, "maximum": 36_500});
    let day = json!({"type": "string", "format": "date"});
    let kinds: Vec<&str> = mirabelle_domain::MilestoneKind::ALL.iter().map(|kind| kind.name()).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "who gets how many points for what",
        "required": ["title", "milestone", "points", "budget", "starts_on"],
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "milestone": {"enum": kinds},
            "conditions": {"type": "array", "maxItems": 20, "default": [],
                "items": {"$ref": "#/components/schemas/Condition"}, "description": "all have to hold"},
            "points": {"oneOf": [
                {"type": "object", "additionalProperties": false, "required": ["fixed"],
                 "properties": {"fixed": points}},
                {"type": "object", "additionalProperties": false, "required": ["per_year"],
                 "properties": {"per_year": points}},
            ]},
            "budget": {"type": "string", "description": "the budget that pays"},
            "starts_on": day,
            "ends_on": {"type": ["string", "null"], "format": "date", "default": null},
            "look_back_days": {"type": "integer", "minimum": 0, "maximum": 36_500, "default": 7,
                "description": "a milestone that became known more than so many days after its day earns nothing"},
            "vests_after_days": {"type": "integer", "minimum": 0, "maximum": 36_500, "default": 0},
            "expires_after_days": {"type": ["integer", "null"], "minimum": days["minimum"],
                "maximum": days["maximum"], "default": null},
            "daily_ceiling": {"type": ["integer", "null"], "minimum": 1, "default": null,
                "description": "most points in one day; what exceeds it waits for a person"},
        },
    })
}

fn condition() -> Value {
    let texts = json!({"type": "array", "minItems": 1, "maxItems": 1_000, "items": {"type": "string"}});
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "`field` and exactly one comparison; what is not known fails every one",
        "required": ["field"],
        "minProperties": 2,
        "maxProperties": 2,
        "properties": {
            "field": {"type": "string", "description":
                "years, department, cost_centre, worker_type, company, country, location or attributes.<name>"},
            "any_of": texts,
            "none_of": texts,
            "at_least": {"type": "integer"},
            "at_most": {"type": "integer"},
            "multiple_of": {"type": "integer", "minimum": 1},
        },
    })
}

fn product() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "what points buy",
        "required": ["title", "points", "delivery"],
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "points": {"type": "integer", "minimum": 1, "description": "price of one"},
            "countries": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}$"},
                "uniqueItems": true, "default": [], "description": "where it is offered; empty: everywhere"},
            "delivery": {"enum": ["immediate", "vendor"]},
            "vendor": {"type": ["string", "null"], "default": null},
            "vendor_product": {"type": ["string", "null"], "default": null},
            "offered": {"type": "boolean", "default": true},
        },
    })
}

fn connection() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "by which an HR system delivers",
        "required": ["system", "id_space"],
        "properties": {
            "system": {"enum": ["success_factors", "workday", "darwinbox"]},
            "id_space": {"type": "string", "description": "ids of two spaces never meet"},
            "state": {"enum": ["baseline", "open", "closed"], "default": "baseline"},
            "mapping": {"type": ["object", "null"], "default": null,
                "description": "where the customer's fields are; null: the system's default"},
            "anniversary": {"enum": ["original_hire", "hire", "continuous_service", "seniority"],
                "default": "original_hire"},
            "leap_day": {"enum": ["before", "after"], "default": "before"},
            "location_zones": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}},
        },
    })
}
