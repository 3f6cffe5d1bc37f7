//! Work beside the deciding thread: ids go into the index, confirmed state goes into snapshots.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use mirabelle_domain::{CommandId, DOMAIN_REVISION};
use mirabelle_log::{Offset, Partition};
use mirabelle_store::{Blobs, Ids, Snapshots};
use tracing::{error, info};

use crate::lane::Told;
use crate::metrics::Metrics;
use crate::snapshot::Taken;

/// A piece of work.
pub enum Job {
    /// Put these ids of a partition into the index, then tell the lane.
    Index(Partition, Vec<(CommandId, Offset)>, Sender<Told>),
    /// Write a snapshot of a partition, then tell the lane.
    Snapshot(Partition, Box<Taken>, Sender<Told>),
}

/// The thread; it ends when every sender is gone.
pub(crate) fn start<B: Blobs>(
    ids: Arc<dyn Ids>,
    snapshots: Arc<Snapshots<B>>,
    metrics: Metrics,
) -> std::io::Result<(SyncSender<Job>, JoinHandle<()>)> {
    let (jobs, received) = sync_channel(64);
    let thread = std::thread::Builder::new()
        .name("decider-background".to_owned())
        .spawn(move || work(&received, ids.as_ref(), &snapshots, &metrics))?;
    Ok((jobs, thread))
}

fn work<B: Blobs>(jobs: &Receiver<Job>, ids: &dyn Ids, snapshots: &Snapshots<B>, metrics: &Metrics) {
    jobs.iter().for_each(|job| job.work(ids, snapshots, metrics));
}

impl Job {
    /// Does it, and tells the lane. A lane that is gone needs no answer.
    pub fn work<B: Blobs>(self, ids: &dyn Ids, snapshots: &Snapshots<B>, metrics: &Metrics) {
        match self {
            Job::Index(partition, batch, tell) => {
                tell.send(Told::Indexed(index(ids, partition, &batch))).ok();
            }
            Job::Snapshot(partition, taken, tell) => {
                let begun = Instant::now();
                let written = write(ids, snapshots, partition, &taken);
                metrics.snapshot.observe(begun.elapsed().as_secs_f64());
                if written {
                    let accounts = taken.accounts.len();
                    info!(%partition, seq = taken.checkpoint.head.seq, accounts, "snapshot written");
                }
                tell.send(Told::Snapshotted).ok();
            }
        }
    }
}

fn index(ids: &dyn Ids, partition: Partition, batch: &[(CommandId, Offset)]) -> bool {
    let covered_to = batch.last().map_or(0, |(_, offset)| offset.0);
    let batch: Vec<(CommandId, u64)> = batch.iter().map(|(id, offset)| (*id, offset.0)).collect();
    match ids.insert_batch(partition, &batch, covered_to) {
        Ok(()) => true,
        Err(error) => {
            // The ids stay in memory: nothing is forgotten. The lane hands them over again, and gives up in the end.
            error!(%partition, %error, "ids could not be put into the index; they stay in memory, and are tried again");
            false
        }
    }
}

fn write<B: Blobs>(ids: &dyn Ids, snapshots: &Snapshots<B>, partition: Partition, taken: &Taken) -> bool {
    // A snapshot believes that the index holds what it leaves out.
    if let Err(error) = ids.sync() {
        error!(%partition, %error, "no snapshot: the index of ids could not be made durable");
        return false;
    }
    let put = snapshots.put(partition, &taken.header(DOMAIN_REVISION), &mut |out| taken.write(out));
    match put {
        Ok(_) => true,
        Err(error) => {
            error!(%partition, %error, "snapshot could not be written; a start will take longer");
            false
        }
    }
}
