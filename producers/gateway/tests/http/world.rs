//! Everything behind the door, on threads of this process: log, rows and keys in memory, the real decider, projector
//! and courier. One world for all tests, a tenant for each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mirabelle_courier::Courier;
use mirabelle_decider::{LaneOptions, Machine, Membership, Service};
use mirabelle_follower::Follower;
use mirabelle_fulfiller::{Answer as VendorAnswer, Calls, Fulfiller, Order, Sandbox, Vendor};
use mirabelle_gateway::{Gateway, Options, Parts, Progress};
use mirabelle_keys::MemoryKeys;
use mirabelle_ledger::{Now, ensure_roots};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Log, LogId, Partition, View};
use mirabelle_projector::Projector;
use mirabelle_store::{MemoryBlobs, MemoryIds, MemoryStore, Snapshots, Store};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::{Reply, call};

pub(crate) const PARTITIONS: u16 = 4;

/// A whole installation.
pub(crate) struct World {
    pub door: SocketAddr,
    pub admin: SocketAddr,
    pub log: MemoryLog,
    pub keys: MemoryKeys,
    pub store: Arc<MemoryStore>,
    /// The first key: an operator's.
    pub operator: String,
    /// Cancelled: the door is asked to close.
    pub shutdown: CancellationToken,
    /// Whoever drops it tells the decider that its partitions are gone.
    _membership: Sender<Membership>,
}

struct ThisMachine(Instant, u64);

impl Machine for ThisMachine {
    fn now(&self) -> Now {
        Now { wall: wall_clock(), monotonic: i64::try_from(self.0.elapsed().as_micros()).unwrap() }
    }

    fn random(&mut self) -> u64 {
        self.1 = self.1.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.1
    }
}

pub(crate) fn wall_clock() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The rows' progress, as the binary hands it in.
struct Rows(Arc<mirabelle_projector::Progress>, Arc<mirabelle_ledger::Health>);

impl Progress for Rows {
    fn applied(&self, partition: Partition) -> i64 {
        self.0.applied(partition)
    }

    fn lag(&self) -> i64 {
        self.0.lag()
    }

    fn ails(&self, partition: Partition) -> Option<String> {
        self.1.ails(partition).or_else(|| self.0.health().ails(partition))
    }

    fn observe(&self, told: Box<dyn Fn() + Send + Sync>) {
        self.0.observe(told);
    }

    fn hurry(&self, begins: bool) {
        self.0.hurry(begins);
    }
}

/// The one world.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::start(Options::default()))
}

/// The one that keeps no answers: every repeat goes through the log.
pub(crate) fn forgetful() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::start(Options { recent_answers: 0, ..Options::default() }))
}

impl World {
    /// A world of its own, with these bounds.
    pub(crate) fn start(options: Options) -> World {
        let log = MemoryLog::new(LogId([9; 16]), PARTITIONS, Arc::new(wall_clock));
        ensure_roots(&log, wall_clock(), Duration::from_secs(10)).unwrap();
        let store = Arc::new(MemoryStore::new(log.id()));
        store.create(&"first".parse().unwrap()).unwrap();
        let keys = MemoryKeys::new(41);
        let shared: Arc<dyn Log> = Arc::new(log.clone());
        let registry = prometheus::Registry::new();
        let (membership, deciding) = decider(&shared, &registry);
        let progress = projector(&shared, &store, &registry);
        courier(&shared, &store);
        fulfiller(&shared, &store, &keys);
        let parts = Parts {
            log: shared,
            store: Arc::clone(&store) as Arc<dyn Store>,
            keys: Arc::new(keys.clone()),
            progress: Arc::new(Rows(progress, deciding)),
            now: Arc::new(wall_clock),
            registry,
            pretend: None,
        };
        let (tell, told) = channel();
        let shutdown = CancellationToken::new();
        let asked = shutdown.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let mut gateway = Gateway::new(parts, options).unwrap();
            let operator = gateway.first_key(|_| Ok(()), Duration::from_secs(30)).unwrap().unwrap();
            assert!(gateway.catch_up(Duration::from_secs(30)), "the rows stand at once");
            runtime.block_on(async move {
                let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send((door.local_addr().unwrap(), admin.local_addr().unwrap(), operator)).unwrap();
                gateway.serve(door, admin, asked).await.unwrap();
            });
        });
        let (door, admin, operator) = told.recv().unwrap();
        World { door, admin, log, keys, store, operator, shutdown, _membership: membership }
    }

    /// A request with a key.
    pub(crate) fn call(
        &self,
        key: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let bearer = format!("Bearer {key}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        call(self.door, method, path, &all, body)
    }

    pub(crate) fn get(&self, key: &str, path: &str) -> Reply {
        self.call(key, "GET", path, &[], b"")
    }

    pub(crate) fn post(&self, key: &str, path: &str, body: &Json) -> Reply {
        self.call(key, "POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Waits for a state; looks again whenever the log or the rows may have moved.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut state: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let tick = self.log.tick(View::Durable);
            if let Some(found) = state() {
                return found;
            }
            assert!(Instant::now() < deadline, "never: {what}");
            self.log.wait(View::Durable, tick, Duration::from_millis(20));
        }
    }

    /// A sandbox tenant with an admin's key.
    pub(crate) fn tenant(&'static self, name: &str) -> Tenant {
        let body = json!({
            "tenant": name, "title": name, "mode": "sandbox", "zone": "Europe/Berlin", "currency": "EUR",
        });
        self.post(&self.operator, "/v1/tenants", &body).expect(201);
        let key = json!({ "name": "admin", "roles": ["admin"] });
        let key = self.post(&self.operator, &format!("/v1/keys?tenant={name}"), &key).expect(201);
        let admin = key.json()["key"].as_str().unwrap().to_owned();
        Tenant { world: self, admin }
    }
}

/// A tenant of the world.
pub(crate) struct Tenant {
    pub world: &'static World,
    pub admin: String,
}

impl Tenant {
    /// A key with one role, and what else the body says.
    #[track_caller]
    pub(crate) fn key(&self, name: &str, role: &str, more: Json) -> String {
        let mut body = json!({ "name": name, "roles": [role] });
        more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        let key = self.world.post(&self.admin, "/v1/keys", &body).expect(201);
        key.json()["key"].as_str().unwrap().to_owned()
    }

    /// A connection, open at once, adopted everywhere.
    pub(crate) fn connection(&self, name: &str, system: &str, id_space: &str, state: &str) {
        let body = json!({ "system": system, "id_space": id_space, "state": state });
        self.configure("connection", name, &body);
    }

    /// A version of anything, published and adopted everywhere.
    #[track_caller]
    pub(crate) fn configure(&self, kind: &str, name: &str, body: &Json) {
        let draft = json!({ "name": name, "body": body });
        let path = format!("/v1/config/{kind}/versions?publish=true");
        let version = self.world.post(&self.admin, &path, &draft).expect(201).json();
        let number = version["number"].as_u64().unwrap_or_else(|| panic!("{version}"));
        self.world.until("the version is adopted everywhere", || {
            let config = self.world.get(&self.admin, &format!("/v1/config/{kind}")).expect(200).json();
            (config["adopted"].as_u64() >= Some(number)).then_some(())
        });
    }

    /// A delivery on a connection.
    pub(crate) fn deliver(&self, connection: &str, content_type: &str, body: &[u8]) -> Reply {
        let headers = [("content-type", content_type), ("prefer", "wait=20")];
        self.world.call(&self.admin, "POST", &format!("/v1/hris/{connection}"), &headers, body)
    }

    /// What a member is, once the rows have it.
    #[track_caller]
    pub(crate) fn member(&self, number: &str) -> Json {
        self.world.until("the member is known", || {
            let reply = self.world.get(&self.admin, &format!("/v1/members/{number}"));
            (reply.status == 200).then(|| reply.json())
        })
    }
}

fn decider(
    log: &Arc<dyn Log>,
    registry: &prometheus::Registry,
) -> (Sender<Membership>, Arc<mirabelle_ledger::Health>) {
    let options = mirabelle_decider::Options {
        partition: mirabelle_decider::partition::Options::new("test".to_owned(), "0".to_owned()),
        lane: LaneOptions::default(),
    };
    let metrics = mirabelle_decider::Metrics::new(registry).unwrap();
    let (ids, snapshots) = (Arc::new(MemoryIds::new()), Arc::new(Snapshots::new(MemoryBlobs::new())));
    let mut machine = ThisMachine(Instant::now(), 7);
    let mut service =
        Service::open(Arc::clone(log), ids, snapshots, &options, metrics, machine.now()).unwrap();
    let (membership, said) = channel();
    (0..PARTITIONS).for_each(|number| membership.send(Membership::Gained(Partition(number))).unwrap());
    let health = service.health();
    std::thread::spawn(move || service.run(&said, &mut machine, &|| false).unwrap());
    (membership, health)
}

fn projector(
    log: &Arc<dyn Log>,
    store: &Arc<MemoryStore>,
    registry: &prometheus::Registry,
) -> Arc<mirabelle_projector::Progress> {
    let progress = Arc::new(mirabelle_projector::Progress::new(PARTITIONS));
    let metrics = mirabelle_projector::Metrics::new(registry).unwrap();
    let rows = store.live().unwrap();
    let mut projector =
        Projector::open(Arc::clone(log), rows, Arc::clone(&progress), metrics, Default::default()).unwrap();
    std::thread::spawn(move || projector.run(&|| false, &wall_clock).unwrap());
    progress
}

fn courier(log: &Arc<dyn Log>, store: &Arc<MemoryStore>) {
    let store = Arc::clone(store) as Arc<dyn Store>;
    let mut courier =
        Follower::open(Arc::clone(log), store, Courier::new(PARTITIONS), Default::default()).unwrap();
    std::thread::spawn(move || courier.run(&|| false, &wall_clock, &mut |_| Duration::MAX).unwrap());
}

/// The sandbox vendor, who never answers for what ends in `-never`.
struct SomeNever;

impl Vendor for SomeNever {
    fn order(&mut self, order: &Order) -> VendorAnswer {
        if order.product.as_str().ends_with("-never") {
            return VendorAnswer::Unclear;
        }
        Sandbox.order(order)
    }

    fn key_retention(&self) -> Duration {
        Duration::MAX
    }
}

fn fulfiller(log: &Arc<dyn Log>, store: &Arc<MemoryStore>, keys: &MemoryKeys) {
    let store = Arc::clone(store) as Arc<dyn Store>;
    let mut fulfiller =
        Follower::open(Arc::clone(log), store, Fulfiller::default(), Default::default()).unwrap();
    let sandbox: Box<dyn Vendor> = Box::new(SomeNever);
    let vendors = HashMap::from([("sandbox".parse().unwrap(), sandbox)]);
    let mut calls = Calls::start(vendors, Arc::new(keys.clone())).unwrap();
    std::thread::spawn(move || {
        fulfiller.run(&|| false, &wall_clock, &mut |core| calls.turn(core)).unwrap();
    });
}
