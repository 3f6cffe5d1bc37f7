//! The deciding thread: every partition that this process may own, one turn after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use mirabelle_ledger::{Health, Now};
pub use mirabelle_log::Membership;
use mirabelle_log::{Log, Partition as Number, View};
use mirabelle_store::{Blobs, Ids, Snapshots};
use tracing::error;

use crate::background::{self, Job};
use crate::lane::{Lane, LaneError, LaneOptions};
use crate::metrics::Metrics;
use crate::open::{Error, open_lane};
use crate::partition::{Counts, Options as PartitionOptions};

/// The machine's clocks and its chance.
pub trait Machine: Send {
    /// Both clocks.
    fn now(&self) -> Now;
    /// 64 fresh random bits.
    fn random(&mut self) -> u64;
}

/// How the decider works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bounds of each partition.
    pub partition: PartitionOptions,
    /// Bounds of a turn.
    pub lane: LaneOptions,
}

/// The decider at work on its thread.
pub struct Service {
    log: Arc<dyn Log>,
    lanes: Vec<Option<Lane>>,
    metrics: Metrics,
    health: Arc<Health>,
    reported: Vec<(Counts, mirabelle_ledger::Counts)>,
    jobs: Option<SyncSender<Job>>,
    background: Option<JoinHandle<()>>,
}

impl Service {
    /// Opens every partition at its latest snapshot, or at the beginning.
    pub fn open<B: Blobs>(
        log: Arc<dyn Log>,
        ids: Arc<dyn Ids>,
        snapshots: Arc<Snapshots<B>>,
        options: &Options,
        metrics: Metrics,
        now: Now,
    ) -> Result<Service, Error> {
        let (jobs, background) = background::start(Arc::clone(&ids), Arc::clone(&snapshots), metrics.clone())
            .map_err(Error::Thread)?;
        let mut lanes = Vec::new();
        for number in (0..log.partitions()).map(Number) {
            let log = Arc::clone(&log);
            let lane = open_lane(log, &ids, &snapshots, number, options, metrics.clone(), jobs.clone(), now)?;
            lanes.push(Some(lane));
        }
        let reported = vec![Default::default(); lanes.len()];
        let health = Arc::new(Health::new(log.partitions()));
        Ok(Service { log, lanes, metrics, health, reported, jobs: Some(jobs), background: Some(background) })
    }

    /// Which partitions can't be decided in, and why.
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Works until `stopped` says so; then writes a last snapshot of each partition.
    ///
    /// # Errors
    /// When no partition can work on ([`LaneError::is_fatal`]): the process is to end, so that a new one begins with what
    /// is durable.
    pub fn run(
        &mut self,
        membership: &Receiver<Membership>,
        machine: &mut dyn Machine,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), LaneError> {
        let mut losing = Vec::new();
        while !stopped() {
            let tick = self.log.tick(View::Accepted);
            let mut busy = false;
            while let Ok(said) = membership.try_recv() {
                self.heed(said, &mut losing);
            }
            for index in 0..self.lanes.len() {
                busy |= self.turn(index, machine)?;
            }
            self.answer(&mut losing);
            self.report();
            if !busy {
                self.log.wait(View::Accepted, tick, self.pause(machine.now()));
            }
        }
        self.finish();
        Ok(())
    }

    fn heed(&mut self, said: Membership, losing: &mut Vec<(Number, SyncSender<()>)>) {
        match said {
            Membership::Gained(number) => {
                if let Some(lane) = self.lane(number) {
                    lane.gained();
                }
            }
            Membership::Losing(number, done) => {
                if let Some(lane) = self.lane(number) {
                    lane.losing();
                }
                losing.push((number, done));
            }
            Membership::Lost(number) => {
                if let Some(lane) = self.lane(number) {
                    lane.lost();
                }
            }
        }
    }

    fn answer(&mut self, losing: &mut Vec<(Number, SyncSender<()>)>) {
        losing.retain(|(number, done)| {
            let lane = self.lanes.get(usize::from(number.0)).and_then(Option::as_ref);
            let settled = lane.is_none_or(|lane| lane.partition.owner().settled());
            if settled {
                // Whoever asked may have gone.
                done.try_send(()).ok();
            }
            !settled
        });
    }

    fn lane(&mut self, number: Number) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(number.0)).and_then(Option::as_mut)
    }

    /// A partition whose turn fails or panics stops with an alarm; the others go on.
    fn turn(&mut self, index: usize, machine: &mut dyn Machine) -> Result<bool, LaneError> {
        let Some(lane) = &mut self.lanes[index] else { return Ok(false) };
        let (now, random) = (machine.now(), machine.random());
        let outcome = catch_unwind(AssertUnwindSafe(|| lane.turn(now, random)));
        let number = lane.number;
        match outcome {
            Ok(Ok(busy)) => {
                self.health.set(number, ailment(lane));
                return Ok(busy);
            }
            Ok(Err(error)) if error.is_fatal() => return Err(error),
            Ok(Err(error)) => {
                error!(partition = %number, error = &error as &dyn std::error::Error, "partition stopped");
                self.health.set(number, Some(&format!("deciding has stopped: {error}")));
            }
            Err(_) => {
                error!(partition = %number, "partition stopped: a broken invariant, see the panic above");
                self.health.set(number, Some("deciding has stopped at a broken invariant"));
            }
        }
        let label = number.to_string();
        self.metrics.stopped.with_label_values(&[&label]).set(1);
        self.metrics.owned.with_label_values(&[&label]).set(0);
        self.metrics.in_flight.with_label_values(&[&label]).set(0);
        self.lanes[index] = None;
        Ok(false)
    }

    fn pause(&self, now: Now) -> Duration {
        let wakes = self.lanes.iter().flatten().filter_map(Lane::wake);
        let next = wakes.min().map_or(i64::MAX, |wake| wake.saturating_sub(now.monotonic).max(0));
        Duration::from_micros(u64::try_from(next).unwrap_or(0))
            .clamp(Duration::from_micros(200), Duration::from_millis(100))
    }

    fn report(&mut self) {
        for (lane, reported) in self.lanes.iter().zip(&mut self.reported) {
            let Some(lane) = lane else { continue };
            let counts = (lane.partition.counts(), lane.read_counts());
            if *reported == counts {
                continue;
            }
            let label = lane.number.to_string();
            let metrics = &self.metrics;
            add(metrics, reported, &counts);
            metrics.in_flight.with_label_values(&[&label]).set(lane.partition.in_flight() as i64);
            metrics.owned.with_label_values(&[&label]).set(i64::from(lane.partition.owner().owns()));
            metrics.stopped.with_label_values(&[&label]).set(i64::from(lane.partition.is_stopped()));
            metrics.accounts.with_label_values(&[&label]).set(lane.partition.confirmed().0.len() as i64);
            *reported = counts;
        }
    }

    fn finish(&mut self) {
        self.lanes.iter_mut().flatten().for_each(Lane::last_snapshot);
        self.lanes.clear();
        self.jobs = None;
        if let Some(background) = self.background.take()
            && background.join().is_err()
        {
            error!("the decider's background thread panicked");
        }
    }
}

/// Why a lane that turns decides nothing.
fn ailment(lane: &Lane) -> Option<&'static str> {
    let partition = lane.partition();
    if partition.is_stopped() {
        Some("deciding has stopped by an alarm: see the log of the process")
    } else if partition.owner().clock_is_wrong() {
        Some("this machine's clock is not right: nothing is decided")
    } else {
        None
    }
}

fn add(
    metrics: &Metrics,
    before: &(Counts, mirabelle_ledger::Counts),
    after: &(Counts, mirabelle_ledger::Counts),
) {
    let (was, is) = (&before.0, &after.0);
    let refused = |c: &Counts| c.rejected + c.repeated + c.set_aside;
    let outcome = |name: &str, by: u64| metrics.decisions.with_label_values(&[name]).inc_by(by);
    outcome("rejected", is.rejected - was.rejected);
    outcome("repeated", is.repeated - was.repeated);
    outcome("set_aside", is.set_aside - was.set_aside);
    outcome("accepted", (is.decided - refused(is)) - (was.decided - refused(was)));
    metrics.confirmed.inc_by(is.confirmed - was.confirmed);
    metrics.claims.inc_by(is.claims - was.claims);
    metrics.dropped.inc_by(is.dropped - was.dropped);
    let (was, is) = (&before.1, &after.1);
    let verdict = |name: &str, by: u64| metrics.records.with_label_values(&[name]).inc_by(by);
    verdict("ghost", is.ghosts - was.ghosts);
    verdict("orphan", is.orphans - was.orphans);
    verdict("repeat", is.repeats - was.repeats);
    verdict("foreign", is.foreign - was.foreign);
    verdict("stale_claim", is.stale_claims - was.stale_claims);
}
