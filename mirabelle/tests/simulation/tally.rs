//! What happened in histories: a simulation in which nothing goes wrong shows nothing.

use std::collections::BTreeMap;

use mirabelle_ledger::{Chain, FactsReader, ReaderOptions, Start};
use mirabelle_log::{Partition, ReadLimit};

use crate::world::World;

/// How often what happened.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

/// What has to happen somewhere in a few hundred histories.
const WANTED: &[&str] = &[
    "ghosts",
    "orphans",
    "repeats",
    "stale claims",
    "claims",
    "answers",
    "refused appends",
    "CommandRejected",
    "CommandRepeated",
    "InputSetAside",
    "WorkerRecorded",
    "MilestoneRecorded",
    "MilestoneRetracted",
    "MilestoneConsidered",
    "AwardOwed",
    "AwardDropped",
    "GrantCredited",
    "GrantRefused",
    "LotVested",
    "LotExpired",
    "GrantReversed",
    "PointsDeducted",
    "RedemptionRequested",
    "RedemptionApproved",
    "FulfilmentStarted",
    "LineFulfilled",
    "LineFailed",
    "LineUnanswered",
    "RedemptionClosed",
    "VoucherRevealed",
    "BudgetAllocated",
    "GrantCommitted",
    "GrantHeld",
    "GrantDeclined",
    "GrantSettled",
    "GrantReturned",
    "BudgetAlerted",
    "VersionPublished",
    "ConfigurationAdopted",
];

impl Tally {
    fn count(&mut self, what: &'static str, by: u64) {
        *self.0.entry(what).or_default() += by;
    }

    pub(crate) fn add(&mut self, world: &World) {
        for partition in 0..world.partitions() {
            let decided = world.truth.all(partition);
            self.count("decisions", decided.len() as u64);
            decided.iter().flat_map(|one| &one.facts).for_each(|fact| self.count(fact.name(), 1));
            let options = ReaderOptions { chain: Chain::Trust, ..ReaderOptions::default() };
            let opened = FactsReader::open(&world.log, Partition(partition), Start::Beginning, options);
            let Ok(mut reader) = opened else { continue };
            while reader
                .read(ReadLimit { records: 9_999, bytes: 1 << 30 }, &mut Vec::new())
                .is_ok_and(|n| n > 0)
            {}
            let counts = reader.counts();
            self.count("ghosts", counts.ghosts);
            self.count("orphans", counts.orphans);
            self.count("repeats", counts.repeats);
            self.count("stale claims", counts.stale_claims);
            self.count("claims", counts.claims);
        }
        let (answers, refused) = world.door.figures();
        self.count("answers", answers);
        self.count("refused appends", refused);
    }

    pub(crate) fn merge(&mut self, other: Tally) {
        other.0.into_iter().for_each(|(what, by)| self.count(what, by));
    }

    /// What never happened and should have.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        WANTED.iter().copied().filter(|what| !self.0.contains_key(what) || self.0[what] == 0).collect()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| write!(f, "{what} {count}, "))
    }
}
