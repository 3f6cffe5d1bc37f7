//! Which partitions this process should work on: membership in a consumer group.
//!
//! The group shares out the partitions of an empty topic with as many partitions as the others have. It says who *should*
//! work; who *may* is said by claims in the log itself, so a wrong word from here costs time and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mirabelle_log::{Membership, Offset, Partition, Topic};
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::Offset as Place;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

use crate::client::{base, speak};
use crate::error::OpenError;
use crate::options::Options;
use crate::settings::{membership_name, topic_name};

/// How long the thread waits for word from the group before it looks for orders.
const POLL: Duration = Duration::from_millis(20);
/// The same, while partitions are handed over.
const POLL_WHILE_HANDING: Duration = Duration::from_millis(1);
/// How often positions are committed.
const COMMIT: Duration = Duration::from_secs(1);
/// How long leaving waits for the group.
const LEAVE: Duration = Duration::from_secs(5);

/// How to be a member.
#[derive(Clone, Debug)]
pub struct MemberOptions {
    /// What the members do, such as `decider`: those of one role share its work. Part of the group's name.
    pub role: String,
    /// How long a partition that is to be handed over may take to settle; then it goes all the same. 5 s.
    pub hand_over: Duration,
}

impl MemberOptions {
    /// The defaults for `role`.
    pub fn new(role: impl Into<String>) -> MemberOptions {
        MemberOptions { role: role.into(), hand_over: Duration::from_secs(5) }
    }
}

/// A membership. Dropping it hands everything over and leaves the group.
pub struct Member {
    positions: Arc<Positions>,
    leaving: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The next input of each partition, as it was told last.
type Positions = Mutex<BTreeMap<Partition, u64>>;

impl Member {
    /// Joins the group of a role. What it says comes by `told`, from a thread of its own: a partition is gained, is to be
    /// handed over, or is lost; one that was lost may be gained again. Nobody has to listen at once.
    ///
    /// # Errors
    /// When the client can't be made, or the thread. A cluster that does not answer is no error: the group is joined when
    /// it does.
    pub fn join(
        options: &Options,
        member: MemberOptions,
        told: Sender<Membership>,
    ) -> Result<Member, OpenError> {
        let consumer = connect(options, &member)?;
        let positions = Arc::new(Positions::default());
        let leaving = Arc::new(AtomicBool::new(false));
        let (name, role) = (format!("kafka-{}", member.role), member.role.clone());
        let mut belonging = Belonging {
            commands: topic_name(options, Topic::Commands),
            options: options.clone(),
            member,
            told,
            owned: BTreeSet::new(),
            handing: None,
            positions: Arc::clone(&positions),
            committed: BTreeMap::new(),
            committed_at: Instant::now(),
            leaving: Arc::clone(&leaving),
        };
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || belonging.run(consumer));
        let thread = thread.map_err(|source| OpenError::Thread { name, source })?;
        debug!(role, "joins its group");
        Ok(Member { positions, leaving, thread: Some(thread) })
    }

    /// Notes the next offset of `commands` that is not decided yet. About once a second it is committed for the group, as
    /// far as it works: for dashboards and autoscaling, never to read from.
    pub fn note(&self, partition: Partition, next: Offset) {
        self.positions.lock().insert(partition, next.0);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of a membership panicked");
        }
    }
}

fn connect(options: &Options, member: &MemberOptions) -> Result<BaseConsumer<Hooks>, OpenError> {
    let session = options.session_timeout.as_millis();
    let mut config = base(options);
    config
        .set("group.id", format!("{}.{}", options.prefix, member.role))
        // The newer protocol stalls for minutes in this release of the library.
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.to_string())
        .set("heartbeat.interval.ms", (session / 4).clamp(100, 3_000).to_string())
        .set("max.poll.interval.ms", session.max(300_000).to_string())
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error");
    let client = |source| OpenError::Client { client: "member", servers: options.servers.clone(), source };
    let consumer = BaseConsumer::from_config_and_context(&config, Hooks::default()).map_err(client)?;
    consumer.subscribe(&[&membership_name(options)]).map_err(client)?;
    Ok(consumer)
}

/// What the group says, noted where the library says it and answered on the member's own time.
#[derive(Default)]
struct Hooks {
    said: Mutex<VecDeque<Said>>,
    /// Nobody answers any more: the hook does.
    closing: AtomicBool,
}

enum Said {
    Assign(TopicPartitionList),
    Revoke { list: TopicPartitionList, lost: bool },
}

impl ClientContext for Hooks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, words: &str) {
        speak("member", level, facility, words);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(error = &error as &dyn std::error::Error, reason, "kafka member");
    }
}

impl ConsumerContext for Hooks {
    fn rebalance(&self, consumer: &BaseConsumer<Hooks>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigns = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            let answer =
                if assigns { consumer.incremental_assign(list) } else { consumer.incremental_unassign(list) };
            if let Err(error) = answer {
                debug!(error = &error as &dyn std::error::Error, "the group was not answered while leaving");
            }
            return;
        }
        let said = if assigns {
            Said::Assign(list.clone())
        } else {
            Said::Revoke { list: list.clone(), lost: consumer.assignment_lost() }
        };
        self.said.lock().push_back(said);
    }
}

/// Partitions on their way to somebody else.
struct Handing {
    list: TopicPartitionList,
    settling: Vec<Receiver<()>>,
    until: Instant,
}

/// A membership, on its thread.
struct Belonging {
    options: Options,
    member: MemberOptions,
    commands: String,
    told: Sender<Membership>,
    owned: BTreeSet<Partition>,
    handing: Option<Handing>,
    positions: Arc<Positions>,
    committed: BTreeMap<Partition, u64>,
    committed_at: Instant,
    leaving: Arc<AtomicBool>,
}

impl Belonging {
    fn run(&mut self, mut consumer: BaseConsumer<Hooks>) {
        while !self.leaving.load(Ordering::Acquire) {
            self.turn(&consumer);
            let Some((code, reason)) = consumer.client().fatal_error() else { continue };
            error!(role = self.member.role, %code, reason, "the membership can't go on: it joins anew");
            self.lose_all();
            match connect(&self.options, &self.member) {
                Ok(fresh) => {
                    consumer.context().closing.store(true, Ordering::Release);
                    consumer = fresh;
                }
                Err(error) => warn!(error = &error as &dyn std::error::Error, "it could not join anew yet"),
            }
        }
        self.leave(&consumer);
    }

    /// Takes what the group says, and carries on what is under way.
    fn turn(&mut self, consumer: &BaseConsumer<Hooks>) {
        let wait = if self.handing.is_some() { POLL_WHILE_HANDING } else { POLL };
        if let Some(Err(error)) = consumer.poll(wait) {
            debug!(role = self.member.role, error = &error as &dyn std::error::Error, "kafka member");
        }
        loop {
            let said = consumer.context().said.lock().pop_front();
            match said {
                Some(Said::Assign(list)) => self.gain(consumer, list),
                Some(Said::Revoke { list, lost }) => self.revoke(consumer, list, lost),
                None => break,
            }
        }
        self.hand_over(consumer);
        if self.committed_at.elapsed() >= COMMIT {
            self.commit(consumer);
            self.committed_at = Instant::now();
        }
    }

    fn gain(&mut self, consumer: &BaseConsumer<Hooks>, mut list: TopicPartitionList) {
        // Nothing will ever stand there; a place that is said is not asked for.
        let assigned =
            list.set_all_offsets(Place::Beginning).and_then(|()| consumer.incremental_assign(&list));
        self.answered(assigned);
        for partition in partitions(&list) {
            info!(role = self.member.role, %partition, "partition gained");
            self.owned.insert(partition);
            self.say(Membership::Gained(partition));
        }
    }

    fn revoke(&mut self, consumer: &BaseConsumer<Hooks>, list: TopicPartitionList, lost: bool) {
        let mut settling = Vec::new();
        if !lost {
            for partition in partitions(&list) {
                let (settled, answer) = sync_channel(1);
                self.say(Membership::Losing(partition, settled));
                settling.push(answer);
            }
        }
        let until = Instant::now() + self.member.hand_over;
        self.handing = Some(Handing { list, settling, until });
        self.hand_over(consumer);
    }

    /// Gives partitions back when all of them are settled, or can't wait any longer.
    fn hand_over(&mut self, consumer: &BaseConsumer<Hooks>) {
        let Some(handing) = &mut self.handing else { return };
        // Whoever drops the sender has nothing to settle.
        handing.settling.retain(|answer| matches!(answer.try_recv(), Err(TryRecvError::Empty)));
        let late = Instant::now() >= handing.until || consumer.assignment_lost();
        if !handing.settling.is_empty() && !late {
            return;
        }
        if !handing.settling.is_empty() {
            warn!(
                role = self.member.role,
                unsettled = handing.settling.len(),
                "partitions go before they have settled"
            );
        }
        let Some(Handing { list, .. }) = self.handing.take() else { return };
        for partition in partitions(&list) {
            info!(role = self.member.role, %partition, "partition given back");
            self.owned.remove(&partition);
            self.committed.remove(&partition);
            self.say(Membership::Lost(partition));
        }
        self.answered(consumer.incremental_unassign(&list));
    }

    fn answered(&self, answer: KafkaResult<()>) {
        if let Err(error) = answer {
            warn!(
                role = self.member.role,
                error = &error as &dyn std::error::Error,
                "the group was not answered"
            );
        }
    }

    fn lose_all(&mut self) {
        self.handing = None;
        for partition in std::mem::take(&mut self.owned) {
            self.say(Membership::Lost(partition));
        }
    }

    /// Nobody may listen any more: then nothing is owned either.
    fn say(&self, word: Membership) {
        self.told.send(word).ok();
    }

    fn commit(&mut self, consumer: &BaseConsumer<Hooks>) {
        let mut list = TopicPartitionList::new();
        let mut fresh = BTreeMap::new();
        for (partition, next) in self.positions.lock().iter() {
            if self.owned.contains(partition) && self.committed.get(partition) != Some(next) {
                let place = Place::Offset(i64::try_from(*next).unwrap_or(i64::MAX));
                // Only a name with a zero byte would be refused.
                list.add_partition_offset(&self.commands, i32::from(partition.0), place).ok();
                fresh.insert(*partition, *next);
            }
        }
        if fresh.is_empty() {
            return;
        }
        match consumer.commit(&list, CommitMode::Async) {
            Ok(()) => self.committed.append(&mut fresh),
            Err(error) => debug!(error = &error as &dyn std::error::Error, "positions were not committed"),
        }
    }

    fn leave(&mut self, consumer: &BaseConsumer<Hooks>) {
        self.commit(consumer);
        consumer.unsubscribe();
        let until = Instant::now() + LEAVE.max(self.member.hand_over);
        while (self.handing.is_some() || !self.owned.is_empty()) && Instant::now() < until {
            self.turn(consumer);
        }
        self.lose_all();
        // What the group says while the consumer closes is answered by the hook.
        consumer.context().closing.store(true, Ordering::Release);
        for said in std::mem::take(&mut *consumer.context().said.lock()) {
            match said {
                Said::Assign(list) => self.answered(consumer.incremental_assign(&list)),
                Said::Revoke { list, .. } => self.answered(consumer.incremental_unassign(&list)),
            }
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let numbers = list.elements().into_iter().filter_map(|one| u16::try_from(one.partition()).ok());
    numbers.map(Partition).collect()
}
