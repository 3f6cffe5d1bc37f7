//! Blocks of a sealed segment: the records of one partition, all topics side by side in file order, so that a
//! command's bytes and their repetition in its decision are compressed together.
//!
//! ```text
//! block = zstd( heads ‖ bodies )
//! head  = flags u8 (bits 0-2 topic, 3 traced, 4 fingerprint differs from the topic's last) | [fingerprint u64]
//!       | appended_at, zigzag varint of the difference to the record before
//!       | key length | [trace length] | value length, varints
//! body  = key ‖ trace ‖ value
//! ```

use std::ops::Range;

use bytes::Bytes;
use mirabelle_log::{Entry, Topic};

use crate::frame::Row;

pub(crate) const TOPICS: usize = Topic::ALL.len();
const TRACED: u8 = 1 << 3;
const FINGERPRINT: u8 = 1 << 4;

/// Gathers the records of one block.
#[derive(Default)]
pub(crate) struct Gather {
    heads: Vec<u8>,
    bodies: Vec<u8>,
    fingerprints: [u64; TOPICS],
    at: i64,
    pub(crate) counts: [u32; TOPICS],
}

impl Gather {
    pub(crate) fn push(&mut self, row: &Row, payload: &[u8]) {
        let topic = row.topic as usize;
        let differs = self.counts[topic] == 0 || self.fingerprints[topic] != row.fingerprint;
        let traced = if row.trace.is_some() { TRACED } else { 0 };
        self.heads.push(row.topic as u8 | traced | if differs { FINGERPRINT } else { 0 });
        if differs {
            self.heads.extend_from_slice(&row.fingerprint.to_le_bytes());
        }
        self.fingerprints[topic] = row.fingerprint;
        let difference = row.at.wrapping_sub(self.at);
        self.at = row.at;
        put_varint(&mut self.heads, ((difference << 1) ^ (difference >> 63)).cast_unsigned());
        put_varint(&mut self.heads, row.key.len() as u64);
        if let Some(trace) = &row.trace {
            put_varint(&mut self.heads, trace.len() as u64);
        }
        put_varint(&mut self.heads, row.value.len() as u64);
        // Key, trace and value stand one behind the other in a row too.
        self.bodies.extend_from_slice(&payload[row.key.start..row.value.end]);
        self.counts[topic] += 1;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.heads.len() + self.bodies.len()
    }

    /// The block's bytes before compression, and how many of them are heads.
    pub(crate) fn finish(&mut self) -> (&[u8], usize) {
        let heads = self.heads.len();
        self.heads.extend_from_slice(&self.bodies);
        (&self.heads, heads)
    }

    pub(crate) fn clear(&mut self) {
        self.heads.clear();
        self.bodies.clear();
        self.fingerprints = [0; TOPICS];
        self.at = 0;
        self.counts = [0; TOPICS];
    }
}

fn put_varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push(number as u8 | 0x80);
        number >>= 7;
    }
    buffer.push(number as u8);
}

/// A record of a block; the ranges are positions in the block's bytes.
pub(crate) struct Item {
    pub(crate) topic: Topic,
    pub(crate) at: i64,
    pub(crate) fingerprint: u64,
    pub(crate) key: Range<usize>,
    pub(crate) trace: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
}

/// Walks the records of a decompressed block.
pub(crate) struct Items {
    bytes: Bytes,
    heads: usize,
    head: usize,
    body: usize,
    fingerprints: [u64; TOPICS],
    at: i64,
}

impl Items {
    /// `heads` is at most the length of `bytes`.
    pub(crate) fn new(bytes: Bytes, heads: usize) -> Items {
        Items { bytes, heads, head: 0, body: heads, fingerprints: [0; TOPICS], at: 0 }
    }

    /// The entry of an item of this block.
    pub(crate) fn entry(&self, item: &Item) -> Entry {
        Entry {
            key: self.bytes.slice(item.key.clone()),
            fingerprint: item.fingerprint,
            value: self.bytes.slice(item.value.clone()),
            trace: item.trace.clone().map(|trace| self.bytes.slice(trace)),
        }
    }

    /// Whether `item`'s bytes are those of `row` in `payload`.
    pub(crate) fn equals(&self, item: &Item, row: &Row, payload: &[u8]) -> bool {
        (item.topic, item.at, item.fingerprint) == (row.topic, row.at, row.fingerprint)
            && item.key.len() == row.key.len()
            && item.trace.as_ref().map(|trace| trace.len()) == row.trace.as_ref().map(|trace| trace.len())
            && self.bytes[item.key.start..item.value.end] == payload[row.key.start..row.value.end]
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.head).filter(|_| self.head < self.heads)?;
            self.head += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn length(&mut self) -> Option<usize> {
        self.varint()
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= self.bytes.len())
    }

    /// The next record; `None` at the end, `Some(None)` where the bytes are no record.
    pub(crate) fn step(&mut self) -> Option<Option<Item>> {
        if self.head >= self.heads {
            return (self.body != self.bytes.len()).then_some(None);
        }
        Some(self.item())
    }

    fn item(&mut self) -> Option<Item> {
        let flags = self.bytes[self.head];
        self.head += 1;
        let topic = Topic::from_number(flags & 7)?;
        if flags & FINGERPRINT != 0 {
            let end = self.head + 8;
            if end > self.heads {
                return None;
            }
            self.fingerprints[topic as usize] = crate::frame::u64_at(&self.bytes, self.head);
            self.head = end;
        }
        let zigzag = self.varint()?;
        self.at = self.at.wrapping_add((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
        let key = self.body..self.body + self.length()?;
        let trace_bytes = if flags & TRACED != 0 { self.length()? } else { 0 };
        let trace = key.end..key.end + trace_bytes;
        let value = trace.end..trace.end + self.length()?;
        if value.end > self.bytes.len() {
            return None;
        }
        self.body = value.end;
        Some(Item {
            topic,
            at: self.at,
            fingerprint: self.fingerprints[topic as usize],
            key,
            trace: (flags & TRACED != 0).then_some(trace),
            value,
        })
    }
}
