//! The facts of a tenant, partition by partition, in the order in which they were decided.

use axum::extract::State as Extract;
use axum::response::Response;
use axum::routing::get;
use mirabelle_domain::command::Role;
use mirabelle_domain::{Command, TenantId, Timestamp};
use mirabelle_ledger::{Chain, Checkpoint, FactsReader, Folded, ReaderError, ReaderOptions, Start};
use mirabelle_log::{Log, Partition, ReadLimit};
use mirabelle_schemas::decode_fact;
use mirabelle_schemas::record::{Decision, FactRecord};
use serde_json::{Value as Json, json};

use super::masking::mask;
use super::params::{Params, cursor};
use super::view::ok;
use super::words::snake;
use crate::auth::Caller;
use crate::member::internal;
use crate::problem::{self, Problem};
use crate::routes::Shared;
use crate::routes::table::Route;
use crate::send::blocking;

/// Routes of this module.
pub const ROUTES: &[Route] = &[Route::get("/v1/feed", || get(page))
    .roles(&[Role::Analyst, Role::Auditor])
    .summary("Decisions and their facts, one partition at a time, masked: nothing personal, nothing secret")
    .query(&[
        ("partition", "which; 0"),
        ("after", "`next` of the page before; without it, from the beginning"),
        ("limit", "decisions of a page, 1 to 1000; 100"),
    ])
    .answer(
        200,
        "A page of decisions; instants in facts are microseconds since 1970, days are days since then",
        SCHEMA,
    )
    .also(&[(410, "`after` is of another log")])];

const SCHEMA: &str = r#"{"type":"object","required":["partition","partitions","decisions","next","more"],"properties":{
"partition":{"type":"integer"},"partitions":{"type":"integer"},"next":{"type":"string"},"more":{"type":"boolean"},
"decisions":{"type":"array","items":{"type":"object","required":["seq","at","account","facts"],"properties":{
"seq":{"type":"integer"},"at":{"type":"string","format":"date-time"},"accepted_at":{"type":"string","format":"date-time"},
"account":{"type":"string"},"command":{"type":"string"},"command_id":{"type":"string"},"principal":{"type":"string"},
"config_version":{"type":"integer"},"reason":{"type":"string"},"facts":{"type":"array","items":{"type":"object",
"required":["kind","body"],"properties":{"kind":{"type":"string"},"body":{"type":"object"}}}}}}}}}"#;

/// Records that one request looks at; most of them may be other tenants'.
const LOOKED_AT: usize = 50_000;
/// Records read at once: a page ends between two reads, so that its end is a place a reader may start from.
const READ: ReadLimit = ReadLimit { records: 64, bytes: 4 << 20 };

struct Page {
    decisions: Vec<Json>,
    next: Option<Checkpoint>,
    more: bool,
}

async fn page(Extract(state): Extract<Shared>, caller: Caller, params: Params) -> Result<Response, Problem> {
    let limit = params.limit()?;
    let number = params.parsed::<u16>("partition")?.unwrap_or(0);
    let partitions = state.parts.log.partitions();
    if number >= partitions {
        let what = format!("a partition is a number below {partitions}");
        return Err(Problem::new(problem::MALFORMED, what.clone()).at("?partition", "not_valid", what));
    }
    let after = params.cursor::<(u16, Checkpoint)>("after")?;
    if after.as_ref().is_some_and(|(of, _)| *of != number) {
        let what = "the place is of another partition";
        return Err(Problem::new(problem::MALFORMED, what).at("?after", "not_valid", what));
    }
    let sees_reasons = caller.has(&[Role::Auditor]);
    let (log, tenant) = (std::sync::Arc::clone(&state.parts.log), caller.tenant().clone());
    let after = after.map(|(_, checkpoint)| checkpoint);
    let mut wanted = Wanted { tenant, sees_reasons, limit };
    let shared = std::sync::Arc::clone(&state);
    let read = blocking(move || {
        let mut read = wanted.read(log.as_ref(), Partition(number), after.as_ref());
        for decision in read.iter_mut().flat_map(|page| &mut page.decisions) {
            decision["reason"] = crate::reason::of_cell(&shared, &caller, &decision["reason"]);
        }
        read
    });
    let read = read.await?;
    let page = read.map_err(|error| {
        // Whoever shows a place that this log does not have asks about another log, or made it up.
        if after.is_some() {
            Problem::new(problem::POSITION_LOST, problem::POSITION_LOST.page)
        } else {
            internal(&error)
        }
    })?;
    let next = page.next.map(|checkpoint| cursor(&(number, checkpoint)));
    Ok(ok(
        Default::default(),
        json!({
            "partition": number,
            "partitions": partitions,
            "decisions": page.decisions,
            "next": next,
            "more": page.more,
        }),
    ))
}

struct Wanted {
    tenant: TenantId,
    sees_reasons: bool,
    limit: usize,
}

impl Wanted {
    fn read(
        &mut self,
        log: &dyn Log,
        partition: Partition,
        after: Option<&Checkpoint>,
    ) -> Result<Page, ReaderError> {
        let start = after.map_or(Start::Beginning, Start::At);
        let options = ReaderOptions { chain: Chain::Trust, ..ReaderOptions::default() };
        let mut reader = FactsReader::open(log, partition, start, options)?;
        let mut decisions = Vec::new();
        let mut looked_at = 0;
        let more = loop {
            let mut folded: Vec<Folded> = Vec::new();
            // A page is full when the next read might not fit: its end has to be where a reader stands.
            let room = self.limit - decisions.len();
            if room == 0 || looked_at >= LOOKED_AT {
                break true;
            }
            let read = reader.read(ReadLimit { records: READ.records.min(room), ..READ }, &mut folded)?;
            if read == 0 {
                break false;
            }
            looked_at += read;
            let own = folded.iter().filter_map(Folded::decision).filter(|d| d.account.tenant == self.tenant);
            decisions.extend(own.map(|decision| self.body(decision)));
        };
        Ok(Page { decisions, next: reader.checkpoint(), more })
    }

    fn body(&self, decision: &Decision) -> Json {
        let command = Command::KINDS.iter().find(|(kind, _)| *kind == decision.input_kind);
        json!({
            "seq": decision.seq,
            "at": Timestamp(decision.at).to_string(),
            "accepted_at": Timestamp(decision.accepted_at).to_string(),
            "account": decision.account.key,
            "command": command.map(|(_, name)| snake(name)),
            "command_id": decision.command_id.to_string(),
            "principal": decision.actor.principal,
            "on_behalf_of": decision.actor.on_behalf_of.map(super::view::opaque),
            "config_version": decision.config_version,
            "reason": decision.reason.as_ref().filter(|_| self.sees_reasons),
            "facts": decision.facts.iter().map(fact_body).collect::<Vec<_>>(),
        })
    }
}

fn fact_body(record: &FactRecord) -> Json {
    let name = mirabelle_domain::Fact::KINDS.iter().find(|(kind, _)| *kind == record.kind);
    let body = decode_fact(record).ok().and_then(|fact| serde_json::to_value(&fact).ok());
    json!({
        "kind": name.map_or_else(|| format!("kind_{}", record.kind), |(_, name)| snake(name)),
        "body": body.map_or_else(|| json!({ "masked": true }), |body| mask(record.kind, body)),
    })
}
