//! How a partition begins: at its latest snapshot, else at the beginning of its facts.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use mirabelle_domain::DOMAIN_REVISION;
#[cfg(feature = "planted-bugs")]
use mirabelle_ledger::planted::{Bug, is};
use mirabelle_ledger::{Checkpoint, FactsReader, Now, ReaderError, ReaderOptions, Start};
use mirabelle_log::{Log, Partition as Number, Topic, View};
use mirabelle_store::{Blobs, Ids, Snapshots, Wanted};
use tracing::{info, warn};

use crate::background::Job;
use crate::lane::Lane;
use crate::metrics::Metrics;
use crate::partition::Partition;
use crate::service::Options;
use crate::snapshot::{FORMAT, RebuildError, Taken, complete_index};
use crate::step::Here;

/// Why the decider could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A partition's facts can't be read.
    #[error("the decider can't read partition {partition}")]
    Read {
        /// The partition.
        partition: Number,
        /// The cause.
        #[source]
        source: ReaderError,
    },
    /// The end of a partition's facts can't be found.
    #[error("the decider can't find the end of partition {partition}")]
    Bounds {
        /// The partition.
        partition: Number,
        /// The cause.
        #[source]
        source: mirabelle_log::ReadError,
    },
    /// The index of ids could not be made whole.
    #[error("the index of ids of partition {partition} could not be completed")]
    Index {
        /// The partition.
        partition: Number,
        /// The cause.
        #[source]
        source: RebuildError,
    },
    /// No thread.
    #[error("no thread for the decider's background work")]
    Thread(#[source] std::io::Error),
}

/// Opens one partition at its latest snapshot, or at the beginning. What the lane wants done beside it goes to `jobs`.
#[expect(clippy::too_many_arguments, reason = "the parts of a decider, named one by one")]
pub fn open_lane<B: Blobs>(
    log: Arc<dyn Log>,
    ids: &Arc<dyn Ids>,
    snapshots: &Snapshots<B>,
    number: Number,
    options: &Options,
    metrics: Metrics,
    jobs: SyncSender<Job>,
    now: Now,
) -> Result<Lane, Error> {
    let here = Here { partition: number.0, partitions: log.partitions() };
    let mut partition = Partition::new(here, options.partition.clone(), Arc::clone(ids), now);
    let taken = latest(snapshots, log.as_ref(), number);
    let facts = resume(log.as_ref(), ids.as_ref(), number, taken, &mut partition)?;
    let end = log.bounds(Topic::Facts, number, View::Durable);
    let end = end.map_err(|source| Error::Bounds { partition: number, source })?.end;
    Ok(Lane::new(number, partition, log, facts, end, jobs, options.lane, metrics))
}

/// The latest snapshot that can be used; none is no fault, it only takes longer.
fn latest<B: Blobs>(snapshots: &Snapshots<B>, log: &dyn Log, number: Number) -> Option<Taken> {
    let wanted = Wanted { log_id: log.id(), format: FORMAT, domain_revision: DOMAIN_REVISION };
    let latest = match snapshots.latest(number, &wanted) {
        Ok(latest) => latest,
        Err(error) => {
            warn!(partition = %number, error = &error as &dyn std::error::Error, "snapshots can't be read");
            return None;
        }
    };
    for (name, reason) in &latest.passed_over {
        warn!(partition = %number, name, reason, "snapshot passed over");
    }
    let mut snapshot = latest.snapshot?;
    match Taken::read(&snapshot.header, &mut snapshot.payload) {
        Ok(taken) => Some(taken),
        Err(error) => {
            warn!(partition = %number, %error, "snapshot can't be read");
            None
        }
    }
}

/// A reader at the snapshot, with its state in the partition; at the beginning without one. A snapshot whose header names
/// another log never comes here. A log that does not hold what the snapshot stands on was cut or restored: that is told to a
/// person, and never folded over (DESIGN §3.6).
fn resume(
    log: &dyn Log,
    ids: &dyn Ids,
    number: Number,
    taken: Option<Taken>,
    partition: &mut Partition,
) -> Result<FactsReader, Error> {
    let read = |source| Error::Read { partition: number, source };
    let open = |start: Start<'_>| FactsReader::open(log, number, start, ReaderOptions::default());
    let Some(taken) = taken else { return open(Start::Beginning).map_err(read) };
    let checkpoint: &Checkpoint = &taken.checkpoint;
    #[cfg(feature = "planted-bugs")]
    let reader = match is(Bug::SnapshotWithoutCheckpoint) {
        true => open(Start::Beginning).map_err(read)?,
        false => open(Start::At(checkpoint)).map_err(read)?,
    };
    #[cfg(not(feature = "planted-bugs"))]
    let reader = open(Start::At(checkpoint)).map_err(read)?;
    complete_index(log, ids, number, taken.indexed_to)
        .map_err(|source| Error::Index { partition: number, source })?;
    info!(partition = %number, seq = checkpoint.head.seq, accounts = taken.accounts.len(), "starts at a snapshot");
    let recent = taken.recent_ids();
    partition.restore(taken.accounts, recent);
    Ok(reader)
}
