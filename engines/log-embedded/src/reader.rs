//! Reading one partition of one topic: the newest from memory, the rest from segments.

use std::sync::Arc;

use mirabelle_log::{Offset, ReadError, ReadLimit, Reader, Record, View};

use crate::core::{Core, Place};
use crate::cursor::{Cursor, RawCursor, SealedCursor};
use crate::error::Fault;
use crate::segments::Body;
use crate::tail::Spent;

pub(crate) struct SlotReader {
    core: Arc<Core>,
    place: Place,
    slot: usize,
    view: View,
    next: u64,
    disk: Option<Cursor>,
}

impl SlotReader {
    pub(crate) fn new(core: Arc<Core>, place: Place, from: Offset, view: View) -> SlotReader {
        let slot = core.slot(place.topic, place.partition);
        SlotReader { core, place, slot, view, next: from.0, disk: None }
    }

    /// Reads records below `until` from the disk; every one of them is durable.
    fn read_disk(&mut self, until: u64, spent: &mut Spent, out: &mut Vec<Record>) -> Result<(), ReadError> {
        // Where a cursor was put for the offset and found nothing, the record is missing.
        let mut sought = None;
        while self.next < until && !spent.is_over() {
            let Some(disk) = &mut self.disk else {
                if sought.replace(self.next) == Some(self.next) {
                    return Err(self.missing());
                }
                self.disk = Some(self.seek()?);
                continue;
            };
            match disk.next(&self.core.base, self.place, self.next)? {
                Some(record) if record.offset.0 == self.next => {
                    spent.count(&record);
                    out.push(record);
                    self.next += 1;
                }
                Some(_) => return Err(self.missing()),
                None => self.disk = None,
            }
        }
        Ok(())
    }

    fn missing(&self) -> ReadError {
        let file = self.core.segments.find(self.slot, self.next).map(|(segment, _)| match segment.body() {
            Body::Raw(raw) => raw.name.clone(),
            Body::Sealed(sealed) => sealed.file.clone(),
        });
        let fault =
            Fault::new(file.unwrap_or_default(), 0, "the segment should hold the record and does not");
        self.place.corrupt(self.next, &fault)
    }

    fn seek(&self) -> Result<Cursor, ReadError> {
        let segment = self.core.segments.find(self.slot, self.next).ok_or_else(|| self.missing())?.0;
        Ok(match segment.body() {
            Body::Raw(raw) => {
                let (place, offset) = raw.mark(self.slot, self.next).ok_or_else(|| self.missing())?;
                Cursor::Raw(RawCursor::new(raw, place, offset))
            }
            Body::Sealed(sealed) => {
                Cursor::Sealed(SealedCursor::open(&self.core.base, sealed, self.place, self.next)?)
            }
        })
    }
}

impl Reader for SlotReader {
    fn read(&mut self, limit: ReadLimit, out: &mut Vec<Record>) -> Result<(), ReadError> {
        let mut spent = Spent::new(limit);
        loop {
            if spent.is_over() {
                return Ok(());
            }
            let read = self.core.slots[self.slot].lock().read(self.next, self.view, &mut spent, out);
            match read {
                Ok(next) => {
                    self.next = next;
                    self.disk = None;
                    return Ok(());
                }
                Err(until) => self.read_disk(until, &mut spent, out)?,
            }
        }
    }

    fn position(&self) -> Offset {
        Offset(self.next)
    }
}
