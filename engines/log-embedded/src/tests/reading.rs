//! Reading across memory, raw and sealed segments.

use std::collections::BTreeMap;

use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Log, Offset, Partition, ReadLimit, Record, Topic, View};
use proptest::prelude::{Strategy, any, prop_oneof};

use super::disk::Disk;
use super::{append_durably, held, open, place, read_slot, small};
use crate::Options;

const NO_LIMIT: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

#[test]
fn a_reader_that_stands_in_a_raw_segment_goes_on_when_it_is_sealed() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    append_durably(&log, 0..40);
    let (topic, partition) = (Topic::Facts, Partition(0));
    let mut reader = log.reader(topic, partition, Offset(0), View::Durable).unwrap();
    let mut records = Vec::new();
    reader.read(ReadLimit { records: 2, bytes: usize::MAX }, &mut records).unwrap();
    append_durably(&log, 40..200);
    log.settle();
    assert!(!disk.names().contains(&"0000000000000000.raw".to_owned()), "the first segment is sealed");
    reader.read(NO_LIMIT, &mut records).unwrap();
    assert_eq!(records, read_slot(&log, topic, partition, View::Durable).unwrap());
    let expected = (0..200).filter(|n| place(*n) == (topic, partition)).count();
    assert_eq!(records.len(), expected);
}

#[test]
fn the_times_of_append_survive_sealing_and_reopening() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    append_durably(&log, 0..150);
    let read = |log: &dyn Log| -> Vec<Record> {
        let slots = [(Topic::Facts, Partition(1)), (Topic::Commands, Partition(2))];
        slots.iter().flat_map(|(t, p)| read_slot(log, *t, *p, View::Durable).unwrap()).collect()
    };
    let before = read(&log);
    assert!(before.iter().all(|record| record.appended_at >= 1_700_000_000_000_000));
    log.settle();
    assert_eq!(read(&log), before);
    drop(log);
    assert_eq!(read(&open(&small(disk.files()))), before);
}

#[test]
fn a_lagging_reader_sees_what_a_fast_one_sees_while_the_log_is_written() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    std::thread::scope(|scope| {
        for (records, view) in [(1, View::Durable), (3, View::Accepted), (50, View::Durable)] {
            let log = &log;
            scope.spawn(move || {
                let mut reader = log.reader(Topic::Facts, Partition(2), Offset(0), view).unwrap();
                let expected = || (0..400).filter(|n| place(*n) == (Topic::Facts, Partition(2))).map(entry);
                let mut seen = Vec::new();
                while seen.len() < expected().count() {
                    let tick = log.tick(view);
                    let before = seen.len();
                    reader.read(ReadLimit { records, bytes: usize::MAX }, &mut seen).unwrap();
                    if seen.len() == before {
                        log.wait(view, tick, super::PATIENCE);
                    }
                }
                assert!(seen.iter().map(|record| record.entry.clone()).eq(expected()));
            });
        }
        scope.spawn(|| {
            for number in 0..400 {
                append_durably(&log, number..number + 1);
            }
        });
    });
}

#[derive(Clone, Debug)]
enum Step {
    /// Appends so many records, in batches.
    Append {
        records: u8,
        batch: u8,
    },
    /// Reads a slot from a share of its length on, within limits.
    Read {
        slot: u8,
        from: u8,
        records: u8,
        bytes: u16,
    },
    Reopen,
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..60u8, 1..20u8).prop_map(|(records, batch)| Step::Append { records, batch }),
        6 => (any::<u8>(), any::<u8>(), 1..40u8, any::<u16>())
            .prop_map(|(slot, from, records, bytes)| Step::Read { slot, from, records, bytes }),
        1 => proptest::strategy::Just(Step::Reopen),
        1 => proptest::strategy::Just(Step::Settle),
    ]
}

type Model = BTreeMap<(Topic, Partition), Vec<u64>>;

fn append_batches(log: &dyn Log, model: &mut Model, from: u64, records: u8, batch: u8) {
    let numbers: Vec<u64> = (from..from + u64::from(records)).collect();
    let (sender, receiver) = std::sync::mpsc::channel();
    for batch in numbers.chunks(usize::from(batch)) {
        let appends = batch.iter().map(|number| {
            let (topic, partition) = place(*number);
            model.entry((topic, partition)).or_default().push(*number);
            let sender = sender.clone();
            let done = Box::new(move |answer: Result<_, _>| sender.send(answer.is_ok()).unwrap_or_default());
            Append { topic, partition, entry: entry(*number), done: Some(done) }
        });
        log.append(appends.collect()).unwrap();
    }
    drop(sender);
    assert_eq!(receiver.iter().filter(|durable| *durable).count(), usize::from(records));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn any_read_gives_what_was_appended(steps in proptest::collection::vec(step(), 1..30)) {
        let disk = Disk::default();
        let options = Options { segment_bytes: 32 << 10, spare_segments: 6, ..small(disk.files()) };
        let mut log = open(&options);
        let mut model = Model::new();
        let mut appended = 0;
        for step in steps {
            match step {
                Step::Append { records, batch } => {
                    append_batches(&log, &mut model, appended, records, batch);
                    appended += u64::from(records);
                    log.settle();
                }
                Step::Reopen => {
                    drop(log);
                    log = open(&options);
                }
                Step::Settle => log.settle(),
                Step::Read { slot, from, records, bytes } => {
                    let slots: Vec<_> = model.iter().collect();
                    if slots.is_empty() {
                        continue;
                    }
                    let ((topic, partition), numbers) = slots[usize::from(slot) % slots.len()];
                    let from = usize::from(from) % (numbers.len() + 1);
                    let limit = ReadLimit { records: usize::from(records), bytes: usize::from(bytes) };
                    let mut reader =
                        log.reader(*topic, *partition, Offset(from as u64), View::Durable).unwrap();
                    let mut read = Vec::new();
                    reader.read(limit, &mut read).unwrap();
                    let mut size = 0;
                    let expected = numbers[from..].iter().take(limit.records).map(|n| entry(*n)).take_while(|e| {
                        let more = size == 0 || size < limit.bytes;
                        size += e.key.len() + e.value.len() + e.trace.as_ref().map_or(0, |t| t.len());
                        more
                    });
                    let expected: Vec<_> = expected.collect();
                    let read: Vec<_> = read.into_iter().map(|record| record.entry).collect();
                    proptest::prop_assert_eq!(read, expected);
                }
            }
        }
        proptest::prop_assert_eq!(held(&log).unwrap(), appended);
        proptest::prop_assert_eq!(log.check_all().faults, vec![]);
    }
}
