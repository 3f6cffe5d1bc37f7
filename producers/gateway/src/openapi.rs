//! `/openapi.json`: OpenAPI 3.1, made from the table of routes.

mod bodies;

use mirabelle_domain::command::Role;
use serde_json::{Map, Value, json};

use crate::guard::takes_tenant;
use crate::routes::table::{self, KeyRule, Route, Verb};

/// The description.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in table::all() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.verb.name().to_ascii_lowercase()] = operation(route);
    }
    let mut schemas = bodies::schemas();
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mirabelle",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "From a milestone to a redeemed reward",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer",
                "description": "`mk_<key>_<secret>`, as `POST /v1/keys` gave it",
            }},
            "schemas": schemas,
            "responses": {"Problem": {
                "description": "A problem (RFC 9457); `code` is stable, `type` leads to its page",
                "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "retryable"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "retryable": {"type": "boolean"},
            "errors": {"type": "array", "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"},
                },
            }},
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [tag(route)],
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if !route.roles.is_empty() {
        let roles: Vec<Value> = route.roles.iter().map(role).collect();
        operation["security"] = json!([{"key": []}]);
        operation["x-roles"] = roles.into();
    } else {
        operation["security"] = json!([]);
    }
    if let Some(request) = route.request {
        let content = match schema(request) {
            Value::Object(object) if object.is_empty() => json!({"*/*": {}}),
            schema => json!({"application/json": {"schema": schema}}),
        };
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

/// The schema that a route's text holds; a test parses them all.
fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// A role's name.
pub fn role(role: &Role) -> Value {
    serde_json::to_value(role).unwrap_or_default()
}

fn tag(route: &Route) -> &'static str {
    let mut parts = route.path.split('/').filter(|part| !part.is_empty() && *part != "v1");
    parts.next().unwrap_or("about")
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty() && *word != "v1");
    let words: Vec<&str> = std::iter::once(route.verb.name()).chain(words).collect();
    words.join("_").to_ascii_lowercase()
}

fn parameters(route: &Route) -> Vec<Value> {
    let text = json!({"type": "string"});
    let of = |place: &str, name: &str, what: &str, required: bool| json!({"in": place, "name": name, "description": what, "required": required, "schema": text});
    let mut all: Vec<Value> = route.path_parameters().map(|name| of("path", name, name, true)).collect();
    all.extend(route.query.iter().map(|(name, what)| of("query", name, what, false)));
    if takes_tenant(route) {
        all.push(of("query", "tenant", "for whom an operator acts", false));
    }
    match route.key {
        KeyRule::None => {}
        KeyRule::Optional | KeyRule::Required => {
            let what = "1 to 255 printable ASCII characters; the same when the request is repeated";
            all.push(of("header", "Idempotency-Key", what, route.key == KeyRule::Required));
            all.push(of("header", "Prefer", "`wait=<seconds>` or `respond-async` (RFC 7240)", false));
        }
    }
    if !route.roles.is_empty() {
        let what = "the Log-Position of an answer: what was decided then is known here";
        all.push(of("header", "Read-After", what, false));
    }
    if route.roles.contains(&Role::Service) {
        all.push(of("header", "On-Behalf-Of", "`member:<number>`: for whom a service acts", false));
    }
    all
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let (status, says, body) = route.answer;
    let mut success = json!({"description": if says.is_empty() { route.summary } else { says }});
    match schema(body) {
        Value::Object(object) if object.is_empty() => {}
        schema => success["content"] = json!({"application/json": {"schema": schema}}),
    }
    responses.insert(status.to_string(), success);
    let problem = || json!({"$ref": "#/components/responses/Problem"});
    if route.key != KeyRule::None {
        let what = "not decided yet; `Location` says where to ask";
        let schema = json!({"type": "object", "properties": {"state": {"const": "pending"}}});
        responses.insert(
            "202".into(),
            json!({"description": what, "content": {"application/json": {"schema": schema}}}),
        );
    }
    let mut statuses: Vec<u16> = vec![400];
    if !route.roles.is_empty() {
        statuses.extend([401, 403, 429, 503]);
    }
    if route.path.contains('{') {
        statuses.push(404);
    }
    if route.request.is_some() {
        statuses.extend([413, 415]);
    }
    if route.verb == Verb::Post {
        statuses.push(422);
    }
    if route.verb == Verb::Get && !route.roles.is_empty() {
        statuses.push(410);
    }
    for status in statuses {
        responses.insert(status.to_string(), problem());
    }
    for (status, says) in route.also {
        responses.insert(status.to_string(), json!({"description": says}));
    }
    responses.insert("default".into(), problem());
    Value::Object(responses)
}
