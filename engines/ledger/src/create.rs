//! How a log begins: a root in each partition of `facts`.

use std::time::{Duration, Instant};

use mirabelle_log::{Log, Partition, ReadError, ReadLimit, Refused, Topic, View};
use mirabelle_schemas::record::LogCreated;

use crate::append::root;
use crate::error::ReaderError;
use crate::fold::{Chain, FORMAT};
use crate::reader::{FactsReader, ReaderOptions, Start};

/// Why the roots of a log are not there.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A partition could not be looked at.
    #[error("could not look whether partition {partition} of facts is empty")]
    Look {
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: ReadError,
    },
    /// The log would not take the roots.
    #[error("could not append the roots of {count} partitions of facts")]
    Append {
        /// How many.
        count: usize,
        /// The cause.
        #[source]
        source: Refused,
    },
    /// A partition does not begin with a root of this log.
    #[error("partition {partition} of facts does not begin as it should")]
    NotOurs {
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: ReaderError,
    },
    /// No root became durable in time.
    #[error("partition {partition} of facts has no durable root after {waited_ms} ms")]
    TooSlow {
        /// The first such partition.
        partition: Partition,
        /// How long that was.
        waited_ms: u128,
    },
}

/// Appends a root, stamped `at` (microseconds), to each partition of `facts` that is empty, and says to which. Waits for
/// nothing. Any number of processes may do so at once and again: the first root of a partition counts, the others are
/// repeats.
pub fn create_roots(log: &dyn Log, at: i64) -> Result<Vec<Partition>, CreateError> {
    let mut empty = Vec::new();
    for partition in (0..log.partitions()).map(Partition) {
        let look = |source| CreateError::Look { partition, source };
        let bounds = log.bounds(Topic::Facts, partition, View::Accepted).map_err(look)?;
        if bounds.start == bounds.end {
            empty.push(partition);
        }
    }
    let of = |partition: &Partition| LogCreated {
        log_id: log.id().0,
        partition: partition.0,
        partitions: log.partitions(),
        format: FORMAT,
        at,
    };
    log.append(empty.iter().map(|partition| root(&of(partition))).collect())
        .map_err(|source| CreateError::Append { count: empty.len(), source })?;
    Ok(empty)
}

/// Creates what is missing, and waits until each partition begins with a durable root of this log. A root that is lost on
/// its way is appended again.
pub fn ensure_roots(log: &dyn Log, at: i64, patience: Duration) -> Result<(), CreateError> {
    let began = Instant::now();
    let again = Duration::from_millis(200);
    create_roots(log, at)?;
    for partition in (0..log.partitions()).map(Partition) {
        let not_ours = |source| CreateError::NotOurs { partition, source };
        let options = ReaderOptions { chain: Chain::Verify, known_max: 1 };
        let mut reader = FactsReader::open(log, partition, Start::Beginning, options).map_err(not_ours)?;
        loop {
            let tick = log.tick(View::Durable);
            let limit = ReadLimit { records: 1, bytes: 1 };
            while reader.head().is_none() && reader.read(limit, &mut Vec::new()).map_err(not_ours)? > 0 {}
            if let Some(alarm) = reader.stopped() {
                let (offset, alarm) = (reader.position(), alarm.clone());
                return Err(not_ours(ReaderError::Stopped { partition, offset, alarm }));
            }
            if reader.head().is_some() {
                break;
            }
            let waited = began.elapsed();
            if waited >= patience {
                return Err(CreateError::TooSlow { partition, waited_ms: waited.as_millis() });
            }
            if log.wait(View::Durable, tick, again.min(patience - waited)) == tick {
                create_roots(log, at)?;
            }
        }
    }
    Ok(())
}
