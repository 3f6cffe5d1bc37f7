//! Keys in memory, made from a seed: for tests and simulations, where the same seed must give the same bytes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mirabelle_domain::{MemberId, Sealed, TenantId};
use parking_lot::Mutex;
use secrecy::SecretSlice;

use crate::sealing::{self, Key, TENANT_SECRET_BYTES, TenantKeys};
use crate::{Keys, KeysError};

/// A key store in memory. Clones share it. What it holds is not secret: whoever has the seed has the keys.
#[derive(Clone, Debug)]
pub struct MemoryKeys {
    seed: u64,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    tenants: HashMap<TenantId, Arc<TenantKeys>>,
    created: HashSet<(TenantId, MemberId)>,
    erased: HashSet<(TenantId, MemberId)>,
}

impl MemoryKeys {
    /// An empty key store whose keys follow from `seed`.
    pub fn new(seed: u64) -> MemoryKeys {
        MemoryKeys { seed, state: Arc::default() }
    }

    fn derive(&self, purpose: &str, parts: &[&[u8]], out: &mut [u8]) {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(&self.seed.to_le_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        hasher.finalize_xof().fill(out);
    }

    fn tenant(&self, tenant: &TenantId) -> Result<Arc<TenantKeys>, KeysError> {
        let keys = self.state.lock().tenants.get(tenant).cloned();
        keys.ok_or_else(|| KeysError::UnknownTenant { tenant: tenant.clone() })
    }

    fn member(&self, tenant: &TenantId, member: MemberId, create: bool) -> Result<Key, KeysError> {
        self.tenant(tenant)?;
        let name = (tenant.clone(), member);
        let mut state = self.state.lock();
        if state.erased.contains(&name) {
            return Err(KeysError::Erased);
        }
        if create {
            state.created.insert(name);
        } else if !state.created.contains(&name) {
            return Err(KeysError::UnknownMember { member });
        }
        let mut key = [0; 32];
        self.derive("mirabelle 2026-11-25 seeded member", &[tenant.as_str().as_bytes(), &member.0], &mut key);
        Ok(Key::new(&mut key))
    }
}

impl Keys for MemoryKeys {
    fn create_tenant(&self, tenant: &TenantId) -> Result<(), KeysError> {
        let mut secret = [0; TENANT_SECRET_BYTES];
        self.derive("mirabelle 2026-11-25 seeded tenant", &[tenant.as_str().as_bytes()], &mut secret);
        let keys = TenantKeys::from_secret(&secret).expect("a secret of the right length");
        self.state.lock().tenants.entry(tenant.clone()).or_insert_with(|| Arc::new(keys));
        Ok(())
    }

    fn member_id(
        &self,
        tenant: &TenantId,
        id_space: &str,
        external_id: &str,
        generation: u32,
    ) -> Result<MemberId, KeysError> {
        Ok(self.tenant(tenant)?.member_id(id_space, external_id, generation))
    }

    fn create_members(&self, tenant: &TenantId, members: &[MemberId]) -> Result<(), KeysError> {
        self.tenant(tenant)?;
        let mut state = self.state.lock();
        state.created.extend(members.iter().map(|member| (tenant.clone(), *member)));
        Ok(())
    }

    fn seal(
        &self,
        tenant: &TenantId,
        member: MemberId,
        field: &str,
        clear: &[u8],
    ) -> Result<Sealed, KeysError> {
        sealing::seal_for_member(&self.member(tenant, member, true)?, tenant, member, field, clear)
    }

    fn open(
        &self,
        tenant: &TenantId,
        member: MemberId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError> {
        sealing::open_for_member(&self.member(tenant, member, false)?, tenant, member, field, sealed)
    }

    fn seal_for_tenant(&self, tenant: &TenantId, field: &str, clear: &[u8]) -> Result<Sealed, KeysError> {
        self.tenant(tenant)?.seal(tenant, field, clear)
    }

    fn open_for_tenant(
        &self,
        tenant: &TenantId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError> {
        self.tenant(tenant)?.open(tenant, field, sealed)
    }

    fn erase(&self, tenant: &TenantId, member: MemberId) -> Result<(), KeysError> {
        self.tenant(tenant)?;
        self.state.lock().erased.insert((tenant.clone(), member));
        Ok(())
    }
}
