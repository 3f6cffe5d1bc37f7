//! A log with a decider that comes and goes.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mirabelle_decider::background::Job;
use mirabelle_decider::partition::Options as PartitionOptions;
use mirabelle_decider::{Lane, LaneOptions, Machine, Membership, Metrics, Options, Service, open_lane};
use mirabelle_domain::command::{AllocateBudget, OpenBudget};
use mirabelle_domain::{AccountId, Command, Fact};
use mirabelle_ledger::{FactsReader, Health, Now, ReaderOptions, Start, command_append, create_roots};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Append, Entry, Log, LogId, Partition, ReadLimit, Record, Topic, View};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, DeadLetter, Decision, Namespace};
use mirabelle_schemas::{
    command_id, decode_dead_letter, decode_fact, encode_body, input_digest, partition_of,
};
use mirabelle_store::{Ids, MemoryBlobs, MemoryIds, Snapshots};

pub(crate) const PARTITIONS: u16 = 2;
/// 2026-03-01, noon.
const BEGAN: i64 = 1_772_366_400_000_000;
/// How long a test waits for a state before it calls it missing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that moves a little whenever it is looked at, and as far as a test wants.
pub(crate) struct Time {
    monotonic: AtomicI64,
    /// What the machine believes beyond the monotonic clock.
    pub wall_off: AtomicI64,
    /// The log's clock beyond the monotonic one.
    pub log_off: AtomicI64,
}

impl Time {
    /// So many microseconds pass.
    pub(crate) fn pass(&self, micros: i64) {
        self.monotonic.fetch_add(micros, Ordering::Relaxed);
    }
}

struct ThisMachine(Arc<Time>, u64);

impl Machine for ThisMachine {
    fn now(&self) -> Now {
        let monotonic = self.0.monotonic.fetch_add(200, Ordering::Relaxed);
        Now { wall: BEGAN + monotonic + self.0.wall_off.load(Ordering::Relaxed), monotonic }
    }

    fn random(&mut self) -> u64 {
        self.1 = self.1.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.1 >> 7
    }
}

/// Everything that outlives a decider.
pub(crate) struct Hall {
    pub log: MemoryLog,
    pub ids: Arc<MemoryIds>,
    pub snapshots: Arc<Snapshots<MemoryBlobs>>,
    pub time: Arc<Time>,
    pub options: Options,
    lives: AtomicU64,
    /// Of the decider that lives, or lived last.
    pub health: Mutex<Arc<Health>>,
}

impl Hall {
    /// A log whose records are durable at once.
    pub(crate) fn new() -> Hall {
        Hall::over(MemoryLog::new)
    }

    /// A log whose records become durable when a test says so.
    pub(crate) fn manual() -> Hall {
        Hall::over(MemoryLog::manual)
    }

    fn over(log: impl FnOnce(LogId, u16, mirabelle_log::memory::Clock) -> MemoryLog) -> Hall {
        let time =
            Arc::new(Time { monotonic: 0.into(), wall_off: AtomicI64::new(0), log_off: AtomicI64::new(0) });
        let of_log = Arc::clone(&time);
        let clock =
            move || BEGAN + of_log.monotonic.load(Ordering::Relaxed) + of_log.log_off.load(Ordering::Relaxed);
        let log = log(LogId([4; 16]), PARTITIONS, Arc::new(clock));
        create_roots(&log, BEGAN).unwrap();
        log.make_all_durable();
        let options = Options {
            partition: PartitionOptions::new("hall".to_owned(), "test".to_owned()),
            lane: LaneOptions::default(),
        };
        let snapshots = Arc::new(Snapshots::new(MemoryBlobs::new()));
        let health = Mutex::new(Arc::new(Health::new(PARTITIONS)));
        Hall { log, ids: Arc::new(MemoryIds::new()), snapshots, time, options, lives: 0.into(), health }
    }

    /// One decider's life: it starts, owns every partition, works until `done`, and ends in order. `done` is asked at
    /// every turn.
    #[track_caller]
    pub(crate) fn live(&self, what: &str, done: impl Fn(&Hall) -> bool) -> Metrics {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let mut machine = ThisMachine(Arc::clone(&self.time), 41 + life);
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let (log, ids): (Arc<dyn Log>, Arc<MemoryIds>) = (Arc::new(self.log.clone()), Arc::clone(&self.ids));
        let snapshots = Arc::clone(&self.snapshots);
        let mut service =
            Service::open(log, ids, snapshots, &self.options, metrics.clone(), machine.now()).unwrap();
        *self.health.lock().unwrap() = service.health();
        let (membership, said) = channel();
        (0..PARTITIONS).for_each(|n| membership.send(Membership::Gained(Partition(n))).unwrap());
        let began = Instant::now();
        let ended = service.run(&said, &mut machine, &|| {
            assert!(began.elapsed() < PATIENCE, "never: {what}");
            done(self)
        });
        ended.unwrap();
        metrics
    }

    /// The lane of the budgets' partition, without a thread; what it wants done beside it goes to `jobs`.
    pub(crate) fn lane(&self, jobs: SyncSender<Job>) -> Lane {
        let (log, ids): (Arc<dyn Log>, Arc<dyn Ids>) = (Arc::new(self.log.clone()), self.ids.clone());
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let (number, now) = (place(&budget()), self.now());
        open_lane(log, &ids, &self.snapshots, number, &self.options, metrics, jobs, now).unwrap()
    }

    /// Why nothing is decided in a partition.
    pub(crate) fn ails(&self, partition: u16) -> Option<String> {
        self.health.lock().unwrap().ails(Partition(partition))
    }

    /// Both clocks, a moment later.
    pub(crate) fn now(&self) -> Now {
        ThisMachine(Arc::clone(&self.time), 0).now()
    }

    /// A life that ends when so many inputs of the account's partition are decided, and read back by the decider.
    #[track_caller]
    pub(crate) fn decide(&self, account: &AccountId, inputs: usize) -> Metrics {
        let few = turns(3);
        self.live("the inputs are decided", |hall| hall.decisions(account).len() >= inputs && few(hall))
    }

    /// What counts in the account's partition: each decision with its facts.
    pub(crate) fn decisions(&self, account: &AccountId) -> Vec<(Decision, Vec<Fact>)> {
        self.decisions_in(place(account))
    }

    pub(crate) fn decisions_in(&self, partition: Partition) -> Vec<(Decision, Vec<Fact>)> {
        let options = ReaderOptions::default();
        let mut reader = FactsReader::open(&self.log, partition, Start::Beginning, options).unwrap();
        let mut folded = Vec::new();
        while reader.read(ReadLimit { records: usize::MAX, bytes: usize::MAX }, &mut folded).unwrap() > 0 {}
        let opened = |decision: &Decision| {
            let facts = decision.facts.iter().map(|fact| decode_fact(fact).unwrap()).collect();
            (decision.clone(), facts)
        };
        folded.iter().filter_map(|one| one.decision()).map(opened).collect()
    }

    /// Only the facts.
    pub(crate) fn facts(&self, account: &AccountId) -> Vec<Vec<Fact>> {
        self.decisions(account).into_iter().map(|(_, facts)| facts).collect()
    }

    pub(crate) fn letters(&self, partition: Partition) -> Vec<DeadLetter> {
        let records = self.records(Topic::DeadLetters, partition, View::Durable);
        let read = |r: &Record| decode_dead_letter(&r.entry.value, r.entry.fingerprint).unwrap();
        records.iter().map(read).collect()
    }

    pub(crate) fn records(&self, topic: Topic, partition: Partition, view: View) -> Vec<Record> {
        let start = self.log.bounds(topic, partition, view).unwrap().start;
        let mut reader = self.log.reader(topic, partition, start, view).unwrap();
        let mut records = Vec::new();
        reader.read(ReadLimit { records: usize::MAX, bytes: usize::MAX }, &mut records).unwrap();
        records
    }

    /// Appends a command under a key of a client.
    pub(crate) fn send(&self, topic: Topic, account: &AccountId, key: &str, command: impl Into<Command>) {
        let record = record(account, key, &command.into());
        self.append(command_append(topic, &record, PARTITIONS, None).unwrap());
    }

    pub(crate) fn append(&self, append: Append) {
        self.log.append(vec![append]).unwrap();
    }

    /// Appends bytes that nobody has checked.
    pub(crate) fn throw(
        &self,
        topic: Topic,
        partition: Partition,
        fingerprint: u64,
        value: impl Into<Bytes>,
    ) {
        let entry =
            Entry { key: Bytes::from_static(b"thrown"), fingerprint, value: value.into(), trace: None };
        self.append(Append { topic, partition, entry, done: None });
    }
}

/// Counts down the turns of a decider's life; true when they are over.
pub(crate) fn turns(count: u32) -> impl Fn(&Hall) -> bool {
    let left = Cell::new(count);
    move |_| left.replace(left.get().saturating_sub(1)) == 0
}

pub(crate) fn record(account: &AccountId, key: &str, command: &Command) -> CommandRecord {
    let (kind, schema, body) = encode_body(command);
    let (client, key) = ("portal".parse().unwrap(), key.parse().unwrap());
    CommandRecord {
        id: command_id(Namespace::Client, account, &client, &key),
        account: account.clone(),
        namespace: Namespace::Client,
        client,
        key,
        kind,
        schema,
        body,
        digest: input_digest(command),
        actor: Actor {
            principal: "asha".to_owned(),
            kind: ActorKind::Key,
            on_behalf_of: None,
            credential: Some("portal.key".to_owned()),
            request_id: None,
        },
        reason: Some("for the test".to_owned()),
        local_day: None,
        tzdb: None,
        cause: None,
    }
}

pub(crate) fn place(account: &AccountId) -> Partition {
    Partition(partition_of(account, PARTITIONS))
}

/// A budget whose account lies in partition 1.
pub(crate) fn budget() -> AccountId {
    let named =
        |number: u32| AccountId::budget("acme".parse().unwrap(), format!("travel-{number}").parse().unwrap());
    (0..).map(named).find(|account| place(account) == Partition(1)).unwrap()
}

pub(crate) fn open() -> Command {
    OpenBudget { title: "Travel".to_owned(), alerts: vec![] }.into()
}

pub(crate) fn allocate(delta: i64) -> Command {
    AllocateBudget { delta }.into()
}

/// What the budget has been allocated, by the last fact that says so.
pub(crate) fn allocated(facts: &[Vec<Fact>]) -> i64 {
    let said = facts.iter().flatten().rev().find_map(|fact| match fact {
        Fact::BudgetAllocated(fact) => Some(fact.balance.allocated.get()),
        _ => None,
    });
    said.unwrap_or(0)
}
