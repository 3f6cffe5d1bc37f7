//! What every handler works with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mirabelle_domain::{Day, MemberId, Name, TenantId};
use mirabelle_keys::Keys;
use mirabelle_log::{Log, Partition};
use mirabelle_store::Store;
use parking_lot::Mutex;

use crate::directory::Directory;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::waiters::Waiters;

/// How far the rows are.
pub trait Progress: Send + Sync + 'static {
    /// `at` up to which a partition's rows hold everything, microseconds.
    fn applied(&self, partition: Partition) -> i64;
    /// How far the rows are behind the log, microseconds.
    fn lag(&self) -> i64;
    /// Waits until the rows of a partition hold everything up to `at`; false after `timeout`. Blocks the thread.
    fn wait(&self, partition: Partition, at: i64, timeout: Duration) -> bool;
}

/// Told to take days up to one as come; tenants that are not live only.
pub type Pretend = Arc<dyn Fn(&TenantId, Day) + Send + Sync>;

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

/// Member numbers that were resolved, bounded.
#[derive(Default)]
pub struct Resolved {
    numbers: Mutex<HashMap<(TenantId, String), (MemberId, Name)>>,
}

/// Most resolved numbers kept; beyond it the memory is emptied and fills anew.
const RESOLVED_MAX: usize = 200_000;

impl Resolved {
    /// The member that a number was resolved to, with its id space.
    pub fn get(&self, tenant: &TenantId, number: &str) -> Option<(MemberId, Name)> {
        self.numbers.lock().get(&(tenant.clone(), number.to_owned())).cloned()
    }

    /// Remembers what a number was resolved to.
    pub fn put(&self, tenant: &TenantId, number: &str, member: MemberId, id_space: Name) {
        let mut numbers = self.numbers.lock();
        if numbers.len() >= RESOLVED_MAX {
            numbers.clear();
        }
        numbers.insert((tenant.clone(), number.to_owned()), (member, id_space));
    }

    /// Forgets a tenant's numbers: a connection of another id space may have made one ambiguous.
    pub fn forget(&self, tenant: &TenantId) {
        self.numbers.lock().retain(|(of, _), _| of != tenant);
    }
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
    /// Member numbers.
    pub resolved: Resolved,
    /// What is measured.
    pub metrics: Metrics,
    /// Whether the tail has caught up.
    pub caught_up: Arc<AtomicBool>,
}

impl State {
    /// The wall clock, microseconds.
    pub fn now(&self) -> i64 {
        (self.parts.now)()
    }
}
