//! Segments made ready ahead of the writer, so that it never waits for a file to grow.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::core::Core;
use crate::files::{Files, write_all_at};
use crate::options::{OnPoint, Options, Point};
use crate::segments::{Raw, raw_name};

/// Zeros are written and synced in steps, so that they never stand long before a group's own sync.
const STEP_BYTES: usize = 1 << 20;

/// Makes one segment, durably, under its own name.
pub(crate) fn segment(
    files: &dyn Files,
    dir: &Path,
    number: u64,
    capacity: u64,
    on_point: &OnPoint,
) -> io::Result<Raw> {
    let name = raw_name(number);
    let (path, temporary) = (dir.join(&name), dir.join(format!("{name}.tmp")));
    let made = || {
        let file = files.create(&temporary)?;
        on_point(Point::SegmentCreated);
        let zeros = vec![0; STEP_BYTES.min(usize::try_from(capacity).unwrap_or(STEP_BYTES))];
        let mut place = 0;
        while place < capacity {
            let step = zeros.len().min(usize::try_from(capacity - place).unwrap_or(zeros.len()));
            write_all_at(&*file, &zeros[..step], place)?;
            place += step as u64;
            if place == capacity {
                on_point(Point::SegmentFilled);
            }
            file.sync_data()?;
        }
        on_point(Point::SegmentSynced);
        files.rename(&temporary, &path)?;
        on_point(Point::SegmentRenamed);
        files.sync_dir(dir)?;
        on_point(Point::SegmentReady);
        Ok(file)
    };
    match made() {
        Ok(file) => Ok(Raw::new(number, file, capacity, 0, Vec::new())),
        Err(error) => {
            // What was taken of a full disk is given back; what can't be removed is removed at the next open.
            drop(files.remove(&temporary));
            Err(error)
        }
    }
}

/// An error if one more segment would take of what is left to others. A disk that does not say how much is free has room.
fn leaves_the_reserve(options: &Options, dir: &Path) -> io::Result<()> {
    let wanted = options.segment_bytes.saturating_add(options.reserve_bytes);
    match options.files.free(dir) {
        Ok(free) if options.reserve_bytes > 0 && free < wanted => {
            let why = format!("{free} bytes are free, and {} are kept for others", options.reserve_bytes);
            Err(io::Error::new(io::ErrorKind::StorageFull, why))
        }
        _ => Ok(()),
    }
}

/// What others fill the disk with counts too: while the reserve is touched, nothing new is taken, although the segments that
/// stand ready have room.
fn look_at_the_reserve(core: &Core) {
    let options = &core.base.options;
    if options.reserve_bytes == 0 {
        return;
    }
    let touched = options.files.free(&core.base.dir).is_ok_and(|free| free < options.reserve_bytes);
    let mut queue = core.queue.lock();
    if std::mem::replace(&mut queue.reserve_touched, touched) != touched {
        tracing::warn!(touched, reserve_bytes = options.reserve_bytes, "the disk's reserve");
    }
}

/// Keeps the writer's stock of segments full until the log is closed.
pub(crate) fn run(core: &Core, mut next_number: u64) {
    loop {
        let mut queue = core.queue.lock();
        while !queue.closing && !queue.dead && queue.spares.len() >= core.base.options.spare_segments {
            core.spares_wanted.wait_for(&mut queue, core.base.options.room_retry);
            parking_lot::MutexGuard::unlocked(&mut queue, || look_at_the_reserve(core));
        }
        if queue.closing || queue.dead {
            return;
        }
        drop(queue);
        look_at_the_reserve(core);
        let options = &core.base.options;
        let dir = &core.base.dir;
        let made = leaves_the_reserve(options, dir).and_then(|()| {
            segment(&*options.files, dir, next_number, options.segment_bytes, &options.on_point)
        });
        match made {
            Ok(raw) => {
                next_number += 1;
                let mut queue = core.queue.lock();
                queue.spares.push_back(Arc::new(raw));
                core.spares_made.notify_all();
                if std::mem::take(&mut queue.no_room) {
                    tracing::info!(segment = next_number - 1, "the log has room again");
                }
            }
            Err(error) => {
                let mut queue = core.queue.lock();
                if !std::mem::replace(&mut queue.no_room, true) {
                    tracing::error!(segment = next_number, %error, "no room for the log's next segment");
                }
                core.spares_made.notify_all();
                if !queue.closing && !queue.dead {
                    core.spares_wanted.wait_for(&mut queue, options.room_retry);
                }
            }
        }
    }
}
