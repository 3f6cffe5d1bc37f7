//! Our codec beside `apache-avro` on the hot path: one redemption, captured at once, is one command record and one
//! decision with four facts.

use std::hint::black_box;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mirabelle_domain::command::{RequestRedemption, RequestedLine};
use mirabelle_domain::fact::{
    Balance, Delivery, LineFulfilled, LotState, PricedLine, RedemptionApproved, RedemptionClosed,
    RedemptionEnd, RedemptionRequested,
};
use mirabelle_domain::{AccountId, Command, CommandId, Digest, Fact, MemberId, Points, RedemptionId};
use mirabelle_schemas::record::{
    Actor, ActorKind, CommandRecord, Cursor, Decision, FactsRecord, InputRecord, Namespace,
};
use mirabelle_schemas::{self as schemas, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn points(points: i64) -> Points {
    Points::new(points).expect("a small number")
}

fn facts() -> Vec<Fact> {
    let redemption = RedemptionId([7; 16]);
    let balance = Balance { available: points(12_400), reserved: points(300), ..Balance::default() };
    let lots = |free: i64, held: i64| {
        let lot = |lot: u32| LotState { lot, moved: points(150), free: points(free), held: points(held) };
        vec![lot(3), lot(4)]
    };
    let line = PricedLine {
        product: "charity-trees".parse().expect("a name"),
        product_version: 4,
        quantity: 1,
        unit_points: points(300),
        delivery: Delivery::Immediate,
        vendor: None,
    };
    vec![
        RedemptionRequested {
            redemption,
            lines: vec![line],
            points: points(300),
            lots: lots(5_000, 150),
            balance,
            note: None,
        }
        .into(),
        RedemptionApproved { redemption }.into(),
        LineFulfilled {
            redemption,
            line: 0,
            points: points(300),
            lots: lots(5_000, 0),
            voucher: None,
            reference: None,
            balance,
        }
        .into(),
        RedemptionClosed {
            redemption,
            end: RedemptionEnd::Fulfilled,
            captured: points(300),
            returned: Points::ZERO,
            lots: Vec::new(),
            balance,
        }
        .into(),
    ]
}

fn wish() -> Command {
    let line = RequestedLine { product: "charity-trees".parse().expect("a name"), quantity: 1 };
    RequestRedemption { lines: vec![line], points_max: Some(points(300)), note: None }.into()
}

fn actor() -> Actor {
    Actor {
        principal: "portal".to_owned(),
        kind: ActorKind::Key,
        on_behalf_of: Some(MemberId([9; 16])),
        credential: Some("portal-2026".to_owned()),
        request_id: Some("0f3c9a7e".to_owned()),
    }
}

fn account() -> AccountId {
    AccountId::member("acme".parse().expect("a tenant"), MemberId([9; 16]))
}

fn command() -> CommandRecord {
    let (client, key) = ("portal".parse().expect("a name"), "order-2026-0001041".parse().expect("a key"));
    let command = wish();
    let (kind, schema, body) = schemas::encode_body(&command);
    CommandRecord {
        id: schemas::command_id(Namespace::Client, &account(), &client, &key),
        account: account(),
        namespace: Namespace::Client,
        client,
        key,
        kind,
        schema,
        body,
        digest: schemas::input_digest(&command),
        actor: actor(),
        reason: None,
        local_day: None,
        tzdb: None,
        cause: None,
    }
}

fn decision(facts: &[Fact], input: Bytes) -> Decision {
    Decision {
        epoch: 12,
        claim: 0x0123_4567_89ab_cdef,
        seq: 70_369,
        at: 1_795_602_000_123_456,
        account: account(),
        command_id: CommandId([3; 16]),
        input_kind: 30,
        input_digest: Digest([4; 16]),
        input: Some(InputRecord::from(input)),
        accepted_at: 1_795_602_000_000_777,
        actor: actor(),
        reason: None,
        cursor: Cursor { topic: 1, offset: 104_100 },
        config_version: 9,
        facts: schemas::encode_facts(facts),
        prev_digest: Digest([5; 16]),
    }
}

/// Reads a decision with all its facts opened, as a projector does.
fn open(value: &Bytes, fingerprint: u64) -> (FactsRecord, Vec<Fact>) {
    let (record, _) = schemas::decode_facts_record(value, fingerprint).expect("own bytes");
    let FactsRecord::Decision(decision) = &record else { panic!("a decision was written") };
    let facts = decision.facts.iter().map(|fact| schemas::decode_fact(fact).expect("own bytes")).collect();
    (record, facts)
}

fn whole_records(criterion: &mut Criterion) {
    let facts = facts();
    let command = command();
    let encoded_command = schemas::encode_command(&command);
    let decision = decision(&facts, encoded_command.datum());
    let encoded = schemas::encode_decision(&decision);
    let mut group = criterion.benchmark_group("record");
    group.bench_function("decision, four facts closed and written", |bench| {
        bench.iter_batched_ref(
            || decision.clone(),
            |decision| {
                decision.facts = schemas::encode_facts(black_box(&facts));
                schemas::encode_decision(decision)
            },
            BatchSize::SmallInput,
        )
    });
    group.bench_function("decision, read and four facts opened", |bench| {
        bench.iter(|| open(black_box(&encoded.value), encoded.fingerprint))
    });
    group.bench_function("decision, peeked", |bench| {
        bench.iter(|| {
            let view = schemas::peek_decision(black_box(&encoded.value), encoded.fingerprint);
            view.expect("own bytes").seq
        })
    });
    // Side by side for docs/decisions/0004-digest.md.
    group.bench_function("decision, digest", |bench| {
        bench.iter(|| schemas::digest(black_box(encoded.datum())))
    });
    group.bench_function("decision, digest if it were BLAKE3", |bench| {
        bench.iter(|| blake3::hash(black_box(encoded.datum())))
    });
    group.bench_function("command, written", |bench| {
        bench.iter(|| schemas::encode_command(black_box(&command)))
    });
    group.bench_function("command, read and its body opened", |bench| {
        bench.iter(|| {
            let read =
                schemas::decode_command(black_box(&encoded_command.value), encoded_command.fingerprint);
            let (record, _) = read.expect("own bytes");
            schemas::decode_body(record.kind, record.schema, &record.body).expect("own bytes")
        })
    });
    group.finish();
}

fn hashes(criterion: &mut Criterion) {
    let command = command();
    let wish = wish();
    let mut group = criterion.benchmark_group("hash");
    group.bench_function("command id", |bench| {
        bench.iter(|| {
            schemas::command_id(Namespace::Client, black_box(&command.account), &command.client, &command.key)
        })
    });
    group.bench_function("input digest", |bench| bench.iter(|| schemas::input_digest(black_box(&wish))));
    group.bench_function("bucket", |bench| bench.iter(|| schemas::bucket(black_box(&command.account))));
    group.finish();
}

fn schema(kind: u16) -> &'static Schema {
    let found = schemas::registry().iter().find(|schema| schema.subject == Subject::Fact(kind));
    found.expect("every fact has a schema").schema()
}

fn one_body<T: Serialize + DeserializeOwned>(criterion: &mut Criterion, name: &str, fact: &Fact, body: &T) {
    let schema = schema(fact.kind());
    let writer = GenericDatumWriter::builder(schema).human_readable(false).build().expect("it resolves");
    let reader = GenericDatumReader::builder(schema).human_readable(false).build().expect("it resolves");
    let closed = schemas::encode_fact(fact);
    assert_eq!(writer.write_ser_to_vec(body).expect("it fits its schema"), closed.body, "the same bytes");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("written, ours", |bench| bench.iter(|| schemas::encode_fact(black_box(fact))));
    group.bench_function("written, apache-avro", |bench| {
        bench.iter(|| writer.write_ser_to_vec(black_box(body)).expect("it fits its schema"))
    });
    group.bench_function("read, ours", |bench| {
        bench.iter(|| schemas::decode_fact(black_box(&closed)).expect("own bytes"))
    });
    group.bench_function("read, apache-avro", |bench| {
        bench.iter(|| reader.read_deser::<T>(&mut black_box(&closed.body[..])).expect("own bytes"))
    });
    group.finish();
}

fn bodies(criterion: &mut Criterion) {
    for fact in facts() {
        match &fact {
            Fact::RedemptionRequested(body) => one_body(criterion, "RedemptionRequested", &fact, body),
            Fact::LineFulfilled(body) => one_body(criterion, "LineFulfilled", &fact, body),
            Fact::RedemptionClosed(body) => one_body(criterion, "RedemptionClosed", &fact, body),
            Fact::RedemptionApproved(body) => one_body(criterion, "RedemptionApproved", &fact, body),
            _ => unreachable!("a redemption has these four"),
        }
    }
}

criterion_group!(benches, whole_records, hashes, bodies);
criterion_main!(benches);
