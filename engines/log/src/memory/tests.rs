use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;

use super::{Fate, MemoryLog};
use crate::{
    Append, Entry, Log, LogId, Offset, Partition, ReadError, ReadLimit, Refused, Topic, Unclear, View,
};

const PLACE: (Topic, Partition) = (Topic::Facts, Partition(2));

fn log(manual: bool) -> MemoryLog {
    let build = if manual { MemoryLog::manual } else { MemoryLog::new };
    build(LogId([9; 16]), 4, Arc::new(|| 1_041))
}

fn append(log: &MemoryLog, values: &[&'static str]) -> Receiver<Result<Offset, Unclear>> {
    let (sender, receiver) = channel();
    let batch = values.iter().map(|value| {
        let sender = sender.clone();
        Append {
            topic: PLACE.0,
            partition: PLACE.1,
            entry: Entry {
                key: Bytes::from_static(b"k"),
                fingerprint: 3,
                value: Bytes::from_static(value.as_bytes()),
                trace: None,
            },
            done: Some(Box::new(move |answer| drop(sender.send(answer)))),
        }
    });
    log.append(batch.collect()).unwrap();
    receiver
}

fn held(log: &MemoryLog, view: View) -> Vec<String> {
    let start = log.bounds(PLACE.0, PLACE.1, view).unwrap().start;
    let mut records = Vec::new();
    let limit = ReadLimit { records: 100, bytes: 1 << 20 };
    log.reader(PLACE.0, PLACE.1, start, view).unwrap().read(limit, &mut records).unwrap();
    records.iter().map(|record| String::from_utf8(record.entry.value.to_vec()).unwrap()).collect()
}

fn with_fates(fates: &'static [Fate]) -> MemoryLog {
    let log = log(false);
    let mut fates = fates.iter();
    log.set_fate(Some(Box::new(move |_, _, _| *fates.next().unwrap_or(&Fate::Keep))));
    log
}

#[test]
fn a_manual_log_is_durable_when_the_test_says_so() {
    let log = log(true);
    let answers = append(&log, &["a", "b", "c"]);
    assert_eq!(held(&log, View::Durable), Vec::<String>::new());
    assert_eq!(held(&log, View::Accepted), ["a", "b", "c"]);
    assert!(answers.try_recv().is_err(), "nothing is durable, so nothing is answered");
    log.make_durable(2);
    assert_eq!(held(&log, View::Durable), ["a", "b"]);
    assert_eq!(answers.try_iter().collect::<Vec<_>>(), [Ok(Offset(0)), Ok(Offset(1))]);
    assert_eq!(log.pending(), 1);
}

#[test]
fn a_crash_of_a_manual_log_takes_back_what_was_not_durable() {
    let log = log(true);
    let answers = append(&log, &["a", "b", "c"]);
    log.make_durable(1);
    log.crash();
    assert_eq!(held(&log, View::Accepted), ["a"]);
    assert_eq!(answers.recv().unwrap(), Ok(Offset(0)));
    assert!(answers.recv().unwrap().is_err() && answers.recv().unwrap().is_err());
    append(&log, &["d"]);
    log.make_all_durable();
    assert_eq!(held(&log, View::Durable), ["a", "d"]);
}

#[test]
fn a_lost_record_leaves_what_follows_it() {
    let log = with_fates(&[Fate::Keep, Fate::Lost, Fate::Keep]);
    let answers = append(&log, &["a", "b", "c"]);
    assert_eq!(held(&log, View::Durable), ["a", "c"]);
    let answers: Vec<_> = answers.try_iter().collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    assert!(answers.contains(&Ok(Offset(1))), "the offset of c: {answers:?}");
}

#[test]
fn a_late_record_appears_behind_newer_ones() {
    let log = with_fates(&[Fate::Late, Fate::Keep, Fate::KeepAndLate]);
    append(&log, &["a", "b", "c"]);
    assert_eq!((held(&log, View::Durable), log.late()), (vec!["b".to_owned(), "c".to_owned()], 2));
    append(&log, &["d"]);
    assert_eq!(log.release_late(1), 1);
    assert_eq!(log.release_late(9), 1);
    assert_eq!(held(&log, View::Durable), ["b", "c", "d", "a", "c"]);
}

#[test]
fn a_record_may_come_twice_or_unanswered() {
    let log = with_fates(&[Fate::Twice, Fate::Unanswered]);
    let answers = append(&log, &["a", "b"]);
    assert_eq!(held(&log, View::Durable), ["a", "a", "b"]);
    let answers: Vec<_> = answers.try_iter().collect();
    assert!(answers.contains(&Ok(Offset(0))) && answers.iter().any(Result::is_err), "{answers:?}");
}

#[test]
fn a_planted_refusal_takes_nothing() {
    let log = log(false);
    log.refuse_next(Refused::NoRoom);
    log.refuse_next(Refused::Full { queued_bytes: 4_711 });
    let try_append = || log.append(vec![]);
    assert_eq!(try_append(), Err(Refused::NoRoom));
    assert_eq!(try_append(), Err(Refused::Full { queued_bytes: 4_711 }));
    append(&log, &["a"]);
    log.close();
    assert_eq!(try_append(), Err(Refused::Closed));
    assert_eq!(held(&log, View::Durable), ["a"], "reads go on");
}

#[test]
fn a_reader_of_a_cut_or_trimmed_log_is_told() {
    let log = log(false);
    append(&log, &["a", "b", "c", "d"]);
    log.drop_before(PLACE.0, PLACE.1, Offset(1));
    assert_eq!(log.bounds(PLACE.0, PLACE.1, View::Durable).unwrap().start, Offset(1));
    let mut reader = log.reader(PLACE.0, PLACE.1, Offset(4), View::Durable).unwrap();
    log.cut(PLACE.0, PLACE.1, Offset(3));
    assert_eq!(held(&log, View::Durable), ["b", "c"]);
    let error = reader.read(ReadLimit { records: 1, bytes: 1 }, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ReadError::OutOfRange { end: Offset(3), .. }), "{error}");
}
