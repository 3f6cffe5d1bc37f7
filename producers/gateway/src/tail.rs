//! The gateway's own thread over every partition of `facts`: it answers those who wait, and keeps the directory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mirabelle_ledger::{Chain, Counted, FactsReader, Folded, ReaderError, ReaderOptions, Start};
use mirabelle_log::{Log, Offset, Partition, ReadError, ReadLimit, Topic, View};
use mirabelle_schemas::{bucket, decode_fact};
use mirabelle_store::{Rows, StoreError};
use tracing::error;

use crate::directory::Directory;
use crate::waiters::{Answer, Waiters};

/// Why the tail could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The facts can't be read.
    #[error("the gateway can't read partition {partition}")]
    Read {
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: ReaderError,
    },
    /// The end of the facts can't be found.
    #[error("the gateway can't find the end of partition {partition}")]
    Bounds {
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: ReadError,
    },
    /// The rows can't be read.
    #[error("the gateway can't read the rows")]
    Store(#[from] StoreError),
}

/// How the tail is.
#[derive(Debug)]
pub struct Health {
    caught_up: AtomicBool,
    /// `at` of the last decision of each partition before the ends found at the start, once those are reached.
    begun_at: OnceLock<Vec<i64>>,
    stopped: AtomicBool,
    /// Partitions that can't be read on.
    reading: mirabelle_ledger::Health,
}

impl Health {
    fn new(partitions: u16) -> Health {
        Health {
            caught_up: AtomicBool::new(false),
            begun_at: OnceLock::new(),
            stopped: AtomicBool::new(false),
            reading: mirabelle_ledger::Health::new(partitions),
        }
    }

    /// Whether the end found at the start was reached.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// What the rows have to hold before anybody is told that something does not exist: `at` of each partition's last
    /// decision at the start. `None` until the tail has read that far.
    pub fn begun_at(&self) -> Option<&[i64]> {
        self.begun_at.get().map(Vec::as_slice)
    }

    /// Why the door can't read a partition on: who waits there gets no answer. The others go on.
    pub fn ails(&self, partition: Partition) -> Option<String> {
        self.reading.ails(partition)
    }

    /// Whether the tail has ended: nobody who waits gets an answer any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// The tail has ended.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }
}

/// The tail.
pub struct Tail {
    log: Arc<dyn Log>,
    readers: Vec<Option<FactsReader>>,
    /// The ends found at the start.
    ends: Vec<Offset>,
    /// `at` of the last decision read of each partition, until those ends are reached.
    last_at: Vec<i64>,
    waiters: Arc<Waiters>,
    directory: Arc<Directory>,
    health: Arc<Health>,
    folded: Vec<Folded>,
}

impl Tail {
    /// Starts where the rows stand, with the directory as the rows have it; without rows, at the beginning.
    pub fn open(
        log: Arc<dyn Log>,
        rows: &dyn Rows,
        waiters: Arc<Waiters>,
        directory: Arc<Directory>,
    ) -> Result<Tail, Error> {
        let (mut readers, mut ends) = (Vec::new(), Vec::new());
        let mut places = Vec::new();
        // The places first, the rows after: what is decided between is read twice, never missed.
        for partition in (0..log.partitions()).map(Partition) {
            let checkpoint = rows.checkpoint(partition)?.and_then(|bytes| postcard::from_bytes(&bytes).ok());
            places.push((partition, checkpoint));
        }
        crate::seed::directory(rows, &directory)?;
        for (partition, checkpoint) in places {
            let start = checkpoint.as_ref().map_or(Start::Beginning, Start::At);
            let options = ReaderOptions { chain: Chain::Verify, ..ReaderOptions::default() };
            let reader = FactsReader::open(log.as_ref(), partition, start, options);
            readers.push(Some(reader.map_err(|source| Error::Read { partition, source })?));
            let bounds = log.bounds(Topic::Facts, partition, View::Durable);
            ends.push(bounds.map_err(|source| Error::Bounds { partition, source })?.end);
        }
        let last_at = vec![0; readers.len()];
        let (health, folded) = (Arc::new(Health::new(log.partitions())), Vec::new());
        let tail = Tail { log, readers, ends, last_at, waiters, directory, health, folded };
        tail.look();
        Ok(tail)
    }

    /// How the tail is.
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Reads what there is; returns how many records that was.
    pub fn turn(&mut self) -> usize {
        let mut read = 0;
        for index in 0..self.readers.len() {
            let Some(reader) = &mut self.readers[index] else { continue };
            self.folded.clear();
            let limit = ReadLimit { records: 4_096, bytes: 8 << 20 };
            let outcome = reader.read(limit, &mut self.folded);
            for folded in std::mem::take(&mut self.folded) {
                if matches!(folded.counted, Counted::Decision(_)) && self.health.begun_at().is_none() {
                    self.last_at[index] = folded.position.at;
                }
                self.see(&folded);
            }
            match outcome {
                Ok(count) => read += count,
                Err(error) => {
                    error!(partition = index, error = &error as &dyn std::error::Error, "tail stopped here");
                    self.readers[index] = None;
                    let why = format!("the door can't read its facts on: {error}");
                    self.health.reading.set(Partition(u16::try_from(index).unwrap_or(u16::MAX)), Some(&why));
                }
            }
        }
        self.look();
        read
    }

    /// Whether the ends found at the start are reached.
    fn look(&self) {
        let reached = |(reader, end): (&Option<FactsReader>, &Offset)| {
            reader.as_ref().is_none_or(|reader| reader.position() >= *end)
        };
        if !self.health.is_caught_up() && self.readers.iter().zip(&self.ends).all(reached) {
            self.health.begun_at.get_or_init(|| self.last_at.clone());
            self.health.caught_up.store(true, Ordering::Release);
        }
    }

    fn see(&self, folded: &Folded) {
        let Counted::Decision(decision) = &folded.counted else { return };
        for record in decision.facts.iter().filter(|record| Directory::cares(record.kind)) {
            if let Ok(fact) = decode_fact(record) {
                self.directory.see(&decision.account.tenant, folded.position.partition.0, &fact);
            }
        }
        if self.waiters.is_awaited(decision.command_id) {
            let facts = decision.facts.iter().map(decode_fact).collect::<Result<Vec<_>, _>>();
            match facts {
                Ok(facts) => {
                    let answer = Answer {
                        position: folded.position,
                        bucket: bucket(&decision.account),
                        digest: decision.input_digest,
                        accepted_at: decision.accepted_at,
                        facts,
                    };
                    self.waiters.answer(decision.command_id, &Arc::new(answer));
                }
                Err(error) => error!(%error, "a decision can't be read: its waiter gets no answer"),
            }
        }
    }

    /// Reads until `stopped` says so.
    pub fn run(&mut self, stopped: &dyn Fn() -> bool) {
        while !stopped() {
            let tick = self.log.tick(View::Durable);
            if self.turn() == 0 {
                self.log.wait(View::Durable, tick, Duration::from_millis(200));
            }
        }
    }
}
