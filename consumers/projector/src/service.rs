//! The projector's loop: facts of every partition into rows, one batch a turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::project::{Context, project};
use mirabelle_domain::rows::Row;
use mirabelle_domain::{Fact, Timestamp};
use mirabelle_ledger::{Chain, Checkpoint, Counted, FactsReader, Folded, ReaderError, ReaderOptions, Start};
use mirabelle_log::{Log, Partition, ReadLimit, View};
use mirabelle_schemas::decode_fact;
use mirabelle_schemas::record::Decision;
use mirabelle_store::{Batch, Rows, StoreError};
use tracing::{error, info};

use crate::metrics::Metrics;
use crate::progress::Progress;

/// Between two looks for a store that was away; the store's own patience comes on top.
const AWAY_PAUSE: Duration = Duration::from_millis(250);

/// Bounds of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most records of a partition in one batch.
    pub records_max: usize,
    /// Pause between batches unless a reader waits: several facts on one row become one write.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options { records_max: 4_000, pause: Duration::from_millis(5) }
    }
}

/// Why the projector stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rows can't be read or written.
    #[error("the projector can't write its rows")]
    Store(#[from] StoreError),
    /// A checkpoint in the rows can't be read: the generation is of another release.
    #[error("the checkpoint of partition {partition} can't be read: rebuild the rows")]
    Checkpoint {
        /// The partition.
        partition: Partition,
    },
    /// A partition's facts can't be opened where the rows stand.
    #[error("the projector can't go on in partition {partition}: if the log was restored, rebuild the rows")]
    Open {
        /// The partition.
        partition: Partition,
        /// The cause.
        #[source]
        source: ReaderError,
    },
}

/// Why one partition of the view stopped; the others go on.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Read(#[from] ReaderError),
    #[error("a fact at seq {seq} can't be read: this build is older than the log")]
    Fact {
        seq: u64,
        #[source]
        source: mirabelle_schemas::Unreadable,
    },
}

/// The projector at work.
pub struct Projector {
    log: Arc<dyn Log>,
    rows: Arc<dyn Rows>,
    readers: Vec<Option<FactsReader>>,
    progress: Arc<Progress>,
    metrics: Metrics,
    options: Options,
    /// Positions that the rows reach with the next batch: (partition, at).
    reached: Vec<(Partition, i64)>,
    /// Since when a partition has stopped, microseconds.
    stopped_since: Option<i64>,
    /// When the log took the oldest record that was read in this turn.
    oldest: Option<i64>,
    folded: Vec<Folded>,
}

impl Projector {
    /// Goes on where the rows stand.
    pub fn open(
        log: Arc<dyn Log>,
        rows: Arc<dyn Rows>,
        progress: Arc<Progress>,
        metrics: Metrics,
        options: Options,
    ) -> Result<Projector, Error> {
        let mut readers = Vec::new();
        for partition in (0..log.partitions()).map(Partition) {
            let checkpoint = rows.checkpoint(partition)?;
            let checkpoint: Option<Checkpoint> = match checkpoint {
                Some(bytes) => {
                    Some(postcard::from_bytes(&bytes).map_err(|_| Error::Checkpoint { partition })?)
                }
                None => None,
            };
            let start = checkpoint.as_ref().map_or(Start::Beginning, Start::At);
            let options = ReaderOptions { chain: Chain::Verify, ..ReaderOptions::default() };
            let reader = FactsReader::open(log.as_ref(), partition, start, options);
            readers.push(Some(reader.map_err(|source| Error::Open { partition, source })?));
            if let Some(checkpoint) = checkpoint {
                progress.set(partition, checkpoint.head.at);
            }
        }
        Ok(Projector {
            log,
            rows,
            readers,
            progress,
            metrics,
            options,
            reached: Vec::new(),
            stopped_since: None,
            oldest: None,
            folded: Vec::new(),
        })
    }

    /// Projects what there is at `now` (microseconds) as one batch. Returns how many decisions it held.
    pub fn turn(&mut self, now: i64) -> Result<usize, Error> {
        let mut batch = Batch::new();
        self.reached.clear();
        self.oldest = None;
        for index in 0..self.readers.len() {
            if let Err(stopped) = self.read(index, &mut batch) {
                error!(partition = index, error = &stopped as &dyn std::error::Error, "view stopped here");
                self.metrics.stopped.inc();
                let why = format!("the rows have stopped: {stopped}");
                let partition = Partition(u16::try_from(index).unwrap_or(u16::MAX));
                self.progress.health().set(partition, Some(&why));
                self.stopped_since.get_or_insert(now);
                self.readers[index] = None;
            }
        }
        let decisions = batch.decisions();
        if !batch.is_empty() {
            let begun = Instant::now();
            self.metrics.rows.inc_by(batch.puts().len() as u64);
            #[cfg(feature = "planted-bugs")]
            let batch = checkpoints_first(self.rows.as_ref(), batch)?;
            self.rows.apply(batch)?;
            self.metrics.batch.observe(begun.elapsed().as_secs_f64());
            self.metrics.decisions.inc_by(decisions as u64);
        }
        for (partition, at) in &self.reached {
            self.progress.set(*partition, *at);
        }
        let lag = self.oldest.map_or(0, |oldest| now - oldest);
        self.progress.set_lag(lag);
        let stands = self.stopped_since.map_or(0, |since| now - since);
        self.metrics.lag.set(lag.max(stands));
        self.progress.tell();
        Ok(decisions)
    }

    /// Waits for a store that is away, and goes on where its rows then stand: of the batch that failed some rows may be
    /// there, and the others come again.
    fn wait_for_store(
        &mut self,
        away: StoreError,
        stopped: &dyn Fn() -> bool,
        now: &dyn Fn() -> i64,
    ) -> Result<(), Error> {
        error!(error = &away as &dyn std::error::Error, "the store is away; the rows wait for it");
        let began = now();
        let all = || (0..self.log.partitions()).map(Partition);
        let why = format!("the rows have stopped: {away}");
        all().for_each(|partition| self.progress.health().set(partition, Some(&why)));
        self.progress.tell();
        while !stopped() {
            let (log, rows, progress) = (self.log.clone(), self.rows.clone(), self.progress.clone());
            match Projector::open(log, rows, progress, self.metrics.clone(), self.options) {
                Ok(projector) => {
                    all().for_each(|partition| self.progress.health().set(partition, None));
                    *self = projector;
                    info!("the store is back");
                    return Ok(());
                }
                Err(Error::Store(away)) if away.passes() => {
                    self.metrics.lag.set(now() - began);
                    self.log.wait(View::Durable, self.log.tick(View::Durable), AWAY_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, index: usize, batch: &mut Batch) -> Result<(), Stopped> {
        let Some(reader) = &mut self.readers[index] else { return Ok(()) };
        self.folded.clear();
        let limit = ReadLimit { records: self.options.records_max, bytes: 8 << 20 };
        if reader.read(limit, &mut self.folded)? == 0 {
            return Ok(());
        }
        for folded in &self.folded {
            self.oldest = Some(self.oldest.map_or(folded.appended_at, |at| at.min(folded.appended_at)));
            if let Counted::Decision(decision) = &folded.counted {
                let rows = rows_of(reader.partition(), decision)?;
                batch.decision(decision.at, rows);
            }
        }
        if let Some(checkpoint) = reader.checkpoint() {
            let bytes = postcard::to_stdvec(&checkpoint).expect("a checkpoint is plain data");
            batch.checkpoint(reader.partition(), bytes);
            self.reached.push((reader.partition(), checkpoint.head.at));
        }
        Ok(())
    }

    /// Works until `stopped` says so, then makes the rows durable through `sync`. A store that is away is waited for.
    pub fn run(&mut self, stopped: &dyn Fn() -> bool, now: &dyn Fn() -> i64) -> Result<(), Error> {
        while !stopped() {
            let tick = self.log.tick(View::Durable);
            match self.turn(now()) {
                Ok(0) => {
                    self.log.wait(View::Durable, tick, Duration::from_millis(250));
                }
                Ok(_) => {}
                Err(Error::Store(away)) if away.passes() => {
                    self.wait_for_store(away, stopped, now)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            // Lets facts gather, unless somebody waits for them.
            self.progress.rest(self.options.pause);
        }
        self.turn(now())?;
        Ok(())
    }
}

/// The rows of one decision: the projection itself, as `verify` and a rebuild do it too.
pub fn rows_of_decision(
    partition: Partition,
    decision: &Decision,
) -> Result<Vec<Row>, mirabelle_schemas::Unreadable> {
    let facts: Result<Vec<Fact>, _> = decision.facts.iter().map(decode_fact).collect();
    let context = Context {
        account: &decision.account,
        command_id: decision.command_id,
        command_kind: decision.input_kind,
        at: decision.at,
        seq: decision.seq,
        partition: partition.0,
        accepted_at: Timestamp(decision.accepted_at),
        principal: &decision.actor.principal,
        reason: decision.reason.as_deref(),
    };
    Ok(project(&context, &facts?))
}

fn rows_of(partition: Partition, decision: &Decision) -> Result<Vec<Row>, Stopped> {
    rows_of_decision(partition, decision).map_err(|source| Stopped::Fact { seq: decision.seq, source })
}

/// The checkpoints at once, the rows as a batch to come.
#[cfg(feature = "planted-bugs")]
fn checkpoints_first(rows: &dyn Rows, batch: Batch) -> Result<Batch, Error> {
    use mirabelle_ledger::planted::{Bug, is};
    if !is(Bug::CheckpointBeforeRows) {
        return Ok(batch);
    }
    let (puts, checkpoints) = batch.into_parts();
    let (mut first, mut then) = (Batch::new(), Batch::new());
    checkpoints.into_iter().for_each(|(partition, bytes)| first.checkpoint(partition, bytes));
    puts.into_iter().for_each(|put| then.decision(put.stamp, vec![put.row]));
    rows.apply(first)?;
    Ok(then)
}
