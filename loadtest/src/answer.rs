//! What a server said, cut down to what is judged.

use std::hash::{DefaultHasher, Hasher};

use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Idempotency-Replayed: true`.
    pub(crate) replayed: bool,
    /// A `Retry-After` was given.
    pub(crate) retry_after: bool,
    /// The server closes the connection after this answer.
    pub(crate) closing: bool,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn seen(&self) -> Seen {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.body);
        Seen { status: self.status, digest: hasher.finish() }
    }

    /// The beginning of the body, for a person.
    pub(crate) fn excerpt(&self) -> String {
        let end = self.body.len().min(200);
        String::from_utf8_lossy(&self.body[..end]).into_owned()
    }

    /// Takes note of one header.
    pub(crate) fn note_header(&mut self, name: &str, value: &[u8]) {
        if name.eq_ignore_ascii_case("idempotency-replayed") {
            self.replayed = value.eq_ignore_ascii_case(b"true");
        } else if name.eq_ignore_ascii_case("retry-after") {
            self.retry_after = true;
        } else if name.eq_ignore_ascii_case("connection") {
            self.closing |= value.eq_ignore_ascii_case(b"close");
        }
    }
}

/// What is kept of an answer to compare a repetition with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// Of the body.
    pub(crate) digest: u64,
}
