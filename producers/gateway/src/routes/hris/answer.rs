//! What a sender is told.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mirabelle_hris::{AnswerShape, soap_answer};
use serde::Serialize;

use super::outcome::{Delivery, Outcome, Status};
use super::profile::system_name;
use crate::routes::json;

/// JSON schema of [`Body`].
pub(super) const SCHEMA: &str = r#"{"type":"object","required":["connection","system","dry_run","counts","items"],"properties":{
"connection":{"type":"string"},"system":{"type":"string","enum":["success_factors","workday","darwinbox"]},
"dry_run":{"type":"boolean"},
"counts":{"type":"object","additionalProperties":{"type":"integer","minimum":0}},
"items":{"type":"array","items":{"type":"object","required":["index","status"],"properties":{
"index":{"type":"integer","minimum":0},
"status":{"type":"string","enum":["accepted","duplicate","dead_letter","ignored","refused"]},
"id":{"type":"string"},"command":{"type":"string"},
"what":{"type":"string","enum":["milestone","retraction","worker","pointer"]},
"reason":{"type":"string"},"detail":{"type":"string"}}}}}}"#;

#[derive(Serialize)]
struct Body<'a> {
    connection: &'a str,
    system: &'static str,
    dry_run: bool,
    counts: Counts,
    items: Vec<Line<'a>>,
}

#[derive(Serialize, Default)]
struct Counts {
    accepted: usize,
    duplicate: usize,
    dead_letter: usize,
    ignored: usize,
    refused: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    index: usize,
    status: &'static str,
    /// The source's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// The answer: SuccessFactors' success in the shape of its request, else JSON that says what became of each item.
pub(super) fn answer(delivery: &Delivery, shape: &AnswerShape, outcomes: &[Outcome]) -> Response {
    if !matches!(shape, AnswerShape::Json) {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(shape.content_type()))];
        return (StatusCode::OK, headers, soap_answer(shape, Ok(()))).into_response();
    }
    let mut counts = Counts::default();
    let mut items = Vec::with_capacity(outcomes.len());
    for (index, outcome) in outcomes.iter().enumerate() {
        *match outcome.status {
            Status::Accepted => &mut counts.accepted,
            Status::Duplicate => &mut counts.duplicate,
            Status::DeadLetter => &mut counts.dead_letter,
            Status::Ignored => &mut counts.ignored,
            Status::Refused => &mut counts.refused,
        } += 1;
        items.push(Line {
            index,
            status: outcome.status.name(),
            id: outcome.source_id.as_deref(),
            command: outcome.command.map(|command| command.to_string()),
            what: outcome.what,
            reason: outcome.reason.as_deref(),
            detail: outcome.detail.as_deref(),
        });
    }
    let body = Body {
        connection: delivery.name.as_str(),
        system: system_name(delivery.connection.system),
        dry_run: delivery.dry_run,
        counts,
        items,
    };
    json(StatusCode::OK, HeaderMap::new(), &body)
}
