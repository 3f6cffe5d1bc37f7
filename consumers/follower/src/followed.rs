//! One partition as a follower reads it. A partition that can't be read on stops alone: the others go on.

use mirabelle_ledger::{Checkpoint, FactsReader, Folded, ReaderOptions, Start};
use mirabelle_log::{Log, Offset, Partition, ReadLimit, Topic, View};
use tracing::error;

type Cause = Box<dyn std::error::Error>;

pub(crate) struct Followed {
    partition: Partition,
    /// `None`: the partition has stopped.
    reader: Option<FactsReader>,
    /// The end found at the start: nothing is sent before it is reached.
    end: Offset,
    /// When what was read last was appended, microseconds, while more may wait behind it.
    behind_since: Option<i64>,
}

impl Followed {
    /// Opens a partition at a place, or at its beginning. One that can't be opened has stopped.
    pub(crate) fn open(
        log: &dyn Log,
        partition: Partition,
        place: Option<&Checkpoint>,
        role: &'static str,
    ) -> Followed {
        let mut followed = Followed { partition, reader: None, end: Offset(0), behind_since: None };
        if let Err(error) = followed.start(log, place) {
            followed.stop(error.as_ref(), role);
        }
        followed
    }

    fn start(&mut self, log: &dyn Log, place: Option<&Checkpoint>) -> Result<(), Cause> {
        self.end = log.bounds(Topic::Facts, self.partition, View::Durable)?.end;
        let start = place.map_or(Start::Beginning, Start::At);
        self.reader = Some(FactsReader::open(log, self.partition, start, ReaderOptions::default())?);
        Ok(())
    }

    /// Says so, loudly, once: whoever runs this has to look.
    pub(crate) fn stop(&mut self, error: &(dyn std::error::Error + 'static), role: &'static str) {
        let partition = self.partition;
        error!(role, %partition, error, "the role has stopped in this partition; it goes on in the others");
        self.reader = None;
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.reader.is_none()
    }

    /// Whether the end found at the start is reached, or never will be.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.reader.as_ref().is_none_or(|reader| reader.position() >= self.end)
    }

    /// Reads on; returns how many records that was, none of a partition that has stopped.
    pub(crate) fn read(&mut self, limit: ReadLimit, folded: &mut Vec<Folded>, role: &'static str) -> usize {
        let Some(reader) = &mut self.reader else { return 0 };
        match reader.read(limit, folded) {
            Ok(count) => {
                self.behind_since = folded
                    .last()
                    .map(|folded| folded.appended_at)
                    .or(self.behind_since)
                    .filter(|_| count > 0);
                count
            }
            Err(error) => {
                self.stop(&error, role);
                0
            }
        }
    }

    /// The place after what was read; `None` before the root, and where the partition has stopped.
    pub(crate) fn checkpoint(&mut self) -> Option<Checkpoint> {
        self.reader.as_mut()?.checkpoint()
    }

    /// Age of what was read last, microseconds; 0 when the end is reached.
    pub(crate) fn lag(&self, now: i64) -> i64 {
        self.behind_since.map_or(0, |since| now.saturating_sub(since).max(0))
    }
}
