//! The one way in which bytes of our own topics are refused.

use crate::avro::Broken;

/// Bytes that this build can't read. Whoever meets one sets it aside, or stops where nothing may be skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More bytes than any record or body may have; nothing of it was looked at.
    #[error("{what} of {bytes} bytes is larger than the {max} bytes that one may have")]
    TooLarge {
        /// Record or body.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// No 0x00 and schema id before the datum.
    #[error("the wire header (0x00 and a schema id) is missing")]
    NoHeader,
    /// No schema of this fingerprint is known here.
    #[error("no schema with the fingerprint {fingerprint:016x} is known to this build")]
    UnknownSchema {
        /// The writer schema's fingerprint.
        fingerprint: u64,
    },
    /// A schema that is known, but of no record that may stand here.
    #[error("a {found} stands where a {wanted} is expected")]
    OtherRecord {
        /// What may stand here.
        wanted: &'static str,
        /// What stands here.
        found: &'static str,
    },
    /// A kind of command or fact of a newer release.
    #[error("{what} kind {kind} is not known to this build")]
    UnknownKind {
        /// Command or fact.
        what: &'static str,
        /// Its number.
        kind: u16,
    },
    /// A known kind in a version of a newer release.
    #[error("version {schema} of {what} kind {kind} is not known to this build")]
    UnknownVersion {
        /// Command or fact.
        what: &'static str,
        /// Its number.
        kind: u16,
        /// The version of its schema.
        schema: u16,
    },
    /// The bytes are no datum of their schema.
    #[error("{record} can't be read at {field}: {why}")]
    Broken {
        /// Record or body.
        record: &'static str,
        /// The field, or `body`.
        field: &'static str,
        /// What is wrong; holds no value of a person.
        why: String,
    },
    /// The command's id is not the hash of the parts it is made of.
    #[error("the command's id is not the hash of its namespace, account, client and key")]
    WrongId,
}

impl Unreadable {
    /// The reason as `InputSetAside` and dead letters have it: `unreadable`, `unknown_schema` or `too_large`.
    pub fn reason(&self) -> &'static str {
        match self {
            Unreadable::TooLarge { .. } => "too_large",
            Unreadable::UnknownSchema { .. }
            | Unreadable::UnknownKind { .. }
            | Unreadable::UnknownVersion { .. } => "unknown_schema",
            Unreadable::NoHeader
            | Unreadable::OtherRecord { .. }
            | Unreadable::Broken { .. }
            | Unreadable::WrongId => "unreadable",
        }
    }
}

/// Names the place at which a datum is broken.
pub(crate) trait At<T> {
    fn at(self, record: &'static str, field: &'static str) -> Result<T, Unreadable>;
}

impl<T> At<T> for Result<T, Broken> {
    #[inline]
    fn at(self, record: &'static str, field: &'static str) -> Result<T, Unreadable> {
        self.map_err(|why| Unreadable::Broken { record, field, why: why.to_string() })
    }
}
