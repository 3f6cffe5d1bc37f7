//! Stamps of the store's own notes, which no decision stamps.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, rising with each call.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: AtomicI64,
}

impl Clock {
    /// A stamp that no note of this process has had, above `floor`: the stamp of the note that it takes the place of.
    /// So a machine whose clock is behind still overwrites what it has read.
    pub(crate) fn stamp(&self, floor: Option<i64>) -> i64 {
        let least = now().max(floor.map_or(i64::MIN, |floor| floor.saturating_add(1)));
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = least.max(last.saturating_add(1));
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(newer) => last = newer,
            }
        }
    }
}

/// Microseconds since 1970, as this machine believes.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
