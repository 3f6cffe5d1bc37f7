//! What nobody could read: reasons and places, never the content.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::Timestamp;
use mirabelle_domain::command::Role;
use mirabelle_log::{Log, Offset, Partition, ReadError, ReadLimit, Record, Topic, View};
use mirabelle_schemas::decode_dead_letter;
use serde_json::{Value as Json, json};

use super::params::{Params, cursor};
use super::view::ok;
use crate::auth::Caller;
use crate::member::internal;
use crate::problem::Problem;
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/dead-letters", || get(page))
    .roles(&[Role::Operator, Role::Admin, Role::Auditor])
    .summary("What nobody could read: reason and place, oldest first within a partition; never the content")
    .query(&[("cursor", "`next` of the page before"), ("limit", "letters of a page, 1 to 1000; 100")])
    .answer(200, "A page of dead letters", SCHEMA)];

const SCHEMA: &str = r#"{"type":"object","required":["dead_letters","next","more"],"properties":{
"next":{"type":"string"},"more":{"type":"boolean"},"dead_letters":{"type":"array","items":{"type":"object",
"required":["partition","offset","at","reason","detail","origin"],"properties":{"partition":{"type":"integer"},
"offset":{"type":"integer"},"at":{"type":"string","format":"date-time"},"tenant":{"type":"string"},
"reason":{"type":"string"},"detail":{"type":"string"},"origin":{"type":"string"},"source_id":{"type":"string"},
"bytes":{"type":"integer"}}}}}}"#;

/// Letters that one request looks at; most of them may be other tenants'.
const LOOKED_AT: usize = 20_000;
/// Letters read at once.
const READ: usize = 256;

/// Where a page ended: the next offset of each partition.
type Place = Vec<u64>;

struct Page {
    letters: Vec<Json>,
    next: Place,
    more: bool,
}

async fn page(Extract(state): Extract<Shared>, caller: Caller, params: Params) -> Result<Response, Problem> {
    let (limit, place) = (params.limit()?, params.cursor::<Place>("cursor")?.unwrap_or_default());
    // The installation's operator, who names no tenant, sees everybody's, and what belongs to nobody.
    let of = (!(caller.is_system() && caller.acting.is_none())).then(|| caller.tenant().to_string());
    let log = std::sync::Arc::clone(&state.parts.log);
    let page = blocking(move || read(log.as_ref(), of.as_deref(), place, limit)).await?;
    let page = page.map_err(|error| internal(&error))?;
    let body = json!({ "dead_letters": page.letters, "next": cursor(&page.next), "more": page.more });
    Ok(ok(Default::default(), body))
}

fn read(log: &dyn Log, of: Option<&str>, mut place: Place, limit: usize) -> Result<Page, ReadError> {
    place.resize(usize::from(log.partitions()), 0);
    let mut letters = Vec::new();
    let mut looked_at = 0;
    for partition in 0..log.partitions() {
        let number = Partition(partition);
        let bounds = log.bounds(Topic::DeadLetters, number, View::Durable)?;
        let next = &mut place[usize::from(partition)];
        // What is kept no longer is passed over; nothing lies beyond the end.
        let from = Offset(*next).max(bounds.start).min(bounds.end);
        let mut reader = log.reader(Topic::DeadLetters, number, from, View::Durable)?;
        *next = from.0;
        loop {
            let mut records = Vec::new();
            reader.read(ReadLimit { records: READ, bytes: 4 << 20 }, &mut records)?;
            if records.is_empty() {
                break;
            }
            for record in &records {
                if letters.len() == limit || looked_at == LOOKED_AT {
                    return Ok(Page { letters, next: place, more: true });
                }
                looked_at += 1;
                place[usize::from(partition)] = record.offset.next().0;
                letters.extend(letter(partition, record, of));
            }
        }
    }
    Ok(Page { letters, next: place, more: false })
}

/// A letter of this tenant as everybody may see it: what was sealed stays so.
fn letter(partition: u16, record: &Record, of: Option<&str>) -> Option<Json> {
    let letter = decode_dead_letter(&record.entry.value, record.entry.fingerprint).ok()?;
    if of.is_some_and(|of| letter.tenant.as_deref() != Some(of)) {
        return None;
    }
    let sealed = letter.sealed.as_ref().map(|sealed| sealed.bytes.len());
    Some(json!({
        "partition": partition,
        "offset": record.offset.0,
        "at": Timestamp(letter.at).to_string(),
        "tenant": letter.tenant,
        "reason": letter.reason,
        "detail": letter.detail,
        "origin": letter.origin,
        "source_id": letter.source_id,
        "bytes": sealed.or(letter.raw.as_ref().map(|raw| raw.len())),
    }))
}
