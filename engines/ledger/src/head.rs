//! What every reader of a partition of `facts` folds, and where it may go on.

use mirabelle_domain::Digest;
use mirabelle_log::{LogId, Offset, Topic};
use serde::{Deserialize, Serialize};

/// The head of a partition: what the records that count have made of it so far.
///
/// ```text
///  facts   root  claim 1  D1  D2  claim 2  D3 | ghost of epoch 1 ...
///  epoch    0      1       1   1     2      2 |  2
///  seq      0      0       1   2     2      3 |  3
///  digest   H(root) H(·‖c) H(D1) H(D2) H(·‖c) H(D3)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The log whose root began the chain.
    #[serde(with = "plain::log_id")]
    pub log_id: LogId,
    /// Epoch of the last counting claim; 0 before the first.
    pub epoch: u64,
    /// Random bits of that claim; 0 before the first.
    pub claim: u64,
    /// Whether decisions of this epoch still count: an orphan closes it until the next counting claim. Part of the
    /// head, since a reader that starts behind an orphan must know of it.
    pub open: bool,
    /// Seq of the last counting decision; the root has 0.
    pub seq: u64,
    /// What the next counting decision names as `prev_digest`.
    pub digest: Digest,
    /// Stamp of the last counting decision, or of the root; microseconds.
    pub at: i64,
    /// The next offset of each of [`Topic::INPUTS`]: one past the last input that was decided.
    #[serde(with = "plain::offsets")]
    pub next: [Offset; Topic::INPUTS.len()],
    /// What deciding means here: the highest `domain_revision` of a claim that counts; 0 before the first. Whoever knows
    /// only lower ones may read, and never decides again.
    pub domain_revision: u32,
}

/// A place where a reader of `facts` may start: a whole head with its offset, and what stood before it, so that a log
/// that was cut, restored or swapped is noticed. Serialisable (postcard), about 140 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The head of everything before `offset`.
    pub head: Head,
    /// The next record of `facts` to read.
    #[serde(with = "plain::offset")]
    pub offset: Offset,
    /// The record before it, counting or not: its offset and the digest of its wire bytes.
    pub last: LastRecord,
}

/// The record before a [`Checkpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastRecord {
    /// Where it stands.
    #[serde(with = "plain::offset")]
    pub offset: Offset,
    /// Digest of its wire bytes, header included.
    pub digest: Digest,
}

/// The log's types as numbers and bytes.
mod plain {
    pub(super) mod log_id {
        use mirabelle_log::LogId;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(
            id: &LogId,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            id.0.serialize(serializer)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<LogId, D::Error> {
            <[u8; 16]>::deserialize(from).map(LogId)
        }
    }

    pub(super) mod offset {
        use mirabelle_log::Offset;
        use serde::{Deserialize, Deserializer, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(offset: &Offset, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_u64(offset.0)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Offset, D::Error> {
            u64::deserialize(from).map(Offset)
        }
    }

    pub(super) mod offsets {
        use mirabelle_log::{Offset, Topic};
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        type Offsets = [Offset; Topic::INPUTS.len()];

        pub(in super::super) fn serialize<S: Serializer>(next: &Offsets, to: S) -> Result<S::Ok, S::Error> {
            next.map(|offset| offset.0).serialize(to)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Offsets, D::Error> {
            <[u64; Topic::INPUTS.len()]>::deserialize(from).map(|next| next.map(Offset))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_its_bytes() {
        let checkpoint = Checkpoint {
            head: Head {
                log_id: LogId([7; 16]),
                epoch: 41,
                claim: u64::MAX - 3,
                open: false,
                seq: 1_041,
                digest: Digest([9; 16]),
                at: 1_764_000_000_123_456,
                next: [Offset(17), Offset(1 << 40), Offset(3)],
                domain_revision: 3,
            },
            offset: Offset(2_082),
            last: LastRecord { offset: Offset(2_080), digest: Digest([5; 16]) },
        };
        let bytes = postcard::to_allocvec(&checkpoint).unwrap();
        assert_eq!(postcard::from_bytes::<Checkpoint>(&bytes).unwrap(), checkpoint);
        assert!(bytes.len() <= 140, "{} bytes", bytes.len());
        let json = serde_json::to_string(&checkpoint).unwrap();
        assert_eq!(serde_json::from_str::<Checkpoint>(&json).unwrap(), checkpoint);
    }
}
