//! What the log costs over the bare client: the same records, produced and read back, in turns in one run.
//!
//! ```text
//! cargo bench -p mirabelle-log-kafka --bench raw_path [-- --seconds 3 --rounds 3 --brokers 1]
//! ```
//! A record is in flight from its hand-over until a tail has read it back. The figures of one line are made in turns, so that
//! their ratio holds on a machine that does other things besides; the figures themselves do not travel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mirabelle_log::{Append, Entry, Log, Offset, Partition, ReadLimit, Refused, Topic, Unclear, View};
use mirabelle_log_kafka::{KafkaLog, Options};
use mirabelle_testbed::{Kafka, KafkaOptions, Testbed};
use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

const PARTITION: Partition = Partition(0);
const IN_FLIGHT: [u64; 3] = [1, 200, 20_000];
const VALUE: usize = 200;
const FINGERPRINT: u64 = 0x9e37_79b9_7f4a_7c15;

/// What one turn saw.
struct Turn {
    per_second: f64,
    /// Half of the records took less, in milliseconds.
    p50_ms: f64,
}

/// Keeps `in_flight` records between `send` and `seen` for a while. `send` says how many of those offered it took; `seen`
/// gives how many came back since it was asked last, and waits a little where there are none.
fn turn(
    in_flight: u64,
    length: Duration,
    mut send: impl FnMut(u64) -> u64,
    mut seen: impl FnMut() -> u64,
) -> Turn {
    let begun = Instant::now();
    let (mut sent, mut back) = (0_u64, 0_u64);
    // When each step of `sent` was reached: enough to tell how long a record took.
    let mut steps: BTreeMap<u64, Instant> = BTreeMap::new();
    let mut took = Vec::new();
    while begun.elapsed() < length || back < sent {
        if begun.elapsed() < length && sent - back < in_flight {
            steps.insert(sent, Instant::now());
            sent += send(in_flight - (sent - back));
        }
        back += seen();
        while let Some((first, at)) = steps.first_key_value()
            && *first < back
        {
            took.push(at.elapsed().as_secs_f64() * 1e3);
            steps.pop_first();
        }
        assert!(begun.elapsed() < length * 10 + Duration::from_secs(60), "{back} of {sent} came back");
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    Turn { per_second: back as f64 / elapsed, p50_ms: took.get(took.len() / 2).copied().unwrap_or(0.0) }
}

fn raw(servers: &str, name: &str, in_flight: u64, length: Duration) -> Turn {
    let client = |extra: &[(&str, &str)]| {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers);
        for (key, value) in extra {
            config.set(*key, *value);
        }
        config
    };
    let producer: BaseProducer = client(&[
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("linger.ms", "0"),
        ("queue.buffering.max.messages", "1000000"),
    ])
    .create()
    .expect("a producer");
    let consumer: BaseConsumer = client(&[
        ("group.id", "raw"),
        ("enable.auto.commit", "false"),
        ("fetch.wait.max.ms", "20"),
        ("isolation.level", "read_uncommitted"),
    ])
    .create()
    .expect("a consumer");
    let (_, end) = consumer.fetch_watermarks(name, 0, Duration::from_secs(10)).expect("a topic");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(name, 0, rdkafka::Offset::Offset(end)).expect("a place");
    consumer.assign(&list).expect("a consumer that is assigned");
    let producer = Arc::new(producer);
    let stop = Arc::new(AtomicBool::new(false));
    let acks = std::thread::spawn({
        let (producer, stop) = (Arc::clone(&producer), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                producer.poll(Duration::from_millis(20));
            }
        }
    });
    let (value, fingerprint) = (vec![7_u8; VALUE], FINGERPRINT.to_be_bytes());
    let send = |count: u64| {
        for sent in 0..count {
            let header = OwnedHeaders::new_with_capacity(1)
                .insert(Header { key: "fingerprint", value: Some(fingerprint.as_slice()) });
            let record =
                BaseRecord::to(name).partition(0).key(b"m:700101".as_slice()).payload(&value).headers(header);
            if producer.send(record).is_err() {
                return sent;
            }
        }
        count
    };
    let bytes = AtomicU64::new(0);
    let seen = || {
        let mut count = 0;
        let mut wait = Duration::from_millis(5);
        while let Some(Ok(message)) = consumer.poll(wait) {
            bytes.fetch_add(message.payload().map_or(0, <[u8]>::len) as u64, Ordering::Relaxed);
            count += 1;
            wait = Duration::ZERO;
            if count == 1_000 {
                break;
            }
        }
        count
    };
    let turn = turn(in_flight, length, send, seen);
    stop.store(true, Ordering::Relaxed);
    acks.join().expect("it does not panic");
    producer.flush(Duration::from_secs(10)).expect("everything came back");
    turn
}

fn ours(log: &KafkaLog, in_flight: u64, length: Duration) -> Turn {
    let end = log.bounds(Topic::Facts, PARTITION, View::Durable).expect("bounds").end;
    let mut reader = log.reader(Topic::Facts, PARTITION, end, View::Durable).expect("a reader");
    let entry = Entry {
        key: Bytes::from_static(b"m:700101"),
        fingerprint: FINGERPRINT,
        value: Bytes::from(vec![7_u8; VALUE]),
        trace: None,
    };
    let send = |count: u64| {
        let count = count.min(4_096);
        let append = |_| Append {
            topic: Topic::Facts,
            partition: PARTITION,
            entry: entry.clone(),
            done: Some(Box::new(|answer: Result<Offset, Unclear>| assert!(answer.is_ok(), "{answer:?}"))),
        };
        match log.append((0..count).map(append).collect()) {
            Ok(()) => count,
            Err(Refused::Full { .. }) => 0,
            Err(refused) => panic!("{refused}"),
        }
    };
    let mut records = Vec::new();
    let seen = || {
        records.clear();
        let tick = log.tick(View::Durable);
        reader.read(ReadLimit { records: 1_000, bytes: 8 << 20 }, &mut records).expect("it can be read");
        if records.is_empty() {
            log.wait(View::Durable, tick, Duration::from_millis(5));
        }
        records.len() as u64
    };
    turn(in_flight, length, send, seen)
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn argument(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let place = arguments.iter().position(|argument| argument == name);
    place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
}

#[expect(clippy::print_stdout, reason = "a benchmark tells what it saw")]
fn main() {
    let testbed = match Testbed::find() {
        Ok(testbed) => testbed,
        Err(missing) => {
            println!("left out: {missing}");
            return;
        }
    };
    let (seconds, rounds) = (argument("--seconds", 3), argument("--rounds", 3));
    let brokers = u8::try_from(argument("--brokers", 1)).expect("one broker or three");
    let kafka = Kafka::start(&testbed, &KafkaOptions::of(brokers)).expect("brokers");
    let options = Options {
        partitions: 1,
        replication: u16::from(brokers),
        queue_bytes_max: 64 << 20,
        ..Options::new(kafka.servers(), "bench")
    };
    let log = KafkaLog::open(options).expect("a log");
    let length = Duration::from_secs(seconds);
    println!(
        "{VALUE}-byte records, 1 partition, {brokers} broker(s), {rounds} rounds of {seconds} s each, medians"
    );
    println!("in flight    raw/s   ours/s  ours/raw   raw p50 ms   ours p50 ms");
    for in_flight in IN_FLIGHT {
        let (mut bare, mut through) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            bare.push(raw(&kafka.servers(), "bench.facts", in_flight, length));
            through.push(ours(&log, in_flight, length));
        }
        let ratios =
            bare.iter().zip(&through).map(|(bare, ours)| ours.per_second / bare.per_second).collect();
        let of = |turns: &[Turn], figure: fn(&Turn) -> f64| middle(turns.iter().map(figure).collect());
        println!(
            "{in_flight:>9} {:>8.0} {:>8.0} {:>9.2} {:>12.2} {:>13.2}",
            of(&bare, |turn| turn.per_second),
            of(&through, |turn| turn.per_second),
            middle(ratios),
            of(&bare, |turn| turn.p50_ms),
            of(&through, |turn| turn.p50_ms),
        );
    }
}
