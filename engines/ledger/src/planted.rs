//! Bugs on purpose, for the simulation to catch: each is a mistake that somebody could make here or in a role. Built only
//! with the feature `planted-bugs`, which nothing but that test asks for, and then chosen at run time, by thread.

use std::cell::{Cell, RefCell};

use mirabelle_log::{Entry, Partition};

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The reading rule takes a decision of an ended epoch for one of the present.
    NoEpochCheck,
    /// A client is answered when the log acknowledges the decision, not when it is read back.
    AnswerOnAcknowledgement,
    /// An owner that lost the partition keeps what it had decided in flight.
    SpeculationKept,
    /// The projector writes its checkpoint first, and then the rows.
    CheckpointBeforeRows,
    /// The courier makes a new id each time that it sends.
    FreshCourierIds,
    /// A new owner knows no recent ids.
    DedupeLost,
    /// Confirmed state comes from a snapshot, the place to read on does not.
    SnapshotWithoutCheckpoint,
    /// An input that can't be read is stepped over.
    UnreadableSkipped,
    /// Deadlines are compared with the owner's clock.
    OwnersClock,
    /// The balance that a decision rests on is that of the projection, which lags.
    ProjectedBalance,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Bug; 10] = {
        use Bug::*;
        [
            NoEpochCheck,
            AnswerOnAcknowledgement,
            SpeculationKept,
            CheckpointBeforeRows,
            FreshCourierIds,
            DedupeLost,
            SnapshotWithoutCheckpoint,
            UnreadableSkipped,
            OwnersClock,
            ProjectedBalance,
        ]
    };
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    static FRESH: Cell<u64> = const { Cell::new(0) };
    static ACKNOWLEDGED: RefCell<Vec<(Partition, Entry)>> = const { RefCell::new(Vec::new()) };
}

/// Plants a bug on this thread, in place of the one before.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
    FRESH.set(0);
    ACKNOWLEDGED.take();
}

/// Whether this bug is planted on this thread.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// A number that never came before.
pub fn fresh() -> u64 {
    FRESH.set(FRESH.get() + 1);
    FRESH.get()
}

/// The log has acknowledged a record of `facts`.
pub fn acknowledge(partition: Partition, entry: Entry) {
    ACKNOWLEDGED.with_borrow_mut(|all| all.push((partition, entry)));
}

/// What was acknowledged since the last call.
pub fn acknowledged() -> Vec<(Partition, Entry)> {
    ACKNOWLEDGED.take()
}
