//! The reader of a [`MemoryLog`].

use super::{MemoryLog, size};
use crate::{Offset, Partition, ReadError, ReadLimit, Reader, Record, Topic, View};

/// Reads what a [`MemoryLog`] holds.
pub(super) struct MemoryReader {
    pub(super) log: MemoryLog,
    pub(super) topic: Topic,
    pub(super) partition: Partition,
    pub(super) next: Offset,
    pub(super) view: View,
}

impl Reader for MemoryReader {
    fn read(&mut self, limit: ReadLimit, out: &mut Vec<Record>) -> Result<(), ReadError> {
        let (topic, partition) = (self.topic, self.partition);
        let state = self.log.shared.state.lock();
        let slot = &state.slots[self.log.shared.slot(topic, partition)];
        let (start, end) = (Offset(slot.start), Offset(slot.end(self.view)));
        if self.next < start || self.next > end {
            return Err(ReadError::OutOfRange { topic, partition, offset: self.next, start, end });
        }
        let from = usize::try_from(self.next.0 - slot.start).unwrap_or(usize::MAX);
        let to = usize::try_from(end.0 - slot.start).unwrap_or(usize::MAX);
        let mut bytes = 0;
        for record in slot.records[from..to].iter().take(limit.records) {
            bytes += size(&record.entry);
            self.next = record.offset.next();
            out.push(record.clone());
            if bytes >= limit.bytes {
                break;
            }
        }
        Ok(())
    }

    fn position(&self) -> Offset {
        self.next
    }
}
