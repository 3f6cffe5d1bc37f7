//! How a connection's bodies are read, prepared once for each version of it.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::config::{Connection, System};
use mirabelle_domain::{Name, TenantId};
use mirabelle_hris::Profile;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::error;

/// Most connections remembered; beyond it the memory is emptied and fills anew.
const REMEMBERED_MAX: usize = 10_000;

type Remembered = HashMap<(TenantId, Name), (u32, Option<Arc<Profile>>)>;

/// Bodies beyond this are read one after the other, but for [`LARGE_AT_ONCE`].
const LARGE: usize = 1 << 20;
/// Large bodies that are read at once: each costs many times its size while it is.
const LARGE_AT_ONCE: usize = 2;

/// Profiles by connection, each of the version that was asked for last; and room to read by them.
pub struct Profiles {
    remembered: Mutex<Remembered>,
    large: Semaphore,
}

impl Default for Profiles {
    fn default() -> Profiles {
        Profiles { remembered: Mutex::default(), large: Semaphore::new(LARGE_AT_ONCE) }
    }
}

impl Profiles {
    /// Room to read a body of so many bytes, held until it is read.
    pub(super) async fn room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        if bytes > LARGE { self.large.acquire().await.ok() } else { None }
    }

    /// The profile of a version of a connection. `None`: its mapping is not one that this build reads, which drafting
    /// refuses; deliveries are kept whole as dead letters until the mapping is mended.
    pub fn of(
        &self,
        tenant: &TenantId,
        name: &Name,
        version: u32,
        connection: &Connection,
    ) -> Option<Arc<Profile>> {
        let key = (tenant.clone(), name.clone());
        if let Some((known, profile)) = self.remembered.lock().get(&key)
            && *known == version
        {
            return profile.clone();
        }
        let profile = crate::connection::profile(connection).ok().map(Arc::new);
        if profile.is_none() {
            error!(%tenant, connection = %name, version, "the connection's mapping can't be used");
        }
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, (version, profile.clone()));
        profile
    }
}

/// The system's name in metrics and answers.
pub(super) fn system_name(system: System) -> &'static str {
    match system {
        System::SuccessFactors => "success_factors",
        System::Workday => "workday",
        System::Darwinbox => "darwinbox",
    }
}
