//! How a connection's bodies are read, prepared once for each version of it.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::config::{Connection, System};
use mirabelle_domain::{Name, TenantId};
use mirabelle_hris::{Mapping, Profile};
use parking_lot::Mutex;
use tracing::error;

/// Most connections remembered; beyond it the memory is emptied and fills anew.
const REMEMBERED_MAX: usize = 10_000;

type Remembered = HashMap<(TenantId, Name), (u32, Option<Arc<Profile>>)>;

/// Profiles by connection, each of the version that was asked for last.
#[derive(Default)]
pub struct Profiles {
    remembered: Mutex<Remembered>,
}

impl Profiles {
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
        let profile = read(connection).map(Arc::new);
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

fn read(connection: &Connection) -> Option<Profile> {
    let Some(mapping) = &connection.mapping else { return Some(Profile::default_for(connection.system)) };
    let mapping: Mapping = serde_json::from_value(mapping.clone()).ok()?;
    mapping.faults().is_empty().then_some(Profile { system: connection.system, mapping })
}

/// The system's name in metrics and answers.
pub(super) fn system_name(system: System) -> &'static str {
    match system {
        System::SuccessFactors => "success_factors",
        System::Workday => "workday",
        System::Darwinbox => "darwinbox",
    }
}
