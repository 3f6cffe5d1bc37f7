//! The Avro schemas that this build knows, in the form of a registry.

use axum::response::Response;
use axum::routing::get;
use mirabelle_schemas::registry;
use serde_json::json;

use super::params::PathOf;
use super::view::ok;
use crate::problem::Problem;
use crate::routes::table::Route;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/schemas/ids/{id}", || get(read))
    .summary("A schema by the number in a record's wire header, as a schema registry answers")
    .answer(200, "The schema as text", SCHEMA)];

const SCHEMA: &str = r#"{"type":"object","required":["schema","subject","version","fingerprint"],"properties":{
"schema":{"type":"string"},"schemaType":{"type":"string"},"subject":{"type":"string"},"version":{"type":"integer"},
"fingerprint":{"type":"string"}}}"#;

async fn read(PathOf(id): PathOf<String>) -> Result<Response, Problem> {
    let id: u32 = id.parse().map_err(|_| Problem::missing("schema"))?;
    let schema =
        registry().iter().find(|schema| schema.id == id).ok_or_else(|| Problem::missing("schema"))?;
    Ok(ok(
        Default::default(),
        json!({
            "schemaType": "AVRO",
            "schema": schema.json,
            "subject": schema.name,
            "version": schema.version,
            "fingerprint": format!("{:016x}", schema.fingerprint),
        }),
    ))
}
