//! What stands around a datum: `0x00`, the schema's id as four bytes, big-endian, then the datum; and beside it, as a
//! header, the fingerprint of its schema. Ids belong to one registry: a reader goes by the fingerprint alone.

use bytes::Bytes;

use crate::unreadable::Unreadable;

/// Largest value of a record, bytes: below the embedded log's and a broker's default bound of 1 MiB for the whole record.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

/// Largest body of a command or a fact, bytes: a decision that repeats its command's body in a fact still fits.
pub const BODY_BYTES_MAX: usize = 300_000;

/// Bytes before the datum.
pub const HEADER_BYTES: usize = 5;

/// A record as the log takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The schema's fingerprint, for the record's header.
    pub fingerprint: u64,
    /// Wire header and datum.
    pub value: Bytes,
}

impl Encoded {
    /// The datum: what digests cover.
    pub fn datum(&self) -> Bytes {
        self.value.slice(HEADER_BYTES..)
    }
}

/// One version of a record's schema, as constants: the hot path asks no table. Tests compare them with the registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordSchema {
    pub(crate) name: &'static str,
    pub(crate) id: u32,
    pub(crate) fingerprint: u64,
}

pub(crate) const COMMAND_RECORD: RecordSchema =
    RecordSchema { name: "CommandRecord", id: 1001, fingerprint: 0x7ba5_cb93_6bf7_0d7b };
pub(crate) const DECISION: RecordSchema =
    RecordSchema { name: "Decision", id: 2001, fingerprint: 0x0499_c412_1a64_b37a };
pub(crate) const CLAIM: RecordSchema =
    RecordSchema { name: "Claim", id: 3001, fingerprint: 0x2b4c_2340_6625_d6e0 };
pub(crate) const LOG_CREATED: RecordSchema =
    RecordSchema { name: "LogCreated", id: 4001, fingerprint: 0x864c_7142_d80b_45b4 };
pub(crate) const DEAD_LETTER: RecordSchema =
    RecordSchema { name: "DeadLetter", id: 5001, fingerprint: 0x7696_aa5a_7a1c_8d77 };

pub(crate) const RECORDS: [RecordSchema; 5] = [COMMAND_RECORD, DECISION, CLAIM, LOG_CREATED, DEAD_LETTER];

impl RecordSchema {
    /// A buffer that begins with the wire header.
    #[inline]
    pub(crate) fn open(self, capacity: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + capacity);
        out.push(0);
        out.extend_from_slice(&self.id.to_be_bytes());
        out
    }

    #[inline]
    pub(crate) fn close(self, out: Vec<u8>) -> Encoded {
        Encoded { fingerprint: self.fingerprint, value: out.into() }
    }

    /// Checks that this schema wrote the value, and gives its datum.
    #[inline]
    pub(crate) fn datum(self, value: &[u8], fingerprint: u64) -> Result<&[u8], Unreadable> {
        let (found, datum) = open(value, fingerprint)?;
        if found.fingerprint == self.fingerprint {
            Ok(datum)
        } else {
            Err(Unreadable::OtherRecord { wanted: self.name, found: found.name })
        }
    }
}

/// Ids of the schemas of records: the number of a record × 1000 + its version.
const RECORD_IDS: std::ops::RangeInclusive<u32> = 1_001..=999_999;

/// The schema's id in the wire header of a value, if it is one of those that only records of ours have: whoever meets one
/// with a fingerprint that it does not know reads what a newer build has written.
pub fn reserved_id(value: &[u8]) -> Option<u32> {
    let (header, _) = value.split_first_chunk::<HEADER_BYTES>()?;
    let [0, id @ ..] = *header else { return None };
    Some(u32::from_be_bytes(id)).filter(|id| RECORD_IDS.contains(id))
}

/// Which record a value is, and its datum.
#[inline]
pub(crate) fn open(value: &[u8], fingerprint: u64) -> Result<(RecordSchema, &[u8]), Unreadable> {
    if value.len() > RECORD_BYTES_MAX {
        let (bytes, max) = (value.len(), RECORD_BYTES_MAX);
        return Err(Unreadable::TooLarge { what: "a record", bytes, max });
    }
    let schema = RECORDS.iter().find(|schema| schema.fingerprint == fingerprint);
    let schema = *schema.ok_or(Unreadable::UnknownSchema { fingerprint })?;
    match value.split_at_checked(HEADER_BYTES) {
        Some(([0, ..], datum)) => Ok((schema, datum)),
        _ => Err(Unreadable::NoHeader),
    }
}
