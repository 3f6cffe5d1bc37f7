//! Whether this machine's clock may stamp decisions (PROTOCOL C7).

use super::Now;

#[derive(Clone, Debug)]
pub(super) struct Clock {
    off_max: i64,
    /// How long a clock that was set has to go on from there.
    settles: i64,
    /// Wall minus monotonic when the owner began, or when a clock that was set had settled.
    base: i64,
    set: Option<Set>,
}

/// The wall clock as it was found away from the base.
#[derive(Clone, Copy, Debug)]
struct Set {
    /// By how much.
    by: i64,
    /// Since when, monotonic.
    since: i64,
}

/// What a look at the clocks has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The wall clock was set, by so much.
    Set(i64),
    /// It was set by so much, has gone on from there for long, and is the base from now on.
    Settled(i64),
}

impl Clock {
    pub(super) fn new(off_max: i64, settles: i64, now: Now) -> Clock {
        Clock { off_max, settles, base: now.wall - now.monotonic, set: None }
    }

    /// By how much the wall clock has left the monotonic one, when that is too much.
    pub(super) fn off_by(&self, now: Now) -> Option<i64> {
        let by = (now.wall - now.monotonic).saturating_sub(self.base);
        (by.abs() > self.off_max).then_some(by)
    }

    /// Looks at the clocks; says what is news. A clock that was corrected stays where it was put: after long it is taken for
    /// right. One that is set again meanwhile begins anew.
    pub(super) fn look(&mut self, now: Now) -> Option<News> {
        let Some(by) = self.off_by(now) else {
            self.set = None;
            return None;
        };
        match self.set {
            Some(set) if (by - set.by).abs() > self.off_max => {
                self.set = Some(Set { by, since: now.monotonic });
                Some(News::Set(by))
            }
            Some(set) if now.monotonic - set.since >= self.settles => {
                self.set = None;
                self.base = now.wall - now.monotonic;
                Some(News::Settled(by))
            }
            Some(_) => None,
            None => {
                self.set = Some(Set { by, since: now.monotonic });
                Some(News::Set(by))
            }
        }
    }

    /// Whether the wall clock was set, as of the last look.
    pub(super) fn is_set(&self) -> bool {
        self.set.is_some()
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
