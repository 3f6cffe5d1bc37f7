//! The bytes of a sealed segment.
//!
//! ```text
//! file      = blocks ‖ directory ‖ ends ‖ trailer (112 bytes)
//! directory = per block: partition u16 | bytes u32 | raw bytes u32 | head bytes u32 | crc u32
//!           | per topic: first offset u64, records u32
//! ends      = per slot: first offset u64, offset that follows u64
//! trailer   = "MIRSEAL1" | format u32 | topics dropped u32 (bits) | log id 16 bytes | segment u64
//!           | first group u64 | last group u64 | records u64 | blocks u32 | directory crc u32 | ends crc u32
//!           | zeros 32 | crc u32
//! ```
//! Every byte is under one of the checksums. `topics dropped` is room for retention: a segment rewritten without
//! its old commands keeps their offsets in `ends` and names them there; this build reads 0 only.

use std::io;
use std::sync::Arc;

use crate::block::TOPICS;
use crate::error::Fault;
use crate::files::{File, read_exact_at};
use crate::frame::{Stamp, table_bytes, u32_at, u64_at};
use crate::meta::FORMAT;

const MAGIC: &[u8; 8] = b"MIRSEAL1";
const TRAILER: usize = 112;
pub(crate) const ENTRY: usize = 18 + 12 * TOPICS;
/// No block is larger before compression: a block of records below its bound, and one record of any size.
const RAW_MAX: usize = 64 << 20;

/// One block, as the directory says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) partition: u16,
    pub(crate) place: u64,
    pub(crate) bytes: u32,
    pub(crate) raw_bytes: u32,
    pub(crate) head_bytes: u32,
    pub(crate) crc: u32,
    pub(crate) firsts: [u64; TOPICS],
    pub(crate) counts: [u32; TOPICS],
}

/// What stands behind the blocks, to be written.
pub(crate) struct Tail<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) starts: &'a [u64],
    pub(crate) ends: &'a [u64],
    pub(crate) segment: u64,
    pub(crate) groups: (u64, u64),
    pub(crate) records: u64,
}

impl Tail<'_> {
    pub(crate) fn bytes(&self, stamp: &Stamp) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * ENTRY + self.starts.len() * 16 + TRAILER);
        for entry in self.entries {
            bytes.extend_from_slice(&entry.partition.to_le_bytes());
            for number in [entry.bytes, entry.raw_bytes, entry.head_bytes, entry.crc] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            for (first, count) in entry.firsts.iter().zip(entry.counts) {
                bytes.extend_from_slice(&first.to_le_bytes());
                bytes.extend_from_slice(&count.to_le_bytes());
            }
        }
        let directory_crc = stamp.crc(&bytes);
        let ends_at = bytes.len();
        for (start, end) in self.starts.iter().zip(self.ends) {
            bytes.extend_from_slice(&start.to_le_bytes());
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        let ends_crc = stamp.crc(&bytes[ends_at..]);
        let trailer_at = bytes.len();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&0u32.to_le_bytes());
        bytes.extend_from_slice(&stamp.id.0);
        for number in [self.segment, self.groups.0, self.groups.1, self.records] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let blocks = u32::try_from(self.entries.len()).expect("a segment's blocks can be counted");
        for number in [blocks, directory_crc, ends_crc] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.resize(trailer_at + TRAILER - 4, 0);
        let crc = stamp.crc(&bytes[trailer_at..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// What the trailer and the ends of a sealed segment say; its blocks are checked when they are read.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) segment: u64,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) groups: (u64, u64),
    pub(crate) records: u64,
    pub(crate) starts: Box<[u64]>,
    pub(crate) ends: Box<[u64]>,
    blocks: usize,
    directory_crc: u32,
}

/// A fault of the bytes, or of the disk.
#[derive(Debug)]
pub(crate) enum Bad {
    Fault(Fault),
    Io(io::Error),
}

impl From<Fault> for Bad {
    fn from(fault: Fault) -> Bad {
        Bad::Fault(fault)
    }
}

impl From<io::Error> for Bad {
    fn from(error: io::Error) -> Bad {
        Bad::Io(error)
    }
}

impl Sealed {
    /// Reads the end of the file.
    pub(crate) fn read(
        file: &dyn File,
        name: &str,
        segment: u64,
        stamp: &Stamp,
        partitions: u16,
    ) -> Result<Sealed, Bad> {
        let size = file.size()?;
        let slots = table_bytes(partitions) / 8;
        let tail_bytes = slots * 16 + TRAILER;
        let Some(tail_at) = size.checked_sub(tail_bytes as u64) else {
            return Err(Fault::new(name, size, "the file is cut").into());
        };
        let mut tail = vec![0; tail_bytes];
        read_exact_at(file, &mut tail, tail_at)?;
        let (ends, trailer) = tail.split_at(slots * 16);
        let fault = |at: usize, reason: &str| Err(Fault::new(name, tail_at + at as u64, reason).into());
        if stamp.crc(&trailer[..TRAILER - 4]) != u32_at(trailer, TRAILER - 4) || trailer[..8] != *MAGIC {
            return fault(ends.len(), "the trailer's checksum does not fit");
        }
        if u32_at(trailer, 8) != FORMAT || u32_at(trailer, 12) != 0 {
            return fault(ends.len(), "the trailer is of a newer format");
        }
        if trailer[16..32] != stamp.id.0 || u64_at(trailer, 32) != segment {
            return fault(ends.len(), "the file belongs to another place or another log");
        }
        if stamp.crc(ends) != u32_at(trailer, 72) {
            return fault(0, "the checksum of the ends does not fit");
        }
        let blocks = u32_at(trailer, 64) as usize;
        if (blocks * ENTRY) as u64 > tail_at {
            return fault(0, "the file is cut");
        }
        let column = |at: usize| ends.chunks_exact(16).map(|pair| u64_at(pair, at)).collect();
        Ok(Sealed {
            segment,
            file: name.to_owned(),
            bytes: size,
            groups: (u64_at(trailer, 40), u64_at(trailer, 48)),
            records: u64_at(trailer, 56),
            starts: column(0),
            ends: column(8),
            blocks,
            directory_crc: u32_at(trailer, 68),
        })
    }

    fn fault(&self, place: u64, reason: &str) -> Bad {
        Fault::new(&*self.file, place, reason).into()
    }

    /// Reads the directory of blocks.
    pub(crate) fn directory(&self, file: &dyn File, stamp: &Stamp) -> Result<Arc<[Entry]>, Bad> {
        let behind = (self.starts.len() * 16 + TRAILER) as u64;
        let directory_at = self.bytes - behind - (self.blocks * ENTRY) as u64;
        let mut bytes = vec![0; self.blocks * ENTRY];
        read_exact_at(file, &mut bytes, directory_at)?;
        if stamp.crc(&bytes) != self.directory_crc {
            return Err(self.fault(directory_at, "the directory's checksum does not fit"));
        }
        let mut place = 0;
        let entries: Arc<[Entry]> = bytes
            .chunks_exact(ENTRY)
            .map(|bytes| {
                let of = |topic: usize| 18 + 12 * topic;
                let entry = Entry {
                    partition: u16::from_le_bytes([bytes[0], bytes[1]]),
                    place,
                    bytes: u32_at(bytes, 2),
                    raw_bytes: u32_at(bytes, 6),
                    head_bytes: u32_at(bytes, 10),
                    crc: u32_at(bytes, 14),
                    firsts: std::array::from_fn(|topic| u64_at(bytes, of(topic))),
                    counts: std::array::from_fn(|topic| u32_at(bytes, of(topic) + 8)),
                };
                place += u64::from(entry.bytes);
                entry
            })
            .collect();
        if place != directory_at {
            return Err(self.fault(directory_at, "the blocks do not fill the file"));
        }
        Ok(entries)
    }

    /// Reads a block, checks it and decompresses it.
    pub(crate) fn block(
        &self,
        file: &dyn File,
        entry: &Entry,
        stamp: &Stamp,
        unpack: &mut zstd::bulk::Decompressor<'static>,
        packed: &mut Vec<u8>,
    ) -> Result<Vec<u8>, Bad> {
        if entry.raw_bytes as usize > RAW_MAX || entry.head_bytes > entry.raw_bytes {
            return Err(self.fault(entry.place, "a block's sizes can't be"));
        }
        packed.resize(entry.bytes as usize, 0);
        read_exact_at(file, packed, entry.place)?;
        if stamp.crc(packed) != entry.crc {
            return Err(self.fault(entry.place, "a block's checksum does not fit"));
        }
        let raw = unpack.decompress(packed, entry.raw_bytes as usize);
        match raw {
            Ok(raw) if raw.len() == entry.raw_bytes as usize => Ok(raw),
            _ => Err(self.fault(entry.place, "a block can't be decompressed")),
        }
    }
}
