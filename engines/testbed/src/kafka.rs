//! Apache Kafka in KRaft mode: one broker, or three with racks.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;
use rand::distr::Alphanumeric;

use crate::error::Error;
use crate::java::{Artifact, Testbed, run};
use crate::process::{Process, free_port};
use crate::scratch::Scratch;

mod settings;

/// The release that is started.
const VERSION: &str = "4.3.1";
/// That of the log4j which this release comes with.
const LOG4J: &str = "2.25.4";
/// How long a broker may take to answer, on a machine that does much besides.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a broker says when it takes part: it is registered, caught up and its ports are open.
const READY: &str = "Kafka Server started";

/// What to start.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Brokers, each of which is a controller too and stands in a rack of its own: 1 or 3.
    pub brokers: u8,
    /// Also listen with TLS and SASL/SCRAM-SHA-512.
    pub secure: bool,
    /// Further settings of each broker, over those that the testbed makes.
    pub settings: Vec<(String, String)>,
    /// Heap of each broker, in MiB.
    pub heap_mib: u32,
}

impl KafkaOptions {
    /// So many brokers, in the clear, 320 MiB each.
    pub fn of(brokers: u8) -> KafkaOptions {
        KafkaOptions { brokers, secure: false, settings: Vec::new(), heap_mib: 320 }
    }
}

/// How to come in by the secure door.
#[derive(Clone, Debug)]
pub struct Secure {
    /// `host:port` of each broker's secure listener, joined by commas.
    pub servers: String,
    /// PEM file of the certificate that all brokers show.
    pub ca: PathBuf,
    /// A user of SCRAM-SHA-512.
    pub user: &'static str,
    /// Its password.
    pub password: &'static str,
}

/// A cluster at work. Brokers are numbered from 0; every act on one waits until it is done. Dropping it kills and wipes.
#[derive(Debug)]
pub struct Kafka {
    nodes: Vec<Mutex<Node>>,
    addresses: Vec<Address>,
    secure: Option<Secure>,
    // Last: it goes when no server uses it any more.
    _scratch: Scratch,
}

/// Where a broker listens.
#[derive(Clone, Copy, Debug)]
struct Address {
    host: IpAddr,
    clear: u16,
    controller: u16,
    secure: u16,
}

/// What a broker is started from, and the broker.
#[derive(Debug)]
struct Node {
    name: String,
    dir: PathBuf,
    jars: PathBuf,
    cluster: String,
    heap_mib: u32,
    scram: bool,
    process: Option<Process>,
}

impl Kafka {
    /// Fetches the jars where they are missing, starts the brokers on free ports, and waits until each takes part.
    pub fn start(testbed: &Testbed, options: &KafkaOptions) -> Result<Kafka, Error> {
        let artifact = |name| Artifact { group: "org.apache.kafka", name, version: VERSION };
        // The brokers' words go through SLF4J, which needs to be told where to: Kafka's own pom leaves that open.
        let (group, name) = ("org.apache.logging.log4j", "log4j-slf4j-impl");
        let words = Artifact { group, name, version: LOG4J };
        let artifacts = [artifact("kafka_2.13"), artifact("kafka-tools"), words];
        let jars = testbed.jars(&format!("kafka-{VERSION}"), &artifacts)?;
        let scratch = testbed.scratch()?;
        let mut addresses = Vec::new();
        for number in 0..options.brokers {
            // An address for each, so that links between two of them can be cut.
            let host = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11 + number));
            let (clear, controller, secure) = (free_port(host)?, free_port(host)?, free_port(host)?);
            addresses.push(Address { host, clear, controller, secure });
        }
        let secure =
            if options.secure { Some(settings::make_keys(scratch.path(), &addresses)?) } else { None };
        let random = rand::rng().sample_iter(Alphanumeric).take(21).map(char::from);
        // 16 bytes in base64: the last letter has room for two bits only.
        let cluster: String = random.chain(['A']).collect();
        let mut nodes = Vec::new();
        for number in 0..usize::from(options.brokers) {
            let dir = scratch.path().join(format!("kafka-{}", number + 1));
            fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
            settings::write(&dir, number, &addresses, options, secure.as_ref())?;
            let (name, jars, cluster) = (format!("kafka {number}"), jars.clone(), cluster.clone());
            let (heap_mib, scram) = (options.heap_mib, options.secure);
            nodes.push(Node { name, dir, jars, cluster, heap_mib, scram, process: None });
        }
        // All at once: none of them comes up before most of them do.
        std::thread::scope(|scope| {
            let formats: Vec<_> = nodes.iter().map(|node| scope.spawn(|| node.format())).collect();
            formats.into_iter().try_for_each(|format| format.join().expect("it does not panic"))
        })?;
        nodes.iter_mut().try_for_each(Node::launch)?;
        nodes.iter_mut().try_for_each(Node::wait_ready)?;
        Ok(Kafka { nodes: nodes.into_iter().map(Mutex::new).collect(), addresses, secure, _scratch: scratch })
    }

    /// `host:port` of each broker, joined by commas.
    pub fn servers(&self) -> String {
        let each = self.addresses.iter().map(|address| format!("{}:{}", address.host, address.clear));
        each.collect::<Vec<_>>().join(",")
    }

    /// The secure door, where it was asked for.
    pub fn secure(&self) -> Option<&Secure> {
        self.secure.as_ref()
    }

    /// How many brokers there are.
    pub fn brokers(&self) -> usize {
        self.nodes.len()
    }

    /// Ends a broker as by `kill -9`.
    pub fn kill(&self, broker: usize) -> Result<(), Error> {
        let mut node = self.node(broker);
        let process = node.process.take();
        process.ok_or_else(|| node.not("be killed"))?.kill()
    }

    /// Ends a broker in order: it hands its partitions over first.
    pub fn stop(&self, broker: usize) -> Result<(), Error> {
        let mut node = self.node(broker);
        let process = node.process.take();
        process.ok_or_else(|| node.not("stop"))?.stop(PATIENCE)
    }

    /// Stops a broker's clock.
    pub fn pause(&self, broker: usize) -> Result<(), Error> {
        self.node(broker).running("be paused")?.pause()
    }

    /// Lets a paused broker go on.
    pub fn resume(&self, broker: usize) -> Result<(), Error> {
        self.node(broker).running("be resumed")?.resume()
    }

    /// Starts a killed or stopped broker again on its directory, and waits until it takes part.
    pub fn restart(&self, broker: usize) -> Result<(), Error> {
        let mut node = self.node(broker);
        if node.process.is_some() {
            return Err(Error::State { server: node.name.clone(), act: "restart", state: "runs" });
        }
        node.launch()?;
        node.wait_ready()
    }

    /// Empties the directory of a killed or stopped broker, as a new disk would be. Started again it copies from the others.
    pub fn wipe(&self, broker: usize) -> Result<(), Error> {
        let node = self.node(broker);
        if node.process.is_some() {
            return Err(Error::State { server: node.name.clone(), act: "be wiped", state: "runs" });
        }
        let data = node.dir.join("data");
        fs::remove_dir_all(&data).map_err(Error::file("remove", &data))?;
        node.format()
    }

    /// Process id of a broker that runs.
    pub fn pid(&self, broker: usize) -> Option<u32> {
        self.node(broker).process.as_ref().map(Process::pid)
    }

    fn node(&self, broker: usize) -> MutexGuard<'_, Node> {
        // A panic of another test leaves the node as it is.
        self.nodes[broker].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    fn running(&mut self, act: &'static str) -> Result<&mut Process, Error> {
        let missing = self.not(act);
        self.process.as_mut().ok_or(missing)
    }

    fn not(&self, act: &'static str) -> Error {
        Error::State { server: self.name.clone(), act, state: "does not run" }
    }

    fn class_path(&self) -> String {
        format!("{}/*", self.jars.display())
    }

    fn log_settings(&self) -> String {
        format!("-Dlog4j2.configurationFile={}", self.dir.join("log4j2.properties").display())
    }

    /// Makes the directory of a new broker.
    fn format(&self) -> Result<(), Error> {
        let mut command = Command::new("java");
        command.args(["-XX:TieredStopAtLevel=1", &self.log_settings(), "-cp", &self.class_path()]);
        command.args(["kafka.tools.StorageTool", "format", "-t", &self.cluster, "-c"]).arg(self.settings());
        if self.scram {
            command.args(["--add-scram", &settings::scram()]);
        }
        run(&format!("the format of {}", self.name), &mut command)
    }

    fn settings(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn launch(&mut self) -> Result<(), Error> {
        let heap = format!("-Xmx{}m", self.heap_mib);
        let arguments = [
            heap.as_str(),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
            &self.log_settings(),
            "-cp",
            &self.class_path(),
            "kafka.Kafka",
            &self.settings().display().to_string(),
        ]
        .map(str::to_owned);
        let said = self.dir.join("said");
        self.process = Some(Process::start(&self.name, Path::new("java"), arguments, &said)?);
        Ok(())
    }

    fn wait_ready(&mut self) -> Result<(), Error> {
        self.running("come up")?.wait_for_words(READY, PATIENCE)
    }
}
