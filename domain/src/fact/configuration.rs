//! What a tenant configured.

use serde::{Deserialize, Serialize};

use crate::command::{ConfigKind, Role, TenantMode};
use crate::ids::{Digest, MemberId, Name};
use crate::time::Timestamp;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreated {
    /// For people.
    pub title: String,
    /// Mode.
    pub mode: TenantMode,
    /// IANA zone of last resort.
    pub zone: String,
    /// ISO 4217.
    pub currency: String,
    /// BCP 47.
    pub locale: String,
}

/// Drafted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionDrafted {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// 1, 2, 3 … per kind and name.
    pub version: u32,
    /// The body as JSON, as written.
    pub body: String,
    /// Wanted start.
    pub effective_at: Option<Timestamp>,
    /// Who drafted it.
    pub drafter: String,
}

/// Submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSubmitted {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// A published version as every partition adopts it: complete by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedVersion {
    /// The tenant's running number of publications, from 1, without holes.
    pub number: u32,
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version of this kind and name.
    pub version: u32,
    /// The body as JSON, as written.
    pub body: String,
    /// In force from the first input accepted at or after this, everywhere alike.
    pub effective_at: Timestamp,
    /// The tenant's mode travels with it: partitions know the tenant by its first version.
    pub mode: TenantMode,
}

/// Published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPublished {
    /// What goes to every partition.
    pub version: AdoptedVersion,
    /// Who drafted it.
    pub drafter: String,
    /// Who published it.
    pub publisher: String,
}

/// Withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionWithdrawn {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// Issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyIssued {
    /// Name of the key.
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

/// Revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// Name of the key.
    pub key_id: Name,
}

/// Adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationAdopted {
    /// The version, whole.
    pub version: AdoptedVersion,
}
