//! Hashes that other languages must be able to compute: `docs/hash-vectors.md` says how, and holds the test vectors.

use mirabelle_domain::{AccountId, AccountKey, Command, CommandId, Digest, Key, MemberId, Name};
use sha2::{Digest as _, Sha256};
use twox_hash::XxHash3_64;

use crate::canonical;
use crate::record::Namespace;

/// Buckets that accounts fall into; a partition holds whole buckets.
pub const BUCKETS: u16 = 1024;

const COMMAND_ID: &[u8] = b"mirabelle/command-id/1";
const FOLLOW_UP: &[u8] = b"mirabelle/follow-up-key/1";
const INPUT: &[u8] = b"mirabelle/input-digest/1";

/// The command's id for ever: SHA-256-128 over the label `mirabelle/command-id/1`, the namespace's name, tenant,
/// account, client and key, each after its length.
pub fn command_id(namespace: Namespace, account: &AccountId, client: &Name, key: &Key) -> CommandId {
    let mut parts = Parts::new(COMMAND_ID);
    parts.add(namespace.name().as_bytes());
    parts.add(account.tenant.as_str().as_bytes());
    parts.add(AccountText::new(&account.key).as_bytes());
    parts.add(client.as_str().as_bytes());
    parts.add(key.as_str().as_bytes());
    CommandId(parts.first_128_bits())
}

/// The key of a command that a role sends because of a fact: the same for every worker and every repeat, another for
/// each purpose and each attempt. 32 hexadecimal digits.
///
/// `cause` is the id of the command whose decision holds the fact, `fact` the fact's index in it. `attempt` rises when
/// the sender reads an answer that ended its input but not its wish (`not_due`, `not_yet_adopted`).
pub fn follow_up_key(cause: &CommandId, fact: u16, purpose: &str, attempt: u32) -> Key {
    let mut parts = Parts::new(FOLLOW_UP);
    parts.add(&cause.0);
    parts.add(&u32::from(fact).to_be_bytes());
    parts.add(purpose.as_bytes());
    parts.add(&attempt.to_be_bytes());
    let digits = Digest(parts.first_128_bits()).to_string();
    digits.parse().expect("hexadecimal digits are a key")
}

/// What "same body" means: SHA-256-128 over the label `mirabelle/input-digest/1`, the kind's number as two bytes and the
/// body as canonical JSON (RFC 8785, members that are null left out), each after its length. A later version of the
/// body's schema gives the same digest, since what it adds is optional.
pub fn input_digest(command: &Command) -> Digest {
    let mut parts = Parts::new(INPUT);
    parts.add(&command.kind().to_be_bytes());
    parts.add(canonical::json(command).as_bytes());
    Digest(parts.first_128_bits())
}

/// SHA-256-128 of a datum (the bytes after the wire header): a decision's link in the chain, and the root's.
pub fn digest(datum: &[u8]) -> Digest {
    Digest(truncate(Sha256::digest(datum)))
}

/// The head's digest after a counting claim: SHA-256-128 of the head's digest, then the claim's datum.
pub fn digest_after_claim(head: &Digest, claim_datum: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(head.0);
    hasher.update(claim_datum);
    Digest(truncate(hasher.finalize()))
}

/// The account's bucket, `0 .. 1024`: XXH3-64 with seed 0 of tenant, 0x1F and account, modulo 1024. What lies in `p:`
/// accounts has a bucket too, but is exempt from it: see [`partition_of`].
pub fn bucket(account: &AccountId) -> u16 {
    let mut text = [0u8; 128];
    let tenant = account.tenant.as_str().as_bytes();
    let key = AccountText::new(&account.key);
    let (tenant_end, end) = (tenant.len(), tenant.len() + 1 + key.as_bytes().len());
    text[..tenant_end].copy_from_slice(tenant);
    text[tenant_end] = 0x1f;
    text[tenant_end + 1..end].copy_from_slice(key.as_bytes());
    (XxHash3_64::oneshot(&text[..end]) % u64::from(BUCKETS)) as u16
}

/// The partition that holds the account: `p:<n>` is partition n, any other its bucket modulo `partitions`.
///
/// # Panics
/// When `partitions` is 0.
pub fn partition_of(account: &AccountId, partitions: u16) -> u16 {
    match account.key {
        AccountKey::Partition(number) => number,
        _ => bucket(account) % partitions,
    }
}

/// SHA-256-128 over parts, each after its length as four bytes, big-endian.
struct Parts(Sha256);

impl Parts {
    fn new(label: &[u8]) -> Parts {
        let mut parts = Parts(Sha256::new());
        parts.add(label);
        parts
    }

    fn add(&mut self, part: &[u8]) {
        let length = u32::try_from(part.len()).expect("no part of a hash is larger than a record");
        self.0.update(length.to_be_bytes());
        self.0.update(part);
    }

    fn first_128_bits(self) -> [u8; 16] {
        truncate(self.0.finalize())
    }
}

fn truncate(hash: impl AsRef<[u8]>) -> [u8; 16] {
    *hash.as_ref().first_chunk().expect("a SHA-256 hash has 32 bytes")
}

/// An account key's text without an allocation: this runs for every record.
pub(crate) struct AccountText {
    bytes: [u8; AccountText::MAX],
    length: usize,
}

impl AccountText {
    /// `b:` and a name of 64 bytes.
    const MAX: usize = 66;

    pub(crate) fn new(key: &AccountKey) -> AccountText {
        let mut text = AccountText { bytes: [0; AccountText::MAX], length: 0 };
        match key {
            AccountKey::Member(member) => {
                text.push(b"m:");
                text.push_hex(member);
            }
            AccountKey::Budget(name) => {
                text.push(b"b:");
                text.push(name.as_str().as_bytes());
            }
            AccountKey::Configuration => text.push(b"c:"),
            AccountKey::Partition(number) => text.push(format!("p:{number}").as_bytes()),
        }
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        self.bytes[self.length..end].copy_from_slice(part);
        self.length = end;
    }

    fn push_hex(&mut self, member: &MemberId) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in member.0 {
            self.push(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}
