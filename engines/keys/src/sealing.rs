//! The arithmetic of keys: AES-256-GCM-SIV under keys derived with BLAKE3, ids by HMAC-SHA256.

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hmac::{Hmac, Mac};
use mirabelle_domain::{MemberId, Sealed, TenantId};
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, SecretBox, SecretSlice};
use sha2::Sha256;

use crate::{CLEAR_BYTES_MAX, KeysError};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Bytes of a wrapped key: nonce, key, tag.
pub(crate) const WRAPPED_BYTES: usize = NONCE_BYTES + 32 + TAG_BYTES;
/// Key references: a member's, a tenant's. The digit is the key's generation.
const MEMBER_REF: &str = "m1";
const TENANT_REF: &str = "t1";
/// Bodies shorter than this are not worth compressing.
const COMPRESS_FROM: usize = 256;

/// A key of 256 bits that nobody sees: zeroed when dropped, `Debug` without content.
pub(crate) struct Key(SecretBox<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    pub(crate) fn new(bytes: &mut [u8; 32]) -> Key {
        let key = Key(SecretBox::new(Box::new(*bytes)));
        bytes.zeroize();
        key
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Key> {
        let mut bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Key::new(&mut bytes))
    }

    /// From the operating system's generator.
    pub(crate) fn random() -> Result<Key, KeysError> {
        let mut bytes = [0; 32];
        fill_random(&mut bytes)?;
        Ok(Key::new(&mut bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// A key for one purpose.
    pub(crate) fn derive(&self, purpose: &str) -> Key {
        Key::new(&mut blake3::derive_key(purpose, self.expose()))
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(self.expose().into())
    }
}

pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), KeysError> {
    OsRng
        .try_fill_bytes(bytes)
        .map_err(|source| KeysError::Io { act: "draw random bytes".to_owned(), source: source.into() })
}

/// Encrypts a key under another with a random nonce; `context` must be given again to unwrap it.
pub(crate) fn wrap(key: &Key, context: &[u8], clear: &[u8]) -> Result<Vec<u8>, KeysError> {
    let mut wrapped = vec![0; NONCE_BYTES];
    fill_random(&mut wrapped)?;
    let payload = Payload { msg: clear, aad: context };
    // Fails only for messages of more than 2^36 bytes.
    let sealed = key.cipher().encrypt(Nonce::from_slice(&wrapped), payload);
    wrapped.extend_from_slice(
        &sealed.map_err(|_| KeysError::TooLarge { bytes: clear.len(), max: CLEAR_BYTES_MAX })?,
    );
    Ok(wrapped)
}

/// The reverse of [`wrap`]; `None` when it does not authenticate.
pub(crate) fn unwrap(key: &Key, context: &[u8], wrapped: &[u8]) -> Option<SecretSlice<u8>> {
    let (nonce, sealed) = wrapped.split_at_checked(NONCE_BYTES)?;
    let payload = Payload { msg: sealed, aad: context };
    key.cipher().decrypt(Nonce::from_slice(nonce), payload).ok().map(SecretSlice::from)
}

/// A tenant's keys.
#[derive(Debug)]
pub(crate) struct TenantKeys {
    id: Key,
    data: Key,
    wrapping: Key,
}

/// Bytes of a tenant's secrets: id key, data key.
pub(crate) const TENANT_SECRET_BYTES: usize = 64;

impl TenantKeys {
    pub(crate) fn from_secret(secret: &[u8]) -> Option<TenantKeys> {
        let (id, data) = secret.split_at_checked(32)?;
        let (id, data) = (Key::from_slice(id)?, Key::from_slice(data)?);
        let wrapping = data.derive("mirabelle 2026-11-25 wrapping of members' keys");
        Some(TenantKeys { id, data: data.derive("mirabelle 2026-11-25 data of a tenant"), wrapping })
    }

    /// The key that wraps members' keys.
    pub(crate) fn wrapping(&self) -> &Key {
        &self.wrapping
    }

    pub(crate) fn member_id(&self, id_space: &str, external_id: &str, generation: u32) -> MemberId {
        // Hmac takes keys of any length.
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.id.expose()).expect("any length is a key");
        for part in [id_space, external_id] {
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&generation.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        MemberId(id)
    }

    pub(crate) fn seal(&self, tenant: &TenantId, field: &str, clear: &[u8]) -> Result<Sealed, KeysError> {
        bounded(clear)?;
        let mut packed = Zeroizing::new(vec![0]);
        if clear.len() >= COMPRESS_FROM
            && let Ok(shorter) = zstd::bulk::compress(clear, 3)
            && shorter.len() + 4 < clear.len()
        {
            packed[0] = 1;
            packed.extend_from_slice(&(clear.len() as u32).to_le_bytes());
            packed.extend_from_slice(&shorter);
        } else {
            packed.extend_from_slice(clear);
        }
        seal(&self.data, TENANT_REF, &context(tenant, None, field), &packed)
    }

    pub(crate) fn open(
        &self,
        tenant: &TenantId,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, KeysError> {
        let packed = open(&self.data, TENANT_REF, &context(tenant, None, field), sealed)?;
        unpack(packed.expose_secret())
            .ok_or(KeysError::NotSealed { reason: "its content is not packed as it should be" })
    }
}

fn unpack(packed: &[u8]) -> Option<SecretSlice<u8>> {
    match packed.split_first()? {
        (0, clear) => Some(SecretSlice::from(clear.to_vec())),
        (1, packed) => {
            let (length, packed) = packed.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > CLEAR_BYTES_MAX {
                return None;
            }
            let clear = zstd::bulk::decompress(packed, length).ok()?;
            (clear.len() == length).then(|| SecretSlice::from(clear))
        }
        _ => None,
    }
}

/// Seals a member's value under the member's key.
pub(crate) fn seal_for_member(
    key: &Key,
    tenant: &TenantId,
    member: MemberId,
    field: &str,
    clear: &[u8],
) -> Result<Sealed, KeysError> {
    bounded(clear)?;
    seal(key, MEMBER_REF, &context(tenant, Some(member), field), clear)
}

/// Opens a member's value.
pub(crate) fn open_for_member(
    key: &Key,
    tenant: &TenantId,
    member: MemberId,
    field: &str,
    sealed: &Sealed,
) -> Result<SecretSlice<u8>, KeysError> {
    open(key, MEMBER_REF, &context(tenant, Some(member), field), sealed)
}

fn bounded(clear: &[u8]) -> Result<(), KeysError> {
    match clear.len() > CLEAR_BYTES_MAX {
        true => Err(KeysError::TooLarge { bytes: clear.len(), max: CLEAR_BYTES_MAX }),
        false => Ok(()),
    }
}

/// What a value is bound to: tenant, member, field, each so that no two contexts have equal bytes.
pub(crate) fn context(tenant: &TenantId, member: Option<MemberId>, field: &str) -> Vec<u8> {
    let mut context = Vec::with_capacity(64);
    context.push(tenant.as_str().len() as u8);
    context.extend_from_slice(tenant.as_str().as_bytes());
    match member {
        Some(member) => {
            context.push(16);
            context.extend_from_slice(&member.0);
        }
        None => context.push(0),
    }
    context.extend_from_slice(field.as_bytes());
    context
}

/// The nonce is drawn from context and value, so equal values seal equally; the mode stays safe even if two
/// different values should ever share one.
fn seal(key: &Key, key_ref: &str, context: &[u8], clear: &[u8]) -> Result<Sealed, KeysError> {
    let mut hasher = blake3::Hasher::new_keyed(key.derive("mirabelle 2026-11-25 nonces").expose());
    hasher.update(&(context.len() as u64).to_le_bytes()).update(context).update(clear);
    let nonce = hasher.finalize().as_bytes()[..NONCE_BYTES].to_vec();
    let payload = Payload { msg: clear, aad: context };
    let cipher = key.derive("mirabelle 2026-11-25 sealed values").cipher();
    let bytes = cipher
        .encrypt(Nonce::from_slice(&nonce), payload)
        .map_err(|_| KeysError::TooLarge { bytes: clear.len(), max: CLEAR_BYTES_MAX })?;
    Ok(Sealed { key_ref: key_ref.to_owned(), nonce, bytes })
}

fn open(key: &Key, key_ref: &str, context: &[u8], sealed: &Sealed) -> Result<SecretSlice<u8>, KeysError> {
    let refused = |reason| Err(KeysError::NotSealed { reason });
    if sealed.key_ref != key_ref {
        return refused("it names another kind of key");
    }
    if sealed.nonce.len() != NONCE_BYTES {
        return refused("its nonce is not 12 bytes");
    }
    if !(TAG_BYTES..=CLEAR_BYTES_MAX + 2 * TAG_BYTES).contains(&sealed.bytes.len()) {
        return refused("it is of a size that nothing sealed has");
    }
    let payload = Payload { msg: &sealed.bytes, aad: context };
    let cipher = key.derive("mirabelle 2026-11-25 sealed values").cipher();
    match cipher.decrypt(Nonce::from_slice(&sealed.nonce), payload) {
        Ok(clear) => Ok(SecretSlice::from(clear)),
        Err(_) => refused("it was changed, or sealed for another tenant, member or field"),
    }
}
