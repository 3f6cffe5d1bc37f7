//! How soon to try again what did not work.

/// Microseconds before the first new attempt; it doubles.
const FIRST: i64 = 50_000;
/// Longest wait between two attempts, microseconds.
const LONGEST: i64 = 5_000_000;

/// Attempts that failed one after the other, and when the next may be made, on the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
    due: i64,
}

impl Retry {
    /// Whether an attempt may be made.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.failures == 0 || now >= self.due
    }

    /// An attempt failed; says how many have now. The first one is news to a person, the others are not.
    pub(crate) fn failed(&mut self, now: i64) -> u32 {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(20));
        self.due = now.saturating_add(doubled.min(LONGEST));
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// An attempt worked; says whether others had failed before it.
    pub(crate) fn worked(&mut self) -> bool {
        std::mem::take(&mut self.failures) > 0
    }

    /// When the next attempt may be made, if one failed.
    pub(crate) fn wake(&self) -> Option<i64> {
        (self.failures > 0).then_some(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_tried_again_after_waits_that_double_up_to_five_seconds() {
        let mut retry = Retry::default();
        assert!(retry.is_due(0) && retry.wake().is_none());
        let waits: Vec<i64> = (1..=9)
            .map(|n| {
                assert_eq!(retry.failed(1_000), n);
                retry.wake().unwrap() - 1_000
            })
            .collect();
        assert_eq!(waits[..3], [50_000, 100_000, 200_000]);
        assert_eq!(waits[8], 5_000_000);
        assert!(!retry.is_due(5_000_999) && retry.is_due(5_001_000));
        assert!(retry.worked() && !retry.worked());
    }
}
