//! One consumer with its thread: it reads partitions of one topic, each for one reader.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mirabelle_log::{Partition, Record, Topic};
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use tracing::{debug, warn};

use crate::client::{self, Words};
use crate::error::OpenError;
use crate::identity::is_passing;
use crate::log::Shared;
use crate::place::{Failure, Place, Taken};
use crate::record::{record, size};
use crate::settings::topic_name;

/// How long the thread waits for a message before it looks for orders again.
const POLL: Duration = Duration::from_millis(2);
/// Messages taken before readers are woken.
const BATCH: usize = 1_000;
/// How long one question about a partition's ends may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How often all partitions are asked about after an error that names none.
const DOUBT: Duration = Duration::from_millis(500);

/// What a reader, or the log, tells a lane.
enum Order {
    Open(Arc<Place>),
    Close(Partition),
    /// There is room again.
    Resume(Partition),
    /// The log is known to reach so far, and nothing comes.
    Probe(Partition, u64),
}

/// A lane, from outside of its thread.
pub(crate) struct Lane {
    orders: Mutex<Vec<Order>>,
    used: Mutex<Vec<bool>>,
    ended: AtomicBool,
    /// A reader waits in vain for what the log is known to hold.
    pub(crate) stalled: AtomicBool,
}

impl Lane {
    /// Starts a lane of a topic.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        topic: Topic,
    ) -> Result<(Arc<Lane>, JoinHandle<()>), OpenError> {
        let options = &shared.options;
        let consumer = BaseConsumer::from_config_and_context(&client::reading(options), Words("reader"));
        let servers = || options.servers.clone();
        let consumer = consumer.map_err(|source| OpenError::Client {
            client: "consumer",
            servers: servers(),
            source,
        })?;
        let lane = Arc::new(Lane {
            orders: Mutex::new(Vec::new()),
            used: Mutex::new(vec![false; usize::from(options.partitions)]),
            ended: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
        });
        let reading = Reading {
            lane: Arc::clone(&lane),
            shared: Arc::downgrade(shared),
            name: topic_name(options, topic),
            reader_bytes_max: options.reader_bytes_max,
            consumer,
            places: HashMap::new(),
            doubted: None,
        };
        let name = format!("kafka-{topic}");
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || reading.run());
        Ok((lane, thread.map_err(|source| OpenError::Thread { name, source })?))
    }

    /// Takes a reader on, unless the lane has one of that partition.
    pub(crate) fn open(&self, place: &Arc<Place>) -> bool {
        let mut used = self.used.lock();
        let one = &mut used[usize::from(place.partition.0)];
        if *one {
            return false;
        }
        *one = true;
        self.orders.lock().push(Order::Open(Arc::clone(place)));
        true
    }

    pub(crate) fn close(&self, partition: Partition) {
        self.orders.lock().push(Order::Close(partition));
    }

    pub(crate) fn resume(&self, partition: Partition) {
        self.orders.lock().push(Order::Resume(partition));
    }

    pub(crate) fn probe(&self, partition: Partition, end: u64) {
        self.orders.lock().push(Order::Probe(partition, end));
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

/// Records of one partition that came one after the other.
#[derive(Default)]
struct Run {
    partition: i32,
    records: VecDeque<Record>,
    /// The first record among them that is not the broker's.
    unstamped: Option<u64>,
}

/// A lane, on its thread.
struct Reading {
    lane: Arc<Lane>,
    shared: Weak<Shared>,
    name: String,
    reader_bytes_max: usize,
    consumer: BaseConsumer<Words>,
    places: HashMap<i32, Arc<Place>>,
    /// When all partitions were asked about last.
    doubted: Option<Instant>,
}

impl Reading {
    fn run(mut self) {
        while !self.lane.ended.load(Ordering::Acquire) {
            let orders = std::mem::take(&mut *self.lane.orders.lock());
            for order in orders {
                self.obey(order);
            }
            let Some(shared) = self.shared.upgrade() else { break };
            if self.read(&shared) > 0 {
                shared.changed.bump();
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Open(place) => {
                let partition = i32::from(place.partition.0);
                self.places.insert(partition, place);
                self.assign(partition);
            }
            Order::Close(partition) => {
                self.unassign(i32::from(partition.0));
                self.places.remove(&i32::from(partition.0));
                self.lane.used.lock()[usize::from(partition.0)] = false;
            }
            Order::Resume(partition) => self.assign(i32::from(partition.0)),
            Order::Probe(partition, end) => {
                let partition = i32::from(partition.0);
                let Some(place) = self.places.get(&partition) else { return };
                if place.state.lock().assigned {
                    self.unassign(partition);
                    // Before the question goes out: its answer is about a log that reaches there.
                    self.places[&partition].state.lock().probed = Some(end);
                    self.assign(partition);
                }
            }
        }
    }

    fn list(&self, partition: i32, offset: Offset) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.name, partition, offset)?;
        Ok(list)
    }

    /// Reads a partition from where its place stands. Never by pause or seek: after those the client library may rest for
    /// ever.
    fn assign(&self, partition: i32) {
        let Some(place) = self.places.get(&partition) else { return };
        let mut state = place.state.lock();
        if state.assigned || state.failure.is_some() {
            return;
        }
        let offset = Offset::Offset(i64::try_from(state.next).unwrap_or(i64::MAX));
        match self.list(partition, offset).and_then(|list| self.consumer.incremental_assign(&list)) {
            Ok(()) => state.assigned = true,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(topic = self.name, partition, error, "a partition could not be assigned");
            }
        }
    }

    fn unassign(&self, partition: i32) {
        let Some(place) = self.places.get(&partition) else { return };
        let was = std::mem::take(&mut place.state.lock().assigned);
        if was {
            self.give_back(partition);
        }
    }

    fn give_back(&self, partition: i32) {
        let list = self.list(partition, Offset::Invalid);
        if let Err(error) = list.and_then(|list| self.consumer.incremental_unassign(&list)) {
            let error = &error as &dyn std::error::Error;
            warn!(topic = self.name, partition, error, "a partition could not be given back");
        }
    }

    fn ask_again(&self, partition: i32) {
        self.unassign(partition);
        self.assign(partition);
    }

    /// Takes what there is, a batch at most. Says how many records became readable.
    fn read(&mut self, shared: &Shared) -> usize {
        let mut kept = 0;
        let mut wait = POLL;
        let mut run = Run::default();
        for _ in 0..BATCH {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    if message.partition() != run.partition {
                        kept += self.take(shared, std::mem::take(&mut run));
                        run.partition = message.partition();
                    }
                    match record(&message) {
                        Some(record) => run.records.push_back(record),
                        None => run.unstamped = run.unstamped.or(u64::try_from(message.offset()).ok()),
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    kept += self.take(shared, std::mem::take(&mut run));
                    self.end_of_partition(partition);
                }
                Some(Err(error)) => {
                    self.heed(shared, &error);
                    break;
                }
            }
            wait = Duration::ZERO;
        }
        kept + self.take(shared, run)
    }

    /// Puts what was read of one partition in its place.
    fn take(&self, shared: &Shared, mut run: Run) -> usize {
        let partition = run.partition;
        let Some(place) = self.places.get(&partition) else { return 0 };
        let mut taken = Taken::Known;
        let (kept, next) = {
            let mut state = place.state.lock();
            let before = state.buffer.len();
            // What was on its way when its partition was given back is not wanted any more.
            while state.assigned
                && matches!(taken, Taken::Known | Taken::Kept)
                && let Some(record) = run.records.pop_front()
            {
                let bytes = size(&record.entry);
                taken = state.take(record, bytes, self.reader_bytes_max);
            }
            if taken == Taken::Full {
                // Said before the reader can look: what it takes out from now on makes it ask for more.
                state.assigned = false;
            }
            (state.buffer.len() - before, state.next)
        };
        if kept > 0 {
            shared.ends.raise(place.topic, place.partition, next);
            self.lane.stalled.store(false, Ordering::Relaxed);
            place.arrived.notify_one();
        }
        match taken {
            Taken::Known | Taken::Kept => {}
            Taken::Full => self.give_back(partition),
            Taken::AskAgain => {
                debug!(topic = self.name, partition, next, "something may be missing: asked again");
                self.ask_again(partition);
            }
        }
        if let Some(offset) = run.unstamped {
            let reason = "the broker did not stamp it: the topic's message.timestamp.type was changed";
            place.fail(Failure::Corrupt { offset, reason });
            self.unassign(partition);
        }
        kept
    }

    fn end_of_partition(&self, partition: i32) {
        let Some(place) = self.places.get(&partition) else { return };
        let hollow = place.state.lock().end_of_partition();
        if hollow {
            debug!(topic = self.name, partition, "the partition ends in a hole");
            place.arrived.notify_one();
            self.ask_again(partition);
        }
    }

    /// An error names no partition: each is asked about, and read anew.
    fn heed(&mut self, shared: &Shared, error: &KafkaError) {
        if let KafkaError::MessageConsumption(code) = error
            && is_passing(*code)
        {
            return;
        }
        if self.doubted.is_some_and(|last| last.elapsed() < DOUBT) {
            return;
        }
        self.doubted = Some(Instant::now());
        warn!(topic = self.name, error = error as &dyn std::error::Error, "reading is in doubt");
        for (partition, place) in &self.places {
            let (next, assigned) = {
                let state = place.state.lock();
                (state.next, state.assigned)
            };
            if !assigned {
                continue;
            }
            match shared.watermarks(place.topic, place.partition, ANSWER) {
                Ok((start, end)) if next < start || next > end => {
                    place.fail(Failure::OutOfRange { start, end });
                    self.unassign(*partition);
                }
                // It may be on its way to another leader, or gone; who watches over the log tells.
                Ok(_) | Err(_) => self.ask_again(*partition),
            }
        }
    }
}
