//! The log on a cluster, as the rest of the project sees it.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mirabelle_log::{
    Append, Bounds, Log, LogId, Offset, Partition, ReadError, Reader, Refused, Tick, Topic, View,
};
use parking_lot::{Condvar, Mutex};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use tracing::error;

use crate::client::{self, Words};
use crate::ends::Ends;
use crate::error::{OpenError, OptionsError};
use crate::identity::{Looker, id_record};
use crate::lane::Lane;
use crate::options::Options;
use crate::place::Place;
use crate::produce::{Appender, Queued};
use crate::reader::KafkaReader;
use crate::settings::{identity_name, topic_name};
use crate::topics::Topics;
use crate::watch::Watch;
use mirabelle_log::signal::Signal;

/// How long `bounds` waits for a partition's leader: long enough for another broker to take over.
const ANSWER: Duration = Duration::from_secs(15);
/// How long it waits for one answer, before it looks for another leader.
const TRY: Duration = Duration::from_secs(1);

/// What all threads of a log share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) ends: Ends,
    /// Moves when something became visible.
    pub(crate) changed: Signal,
    pub(crate) queued: Queued,
    asker: BaseConsumer<Words>,
    lost: OnceLock<String>,
    closed: Mutex<bool>,
    closing: Condvar,
}

/// The log is not what it was: nothing more is appended or read.
#[derive(Debug, thiserror::Error)]
#[error("the log is not what it was: {0}")]
struct Lost(String);

impl Shared {
    /// The log is not what it was: from now on it refuses everything.
    pub(crate) fn lose(&self, reason: &str) {
        if self.lost.set(reason.to_owned()).is_ok() {
            error!(
                prefix = self.options.prefix,
                reason, "the log is not what it was: nothing more is appended or read"
            );
            self.changed.bump();
        }
    }

    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    pub(crate) fn io(&self, topic: Topic, partition: Partition, reason: &str) -> ReadError {
        ReadError::Io { topic, partition, source: Box::new(Lost(reason.to_owned())) }
    }

    /// Start and end of a partition, asked of its leader.
    pub(crate) fn watermarks(
        &self,
        topic: Topic,
        partition: Partition,
        patience: Duration,
    ) -> KafkaResult<(u64, u64)> {
        let name = topic_name(&self.options, topic);
        let ask = || self.asker.fetch_watermarks(&name, i32::from(partition.0), patience);
        let answer = ask().or_else(|_| {
            // The library goes on asking a leader that is gone, until it looks at the topic again.
            self.asker.fetch_metadata(Some(&name), patience)?;
            ask()
        });
        let (low, high) = answer?;
        Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0)))
    }

    /// Takes what the client library has to say.
    pub(crate) fn serve_asker(&self) {
        while self.asker.poll(Duration::ZERO).is_some() {}
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.lock()
    }

    fn close(&self) {
        *self.closed.lock() = true;
        self.closing.notify_all();
        self.changed.bump();
    }

    /// Waits until the log closes; says whether it has.
    pub(crate) fn wait_closed(&self, timeout: Duration) -> bool {
        let mut closed = self.closed.lock();
        if !*closed {
            self.closing.wait_for(&mut closed, timeout);
        }
        *closed
    }
}

/// A log in the topics of a cluster of Apache Kafka. Any number of processes may have it open.
///
/// Dropping it waits until everything that was appended is answered, one message timeout at most.
pub struct KafkaLog {
    id: LogId,
    shared: Arc<Shared>,
    appender: Arc<Appender>,
    lanes: Mutex<Vec<(Topic, Arc<Lane>)>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl KafkaLog {
    /// Opens the log; makes its topics where none of them exists. Blocks until the cluster has answered, at most for about
    /// the options' time to open.
    ///
    /// # Errors
    /// See [`OpenError`]: above all, topics with settings under which answers could be lost, and topics that are not those
    /// which were written to before, are refused.
    pub fn open(options: Options) -> Result<KafkaLog, OpenError> {
        let wrong = options.nonsense();
        if !wrong.is_empty() {
            return Err(OpenError::Topics { prefix: options.prefix, wrong });
        }
        let looker = Looker::new(&options)?;
        make_topics(&options, &looker)?;
        // The records first, the id after: whoever writes records has read an id.
        let bounds = looker.bounds()?;
        let identity = looker.identity()?;
        let not_the_log = |reason: String| OpenError::NotTheLog { prefix: options.prefix.clone(), reason };
        if identity.id.is_none()
            && let Some(((topic, partition), _)) = bounds.iter().find(|(_, (_, end))| *end > 0)
        {
            let name = identity_name(&options);
            return Err(not_the_log(format!(
                "partition {partition} of {topic} holds records and {name} does not say whose: it was deleted and made again"
            )));
        }
        looker.compare(&identity.marks, &bounds)?;
        let (shared, appender, acks) = start(options.clone())?;
        let mut log = KafkaLog {
            id: LogId([0; 16]),
            shared,
            appender,
            lanes: Mutex::new(Vec::new()),
            threads: Mutex::new(vec![acks]),
        };
        let (id, partitions) = match identity.id {
            Some(known) => known,
            None => log.begin(&looker)?,
        };
        if partitions != options.partitions {
            return Err(not_the_log(format!(
                "it was made with {partitions} partitions and can't be opened with {}",
                options.partitions
            )));
        }
        log.id = id;
        for ((topic, partition), (_, end)) in bounds {
            log.shared.ends.raise(topic, partition, end);
        }
        let watch = Watch::new(Arc::clone(&log.shared), Arc::clone(&log.appender));
        log.threads.lock().push(spawn("kafka-watch", move || watch.run())?);
        Ok(log)
    }

    /// The same, from a URL; see [`Options::from_url`].
    ///
    /// # Errors
    /// As [`KafkaLog::open`], and [`OptionsError`] for the URL, which is boxed with them.
    pub fn open_url(url: &str) -> Result<KafkaLog, Box<dyn std::error::Error + Send + Sync>> {
        let options = Options::from_url(url).map_err(|error: OptionsError| Box::new(error))?;
        Ok(KafkaLog::open(options)?)
    }

    /// Gives the log an id, unless somebody else did first.
    fn begin(&self, looker: &Looker<'_>) -> Result<(LogId, u16), OpenError> {
        let options = &self.shared.options;
        let name = identity_name(options);
        let (sender, receiver) = channel();
        let done = Box::new(move |answer| drop(sender.send(answer)));
        let record = id_record(LogId(rand::random()), options.partitions);
        self.appender.append_identity(record, Some(done)).map_err(OpenError::cluster("append to", &name))?;
        // Whatever became of it: what can be read tells.
        let answer = receiver.recv_timeout(options.message_timeout + Duration::from_secs(5));
        looker.identity()?.id.ok_or_else(|| OpenError::TooSlow {
            what: format!("{name} did not take the log's id ({answer:?})"),
            waited_ms: options.message_timeout.as_millis(),
        })
    }

    /// Why the log refuses everything, if it does: it was found to be another one than it was.
    pub fn lost(&self) -> Option<String> {
        self.shared.lost().map(str::to_owned)
    }

    /// Ends the log as the end of the process would: what is not acknowledged yet is given up, and is unclear.
    pub fn abandon(self) {
        self.appender.abandon();
    }

    /// The options that it was opened with.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    fn io(&self, topic: Topic, partition: Partition, source: rdkafka::error::KafkaError) -> ReadError {
        ReadError::Io { topic, partition, source: Box::new(source) }
    }
}

/// Makes the topics of a log that does not exist yet, and checks those of one that does.
fn make_topics(options: &Options, looker: &Looker<'_>) -> Result<(), OpenError> {
    let topics = Topics::new(options)?;
    let missing = topics.missing()?;
    if !missing.is_empty() && options.create {
        let begun = !missing.contains(&identity_name(options)) && looker.identity()?.id.is_some();
        if begun {
            let prefix = options.prefix.clone();
            let reason = format!("it has begun, and these topics of it are gone: {}", missing.join(", "));
            return Err(OpenError::NotTheLog { prefix, reason });
        }
        topics.create(&missing)?;
    }
    topics.check()
}

/// The parts of a log, and the thread of acknowledgements.
type Started = (Arc<Shared>, Arc<Appender>, JoinHandle<()>);

fn start(options: Options) -> Result<Started, OpenError> {
    let servers = options.servers.clone();
    let client = |client| {
        let servers = servers.clone();
        move |source| OpenError::Client { client, servers, source }
    };
    let asker = BaseConsumer::from_config_and_context(&client::asking(&options), Words("asker"));
    let shared = Arc::new(Shared {
        ends: Ends::new(options.partitions),
        changed: Signal::default(),
        queued: Queued::default(),
        asker: asker.map_err(client("client"))?,
        lost: OnceLock::new(),
        closed: Mutex::new(false),
        closing: Condvar::new(),
        options,
    });
    let appender = Arc::new(Appender::new(Arc::clone(&shared)).map_err(client("producer"))?);
    let acks = Arc::clone(&appender);
    let thread = spawn("kafka-acks", move || acks.run())?;
    Ok((shared, appender, thread))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|source| OpenError::Thread { name: name.to_owned(), source })
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.shared.close();
        let lanes = std::mem::take(&mut *self.lanes.lock());
        lanes.iter().for_each(|(_, lane)| lane.end());
        let threads = std::mem::take(&mut *self.threads.lock());
        if threads.len() == 1 {
            // It was not opened whole: nobody watches.
            self.appender.close();
        }
        for thread in threads {
            // The last handle may be dropped by a `done`, on the thread of acknowledgements, which ends after it.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                error!("a thread of the log panicked");
            }
        }
    }
}

impl Log for KafkaLog {
    fn id(&self) -> LogId {
        self.id
    }

    fn partitions(&self) -> u16 {
        self.shared.options.partitions
    }

    /// # Panics
    /// If a record names a partition that the log does not have.
    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        self.appender.append(batch)
    }

    fn bounds(&self, topic: Topic, partition: Partition, _: View) -> Result<Bounds, ReadError> {
        if let Some(reason) = self.shared.lost() {
            return Err(self.shared.io(topic, partition, reason));
        }
        if partition.0 >= self.partitions() {
            let (start, end) = (Offset(0), Offset(0));
            return Err(ReadError::OutOfRange { topic, partition, offset: Offset(0), start, end });
        }
        let until = Instant::now() + ANSWER;
        let (start, end) = loop {
            match self.shared.watermarks(topic, partition, TRY) {
                Ok(watermarks) => break watermarks,
                // Between two leaders.
                Err(_) if Instant::now() < until && !self.shared.is_closed() => {
                    self.shared.wait_closed(Duration::from_millis(50));
                }
                Err(source) => return Err(self.io(topic, partition, source)),
            }
        };
        // What somebody has been told of is waited for by every read after it.
        self.shared.ends.raise(topic, partition, end);
        Ok(Bounds { start: Offset(start), end: Offset(end) })
    }

    fn reader(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        view: View,
    ) -> Result<Box<dyn Reader>, ReadError> {
        let Bounds { start, end } = self.bounds(topic, partition, view)?;
        if from < start || from > end {
            return Err(ReadError::OutOfRange { topic, partition, offset: from, start, end });
        }
        let place = Arc::new(Place::new(topic, partition, from.0));
        let lane = self.lane_for(&place)?;
        Ok(Box::new(KafkaReader::new(Arc::clone(&self.shared), lane, place, from.0)))
    }

    fn tick(&self, _: View) -> Tick {
        Tick(self.shared.changed.now())
    }

    fn wait(&self, _: View, since: Tick, timeout: Duration) -> Tick {
        Tick(self.shared.changed.wait(since.0, timeout))
    }
}

impl KafkaLog {
    /// A lane of the topic that does not read the partition yet; a new one where all of them do.
    fn lane_for(&self, place: &Arc<Place>) -> Result<Arc<Lane>, ReadError> {
        let mut lanes = self.lanes.lock();
        let of_topic = lanes.iter().filter(|(topic, _)| *topic == place.topic);
        for (_, lane) in of_topic {
            if lane.open(place) {
                return Ok(Arc::clone(lane));
            }
        }
        let (topic, partition) = (place.topic, place.partition);
        let failed = |source| ReadError::Io { topic, partition, source: Box::new(source) };
        let (lane, thread) = Lane::start(&self.shared, topic).map_err(failed)?;
        lane.open(place);
        lanes.push((topic, Arc::clone(&lane)));
        self.threads.lock().push(thread);
        Ok(lane)
    }
}
