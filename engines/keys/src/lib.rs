//! The key store: what opens personal values, and the one thing besides the log that can't be rebuilt.
//!
//! ```text
//!   key-encryption key (file, environment, KMS)  wraps  a tenant's keys  wrap  a member's key
//!                                                       ├ id key: makes opaque member ids
//!                                                       └ data key: dead letters, raw bodies
//! ```
//! Nothing of it ever goes into the log, an archive or a snapshot. Erasing a member's key makes every value
//! sealed for the member unreadable wherever it lies, without changing a byte or a digest of the log.

mod cache;
pub mod embedded;
pub mod kek;
pub mod memory;
mod sealing;
pub mod suite;

use mirabelle_domain::{MemberId, Sealed, TenantId};

pub use embedded::EmbeddedKeys;
pub use kek::{Kek, KekError, LocalKek};
pub use memory::MemoryKeys;
pub use secrecy::{ExposeSecret, SecretSlice};

/// What a key store can answer besides a value.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The member was erased: what was sealed for the member can never be read again, nor anything new sealed.
    #[error("the member was erased")]
    Erased,
    /// The tenant has no keys here.
    #[error(
        "the key store has no keys of tenant {tenant}: it is another key store, or the tenant was never created"
    )]
    UnknownTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// The member has no key here, and no trace of an erasure either.
    #[error("the key store has no key of member {member}: it is another or an older key store")]
    UnknownMember {
        /// The member.
        member: MemberId,
    },
    /// Not a sealed value of this tenant, member and field, or changed since.
    #[error("the sealed value can't be opened: {reason}")]
    NotSealed {
        /// What is wrong with it; nothing of its content.
        reason: &'static str,
    },
    /// A value larger than may be sealed.
    #[error("a value of {bytes} bytes is larger than may be sealed ({max} bytes)")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Another process has the key store open.
    #[error("the key store {file} is in use by another process")]
    InUse {
        /// The file.
        file: String,
    },
    /// The key-encryption key is not the one that this key store was made with.
    #[error("{kek} does not open the key store {file}: give the key-encryption key that it was made with")]
    WrongKek {
        /// Name of the key-encryption key.
        kek: String,
        /// The file.
        file: String,
    },
    /// Written by a newer version of this software.
    #[error(
        "the key store {file} has format {found}; this version reads up to {known}: use the newer version"
    )]
    NewerFormat {
        /// The file.
        file: String,
        /// Format found.
        found: u64,
        /// Newest format known.
        known: u64,
    },
    /// Bytes that were once written do not check.
    #[error("the key store is damaged at {place}: restore it from its backup")]
    Corrupt {
        /// Whose key, or which part.
        place: String,
    },
    /// The key-encryption key could not be used.
    #[error("could not {act}")]
    Kek {
        /// What was tried.
        act: &'static str,
        /// The cause.
        #[source]
        source: KekError,
    },
    /// The medium failed.
    #[error("could not {act}")]
    Io {
        /// What was tried, on what.
        act: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Largest value that may be sealed.
pub const CLEAR_BYTES_MAX: usize = 64 << 20;

/// Keys of tenants and members.
///
/// # Contract
/// * **A key is durable before it is used**: what [`seal`](Keys::seal) returns can be opened after any crash.
///   Creating the keys of many members at once ([`create_members`](Keys::create_members)) costs as few syncs as
///   creating one.
/// * **Tenants are created by name**, never by use: a key store that was lost must not silently begin anew with other
///   ids for the same people.
/// * Sealing is deterministic: equal (tenant, member, field, clear value) give equal bytes, so that a repeated
///   input has an equal digest. Two fields, members or tenants never give equal bytes for an equal value.
/// * A value opens only as the (tenant, member, field) that it was sealed for; a changed byte anywhere is refused.
/// * **Erasure** is durable and final when [`erase`](Keys::erase) returns: the key's bytes are overwritten where
///   they lay. From then on opening and sealing answer [`KeysError::Erased`]. Backups of the key store have to be
///   kept no longer than an erasure may take.
/// * No key is ever seen in `Debug`, an error or a log line.
pub trait Keys: Send + Sync + 'static {
    /// Creates a tenant's keys unless it has some.
    fn create_tenant(&self, tenant: &TenantId) -> Result<(), KeysError>;

    /// The opaque id of a person: the first 128 bits of HMAC-SHA256 under the tenant's id key over the id space
    /// and the external id, each with its length (u32, big-endian) before it, and the generation (u32,
    /// big-endian), which rises when a number is given to another person or after an erasure.
    fn member_id(
        &self,
        tenant: &TenantId,
        id_space: &str,
        external_id: &str,
        generation: u32,
    ) -> Result<MemberId, KeysError>;

    /// Creates the keys of those members that have none; erased ones are left alone.
    fn create_members(&self, tenant: &TenantId, members: &[MemberId]) -> Result<(), KeysError>;

    /// Seals a member's value; creates the member's key if there is none.
    fn seal(
        &self,
        tenant: &TenantId,
        member: MemberId,
        field: &str,
        clear: &[u8],
    ) -> Result<Sealed, KeysError>;

    /// Opens a member's value.
    fn open(
        &self,
        tenant: &TenantId,
        member: MemberId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError>;

    /// Seals what belongs to the tenant: raw bodies, dead letters. Compressed where that makes it shorter.
    fn seal_for_tenant(&self, tenant: &TenantId, field: &str, clear: &[u8]) -> Result<Sealed, KeysError>;

    /// Opens what was sealed for the tenant.
    fn open_for_tenant(
        &self,
        tenant: &TenantId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError>;

    /// Erases a member's key for ever; a member without a key is marked as erased too.
    fn erase(&self, tenant: &TenantId, member: MemberId) -> Result<(), KeysError>;
}
