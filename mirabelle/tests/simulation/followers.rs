//! Processes of the roles that follow the facts, and of the projector.

use std::sync::Arc;
use std::time::Duration;

use mirabelle_follower::{Core, Follower, Options};
use mirabelle_ledger::Checkpoint;
use mirabelle_log::{Log, Partition};
use mirabelle_projector::{Metrics, Progress, Projector};
use mirabelle_store::{MemoryStore, Rows, Store};

use crate::chance::Chance;
use crate::log::{LOG_ID, SimLog};
use crate::truth::Broken;

pub(crate) struct FollowerProcess<C> {
    name: &'static str,
    make: Box<dyn Fn() -> C>,
    store: MemoryStore,
    follower: Option<Follower<C>>,
    options: Options,
    pub(crate) skew: i64,
    pub(crate) paused_until: i64,
    /// Counts its starts: what was under way at one is nothing to the next.
    pub(crate) life: u64,
}

impl<C: Core> FollowerProcess<C> {
    pub(crate) fn new(
        name: &'static str,
        chance: &mut Chance,
        make: Box<dyn Fn() -> C>,
    ) -> FollowerProcess<C> {
        FollowerProcess {
            name,
            make,
            store: MemoryStore::new(LOG_ID),
            follower: None,
            options: Options { records_max: 1 + chance.below(30), ..Options::default() },
            skew: 0,
            paused_until: 0,
            life: 0,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.follower.is_some()
    }

    pub(crate) fn start(&mut self, log: &SimLog) -> Result<(), Broken> {
        self.life += 1;
        let (log, store): (Arc<dyn Log>, Arc<dyn Store>) =
            (Arc::new(log.clone()), Arc::new(self.store.clone()));
        let opened = Follower::open(log, store, (self.make)(), self.options);
        self.follower = Some(opened.map_err(|error| format!("{} can't start: {error:?}", self.name))?);
        Ok(())
    }

    /// What was not synced is gone, but for some of its first changes.
    pub(crate) fn crash(&mut self, chance: &mut Chance) {
        self.follower = None;
        let kept = chance.below(self.store.unsynced() + 1);
        self.store.crash_keeping(kept);
    }

    /// One round of its loop; `between` as its loop has it. Says whether there was anything.
    pub(crate) fn round(&mut self, now: i64, between: &mut dyn FnMut(&mut C)) -> Result<bool, Broken> {
        let at = now + self.skew;
        let Some(follower) = &mut self.follower else { return Ok(false) };
        let mut between = |core: &mut C| {
            between(core);
            Duration::MAX
        };
        let round = follower.round(at, &mut between);
        round.map(|(busy, _)| busy).map_err(|error| format!("{} has stopped: {error:?}", self.name))
    }

    /// Writes its checkpoint, and maybe makes it durable.
    pub(crate) fn keep_place(&mut self, sync: bool) -> Result<(), Broken> {
        let Some(follower) = &mut self.follower else { return Ok(()) };
        follower
            .keep_place(true)
            .map_err(|error| format!("{} can't keep its place: {error:?}", self.name))?;
        if sync { self.sync() } else { Ok(()) }
    }

    fn sync(&self) -> Result<(), Broken> {
        self.store.sync().map_err(|error| error.to_string())
    }

    pub(crate) fn core(&mut self) -> Option<&mut C> {
        self.follower.as_mut().map(Follower::core)
    }
}

pub(crate) struct ProjectorProcess {
    store: MemoryStore,
    rows: Arc<dyn Rows>,
    projector: Option<Projector>,
    metrics: Metrics,
    options: mirabelle_projector::Options,
    partitions: u16,
    pub(crate) paused_until: i64,
}

impl ProjectorProcess {
    pub(crate) fn new(partitions: u16, metrics: Metrics, chance: &mut Chance) -> ProjectorProcess {
        let store = MemoryStore::new(LOG_ID);
        let name = "first".parse().expect("a name");
        let rows = store.create(&name).expect("a generation in memory");
        let options =
            mirabelle_projector::Options { records_max: 1 + chance.below(30), ..Default::default() };
        ProjectorProcess { store, rows, projector: None, metrics, options, partitions, paused_until: 0 }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.projector.is_some()
    }

    pub(crate) fn start(&mut self, log: &SimLog) -> Result<(), Broken> {
        let progress = Arc::new(Progress::new(self.partitions));
        let (log, rows): (Arc<dyn Log>, _) = (Arc::new(log.clone()), Arc::clone(&self.rows));
        let opened = Projector::open(log, rows, progress, self.metrics.clone(), self.options);
        self.projector = Some(opened.map_err(|error| format!("the projector can't start: {error:?}"))?);
        Ok(())
    }

    pub(crate) fn crash(&mut self, chance: &mut Chance) {
        self.projector = None;
        let kept = chance.below(self.store.unsynced() + 1);
        self.store.crash_keeping(kept);
    }

    /// Says how many decisions there were.
    pub(crate) fn turn(&mut self, now: i64) -> Result<usize, Broken> {
        let Some(projector) = &mut self.projector else { return Ok(0) };
        projector.turn(now).map_err(|error| format!("the projector has stopped: {error:?}"))
    }

    pub(crate) fn sync(&self) -> Result<(), Broken> {
        self.store.sync().map_err(|error| error.to_string())
    }

    pub(crate) fn rows(&self) -> &dyn Rows {
        self.rows.as_ref()
    }

    /// The seq up to which the rows of a partition hold everything.
    pub(crate) fn reach(&self, partition: u16) -> u64 {
        let checkpoint = self.rows.checkpoint(Partition(partition)).ok().flatten();
        let checkpoint: Option<Checkpoint> = checkpoint.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        checkpoint.map_or(0, |checkpoint| checkpoint.head.seq)
    }
}
