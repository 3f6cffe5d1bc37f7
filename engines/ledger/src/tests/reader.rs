//! The reader over a log in memory: what is not ours, what is damaged, and where it stops.

use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Append, Entry, Log, Offset, ReadLimit, Topic};
use mirabelle_schemas::encode_decision;

use super::gate::{owned, read, whole};
use super::*;
use crate::{
    Alarm, Counted, CountedView, Counts, FactsReader, Folded, FoldedView, ReaderError, ReaderOptions, Start,
};

const ALL: ReadLimit = ReadLimit { records: 1_000, bytes: 1 << 20 };

fn append(log: &MemoryLog, fingerprint: u64, value: impl Into<Bytes>) {
    let entry = Entry { key: Bytes::new(), fingerprint, value: value.into(), trace: None };
    log.append(vec![Append { topic: Topic::Facts, partition: Partition(3), entry, done: None }]).unwrap();
}

fn open(log: &MemoryLog) -> FactsReader {
    FactsReader::open(log, Partition(3), Start::Beginning, ReaderOptions::default()).unwrap()
}

#[test]
fn what_is_not_ours_is_dropped_and_counted() {
    let (log, mut gate, _) = owned();
    append(&log, 0, &b"not even Avro"[..]);
    append(&log, 0x1234, &b"\0\0\0\0\x07somebody else's"[..]);
    append(&log, 0x1234, vec![0; 1_040_000]);
    let prepared = gate.prepare(&whole(&read(&log), 9), None).unwrap();
    gate.append(&[prepared]).unwrap();
    let (mut reader, mut folded) = (open(&log), Vec::new());
    while reader.read(ALL, &mut folded).unwrap() > 0 {}
    let counts = Counts { decisions: 1, claims: 1, foreign: 3, ..Counts::default() };
    assert_eq!((reader.counts(), folded.len()), (counts, 2));
    let one = &folded[1];
    assert_eq!((one.position.seq, one.position.offset, one.position.partition), (1, Offset(5), Partition(3)));
    assert_eq!(one.digest, reader.head().map(|head| head.digest));
    assert_eq!(one.decision().unwrap().facts[0].body.len(), 9);
}

#[test]
fn a_damaged_record_of_ours_stops_the_reader_after_what_stands_before_it() {
    let (log, mut gate, _) = owned();
    let one = gate.prepare(&whole(&read(&log), 9), None).unwrap();
    gate.append(&[one]).unwrap();
    let whole = encode_decision(&whole(&read(&log), 9));
    for damaged in [whole.value.slice(..whole.value.len() - 1), Bytes::from_static(b"\x01\0\0\0\x01")] {
        let start = log.bounds(Topic::Facts, Partition(3), mirabelle_log::View::Durable).unwrap().end;
        append(&log, whole.fingerprint, damaged);
        append(&log, whole.fingerprint, whole.value.clone());
        let (mut reader, mut folded) = (open(&log), Vec::new());
        assert!(reader.read(ALL, &mut folded).unwrap() > 0, "what counts before it is handed out");
        assert_eq!((folded.len(), reader.checkpoint()), (2, None));
        for _ in 0..2 {
            let error = reader.read(ALL, &mut folded).unwrap_err();
            let ReaderError::Stopped { offset, alarm: Alarm::Damaged { .. }, .. } = error else {
                panic!("{error}")
            };
            assert_eq!((offset, folded.len()), (start, 2));
        }
        log.cut(Topic::Facts, Partition(3), start);
    }
}

/// What a newer release may append: an unknown version of a decision, a record of a new kind, a larger decision.
fn newer_records() -> Vec<(u64, Vec<u8>)> {
    let headed = |id: u32, datum: &[u8]| [&[0][..], &id.to_be_bytes(), datum].concat();
    let known = encode_decision(&whole(&rooted().head().unwrap(), 9)).fingerprint;
    vec![
        (0x1234, headed(2_002, b"a decision of tomorrow")),
        (0x5678, headed(6_001, b"a kind of tomorrow")),
        (0, headed(2_002, b"")),
        (known, headed(2_001, &vec![7; 1_040_000])),
        (0x1234, headed(2_002, &vec![7; 1_040_000])),
    ]
}

#[test]
fn a_record_of_a_newer_release_stops_every_way_of_reading_and_is_never_stepped_over() {
    for (fingerprint, value) in newer_records() {
        let (log, mut gate, _) = owned();
        let one = gate.prepare(&whole(&read(&log), 9), None).unwrap();
        append(&log, fingerprint, value);
        gate.append(&[one]).unwrap();
        let newer = |alarm: Option<&Alarm>| matches!(alarm, Some(Alarm::NewerRecord { .. }));
        let (mut reader, mut folded) = (open(&log), Vec::new());
        reader.read(ALL, &mut folded).unwrap();
        assert!(newer(reader.stopped()), "{:?}", reader.stopped());
        assert_eq!((folded.len(), reader.checkpoint()), (1, None), "only the claim before it counts");
        assert!(matches!(reader.read(ALL, &mut folded), Err(ReaderError::Stopped { .. })));
        let mut viewing = open(&log);
        viewing.read_views(ALL, |_| ()).unwrap();
        assert!(newer(viewing.stopped()));
    }
}

#[test]
fn a_reader_sees_nothing_that_is_not_durable() {
    let log = super::gate::log(true);
    crate::create_roots(&log, 1_041).unwrap();
    let (mut reader, mut folded) = (open(&log), Vec::new());
    assert_eq!((reader.read(ALL, &mut folded).unwrap(), reader.head()), (0, None));
    log.make_all_durable();
    assert_eq!(reader.read(ALL, &mut folded).unwrap(), 1);
    assert_eq!(reader.head().map(|head| head.at), Some(1_041));
}

#[test]
fn a_partition_that_lost_its_beginning_stops() {
    let (log, mut gate, _) = owned();
    let one = gate.prepare(&whole(&read(&log), 9), None).unwrap();
    gate.append(&[one]).unwrap();
    log.drop_before(Topic::Facts, Partition(3), Offset(1));
    let mut reader = open(&log);
    reader.read(ALL, &mut Vec::new()).unwrap();
    assert_eq!(reader.stopped(), Some(&Alarm::NoRoot));
}

#[test]
fn views_show_the_same_records_as_whole_decisions() {
    let (log, mut gate, _) = owned();
    for body in [9, 40] {
        let prepared = gate.prepare(&whole(&read(&log), body), None).unwrap();
        gate.append(&[prepared]).unwrap();
        append(&log, 0x1234, &b"somebody else's"[..]);
        gate.claim(&claim_on(&head_before_claim(), 5)).unwrap();
    }
    let (mut reader, mut folded) = (open(&log), Vec::new());
    while reader.read(ALL, &mut folded).unwrap() > 0 {}
    let (mut viewing, mut place) = (open(&log), 0);
    let each = |view: FoldedView<'_>| {
        let one: &Folded = &folded[place];
        place += 1;
        assert_eq!((view.position, view.appended_at), (one.position, one.appended_at));
        assert_eq!((view.datum, view.digest), (&one.datum[..], one.digest));
        match (view.counted, &one.counted) {
            (CountedView::Claim(view), Counted::Claim(claim)) => assert_eq!(view, claim),
            (CountedView::Decision(view), Counted::Decision(decision)) => {
                assert_eq!((view.command_id, &view.account), (decision.command_id, &decision.account));
                assert!(
                    view.facts().map(|fact| fact.body).eq(decision.facts.iter().map(|fact| &fact.body[..]))
                );
            }
            (view, one) => panic!("{view:?} for {one:?}"),
        }
    };
    viewing.read_views(ALL, each).unwrap();
    assert_eq!((place, viewing.counts()), (3, reader.counts()));
    assert_eq!(viewing.checkpoint(), reader.checkpoint());
    assert_eq!((viewing.counts().foreign, viewing.counts().stale_claims), (2, 2));
}

/// The head that the first claim of [`owned`] was made on.
fn head_before_claim() -> Head {
    let log = super::gate::log(false);
    crate::create_roots(&log, 1_041).unwrap();
    read(&log)
}
