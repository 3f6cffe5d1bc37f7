//! Wishes about a tenant's configuration.

use serde::{Deserialize, Serialize};

use crate::fact::AdoptedVersion;
use crate::ids::{Digest, Name};
use crate::time::Timestamp;

/// How real a tenant is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantMode {
    /// Real people, real vouchers.
    #[default]
    Live,
    /// For trying: the drafter may publish, versions are in force at once, only the sandbox vendor.
    Sandbox,
    /// Probes: reaches no vendor and no chat.
    Synthetic,
}

/// Creates the tenant whose configuration account this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTenant {
    /// For people.
    pub title: String,
    /// Mode, for ever.
    pub mode: TenantMode,
    /// IANA time zone of last resort.
    pub zone: String,
    /// ISO 4217.
    pub currency: String,
    /// BCP 47.
    pub locale: String,
}

/// Kinds of configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigKind {
    /// A kind that this reader does not know.
    #[default]
    Unknown,
    /// What is rewarded.
    Campaign,
    /// What can be had.
    Product,
    /// Where milestones come from.
    Connection,
}

/// Drafts the next version of `kind`/`name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// The body as JSON; checked here, kept as written.
    pub body: String,
    /// In force from then on; `None`: as soon as the tenant's mode allows.
    pub effective_at: Option<Timestamp>,
}

/// Hands a draft on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// Publishes: by somebody else than the drafter, but in a sandbox tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// Throws a draft or a submitted version away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawVersion {
    /// Kind.
    pub kind: ConfigKind,
    /// Name.
    pub name: Name,
    /// Version.
    pub version: u32,
}

/// What a key may do (DESIGN §10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A role that this reader does not know: may do nothing.
    #[default]
    Unknown,
    /// Tenants, connections, dead letters.
    Operator,
    /// Budgets, drafts, grants.
    Admin,
    /// Publishes what another drafted.
    Publisher,
    /// Acts for members.
    Service,
    /// One's own account.
    Member,
    /// Decides approvals.
    Approver,
    /// Reads, masked.
    Analyst,
    /// Reads, and reads the audit.
    Auditor,
    /// Delivers to one connection.
    Connector,
}

/// Issues a key. The key itself never reaches the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueKey {
    /// Name of the key, public; the first part of the key's text.
    pub key_id: Name,
    /// First 16 bytes of the SHA-256 of the key's secret part (256 random bits).
    pub hash: Digest,
    /// The integration that uses it: scope of idempotency keys. A rotated key keeps its client.
    pub client: Name,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The member whose own account it opens, for `Role::Member`.
    pub member: Option<crate::ids::MemberId>,
    /// The connection it delivers to, for `Role::Connector`.
    pub connection: Option<Name>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Revokes a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeKey {
    /// Which.
    pub key_id: Name,
}

/// Adopts one published version; numbers are adopted one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptConfiguration {
    /// The version, whole: the partition's log is complete by itself.
    pub version: AdoptedVersion,
}
