//! Runs: immutable, sorted, each key once. In memory a run is the first keys of its blocks and a filter.

use fastbloom::BloomFilter;
use mirabelle_store::encode::{Malformed, read_varint, varint};
use twox_hash::XxHash3_64;

use crate::block::{At, Builder};

/// One run of a tree.
pub(crate) struct Run {
    pub(crate) id: u64,
    /// Keys in it.
    pub(crate) entries: u64,
    /// No row in it has a newer stamp.
    pub(crate) newest: i64,
    /// Bytes of its blocks.
    pub(crate) bytes: u64,
    /// Per block, bytes above the last key of the block before and not above its own first key.
    fences: Fences,
    filter: Option<BloomFilter>,
}

#[derive(Default)]
struct Fences {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Fences {
    fn push(&mut self, fence: &[u8]) {
        self.bytes.extend_from_slice(fence);
        self.ends.push(self.bytes.len() as u32);
    }

    fn get(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[place] as usize]
    }
}

/// How a key is looked for in filters.
pub(crate) fn hash(key: &[u8]) -> u64 {
    XxHash3_64::oneshot(key)
}

impl Run {
    pub(crate) fn blocks(&self) -> u32 {
        self.fences.ends.len() as u32
    }

    /// The one block that can hold `key`; `None`: no block can.
    pub(crate) fn block_of(&self, key: &[u8]) -> Option<u32> {
        self.blocks_from(key).checked_sub(1)
    }

    /// How many blocks begin at or below `key`.
    fn blocks_from(&self, key: &[u8]) -> u32 {
        let (mut low, mut high) = (0, self.fences.ends.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.fences.get(middle) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low as u32
    }

    /// Bytes from which a block begins, for messages.
    pub(crate) fn fence(&self, block: u32) -> &[u8] {
        self.fences.get(block as usize)
    }

    /// `false`: the key is not in the run.
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.contains_hash(hash))
    }

    /// Bytes held in memory.
    pub(crate) fn memory(&self) -> usize {
        let filter = self.filter.as_ref().map_or(0, |filter| filter.num_bits() / 8);
        filter + self.fences.bytes.len() + 4 * self.fences.ends.len() + size_of::<Run>()
    }

    /// For the database.
    pub(crate) fn encode(&self, tree: u32) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.entries, self.newest as u64, self.bytes, self.fences.ends.len() as u64] {
            varint(number, &mut out);
        }
        let mut start = 0;
        for end in &self.fences.ends {
            varint(u64::from(end - start), &mut out);
            start = *end;
        }
        out.extend_from_slice(&self.fences.bytes);
        if let Some(filter) = &self.filter {
            out.extend_from_slice(&filter.num_hashes().to_le_bytes());
            filter.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        }
        let check = check(tree, self.id, &out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// From the database.
    pub(crate) fn decode(tree: u32, id: u64, bytes: &[u8]) -> Result<Run, Malformed> {
        let (mut rest, stored) = bytes.split_last_chunk::<4>().ok_or(Malformed("a run's head cut short"))?;
        if check(tree, id, rest) != u32::from_le_bytes(*stored) {
            return Err(Malformed("a run's head whose checksum does not hold"));
        }
        let mut number = || read_varint(&mut rest);
        let [entries, newest, bytes, blocks] = [number()?, number()?, number()?, number()?];
        if blocks > rest.len() as u64 {
            return Err(Malformed("a run of impossibly many blocks"));
        }
        let mut fences = Fences::default();
        let mut end = 0_u64;
        for _ in 0..blocks {
            end = end.saturating_add(read_varint(&mut rest)?);
            fences.ends.push(u32::try_from(end).map_err(|_| Malformed("a run's head of impossible length"))?);
        }
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let (keys, rest) = rest.split_at_checked(end).ok_or(Malformed("a run's head cut short"))?;
        fences.bytes = keys.to_vec();
        let filter = match rest.split_first_chunk::<4>() {
            None => None,
            Some((hashes, words)) => {
                let words: Vec<u64> =
                    words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
                let filter = (!words.is_empty()).then(|| BloomFilter::from_vec(words));
                filter.map(|filter| filter.seed(&0).hashes(u32::from_le_bytes(*hashes)))
            }
        };
        Ok(Run { id, entries, newest: newest as i64, bytes, fences, filter })
    }
}

fn check(tree: u32, id: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[&tree.to_be_bytes()[..], &id.to_be_bytes()].concat()), bytes)
}

/// Where a run's blocks go.
pub(crate) trait Sink {
    /// What can fail.
    type Error;

    /// Takes a finished block.
    fn block(&mut self, at: At, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Makes a run of entries that come in rising order of their keys.
pub(crate) struct Writer {
    run: Run,
    block: Builder,
}

impl Writer {
    /// `filter_bits`: bits of filter for each of `expected` entries; 0: none. `packed`: blocks with zstd.
    pub(crate) fn new(id: u64, expected: u64, filter_bits: u32, packed: bool) -> Writer {
        let bits = usize::try_from(expected).unwrap_or(usize::MAX).saturating_mul(filter_bits as usize);
        let filter = (bits > 0).then(|| {
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            BloomFilter::with_num_bits(bits).seed(&0).expected_items(expected)
        });
        let run = Run { id, entries: 0, newest: i64::MIN, bytes: 0, fences: Fences::default(), filter };
        Writer { run, block: Builder::new(packed) }
    }

    pub(crate) fn push<S: Sink>(&mut self, key: &[u8], value: &[u8], sink: &mut S) -> Result<(), S::Error> {
        if !self.block.has_room(key, value) {
            self.flush(sink)?;
        }
        if self.block.is_empty() {
            let before = self.block.last();
            let shared = key.iter().zip(before).take_while(|(a, b)| a == b).count();
            self.run.fences.push(&key[..key.len().min(if self.run.entries == 0 { 0 } else { shared + 1 })]);
        }
        self.block.push(key, value);
        self.run.entries += 1;
        if let Some(filter) = &mut self.run.filter {
            filter.insert_hash(hash(key));
        }
        Ok(())
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let at = At { run: self.run.id, block: self.run.blocks() - 1 };
        let bytes = self.block.finish(at);
        self.run.bytes += bytes.len() as u64;
        sink.block(at, bytes)?;
        self.block.clear();
        Ok(())
    }

    /// The run, once its last block is written.
    pub(crate) fn finish<S: Sink>(mut self, newest: i64, sink: &mut S) -> Result<Run, S::Error> {
        if !self.block.is_empty() {
            self.flush(sink)?;
        }
        self.run.newest = newest;
        Ok(self.run)
    }
}
