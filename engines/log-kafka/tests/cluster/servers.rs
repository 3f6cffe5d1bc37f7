//! The servers of all tests: one broker, and three, started when a test first asks for them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_executor::block_on;
use mirabelle_log_kafka::Options;
use mirabelle_testbed::{Kafka, KafkaOptions, Testbed};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

/// How long a test waits for what must come, on a machine that does much besides.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster. Who hurts a broker wants to be alone with it.
pub(crate) struct Server {
    pub(crate) kafka: Kafka,
    alone: RwLock<()>,
}

/// A cluster with nobody on it who would hurt it.
pub(crate) struct Quiet {
    pub(crate) server: &'static Server,
    _guard: RwLockReadGuard<'static, ()>,
}

/// A cluster with nobody else on it.
pub(crate) struct Alone {
    pub(crate) server: &'static Server,
    _guard: RwLockWriteGuard<'static, ()>,
}

fn start(brokers: u8, what: &str) -> Option<Server> {
    let testbed = Testbed::find_for_test(what)?;
    let options = KafkaOptions { secure: brokers == 1, ..KafkaOptions::of(brokers) };
    Some(Server { kafka: Kafka::start(&testbed, &options).unwrap(), alone: RwLock::new(()) })
}

fn one() -> Option<&'static Server> {
    static ONE: OnceLock<Option<Server>> = OnceLock::new();
    ONE.get_or_init(|| start(1, "the log on one broker of Apache Kafka")).as_ref()
}

fn three() -> Option<&'static Server> {
    static THREE: OnceLock<Option<Server>> = OnceLock::new();
    THREE.get_or_init(|| start(3, "the log on three brokers of Apache Kafka")).as_ref()
}

fn of(brokers: usize) -> Option<&'static Server> {
    if brokers == 1 { one() } else { three() }
}

/// One broker or three, or nothing where they can't be had.
pub(crate) fn quiet(brokers: usize) -> Option<Quiet> {
    let server = of(brokers)?;
    Some(Quiet { server, _guard: server.alone.read() })
}

/// The same, for a test that hurts them.
pub(crate) fn alone(brokers: usize) -> Option<Alone> {
    let server = of(brokers)?;
    Some(Alone { server, _guard: server.alone.write() })
}

impl Server {
    /// A prefix that no other test has.
    pub(crate) fn prefix() -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        format!("t{}", MADE.fetch_add(1, Ordering::Relaxed))
    }

    /// Options of a new log with few partitions and small records.
    pub(crate) fn options(&self) -> Options {
        Options {
            partitions: 2,
            replication: u16::try_from(self.kafka.brokers()).unwrap(),
            record_bytes_max: 64 << 10,
            batch_bytes_max: 1 << 20,
            reader_bytes_max: 256 << 10,
            session_timeout: Duration::from_millis(1_500),
            open_timeout: PATIENCE,
            ..Options::new(self.kafka.servers(), Server::prefix())
        }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.kafka.servers());
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// Makes a topic, by other hands than the log's.
    pub(crate) fn make(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let copies = TopicReplication::Fixed(i32::try_from(self.kafka.brokers()).unwrap());
        let topic = settings
            .iter()
            .fold(NewTopic::new(name, partitions, copies), |topic, (key, value)| topic.set(key, value));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        // A topic that was deleted a moment ago may still be on its way out.
        let deadline = std::time::Instant::now() + PATIENCE;
        while block_on(self.admin().create_topics([&topic], &options)).unwrap()[0].is_err() {
            assert!(std::time::Instant::now() < deadline, "{name} was not made");
        }
    }

    /// Deletes a topic, and waits until nobody knows it any more.
    pub(crate) fn delete(&self, name: &str) {
        let admin = self.admin();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        block_on(admin.delete_topics(&[name], &options)).unwrap()[0].as_ref().unwrap();
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let metadata = admin.inner().fetch_metadata(Some(name), PATIENCE).unwrap();
            if metadata.topics()[0].error().is_some() {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{name} was not deleted");
        }
    }
}

/// The settings of a topic for ever, as the log makes it.
pub(crate) const RIGHT: [(&str, &str); 7] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
    ("message.timestamp.type", "LogAppendTime"),
    ("max.message.bytes", "1114112"),
    ("min.insync.replicas", "1"),
    ("unclean.leader.election.enable", "false"),
];
