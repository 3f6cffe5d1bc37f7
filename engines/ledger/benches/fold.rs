//! How fast a partition of `facts` is folded, with the chain of digests and without.
//!
//! `cargo bench -p mirabelle-ledger`. The log is in memory: the engine's own reading and its CRC come on top.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mirabelle_domain::{AccountId, AccountKey, CommandId, Digest, MemberId};
use mirabelle_ledger::{
    Chain, FORMAT, FactsReader, Fold, FoldedView, Gate, Place, ReaderOptions, RecordView, Start, Verdict,
    create_roots,
};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Log, LogId, Offset, Partition, ReadLimit, Record, Topic, View};
use mirabelle_schemas::record::{
    Actor, ActorKind, Claim, ClaimedHead, Cursor, Decision, FactRecord, FactsRecord, InputRecord,
};
use mirabelle_schemas::{decode_facts_record, peek_facts_record};

const DECISIONS: u64 = 100_000;
const LOG: LogId = LogId([4; 16]);
const PARTITION: Partition = Partition(2);
/// Small enough for what was decoded to stay in the cache.
const BATCH: ReadLimit = ReadLimit { records: 256, bytes: 1 << 20 };

/// About 330 bytes, as an immediate redemption's is: four facts and the command.
fn decision(seq: u64, at: i64, prev_digest: Digest) -> Decision {
    let body = |length| Bytes::from(vec![seq as u8; length]);
    let fact = |kind, length| FactRecord { kind, schema: 1, body: body(length) };
    let member = MemberId((u128::from(seq) * 0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Decision {
        epoch: 1,
        claim: 77,
        seq,
        at,
        account: AccountId { tenant: "acme".parse().expect("a name"), key: AccountKey::Member(member) },
        command_id: CommandId(u128::from(seq).to_be_bytes()),
        input_kind: 30,
        input_digest: Digest([6; 16]),
        input: Some(InputRecord { schema: 1, datum: body(96) }),
        accepted_at: at - 300,
        actor: Actor {
            principal: "intranet".to_owned(),
            kind: ActorKind::Key,
            on_behalf_of: Some(member),
            credential: Some("key-7".to_owned()),
            request_id: None,
        },
        reason: None,
        cursor: Cursor { topic: 1, offset: seq - 1 },
        config_version: 3,
        facts: vec![fact(20, 38), fact(21, 17), fact(22, 30), fact(23, 20)],
        prev_digest,
    }
}

fn log() -> MemoryLog {
    let log = MemoryLog::new(LOG, 8, Arc::new(|| 1_764_000_000_000_000));
    create_roots(&log, 1).expect("the log takes its roots");
    let mut gate = Gate::new(Arc::new(log.clone()), PARTITION, Gate::BYTES_MAX, Arc::new(|_| {}));
    let read = || {
        let mut reader = open(&log, Chain::Verify);
        reader.read(BATCH, &mut Vec::new()).expect("facts can be read");
        reader.head().expect("there is a root")
    };
    let head = read();
    let head = ClaimedHead { epoch: 0, seq: 0, digest: head.digest };
    let (owner, build) = ("bench".to_owned(), "0.1.0".to_owned());
    gate.claim(&Claim { epoch: 1, claim: 77, owner, build, domain_revision: 1, head }).expect("it is taken");
    let mut digest = read().digest;
    for seq in 1..=DECISIONS {
        let prepared =
            gate.prepare(&decision(seq, 1_000 + 7 * seq as i64, digest), None).expect("it is small");
        digest = prepared.digest();
        gate.append(&[prepared]).expect("the log takes it");
    }
    log
}

fn open(log: &MemoryLog, chain: Chain) -> FactsReader {
    let options = ReaderOptions { chain, ..ReaderOptions::default() };
    FactsReader::open(log, PARTITION, Start::Beginning, options).expect("facts can be read")
}

fn fold(criterion: &mut Criterion) {
    let log = log();
    let mut records = Vec::new();
    let all = ReadLimit { records: usize::MAX, bytes: usize::MAX };
    let mut reader = log.reader(Topic::Facts, PARTITION, Offset(0), View::Durable).expect("it can be read");
    reader.read(all, &mut records).expect("it can be read");
    let bytes: usize = records.iter().map(|record| record.entry.value.len()).sum();
    let mut group = criterion.benchmark_group(format!("facts of {} bytes", bytes / records.len()));
    group.throughput(Throughput::Elements(DECISIONS)).sample_size(20);
    for (name, chain) in [("verified", Chain::Verify), ("trusted", Chain::Trust)] {
        group.bench_function(format!("read through FactsReader, {name}"), |bencher| {
            bencher.iter_batched_ref(
                || (open(&log, chain), Vec::new()),
                |(reader, folded)| {
                    while reader.read(BATCH, folded).expect("facts can be read") > 0 {
                        folded.clear();
                    }
                    assert_eq!(reader.counts().decisions, DECISIONS);
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("views through FactsReader, {name}"), |bencher| {
            bencher.iter_batched_ref(
                || open(&log, chain),
                |reader| {
                    let mut seqs = 0;
                    let mut each = |view: FoldedView<'_>| seqs += view.position.seq;
                    while reader.read_views(BATCH, &mut each).expect("facts can be read") > 0 {}
                    assert_eq!(seqs, DECISIONS * (DECISIONS + 1) / 2);
                    assert_eq!(reader.counts().decisions, DECISIONS);
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("fold the head alone, {name}"), |bencher| {
            let place = Place { log_id: LOG, partition: PARTITION, partitions: 8 };
            bencher.iter(|| {
                let mut fold = Fold::new(place, chain, Fold::KNOWN_MAX);
                for Record { entry, .. } in &records {
                    let (view, datum) =
                        peek_facts_record(&entry.value, entry.fingerprint).expect("it can be read");
                    let verdict = fold.fold(RecordView::from(&view), &entry.value.slice_ref(datum));
                    assert!(!matches!(verdict, Verdict::Stop(_)));
                }
                assert_eq!(fold.head().map(|head| head.seq), Some(DECISIONS));
            });
        });
    }
    group.bench_function("decode alone", |bencher| {
        bencher.iter(|| {
            for record in &records {
                let (decoded, _) = decode_facts_record(&record.entry.value, record.entry.fingerprint)
                    .expect("it can be read");
                assert!(!matches!(black_box(decoded), FactsRecord::Created(root) if root.format != FORMAT));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, fold);
criterion_main!(benches);
