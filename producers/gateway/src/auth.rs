//! Who asks: the key that was shown, its tenant, its roles.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mirabelle_domain::command::Role;
use mirabelle_domain::{Digest, TenantId, Timestamp};
use mirabelle_schemas::record::Namespace;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::directory::{Directory, Key};
use crate::problem::{self, Problem};

/// The tenant of the installation itself.
pub const SYSTEM: &str = "_system";

/// Text of a key: `mk_<key id>_<secret>`; the secret is 256 random bits in base64url.
const PREFIX: &str = "mk_";

/// A key that was shown and checked.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key.
    pub key: Arc<Key>,
    /// The tenant for which an operator acts, instead of the key's own.
    pub acting: Option<TenantId>,
}

impl Caller {
    /// The tenant of everything that this caller does.
    pub fn tenant(&self) -> &TenantId {
        self.acting.as_ref().unwrap_or(&self.key.tenant)
    }

    /// Whether its key belongs to the installation itself, not to a tenant.
    pub fn is_system(&self) -> bool {
        self.key.tenant.as_str() == SYSTEM
    }

    /// Whether it has one of these roles. Only keys of the installation can be an operator's, whatever they say.
    pub fn has(&self, roles: &[Role]) -> bool {
        let real = |role: &&Role| **role != Role::Operator || self.is_system();
        self.key.roles.iter().filter(real).any(|role| roles.contains(role))
    }

    /// The space of this caller's idempotency keys: an operator's never meet those of the tenant's own integrations.
    pub fn namespace(&self) -> Namespace {
        if self.is_system() { Namespace::Operator } else { Namespace::Client }
    }

    /// Demands one of these roles.
    pub fn needs(&self, roles: &[Role]) -> Result<(), Problem> {
        if self.has(roles) { Ok(()) } else { Err(Problem::forbidden(roles)) }
    }

    /// Whether it may see every member of its tenant: not only its own.
    pub fn sees_everybody(&self) -> bool {
        self.has(&[Role::Operator, Role::Admin, Role::Service, Role::Analyst, Role::Auditor])
    }
}

/// The text of a new key and the hash that is kept of it.
pub fn make_key(key_id: &str, secret: &[u8; 32]) -> (String, Digest) {
    let text = URL_SAFE_NO_PAD.encode(secret);
    (format!("{PREFIX}{key_id}_{text}"), hash_of(&text))
}

/// First 16 bytes of the SHA-256 of a key's secret part.
pub fn hash_of(secret: &str) -> Digest {
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(secret.as_bytes())[..16]);
    Digest(first)
}

/// Checks the key that a request shows. Unknown, wrong, expired and revoked are one answer.
pub fn authenticate(directory: &Directory, headers: &HeaderMap, now: i64) -> Result<Caller, Problem> {
    let refused = || Problem::new(problem::UNAUTHENTICATED, problem::UNAUTHENTICATED.page);
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (shown.next(), shown.next()) else { return Err(refused()) };
    let text = value.to_str().map_err(|_| refused())?;
    let token = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).ok_or_else(refused)?;
    let rest = token.strip_prefix(PREFIX).ok_or_else(refused)?;
    // The secret has 43 characters and may hold `_`; a key's name may too.
    let split = rest.len().checked_sub(44).filter(|at| rest.is_char_boundary(*at)).ok_or_else(refused)?;
    let (key_id, secret) = rest.split_at(split);
    let secret = secret.strip_prefix('_').ok_or_else(refused)?;
    let key = directory.key(key_id);
    // An unknown name costs the same comparison as a known one.
    let wanted = key.as_ref().map_or(Digest([0; 16]), |key| key.hash);
    let equal: bool = hash_of(secret).0.ct_eq(&wanted.0).into();
    match key {
        Some(key) if equal && key.expires_at.is_none_or(|end| end > Timestamp(now)) => {
            Ok(Caller { key, acting: None })
        }
        _ => Err(refused()),
    }
}
