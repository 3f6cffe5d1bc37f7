//! Who may do what: tenants, keys and configuration as the facts say, kept in memory by the tail.

use std::collections::{BTreeMap, HashMap, HashSet};

use mirabelle_domain::command::{ConfigKind, Role, TenantMode};
use mirabelle_domain::fact::{AdoptedVersion, KeyIssued, TenantCreated};
use mirabelle_domain::rules::{Adopted, InForce};
use mirabelle_domain::{Digest, Fact, MemberId, Name, TenantId, Timestamp};
use parking_lot::RwLock;
use std::sync::Arc;

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// For people.
    pub title: String,
    /// How real it is.
    pub mode: TenantMode,
    /// IANA zone of last resort.
    pub zone: String,
    /// ISO 4217.
    pub currency: String,
    /// BCP 47.
    pub locale: String,
    /// Everything published so far.
    pub published: Adopted,
    /// What each partition has adopted.
    pub adopted: BTreeMap<u16, u32>,
    /// From when on each publication is in force, by number, beginning with 1.
    in_force_from: Vec<Timestamp>,
}

/// An API key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its tenant: the one of everything it does.
    pub tenant: TenantId,
    /// Its name.
    pub key_id: Name,
    /// First 16 bytes of the SHA-256 of its secret part.
    pub hash: Digest,
    /// Scope of idempotency keys.
    pub client: Name,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Whose own account.
    pub member: Option<MemberId>,
    /// Which connection.
    pub connection: Option<Name>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

#[derive(Default)]
struct State {
    tenants: HashMap<TenantId, Arc<Tenant>>,
    /// What partitions adopted of tenants that are not known yet: each partition is read by itself, and the one that
    /// adopted may come before the one where the tenant was made.
    early: HashMap<TenantId, BTreeMap<u16, u32>>,
    keys: HashMap<Name, Arc<Key>>,
    /// Keys whose revocation was read here: the rows may not have it yet.
    revoked: HashSet<Name>,
}

/// The directory.
#[derive(Default)]
pub struct Directory {
    state: RwLock<State>,
}

impl Directory {
    /// A tenant.
    pub fn tenant(&self, tenant: &TenantId) -> Option<Arc<Tenant>> {
        self.state.read().tenants.get(tenant).cloned()
    }

    /// A key by its name, if it was not revoked.
    pub fn key(&self, key_id: &str) -> Option<Arc<Key>> {
        let key_id: Name = key_id.parse().ok()?;
        self.state.read().keys.get(&key_id).cloned()
    }

    /// Whether the revocation of a key was read here; what was revoked before the start, the rows alone say.
    pub fn is_revoked(&self, key_id: &str) -> bool {
        self.state.read().revoked.iter().any(|revoked| revoked.as_str() == key_id)
    }

    /// Every tenant.
    pub fn tenants(&self) -> Vec<(TenantId, Arc<Tenant>)> {
        let mut tenants: Vec<_> =
            self.state.read().tenants.iter().map(|(id, tenant)| (id.clone(), Arc::clone(tenant))).collect();
        tenants.sort_by(|a, b| a.0.cmp(&b.0));
        tenants
    }

    /// Keys of a tenant, by name.
    pub fn keys_of(&self, tenant: &TenantId) -> Vec<Arc<Key>> {
        let state = self.state.read();
        let mut keys: Vec<_> = state.keys.values().filter(|key| key.tenant == *tenant).cloned().collect();
        keys.sort_by(|a, b| a.key_id.cmp(&b.key_id));
        keys
    }

    /// Whether any key is known: false on the very first start.
    pub fn has_keys(&self) -> bool {
        !self.state.read().keys.is_empty()
    }

    /// Whether facts of this kind matter here.
    pub fn cares(kind: u16) -> bool {
        matches!(kind, 60 | 63 | 65 | 66 | 80)
    }

    /// Folds a fact of a tenant; `partition` is the one where it was decided.
    pub fn see(&self, tenant: &TenantId, partition: u16, fact: &Fact) {
        match fact {
            Fact::TenantCreated(created) => self.create(tenant, created),
            Fact::KeyIssued(issued) => self.issue(tenant, issued),
            Fact::KeyRevoked(revoked) => {
                let mut state = self.state.write();
                if state.keys.get(&revoked.key_id).is_some_and(|key| key.tenant == *tenant) {
                    state.keys.remove(&revoked.key_id);
                    state.revoked.insert(revoked.key_id.clone());
                }
            }
            Fact::VersionPublished(published) => self.change(tenant, |t| t.publish(&published.version)),
            Fact::ConfigurationAdopted(adopted) => self.adopt(tenant, partition, adopted.version.number),
            _ => {}
        }
    }

    fn change(&self, tenant: &TenantId, change: impl FnOnce(&mut Tenant)) {
        if let Some(tenant) = self.state.write().tenants.get_mut(tenant) {
            change(Arc::make_mut(tenant));
        }
    }

    fn adopt(&self, id: &TenantId, partition: u16, number: u32) {
        let mut state = self.state.write();
        let State { tenants, early, .. } = &mut *state;
        let adopted = match tenants.get_mut(id) {
            Some(tenant) => &mut Arc::make_mut(tenant).adopted,
            None => early.entry(id.clone()).or_default(),
        };
        let has = adopted.entry(partition).or_default();
        *has = (*has).max(number);
    }

    fn create(&self, id: &TenantId, created: &TenantCreated) {
        let mut state = self.state.write();
        if state.tenants.contains_key(id) {
            return;
        }
        let tenant = Tenant {
            title: created.title.clone(),
            mode: created.mode,
            zone: created.zone.clone(),
            currency: created.currency.clone(),
            locale: created.locale.clone(),
            published: Adopted::default(),
            adopted: state.early.remove(id).unwrap_or_default(),
            in_force_from: Vec::new(),
        };
        state.tenants.insert(id.clone(), Arc::new(tenant));
    }

    fn issue(&self, tenant: &TenantId, issued: &KeyIssued) {
        // The name says the tenant: no tenant can take another's key.
        let prefix = format!("{tenant}.");
        if !issued.key_id.as_str().starts_with(&prefix) {
            return;
        }
        let key = Key {
            tenant: tenant.clone(),
            key_id: issued.key_id.clone(),
            hash: issued.hash,
            client: issued.client.clone(),
            roles: issued.roles.clone(),
            member: issued.member,
            connection: issued.connection.clone(),
            expires_at: issued.expires_at,
        };
        self.state.write().keys.insert(issued.key_id.clone(), Arc::new(key));
    }
}

impl Tenant {
    fn publish(&mut self, version: &AdoptedVersion) {
        let known = version.kind != ConfigKind::Unknown
            && serde_json::from_str::<serde_json::Value>(&version.body).is_ok();
        if known && version.number == self.published.number + 1 {
            self.published.adopt(version);
            self.in_force_from.push(version.effective_at);
        }
    }

    /// Whether a partition has not adopted what is in force by now: what it decided would be judged by older rules,
    /// for ever.
    pub fn lags(&self, partition: u16, now: Timestamp) -> bool {
        let adopted = self.adopted.get(&partition).copied().unwrap_or(0);
        // All but always everything is adopted.
        adopted < self.published.number
            && self.in_force_from.iter().skip(adopted as usize).any(|from| *from <= now)
    }

    /// What is in force at an instant.
    pub fn at(&self, at: Timestamp) -> InForce<'_> {
        self.published.at(at)
    }

    /// Id spaces of the connections in force, each once.
    pub fn id_spaces(&self, at: Timestamp) -> Vec<Name> {
        let mut spaces: Vec<Name> = self.at(at).connections().map(|(_, v)| v.body.id_space.clone()).collect();
        spaces.sort();
        spaces.dedup();
        spaces
    }
}

#[cfg(test)]
mod tests {
    use mirabelle_domain::fact::{ConfigurationAdopted, VersionPublished};

    use super::*;

    #[test]
    fn an_adoption_read_before_its_tenant_is_not_lost() {
        let body = r#"{"title":"A day off","points":900,"delivery":"immediate"}"#;
        let version = AdoptedVersion {
            number: 1,
            kind: ConfigKind::Product,
            name: derived("day-off"),
            version: 1,
            body: body.to_owned(),
            effective_at: Timestamp(0),
            mode: TenantMode::Live,
        };
        let text = String::from;
        let made = TenantCreated {
            title: text("Acme"),
            mode: TenantMode::Live,
            zone: text("Europe/Berlin"),
            currency: text("EUR"),
            locale: text("de-DE"),
        };
        let (drafter, publisher) = (text("ann"), text("ben"));
        let published = VersionPublished { version: version.clone(), drafter, publisher };
        let (directory, tenant) = (Directory::default(), derived::<TenantId>("acme"));
        // As after a crash that took the rows: each partition is read from its beginning, one after the other.
        directory.see(&tenant, 0, &ConfigurationAdopted { version }.into());
        directory.see(&tenant, 1, &made.into());
        directory.see(&tenant, 1, &published.into());
        let of = directory.tenant(&tenant).unwrap();
        assert!(!of.lags(0, Timestamp(1)), "{:?}", of.adopted);
        assert!(of.lags(1, Timestamp(1)));
    }

    fn derived<T: std::str::FromStr>(text: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        text.parse().unwrap()
    }
}
