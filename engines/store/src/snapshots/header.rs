//! What stands before a snapshot's payload.

use mirabelle_log::LogId;

/// A snapshot's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The log that was folded.
    pub log_id: LogId,
    /// The payload's format, counted by whoever writes payloads.
    pub format: u32,
    /// What deciding meant when it was taken.
    pub domain_revision: u32,
    /// Seq of the last decision folded; names the snapshot.
    pub seq: u64,
    /// The checkpoint from which a reader goes on: opaque bytes.
    pub checkpoint: Vec<u8>,
}

/// Version of this layout.
const LAYOUT: u8 = 1;
const FIXED: usize = 1 + 16 + 4 + 4 + 8;

impl Header {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED + self.checkpoint.len());
        out.push(LAYOUT);
        out.extend_from_slice(&self.log_id.0);
        out.extend_from_slice(&self.format.to_le_bytes());
        out.extend_from_slice(&self.domain_revision.to_le_bytes());
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.checkpoint);
        out
    }

    /// From bytes; `None` for a layout that this version does not know.
    pub fn decode(bytes: &[u8]) -> Option<Header> {
        let (fixed, checkpoint) = bytes.split_at_checked(FIXED)?;
        let (&layout, rest) = fixed.split_first()?;
        let (log_id, rest) = rest.split_first_chunk::<16>()?;
        let (format, rest) = rest.split_first_chunk::<4>()?;
        let (revision, rest) = rest.split_first_chunk::<4>()?;
        let (seq, _) = rest.split_first_chunk::<8>()?;
        (layout == LAYOUT).then(|| Header {
            log_id: LogId(*log_id),
            format: u32::from_le_bytes(*format),
            domain_revision: u32::from_le_bytes(*revision),
            seq: u64::from_le_bytes(*seq),
            checkpoint: checkpoint.to_vec(),
        })
    }
}
