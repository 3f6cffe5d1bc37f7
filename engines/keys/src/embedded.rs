//! The embedded key store: two files in a directory of its own.
//!
//! ```text
//!   keys.redb       tenants' keys, wrapped by the key-encryption key; per member the number of a slot, or "erased"
//!   keys.material   slots of 64 bytes, each with one member's wrapped key
//! ```
//! Members' keys lie in slots because a database copies its pages on every write and leaves the old ones in the
//! file: only bytes that are overwritten where they lie are gone. An erasure zeroes the slot and syncs it before
//! it is recorded, so that a crash between the two still finds the key gone.
//!
//! A key is created by writing its slot, syncing, and then recording it in a durable transaction: two syncs, for
//! one member or for forty thousand.

mod slots;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mirabelle_domain::{MemberId, Sealed, TenantId};
use parking_lot::{Mutex, RwLock};
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
    WriteTransaction,
};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice};

use crate::cache::Cache;
use crate::sealing::{self, Key, TENANT_SECRET_BYTES, TenantKeys};
use crate::{Kek, KekError, Keys, KeysError};
use slots::{Slot, Slots};

const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
/// Name → wrapped secrets. The first four bytes are the tenant's number.
const TENANTS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("tenants");
/// Tenant's number and member → slot, or [`ERASED`].
const MEMBERS: TableDefinition<'static, MemberRow, u64> = TableDefinition::new("members");

type MemberRow = (u32, [u8; 16]);

const FORMAT: &str = "format";
const NEXT_SLOT: &str = "next_slot";
/// Newest format known.
pub const FORMAT_KNOWN: u64 = 1;
const ERASED: u64 = u64::MAX;

/// Settings of the embedded key store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most members' keys held in memory (about 150 bytes each).
    pub cached_keys_max: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { cached_keys_max: 100_000 }
    }
}

/// See the module.
pub struct EmbeddedKeys {
    file: PathBuf,
    database: Database,
    slots: Slots,
    kek: Box<dyn Kek>,
    tenants: RwLock<HashMap<TenantId, Arc<Tenant>>>,
    cache: Cache,
    /// Held by whoever creates or erases.
    writing: Mutex<()>,
}

impl std::fmt::Debug for EmbeddedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedKeys").field("file", &self.file).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Tenant {
    number: u32,
    keys: TenantKeys,
}

fn io(act: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> KeysError {
    KeysError::Io { act: act.into(), source: source.into() }
}

/// A failure of the database while doing `act`.
fn failed<E: Into<redb::Error>>(act: &'static str) -> impl Fn(E) -> KeysError {
    move |error| io(act, error.into())
}

impl EmbeddedKeys {
    /// Opens the key store in `directory`, or makes one where there is none.
    pub fn open(directory: &Path, kek: Box<dyn Kek>, options: Options) -> Result<EmbeddedKeys, KeysError> {
        fs::create_dir_all(directory)
            .map_err(|source| io(format!("create directory {}", directory.display()), source))?;
        let file = directory.join("keys.redb");
        let shown = file.display().to_string();
        // The one file that can't be rebuilt is checked whole.
        let database = Builder::new().set_check_integrity_on_open(true).create(&file);
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => KeysError::InUse { file: shown.clone() },
            DatabaseError::Storage(StorageError::Corrupted(_)) => KeysError::Corrupt { place: shown.clone() },
            other => io(format!("open key store {shown}"), redb::Error::from(other)),
        })?;
        prepare(&database, &shown)?;
        let slots = Slots::open(&directory.join("keys.material"))?;
        let tenants = load_tenants(&database, &*kek, &shown)?;
        Ok(EmbeddedKeys {
            file,
            database,
            slots,
            kek,
            tenants: RwLock::new(tenants),
            cache: Cache::new(options.cached_keys_max),
            writing: Mutex::new(()),
        })
    }

    fn tenant(&self, tenant: &TenantId) -> Result<Arc<Tenant>, KeysError> {
        let found = self.tenants.read().get(tenant).cloned();
        found.ok_or_else(|| KeysError::UnknownTenant { tenant: tenant.clone() })
    }

    /// A member's key; `None`: never created.
    fn member(&self, tenant: &TenantId, member: MemberId) -> Result<Option<Arc<Key>>, KeysError> {
        let ticket = match self.cache.get(tenant, member) {
            Ok(key) => return Ok(Some(key)),
            Err(ticket) => ticket,
        };
        let of = self.tenant(tenant)?;
        let Some(slot) = self.recorded(&(of.number, member.0))? else { return Ok(None) };
        if slot == ERASED {
            return Err(KeysError::Erased);
        }
        let key = Arc::new(self.unwrapped(tenant, member, slot)?);
        self.cache.put(tenant, member, &key, ticket);
        Ok(Some(key))
    }

    /// The key in a slot.
    fn unwrapped(&self, tenant: &TenantId, member: MemberId, slot: u64) -> Result<Key, KeysError> {
        let of = self.tenant(tenant)?;
        let corrupt =
            || KeysError::Corrupt { place: format!("the key of member {member} of tenant {tenant}") };
        let wrapped = match self.slots.read(slot)? {
            Slot::Key(wrapped) => wrapped,
            Slot::Erased => return Err(KeysError::Erased),
            Slot::Missing => return Err(corrupt()),
        };
        let context = sealing::context(tenant, Some(member), "key");
        let clear = sealing::unwrap(of.keys.wrapping(), &context, &wrapped[..]).ok_or_else(corrupt)?;
        Key::from_slice(clear.expose_secret()).ok_or_else(corrupt)
    }

    /// Unwraps every member's key that is not erased; returns the place of each that can't be.
    pub fn check_all(&self) -> Result<Vec<String>, KeysError> {
        let by_number: HashMap<u32, TenantId> =
            self.tenants.read().iter().map(|(name, tenant)| (tenant.number, name.clone())).collect();
        let reading = self.database.begin_read().map_err(failed("read the key store"))?;
        let members = reading.open_table(MEMBERS).map_err(failed("read the key store"))?;
        let mut bad = Vec::new();
        for row in members.iter().map_err(failed("read the members' keys"))? {
            let (row, slot) = row.map_err(failed("read the members' keys"))?;
            let ((number, member), slot) = (row.value(), slot.value());
            let member = MemberId(member);
            match by_number.get(&number) {
                _ if slot == ERASED => {}
                None => bad.push(format!("the key of member {member}: no tenant has the number {number}")),
                Some(tenant) => match self.unwrapped(tenant, member, slot) {
                    // Between the erasure of a slot and its record a crash may have come.
                    Ok(_) | Err(KeysError::Erased) => {}
                    Err(KeysError::Corrupt { place }) => bad.push(place),
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(bad)
    }

    fn recorded(&self, row: &MemberRow) -> Result<Option<u64>, KeysError> {
        let reading = self.database.begin_read().map_err(failed("read the key store"))?;
        let members = reading.open_table(MEMBERS).map_err(failed("read the key store"))?;
        let slot = members.get(row).map_err(failed("look a member's key up"))?;
        Ok(slot.map(|slot| slot.value()))
    }

    fn write(&self) -> Result<WriteTransaction, KeysError> {
        // Durable at commit: redb's default.
        self.database.begin_write().map_err(failed("begin to write to the key store"))
    }
}

fn prepare(database: &Database, file: &str) -> Result<(), KeysError> {
    let writing = database.begin_write().map_err(failed("begin to write to the key store"))?;
    {
        let mut meta = writing.open_table(META).map_err(failed("open the key store's tables"))?;
        let found =
            meta.get(FORMAT).map_err(failed("read the key store's format"))?.map(|found| found.value());
        match found {
            Some(found) if found > FORMAT_KNOWN => {
                return Err(KeysError::NewerFormat { file: file.to_owned(), found, known: FORMAT_KNOWN });
            }
            Some(_) => {}
            None => {
                meta.insert(FORMAT, FORMAT_KNOWN).map_err(failed("write the key store's format"))?;
                meta.insert(NEXT_SLOT, 0).map_err(failed("write the key store's format"))?;
            }
        }
        writing.open_table(TENANTS).map_err(failed("open the key store's tables"))?;
        writing.open_table(MEMBERS).map_err(failed("open the key store's tables"))?;
    }
    writing.commit().map_err(failed("commit the key store's tables"))
}

fn load_tenants(
    database: &Database,
    kek: &dyn Kek,
    file: &str,
) -> Result<HashMap<TenantId, Arc<Tenant>>, KeysError> {
    let reading = database.begin_read().map_err(failed("read the key store"))?;
    let table = reading.open_table(TENANTS).map_err(failed("read the key store's tenants"))?;
    let mut tenants = HashMap::new();
    for row in table.iter().map_err(failed("read the key store's tenants"))? {
        let (name, value) = row.map_err(failed("read the key store's tenants"))?;
        let corrupt = || KeysError::Corrupt { place: format!("the keys of tenant {}", name.value()) };
        let tenant: TenantId = name.value().parse().map_err(|_| corrupt())?;
        let (number, wrapped) = value.value().split_first_chunk::<4>().ok_or_else(corrupt)?;
        let secret = kek.unwrap(name.value().as_bytes(), wrapped).map_err(|error| match error {
            KekError::DoesNotOpen { name } => KeysError::WrongKek { kek: name, file: file.to_owned() },
            source => KeysError::Kek { act: "unwrap a tenant's keys", source },
        })?;
        let keys = TenantKeys::from_secret(secret.expose_secret()).ok_or_else(corrupt)?;
        tenants.insert(tenant, Arc::new(Tenant { number: u32::from_le_bytes(*number), keys }));
    }
    Ok(tenants)
}

impl Keys for EmbeddedKeys {
    fn create_tenant(&self, tenant: &TenantId) -> Result<(), KeysError> {
        let _writing = self.writing.lock();
        if self.tenants.read().contains_key(tenant) {
            return Ok(());
        }
        let mut secret = Zeroizing::new([0; TENANT_SECRET_BYTES]);
        sealing::fill_random(&mut *secret)?;
        let wrapped = self.kek.wrap(tenant.as_str().as_bytes(), &*secret);
        let wrapped = wrapped.map_err(|source| KeysError::Kek { act: "wrap a tenant's keys", source })?;
        let number = self.tenants.read().len() as u32;
        let writing = self.write()?;
        {
            let mut tenants = writing.open_table(TENANTS).map_err(failed("write a tenant's keys"))?;
            let row = [&number.to_le_bytes()[..], &wrapped].concat();
            tenants.insert(tenant.as_str(), row.as_slice()).map_err(failed("write a tenant's keys"))?;
        }
        writing.commit().map_err(failed("commit a tenant's keys"))?;
        let keys = TenantKeys::from_secret(&*secret).expect("a secret of the right length");
        self.tenants.write().insert(tenant.clone(), Arc::new(Tenant { number, keys }));
        Ok(())
    }

    fn member_id(
        &self,
        tenant: &TenantId,
        id_space: &str,
        external_id: &str,
        generation: u32,
    ) -> Result<MemberId, KeysError> {
        Ok(self.tenant(tenant)?.keys.member_id(id_space, external_id, generation))
    }

    fn create_members(&self, tenant: &TenantId, members: &[MemberId]) -> Result<(), KeysError> {
        let of = self.tenant(tenant)?;
        let _writing = self.writing.lock();
        let mut missing = members.to_vec();
        missing.sort_unstable();
        missing.dedup();
        let mut unknown = Vec::new();
        for member in missing {
            if self.recorded(&(of.number, member.0))?.is_none() {
                unknown.push(member);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let mut material = Vec::with_capacity(unknown.len());
        for member in &unknown {
            let context = sealing::context(tenant, Some(*member), "key");
            material.push(sealing::wrap(of.keys.wrapping(), &context, Key::random()?.expose())?);
        }
        let writing = self.write()?;
        {
            let mut meta = writing.open_table(META).map_err(failed("read the key store's next slot"))?;
            let first = meta.get(NEXT_SLOT).map_err(failed("read the key store's next slot"))?;
            let first = first
                .map(|slot| slot.value())
                .ok_or(KeysError::Corrupt { place: "the next slot".to_owned() })?;
            self.slots.write(first, &material)?;
            let next = first + material.len() as u64;
            meta.insert(NEXT_SLOT, next).map_err(failed("write members' keys"))?;
            let mut rows = writing.open_table(MEMBERS).map_err(failed("write members' keys"))?;
            for (slot, member) in (first..next).zip(&unknown) {
                rows.insert((of.number, member.0), slot).map_err(failed("write members' keys"))?;
            }
        }
        writing.commit().map_err(failed("commit members' keys"))
    }

    fn seal(
        &self,
        tenant: &TenantId,
        member: MemberId,
        field: &str,
        clear: &[u8],
    ) -> Result<Sealed, KeysError> {
        let key = match self.member(tenant, member)? {
            Some(key) => key,
            None => {
                self.create_members(tenant, &[member])?;
                self.member(tenant, member)?.ok_or(KeysError::UnknownMember { member })?
            }
        };
        sealing::seal_for_member(&key, tenant, member, field, clear)
    }

    fn open(
        &self,
        tenant: &TenantId,
        member: MemberId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError> {
        let key = self.member(tenant, member)?.ok_or(KeysError::UnknownMember { member })?;
        sealing::open_for_member(&key, tenant, member, field, sealed)
    }

    fn seal_for_tenant(&self, tenant: &TenantId, field: &str, clear: &[u8]) -> Result<Sealed, KeysError> {
        self.tenant(tenant)?.keys.seal(tenant, field, clear)
    }

    fn open_for_tenant(
        &self,
        tenant: &TenantId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError> {
        self.tenant(tenant)?.keys.open(tenant, field, sealed)
    }

    fn erase(&self, tenant: &TenantId, member: MemberId) -> Result<(), KeysError> {
        let of = self.tenant(tenant)?;
        let _writing = self.writing.lock();
        let row = (of.number, member.0);
        match self.recorded(&row)? {
            Some(ERASED) => return Ok(()),
            Some(slot) => self.slots.erase(slot)?,
            None => {}
        }
        self.cache.erase(tenant, member);
        let writing = self.write()?;
        {
            let mut rows = writing.open_table(MEMBERS).map_err(failed("record an erasure"))?;
            rows.insert(row, ERASED).map_err(failed("record an erasure"))?;
        }
        writing.commit().map_err(failed("commit an erasure"))
    }
}

#[cfg(test)]
mod tests;
