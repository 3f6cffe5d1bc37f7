//! The loop around a follower's core.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

mod sending;
mod stopping;

use mirabelle_follower::{Core, Follower, Options, Outgoing, Seen};
use mirabelle_ledger::{FactsReader, Gate, ReaderOptions, Start, create_roots};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Log, LogId, Partition, ReadLimit};
use mirabelle_schemas::record::{Claim, ClaimedHead};
use mirabelle_store::MemoryStore;

const CLAIMS: u64 = 11;

/// A core that owes nothing.
pub(crate) struct Idle;

impl Core for Idle {
    fn role(&self) -> &'static str {
        "courier"
    }

    fn cares(&self, _: u16) -> bool {
        false
    }

    fn see(&mut self, _: &Seen<'_>) {}

    fn act(&mut self, _: i64) -> Vec<Outgoing> {
        Vec::new()
    }

    fn open(&self) -> usize {
        7
    }

    fn next_due(&self, _: i64) -> Option<i64> {
        None
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> bool {
        true
    }
}

/// A log whose every partition has seen many owners.
pub(crate) fn log(partitions: u16) -> MemoryLog {
    let log = MemoryLog::new(LogId([4; 16]), partitions, Arc::new(|| 1_000_000));
    create_roots(&log, 1_000_000).unwrap();
    (0..partitions).for_each(|number| (0..CLAIMS).for_each(|claim| own(&log, Partition(number), claim)));
    log
}

/// One more owner of a partition.
pub(crate) fn own(log: &MemoryLog, partition: Partition, claim: u64) {
    let mut gate = Gate::new(Arc::new(log.clone()), partition, Gate::BYTES_MAX, Arc::new(|_| {}));
    let start = Start::Beginning;
    let mut reader = FactsReader::open(log, partition, start, ReaderOptions::default()).unwrap();
    while reader.read(ReadLimit { records: 100, bytes: 1 << 20 }, &mut Vec::new()).unwrap() > 0 {}
    let head = reader.head().unwrap();
    let claim = Claim {
        epoch: head.epoch + 1,
        claim,
        owner: "an owner".into(),
        build: "test".into(),
        domain_revision: 1,
        head: ClaimedHead { epoch: head.epoch, seq: head.seq, digest: head.digest },
    };
    gate.claim(&claim).unwrap();
}

#[test]
fn effects_beside_commands_wait_until_the_end_found_at_the_start_is_reached() {
    let log: Arc<dyn Log> = Arc::new(log(1));
    let store = Arc::new(MemoryStore::new(log.id()));
    let options = Options { records_max: 2, ..Options::default() };
    let mut follower = Follower::open(log, store, Idle, options).unwrap();
    let (turns, first) = (Cell::new(0_u64), Cell::new(None));
    let stopped = || {
        turns.set(turns.get() + 1);
        turns.get() > 20
    };
    let mut between = |_: &mut Idle| {
        first.set(first.get().or(Some(turns.get())));
        Duration::ZERO
    };
    follower.run(&stopped, &|| 1_000_000, &mut between).unwrap();
    assert!(follower.caught_up());
    // Root and claims, two at a turn: history is never acted on.
    assert_eq!(first.get(), Some((CLAIMS + 1).div_ceil(2)));
}
