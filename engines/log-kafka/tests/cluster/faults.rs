//! Brokers that die and rest while records are appended and read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Log, Offset, Partition, Record, Refused, Topic, Unclear, View};
use mirabelle_log_kafka::{KafkaLog, Options};

use crate::servers::{Alone, PATIENCE, alone};
use crate::shared::{ALL, append, read_all};

const PLACE: (Topic, Partition) = (Topic::Facts, Partition(1));

/// What became of each record, by its number.
type Answers = BTreeMap<u64, Result<Offset, Unclear>>;

/// Appends one record after the other, up to 50 unanswered, until told to stop; gives what became of each.
fn append_until(log: &dyn Log, stop: &AtomicBool, acknowledged: &dyn Fn(u64)) -> Answers {
    let (sender, receiver) = channel();
    let (mut answers, mut next) = (Answers::new(), 0);
    loop {
        while !stop.load(Ordering::Relaxed) && next - (answers.len() as u64) < 50 {
            let (sender, number) = (sender.clone(), next);
            let done = Box::new(move |answer| drop(sender.send((number, answer))));
            let (topic, partition) = PLACE;
            log.append(vec![Append { topic, partition, entry: entry(number), done: Some(done) }]).unwrap();
            next += 1;
        }
        if answers.len() as u64 == next {
            return answers;
        }
        let (number, answer): (u64, Result<Offset, Unclear>) =
            receiver.recv_timeout(PATIENCE).expect("every append is answered");
        if answer.is_ok() {
            acknowledged(number);
        }
        assert!(answers.insert(number, answer).is_none(), "record {number} was answered twice");
    }
}

/// What was acknowledged stands where it was said to; nothing stands twice; what stands, stands in order.
fn judge(answers: &Answers, records: &[Record]) {
    let at: BTreeMap<u64, &Record> = records.iter().map(|record| (record.offset.0, record)).collect();
    for (number, answer) in answers {
        if let Ok(offset) = answer {
            assert_eq!(at[&offset.0].entry, entry(*number), "record {number} was acknowledged");
        }
    }
    let mut numbers = answers.keys();
    for record in records {
        let found = numbers.any(|number| entry(*number) == record.entry);
        assert!(found, "the record at {} stands twice, or out of order", record.offset);
    }
}

fn open(alone: &Alone, change: impl FnOnce(&mut Options)) -> Arc<KafkaLog> {
    let mut options = alone.server.options();
    change(&mut options);
    Arc::new(KafkaLog::open(options).unwrap())
}

/// Appends and reads while `hurt` does something to the brokers; stops when records are acknowledged after it. Gives how long
/// nothing was acknowledged.
fn through(log: &Arc<KafkaLog>, hurt: impl FnOnce()) -> Duration {
    let stop = AtomicBool::new(false);
    let (told, heard) = channel();
    let mut reader = log.reader(PLACE.0, PLACE.1, Offset(0), View::Durable).unwrap();
    let mut tailed = Vec::new();
    let (answers, pause) = std::thread::scope(|scope| {
        let appending = scope.spawn(|| {
            append_until(&**log, &stop, &|number| told.send((number, Instant::now())).unwrap_or_default())
        });
        let hear = |count: usize| {
            let mut last = Instant::now();
            for _ in 0..count {
                last = heard.recv_timeout(PATIENCE).expect("records are acknowledged").1;
            }
            last
        };
        let before = hear(200);
        let began = before.max(Instant::now());
        hurt();
        // More than could be on their way before.
        let longest = {
            let (mut last, mut longest) = (began, Duration::ZERO);
            for _ in 0..500 {
                let now = hear(1);
                longest = longest.max(now.saturating_duration_since(last));
                last = now.max(last);
            }
            longest
        };
        stop.store(true, Ordering::Relaxed);
        (appending.join().unwrap(), longest)
    });
    let records = read_all(&**log, PLACE.0, PLACE.1);
    judge(&answers, &records);
    // The reader that was open all the time saw the same.
    let deadline = Instant::now() + PATIENCE;
    while tailed.len() < records.len() {
        assert!(Instant::now() < deadline, "the tail has {} of {}", tailed.len(), records.len());
        reader.read(ALL, &mut tailed).unwrap();
    }
    assert_eq!(tailed, records);
    assert_eq!(log.lost(), None);
    pause
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_stands_twice_when_the_broker_is_killed() {
    let Some(alone) = alone(1) else { return };
    let log = open(&alone, |_| {});
    for _ in 0..2 {
        // A log of its own each time would hide what a first death leaves behind.
        let fresh = open(&alone, |_| {});
        through(&fresh, || {
            alone.server.kafka.kill(0).unwrap();
            alone.server.kafka.restart(0).unwrap();
        });
        append(&*log, Topic::Commands, Partition(0), 1).unwrap();
    }
    assert_eq!(read_all(&*log, Topic::Commands, Partition(0)).len(), 2);
}

#[test]
fn one_of_three_brokers_is_killed_and_the_others_go_on() {
    let Some(alone) = alone(3) else { return };
    let log = open(&alone, |_| {});
    for broker in 0..3 {
        let fresh = open(&alone, |_| {});
        let pause = through(&fresh, || alone.server.kafka.kill(broker).unwrap());
        assert!(pause < PATIENCE, "{pause:?}");
        alone.server.kafka.restart(broker).unwrap();
        append(&*log, Topic::Commands, Partition(0), broker as u64).unwrap();
    }
    assert_eq!(read_all(&*log, Topic::Commands, Partition(0)).len(), 3);
}

#[test]
fn a_broker_that_rests_beyond_the_timeout_leaves_appends_unclear_and_readers_whole() {
    let Some(alone) = alone(1) else { return };
    let log = open(&alone, |options| {
        options.message_timeout = Duration::from_millis(1_500);
        options.queue_bytes_max = 1 << 20;
    });
    let (topic, partition) = PLACE;
    let mut answers: Answers =
        (0..20).map(|number| (number, append(&*log, topic, partition, number))).collect();
    let mut reader = log.reader(topic, partition, Offset(0), View::Durable).unwrap();
    let mut tailed = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while tailed.len() < 20 {
        assert!(Instant::now() < deadline, "the tail has {}", tailed.len());
        reader.read(ALL, &mut tailed).unwrap();
    }
    alone.server.kafka.pause(0).unwrap();
    let (sender, receiver) = channel();
    for number in 20..60 {
        let sender = sender.clone();
        let done = Box::new(move |answer| drop(sender.send((number, answer))));
        log.append(vec![Append { topic, partition, entry: entry(number), done: Some(done) }]).unwrap();
    }
    // The queue is bounded, and says so before it takes anything.
    let filler = |_| Append { topic: Topic::Commands, partition, entry: entry(1), done: None };
    let mut refused = None;
    while refused.is_none() {
        refused = log.append((0..200).map(filler).collect()).err();
    }
    assert!(matches!(refused, Some(Refused::Full { queued_bytes }) if queued_bytes > 1 << 19), "{refused:?}");
    for _ in 20..60 {
        let (number, answer): (u64, Result<Offset, Unclear>) = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(answer.is_err(), "record {number} was acknowledged by a broker that rests");
        answers.insert(number, answer);
    }
    // Reading finds nothing meanwhile, and that is no error.
    reader.read(ALL, &mut tailed).unwrap();
    assert_eq!(tailed.len(), 20);
    alone.server.kafka.resume(0).unwrap();
    let mut number = 60;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = append(&*log, topic, partition, number);
        let acknowledged = answer.is_ok();
        answers.insert(number, answer);
        number += 1;
        if acknowledged {
            break;
        }
        assert!(Instant::now() < deadline, "the log did not come back");
    }
    let records = read_all(&*log, topic, partition);
    judge(&answers, &records);
    while tailed.len() < records.len() {
        assert!(Instant::now() < deadline, "the tail has {} of {}", tailed.len(), records.len());
        reader.read(ALL, &mut tailed).unwrap();
    }
    assert_eq!(tailed, records);
}
