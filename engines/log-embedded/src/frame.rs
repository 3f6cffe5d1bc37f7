//! The bytes of a raw segment: frames of one group each, one behind the other, zeros behind the last.
//!
//! ```text
//! frame   = header (56 bytes) ‖ payload ‖ zeros up to a multiple of 8 (within the payload's length and CRC)
//! header  = crc of the header's rest u32 | payload length u32 | payload crc u32 | rows u32
//!         | log id 16 bytes | segment u64 | group u64 | kind u8 | zeros 7
//! payload = [table of the offsets that follow, in a segment's first frame] ‖ chunks
//! chunk   = appended_at i64 | bytes u32 | rows u32 ‖ rows                         (one append's records)
//! row     = topic u8 | trace length u8 (255: none) | partition u16 | key length u16 | value length u32
//!         | fingerprint u64 ‖ key ‖ trace ‖ value
//! ```
//! Numbers are little-endian. Checksums are CRC32C, seeded with the log's secret.

use std::ops::Range;

use bytes::Bytes;
use mirabelle_log::{Entry, LogId, Topic};

pub(crate) const HEADER: usize = 56;
pub(crate) const CHUNK_HEAD: usize = 16;
pub(crate) const ROW_HEAD: usize = 18;
pub(crate) const TRACE_MAX: usize = 128;
const NO_TRACE: u8 = u8::MAX;

pub(crate) fn align(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

/// Bytes of the table of offsets with so many partitions.
pub(crate) fn table_bytes(partitions: u16) -> usize {
    8 * Topic::ALL.len() * usize::from(partitions)
}

/// The number of a (topic, partition) in tables and arrays.
pub(crate) fn slot(topic: Topic, partition: u16, partitions: u16) -> usize {
    topic as usize * usize::from(partitions) + usize::from(partition)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// What marks bytes as this log's own.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) id: LogId,
    seed: u32,
}

impl Stamp {
    pub(crate) fn new(id: LogId, secret: &[u8; 16]) -> Stamp {
        Stamp { id, seed: crc32c::crc32c_append(crc32c::crc32c(secret), &id.0) }
    }

    pub(crate) fn crc(&self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.seed, bytes)
    }
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Rows = 1,
    /// The first of its segment: begins with the table of offsets.
    First = 2,
    /// Empty: says that the frame before it was durable.
    Confirm = 3,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) payload_bytes: usize,
    payload_crc: u32,
    pub(crate) rows: u32,
    pub(crate) group: u64,
    pub(crate) kind: Kind,
}

impl Head {
    /// The header at the beginning of `bytes`, if it is one of this log and segment.
    pub(crate) fn parse(bytes: &[u8], stamp: &Stamp, segment: u64) -> Option<Head> {
        let bytes = bytes.get(..HEADER)?;
        if bytes[16..32] != stamp.id.0 || u64_at(bytes, 32) != segment || bytes[49..] != [0; 7] {
            return None;
        }
        if stamp.crc(&bytes[4..]) != u32_at(bytes, 0) {
            return None;
        }
        let kind = match bytes[48] {
            1 => Kind::Rows,
            2 => Kind::First,
            3 => Kind::Confirm,
            _ => return None,
        };
        let payload_bytes = u32_at(bytes, 4) as usize;
        let head = Head {
            payload_bytes,
            payload_crc: u32_at(bytes, 8),
            rows: u32_at(bytes, 12),
            group: u64_at(bytes, 40),
            kind,
        };
        payload_bytes.is_multiple_of(8).then_some(head)
    }

    pub(crate) fn fits(&self, payload: &[u8], stamp: &Stamp) -> bool {
        payload.len() == self.payload_bytes && stamp.crc(payload) == self.payload_crc
    }
}

/// The whole frame at the beginning of `bytes`, if header and payload check.
pub(crate) fn parse<'a>(bytes: &'a [u8], stamp: &Stamp, segment: u64) -> Option<(Head, &'a [u8])> {
    let head = Head::parse(bytes, stamp, segment)?;
    let payload = bytes.get(HEADER..HEADER + head.payload_bytes)?;
    head.fits(payload, stamp).then_some((head, payload))
}

/// Builds one frame in a buffer that is used again.
#[derive(Default)]
pub(crate) struct Builder {
    buffer: Vec<u8>,
    rows: u32,
    kind: Option<Kind>,
}

impl Builder {
    /// Begins anew, with the table if the frame is its segment's first.
    pub(crate) fn begin(&mut self, table: Option<&[u64]>) {
        self.buffer.clear();
        self.buffer.resize(HEADER, 0);
        self.rows = 0;
        self.kind = Some(if table.is_some() { Kind::First } else { Kind::Rows });
        for offset in table.into_iter().flatten() {
            self.buffer.extend_from_slice(&offset.to_le_bytes());
        }
    }

    pub(crate) fn chunk(&mut self, at: i64, rows: u32, bytes: &[u8]) {
        self.buffer.extend_from_slice(&at.to_le_bytes());
        self.buffer
            .extend_from_slice(&u32::try_from(bytes.len()).expect("a chunk fits in a segment").to_le_bytes());
        self.buffer.extend_from_slice(&rows.to_le_bytes());
        self.buffer.extend_from_slice(bytes);
        self.rows += rows;
    }

    /// The finished frame.
    pub(crate) fn finish(&mut self, stamp: &Stamp, segment: u64, group: u64) -> &[u8] {
        self.buffer.resize(align(self.buffer.len()), 0);
        let (header, payload) = self.buffer.split_at_mut(HEADER);
        let kind = if self.rows == 0 { Kind::Confirm } else { self.kind.unwrap_or(Kind::Rows) };
        header[4..8]
            .copy_from_slice(&u32::try_from(payload.len()).expect("a frame fits in a segment").to_le_bytes());
        header[8..12].copy_from_slice(&stamp.crc(payload).to_le_bytes());
        header[12..16].copy_from_slice(&self.rows.to_le_bytes());
        header[16..32].copy_from_slice(&stamp.id.0);
        header[32..40].copy_from_slice(&segment.to_le_bytes());
        header[40..48].copy_from_slice(&group.to_le_bytes());
        header[48] = kind as u8;
        let crc = stamp.crc(&header[4..]);
        header[..4].copy_from_slice(&crc.to_le_bytes());
        &self.buffer
    }
}

/// Appends one row; sizes were checked before.
pub(crate) fn put_row(buffer: &mut Vec<u8>, topic: Topic, partition: u16, entry: &Entry) {
    let trace = entry.trace.as_deref();
    buffer.push(topic as u8);
    buffer.push(trace.map_or(NO_TRACE, |trace| u8::try_from(trace.len()).expect("checked before")));
    buffer.extend_from_slice(&partition.to_le_bytes());
    buffer.extend_from_slice(&u16::try_from(entry.key.len()).expect("checked before").to_le_bytes());
    buffer.extend_from_slice(&u32::try_from(entry.value.len()).expect("checked before").to_le_bytes());
    buffer.extend_from_slice(&entry.fingerprint.to_le_bytes());
    buffer.extend_from_slice(&entry.key);
    buffer.extend_from_slice(trace.unwrap_or_default());
    buffer.extend_from_slice(&entry.value);
}

/// A row found in some bytes; the ranges are positions in them.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) topic: Topic,
    pub(crate) partition: u16,
    pub(crate) fingerprint: u64,
    pub(crate) at: i64,
    pub(crate) key: Range<usize>,
    pub(crate) trace: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
}

impl Row {
    /// The row at `from`; `None` if it does not end within `bytes`.
    pub(crate) fn parse(bytes: &[u8], from: usize, at: i64) -> Option<Row> {
        let head = bytes.get(from..from + ROW_HEAD)?;
        let topic = Topic::from_number(head[0])?;
        let key = from + ROW_HEAD..from + ROW_HEAD + usize::from(u16::from_le_bytes([head[4], head[5]]));
        let trace_bytes = if head[1] == NO_TRACE { 0 } else { usize::from(head[1]) };
        let trace = key.end..key.end + trace_bytes;
        let value = trace.end..trace.end + u32_at(head, 6) as usize;
        (value.end <= bytes.len()).then_some(Row {
            topic,
            partition: u16::from_le_bytes([head[2], head[3]]),
            fingerprint: u64_at(head, 10),
            at,
            key,
            trace: (head[1] != NO_TRACE).then_some(trace),
            value,
        })
    }

    /// The entry as slices of the same bytes.
    pub(crate) fn entry(&self, bytes: &Bytes) -> Entry {
        Entry {
            key: bytes.slice(self.key.clone()),
            fingerprint: self.fingerprint,
            value: bytes.slice(self.value.clone()),
            trace: self.trace.clone().map(|trace| bytes.slice(trace)),
        }
    }
}

/// Walks the rows of a frame's payload whose checksum was right.
pub(crate) struct Rows<'a> {
    payload: &'a [u8],
    place: usize,
    chunk_rows: u32,
    at: i64,
    left: u32,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(head: &Head, payload: &'a [u8], partitions: u16) -> Rows<'a> {
        let place = if head.kind == Kind::First { table_bytes(partitions) } else { 0 };
        Rows { payload, place, chunk_rows: 0, at: 0, left: head.rows }
    }

    /// The table of a first frame.
    pub(crate) fn table(head: &Head, payload: &[u8], partitions: u16) -> Option<Box<[u64]>> {
        if head.kind != Kind::First {
            return None;
        }
        let table = payload.get(..table_bytes(partitions))?;
        Some(table.chunks_exact(8).map(|bytes| u64_at(bytes, 0)).collect())
    }
}

impl Iterator for Rows<'_> {
    /// `Err` with its place where the bytes are no row, which a right checksum excludes unless a writer is wrong.
    type Item = Result<Row, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.chunk_rows == 0 {
            let Some(head) = self.payload.get(self.place..self.place + CHUNK_HEAD) else {
                self.left = 0;
                return Some(Err(self.place));
            };
            self.at = u64_at(head, 0).cast_signed();
            self.chunk_rows = u32_at(head, 12);
            self.place += CHUNK_HEAD;
        }
        let row = Row::parse(self.payload, self.place, self.at);
        self.left = if row.is_some() { self.left - 1 } else { 0 };
        self.chunk_rows -= 1;
        Some(row.inspect(|row| self.place = row.value.end).ok_or(self.place))
    }
}
