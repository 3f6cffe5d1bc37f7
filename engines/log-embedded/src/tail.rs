//! The newest records of each partition in memory: what is accepted and not yet durable, and as much of what is
//! durable as there is memory for.

use std::collections::VecDeque;

use mirabelle_log::{Offset, ReadLimit, Record, View};
use smallvec::SmallVec;

use crate::core::Core;

/// What a record costs in memory beside its own bytes: the record itself, and its share of an allocation.
pub(crate) const RECORD_OVERHEAD: usize = 176;

/// The newest records of one partition of one topic.
#[derive(Default)]
pub(crate) struct SlotTail {
    /// Offset of the first record in memory.
    first: u64,
    records: VecDeque<Record>,
    /// One past the last durable record.
    durable: u64,
}

impl SlotTail {
    /// A slot whose records all lie on the disk.
    pub(crate) fn ending_at(end: u64) -> SlotTail {
        SlotTail { first: end, records: VecDeque::new(), durable: end }
    }

    pub(crate) fn end(&self, view: View) -> u64 {
        match view {
            View::Durable => self.durable,
            View::Accepted => self.first + self.records.len() as u64,
        }
    }

    pub(crate) fn push(&mut self, mut record: Record) -> Offset {
        record.offset = Offset(self.end(View::Accepted));
        let offset = record.offset;
        self.records.push_back(record);
        offset
    }

    pub(crate) fn became_durable(&mut self, records: u64) {
        self.durable += records;
        assert!(self.durable <= self.end(View::Accepted), "more became durable than was accepted");
    }

    pub(crate) fn drop_oldest(&mut self) {
        assert!(self.first < self.durable, "a record is dropped from memory before it is durable");
        self.records.pop_front();
        self.first += 1;
    }

    /// Hands out records from `next` on; says where the next read begins, or, with `Err`, up to where the disk
    /// has to be read first.
    pub(crate) fn read(
        &self,
        next: u64,
        view: View,
        spent: &mut Spent,
        out: &mut Vec<Record>,
    ) -> Result<u64, u64> {
        let end = self.end(view);
        if next >= end {
            return Ok(next);
        }
        let Some(from) = next.checked_sub(self.first) else { return Err(self.first.min(end)) };
        let (from, to) = (from as usize, (end - self.first) as usize);
        let mut next = next;
        for record in self.records.range(from..to) {
            if spent.is_over() {
                break;
            }
            spent.count(record);
            out.push(record.clone());
            next += 1;
        }
        Ok(next)
    }
}

/// How much of a read's limit is used up.
pub(crate) struct Spent {
    limit: ReadLimit,
    records: usize,
    bytes: usize,
}

impl Spent {
    pub(crate) fn new(limit: ReadLimit) -> Spent {
        Spent { limit, records: 0, bytes: 0 }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.records >= self.limit.records || (self.bytes >= self.limit.bytes && self.records > 0)
    }

    pub(crate) fn count(&mut self, record: &Record) {
        let entry = &record.entry;
        self.records += 1;
        self.bytes +=
            entry.key.len() + entry.value.len() + entry.trace.as_ref().map_or(0, |trace| trace.len());
    }
}

/// Slots of the records of one chunk, in their order.
pub(crate) type Slots = SmallVec<[u16; 4]>;

/// What lies in memory and is durable, oldest first: what to let go when memory is short.
#[derive(Default)]
pub(crate) struct Held {
    chunks: VecDeque<(Slots, usize)>,
    bytes: usize,
}

impl Held {
    pub(crate) fn push(&mut self, slots: Slots, bytes: usize) {
        self.bytes += bytes;
        self.chunks.push_back((slots, bytes));
    }

    /// Lets go of the oldest until what is held fits.
    pub(crate) fn shrink(&mut self, core: &Core) {
        while self.bytes > core.base.options.tail_bytes_max {
            let Some((slots, bytes)) = self.chunks.pop_front() else { break };
            self.bytes -= bytes;
            for slot in slots {
                core.slots[usize::from(slot)].lock().drop_oldest();
            }
        }
    }
}
