//! Clauses about `append` and `done`.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;

use super::{Engine, PATIENCE, append, append_durably, entries, entry, read_from_start, to_one};
use crate::{Append, Entry, Log, Offset, Partition, Refused, Topic, View};

/// Key, fingerprint, value and trace come back bit for bit, from every topic and partition.
pub fn a_record_is_read_back_as_it_was_handed_in(engine: &mut dyn Engine) {
    let log = engine.create();
    for topic in Topic::ALL {
        for partition in (0..log.partitions()).map(Partition) {
            let number = 1000 * topic as u64 + u64::from(partition.0);
            let handed_in = vec![(topic, partition, entry(number)), (topic, partition, entry(number + 1))];
            let offsets = append_durably(&*log, handed_in.clone());
            let records = read_from_start(&*log, topic, partition, View::Durable, 2);
            assert_eq!(entries(&records), vec![handed_in[0].2.clone(), handed_in[1].2.clone()]);
            assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), offsets, "{topic}/{partition}");
        }
    }
}

/// Nothing is too small: empty keys and values, an empty trace, a batch without records.
pub fn empty_keys_values_and_batches_are_taken(engine: &mut dyn Engine) {
    let log = engine.create();
    log.append(Vec::new()).expect("an empty batch is no mistake");
    let bare = Entry { key: Bytes::new(), fingerprint: 0, value: Bytes::new(), trace: None };
    let traced = Entry { trace: Some(Bytes::from(vec![0xff; 128])), ..bare.clone() };
    let batch = vec![bare.clone(), traced.clone(), bare.clone()];
    append_durably(&*log, batch.iter().map(|e| (Topic::DeadLetters, Partition(1), e.clone())).collect());
    let records = read_from_start(&*log, Topic::DeadLetters, Partition(1), View::Durable, 3);
    assert_eq!(entries(&records), batch);
}

/// Within a partition, records stand in the order of their batch and batches in the order of their thread.
pub fn the_order_of_a_batch_and_of_a_thread_is_kept(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(1));
    let receivers: Vec<_> =
        (0..40).map(|batch| append(&*log, to_one(topic, partition, batch * 7..batch * 7 + 7))).collect();
    for receiver in receivers {
        for _ in 0..7 {
            receiver.recv_timeout(PATIENCE).expect("an append is answered").1.expect("no fault was planted");
        }
    }
    let records = read_from_start(&*log, topic, partition, View::Durable, 280);
    assert_eq!(entries(&records), (0..280).map(entry).collect::<Vec<_>>());
    assert!(records.windows(2).all(|pair| pair[0].offset < pair[1].offset), "offsets rise");
}

/// Several threads append at once: everything is there once, each thread's records in their order.
pub fn threads_that_append_at_once_lose_and_mix_nothing(engine: &mut dyn Engine) {
    const THREADS: u64 = 6;
    const EACH: u64 = 200;
    let log = engine.create();
    let (topic, partition) = (Topic::Commands, Partition(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = Arc::clone(&log);
            scope.spawn(move || {
                for number in 0..EACH / 2 {
                    let first = thread * EACH + number * 2;
                    append_durably(&*log, to_one(topic, partition, first..first + 2));
                }
            });
        }
    });
    let records = read_from_start(&*log, topic, partition, View::Durable, (THREADS * EACH) as usize);
    let found = entries(&records);
    for thread in 0..THREADS {
        let own: Vec<Entry> = (thread * EACH..(thread + 1) * EACH).map(entry).collect();
        let seen: Vec<Entry> = found.iter().filter(|e| own.contains(e)).cloned().collect();
        assert_eq!(seen, own, "thread {thread}");
    }
    assert_eq!(found.len() as u64, THREADS * EACH);
}

/// One batch over several topics and partitions: each record stands where it was sent and nowhere else.
pub fn topics_and_partitions_are_apart(engine: &mut dyn Engine) {
    let log = engine.create();
    let places = [
        (Topic::Commands, Partition(1)),
        (Topic::Facts, Partition(1)),
        (Topic::Commands, Partition(0)),
        (Topic::Milestones, Partition(1)),
    ];
    let batch: Vec<_> =
        (0..40).map(|n| (places[n as usize % 4].0, places[n as usize % 4].1, entry(n))).collect();
    append_durably(&*log, batch.clone());
    for (topic, partition) in places {
        let own: Vec<Entry> =
            batch.iter().filter(|r| (r.0, r.1) == (topic, partition)).map(|r| r.2.clone()).collect();
        let records = read_from_start(&*log, topic, partition, View::Durable, own.len());
        assert_eq!(entries(&records), own, "{topic}/{partition}");
    }
    let bulk = log.bounds(Topic::CommandsBulk, Partition(1), View::Accepted).expect("bounds can be read");
    assert_eq!(bulk.start, bulk.end, "nothing was sent there");
}

/// A refusal is definite: nothing of the batch was taken, and none of its `done` is called.
pub fn a_batch_with_one_record_too_large_is_refused_whole(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Commands, Partition(1));
    let large = Entry { value: Bytes::from(vec![7; engine.too_large()]), ..entry(1) };
    let (sender, receiver) = channel::<()>();
    let batch = [entry(0), large, entry(2)].map(|entry| {
        let sender = sender.clone();
        let done = Box::new(move |_| sender.send(()).expect("the test waits"));
        Append { topic, partition, entry, done: Some(done) }
    });
    drop(sender);
    let refused = log.append(batch.into()).expect_err("one record is too large");
    assert!(matches!(refused, Refused::TooLarge { bytes, max } if bytes > max), "{refused:?}");
    // The channel is closed without a message: each `done` was dropped and none was called.
    assert!(receiver.recv_timeout(PATIENCE).is_err(), "a done of a refused batch was called");
    append_durably(&*log, to_one(topic, partition, 5..6));
    let records = read_from_start(&*log, topic, partition, View::Accepted, 1);
    assert_eq!(entries(&records), vec![entry(5)], "nothing of the refused batch is there");
}

/// A batch has a bound too; whoever has more hands it over in pieces.
pub fn a_batch_too_large_as_a_whole_is_refused_and_its_records_are_taken(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(1));
    let bytes = engine.too_large() / 2;
    let count = engine.too_large_at_once() / bytes + 1;
    let large = |number: usize| Entry {
        value: Bytes::from(vec![u8::try_from(number % 251).expect("below 251"); bytes]),
        ..entry(number as u64)
    };
    let batch = |numbers: std::ops::Range<usize>| {
        let append = |number| Append { topic, partition, entry: large(number), done: None };
        numbers.map(append).collect::<Vec<_>>()
    };
    let refused = log.append(batch(0..count)).expect_err("the batch is too large");
    assert!(matches!(refused, Refused::TooLarge { bytes, max } if bytes > max), "{refused:?}");
    let numbers: Vec<usize> = (0..count).collect();
    for piece in numbers.chunks(count.div_ceil(4)) {
        append_durably(&*log, piece.iter().map(|number| (topic, partition, large(*number))).collect());
    }
    let records = read_from_start(&*log, topic, partition, View::Durable, count);
    assert_eq!(entries(&records), (0..count).map(large).collect::<Vec<_>>(), "nothing of the refused batch");
}

/// When `done` says `Ok(offset)`, the record can be read there under the durable view; it says so once.
pub fn done_comes_once_and_only_for_what_is_durable(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Facts, Partition(0));
    for number in 0..50 {
        let receiver = append(&*log, to_one(topic, partition, number..number + 1));
        let offset =
            receiver.recv_timeout(PATIENCE).expect("an append is answered").1.expect("no fault was planted");
        let mut reader = log.reader(topic, partition, offset, View::Durable).expect("it is durable");
        let mut records = Vec::new();
        reader.read(super::ALL, &mut records).expect("it can be read");
        assert_eq!(entries(&records[..1]), vec![entry(number)]);
        assert_eq!(records[0].offset, offset);
        assert!(receiver.recv_timeout(Duration::ZERO).is_err(), "one answer only");
    }
}

/// A `done` runs on the log's own thread and may hand the log its next append.
pub fn a_done_may_append_again(engine: &mut dyn Engine) {
    fn chain(log: Arc<dyn Log>, number: u64, end: std::sync::mpsc::Sender<Offset>) -> Append {
        let next = Arc::clone(&log);
        let done = Box::new(move |answer: Result<Offset, _>| {
            let offset = answer.expect("no fault was planted");
            if number == 9 {
                end.send(offset).expect("the test waits");
            } else {
                next.append(vec![chain(Arc::clone(&next), number + 1, end)]).expect("there is room");
            }
        });
        Append { topic: Topic::Commands, partition: Partition(0), entry: entry(number), done: Some(done) }
    }
    let log = engine.create();
    let (sender, receiver) = channel();
    log.append(vec![chain(Arc::clone(&log), 0, sender)]).expect("there is room");
    receiver.recv_timeout(PATIENCE).expect("ten appends, each from the one before");
    let records = read_from_start(&*log, Topic::Commands, Partition(0), View::Durable, 10);
    assert_eq!(entries(&records), (0..10).map(entry).collect::<Vec<_>>());
}

/// `appended_at` is stamped by the log and is the same for every reader.
pub fn the_append_time_is_the_logs_own(engine: &mut dyn Engine) {
    let log = engine.create();
    let (topic, partition) = (Topic::Milestones, Partition(0));
    append_durably(&*log, to_one(topic, partition, 0..5));
    append_durably(&*log, to_one(topic, partition, 5..10));
    let first = read_from_start(&*log, topic, partition, View::Durable, 10);
    let second = read_from_start(&*log, topic, partition, View::Accepted, 10);
    assert_eq!(first, second);
    assert!(first.iter().all(|record| record.appended_at > 0), "microseconds since the epoch");
}

/// A log's identity is its own and stays the same while it is open.
pub fn two_logs_have_two_ids(engine: &mut dyn Engine) {
    let one = engine.create();
    let id = one.id();
    assert_eq!(one.id(), id);
    drop(one);
    assert_ne!(engine.create().id(), id);
}
