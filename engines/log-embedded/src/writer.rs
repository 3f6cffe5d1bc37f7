//! The one thread that writes: one group in flight, one sync a group.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use mirabelle_log::{Topic, Unclear};
use parking_lot::MutexGuard;

use crate::core::Core;
use crate::error::Fatal;
use crate::frame::{Builder, HEADER};
use crate::options::Point;
use crate::queue::{Chunk, Plan, Queue, Sleep, need};
use crate::segments::{Body, Raw, Segment};
use crate::tail::Held;

/// After so many waits for companions in vain, the writer waits for one group in [`PROBE`] only, until a decision
/// comes in time again: nobody seems to decide here.
const PATIENCE: u32 = 8;
const PROBE: u32 = 64;

pub(crate) struct Writer {
    core: Arc<Core>,
    active: Arc<Raw>,
    place: u64,
    group: u64,
    /// Per slot, the offset that follows what is written.
    ends: Box<[u64]>,
    frame: Builder,
    held: Held,
    /// Records of the group in flight, per slot, and which slots those are.
    counts: Box<[u32]>,
    touched: Vec<usize>,
    /// The last frame holds records and nothing stands behind it.
    unconfirmed: bool,
    /// Waits for companions in vain, one after the other; and groups since.
    in_vain: u32,
    since: u32,
    /// Companions released when it last waited.
    released: u64,
}

/// Where the writer begins.
pub(crate) struct Begin {
    pub(crate) active: Arc<Raw>,
    pub(crate) place: u64,
    pub(crate) group: u64,
    pub(crate) ends: Box<[u64]>,
    pub(crate) unconfirmed: bool,
}

impl Writer {
    pub(crate) fn new(core: Arc<Core>, begin: Begin) -> Writer {
        let counts = vec![0; core.slot_count()].into();
        let Begin { active, place, group, ends, unconfirmed } = begin;
        let (frame, held, touched) = (Builder::default(), Held::default(), Vec::new());
        Writer {
            core,
            active,
            place,
            group,
            ends,
            frame,
            held,
            counts,
            touched,
            unconfirmed,
            in_vain: 0,
            since: 0,
            released: 0,
        }
    }

    /// Writes until the log is closed and everything accepted is durable, or a write fails.
    pub(crate) fn run(mut self) {
        let mut chunks = Vec::new();
        let mut done_bytes = 0;
        loop {
            chunks.clear();
            if !self.next_group(&mut chunks, std::mem::take(&mut done_bytes)) {
                break;
            }
            match self.write(&chunks) {
                Ok(()) => done_bytes = self.publish(&mut chunks),
                Err(fatal) => return self.die(&fatal, chunks),
            }
        }
        if self.unconfirmed
            && self.room() >= HEADER as u64
            && let Err(fatal) = self.write(&[])
        {
            self.die(&fatal, Vec::new());
        }
    }

    fn is_fresh(&self) -> bool {
        self.place == 0
    }

    fn room(&self) -> u64 {
        let table = if self.is_fresh() { self.core.limits.table_bytes } else { 0 };
        (self.active.capacity - self.place).saturating_sub(table)
    }

    /// Waits for records and takes a group of them; an empty group confirms the one before. `false` once the log
    /// is closed and nothing is left.
    fn next_group(&mut self, chunks: &mut Vec<Chunk>, done_bytes: usize) -> bool {
        let core = Arc::clone(&self.core);
        let mut queue = core.queue.lock();
        queue.bytes -= done_bytes;
        while queue.chunks.is_empty() {
            if queue.closing {
                return false;
            }
            if self.sleep_for_work(&mut queue) {
                // A frame of its own for the confirmation is part of the plan.
                queue.plan.left -= HEADER as u64;
                return true;
            }
        }
        self.hold(&mut queue);
        let payload = queue.chunks.front().map_or(0, Chunk::payload);
        while need(payload) > self.room() {
            self.roll(&mut queue);
        }
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        queue.group(room, core.base.options.group_bytes_max, chunks);
        if queue.chunks.is_empty() {
            let payload: usize = chunks.iter().map(Chunk::payload).sum();
            queue.plan = Plan { left: self.room() - need(payload), spares_used: 0 };
        }
        true
    }

    /// Sleeps until there is something to write; `true` if the last group should be confirmed instead.
    fn sleep_for_work(&self, queue: &mut MutexGuard<'_, Queue>) -> bool {
        queue.sleep = Sleep::Work;
        let confirms = self.unconfirmed && queue.plan.left >= HEADER as u64;
        let idle = if confirms {
            self.core.work.wait_for(queue, self.core.base.options.confirm_idle).timed_out()
        } else {
            self.core.work.wait(queue);
            false
        };
        queue.sleep = Sleep::No;
        idle && queue.chunks.is_empty() && !queue.closing
    }

    /// Gives the decisions on the inputs accepted so far a moment to join their group.
    fn hold(&mut self, queue: &mut MutexGuard<'_, Queue>) {
        let wait = self.core.base.options.companion_wait;
        if queue.companions.open == 0 || wait.is_zero() || queue.closing {
            return;
        }
        self.since = self.since.wrapping_add(1);
        if queue.companions.released != self.released {
            self.in_vain = 0;
        }
        if self.in_vain >= PATIENCE && !self.since.is_multiple_of(PROBE) {
            return;
        }
        // Inputs that go on arriving meanwhile are not waited for: their turn is the next group.
        let before = queue.companions.released;
        let awaited = before + queue.companions.open;
        let deadline = Instant::now() + wait;
        queue.sleep = Sleep::Companions(awaited);
        while queue.companions.released < awaited && !queue.closing {
            if self.core.work.wait_until(queue, deadline).timed_out() {
                break;
            }
        }
        queue.sleep = Sleep::No;
        self.released = queue.companions.released;
        self.in_vain = if self.released > before { 0 } else { self.in_vain.saturating_add(1) };
    }

    /// Leaves the active segment for the next one, which admission made sure is there.
    fn roll(&mut self, queue: &mut Queue) {
        let next = queue.spares.pop_front().expect("only what has room is accepted");
        queue.plan.spares_used = queue.plan.spares_used.saturating_sub(1);
        self.core.base.point(Point::SegmentTaken);
        let segment = Segment::new(next.number, self.ends.clone(), Body::Raw(Arc::clone(&next)));
        self.core.segments.push(segment);
        self.active = next;
        self.place = 0;
        self.core.spares_wanted.notify_one();
        self.core.sealing.lock().left += 1;
        self.core.seal.notify_all();
    }

    /// Writes one group and makes it durable. A failure of either is the end: the kernel may have dropped what it
    /// could not write and say that the next sync went well.
    fn write(&mut self, chunks: &[Chunk]) -> Result<(), Fatal> {
        let table = self.is_fresh().then_some(&*self.ends);
        self.frame.begin(table);
        for chunk in chunks {
            let rows = u32::try_from(chunk.slots.len()).expect("a chunk's records can be counted");
            self.frame.chunk(chunk.at, rows, &chunk.bytes);
        }
        let frame = self.frame.finish(&self.core.base.stamp, self.active.number, self.group);
        let fatal = |act, source| Fatal {
            act,
            file: self.active.name.clone(),
            place: self.place,
            group: self.group,
            source,
        };
        match self.active.file.write_at(frame, self.place) {
            Ok(written) if written == frame.len() => {}
            Ok(written) => {
                let short = format!("only {written} of {} bytes were written", frame.len());
                return Err(fatal("write", io::Error::new(io::ErrorKind::WriteZero, short)));
            }
            Err(error) => return Err(fatal("write", error)),
        }
        self.active.file.sync_data().map_err(|error| fatal("sync", error))?;
        let end = self.place + frame.len() as u64;
        self.active.grew(self.place, end, &self.ends);
        self.place = end;
        self.group += 1;
        self.unconfirmed = !chunks.is_empty();
        Ok(())
    }

    /// Shows readers what became durable, then answers. Gives the bytes that no longer wait.
    fn publish(&mut self, chunks: &mut Vec<Chunk>) -> usize {
        if chunks.is_empty() {
            return 0;
        }
        for slot in chunks.iter().flat_map(|chunk| &chunk.slots) {
            let slot = usize::from(*slot);
            if self.counts[slot] == 0 {
                self.touched.push(slot);
            }
            self.counts[slot] += 1;
        }
        // Decisions last: whoever sees one can see its input, and the dead letter that it speaks of.
        let facts = Topic::Facts as usize * usize::from(self.core.base.partitions);
        let is_fact = |slot: &usize| (facts..facts + usize::from(self.core.base.partitions)).contains(slot);
        self.touched.sort_by_key(is_fact);
        for slot in self.touched.drain(..) {
            let count = u64::from(std::mem::take(&mut self.counts[slot]));
            self.ends[slot] += count;
            self.core.slots[slot].lock().became_durable(count);
        }
        self.core.durable.bump();
        // A decider waits for inputs and for its decisions' read-back at once.
        self.core.accepted.bump();
        let mut bytes = 0;
        for chunk in chunks.drain(..) {
            bytes += chunk.bytes.len();
            let memory = chunk.memory();
            for (offset, done) in chunk.dones {
                answer(|| done(Ok(offset)));
            }
            self.held.push(chunk.slots, memory);
        }
        self.held.shrink(&self.core);
        bytes
    }

    /// Ends the log. Where the hook returns, which it does in tests only, everybody who waits is told.
    fn die(self, fatal: &Fatal, in_flight: Vec<Chunk>) {
        (self.core.base.options.on_fatal)(fatal);
        end(&self.core, &fatal.to_string(), in_flight);
    }
}

/// Tells everybody who waits that nothing more will become durable.
pub(crate) fn end(core: &Core, reason: &str, in_flight: Vec<Chunk>) {
    let mut queue = core.queue.lock();
    queue.dead = true;
    let queued = std::mem::take(&mut queue.chunks);
    drop(queue);
    for chunk in in_flight.into_iter().chain(queued) {
        for (_, done) in chunk.dones {
            answer(|| done(Err(Unclear { reason: reason.to_owned() })));
        }
    }
    core.spares_wanted.notify_all();
    core.spares_made.notify_all();
    core.accepted.bump();
    core.durable.bump();
}

/// A `done` that panics must not take the log with it.
fn answer(done: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(done)).is_err() {
        tracing::error!("a caller's answer panicked; the record is in the log");
    }
}
