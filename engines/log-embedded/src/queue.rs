//! What is accepted and waits for the writer, and whether there is room for more.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use mirabelle_log::{Done, Offset, Partition, Record, Refused, Topic};
use smallvec::SmallVec;

use crate::core::Core;
use crate::draft::Draft;
use crate::frame::{CHUNK_HEAD, HEADER, align};
use crate::segments::Raw;
use crate::tail::{RECORD_OVERHEAD, Slots};

/// Some records of one append, to be written together.
pub(crate) struct Chunk {
    pub(crate) at: i64,
    pub(crate) bytes: Bytes,
    pub(crate) slots: Slots,
    pub(crate) dones: SmallVec<[(Offset, Done); 1]>,
}

impl Chunk {
    /// Bytes in a frame's payload.
    pub(crate) fn payload(&self) -> usize {
        CHUNK_HEAD + self.bytes.len()
    }

    /// Bytes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len() + self.slots.len() * RECORD_OVERHEAD
    }
}

/// Bytes that a chunk needs on the disk if it gets a frame of its own.
pub(crate) fn need(payload: usize) -> u64 {
    align(HEADER + payload) as u64
}

/// Where the writer will stand once it has written what is queued, each chunk reckoned with a frame of its own.
/// It never stands further: grouping saves headers, and a chunk goes to the next segment only if it must.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Bytes left in that segment.
    pub(crate) left: u64,
    /// Spare segments used up by then.
    pub(crate) spares_used: usize,
}

/// Which inputs of the group to come have their decision in it.
pub(crate) struct Companions {
    waiting: Box<[u32]>,
    /// Inputs without a decision so far.
    pub(crate) open: u64,
    /// Decisions that came after their inputs; only ever rises.
    pub(crate) released: u64,
}

impl Companions {
    fn new(partitions: u16) -> Companions {
        Companions { waiting: vec![0; usize::from(partitions)].into(), open: 0, released: 0 }
    }

    fn count(&mut self, topic: Topic, partition: Partition) {
        let waiting = &mut self.waiting[usize::from(partition.0)];
        if Topic::INPUTS.contains(&topic) {
            *waiting += 1;
            self.open += 1;
        } else if topic == Topic::Facts && *waiting > 0 {
            *waiting -= 1;
            self.open -= 1;
            self.released += 1;
        }
    }

    fn begin_group(&mut self) {
        if self.open > 0 {
            self.waiting.fill(0);
            self.open = 0;
        }
    }
}

/// What the writer sleeps for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// It is at work.
    No,
    /// Anything to write.
    Work,
    /// This count of released companions.
    Companions(u64),
}

pub(crate) struct Queue {
    pub(crate) chunks: VecDeque<Chunk>,
    /// Bytes accepted and not yet durable.
    pub(crate) bytes: usize,
    pub(crate) plan: Plan,
    pub(crate) spares: VecDeque<Arc<Raw>>,
    /// The disk had no room for the next segment when it was last asked.
    pub(crate) no_room: bool,
    /// Less is free than is kept for others.
    pub(crate) reserve_touched: bool,
    pub(crate) companions: Companions,
    pub(crate) sleep: Sleep,
    /// The log is being closed: nothing more is accepted.
    pub(crate) closing: bool,
    /// The writer ended in a fault, or never began.
    pub(crate) dead: bool,
}

impl Queue {
    pub(crate) fn new(partitions: u16, plan: Plan, spares: VecDeque<Arc<Raw>>, dead: bool) -> Queue {
        Queue {
            chunks: VecDeque::new(),
            bytes: 0,
            plan,
            spares,
            no_room: false,
            reserve_touched: false,
            companions: Companions::new(partitions),
            sleep: Sleep::No,
            closing: false,
            dead,
        }
    }

    /// Finds room for a batch, all or nothing.
    fn admit(&self, core: &Core, drafts: &[Draft], bytes: usize) -> Result<Plan, Refused> {
        if self.closing || self.dead {
            return Err(Refused::Closed);
        }
        if self.bytes + bytes > core.base.options.queue_bytes_max {
            return Err(Refused::Full { queued_bytes: self.bytes });
        }
        if self.reserve_touched && drafts.iter().all(|draft| draft.inputs_only) {
            return Err(Refused::NoRoom);
        }
        let mut plan = self.plan;
        for draft in drafts {
            let need = need(CHUNK_HEAD + draft.bytes.len());
            if need > plan.left {
                let spare = self.spares.get(plan.spares_used);
                // A segment that is being prepared will be there in a moment; a disk without room may stay so.
                let Some(spare) = spare else { return Err(self.refusal()) };
                plan = Plan {
                    left: spare.capacity - core.limits.table_bytes,
                    spares_used: plan.spares_used + 1,
                };
            }
            plan.left -= need;
        }
        if self.no_room && drafts.iter().all(|draft| draft.inputs_only) {
            // The last of the room is for the decisions on what was already taken.
            let spares = self.spares.iter().skip(plan.spares_used).map(|spare| spare.capacity).sum::<u64>();
            if plan.left + spares < core.base.options.segment_bytes / 4 {
                return Err(Refused::NoRoom);
            }
        }
        Ok(plan)
    }

    fn refusal(&self) -> Refused {
        if self.no_room { Refused::NoRoom } else { Refused::Full { queued_bytes: self.bytes } }
    }

    /// Takes a batch, all or nothing. Says whether the writer is to be woken.
    pub(crate) fn take(&mut self, core: &Core, drafts: Vec<Draft>) -> Result<bool, Refused> {
        let bytes = drafts.iter().map(|draft| draft.bytes.len()).sum();
        self.plan = self.admit(core, &drafts, bytes)?;
        self.bytes += bytes;
        let at = (core.base.options.clock)();
        for draft in drafts {
            let mut chunk = Chunk { at, bytes: draft.bytes, slots: Slots::new(), dones: SmallVec::new() };
            for row in draft.rows {
                let slot = core.slot(row.topic, row.partition);
                let record = Record { offset: Offset::default(), appended_at: at, entry: row.entry };
                let offset = core.slots[slot].lock().push(record);
                chunk.slots.push(u16::try_from(slot).expect("at most 1024 partitions of five topics"));
                if let Some(done) = row.done {
                    chunk.dones.push((offset, done));
                }
                self.companions.count(row.topic, row.partition);
            }
            self.chunks.push_back(chunk);
        }
        Ok(match self.sleep {
            Sleep::No => false,
            Sleep::Work => true,
            Sleep::Companions(released) => self.companions.released >= released,
        })
    }

    /// Takes chunks for one group: as many as fit in `room` and in a group. The first must fit.
    pub(crate) fn group(&mut self, room: usize, group_bytes_max: usize, out: &mut Vec<Chunk>) {
        let mut payload = 0;
        while let Some(chunk) = self.chunks.front() {
            let with = payload + chunk.payload();
            if !out.is_empty() && (align(HEADER + with) > room || with > group_bytes_max) {
                break;
            }
            payload = with;
            out.extend(self.chunks.pop_front());
        }
        self.companions.begin_group();
    }
}
