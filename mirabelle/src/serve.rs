//! The whole process: every role, and the door.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mirabelle_gateway::gateway::Gateway;
use mirabelle_gateway::state::{Parts, Progress};
use mirabelle_keys::Keys;
use mirabelle_log::Partition;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::engine::{Engines, wall_clock};
use crate::roles::Roles;

/// Connections that wait to be accepted: an overflow costs whoever connects a second.
const BACKLOG: u32 = 4_096;
/// How long a start waits for the rows before it listens: after a crash they are moments behind. Rows that are built anew
/// take longer, and whoever watches over the process wants to hear of it meanwhile.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How long the first operator key may take.
const FIRST_KEY: Duration = Duration::from_secs(30);

/// The rows, and who decides what they show.
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

/// Serves until `shutdown`, and ends every role in order. `ready` is told both addresses once requests are answered.
pub fn serve(
    config: &Config,
    shutdown: &CancellationToken,
    ready: impl FnOnce(SocketAddr, SocketAddr),
) -> anyhow::Result<()> {
    // The roles end after the door: what is in hand there still has to be decided. Everything that fails, or returns,
    // ends them too.
    let work = CancellationToken::new();
    let guard = work.clone().drop_guard();
    let engines = Engines::open(config)?;
    let registry = prometheus::Registry::new();
    let roles = Roles::start(&engines, config, &registry, &work)?;
    let pretended = Arc::clone(&roles.pretended);
    let parts = Parts {
        log: engines.log(),
        store: Arc::clone(&engines.store),
        keys: Arc::clone(&engines.keys),
        progress: Arc::new(Rows(Arc::clone(&roles.progress), Arc::clone(&roles.deciding))),
        now: Arc::new(wall_clock),
        registry,
        pretend: config.clock.enabled.then(|| {
            // What was said so far: the clock takes what is new away with it.
            let reached = parking_lot::Mutex::new(std::collections::BTreeMap::new());
            let pretend: mirabelle_gateway::state::Pretend = Arc::new(move |tenant, day| {
                let mut reached = reached.lock();
                let latest = reached.entry(tenant.clone()).or_insert(day);
                *latest = day.max(*latest);
                pretended.lock().insert(tenant.clone(), *latest);
                *latest
            });
            pretend
        }),
    };
    let mut gateway = Gateway::new(parts, config.http.limits).context("could not open the door")?;
    keys_belong(&gateway, engines.keys.as_ref())?;
    let place = engines.places.admin_key();
    let first =
        gateway.first_key(|text| keep(&place, text), FIRST_KEY).context("could not make the first key")?;
    if first.is_some() {
        info!(file = %place.display(), "first operator key written");
    }
    if !gateway.catch_up(CATCH_UP) {
        warn!("the rows are being rebuilt: everything but health is answered with 503 until they stand");
    }
    let runtime = tokio::runtime::Runtime::new().context("no threads for the door")?;
    let served = runtime.block_on(async {
        let door = listen(config.http.listen)?;
        let admin = listen(config.http.admin_listen)?;
        stop_on_signal(shutdown.clone(), work.clone()).context("could not listen for signals")?;
        ready(door.local_addr()?, admin.local_addr()?);
        gateway.serve(door, admin, shutdown.clone()).await.context("the door has failed")
    });
    let failed = work.is_cancelled();
    drop(guard);
    drop(runtime);
    roles.join();
    served?;
    anyhow::ensure!(!failed, "a role has failed: its error is in the log lines");
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let listen = || {
        let socket = socket?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().with_context(|| format!("could not listen on {address}: is another server running there? --listen and --admin-listen name other addresses"))
}

/// Closes the door at SIGTERM or SIGINT, or when a role has failed. From the moment this returns: whoever ends a server
/// that has just said that it is ready ends it in order.
fn stop_on_signal(shutdown: CancellationToken, work: CancellationToken) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = work.cancelled() => {}
            () = shutdown.cancelled() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}

/// Another key store than the log's would name the log's people anew: nothing is served with it.
fn keys_belong(gateway: &Gateway, keys: &dyn Keys) -> anyhow::Result<()> {
    for (tenant, _) in gateway.state().directory.tenants() {
        if tenant.as_str().starts_with('_') {
            continue;
        }
        keys.member_id(&tenant, "start", "start", 0).with_context(|| {
            format!(
                "the keys of tenant {tenant} are not there: restore the key store that belongs to this log"
            )
        })?;
    }
    Ok(())
}

/// Writes a secret that only its owner may read, durable before it is used.
fn keep(place: &Path, text: &str) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(place)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
