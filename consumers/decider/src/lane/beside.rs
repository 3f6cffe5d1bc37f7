//! What a lane has done beside the deciding thread: ids into the index, confirmed state into snapshots.

use std::sync::mpsc::TrySendError;

use mirabelle_ledger::Now;
use tracing::{error, info};

use super::{Lane, LaneError};
use crate::background::Job;
use crate::snapshot::Taken;

/// So often in a row may the index fail: with the waits between, for most of a minute.
const INDEX_ATTEMPTS: u32 = 16;

impl Lane {
    /// Ids that the index was not given stay known and are handed to it again.
    pub(super) fn indexed(&mut self, done: bool, now: Now) -> Result<(), LaneError> {
        if done {
            self.partition.indexed();
            if self.index_retry.worked() {
                info!(partition = %self.number, "the index takes ids again");
            }
            return Ok(());
        }
        self.partition.not_indexed();
        let attempts = self.index_retry.failed(now.monotonic);
        if attempts < INDEX_ATTEMPTS { Ok(()) } else { Err(LaneError::Index { attempts }) }
    }

    /// Hands ids and snapshots to the background, when it is time and the background has room.
    pub(super) fn background(&mut self, now: Now) -> Result<(), LaneError> {
        if self.index_retry.is_due(now.monotonic)
            && let Some(batch) = self.partition.ids_for_index()
        {
            let job = Job::Index(self.number, batch, self.told.0.clone());
            match self.jobs.try_send(job) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => self.partition.not_indexed(),
                Err(TrySendError::Disconnected(_)) => return Err(LaneError::Background),
            }
        }
        let Some(seq) = self.facts.head().map(|head| head.seq) else { return Ok(()) };
        let (last_seq, last_at) = self.snapshotted;
        let due = seq >= last_seq + self.options.snapshot_decisions
            || (seq > last_seq && now.monotonic - last_at >= self.options.snapshot_micros);
        if !due || self.snapshotting || self.partition.is_stopped() {
            return Ok(());
        }
        let Some(job) = self.snapshot() else { return Ok(()) };
        match self.jobs.try_send(job) {
            Ok(()) => {
                self.snapshotted = (seq, now.monotonic);
                self.snapshotting = true;
                Ok(())
            }
            Err(TrySendError::Full(_)) => Ok(()),
            Err(TrySendError::Disconnected(_)) => Err(LaneError::Background),
        }
    }

    fn snapshot(&mut self) -> Option<Job> {
        let checkpoint = self.facts.checkpoint()?;
        let (accounts, recent) = self.partition.confirmed();
        let taken = Taken {
            checkpoint,
            accounts: accounts.clone(),
            recent: recent.iter().collect(),
            indexed_to: recent.indexed_to(),
        };
        Some(Job::Snapshot(self.number, Box::new(taken), self.told.0.clone()))
    }

    /// A last snapshot, if anything was decided since the one before; waits for room in the background.
    pub(crate) fn last_snapshot(&mut self) {
        let seq = self.facts.head().map_or(0, |head| head.seq);
        if seq <= self.snapshotted.0 || self.partition.is_stopped() {
            return;
        }
        if let Some(job) = self.snapshot()
            && self.jobs.send(job).is_err()
        {
            error!(partition = %self.number, "no last snapshot: the background thread has ended; the next start takes longer");
        }
    }
}
