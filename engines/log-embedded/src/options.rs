//! What can be set, and the hooks through which tests and processes look in.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::{Fatal, OpenError};
use crate::files::{Files, OsFiles};

/// The wall clock: microseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// Called once, on the writer's thread, when the log can't go on. Must not return in a process that matters.
pub type OnFatal = Arc<dyn Fn(&Fatal) + Send + Sync>;
/// Called at each named [`Point`] of the work on files.
pub type OnPoint = Arc<dyn Fn(Point) + Send + Sync>;

/// Bounds on what a directory can be opened with.
pub(crate) const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 4096..=1 << 30;
pub(crate) const PARTITIONS: std::ops::RangeInclusive<u16> = 1..=1024;
pub(crate) const RECORD_BYTES: usize = 16 << 20;

/// A place in the work on files at which a crash leaves something of its own kind behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// A new segment's temporary file exists and is empty.
    SegmentCreated,
    /// It is filled with zeros, which are not durable yet.
    SegmentFilled,
    /// The zeros are durable.
    SegmentSynced,
    /// It has its name, which is not durable yet.
    SegmentRenamed,
    /// Its name is durable.
    SegmentReady,
    /// The description of a new directory is written to a temporary file.
    MetaWritten,
    /// It has its name, which is not durable yet.
    MetaRenamed,
    /// The writer leaves a full segment for the next; nothing stands in the new one yet.
    SegmentTaken,
    /// A sealed segment is written to a temporary file, not durable yet.
    SealWritten,
    /// It is durable.
    SealSynced,
    /// It was read back and compared.
    SealCompared,
    /// It has its name, which is not durable yet; the raw file still exists.
    SealRenamed,
    /// Its name is durable; the raw file still exists.
    SealReady,
    /// The raw file is gone, but not durably.
    RawRemoved,
    /// A torn end was zeroed while opening, not durably yet.
    TornZeroed,
}

impl Point {
    /// All points, for tests that crash at each.
    pub const ALL: [Point; 15] = [
        Point::SegmentCreated,
        Point::SegmentFilled,
        Point::SegmentSynced,
        Point::SegmentRenamed,
        Point::SegmentReady,
        Point::MetaWritten,
        Point::MetaRenamed,
        Point::SegmentTaken,
        Point::SealWritten,
        Point::SealSynced,
        Point::SealCompared,
        Point::SealRenamed,
        Point::SealReady,
        Point::RawRemoved,
        Point::TornZeroed,
    ];
}

/// How to open a directory. [`Options::new`] has the defaults.
#[derive(Clone)]
pub struct Options {
    /// Partitions of each topic, 1 to 1024: fixed when the directory is created. 8.
    pub partitions: u16,
    /// What `appended_at` is stamped with.
    pub clock: Clock,
    /// Size of a new segment, 4 KiB to 1 GiB, a multiple of 4096. 16 MiB.
    pub segment_bytes: u64,
    /// Segments kept ready, filled with zeros, at least 1. 2.
    pub spare_segments: usize,
    /// Largest record (key, value and trace), at most 16 MiB and what a segment takes. 1 MiB.
    pub record_bytes_max: usize,
    /// A group takes no further records beyond this size. 1 MiB.
    pub group_bytes_max: usize,
    /// Most bytes that are accepted and not yet durable. 64 MiB.
    pub queue_bytes_max: usize,
    /// Memory for the newest durable records. 64 MiB.
    pub tail_bytes_max: usize,
    /// How long a group waits for the decisions on its inputs, so that both become durable together. 200 µs;
    /// zero never waits.
    pub companion_wait: Duration,
    /// After this long without an append the last group is confirmed by an empty one behind it, so that damage
    /// to it can be told from a torn write. 1 s.
    pub confirm_idle: Duration,
    /// So many bytes of the disk are left to others: no segment is made ahead that would take of them. What stands
    /// beside the log (rows, snapshots) then still has room while the log has none, and appends are refused. 0.
    pub reserve_bytes: u64,
    /// How often a full disk is asked for room again. 250 ms.
    pub room_retry: Duration,
    /// Compression of sealed segments, 1 to 19. 3.
    pub zstd_level: i32,
    /// A block of a sealed segment takes no further records beyond this size, before compression. 256 KiB.
    pub block_bytes: usize,
    /// The layer of files.
    pub files: Arc<dyn Files>,
    /// What happens when a write or a sync fails: by default an error is logged and the process aborts.
    pub on_fatal: OnFatal,
    /// Called at each named point; by default nothing happens there.
    pub on_point: OnPoint,
}

impl Options {
    /// The defaults, stamping with `clock`.
    pub fn new(clock: Clock) -> Options {
        Options {
            partitions: 8,
            clock,
            segment_bytes: 16 << 20,
            spare_segments: 2,
            record_bytes_max: 1 << 20,
            group_bytes_max: 1 << 20,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 64 << 20,
            companion_wait: Duration::from_micros(200),
            confirm_idle: Duration::from_secs(1),
            reserve_bytes: 0,
            room_retry: Duration::from_millis(250),
            zstd_level: 3,
            block_bytes: 256 << 10,
            files: Arc::new(OsFiles),
            on_fatal: Arc::new(abort),
            on_point: Arc::new(|_| {}),
        }
    }

    /// The operating system's wall clock.
    pub fn system_clock() -> Clock {
        Arc::new(|| match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        })
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let wrong = |reason: &str| Err(OpenError::Options { reason: reason.to_owned() });
        if !PARTITIONS.contains(&self.partitions) {
            return wrong("partitions must be 1 to 1024");
        }
        if !SEGMENT_BYTES.contains(&self.segment_bytes) || !self.segment_bytes.is_multiple_of(4096) {
            return wrong("segment_bytes must be a multiple of 4096 from 4 KiB to 1 GiB");
        }
        if self.spare_segments == 0 {
            return wrong("spare_segments must be at least 1");
        }
        if self.record_bytes_max == 0 || self.record_bytes_max > RECORD_BYTES {
            return wrong("record_bytes_max must be 1 byte to 16 MiB");
        }
        if self.queue_bytes_max < self.record_bytes_max {
            return wrong("queue_bytes_max must take at least one record");
        }
        if !(1..=19).contains(&self.zstd_level) {
            return wrong("zstd_level must be 1 to 19");
        }
        if self.block_bytes == 0 || self.block_bytes > RECORD_BYTES {
            return wrong("block_bytes must be 1 byte to 16 MiB");
        }
        Ok(())
    }
}

/// Going on after a failed sync would acknowledge what the disk may have dropped: only a new process, which reads
/// what is really there, can.
fn abort(fatal: &Fatal) {
    tracing::error!(%fatal, source = std::error::Error::source(fatal), "the log can't go on");
    std::process::abort();
}
