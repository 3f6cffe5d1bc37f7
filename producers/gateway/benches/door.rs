//! What the door itself costs a redemption: from the parsed head to the append and the answer 202, without sockets,
//! decider and disk. `cargo bench -p mirabelle-gateway`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use criterion::{Criterion, criterion_group, criterion_main};
use mirabelle_domain::rows::{Row, Table, Value};
use mirabelle_domain::tables::{config_versions, keys, members, tenants};
use mirabelle_gateway::auth::make_key;
use mirabelle_gateway::{Gateway, Options, Parts, Progress, guard};
use mirabelle_keys::{Keys as _, MemoryKeys};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Log as _, LogId, Partition};
use mirabelle_store::{Batch, MemoryStore, Store as _};
use tower::ServiceExt as _;

const NOW: i64 = 1_790_000_000_000_000;

/// Rows that hold everything.
struct Whole;

impl Progress for Whole {
    fn applied(&self, _: Partition) -> i64 {
        i64::MAX
    }

    fn lag(&self) -> i64 {
        0
    }

    fn observe(&self, _: Box<dyn Fn() + Send + Sync>) {}

    fn hurry(&self, _: bool) {}
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn row(table: &'static Table, key: Vec<Value>, cells: Vec<(u8, Value)>) -> Row {
    Row { table, key, cells, delete: false }
}

/// A tenant with a service's key, a connection and 1,000 members.
fn rows(seal: &MemoryKeys, hash: [u8; 16]) -> Vec<Row> {
    let tenant = "acme".parse().expect("a tenant");
    seal.create_tenant(&tenant).expect("keys in memory");
    let connection = r#"{"system":"workday","id_space":"staff","state":"open"}"#;
    let mut rows = vec![
        row(
            &tenants::TABLE,
            vec![text("acme")],
            vec![(tenants::MODE, text("sandbox")), (tenants::ZONE, text("UTC"))],
        ),
        row(
            &keys::TABLE,
            vec![text("acme"), text("acme.shop")],
            vec![
                (keys::STATE, text("issued")),
                (keys::HASH, Value::Bytes(hash.to_vec())),
                (keys::CLIENT, text("shop")),
                (keys::ROLES, text("service")),
            ],
        ),
        row(
            &config_versions::TABLE,
            vec![text("acme"), text("connection"), text("hr"), Value::Int(1)],
            vec![
                (config_versions::STATE, text("published")),
                (config_versions::NUMBER, Value::Int(1)),
                (config_versions::BODY, text(connection)),
                (config_versions::EFFECTIVE_AT, Value::Int(1)),
            ],
        ),
    ];
    for number in 0..1_000 {
        let member = seal.member_id(&tenant, "staff", &number.to_string(), 0).expect("keys in memory");
        let key = vec![text("acme"), Value::Bytes(member.0.to_vec())];
        rows.push(row(&members::TABLE, key, vec![(members::STATUS, text("active"))]));
    }
    rows
}

fn door(criterion: &mut Criterion) {
    let log = MemoryLog::new(LogId([3; 16]), 8, Arc::new(|| NOW));
    let store = MemoryStore::new(log.id());
    let generation = store.create(&"first".parse().expect("a name")).expect("a generation");
    let seal = MemoryKeys::new(5);
    let (key, hash) = make_key("acme.shop", &[7; 32]);
    let mut batch = Batch::new();
    batch.decision(NOW, rows(&seal, hash.0));
    generation.apply(batch).expect("rows in memory");
    let parts = Parts {
        log: Arc::new(log),
        store: Arc::new(store),
        keys: Arc::new(seal),
        progress: Arc::new(Whole),
        now: Arc::new(|| NOW),
        registry: prometheus::Registry::new(),
        pretend: None,
    };
    let gateway = Gateway::new(parts, Options::default()).expect("a door");
    let router = guard::router(&gateway.state());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bearer = format!("Bearer {key}");
    let mut number = 0_u64;
    let mut request = move || {
        number += 1;
        let body =
            format!(r#"{{"member":"{}","lines":[{{"product":"gift-de-25","quantity":1}}]}}"#, number % 1_000);
        Request::post("/v1/redemptions")
            .header("authorization", &bearer)
            .header("content-type", "application/json")
            .header("idempotency-key", format!("order-{number}"))
            .header("prefer", "respond-async")
            .body(Body::from(body))
            .expect("a request")
    };
    let answer = runtime.block_on(router.clone().oneshot(request())).expect("an answer");
    assert_eq!(answer.status(), 202);
    criterion.bench_function("a redemption up to its append", |bencher| {
        bencher.iter_batched(
            &mut request,
            |request| runtime.block_on(router.clone().oneshot(request)).expect("an answer"),
            criterion::BatchSize::SmallInput,
        );
    });
    criterion.bench_function("an unknown key", |bencher| {
        let refused = || Request::get("/v1/budgets").body(Body::empty()).expect("a request");
        bencher.iter_batched(
            refused,
            |request| runtime.block_on(router.clone().oneshot(request)).expect("an answer"),
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).sample_size(20);
    targets = door
}
criterion_main!(benches);
