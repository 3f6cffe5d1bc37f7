//! Blocks: sorted entries with shared key prefixes, and a checksum that also covers where the block belongs.
//!
//! ```text
//!   entry*: varint shared · varint rest · varint value · rest of the key · value
//!   packed: u32 bytes of the entries before they were packed with zstd; as they are: 0
//!   u32 CRC32C over run, block number and all before
//! ```

use std::fmt;

use mirabelle_store::encode::{Malformed, read_varint, varint};

/// Largest block of more than one entry: with the database's own overhead it just fits four pages.
pub(crate) const BLOCK_BYTES_MAX: usize = 16 * 1024 - 64;
/// What packed blocks aim at. One that turns out larger than [`BLOCK_BYTES_MAX`] takes eight pages, so rather less.
const PACKED_BYTES: usize = BLOCK_BYTES_MAX / 100 * 95;
/// Most bytes of entries in a packed block: reading one of them unpacks all.
const UNPACKED_BYTES_MAX: usize = 40 * 1024;
const TAIL_BYTES: usize = 8;

/// Where a block belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) run: u64,
    pub(crate) block: u32,
}

impl At {
    /// As the database's key: runs, and blocks within a run, in order.
    pub(crate) fn key(self) -> [u8; 12] {
        let mut key = [0; 12];
        key[..8].copy_from_slice(&self.run.to_be_bytes());
        key[8..].copy_from_slice(&self.block.to_be_bytes());
        key
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} of run {}", self.block, self.run)
    }
}

fn checksum(at: At, entries: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&at.key()), entries)
}

/// Fills one block after the other.
pub(crate) struct Builder {
    bytes: Vec<u8>,
    last: Vec<u8>,
    entries: usize,
    /// Bytes of entries that a block takes.
    room: usize,
    packer: Option<Packer>,
}

struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
}

impl Builder {
    /// `packed`: with zstd. Packing costs time when written and when read, and saves a third and more.
    pub(crate) fn new(packed: bool) -> Builder {
        let packer = if packed { zstd::bulk::Compressor::new(1).ok() } else { None };
        Builder {
            bytes: Vec::new(),
            last: Vec::new(),
            entries: 0,
            room: BLOCK_BYTES_MAX - TAIL_BYTES,
            packer: packer.map(|zstd| Packer { zstd, packed: Vec::new() }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The key last pushed, also after the block was taken.
    pub(crate) fn last(&self) -> &[u8] {
        &self.last
    }

    /// Whether an entry still fits; an empty block takes one of any size.
    pub(crate) fn has_room(&self, key: &[u8], value: &[u8]) -> bool {
        self.entries == 0 || self.bytes.len() + key.len() + value.len() + 15 <= self.room
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) {
        let shared = match self.entries {
            0 => 0,
            _ => key.iter().zip(&self.last).take_while(|(a, b)| a == b).count(),
        };
        varint(shared as u64, &mut self.bytes);
        varint((key.len() - shared) as u64, &mut self.bytes);
        varint(value.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.last.truncate(shared);
        self.last.extend_from_slice(&key[shared..]);
        self.entries += 1;
    }

    /// The finished block, to be used before the next push.
    pub(crate) fn finish(&mut self, at: At) -> &[u8] {
        let unpacked = self.bytes.len();
        let out = match self.packer.as_mut().and_then(|packer| packer.pack(&self.bytes)) {
            Some(packed) => {
                // The next block is likely to pack as well as this one.
                let fits = unpacked * PACKED_BYTES / packed.len().max(1);
                self.room = fits.clamp(BLOCK_BYTES_MAX - TAIL_BYTES, UNPACKED_BYTES_MAX);
                packed.extend_from_slice(&(unpacked as u32).to_le_bytes());
                packed
            }
            None => {
                self.bytes.extend_from_slice(&0_u32.to_le_bytes());
                &mut self.bytes
            }
        };
        let check = checksum(at, out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries = 0;
    }
}

impl Packer {
    /// `None` when it saves nothing.
    fn pack(&mut self, entries: &[u8]) -> Option<&mut Vec<u8>> {
        self.packed.resize(zstd::zstd_safe::compress_bound(entries.len()), 0);
        let packed = self.zstd.compress_to_buffer(entries, &mut self.packed[..]).ok()?;
        self.packed.truncate(packed);
        (packed < entries.len()).then_some(&mut self.packed)
    }
}

/// A block, checked and taken apart.
#[derive(Default)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
    keys: Vec<u8>,
    /// End of the key in `keys`, start and end of the value in `bytes`.
    ends: Vec<(u32, u32, u32)>,
}

impl Entries {
    pub(crate) fn read(at: At, bytes: &[u8]) -> Result<Entries, Malformed> {
        let (checked, check) = bytes.split_last_chunk::<4>().ok_or(Malformed("a block cut short"))?;
        if checksum(at, checked) != u32::from_le_bytes(*check) {
            return Err(Malformed("its checksum does not hold"));
        }
        let (body, unpacked) = checked.split_last_chunk::<4>().ok_or(Malformed("a block cut short"))?;
        let body = match u32::from_le_bytes(*unpacked) {
            0 => body.to_vec(),
            unpacked => zstd::bulk::decompress(body, unpacked as usize)
                .map_err(|_| Malformed("it can't be unpacked"))?,
        };
        let mut entries = Entries { keys: Vec::with_capacity(body.len()), ..Entries::default() };
        let mut rest = body.as_slice();
        let mut start = 0;
        while !rest.is_empty() {
            let [shared, own, value] =
                [read_varint(&mut rest)?, read_varint(&mut rest)?, read_varint(&mut rest)?]
                    .map(|n| n as usize);
            let end = entries.keys.len();
            if shared > end - start || own > rest.len() || value > rest.len() - own {
                return Err(Malformed("an entry of impossible length"));
            }
            entries.keys.extend_from_within(start..start + shared);
            entries.keys.extend_from_slice(&rest[..own]);
            start = end;
            let value_at = body.len() - rest.len() + own;
            entries.ends.push((entries.keys.len() as u32, value_at as u32, (value_at + value) as u32));
            rest = &rest[own + value..];
        }
        entries.bytes = body;
        Ok(entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn key(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before].0);
        &self.keys[start as usize..self.ends[place].0 as usize]
    }

    pub(crate) fn value(&self, place: usize) -> &[u8] {
        let (_, start, end) = self.ends[place];
        &self.bytes[start as usize..end as usize]
    }

    /// First place whose key is not below `key`; `len()` if there is none.
    pub(crate) fn at_or_after(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(at: At, packed: bool, entries: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(packed);
        entries.iter().for_each(|(key, value)| builder.push(key, value));
        builder.finish(at).to_vec()
    }

    #[test]
    fn a_block_gives_its_entries_back_and_notices_every_flipped_bit() {
        let at = At { run: 1041, block: 3 };
        let entries: [(&[u8], &[u8]); 4] =
            [(b"", b"empty"), (b"abc", b""), (b"abcd", b"x"), (b"b", &[7; 300])];
        for packed in [false, true] {
            let bytes = block(at, packed, &entries);
            assert_eq!(bytes.len() < 300, packed, "{} bytes", bytes.len());
            let read = Entries::read(at, &bytes).unwrap();
            let back: Vec<_> = (0..read.len()).map(|place| (read.key(place), read.value(place))).collect();
            assert_eq!(back, entries);
            assert_eq!(read.at_or_after(b"abcc"), 2);
            assert_eq!(read.at_or_after(b"c"), 4);
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(Entries::read(at, &flipped).is_err(), "bit {bit}");
            }
            for other in [At { block: 4, ..at }, At { run: 1042, ..at }] {
                assert!(Entries::read(other, &bytes).is_err(), "a block in another's place");
            }
        }
    }

    #[test]
    fn hostile_entries_under_a_good_checksum_are_refused_without_a_panic() {
        let at = At { run: 1, block: 0 };
        for body in
            [&[0_u8, 200, 200, 200, 1][..], &[5, 0, 0], &[0, 3, 0, 1], &[0, 0, 9], &[0xff; 12], &[0, 1]]
        {
            for unpacked in [0_u32, 40, 7_000] {
                let mut bytes = body.to_vec();
                bytes.extend_from_slice(&unpacked.to_le_bytes());
                bytes.extend_from_slice(&checksum(at, &bytes).to_le_bytes());
                assert!(Entries::read(at, &bytes).is_err(), "{body:?}");
            }
        }
    }

    #[test]
    fn packed_blocks_fill_their_pages_and_seldom_overflow_them() {
        let mut builder = Builder::new(true);
        let (mut sizes, mut number) = (Vec::new(), 0_u64);
        while sizes.len() < 200 {
            // Half noise, half the same each time, as rows are.
            let noise =
                |of: u64| (number ^ of).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_be_bytes();
            let key = [&number.to_be_bytes()[..], &noise(0)].concat();
            let value = [&noise(1 << 40)[..], b"delivered at once", &noise(1 << 50)].concat();
            if !builder.has_room(&key, &value) {
                sizes.push(builder.finish(At { run: 1, block: sizes.len() as u32 }).len());
                builder.clear();
            }
            builder.push(&key, &value);
            number += 1;
        }
        let settled = &sizes[3..];
        let over = settled.iter().filter(|size| **size > BLOCK_BYTES_MAX).count();
        let mean = settled.iter().sum::<usize>() / settled.len();
        assert!(over <= 4 && mean > BLOCK_BYTES_MAX * 85 / 100, "{over} overflow, {mean} bytes on average");
    }
}
