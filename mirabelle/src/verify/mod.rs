//! Checks everything that can be checked of a log and its rows, offline.
//!
//! 1. every byte of the log under its checksums (invariant 7);
//! 2. every partition of `facts` through the reading rule with the chain of digests, and every input topic against the
//!    cursors: no input is decided twice, none was skipped (invariants 3, 7, 10);
//! 3. every decision folded into accounts: the numbers that facts carry agree with each other (1, 2, 5);
//!    every input decided again on that state, with the rules in force there: the facts are those that follow from it;
//! 4. every row of the store against a projection of the facts into a scratch generation of a temporary store, cell by cell (6);
//! 5. in a directory: every snapshot against the fold, every id against the index, every key against its wrapping.

mod again;
mod beside;
mod books;
mod directory;
mod facts;
mod inputs;
mod marks;
mod rows;
mod scratch;

use std::fmt;

use mirabelle_log::{Log, Partition};
use mirabelle_store::Rows;
use serde::Serialize;

use facts::Folding;
use scratch::Scratch;

pub use again::NotAgain;
pub use directory::directory;

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which check: `log`, `chain`, `inputs`, `accounts`, `decisions`, `books`, `rows`, `snapshots`, `ids`,
    /// `keys`, `scratch`, `directory`.
    pub check: &'static str,
    /// Where: a file and place, a partition and seq, a table and key.
    pub place: String,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.check, self.place, self.what)
    }
}

/// What was looked at, and what does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records of the log.
    pub records: u64,
    /// Counting decisions.
    pub decisions: u64,
    /// Decisions whose input was decided again.
    pub decided_again: u64,
    /// Decisions that could not be made again.
    pub not_decided_again: NotAgain,
    /// Accounts folded.
    pub accounts: u64,
    /// The rows are another release's: the next start of this one makes its own, and there is nothing to compare.
    pub rows_of_another_release: bool,
    /// Rows compared.
    pub rows: u64,
    /// Tenants whose books were closed.
    pub tenants: u64,
    /// What does not hold; at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
    /// What was not looked at, and why.
    pub unchecked: Vec<String>,
    /// What holds, and should be known all the same.
    pub notes: Vec<String>,
}

/// More differences than this are only counted.
pub const DIFFERENCES_MAX: usize = 100;

impl Report {
    pub(crate) fn differs(&mut self, check: &'static str, place: impl Into<String>, what: impl Into<String>) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { check, place: place.into(), what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Checks 2 and 3 over a log, and 4 if there are rows; in memory. Check 1 belongs to the engine: its faults come in the report.
pub fn verify(log: &dyn Log, rows: Option<&dyn Rows>, report: Report) -> Report {
    fold_and_compare(log, rows, Folding::new(Scratch::in_memory()), report)
}

fn fold_and_compare(
    log: &dyn Log,
    rows: Option<&dyn Rows>,
    mut folding: Folding,
    mut report: Report,
) -> Report {
    for partition in (0..log.partitions()).map(Partition) {
        let cursors = folding.fold(log, partition, rows, &mut report);
        if let Some(cursors) = cursors {
            inputs::check(log, partition, &cursors, &mut report);
        }
    }
    folding.finish(&mut report);
    books::check(&folding, &mut report);
    if let Some(rows) = rows {
        rows::compare(folding.scratch.rows.as_ref(), rows, &mut report);
    }
    report
}
