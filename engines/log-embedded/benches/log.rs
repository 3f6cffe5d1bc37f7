//! What the embedded log does: pairs of command and decision a second, one pair at a time beside a bare
//! `fdatasync`, and reading sealed segments. `cargo bench -p mirabelle-log-embedded`; figures mean something on a
//! quiet machine only, the ratios of one run do on any.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hdrhistogram::Histogram;
use mirabelle_log::{Append, Entry, Log, Offset, Partition, ReadLimit, Record, Refused, Topic, View};
use mirabelle_log_embedded::{EmbeddedLog, Options};
use tempfile::TempDir;

const PARTITIONS: u16 = 8;
const LIMIT: ReadLimit = ReadLimit { records: 1000, bytes: 1 << 20 };

fn options() -> Options {
    Options::new(Options::system_clock())
}

fn fresh(options: Options) -> (TempDir, Arc<EmbeddedLog>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = EmbeddedLog::open(dir.path(), options).expect("a new log");
    log.settle();
    (dir, Arc::new(log))
}

/// A command as they are: some 220 bytes, a third of them different in each.
fn command(number: u64) -> Entry {
    let mut value = Vec::with_capacity(220);
    for word in 0..9 {
        value.extend_from_slice(&(number + word).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    }
    value.extend_from_slice(
        b"{\"member\":\"m:7001011041\",\"lines\":[{\"product\":\"gift-de-25\",\"quantity\":1}],",
    );
    value.extend_from_slice(b"\"note\":\"thank you\",\"channel\":\"web\",\"locale\":\"de-DE\"}");
    let key = Bytes::from(format!("acme\u{1f}m:{:010}", number % 100_000));
    Entry { key, fingerprint: 0x1122_3344_5566_7788, value: Bytes::from(value), trace: None }
}

/// Its decision holds the command's own bytes, and facts of some 150 bytes.
fn decision(command: &Entry, offset: Offset) -> Entry {
    let mut value = Vec::with_capacity(command.value.len() + 160);
    value.extend_from_slice(&command.value);
    for word in 0..5 {
        value.extend_from_slice(&(offset.0 + word).wrapping_mul(0xff51_afd7_ed55_8ccd).to_le_bytes());
    }
    value.extend_from_slice(
        b"RedemptionRequested price 2500 points version 7 balance 17500 LotHeld LotCaptured",
    );
    value.extend_from_slice(b" fulfilled by sandbox");
    Entry {
        key: command.key.clone(),
        fingerprint: 0x8877_6655_4433_2211,
        value: Bytes::from(value),
        trace: None,
    }
}

fn append(topic: Topic, partition: Partition, entry: Entry) -> Append {
    Append { topic, partition, entry, done: None }
}

/// Appends once the log takes it: a busy disk may make segments ready more slowly than they are filled.
fn append_when_taken(log: &EmbeddedLog, batch: impl Fn() -> Vec<Append>) {
    loop {
        let tick = log.tick(View::Durable);
        match log.append(batch()) {
            Ok(()) => return,
            Err(Refused::Full { .. }) => drop(log.wait(View::Durable, tick, Duration::from_millis(1))),
            Err(refused) => panic!("{refused}"),
        }
    }
}

/// One thread that decides what it reads before it is durable, over all partitions; each durable decision frees a
/// place among those in flight.
fn decide(log: &EmbeddedLog, stop: &AtomicBool, free: &Sender<()>) {
    let readers = (0..PARTITIONS).map(|partition| {
        let partition = Partition(partition);
        let from = log.bounds(Topic::Commands, partition, View::Accepted).expect("bounds").end;
        (partition, log.reader(Topic::Commands, partition, from, View::Accepted).expect("a reader"))
    });
    let mut readers: Vec<_> = readers.collect();
    let mut commands = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let tick = log.tick(View::Accepted);
        let mut idle = true;
        for (partition, reader) in &mut readers {
            commands.clear();
            reader.read(LIMIT, &mut commands).expect("what is accepted can be read");
            if commands.is_empty() {
                continue;
            }
            idle = false;
            let decide_one = |command: &Record| {
                let free = free.clone();
                Append {
                    done: Some(Box::new(move |answer| {
                        answer.expect("a good disk");
                        // The client may have what it wants and be gone.
                        free.send(()).unwrap_or_default();
                    })),
                    ..append(Topic::Facts, *partition, decision(&command.entry, command.offset))
                }
            };
            append_when_taken(log, || commands.iter().map(decide_one).collect());
        }
        if idle {
            log.wait(View::Accepted, tick, Duration::from_millis(20));
        }
    }
}

/// Sends `pairs` commands, `in_flight` at a time; gives the time until the last decision is durable.
fn run(log: &Arc<EmbeddedLog>, in_flight: u64, pairs: u64, latency: Option<&mut Histogram<u64>>) -> Duration {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, freed) = channel();
    let decider = {
        let (log, stop) = (Arc::clone(log), Arc::clone(&stop));
        std::thread::spawn(move || decide(&log, &stop, &sender))
    };
    // The decider is ready once it has decided one.
    log.append(vec![append(Topic::Commands, Partition(0), command(0))]).expect("there is room");
    if freed.recv_timeout(Duration::from_millis(200)).is_err() {
        log.append(vec![append(Topic::Commands, Partition(0), command(0))]).expect("there is room");
        freed.recv().expect("the decider lives");
    }
    let mut latency = latency;
    let begun = Instant::now();
    let mut sent_at = begun;
    for number in 0..pairs + in_flight {
        if number >= in_flight {
            freed.recv().expect("the decider lives");
            if let Some(latency) = latency.as_deref_mut() {
                latency.record(sent_at.elapsed().as_nanos() as u64).expect("below the bound");
                sent_at = Instant::now();
            }
        }
        if number < pairs {
            let partition = Partition((number % u64::from(PARTITIONS)) as u16);
            append_when_taken(log, || vec![append(Topic::Commands, partition, command(number))]);
        }
    }
    let elapsed = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    decider.join().expect("the decider ends");
    elapsed
}

fn appending(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("command and decision durable");
    group.sample_size(10);
    for (in_flight, pairs) in [(1, 1_000), (200, 40_000), (20_000, 100_000)] {
        let (_dir, log) = fresh(options());
        group.throughput(Throughput::Elements(pairs));
        group.bench_function(format!("{in_flight} in flight"), |bencher| {
            bencher.iter_custom(|runs| (0..runs).map(|_| run(&log, in_flight, pairs, None)).sum());
        });
    }
    group.finish();
}

/// A bare loop of 4 KiB writes and fdatasyncs over a file of zeros.
fn bare(file: &std::fs::File, count: u64, latency: &mut Histogram<u64>) {
    for number in 0..count {
        let begun = Instant::now();
        file.write_all_at(&[number as u8; 4096], number % 2048 * 4096).expect("a good disk");
        file.sync_data().expect("a good disk");
        latency.record(begun.elapsed().as_nanos() as u64).expect("below the bound");
    }
}

/// One pair at a time and a bare fdatasync, in turns (A B C A B C), so that all see the same minute.
fn beside_a_bare_sync(_: &mut Criterion) {
    let (dir, log) = fresh(options());
    let (_other, alone) = fresh(Options { companion_wait: Duration::ZERO, ..options() });
    let mut file = std::fs::OpenOptions::new();
    let file = file.read(true).write(true).create(true).truncate(true).open(dir.path().join("bare.tmp"));
    let mut file = file.expect("a temporary file");
    file.write_all(&vec![0; 8 << 20]).and_then(|()| file.sync_all()).expect("a good disk");
    let histogram = || Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("good bounds");
    let (mut pairs, mut syncs, mut apart) = (histogram(), histogram(), histogram());
    for _ in 0..40 {
        bare(&file, 60, &mut syncs);
        run(&log, 1, 60, Some(&mut pairs));
        run(&alone, 1, 60, Some(&mut apart));
    }
    let micros = |histogram: &Histogram<u64>, q| histogram.value_at_quantile(q) as f64 / 1000.0;
    let all = [
        ("bare fdatasync of 4 KiB", &syncs),
        ("command and decision", &pairs),
        ("the same without waiting for companions", &apart),
    ];
    for (name, histogram) in all {
        eprintln!("{name}: p50 {:.0} µs, p99 {:.0} µs", micros(histogram, 0.5), micros(histogram, 0.99));
    }
    eprintln!(
        "one pair in flight: {:.2} times a bare fdatasync, or {:.0} µs more",
        micros(&pairs, 0.5) / micros(&syncs, 0.5),
        micros(&pairs, 0.5) - micros(&syncs, 0.5)
    );
}

/// Fills a log with pairs and seals it.
fn sealed(dir: &Path, pairs: u64, options: Options) {
    let log =
        EmbeddedLog::open(dir, Options { companion_wait: Duration::ZERO, ..options }).expect("a new log");
    let mut offsets = [0; PARTITIONS as usize];
    for number in (0..pairs).step_by(50) {
        let batch = (number..number + 50).flat_map(|number| {
            let partition = Partition((number % u64::from(PARTITIONS)) as u16);
            let offset = &mut offsets[usize::from(partition.0)];
            *offset += 1;
            let command = command(number);
            let decision = decision(&command, Offset(*offset));
            [append(Topic::Commands, partition, command), append(Topic::Facts, partition, decision)]
        });
        let mut batch: Vec<Append> = batch.collect();
        let (sender, done) = channel();
        batch[99].done = Some(Box::new(move |_| sender.send(()).unwrap_or_default()));
        log.append(batch).expect("one batch at a time has room");
        done.recv().expect("it becomes durable");
        // Segments are made ready no faster than the disk lets them be.
        if number % 1_000 == 0 {
            log.settle();
        }
    }
    log.settle();
}

fn read_facts(log: &EmbeddedLog) -> (u64, u64) {
    let (mut records, mut bytes) = (0, 0);
    let mut out = Vec::new();
    for partition in (0..PARTITIONS).map(Partition) {
        let mut reader = log.reader(Topic::Facts, partition, Offset(0), View::Durable).expect("a reader");
        loop {
            out.clear();
            reader.read(LIMIT, &mut out).expect("a good disk");
            if out.is_empty() {
                break;
            }
            records += out.len() as u64;
            bytes += out.iter().map(|record| record.entry.value.len() as u64).sum::<u64>();
        }
    }
    (records, bytes)
}

fn reading(criterion: &mut Criterion) {
    const PAIRS: u64 = 200_000;
    let dir = tempfile::tempdir().expect("a temporary directory");
    sealed(dir.path(), PAIRS, options());
    let log = EmbeddedLog::open_offline(dir.path(), options()).expect("a whole log");
    let size: u64 = std::fs::read_dir(dir.path())
        .expect("a directory")
        .filter_map(|file| file.ok().filter(|file| file.path().extension().is_some_and(|e| e == "sealed")))
        .map(|file| file.metadata().expect("a file").len())
        .sum();
    let (records, bytes) = read_facts(&log);
    let report = log.check_all();
    assert!(report.faults.is_empty() && records == PAIRS);
    eprintln!("sealed segments take {:.0} bytes a command and decision", size as f64 / PAIRS as f64);
    let mut group = criterion.benchmark_group("facts of sealed segments");
    group.sample_size(10);
    group.throughput(Throughput::Elements(records));
    group.bench_function("records", |bencher| bencher.iter(|| read_facts(&log)));
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("bytes", |bencher| bencher.iter(|| read_facts(&log)));
    group.bench_function("check all", |bencher| bencher.iter(|| log.check_all()));
    group.finish();
}

/// Opening depends on the number of segments, not of records: as many as 10,000,000 decisions fill.
fn opening(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    sealed(dir.path(), 200_000, Options { segment_bytes: 320 << 10, spare_segments: 8, ..options() });
    // From here on as by default: the segment being written and two spare ones of 16 MiB.
    drop(EmbeddedLog::open(dir.path(), options()).map(|log| log.settle()));
    let count = std::fs::read_dir(dir.path()).expect("a directory").count();
    let mut group = criterion.benchmark_group("opening");
    group.sample_size(20);
    group.bench_function(format!("a log of {count} files"), |bencher| {
        bencher.iter(|| EmbeddedLog::open_offline(dir.path(), options()).expect("a whole log"));
    });
    group.finish();
}

criterion_group!(benches, beside_a_bare_sync, appending, reading, opening);
criterion_main!(benches);
