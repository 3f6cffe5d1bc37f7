//! A decider's process: a lane for each partition, an index and snapshots beside it, a clock of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use mirabelle_decider::background::Job;
use mirabelle_decider::{Lane, LaneOptions, Metrics, Options, open_lane, partition};
use mirabelle_ledger::Now;
use mirabelle_log::{Log, Partition};
use mirabelle_store::{Ids, MemoryBlobs, MemoryIds, Snapshots};

use crate::chance::Chance;
use crate::log::SimLog;
use crate::truth::Broken;

pub(crate) struct DeciderProcess {
    pub(crate) name: String,
    /// What membership told it last.
    pub(crate) assigned: Vec<bool>,
    /// Its wall clock beside the true time.
    pub(crate) skew: i64,
    /// Sleeps until then.
    pub(crate) paused_until: i64,
    up: Option<Up>,
    ids: MemoryIds,
    snapshots: Arc<Snapshots<MemoryBlobs>>,
    options: Options,
    metrics: Metrics,
}

struct Up {
    lanes: Vec<Lane>,
    jobs: Receiver<Job>,
}

impl DeciderProcess {
    pub(crate) fn new(
        number: usize,
        partitions: u16,
        metrics: Metrics,
        chance: &mut Chance,
    ) -> DeciderProcess {
        let name = format!("decider-{number}");
        let mut of_partition = partition::Options::new(name.clone(), "simulated".to_owned());
        of_partition.recent_ids = 4 + chance.below(40);
        of_partition.owner.in_flight_max = 1 + chance.below(24);
        let lane = LaneOptions {
            inputs_max: 1 + chance.below(12),
            bulk_between: 1 + chance.below(3),
            snapshot_decisions: 5 + chance.below(40) as u64,
            snapshot_micros: 60_000_000,
        };
        DeciderProcess {
            name,
            assigned: vec![false; usize::from(partitions)],
            skew: 0,
            paused_until: 0,
            up: None,
            ids: MemoryIds::new(),
            snapshots: Arc::new(Snapshots::new(MemoryBlobs::new())),
            options: Options { partition: of_partition, lane },
            metrics,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.is_some()
    }

    fn now(&self, now: i64) -> Now {
        Now { wall: now + self.skew, monotonic: now }
    }

    pub(crate) fn start(&mut self, log: &SimLog, now: i64) -> Result<(), Broken> {
        let (sender, jobs) = sync_channel(8);
        let ids: Arc<dyn Ids> = Arc::new(self.ids.clone());
        let mut lanes = Vec::new();
        for partition in (0..log.partitions()).map(Partition) {
            let (log, metrics, sender): (Arc<dyn Log>, _, _) =
                (Arc::new(log.clone()), self.metrics.clone(), sender.clone());
            let now = self.now(now);
            let opened =
                open_lane(log, &ids, &self.snapshots, partition, &self.options, metrics, sender, now);
            let mut lane = opened.map_err(|error| format!("{} can't start: {error:?}", self.name))?;
            if self.assigned[usize::from(partition.0)] {
                lane.gained();
            }
            lanes.push(lane);
        }
        self.up = Some(Up { lanes, jobs });
        Ok(())
    }

    pub(crate) fn crash(&mut self, chance: &mut Chance) {
        self.up = None;
        if chance.one_in(2) {
            self.ids.crash();
        }
    }

    /// A turn of every lane, as the service's loop makes it.
    pub(crate) fn turn(&mut self, now: i64, chance: &mut Chance) -> Result<(), Broken> {
        let (name, at) = (self.name.clone(), self.now(now));
        let Some(up) = &mut self.up else { return Ok(()) };
        for (number, lane) in up.lanes.iter_mut().enumerate() {
            let turned = lane.turn(at, chance.bits());
            turned.map_err(|error| format!("{name} stops partition {number}: {error:?}"))?;
            if lane.partition().is_stopped() {
                return Err(format!("{name} has stopped partition {number}, and nothing is corrupt"));
            }
        }
        Ok(())
    }

    /// Does some of the work beside the lanes.
    pub(crate) fn work(&mut self, count: usize) {
        let Some(up) = &self.up else { return };
        for job in up.jobs.try_iter().take(count) {
            job.work(&self.ids, &self.snapshots, &self.metrics);
        }
    }

    /// Membership says who works on a partition; the process may hear of it or not.
    pub(crate) fn told(&mut self, partition: usize, is_assigned: bool, politely: bool) {
        self.assigned[partition] = is_assigned;
        let Some(up) = &mut self.up else { return };
        match (is_assigned, politely) {
            (true, _) => up.lanes[partition].gained(),
            (false, true) => up.lanes[partition].losing(),
            (false, false) => up.lanes[partition].lost(),
        }
    }

    /// Which lanes own, and the lanes.
    pub(crate) fn lanes(&self) -> &[Lane] {
        self.up.as_ref().map_or(&[], |up| &up.lanes)
    }
}
