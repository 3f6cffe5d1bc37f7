//! What every handler works with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mirabelle_domain::{Day, MemberId, Name, TenantId};
use mirabelle_keys::Keys;
use mirabelle_log::{Log, Partition};
use mirabelle_store::Store;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::arrivals::Arrivals;
use crate::directory::Directory;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::rate::Rate;
use crate::tail::Health;
use crate::waiters::Waiters;

/// How far the rows are.
pub trait Progress: Send + Sync + 'static {
    /// `at` up to which a partition's rows hold everything, microseconds.
    fn applied(&self, partition: Partition) -> i64;
    /// How far the rows are behind the log, microseconds.
    fn lag(&self) -> i64;
    /// Why nothing is decided, or shown, in a partition; `None` where all is well. Asked at every write: cheap.
    fn ails(&self, _partition: Partition) -> Option<String> {
        None
    }
    /// Has `told` called after each move of [`applied`](Progress::applied), on the thread that moved it: it is short.
    fn observe(&self, told: Box<dyn Fn() + Send + Sync>);
    /// A reader begins, or ends, to wait: while one does, the rows don't rest between batches.
    fn hurry(&self, begins: bool);
}

/// Told to take days up to one as come, and says up to which they are taken so now: the clock does not go back. Tenants
/// that are not live only.
pub type Pretend = Arc<dyn Fn(&TenantId, Day) -> Day + Send + Sync>;

/// What the gateway stands on.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The rows.
    pub store: Arc<dyn Store>,
    /// The key store.
    pub keys: Arc<dyn Keys>,
    /// How far the rows are.
    pub progress: Arc<dyn Progress>,
    /// The wall clock, microseconds.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Where metrics are registered.
    pub registry: prometheus::Registry,
    /// The clock role's ear for `POST /v1/clock/run`.
    pub pretend: Option<Pretend>,
}

/// (tenant, id space, number) as one text: neither of the first two holds a line break.
type NumberText = String;

/// Known members by their numbers, bounded.
#[derive(Default)]
pub struct Resolved {
    numbers: Mutex<HashMap<NumberText, MemberId>>,
}

/// Most numbers kept; beyond it the memory is emptied and fills anew.
const RESOLVED_MAX: usize = 200_000;

impl Resolved {
    /// The member of a number.
    pub fn get(&self, tenant: &TenantId, space: &Name, number: &str) -> Option<MemberId> {
        self.numbers.lock().get(&text(tenant, space, number)).copied()
    }

    /// Remembers the member of a number.
    pub fn put(&self, tenant: &TenantId, space: &Name, number: &str, member: MemberId) {
        let mut numbers = self.numbers.lock();
        if numbers.len() >= RESOLVED_MAX {
            numbers.clear();
        }
        numbers.insert(text(tenant, space, number), member);
    }
}

fn text(tenant: &TenantId, space: &Name, number: &str) -> NumberText {
    format!("{tenant}\n{space}\n{number}")
}

/// What every handler works with.
pub struct State {
    /// What the gateway stands on.
    pub parts: Parts,
    /// Bounds.
    pub options: Options,
    /// Who may do what.
    pub directory: Arc<Directory>,
    /// Who waits for which command.
    pub waiters: Arc<Waiters>,
    /// Who waits for rows.
    pub arrivals: Arc<Arrivals>,
    /// Member numbers.
    pub resolved: Resolved,
    /// How connections' bodies are read.
    pub profiles: crate::routes::hris::Profiles,
    /// What connections reported last.
    pub reported: crate::routes::hris::Reported,
    /// What is measured.
    pub metrics: Metrics,
    /// How the tail is.
    pub health: Arc<Health>,
    /// What was decided before the start stands in the rows: see [`State::is_caught_up`].
    pub begun: AtomicBool,
    /// Room for bodies, in units of 1 KiB: what is read and not answered yet never takes more.
    pub room: Arc<Semaphore>,
    /// Bounds of each key's requests.
    pub rate: Rate,
}

impl State {
    /// Whether everything that was decided before the start is known here and stands in the rows: before that, what
    /// exists may look as if it did not. A partition whose rows have stopped is told by [`Progress::ails`] instead.
    pub fn is_caught_up(&self) -> bool {
        if self.begun.load(Ordering::Acquire) {
            return true;
        }
        let progress = &self.parts.progress;
        let stands = |(partition, at): (u16, &i64)| {
            progress.applied(Partition(partition)) >= *at || progress.ails(Partition(partition)).is_some()
        };
        let all = self.health.begun_at().is_some_and(|begun| (0..).zip(begun).all(stands));
        if all {
            self.begun.store(true, Ordering::Release);
        }
        all
    }

    /// Why a partition does not work here; `None`: it does. Nothing is decided there, or its rows stand still, or the door
    /// itself can't read its facts on.
    pub fn ails(&self, partition: Partition) -> Option<String> {
        self.parts.progress.ails(partition).or_else(|| self.health.ails(partition))
    }

    /// The wall clock, microseconds.
    pub fn now(&self) -> i64 {
        (self.parts.now)()
    }
}
