//! What is appended, on its way to the brokers and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mirabelle_log::{Append, Done, Entry, Offset, Partition, Refused, Topic, Unclear};
use parking_lot::{Mutex, RwLock};
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig};
use tracing::error;

use crate::client::{self, speak};
use crate::ends::Mark;
use crate::log::Shared;
use crate::record::{headers, size};
use crate::settings::{identity_name, topic_name};

/// How long the thread of acknowledgements waits for one.
const POLL: Duration = Duration::from_millis(20);
/// What a record takes in the queue besides its bytes.
const OVERHEAD: usize = 128;

/// A record on its way. The lock is for the compiler: only the thread of acknowledgements takes it.
pub(crate) struct Pending {
    /// `None` for a record of the log's identity.
    place: Option<(Topic, Partition)>,
    bytes: usize,
    done: Mutex<Option<Done>>,
}

/// Told by the client library what became of a record.
pub(crate) struct Acks(Arc<Shared>);

impl ClientContext for Acks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, words: &str) {
        speak("producer", level, facility, words);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = &error as &dyn std::error::Error, reason, "kafka producer");
    }
}

impl ProducerContext for Acks {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let Pending { place, bytes, done } = *pending;
        self.0.queued.fetch_sub(bytes, Ordering::AcqRel);
        let answer = match result {
            Ok(message) => match (Mark::of(message), place) {
                (Some(mark), Some((topic, partition))) => self.acknowledged(topic, partition, mark),
                (Some(mark), None) => Ok(Offset(mark.offset)),
                (None, _) => Err("the broker did not stamp it, or did not say where it stands".to_owned()),
            },
            Err((error, _)) => Err(error.to_string()),
        };
        // Visible before it is answered.
        self.0.changed.bump();
        if let Some(done) = done.into_inner() {
            done(answer.map_err(|reason| Unclear { reason }));
        }
    }
}

impl Acks {
    fn acknowledged(&self, topic: Topic, partition: Partition, mark: Mark) -> Result<Offset, String> {
        if self.0.ends.acknowledge(topic, partition, mark) {
            return Ok(Offset(mark.offset));
        }
        let reason = format!(
            "partition {partition} of {topic} took a record at {}, where one stood before: the topic was cut, or deleted \
             and made again",
            mark.offset
        );
        self.0.lose(&reason);
        Err(reason)
    }
}

/// Appends to the log's topics.
pub(crate) struct Appender {
    shared: Arc<Shared>,
    live: RwLock<Arc<BaseProducer<Acks>>>,
    names: [String; Topic::ALL.len()],
    identity: String,
    /// Answers that the client library will not give.
    unsent: Mutex<Vec<(Done, Unclear)>>,
    closing: AtomicBool,
    abandoned: AtomicBool,
}

impl Appender {
    pub(crate) fn new(shared: Arc<Shared>) -> KafkaResult<Appender> {
        let producer = connect(&shared)?;
        let names = Topic::ALL.map(|topic| topic_name(&shared.options, topic));
        Ok(Appender {
            live: RwLock::new(Arc::new(producer)),
            names,
            identity: identity_name(&shared.options),
            unsent: Mutex::new(Vec::new()),
            closing: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            shared,
        })
    }

    /// Takes a batch, all or nothing.
    pub(crate) fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        let options = &self.shared.options;
        let (mut total, mut queued) = (0, 0);
        for append in &batch {
            let (bytes, max) = (size(&append.entry), options.record_bytes_max);
            if bytes > max {
                return Err(Refused::TooLarge { bytes, max });
            }
            assert!(
                append.partition.0 < options.partitions,
                "the log has {} partitions, not a {}",
                options.partitions,
                append.partition
            );
            total += bytes;
            queued += bytes + OVERHEAD;
        }
        if total > options.batch_bytes_max {
            return Err(Refused::TooLarge { bytes: total, max: options.batch_bytes_max });
        }
        // Looked at under the lock: whoever finds the log open is waited for when it closes.
        let live = self.live.read();
        if self.closing.load(Ordering::Acquire) || self.shared.lost().is_some() {
            return Err(Refused::Closed);
        }
        self.reserve(queued)?;
        let mut batch = batch.into_iter();
        let mut sent = 0;
        while let Some(append) = batch.next() {
            let Append { topic, partition, entry, done } = append;
            let name = &self.names[topic as usize];
            let (place, left) = (Some((topic, partition)), size(&entry) + OVERHEAD);
            if let Err((error, done)) = send(&live, name, place, i32::from(partition.0), &entry, done) {
                // Nothing of what follows is sent: behind a hole it would be an orphan.
                let rest: usize = batch.as_slice().iter().map(|append| size(&append.entry) + OVERHEAD).sum();
                self.shared.queued.fetch_sub(left + rest, Ordering::AcqRel);
                error!(%topic, %partition, error = &error as &dyn std::error::Error, "an append was not taken");
                if sent == 0 {
                    return Err(Refused::Closed);
                }
                let dones = done.into_iter().chain(batch.filter_map(|append| append.done));
                let unclear = || Unclear { reason: format!("a record of its batch was not taken: {error}") };
                self.unsent.lock().extend(dones.map(|done| (done, unclear())));
                return Ok(());
            }
            sent += 1;
        }
        Ok(())
    }

    /// Takes room in the queue, or says how much waits there.
    fn reserve(&self, bytes: usize) -> Result<(), Refused> {
        let max = self.shared.options.queue_bytes_max;
        let fits = |queued: usize| queued.checked_add(bytes).filter(|sum| *sum <= max);
        let queued = self.shared.queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        queued.map(drop).map_err(|queued_bytes| Refused::Full { queued_bytes })
    }

    /// Appends a record of the log's identity.
    pub(crate) fn append_identity(
        &self,
        (key, value): (String, String),
        done: Option<Done>,
    ) -> KafkaResult<()> {
        let entry = Entry { key: key.into(), fingerprint: 0, value: value.into(), trace: None };
        self.shared.queued.fetch_add(size(&entry) + OVERHEAD, Ordering::AcqRel);
        send(&self.live.read(), &self.identity, None, 0, &entry, done).map_err(|(error, _)| {
            self.shared.queued.fetch_sub(size(&entry) + OVERHEAD, Ordering::AcqRel);
            error
        })
    }

    /// No more appends; the thread of acknowledgements ends when all that was taken is answered.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// The same, and what is on its way is given up: as when the process dies.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.close();
    }

    /// The thread of acknowledgements.
    pub(crate) fn run(&self) {
        let mut closing_since = None;
        loop {
            let live = Arc::clone(&self.live.read());
            live.poll(if closing_since.is_some() { Duration::from_millis(1) } else { POLL });
            for (done, unclear) in std::mem::take(&mut *self.unsent.lock()) {
                done(Err(unclear));
            }
            if let Some((code, reason)) = live.client().fatal_error() {
                error!(%code, reason, "the producer can't go on: a new one takes its place");
                self.replace();
            }
            if !self.closing.load(Ordering::Acquire) {
                continue;
            }
            let since = *closing_since.get_or_insert_with(Instant::now);
            // Every record ends by its own timeout; this is for a library that forgets one.
            let late = since.elapsed() > self.shared.options.message_timeout + Duration::from_secs(5);
            if self.abandoned.load(Ordering::Acquire) || late {
                live.purge(PurgeConfig::default().queue().inflight());
            }
            // Seen first: whoever was in `append` while this closed has either sent by now or is refused.
            let idle = self.live.try_write().is_some();
            if idle && live.in_flight_count() == 0 && self.unsent.lock().is_empty() {
                return;
            }
        }
    }

    /// After a fatal error everything that the old producer holds is unclear; it says so when it goes.
    fn replace(&self) {
        match connect(&self.shared) {
            Ok(producer) => *self.live.write() = Arc::new(producer),
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "no new producer could be made");
                self.close();
            }
        }
    }
}

fn connect(shared: &Arc<Shared>) -> KafkaResult<BaseProducer<Acks>> {
    let config = client::appending(&shared.options);
    BaseProducer::from_config_and_context(&config, Acks(Arc::clone(shared)))
}

/// Hands a record to the client library. When it does not take it, `done` comes back.
fn send(
    producer: &BaseProducer<Acks>,
    name: &str,
    place: Option<(Topic, Partition)>,
    partition: i32,
    entry: &Entry,
    done: Option<Done>,
) -> Result<(), (KafkaError, Option<Done>)> {
    let pending = Box::new(Pending { place, bytes: size(entry) + OVERHEAD, done: Mutex::new(done) });
    let mut record = BaseRecord::with_opaque_to(name, pending)
        .partition(partition)
        .key(entry.key.as_ref())
        .payload(entry.value.as_ref());
    if let Some(headers) = headers(entry) {
        record = record.headers(headers);
    }
    producer.send(record).map_err(|(error, record)| (error, record.delivery_opaque.done.into_inner()))
}

/// Bytes handed over and not answered yet.
pub(crate) type Queued = AtomicUsize;
