//! The servers: one connection pool, its own threads, and the ways in which this engine asks.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use mirabelle_store::StoreError;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::policies::load_balancing::{
    DefaultPolicy, LoadBalancingPolicy, NodeIdentifier, SingleTargetLoadBalancingPolicy,
};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::PagingState;
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::unprepared::Statement;
use secrecy::ExposeSecret as _;
use tokio::runtime::Runtime;

use crate::bind::{Columns, Values};
use crate::clock::Clock;
use crate::options::Options;
use crate::retry::persist;

/// Rows in one page of an answer.
const PAGE_ROWS: i32 = 1_000;
/// A change of the schema takes its time.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(15);

/// What was asked since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests, each retry counted anew.
    pub requests: u64,
    /// Statements that wrote rows.
    pub statements: u64,
    /// Requests that were sent again.
    pub retries: u64,
}

/// The servers as this process sees them.
pub(crate) struct Servers {
    pub(crate) session: Session,
    pub(crate) options: Options,
    /// The data centre that acknowledges what this process writes.
    pub(crate) dc: String,
    /// Replicas of the store's own keyspace, which those of the generations follow.
    pub(crate) replicas: OnceLock<BTreeMap<String, usize>>,
    pub(crate) clock: Clock,
    requests: AtomicU64,
    statements: AtomicU64,
    retries: AtomicU64,
}

/// Runs the asking on threads of its own, so that callers may be any threads at all.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub(crate) fn new() -> Result<Threads, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("store-scylla")
            .enable_all()
            .build()
            .map_err(|error| StoreError::io("start the store's threads", error))?;
        Ok(Threads(Some(runtime)))
    }

    /// Waits for an answer.
    pub(crate) fn wait<T: Send + 'static>(&self, asking: impl Future<Output = T> + Send + 'static) -> T {
        let (told, answer) = mpsc::sync_channel(1);
        self.spawn(async move {
            // Whoever waits is on the other end until there is an answer.
            let _ = told.send(asking.await);
        });
        answer.recv().expect("the asking ends with an answer, or it has panicked")
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.as_ref().expect("the threads are there until the store is dropped").spawn(work);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for them here would panic on a thread of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Servers {
    /// Connects, and refuses a data centre that the cluster does not know.
    pub(crate) async fn connect(options: Options) -> Result<Servers, StoreError> {
        let name = options.name();
        let unfit = |reason| StoreError::Unfit { store: name.clone(), reason };
        let login = match &options.login {
            Some((user, password)) => {
                let read = |secret: &crate::Secret| secret.read().map_err(unfit);
                Some((read(user)?, read(password)?))
            }
            None => None,
        };
        let act = format!("connect to {name}");
        let session = persist(
            &act,
            options.connect_patience,
            || {},
            || {
                let mut builder = SessionBuilder::new()
                    .known_nodes(&options.hosts)
                    .default_execution_profile_handle(profile(&options, options.dc.as_deref()).into_handle())
                    .connection_timeout(options.request_timeout)
                    .keepalive_interval(Duration::from_secs(5))
                    .keepalive_timeout(Duration::from_secs(3))
                    .fetch_full_schema_metadata(false)
                    .auto_await_schema_agreement(false)
                    .schema_agreement_interval(Duration::from_millis(50))
                    .schema_agreement_timeout(SCHEMA_TIMEOUT);
                if let Some((user, password)) = &login {
                    builder = builder.user(user.expose_secret(), password.expose_secret());
                }
                async move { builder.build().await }
            },
        )
        .await?;
        let nodes = nodes_by_dc(&session);
        let dc = match &options.dc {
            Some(dc) if nodes.contains_key(dc) => dc.clone(),
            Some(dc) => return Err(unfit(format!("it has no data centre {dc}, but {}", list(&nodes)))),
            None if nodes.len() == 1 => nodes.keys().next().expect("there is one").clone(),
            None => return Err(unfit(format!("name one of its data centres by ?dc=: {}", list(&nodes)))),
        };
        Ok(Servers {
            session,
            options,
            dc,
            replicas: OnceLock::new(),
            clock: Clock::default(),
            requests: AtomicU64::new(0),
            statements: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            statements: self.statements.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn unfit(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Unfit { store: self.options.name(), reason: reason.into() }
    }

    fn again(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Prepares a statement.
    pub(crate) async fn prepare(&self, text: &str) -> Result<PreparedStatement, StoreError> {
        let act = format!("prepare {text}");
        let ask = || {
            self.requests.fetch_add(1, Ordering::Relaxed);
            self.session.prepare(text)
        };
        let mut prepared = persist(&act, self.options.read_patience, || self.again(), ask).await?;
        prepared.set_is_idempotent(true);
        prepared.set_page_size(PAGE_ROWS);
        Ok(prepared)
    }

    /// Writes one row.
    pub(crate) async fn write(
        &self,
        act: &str,
        statement: &PreparedStatement,
        values: &Values,
    ) -> Result<(), StoreError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        persist(
            act,
            self.options.write_patience,
            || self.again(),
            || {
                self.requests.fetch_add(1, Ordering::Relaxed);
                self.session.execute_unpaged(statement, values)
            },
        )
        .await
        .map(drop)
    }

    /// Writes rows of one partition key as one request, whole or not at all.
    pub(crate) async fn write_all(
        &self,
        act: &str,
        statements: &[(Arc<PreparedStatement>, Values)],
    ) -> Result<(), StoreError> {
        if let [(statement, values)] = statements {
            return self.write(act, statement, values).await;
        }
        self.statements.fetch_add(statements.len() as u64, Ordering::Relaxed);
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_is_idempotent(true);
        for (statement, _) in statements {
            batch.append_statement(PreparedStatement::clone(statement));
        }
        let values: Vec<&Values> = statements.iter().map(|(_, values)| values).collect();
        persist(
            act,
            self.options.write_patience,
            || self.again(),
            || {
                self.requests.fetch_add(1, Ordering::Relaxed);
                self.session.batch(&batch, values.as_slice())
            },
        )
        .await
        .map(drop)
    }

    /// Reads rows, page by page, until `limit` are there.
    pub(crate) async fn read<T>(
        &self,
        act: &str,
        statement: &PreparedStatement,
        values: &Values,
        limit: usize,
        mut row: impl FnMut(&mut Columns<'_, '_>) -> Result<T, String>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        let mut place = PagingState::start();
        loop {
            let ask = || {
                self.requests.fetch_add(1, Ordering::Relaxed);
                self.session.execute_single_page(statement, values, place.clone())
            };
            let asked = persist(act, self.options.read_patience, || self.again(), ask).await;
            let (page, next) = asked?;
            let page = page.into_rows_result().map_err(|error| StoreError::io(act, error))?;
            let columns = page.rows().map_err(|error| StoreError::io(act, error))?;
            for found in columns {
                let found = found.map_err(|error| StoreError::io(act, error))?;
                let found = row(&mut Columns(found));
                rows.push(found.map_err(|reason| self.corrupt(act, reason))?);
                if rows.len() == limit {
                    return Ok(rows);
                }
            }
            match next.into_paging_control_flow() {
                ControlFlow::Break(()) => return Ok(rows),
                ControlFlow::Continue(next) => place = next,
            }
        }
    }

    pub(crate) fn corrupt(&self, place: &str, reason: String) -> StoreError {
        StoreError::Corrupt { place: place.to_owned(), reason, file: self.options.name() }
    }

    /// Changes the schema, statement after statement, all through one node, which every process picks alike: two that
    /// start at once would else make one table with two ids. Returns when all reachable nodes agree.
    pub(crate) async fn change_schema(&self, statements: &[String]) -> Result<(), StoreError> {
        for text in statements {
            let act = format!("change the schema: {}", text.lines().next().unwrap_or_default());
            let ask = || self.change_once(text);
            persist(&act, self.options.connect_patience, || self.again(), ask).await?;
        }
        let agree =
            || async { self.session.await_schema_agreement().await.map(drop).map_err(ExecutionError::from) };
        persist("let the servers agree on the schema", self.options.connect_patience, || self.again(), agree)
            .await
    }

    async fn change_once(&self, text: &str) -> Result<(), ExecutionError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let chosen = first_node(&self.session);
        let mut statement = Statement::new(text);
        statement.set_is_idempotent(true);
        statement.set_request_timeout(Some(SCHEMA_TIMEOUT));
        statement.set_load_balancing_policy(chosen);
        let changed = match self.session.query_unpaged(statement, ()).await {
            Err(error) if text.starts_with("ALTER") && is_there_already(&error) => Ok(()),
            changed => changed.map(drop),
        };
        if changed.is_err() {
            // The next attempt may go through another node: it must know what this one did.
            self.session.await_schema_agreement().await?;
        }
        changed
    }
}

fn profile(options: &Options, dc: Option<&str>) -> ExecutionProfile {
    let mut nodes = DefaultPolicy::builder().token_aware(true);
    if let Some(dc) = dc {
        // A coordinator elsewhere would take its own data centre for the local one, and its quorum's acknowledgement
        // for ours.
        nodes = nodes.prefer_datacenter(dc.to_owned()).permit_dc_failover(false);
    }
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .request_timeout(Some(options.request_timeout))
        .load_balancing_policy(nodes.build())
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build()
}

/// A new column has no `IF NOT EXISTS` that both servers know. Cassandra says "Column with name 'x' already exists",
/// ScyllaDB "conflicts with an existing column".
fn is_there_already(error: &ExecutionError) -> bool {
    let ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, said)) = error else {
        return false;
    };
    said.contains("already exists") || said.contains("conflicts with an existing column")
}

/// How many nodes each data centre has.
fn nodes_by_dc(session: &Session) -> BTreeMap<String, usize> {
    let mut nodes = BTreeMap::new();
    for node in session.get_cluster_state().get_nodes_info() {
        if let Some(dc) = &node.datacenter {
            *nodes.entry(dc.clone()).or_insert(0) += 1;
        }
    }
    nodes
}

fn list(nodes: &BTreeMap<String, usize>) -> String {
    nodes.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The connected node with the smallest id.
fn first_node(session: &Session) -> Option<Arc<dyn LoadBalancingPolicy>> {
    let state = session.get_cluster_state();
    let connected = state.get_nodes_info().iter().filter(|node| node.is_connected());
    let first = connected.min_by_key(|node| node.host_id)?;
    Some(SingleTargetLoadBalancingPolicy::new(NodeIdentifier::HostId(first.host_id), None))
}
