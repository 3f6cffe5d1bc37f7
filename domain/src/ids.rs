//! Identifiers. Parsed once at the edge, trusted after.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Text that is not an identifier of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct NotAnId {
    /// Which kind of identifier.
    pub what: &'static str,
    /// What it must look like.
    pub rule: &'static str,
}

macro_rules! bits128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<$name, NotAnId> {
                parse_hex(text).map($name).ok_or(NotAnId {
                    what: stringify!($name),
                    rule: "32 lower-case hexadecimal digits",
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(Bits128).map($name)
                } else {
                    deserializer.deserialize_bytes(Bits128).map($name)
                }
            }
        }
    };
}

struct Bits128;

impl Visitor<'_> for Bits128 {
    type Value = [u8; 16];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("128 bits as 16 bytes or 32 hexadecimal digits")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<[u8; 16], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<[u8; 16], E> {
        parse_hex(text).ok_or_else(|| E::custom("not 32 lower-case hexadecimal digits"))
    }
}

/// In one piece: an id is written for every command and every answer.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 || digits.iter().any(|d| !matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

bits128!(
    /// A member, opaque: 128 bits of HMAC under the tenant's id key (DESIGN §6), never an employee number.
    MemberId
);
bits128!(
    /// A command, for ever: SHA-256-128 over (namespace, tenant, account, client, key) (DESIGN §5).
    CommandId
);

impl CommandId {
    /// An id made inside a decision: SHA-256-128 of `what`, the command's id, and the index of the fact that brings it
    /// into the world as four bytes, big-endian.
    pub fn derived(&self, what: &str, fact: u32) -> [u8; 16] {
        let hasher = Sha256::new_with_prefix(what).chain_update(self.0).chain_update(fact.to_be_bytes());
        *hasher.finalize().first_chunk().expect("a SHA-256 hash has 32 bytes")
    }
}

bits128!(
    /// A grant on its way from a budget to a wallet: hash of (command id, index of the fact).
    GrantId
);
bits128!(
    /// A redemption: hash of (command id, index of the fact).
    RedemptionId
);
bits128!(
    /// First 16 bytes of a SHA-256 digest.
    Digest
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:literal, $rule:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<$name, NotAnId> {
                let allowed: fn(char) -> bool = $allowed;
                if (1..=$max).contains(&text.len()) && text.chars().all(allowed) {
                    Ok($name(text.into()))
                } else {
                    Err(NotAnId { what: stringify!($name), rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

name!(
    /// A tenant. Those that begin with `_` are reserved.
    TenantId, 32, "1 to 32 of a-z, 0-9, - and _",
    |c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_')
);
name!(
    /// The name of a piece of configuration, a budget, a product, a connection, a client.
    Name, 64, "1 to 64 of a-z, 0-9, -, _ and .",
    |c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.')
);
name!(
    /// What tells two milestones of one kind and member apart: the source's id of the thing.
    Occurrence, 128, "1 to 128 printable ASCII characters without spaces",
    |c| c.is_ascii_graphic()
);

/// An idempotency key as its sender chose it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Key(Box<str>);

impl Key {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Key, NotAnId> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Key(text.into()))
        } else {
            Err(NotAnId {
                what: "Idempotency-Key",
                rule: "1 to 255 printable ASCII characters without spaces",
            })
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
