//! Places in segments from which a reader goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use mirabelle_log::{Offset, ReadError, Record};

use crate::block::Items;
use crate::core::{Base, Place};
use crate::error::Fault;
use crate::files::{File, read_exact_at};
use crate::frame::{HEADER, Head, Rows};
use crate::sealed::{Entry, Sealed};
use crate::segments::Raw;

/// Raw segments are read in pieces of this size.
const READ_BYTES: usize = 256 << 10;

pub(crate) enum Cursor {
    Raw(RawCursor),
    Sealed(SealedCursor),
}

impl Cursor {
    /// The next record at or after `from`; `None` at the segment's end.
    pub(crate) fn next(&mut self, base: &Base, place: Place, from: u64) -> Result<Option<Record>, ReadError> {
        match self {
            Cursor::Raw(cursor) => cursor.next(base, place, from),
            Cursor::Sealed(cursor) => cursor.next(base, place, from),
        }
    }
}

/// Walks frames of a raw segment.
pub(crate) struct RawCursor {
    raw: Arc<Raw>,
    /// Where the frame begins that is to be looked at next, and the offset that the slot has there.
    at: u64,
    offset: u64,
    /// Bytes of the file, and where in it they begin.
    buffer: Vec<u8>,
    buffer_at: u64,
    ready: VecDeque<Record>,
}

impl RawCursor {
    pub(crate) fn new(raw: Arc<Raw>, at: u64, offset: u64) -> RawCursor {
        RawCursor { raw, at, offset, buffer: Vec::new(), buffer_at: at, ready: VecDeque::new() }
    }

    fn next(&mut self, base: &Base, place: Place, from: u64) -> Result<Option<Record>, ReadError> {
        loop {
            while let Some(record) = self.ready.pop_front() {
                if record.offset.0 >= from {
                    return Ok(Some(record));
                }
            }
            let end = self.raw.end();
            if self.at >= end {
                return Ok(None);
            }
            self.frame(base, place, end)?;
        }
    }

    /// Makes sure that `bytes` from the next frame on are in the buffer.
    fn fill(&mut self, place: Place, bytes: usize, end: u64) -> Result<usize, ReadError> {
        let have = self.buffer_at + self.buffer.len() as u64;
        if self.at + bytes as u64 > have {
            let left = usize::try_from(end - self.at).expect("a segment fits in memory");
            if bytes > left {
                return Err(self.bad(place));
            }
            self.buffer.resize(READ_BYTES.max(bytes).min(left), 0);
            read_exact_at(&*self.raw.file, &mut self.buffer, self.at).map_err(|error| place.io(error))?;
            self.buffer_at = self.at;
        }
        Ok(usize::try_from(self.at - self.buffer_at).expect("it is in the buffer"))
    }

    fn bad(&self, place: Place) -> ReadError {
        place.corrupt(
            self.offset,
            &Fault::new(&*self.raw.name, self.at, "no good frame here, and there was one"),
        )
    }

    fn frame(&mut self, base: &Base, place: Place, end: u64) -> Result<(), ReadError> {
        let at = self.fill(place, HEADER, end)?;
        let head =
            Head::parse(&self.buffer[at..], &base.stamp, self.raw.number).ok_or_else(|| self.bad(place))?;
        let at = self.fill(place, HEADER + head.payload_bytes, end)?;
        let payload = &self.buffer[at + HEADER..at + HEADER + head.payload_bytes];
        if !head.fits(payload, &base.stamp) {
            return Err(self.bad(place));
        }
        // Copied only if the frame has a record of this slot: it may live on in the hands of the reader.
        let mut copy: Option<Bytes> = None;
        for row in Rows::new(&head, payload, base.partitions) {
            let row = row.map_err(|_| self.bad(place))?;
            if row.topic == place.topic && row.partition == place.partition.0 {
                let bytes = copy.get_or_insert_with(|| Bytes::copy_from_slice(payload));
                let (offset, entry) = (Offset(self.offset), row.entry(bytes));
                self.ready.push_back(Record { offset, appended_at: row.at, entry });
                self.offset += 1;
            }
        }
        self.at += (HEADER + head.payload_bytes) as u64;
        Ok(())
    }
}

/// Walks blocks of a sealed segment.
pub(crate) struct SealedCursor {
    sealed: Arc<Sealed>,
    file: Arc<dyn File>,
    directory: Arc<[Entry]>,
    /// The block to be read next.
    block: usize,
    items: Option<Items>,
    /// The offset of the topic's next record in the block.
    offset: u64,
    unpack: zstd::bulk::Decompressor<'static>,
    packed: Vec<u8>,
}

impl SealedCursor {
    pub(crate) fn open(base: &Base, sealed: Arc<Sealed>, place: Place, from: u64) -> Result<Self, ReadError> {
        let file =
            base.options.files.open(&base.path(&sealed.file), false).map_err(|error| place.io(error))?;
        let directory = sealed.directory(&*file, &base.stamp).map_err(|bad| place.bad(from, bad))?;
        let topic = place.topic as usize;
        let holds = |entry: &Entry| {
            entry.partition == place.partition.0
                && (entry.firsts[topic]..entry.firsts[topic] + u64::from(entry.counts[topic])).contains(&from)
        };
        let block = directory.iter().position(holds).unwrap_or(directory.len());
        let unpack = zstd::bulk::Decompressor::new().map_err(|error| place.io(error))?;
        let (items, packed) = (None, Vec::new());
        Ok(SealedCursor { sealed, file, directory, block, items, offset: from, unpack, packed })
    }

    fn next(&mut self, base: &Base, place: Place, from: u64) -> Result<Option<Record>, ReadError> {
        loop {
            let Some(items) = &mut self.items else {
                if !self.load(base, place, from)? {
                    return Ok(None);
                }
                continue;
            };
            match items.step() {
                Some(Some(item)) if item.topic == place.topic => {
                    let offset = self.offset;
                    self.offset += 1;
                    if offset >= from {
                        let entry = items.entry(&item);
                        return Ok(Some(Record { offset: Offset(offset), appended_at: item.at, entry }));
                    }
                }
                Some(Some(_)) => {}
                Some(None) => {
                    let at = self.directory[self.block - 1].place;
                    let fault = Fault::new(&*self.sealed.file, at, "a block's records do not fit in it");
                    return Err(place.corrupt(from, &fault));
                }
                None => self.items = None,
            }
        }
    }

    /// Reads the next block with records of the slot; `false` if there is none.
    fn load(&mut self, base: &Base, place: Place, from: u64) -> Result<bool, ReadError> {
        let topic = place.topic as usize;
        while let Some(entry) = self.directory.get(self.block) {
            self.block += 1;
            if entry.partition != place.partition.0 || entry.counts[topic] == 0 {
                continue;
            }
            let bytes =
                self.sealed.block(&*self.file, entry, &base.stamp, &mut self.unpack, &mut self.packed);
            let bytes = bytes.map_err(|bad| place.bad(from, bad))?;
            self.offset = entry.firsts[topic];
            self.items = Some(Items::new(Bytes::from(bytes), entry.head_bytes as usize));
            return Ok(true);
        }
        Ok(false)
    }
}
