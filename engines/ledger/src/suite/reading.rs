//! Clauses about readers and checkpoints.

use std::sync::Arc;

use mirabelle_log::suite::{Ending, Engine};
use mirabelle_log::{Log, Offset, ReadLimit, Topic, View};

use super::bent::{Damage, Damaged};
use super::contender::Contender;
use super::owning::a_rough_history;
use super::{ALL, PATIENCE, PLACE, assert_decided, begun, read_from};
use crate::error::ReaderError;
use crate::fold::Chain;
use crate::head::Checkpoint;
use crate::reader::{FactsReader, ReaderOptions, Start};
use crate::seen::Folded;

/// Every checkpoint, one after each record, with how many records count before it.
fn checkpoints(log: &dyn Log) -> Vec<(usize, Checkpoint)> {
    let mut reader =
        FactsReader::open(log, PLACE, Start::Beginning, ReaderOptions::default()).expect("facts can be read");
    let (mut folded, mut found) = (Vec::new(), Vec::new());
    assert_eq!(reader.checkpoint(), None, "before the root there is no head");
    while reader.read(ReadLimit { records: 1, bytes: 1 }, &mut folded).expect("facts can be read") > 0 {
        let checkpoint = reader.checkpoint().expect("the root was read");
        assert_eq!(reader.checkpoint(), Some(checkpoint), "asking changes nothing");
        found.push((folded.len(), checkpoint));
    }
    found
}

fn essence(folded: &[Folded]) -> Vec<(u64, Offset, bool)> {
    folded.iter().map(|one| (one.position.seq, one.position.offset, one.decision().is_some())).collect()
}

/// Readers that start at the beginning or behind any record, counting or not, see the same records count and come to
/// the same head; so does one that takes the chain for true.
pub fn readers_agree_from_every_checkpoint(engine: &mut dyn Engine) {
    let log = a_rough_history(engine, 120);
    let (whole, folded) = read_from(&*log, Start::Beginning);
    let all = essence(&folded);
    let found = checkpoints(&*log);
    assert!(found.len() > folded.len(), "some records do not count");
    for (before, checkpoint) in found {
        for chain in [Chain::Verify, Chain::Trust] {
            let options = ReaderOptions { chain, ..ReaderOptions::default() };
            let mut reader = FactsReader::open(&*log, PLACE, Start::At(&checkpoint), options)
                .expect("a reader may start at its checkpoint");
            let mut rest = Vec::new();
            while reader.read(ALL, &mut rest).expect("facts can be read") > 0 {}
            assert_eq!(essence(&rest), all[before..], "{chain:?} from {checkpoint:?}");
            assert_eq!(reader.head(), whole.head());
        }
    }
}

/// A checkpoint taken before the log was closed, or crashed, serves after it, and an owner goes on from there.
pub fn a_checkpoint_holds_through_a_close_and_a_crash(engine: &mut dyn Engine) {
    for ending in [Ending::Close, Ending::Crash] {
        let log = a_rough_history(engine, 90);
        let (mut reader, folded) = read_from(&*log, Start::Beginning);
        let checkpoint = reader.checkpoint().expect("the root was read");
        drop(reader);
        let Some(log) = engine.reopen(log, ending) else { return };
        let (resumed, rest) = read_from(&*log, Start::At(&checkpoint));
        assert_eq!((rest.len(), resumed.head()), (0, Some(checkpoint.head)), "{ending:?}");
        let (_, again) = read_from(&*log, Start::Beginning);
        assert_eq!(essence(&again), essence(&folded), "{ending:?}");
        // The next owner finds all inputs decided, and what it appends follows on the head.
        Contender::new(&log, 5).work(90, PATIENCE);
        assert_decided(&read_from(&*log, Start::Beginning).1, 90);
    }
}

/// A checkpoint belongs to one log: by its id, and where that would fit, by the record before it.
pub fn a_checkpoint_of_another_log_is_refused(engine: &mut dyn Engine) {
    let one = begun(engine, 40);
    Contender::new(&one, 1).work(40, PATIENCE);
    let mut checkpoint = checkpoints(&*one).pop().expect("records were read").1;
    let other = begun(engine, 40);
    Contender::new(&other, 2).work(40, PATIENCE);
    let open = |checkpoint: &Checkpoint| {
        FactsReader::open(&*other, PLACE, Start::At(checkpoint), ReaderOptions::default()).map(drop)
    };
    assert!(matches!(open(&checkpoint), Err(ReaderError::OtherLog { partition: PLACE })));
    // A log restored under the same id, that has grown again.
    checkpoint.head.log_id = other.id();
    let error = open(&checkpoint).expect_err("another record stands there");
    assert!(matches!(error, ReaderError::NotTheLog { .. }), "{error}");
}

/// A log that ends before the checkpoint's record is not read on as if nothing had happened.
pub fn a_log_that_lost_its_end_is_noticed_from_a_checkpoint(engine: &mut dyn Engine) {
    let log = begun(engine, 30);
    Contender::new(&log, 1).work(30, PATIENCE);
    let checkpoint = checkpoints(&*log).pop().expect("records were read").1;
    for end in [checkpoint.last.offset, Offset(checkpoint.last.offset.0 - 9)] {
        let cut = Damaged { log: Arc::clone(&log), damage: Damage::CutAt(end) };
        let error = FactsReader::open(&cut, PLACE, Start::At(&checkpoint), ReaderOptions::default())
            .map(drop)
            .expect_err("the record before the checkpoint is gone");
        assert!(matches!(error, ReaderError::NotTheLog { .. }), "{error}");
    }
}

/// One bit of any record that counts, anywhere behind the wire header: the reader stops at it or at what rests on it, and
/// goes on saying so.
pub fn a_changed_record_stops_the_reader(engine: &mut dyn Engine) {
    let log = begun(engine, 12);
    Contender::new(&log, 1).work(12, PATIENCE);
    let (_, folded) = read_from(&*log, Start::Beginning);
    // Nothing rests on the last record: a checkpoint or the archive's signed heads tell of it.
    let resting = &folded[..folded.len() - 1];
    let whole = essence(&folded);
    let mut records = Vec::new();
    let mut reader = log.reader(Topic::Facts, PLACE, Offset(0), View::Durable).expect("facts can be read");
    let end = log.bounds(Topic::Facts, PLACE, View::Durable).expect("bounds can be read").end;
    while reader.position() < end {
        let before = records.len();
        reader.read(ALL, &mut records).expect("facts can be read");
        assert!(records.len() > before, "what was answered can be read");
    }
    for record in records.iter().filter(|one| resting.iter().any(|it| it.position.offset == one.offset)) {
        for byte in 5..record.entry.value.len() {
            let damage = Damage::Flipped(record.offset, byte);
            let damaged = Damaged { log: Arc::clone(&log), damage };
            let mut reader = FactsReader::open(&damaged, PLACE, Start::Beginning, ReaderOptions::default())
                .expect("the first record is whole");
            let mut folded = Vec::new();
            let mut read = || reader.read(ALL, &mut folded);
            let stopped = loop {
                match read() {
                    Ok(0) => break None,
                    Ok(_) => {}
                    Err(error) => break Some(error),
                }
            };
            // What stood before it counts as before. An epoch or a seq that no longer follows makes a ghost or an orphan
            // of it, and orphans of the rest: then nothing false counts, and the next claim shows what is missing.
            let silent = stopped.is_none();
            let before = resting.iter().filter(|one| one.position.offset < record.offset).count();
            assert_eq!(essence(&folded)[..before], whole[..before], "byte {byte} of {record:?}");
            assert!(!silent || folded.len() == before, "byte {byte} of {record:?}");
            if !silent {
                assert!(matches!(reader.read(ALL, &mut folded), Err(ReaderError::Stopped { .. })), "sticky");
            }
        }
    }
}
