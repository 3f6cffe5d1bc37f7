//! Whether this machine's clock may stamp decisions (PROTOCOL C7).

use super::Now;

#[derive(Clone, Debug)]
pub(super) struct Clock {
    off_max: i64,
    /// Wall minus monotonic when the owner began.
    base: i64,
    set: bool,
}

impl Clock {
    pub(super) fn new(off_max: i64, now: Now) -> Clock {
        Clock { off_max, base: now.wall - now.monotonic, set: false }
    }

    /// By how much the wall clock has left the monotonic one, when that is too much.
    pub(super) fn off_by(&self, now: Now) -> Option<i64> {
        let by = (now.wall - now.monotonic).saturating_sub(self.base);
        (by.abs() > self.off_max).then_some(by)
    }

    /// Looks at the clocks; says by how much the wall clock was set when that is news.
    pub(super) fn newly_set(&mut self, now: Now) -> Option<i64> {
        let by = self.off_by(now);
        let news = by.filter(|_| !self.set);
        self.set = by.is_some();
        news
    }

    /// Whether the wall clock was set, as of the last look.
    pub(super) fn is_set(&self) -> bool {
        self.set
    }

    /// By how much the wall clock is ahead of the log's, when that is too much. The log took the record between the two
    /// instants, however long it took: only an append time outside of them tells.
    pub(super) fn beside_the_log(&self, handed: i64, appended_at: i64, read_back: Now) -> Option<i64> {
        let ahead = handed.saturating_sub(appended_at);
        let behind = appended_at.saturating_sub(read_back.wall);
        if ahead > self.off_max {
            Some(ahead)
        } else if behind > self.off_max {
            Some(-behind)
        } else {
            None
        }
    }
}
