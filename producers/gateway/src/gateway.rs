//! The door as a whole: opened over its parts, serving until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mirabelle_log::View;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::arrivals::Arrivals;
use crate::directory::Directory;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::rate::Rate;
use crate::routes::Shared;
use crate::state::{Parts, State};
use crate::tail::{self, Tail};
use crate::waiters::Waiters;
use crate::{admin, guard, sockets};

/// Why the door can't open or had to close.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two of them in one registry, mostly.
    #[error("could not register the gateway's metrics")]
    Metrics(#[from] prometheus::Error),
    /// The log or the rows can't be read.
    #[error("the gateway can't begin to read")]
    Tail(#[from] tail::Error),
    /// No thread.
    #[error("no thread for the gateway's tail")]
    Thread(#[source] std::io::Error),
}

/// Connections to the admin port at once.
const ADMIN_CONNECTIONS: usize = 64;

/// The door, open but not yet serving.
pub struct Gateway {
    state: Shared,
    tail: Tail,
}

impl Gateway {
    /// Opens it: reads the directory from the rows, and finds the place in the log from which the tail goes on.
    ///
    /// # Errors
    /// When metrics of these names are registered already, or log or rows can't be read.
    pub fn new(parts: Parts, options: Options) -> Result<Gateway, Error> {
        let metrics = Metrics::new(&parts.registry)?;
        let directory = Arc::new(Directory::default());
        let waiters = Arc::new(Waiters::keeping(options.recent_answers));
        let rows = parts.store.live().map_err(tail::Error::from)?;
        let log = Arc::clone(&parts.log);
        let tail = Tail::open(log, rows.as_ref(), Arc::clone(&waiters), Arc::clone(&directory))?;
        let arrivals = Arrivals::new(Arc::clone(&parts.progress), parts.log.partitions());
        let state = State {
            parts,
            arrivals,
            options,
            directory,
            waiters,
            resolved: Default::default(),
            profiles: Default::default(),
            reported: Default::default(),
            metrics,
            health: tail.health(),
            begun: AtomicBool::new(false),
            room: Arc::new(Semaphore::new(options.bodies_max.div_ceil(1 << 10))),
            rate: Rate::new(options.requests_per_second),
        };
        Ok(Gateway { state: Arc::new(state), tail })
    }

    /// What its handlers work with: the directory, the waiters.
    pub fn state(&self) -> Shared {
        Arc::clone(&self.state)
    }

    /// Reads what there is, before [`Gateway::serve`] does so on a thread; returns how many records that was.
    pub(crate) fn turn(&mut self) -> usize {
        self.tail.turn()
    }

    /// Reads, before [`Gateway::serve`] does, until what was decided before the start stands in the rows, or patience
    /// ends: until then everything but health is answered with 503. Returns whether it does.
    pub fn catch_up(&mut self, patience: Duration) -> bool {
        let log = Arc::clone(&self.state.parts.log);
        let deadline = Instant::now() + patience;
        while !self.state.is_caught_up() && Instant::now() < deadline {
            let tick = log.tick(View::Durable);
            if self.turn() == 0 {
                // The rows come without a tick of the log.
                log.wait(View::Durable, tick, Duration::from_millis(2));
            }
        }
        self.state.is_caught_up()
    }

    /// Serves both listeners until `shutdown`, then lets what is in hand end, within the bound.
    ///
    /// # Errors
    /// When no thread for the tail can be had.
    pub async fn serve(
        self,
        listener: TcpListener,
        admin_listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), Error> {
        let Gateway { state, mut tail } = self;
        let stopped = Arc::new(AtomicBool::new(false));
        let (stop, health) = (Arc::clone(&stopped), tail.health());
        let thread = std::thread::Builder::new().name("gateway-tail".to_owned()).spawn(move || {
            // Ended or panicked: whoever asks for our health has to hear it.
            let told = StopOnDrop(health);
            tail.run(&|| stop.load(Ordering::Acquire));
            drop(told);
        });
        let thread = thread.map_err(Error::Thread)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let admin_router = admin::router(Arc::clone(&state), Arc::clone(&stopping));
        let admin_options = Options { connections_max: ADMIN_CONNECTIONS, ..state.options };
        // The admin port answers while the others end: it is the one that says so.
        let last = CancellationToken::new();
        let door = sockets::serve(
            listener,
            guard::router(&state),
            state.options,
            Some(state.metrics.clone()),
            shutdown.clone(),
        );
        let main = async {
            door.await;
            last.cancel();
        };
        let tell = async {
            shutdown.cancelled().await;
            stopping.store(true, Ordering::Release);
        };
        let admin = sockets::serve(admin_listener, admin_router, admin_options, None, last.clone());
        tokio::join!(main, tell, admin);
        stopped.store(true, Ordering::Release);
        if tokio::task::spawn_blocking(move || thread.join()).await.is_ok_and(|ended| ended.is_err()) {
            tracing::error!("the gateway's tail panicked");
        }
        Ok(())
    }
}

struct StopOnDrop(Arc<tail::Health>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Opens the door and serves until `shutdown`.
///
/// # Errors
/// As [`Gateway::new`] and [`Gateway::serve`].
pub async fn serve(
    parts: Parts,
    options: Options,
    listener: TcpListener,
    admin_listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    Gateway::new(parts, options)?.serve(listener, admin_listener, shutdown).await
}
