//! The roles as threads of this process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use mirabelle_clock::{Clock, Opener};
use mirabelle_courier::Courier;
use mirabelle_decider::{LaneOptions, Machine as _, Membership, Metrics as DeciderMetrics, Service};
use mirabelle_domain::{Day, MemberId, Sealed, TenantId};
use mirabelle_follower::{Fault, Follower, Metrics as FollowerMetrics};
use mirabelle_fulfiller::{Calls, Fulfiller, Sandbox, Vendor};
use mirabelle_keys::{ExposeSecret as _, Keys, KeysError};
use mirabelle_ledger::Health;
use mirabelle_log::{Log as _, Partition};
use mirabelle_projector::{Metrics as ProjectorMetrics, Progress, Projector};
use parking_lot::Mutex;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::config::Config;
use crate::engine::{Engines, ThisMachine, wall_clock};

/// The field under which a birth date is sealed.
pub const BIRTH_DATE_FIELD: &str = "birth_date";

/// Days that somebody wants to be taken as come, for trying, each in its tenant alone.
pub type Pretended = Arc<Mutex<BTreeMap<TenantId, Day>>>;

/// The roles at work.
pub struct Roles {
    /// How far the rows are.
    pub progress: Arc<Progress>,
    /// Where nothing is decided.
    pub deciding: Arc<Health>,
    /// For trying; see [`Clock::pretend`].
    pub pretended: Pretended,
    membership: Sender<Membership>,
    threads: Vec<(&'static str, JoinHandle<()>)>,
}

impl Roles {
    /// Starts every role. When one of them fails, `shutdown` is cancelled: the process ends, and says why.
    pub fn start(
        engines: &Engines,
        config: &Config,
        registry: &Registry,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Roles> {
        let progress = Arc::new(Progress::new(engines.log.partitions()));
        let (membership, said) = channel();
        let mut threads = Vec::new();
        let mut decider = open_decider(engines, config, registry)?;
        let deciding = decider.health();
        let stop = shutdown.clone();
        threads.push(spawn("decider", shutdown, move || {
            Ok(decider.run(&said, &mut ThisMachine, &|| stop.is_cancelled())?)
        })?);
        threads.push(start_projector(engines, registry, &progress, shutdown)?);
        let followers =
            FollowerMetrics::new(registry).context("could not register the followers' metrics")?;
        threads.push(start_courier(engines, &followers, shutdown)?);
        let pretended = Pretended::default();
        if config.clock.enabled {
            threads.push(start_clock(engines, &pretended, &followers, shutdown)?);
        }
        threads.push(start_fulfiller(engines, &followers, shutdown)?);
        for partition in (0..engines.log.partitions()).map(Partition) {
            // One process owns everything: membership has nothing else to say.
            membership.send(Membership::Gained(partition)).context("the decider has ended")?;
        }
        Ok(Roles { progress, deciding, pretended, membership, threads })
    }

    /// Waits for every thread; `shutdown` has been cancelled.
    pub fn join(self) {
        drop(self.membership);
        for (role, thread) in self.threads {
            if thread.join().is_err() {
                error!(role, "the role's thread panicked");
            }
        }
    }
}

type Thread = (&'static str, JoinHandle<()>);

fn spawn(
    role: &'static str,
    shutdown: &CancellationToken,
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<Thread> {
    let shutdown = shutdown.clone();
    let thread = std::thread::Builder::new().name(role.to_owned()).spawn(move || {
        // A panic ends the process as an error does: half a process helps nobody.
        let guard = shutdown.clone().drop_guard();
        match work() {
            Ok(()) if shutdown.is_cancelled() => {}
            Ok(()) => error!(role, "the role ended by itself"),
            Err(error) => error!(role, error = format!("{error:#}"), "the role has failed: the process ends"),
        }
        drop(guard);
    });
    Ok((role, thread.with_context(|| format!("no thread for the {role}"))?))
}

fn open_decider(engines: &Engines, config: &Config, registry: &Registry) -> anyhow::Result<Service> {
    let mut partition = mirabelle_decider::partition::Options::new(
        format!("{}@{}", std::process::id(), hostname()),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    partition.recent_ids = config.decider.recent_ids;
    let lane = LaneOptions {
        snapshot_decisions: config.decider.snapshot_decisions,
        snapshot_micros: i64::from(config.decider.snapshot_seconds) * 1_000_000,
        ..LaneOptions::default()
    };
    let options = mirabelle_decider::Options { partition, lane };
    let metrics = DeciderMetrics::new(registry).context("could not register the decider's metrics")?;
    let (ids, snapshots) = (Arc::clone(&engines.ids), Arc::clone(&engines.snapshots));
    Service::open(engines.log(), ids, snapshots, &options, metrics, ThisMachine.now())
        .context("could not start the decider")
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "here".to_owned(), |name| name.trim().to_owned())
}

fn start_projector(
    engines: &Engines,
    registry: &Registry,
    progress: &Arc<Progress>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Thread> {
    let metrics = ProjectorMetrics::new(registry).context("could not register the projector's metrics")?;
    let rows = Arc::clone(&engines.rows);
    let mut projector =
        Projector::open(engines.log(), rows, Arc::clone(progress), metrics, Default::default())
            .context("could not start the projector")?;
    let (stop, store) = (shutdown.clone(), Arc::clone(&engines.store));
    spawn("projector", shutdown, move || {
        projector.run(&|| stop.is_cancelled(), &wall_clock)?;
        store.sync().context("could not make the rows durable")
    })
}

fn start_courier(
    engines: &Engines,
    metrics: &FollowerMetrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<Thread> {
    let core = Courier::new(engines.log.partitions());
    let follower = Follower::open(engines.log(), Arc::clone(&engines.store), core, Default::default())?;
    let mut follower = follower.measured(metrics);
    let stop = shutdown.clone();
    spawn("courier", shutdown, move || {
        follower.run(&|| stop.is_cancelled(), &wall_clock, &mut |_| Duration::MAX).map_err(Into::into)
    })
}

struct Birthdays(Arc<dyn Keys>);

impl Opener for Birthdays {
    fn birthday(
        &self,
        tenant: &TenantId,
        member: MemberId,
        sealed: &Sealed,
    ) -> Result<Option<(i8, i8)>, Fault> {
        let opened = match self.0.open(tenant, member, BIRTH_DATE_FIELD, sealed) {
            Ok(opened) => opened,
            Err(KeysError::Erased) => return Ok(None),
            Err(error @ KeysError::NotSealed { .. }) => {
                // Said of the value, for ever: to ask again would help nobody.
                error!(%tenant, %member, %error, "a birth date can't be opened: the member has no birthday");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let text = std::str::from_utf8(opened.expose_secret()).ok();
        let date = text.and_then(|text| text.parse().ok()).map(Day::civil);
        Ok(date.map(|date| (date.month(), date.day())))
    }
}

fn start_clock(
    engines: &Engines,
    pretended: &Pretended,
    metrics: &FollowerMetrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<Thread> {
    let opener = Box::new(Birthdays(Arc::clone(&engines.keys)));
    let core = Clock::new(engines.log.partitions(), opener);
    // What is due by the day can wait a little for more of it.
    let options = mirabelle_follower::Options { gather: Duration::from_millis(20), ..Default::default() };
    let follower = Follower::open(engines.log(), Arc::clone(&engines.store), core, options)?;
    let mut follower = follower.measured(metrics);
    let (stop, pretended) = (shutdown.clone(), Arc::clone(pretended));
    spawn("clock", shutdown, move || {
        let mut between = |clock: &mut Clock| {
            let said = std::mem::take(&mut *pretended.lock());
            let wanted = if said.is_empty() { Duration::MAX } else { Duration::ZERO };
            said.into_iter().for_each(|(tenant, day)| clock.pretend(tenant, day));
            wanted
        };
        follower.run(&|| stop.is_cancelled(), &wall_clock, &mut between).map_err(Into::into)
    })
}

fn start_fulfiller(
    engines: &Engines,
    metrics: &FollowerMetrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<Thread> {
    let sandbox: Box<dyn Vendor> = Box::new(Sandbox);
    let vendors = HashMap::from([("sandbox".parse().expect("a vendor's name"), sandbox)]);
    let core = Fulfiller::of(&vendors);
    let follower = Follower::open(engines.log(), Arc::clone(&engines.store), core, Default::default())?;
    let mut follower = follower.measured(metrics);
    let mut calls = Calls::start(vendors, Arc::clone(&engines.keys)).context("no thread for vendor calls")?;
    let stop = shutdown.clone();
    spawn("fulfiller", shutdown, move || {
        follower.run(&|| stop.is_cancelled(), &wall_clock, &mut |core| calls.turn(core)).map_err(Into::into)
    })
}
