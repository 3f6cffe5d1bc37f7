//! Apache Cassandra: one node, or two data centres with a node each.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::java::{Artifact, Testbed};
use crate::process::{Process, free_port};
use crate::scratch::Scratch;

mod answer;
mod settings;

/// The release that is started.
pub(crate) const VERSION: &str = "5.0.9";
/// How long a node may take to answer, on a machine that does much besides.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a node may take to end in order.
const STOP_PATIENCE: Duration = Duration::from_secs(180);
/// Names of the data centres, in the order of their nodes.
pub const DATACENTRES: [&str; 2] = ["eu", "us"];

/// What to start.
#[derive(Clone, Debug)]
pub struct CassandraOptions {
    /// Data centres with a node each: 1 (`eu`) or 2 (`eu`, `us`).
    pub datacentres: u8,
    /// Ask for a user and a password: the first ones are `cassandra` and `cassandra`.
    pub secure: bool,
    /// Further lines of each node's `cassandra.yaml`. Without `commitlog_sync` it is `periodic`, as it is by default: a
    /// node that is killed then loses what it acknowledged in its last 100 ms or so.
    pub settings: Vec<(String, String)>,
    /// Heap of each node, in MiB.
    pub heap_mib: u32,
}

impl CassandraOptions {
    /// So many data centres, for everybody, 640 MiB a node.
    pub fn of(datacentres: u8) -> CassandraOptions {
        CassandraOptions { datacentres, secure: false, settings: Vec::new(), heap_mib: 640 }
    }
}

/// A cluster at work. Nodes are numbered from 0; every act on one waits until it is done. Dropping it kills and wipes.
#[derive(Debug)]
pub struct Cassandra {
    nodes: Vec<Mutex<Node>>,
    addresses: Vec<Address>,
    // Last: it goes when no server uses it any more.
    _scratch: Scratch,
}

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) host: IpAddr,
    pub(crate) native: u16,
    pub(crate) storage: u16,
    pub(crate) jmx: u16,
}

impl Address {
    fn native(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.native)
    }
}

/// What a node is started from, and the node.
#[derive(Debug)]
struct Node {
    name: String,
    dir: PathBuf,
    jars: PathBuf,
    heap_mib: u32,
    address: Address,
    /// The one that the others ask for the way in.
    first: bool,
    process: Option<Process>,
}

impl Cassandra {
    /// Fetches the jars where they are missing, starts the nodes one after the other, and waits until each answers
    /// CQL and all see each other.
    pub fn start(testbed: &Testbed, options: &CassandraOptions) -> Result<Cassandra, Error> {
        let artifact = Artifact { group: "org.apache.cassandra", name: "cassandra-all", version: VERSION };
        let jars = testbed.jars(&format!("cassandra-{VERSION}"), &[artifact])?;
        let scratch = testbed.scratch()?;
        let addresses = addresses(options.datacentres)?;
        let mut nodes = Vec::new();
        for (number, address) in addresses.iter().enumerate() {
            let name = format!("cassandra-{}", DATACENTRES[number]);
            let dir = scratch.path().join(&name);
            settings::write(&dir, DATACENTRES[number], *address, &addresses, options)?;
            let (jars, heap_mib) = (jars.clone(), options.heap_mib);
            let (address, first) = (*address, number == 0);
            let mut node = Node { name, dir, jars, heap_mib, address, first, process: None };
            node.launch()?;
            node.wait_ready()?;
            if options.secure && number == 0 {
                node.running("make its first user")?.wait_for_words("Created default superuser", PATIENCE)?;
            }
            nodes.push(Mutex::new(node));
        }
        let cassandra = Cassandra { nodes, addresses, _scratch: scratch };
        for (number, node) in cassandra.nodes.iter().enumerate() {
            let mut node = node.lock().unwrap_or_else(PoisonError::into_inner);
            for other in
                cassandra.addresses.iter().filter(|other| other.host != cassandra.addresses[number].host)
            {
                node.wait_to_see(other)?;
            }
        }
        Ok(cassandra)
    }

    /// `host:port` of a node.
    pub fn host(&self, node: usize) -> String {
        self.addresses[node].native().to_string()
    }

    /// `host:port` of all nodes, joined by commas.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> = (0..self.addresses.len()).map(|node| self.host(node)).collect();
        hosts.join(",")
    }

    /// Ends a node as by `kill -9`.
    pub fn kill(&self, node: usize) -> Result<(), Error> {
        let mut node = self.node(node);
        node.running("be killed")?.kill()?;
        node.process = None;
        Ok(())
    }

    /// Ends a node in order.
    pub fn stop(&self, node: usize) -> Result<(), Error> {
        let mut node = self.node(node);
        node.running("be stopped")?.stop(STOP_PATIENCE)?;
        node.process = None;
        Ok(())
    }

    /// Stops a node's clock: its connections stay, nothing is answered.
    pub fn pause(&self, node: usize) -> Result<(), Error> {
        self.node(node).running("pause")?.pause()
    }

    /// Lets a paused node go on.
    pub fn resume(&self, node: usize) -> Result<(), Error> {
        self.node(node).running("go on")?.resume()
    }

    /// Starts a killed or stopped node on its directory, and waits until it answers.
    pub fn restart(&self, node: usize) -> Result<(), Error> {
        let mut node = self.node(node);
        if node.process.is_some() {
            return Err(Error::State { server: node.name.clone(), act: "restart", state: "runs" });
        }
        node.launch()?;
        node.wait_ready()
    }

    /// Empties the directory of a killed or stopped node that is alone, as a new disk would be. Where there are others,
    /// they know it by its old id and would not let it in.
    pub fn wipe(&self, node: usize) -> Result<(), Error> {
        let node = self.node(node);
        if self.addresses.len() > 1 {
            return Err(Error::State {
                server: node.name.clone(),
                act: "be wiped",
                state: "has others beside it",
            });
        }
        if node.process.is_some() {
            return Err(Error::State { server: node.name.clone(), act: "be wiped", state: "runs" });
        }
        let data = node.dir.join("data");
        fs::remove_dir_all(&data).map_err(Error::file("remove", &data))
    }

    /// Process id of a node that runs.
    pub fn pid(&self, node: usize) -> Option<u32> {
        self.node(node).process.as_ref().map(Process::pid)
    }

    /// Whether a node answers CQL now.
    pub fn answers(&self, node: usize) -> bool {
        answer::answers(self.addresses[node].native())
    }

    fn node(&self, node: usize) -> MutexGuard<'_, Node> {
        // A panic of another test leaves the node as it is.
        self.nodes[node].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Free ports for each node. Clients reach every node of a cluster by one port, and tell them apart by address.
fn addresses(count: u8) -> Result<Vec<Address>, Error> {
    let hosts: Vec<IpAddr> =
        (0..count).map(|number| IpAddr::V4(Ipv4Addr::new(127, 0, 0, 21 + number))).collect();
    let mut native = free_port(hosts[0])?;
    while !hosts.iter().all(|host| std::net::TcpListener::bind((*host, native)).is_ok()) {
        native = free_port(hosts[0])?;
    }
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let address = |host: &IpAddr| {
        Ok(Address { host: *host, native, storage: free_port(*host)?, jmx: free_port(local)? })
    };
    hosts.iter().map(address).collect()
}

impl Node {
    fn running(&mut self, act: &'static str) -> Result<&mut Process, Error> {
        let missing = Error::State { server: self.name.clone(), act, state: "does not run" };
        self.process.as_mut().ok_or(missing)
    }

    fn launch(&mut self) -> Result<(), Error> {
        let arguments = settings::arguments(&self.dir, &self.jars, self.address, self.heap_mib, self.first);
        let said = self.dir.join("said");
        self.process = Some(Process::start(&self.name, Path::new("java"), arguments, &said)?);
        Ok(())
    }

    fn wait_ready(&mut self) -> Result<(), Error> {
        let native = self.address.native();
        self.running("come up")?.wait_until("answer CQL", PATIENCE, |_| answer::answers(native))
    }

    fn wait_to_see(&mut self, other: &Address) -> Result<(), Error> {
        let up = format!("{}:{} is now UP", other.host, other.storage);
        self.running("see others")?.wait_for_words(&up, PATIENCE)
    }
}
