//! Blocks: sorted entries with shared key prefixes, and a checksum that also covers where the block belongs.
//!
//! ```text
//!   entry*: varint shared · varint rest · varint value · rest of the key · value
//!   packed: u32 bytes of the entries before they were packed with zstd; as they are: 0
//!   u32 CRC32C over run, block number and all before
//! ```

use std::fmt;

use mirabelle_store::encode::{Malformed, read_varint, varint};

/// What a page of the database holds of a block, by its size; one page more takes twice as much.
const PAGES: [usize; 3] = [16 * 1024 - 64, 8 * 1024 - 64, 4 * 1024 - 64];
/// Largest block of more than one entry that is not packed.
pub(crate) const BLOCK_BYTES_MAX: usize = PAGES[0];
/// Most bytes of entries in a packed block: reading one of them unpacks all.
const UNPACKED_BYTES_MAX: usize = 24 * 1024;
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
                self.room = next_room(unpacked, packed.len());
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

/// How many bytes of entries the next block takes, if it packs as well as this one: as many as fill the largest page
/// that does not hold too many. A block that turns out a little too large takes twice the page, so rather less.
fn next_room(unpacked: usize, packed: usize) -> usize {
    let fill = |page: &usize| unpacked * (page / 100 * 95) / packed.max(1);
    PAGES.iter().map(fill).find(|room| *room <= UNPACKED_BYTES_MAX).unwrap_or(UNPACKED_BYTES_MAX)
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

/// Unpacks blocks; kept, because making one costs as much as unpacking.
#[derive(Default)]
pub(crate) struct Unpacker {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    /// What was unpacked last.
    body: Vec<u8>,
}

impl Unpacker {
    /// A block's entries, checked.
    fn open<'a>(&'a mut self, at: At, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let (checked, check) = bytes.split_last_chunk::<4>().ok_or(Malformed("a block cut short"))?;
        if checksum(at, checked) != u32::from_le_bytes(*check) {
            return Err(Malformed("its checksum does not hold"));
        }
        let (body, unpacked) = checked.split_last_chunk::<4>().ok_or(Malformed("a block cut short"))?;
        let unpacked = u32::from_le_bytes(*unpacked) as usize;
        if unpacked == 0 {
            return Ok(body);
        }
        let cannot = |_| Malformed("it can't be unpacked");
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(cannot)?),
        };
        self.body.resize(unpacked, 0);
        let size = zstd.decompress_to_buffer(body, &mut self.body[..]).map_err(cannot)?;
        self.body.get(..size).ok_or(Malformed("it can't be unpacked"))
    }

    /// The value of one key, without taking the whole block apart.
    pub(crate) fn find<'a>(
        &'a mut self,
        at: At,
        bytes: &'a [u8],
        key: &[u8],
    ) -> Result<Option<&'a [u8]>, Malformed> {
        let mut rest = self.open(at, bytes)?;
        // Bytes that the key before this entry has in common with the one looked for; it is smaller.
        let mut common = 0;
        while let Some(entry) = Entry::read(&mut rest)? {
            if entry.shared > common {
                // As the one before: it differs from the one looked for at the same place.
                continue;
            }
            if entry.shared < common {
                return Ok(None);
            }
            let wanted = &key[common..];
            let equal = entry.own.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            match (entry.own.get(equal), wanted.get(equal)) {
                (None, None) => return Ok(Some(entry.value)),
                (Some(_), None) => return Ok(None),
                (Some(own), Some(wanted)) if own > wanted => return Ok(None),
                _ => common += equal,
            }
        }
        Ok(None)
    }
}

/// One entry as it stands in a block.
struct Entry<'a> {
    shared: usize,
    own: &'a [u8],
    value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The next entry; `None` at the end.
    fn read(rest: &mut &'a [u8]) -> Result<Option<Entry<'a>>, Malformed> {
        if rest.is_empty() {
            return Ok(None);
        }
        let mut number = || read_varint(rest).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let (shared, own, value) = (number()?, number()?, number()?);
        let impossible = Malformed("an entry of impossible length");
        let (own, tail) = rest.split_at_checked(own).ok_or(impossible)?;
        let (value, tail) = tail.split_at_checked(value).ok_or(impossible)?;
        *rest = tail;
        Ok(Some(Entry { shared, own, value }))
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
    pub(crate) fn read(at: At, bytes: &[u8], unpacker: &mut Unpacker) -> Result<Entries, Malformed> {
        let body = unpacker.open(at, bytes)?.to_vec();
        let mut keys = Vec::with_capacity(body.len());
        let mut ends = Vec::with_capacity(body.len() / 64);
        let mut rest = body.as_slice();
        let mut start = 0;
        while let Some(entry) = Entry::read(&mut rest)? {
            let end = keys.len();
            if entry.shared > end - start {
                return Err(Malformed("an entry that shares more than there is"));
            }
            keys.extend_from_within(start..start + entry.shared);
            keys.extend_from_slice(entry.own);
            start = end;
            let value_end = body.len() - rest.len();
            ends.push((keys.len() as u32, (value_end - entry.value.len()) as u32, value_end as u32));
        }
        Ok(Entries { bytes: body, keys, ends })
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
            let read = Entries::read(at, &bytes, &mut Unpacker::default()).unwrap();
            let back: Vec<_> = (0..read.len()).map(|place| (read.key(place), read.value(place))).collect();
            assert_eq!(back, entries);
            assert_eq!(read.at_or_after(b"abcc"), 2);
            assert_eq!(read.at_or_after(b"c"), 4);
            let mut unpacker = Unpacker::default();
            for (key, value) in entries {
                assert_eq!(unpacker.find(at, &bytes, key), Ok(Some(value)));
            }
            for absent in [&b"a"[..], b"ab", b"abb", b"abca", b"abcc", b"abce", b"abcdd", b"ac", b"bb", b"c"]
            {
                assert_eq!(unpacker.find(at, &bytes, absent), Ok(None), "{absent:?}");
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(Entries::read(at, &flipped, &mut Unpacker::default()).is_err(), "bit {bit}");
            }
            for other in [At { block: 4, ..at }, At { run: 1042, ..at }] {
                assert!(
                    Entries::read(other, &bytes, &mut Unpacker::default()).is_err(),
                    "a block in another's place"
                );
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_found_in_a_block_exactly_where_it_is(
            keys in proptest::collection::btree_set(proptest::collection::vec(0..4_u8, 0..6), 0..40),
            asked in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..6), 20),
        ) {
            let at = At { run: 7, block: 9 };
            let mut builder = Builder::new(false);
            keys.iter().for_each(|key| builder.push(key, &[&key[..], b"'s value"].concat()));
            let bytes = builder.finish(at).to_vec();
            let mut unpacker = Unpacker::default();
            for key in asked.iter().chain(&keys) {
                let wanted = keys.contains(key).then(|| [&key[..], b"'s value"].concat());
                let found = unpacker.find(at, &bytes, key).unwrap();
                proptest::prop_assert_eq!(found.map(<[u8]>::to_vec), wanted);
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
                assert!(Entries::read(at, &bytes, &mut Unpacker::default()).is_err(), "{body:?}");
                assert!(!matches!(Unpacker::default().find(at, &bytes, b"asked"), Ok(Some(_))));
            }
        }
    }

    #[test]
    fn packed_blocks_fill_their_pages() {
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
        let taken: usize = settled.iter().map(|size| (size + 64).next_power_of_two()).sum();
        let used: usize = settled.iter().sum();
        assert!(used > taken * 85 / 100, "{used} of {taken} bytes used: {settled:?}");
    }
}
