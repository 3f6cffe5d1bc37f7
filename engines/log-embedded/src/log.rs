//! The embedded log as the rest of the project sees it.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mirabelle_log::{
    Append, Bounds, Log, LogId, Offset, Partition, ReadError, Reader, Refused, Tick, Topic, View,
};
use parking_lot::{Condvar, Mutex};

use crate::check::{self, CheckReport};
use crate::core::{Core, Place, Sealing};
use crate::draft;
use crate::error::{Fatal, Fault, OpenError};
use crate::files::Lock;
use crate::options::Options;
use crate::prepare;
use crate::queue::{Plan, Queue};
use crate::reader::SlotReader;
use crate::recover::{self, Opened, ToWrite};
use crate::seal;
use crate::segments::Segments;
use crate::tail::SlotTail;
use crate::writer::Writer;
use mirabelle_log::signal::Signal;

/// A log in a directory of its own, for one process.
///
/// ```text
///  append ─→ queue ─→ writer: one frame, one fdatasync a group ─→ segment 7 (raw) ─→ segment 8 (zeros)
///    │ memory: View::Accepted                  │ View::Durable, `done`       └→ sealer ─→ segment 6 (sealed)
/// ```
/// All topics and partitions share one order in the file, and a crash keeps a prefix of it: whoever decides on what
/// it read under [`View::Accepted`] appends its decision behind its input, and never outlives it.
///
/// Dropping the log makes everything accepted durable, and then frees the directory.
pub struct EmbeddedLog {
    core: Arc<Core>,
    threads: Vec<JoinHandle<()>>,
    torn: Option<Fault>,
    /// Held by the writer too. Not by readers: what they still read after a close does not change any more.
    lock: Arc<Lock>,
}

impl EmbeddedLog {
    /// Opens the log in `dir`, creating both where they are missing.
    ///
    /// # Errors
    /// See [`OpenError`]. What a crash left half done is finished or undone; damage is refused and left as it is.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<EmbeddedLog, OpenError> {
        let (opened, ToWrite { begin, spares, next_number }) = recover::open(dir.as_ref(), options)?;
        let table = if begin.place == 0 { opened.limits.table_bytes } else { 0 };
        let left = (begin.active.capacity - begin.place).saturating_sub(table);
        let plan = Plan { left, spares_used: 0 };
        let queue = Queue::new(opened.base.partitions, plan, spares, false);
        let mut log = EmbeddedLog::build(opened, queue, Sealing { left: 1, ..Sealing::default() });
        let core = Arc::clone(&log.core);
        let lock = Arc::clone(&log.lock);
        log.spawn("log-writer", move || {
            write(core, begin);
            drop(lock);
        })?;
        let core = Arc::clone(&log.core);
        log.spawn("log-prepare", move || prepare::run(&core, next_number))?;
        let core = Arc::clone(&log.core);
        log.spawn("log-seal", move || seal::run(&core))?;
        Ok(log)
    }

    /// Opens a log that no process has open, for reading only: nothing in the directory is changed, a torn end is
    /// stepped over. Appends are refused with [`Refused::Closed`]; the number of partitions is the directory's.
    ///
    /// # Errors
    /// See [`OpenError`]; a directory without a log is [`OpenError::Missing`].
    pub fn open_offline(dir: impl AsRef<Path>, options: Options) -> Result<EmbeddedLog, OpenError> {
        let opened = recover::open_offline(dir.as_ref(), options)?;
        let queue = Queue::new(opened.base.partitions, Plan::default(), Default::default(), true);
        Ok(EmbeddedLog::build(opened, queue, Sealing { ended: true, ..Sealing::default() }))
    }

    fn build(opened: Opened, queue: Queue, sealing: Sealing) -> EmbeddedLog {
        let Opened { base, limits, lock, segments, ends, torn } = opened;
        let core = Core {
            base,
            limits,
            queue: Mutex::new(queue),
            work: Condvar::new(),
            spares_wanted: Condvar::new(),
            spares_made: Condvar::new(),
            sealing: Mutex::new(sealing),
            seal: Condvar::new(),
            slots: ends.iter().map(|end| Mutex::new(SlotTail::ending_at(*end))).collect(),
            segments: Segments::new(segments),
            accepted: Signal::default(),
            durable: Signal::default(),
        };
        EmbeddedLog { core: Arc::new(core), threads: Vec::new(), torn, lock: Arc::new(lock) }
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let builder = std::thread::Builder::new().name(name.to_owned());
        let dir = &self.core.base.dir;
        self.threads.push(builder.spawn(work).map_err(OpenError::io("start a thread for", dir))?);
        Ok(())
    }

    /// Walks the whole log: every checksum, every record, every joint between segments. A flipped byte anywhere in
    /// what is durable is found. May run beside appends.
    pub fn check_all(&self) -> CheckReport {
        check::all(&self.core, self.torn.as_ref())
    }

    /// Where the last write before this opening was torn, if it was. Nothing of it was acknowledged, unless it was whole
    /// and was damaged since: what was acknowledged less than [`Options::confirm_idle`] before a crash can't be told
    /// from what never was.
    pub fn torn(&self) -> Option<&Fault> {
        self.torn.as_ref()
    }

    /// Blocks until every full segment is sealed and the spare ones are ready, or neither can be done now.
    pub fn settle(&self) {
        let core = &self.core;
        let mut sealing = core.sealing.lock();
        while sealing.done != sealing.left && !sealing.ended {
            core.seal.wait(&mut sealing);
        }
        drop(sealing);
        let mut queue = core.queue.lock();
        while queue.spares.len() < core.base.options.spare_segments && !queue.no_room && !queue.dead {
            core.spares_made.wait(&mut queue);
        }
    }
}

#[cfg(test)]
impl EmbeddedLog {
    /// Whether the writer holds a group for the decisions on its inputs.
    pub(crate) fn waits_for_companions(&self) -> bool {
        matches!(self.core.queue.lock().sleep, crate::queue::Sleep::Companions(_))
    }
}

/// Runs the writer. If it panics, nobody knows what is on the disk: that is as bad as a failed write.
fn write(core: Arc<Core>, begin: crate::writer::Begin) {
    let options = core.base.options.clone();
    let writer = Writer::new(Arc::clone(&core), begin);
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.run())).is_err() {
        let fatal = Fatal {
            act: "go on writing after a panic at",
            file: core.base.dir.display().to_string(),
            place: 0,
            group: 0,
            source: std::io::Error::other("the writer panicked"),
        };
        (options.on_fatal)(&fatal);
        crate::writer::end(&core, &fatal.to_string(), Vec::new());
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        let core = &self.core;
        core.queue.lock().closing = true;
        core.sealing.lock().closing = true;
        for condvar in [&core.work, &core.spares_wanted, &core.seal] {
            condvar.notify_all();
        }
        for thread in self.threads.drain(..) {
            // The last handle may be dropped by a `done`, on the writer's own thread, which ends after it.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
    }
}

impl Log for EmbeddedLog {
    fn id(&self) -> LogId {
        self.core.base.id
    }

    fn partitions(&self) -> u16 {
        self.core.base.partitions
    }

    /// # Panics
    /// If a record names a partition that the log does not have.
    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        let core = &*self.core;
        let drafts = draft::drafts(core, batch)?;
        if drafts.is_empty() {
            return Ok(());
        }
        let wake = core.queue.lock().take(core, drafts)?;
        core.accepted.bump();
        if wake {
            core.work.notify_one();
        }
        Ok(())
    }

    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError> {
        if partition.0 >= self.partitions() {
            let (start, end) = (Offset(0), Offset(0));
            return Err(ReadError::OutOfRange { topic, partition, offset: Offset(0), start, end });
        }
        let slot = self.core.slot(topic, partition);
        let end = self.core.slots[slot].lock().end(view);
        Ok(Bounds { start: Offset(self.core.segments.start(slot)), end: Offset(end) })
    }

    fn reader(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        view: View,
    ) -> Result<Box<dyn Reader>, ReadError> {
        let Bounds { start, end } = self.bounds(topic, partition, view)?;
        if from < start || from > end {
            return Err(ReadError::OutOfRange { topic, partition, offset: from, start, end });
        }
        Ok(Box::new(SlotReader::new(Arc::clone(&self.core), Place { topic, partition }, from, view)))
    }

    fn tick(&self, view: View) -> Tick {
        Tick(self.signal(view).now())
    }

    fn wait(&self, view: View, since: Tick, timeout: Duration) -> Tick {
        Tick(self.signal(view).wait(since.0, timeout))
    }
}

impl EmbeddedLog {
    fn signal(&self, view: View) -> &Signal {
        match view {
            View::Durable => &self.core.durable,
            View::Accepted => &self.core.accepted,
        }
    }
}
