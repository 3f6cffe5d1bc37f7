//! What an index of ids promises.

use std::sync::Arc;

use mirabelle_domain::CommandId;
use mirabelle_log::Partition;

use super::{Ending, Numbers};
use crate::Ids;
use crate::ids::Decided;

/// What the suite needs to know of an index.
pub trait IdsEngine {
    /// A new, empty index.
    fn create(&mut self) -> Arc<dyn Ids>;

    /// Ends `ids`, the one last created or reopened, and opens what is left of it.
    fn reopen(&mut self, ids: Arc<dyn Ids>, ending: Ending) -> Arc<dyn Ids>;
}

/// Makes one `#[test]` per clause of the contract of [`Ids`](crate::Ids).
#[macro_export]
macro_rules! ids_suite {
    ($engine:expr) => {
        $crate::ids_suite! { @tests $engine;
            an_id_is_found_where_it_was_decided
            an_id_inserted_again_keeps_its_first_place
            the_index_covers_what_it_was_told
            ids_that_were_synced_are_there_after_a_crash
            an_index_that_grows_forgets_nothing
        }
    };
    (@tests $engine:expr; $($clause:ident)*) => {
        $(#[test] fn $clause() { $crate::suite::$clause(&mut $engine); })*
    };
}

fn id(number: u64) -> CommandId {
    let digest = blake3::hash(&number.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    CommandId(bytes)
}

/// Known ids have their place, unknown ones none.
pub fn an_id_is_found_where_it_was_decided(engine: &mut dyn IdsEngine) {
    let ids = engine.create();
    ids.insert_batch(Partition(5), &[(id(1), 1041), (id(2), 1042)], 1042).unwrap();
    ids.insert_batch(Partition(3), &[(id(3), u64::MAX)], u64::MAX).unwrap();
    let place = |seq, partition| Some(Decided { seq, partition: Partition(partition) });
    assert_eq!(ids.lookup(id(2)).unwrap(), place(1042, 5));
    assert_eq!(ids.lookup(id(1)).unwrap(), place(1041, 5));
    assert_eq!(ids.lookup(id(3)).unwrap(), place(u64::MAX, 3));
    assert_eq!(ids.lookup(id(4)).unwrap(), None);
    assert_eq!(ids.lookup(CommandId([0; 16])).unwrap(), None);
}

/// A rebuild or a repeat changes nothing.
pub fn an_id_inserted_again_keeps_its_first_place(engine: &mut dyn IdsEngine) {
    let ids = engine.create();
    ids.insert_batch(Partition(2), &[(id(1), 50)], 50).unwrap();
    ids.sync().unwrap();
    ids.insert_batch(Partition(2), &[(id(1), 90), (id(2), 91), (id(2), 92)], 92).unwrap();
    let seqs = |ids: &dyn Ids| [1, 2].map(|number| ids.lookup(id(number)).unwrap().map(|place| place.seq));
    assert_eq!(seqs(&*ids), [Some(50), Some(91)]);
    ids.sync().unwrap();
    assert_eq!(seqs(&*ids), [Some(50), Some(91)]);
}

/// Per partition, rising only.
pub fn the_index_covers_what_it_was_told(engine: &mut dyn IdsEngine) {
    let ids = engine.create();
    assert_eq!(ids.covered_to(Partition(1)).unwrap(), None);
    ids.insert_batch(Partition(1), &[], 17).unwrap();
    ids.insert_batch(Partition(4), &[(id(9), 3)], 3).unwrap();
    ids.insert_batch(Partition(1), &[], 11).unwrap();
    assert_eq!(ids.covered_to(Partition(1)).unwrap(), Some(17));
    assert_eq!(ids.covered_to(Partition(4)).unwrap(), Some(3));
    let ids = engine.reopen(ids, Ending::Close);
    assert_eq!(ids.covered_to(Partition(1)).unwrap(), Some(17));
    assert_eq!(ids.covered_to(Partition(4)).unwrap(), Some(3));
}

/// The index never says that it covers what a crash took.
pub fn ids_that_were_synced_are_there_after_a_crash(engine: &mut dyn IdsEngine) {
    let mut ids = engine.create();
    let (mut next, mut synced) = (0, 0);
    let mut numbers = Numbers(99);
    for _ in 0..8 {
        for _ in 0..1 + numbers.next(6) {
            let batch: Vec<(CommandId, u64)> = (next..next + 20).map(|seq| (id(seq), seq)).collect();
            next += 20;
            ids.insert_batch(Partition(6), &batch, next - 1).unwrap();
            if numbers.next(3) == 0 {
                ids.sync().unwrap();
                synced = next;
            }
        }
        ids = engine.reopen(ids, Ending::Crash);
        let covered = ids.covered_to(Partition(6)).unwrap().map_or(0, |seq| seq + 1);
        assert!(covered >= synced, "synced to {synced}, covered to {covered}");
        for seq in 0..covered {
            assert_eq!(ids.lookup(id(seq)).unwrap().map(|place| place.seq), Some(seq));
        }
        next = covered;
    }
    assert!(next > 100);
}

/// Many syncs, and whatever an engine does to keep its parts few, lose no id.
pub fn an_index_that_grows_forgets_nothing(engine: &mut dyn IdsEngine) {
    let mut ids = engine.create();
    for round in 0..90_u64 {
        let seqs = round * 50..(round + 1) * 50;
        let batch: Vec<(CommandId, u64)> = seqs.clone().map(|seq| (id(seq), seq)).collect();
        ids.insert_batch(Partition((round % 3) as u16), &batch, seqs.end - 1).unwrap();
        ids.sync().unwrap();
        if round % 30 == 29 {
            ids = engine.reopen(ids, Ending::Close);
        }
    }
    for seq in 0..4_500 {
        let wanted = Decided { seq, partition: Partition((seq / 50 % 3) as u16) };
        assert_eq!(ids.lookup(id(seq)).unwrap(), Some(wanted));
        assert_eq!(ids.lookup(id(1_000_000 + seq)).unwrap(), None);
    }
}
