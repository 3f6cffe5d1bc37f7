//! What the server says about itself: the API description, and a page for every problem code.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use crate::problem::{EDGE, Problem, REJECTIONS};
use crate::routes::table::Route;

/// Routes of this module.
pub const ROUTES: &[Route] = &[
    Route::get("/openapi.json", || get(openapi)).summary("This description").answer(
        200,
        "OpenAPI 3.1",
        r#"{"type":"object"}"#,
    ),
    Route::get("/problems/{code}", || get(page))
        .summary("What a problem's code means and what to do")
        .answer(200, "The page, as HTML or as JSON", r#"{"type":"object"}"#),
];

async fn openapi() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| crate::openapi::document().to_string().into());
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document.clone()).into_response()
}

/// A code, its status, whether a repeat may succeed, its title and its page.
type Entry = (&'static str, u16, bool, &'static str, &'static str);

fn entries() -> impl Iterator<Item = Entry> {
    let edge = EDGE.iter().map(|code| (code.name, code.status, code.retryable, code.title, code.page));
    let rules = REJECTIONS
        .iter()
        .map(|(name, title, page)| (*name, 422, crate::problem::is_retryable(name), *title, *page));
    edge.chain(rules)
}

async fn page(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let entry = entries().find(|(name, ..)| *name == code).ok_or_else(Problem::not_found)?;
    let (code, status, retryable, title, page) = entry;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("json") {
        let body = json!({
            "code": code, "status": status, "title": title, "description": page, "retryable": retryable,
        });
        return Ok(crate::routes::json(StatusCode::OK, HeaderMap::new(), &body));
    }
    let mut html = String::with_capacity(1_024);
    let again = if retryable { "may succeed" } else { "gives the same answer" };
    let written = writeln!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}</style>\
         <h1>{title}</h1><p>{page}</p><p>Code <code>{code}</code>, status {status}. \
         The same request again {again}.</p></html>"
    );
    written.map_err(|error| crate::member::internal(&error))?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Ok((headers, html).into_response())
}
