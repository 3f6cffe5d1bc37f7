//! Servers, started once for all tests: one node that asks for a password, and two data centres.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Row, Value};
use mirabelle_log::{LogId, Partition};
use mirabelle_store::suite::{BALANCES, Ending, Engine, LOG, STATEMENT};
use mirabelle_store::{Batch, Rows, Store, StoreError};
use mirabelle_store_scylla::{Migration, Options, Schema, ScyllaStore};
use mirabelle_testbed::{Cassandra, CassandraOptions, Testbed};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

/// The suite's tables.
pub(crate) static SUITE: Schema = Schema {
    tables: &[&STATEMENT, &BALANCES],
    migrations: &[Migration { version: 1, text: include_str!("suite-1.cql") }],
};

/// A node tells its clients of the others a moment after it sees them.
fn wait_until_known(cluster: &Cassandra) {
    let hosts = cluster.hosts();
    let hosts: Vec<&str> = hosts.split(',').collect();
    if hosts.len() == 1 {
        return;
    }
    for host in &hosts {
        until("every node tells of all", Duration::from_secs(60), || {
            let options = Options::parse(&format!("scylla://{host}/any")).unwrap();
            let (_runtime, session) = raw(&options);
            let state = session.get_cluster_state();
            let known = state.get_nodes_info().iter().filter(|node| node.datacenter.is_some());
            known.count() == hosts.len()
        });
    }
}

/// A cluster that tests share; whoever does harm to it takes it alone.
struct Shared {
    cluster: OnceLock<Option<RwLock<Cassandra>>>,
    what: &'static str,
    options: fn() -> CassandraOptions,
}

impl Shared {
    fn get(&self) -> Option<&RwLock<Cassandra>> {
        let start = || {
            let testbed = Testbed::find_for_test(self.what)?;
            let cluster = Cassandra::start(&testbed, &(self.options)());
            let cluster = cluster.unwrap_or_else(|error| panic!("{}: {error}", self.what));
            wait_until_known(&cluster);
            Some(RwLock::new(cluster))
        };
        self.cluster.get_or_init(start).as_ref()
    }
}

/// Each node is its data centre's only one, so what it acknowledges must outlive it.
fn lasting(datacentres: u8) -> CassandraOptions {
    let settings = vec![("commitlog_sync".to_owned(), "batch".to_owned())];
    CassandraOptions { settings, ..CassandraOptions::of(datacentres) }
}

static ONE: Shared = Shared {
    cluster: OnceLock::new(),
    what: "the store on one node of Apache Cassandra",
    options: || CassandraOptions { secure: true, ..lasting(1) },
};
static TWO: Shared = Shared {
    cluster: OnceLock::new(),
    what: "the store on two data centres of Apache Cassandra",
    options: || lasting(2),
};

pub(crate) type Held = RwLockReadGuard<'static, Cassandra>;
pub(crate) type Alone = RwLockWriteGuard<'static, Cassandra>;

/// One node, shared.
pub(crate) fn one() -> Option<Held> {
    Some(ONE.get()?.read().unwrap_or_else(PoisonError::into_inner))
}

/// Two data centres, shared.
pub(crate) fn two() -> Option<Held> {
    Some(TWO.get()?.read().unwrap_or_else(PoisonError::into_inner))
}

/// One node for oneself.
pub(crate) fn one_alone() -> Option<Alone> {
    Some(ONE.get()?.write().unwrap_or_else(PoisonError::into_inner))
}

/// Two data centres for oneself.
pub(crate) fn two_alone() -> Option<Alone> {
    Some(TWO.get()?.write().unwrap_or_else(PoisonError::into_inner))
}

/// A name that no other test has.
pub(crate) fn fresh(what: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("{what}_{}", MADE.fetch_add(1, Ordering::Relaxed))
}

/// A store on the one node, by URL and with a password.
pub(crate) fn on_one(cluster: &Cassandra, keyspace: &str) -> Options {
    let password = password("cassandra");
    let login = format!("user=file:{password}&password=file:{password}");
    patient(&format!("scylla://{}/{keyspace}?replication=eu:1&{login}", cluster.host(0)))
}

/// A file with a password. User and password of a new node are the same word.
pub(crate) fn password(word: &'static str) -> String {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join(word);
    std::fs::write(&path, format!("{word}\n")).unwrap();
    path.display().to_string()
}

/// A store of a process in one of two data centres.
pub(crate) fn in_dc(cluster: &Cassandra, keyspace: &str, dc: &str) -> Options {
    patient(&format!("scylla://{}/{keyspace}?dc={dc}&replication=eu:1,us:1", cluster.hosts()))
}

/// Servers that share the machine with others may say nothing for minutes; that is not what these tests are about.
fn patient(url: &str) -> Options {
    let patience = Duration::from_secs(400);
    let options = Options::parse(url).unwrap();
    Options { write_patience: patience, read_patience: patience, connect_patience: patience, ..options }
}

/// A process that gives up within seconds.
pub(crate) fn impatient(options: &Options) -> Options {
    let (write_patience, read_patience) = (Duration::from_secs(4), Duration::from_secs(3));
    Options { write_patience, read_patience, ..options.clone() }
}

pub(crate) fn open(options: &Options) -> Arc<ScyllaStore> {
    Arc::new(ScyllaStore::open_with(options.clone(), LOG, SUITE).unwrap())
}

/// What the suite runs on.
pub(crate) struct Servers {
    pub(crate) options: Options,
    pub(crate) _held: Held,
}

impl Engine for Servers {
    fn create(&mut self) -> Arc<dyn Store> {
        open(&self.options)
    }

    fn reopen(
        &mut self,
        store: Arc<dyn Store>,
        _ending: Ending,
        log: LogId,
    ) -> Result<Arc<dyn Store>, StoreError> {
        // A process that ends in order and one that is killed leave the servers the same.
        drop(store);
        Ok(Arc::new(ScyllaStore::open_with(self.options.clone(), log, SUITE)?))
    }
}

/// The servers without the store, for what only strangers do.
pub(crate) fn raw(options: &Options) -> (tokio::runtime::Runtime, Session) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut builder = SessionBuilder::new().known_nodes(&options.hosts);
    if options.login.is_some() {
        builder = builder.user("cassandra", "cassandra");
    }
    let session = runtime.block_on(builder.build()).unwrap();
    (runtime, session)
}

pub(crate) fn run(options: &Options, statements: &[&str]) {
    let (runtime, session) = raw(options);
    for statement in statements {
        runtime.block_on(session.query_unpaged(*statement, ())).unwrap();
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn balance_key(member: u8) -> Vec<Value> {
    vec![Value::Text("acme".to_owned()), Value::Bytes(vec![member])]
}

pub(crate) fn balance(member: u8, available: i64) -> Row {
    Row {
        table: &BALANCES,
        key: balance_key(member),
        cells: vec![(0, Value::Int(available)), (1, Value::Int(available + 1))],
        delete: false,
    }
}

pub(crate) fn statement(member: u8, at: i64) -> Row {
    let mut key = balance_key(member);
    key.extend([Value::Int(at), Value::Text("line".to_owned())]);
    Row { table: &STATEMENT, key, cells: vec![(1, Value::Int(at))], delete: false }
}

/// A batch whose rows name its number and whose checkpoint is it.
pub(crate) fn numbered(number: i64) -> Batch {
    let mut batch = Batch::new();
    let rows = (0..8).flat_map(|member| [balance(member, number), statement(member, number)]);
    batch.decision(1_795_600_000_000_000 + number, rows.collect());
    batch.checkpoint(Partition(3), number.to_be_bytes().to_vec());
    batch
}

/// The number that a partition's checkpoint tells; −1 without one.
pub(crate) fn reached(rows: &dyn Rows) -> i64 {
    let checkpoint = rows.checkpoint(Partition(3)).unwrap();
    checkpoint.map_or(-1, |bytes| i64::from_be_bytes(bytes.try_into().unwrap()))
}

/// Looks again and again, until it is so.
pub(crate) fn until(what: &str, patience: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::yield_now();
    }
}
