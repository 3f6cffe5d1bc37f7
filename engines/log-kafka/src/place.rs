//! Where a lane puts what it reads of one partition, and a reader takes it.

use std::collections::VecDeque;
use std::time::Instant;

use mirabelle_log::{Offset, Partition, ReadError, Record, Topic};
use parking_lot::{Condvar, Mutex};

/// Of one partition, for one reader.
pub(crate) struct Place {
    pub(crate) topic: Topic,
    pub(crate) partition: Partition,
    pub(crate) state: Mutex<State>,
    /// Something is there, or will never be.
    pub(crate) arrived: Condvar,
}

/// ```text
///  handed out │ buffer: read, not handed out │ next: wanted of the broker
///             ^ the reader's position        ^
/// ```
#[derive(Default)]
pub(crate) struct State {
    pub(crate) buffer: VecDeque<Record>,
    pub(crate) bytes: usize,
    pub(crate) next: u64,
    /// Whether the lane's consumer reads it now.
    pub(crate) assigned: bool,
    /// The first offset seen beyond `next`: when it comes again, nothing stands between.
    pub(crate) gap: Option<u64>,
    /// Asked anew from `next`, when the log was known to reach so far.
    pub(crate) probed: Option<u64>,
    /// Nothing stands before it that was not read.
    pub(crate) hollow_until: u64,
    /// Waited for in vain since then.
    pub(crate) waited_since: Option<Instant>,
    pub(crate) failure: Option<Failure>,
}

/// Why nothing more comes.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The log does not hold what comes next.
    OutOfRange { start: u64, end: u64 },
    /// A record is not as the log's must be.
    Corrupt { offset: u64, reason: &'static str },
}

impl Place {
    pub(crate) fn new(topic: Topic, partition: Partition, from: u64) -> Place {
        let state = State { next: from, ..State::default() };
        Place { topic, partition, state: Mutex::new(state), arrived: Condvar::new() }
    }

    pub(crate) fn error(&self, state: &State, failure: &Failure) -> ReadError {
        let (topic, partition) = (self.topic, self.partition);
        match *failure {
            Failure::OutOfRange { start, end } => {
                let (offset, start, end) = (Offset(state.next), Offset(start), Offset(end));
                ReadError::OutOfRange { topic, partition, offset, start, end }
            }
            Failure::Corrupt { offset, reason } => {
                ReadError::Corrupt { topic, partition, offset: Offset(offset), reason: reason.to_owned() }
            }
        }
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.state.lock().failure.get_or_insert(failure);
        self.arrived.notify_all();
    }
}

/// What becomes of a record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It waits for its reader.
    Kept,
    /// It waits, and with it as much as may: the lane is to read no further.
    Full,
    /// It had been read before.
    Known,
    /// Something may be missing before it: the lane is to ask again from `next`.
    AskAgain,
}

impl State {
    /// Takes what the broker gave. Between what was read and what comes may be a hole, such as a stranger's transaction leaves,
    /// or a mistake: it is asked twice.
    pub(crate) fn take(&mut self, record: Record, bytes: usize, bytes_max: usize) -> Taken {
        let offset = record.offset.0;
        if offset < self.next {
            return Taken::Known;
        }
        if offset > self.next && self.gap != Some(offset) {
            self.gap = Some(offset);
            return Taken::AskAgain;
        }
        self.gap = None;
        self.probed = None;
        self.waited_since = None;
        self.next = offset + 1;
        self.bytes += bytes;
        self.buffer.push_back(record);
        if self.bytes >= bytes_max { Taken::Full } else { Taken::Kept }
    }

    /// The broker says that nothing follows. When it was asked after the log was known to reach further, nothing stands
    /// between here and there. Says whether that was so.
    pub(crate) fn end_of_partition(&mut self) -> bool {
        let Some(end) = self.probed.take() else { return false };
        if self.next >= end {
            return false;
        }
        self.next = end;
        self.hollow_until = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use mirabelle_log::suite::entry;

    use super::*;

    fn record(offset: u64) -> Record {
        Record { offset: Offset(offset), appended_at: 7, entry: entry(offset) }
    }

    fn at(next: u64) -> State {
        State { next, assigned: true, ..State::default() }
    }

    #[test]
    fn what_was_read_before_is_dropped_and_what_follows_is_kept() {
        let mut state = at(1_041);
        assert_eq!(state.take(record(1_040), 10, 100), Taken::Known);
        assert_eq!(state.take(record(1_041), 10, 100), Taken::Kept);
        assert_eq!(state.take(record(1_041), 10, 100), Taken::Known);
        assert_eq!(state.take(record(1_042), 90, 100), Taken::Full);
        let offsets: Vec<u64> = state.buffer.iter().map(|record| record.offset.0).collect();
        assert_eq!(offsets, [1_041, 1_042]);
    }

    #[test]
    fn a_gap_is_believed_when_it_shows_twice() {
        let mut state = at(5);
        assert_eq!(state.take(record(9), 1, 100), Taken::AskAgain);
        assert_eq!(state.take(record(5), 1, 100), Taken::Kept, "it was no gap");
        assert_eq!(state.take(record(9), 1, 100), Taken::AskAgain);
        assert_eq!(state.take(record(8), 1, 100), Taken::AskAgain, "another gap");
        assert_eq!(state.take(record(8), 1, 100), Taken::Kept);
        assert_eq!((state.next, state.buffer.len()), (9, 2));
    }

    #[test]
    fn an_end_counts_only_when_it_was_asked_for() {
        let mut state = at(5);
        assert!(!state.end_of_partition());
        assert_eq!(state.next, 5);
        state.probed = Some(8);
        assert!(state.end_of_partition());
        assert_eq!((state.next, state.hollow_until), (8, 8));
        state.probed = Some(9);
        state.take(record(8), 1, 100);
        assert!(!state.end_of_partition(), "what came answers the question");
    }
}
