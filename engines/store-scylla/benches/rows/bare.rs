//! Bare prepared inserts, one a row.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::rows::{Table, Value};
use mirabelle_domain::tables;
use mirabelle_store::Batch;
use mirabelle_store_scylla::Options;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(crate) struct Bare {
    runtime: Runtime,
    session: Arc<Session>,
    statements: HashMap<u8, Arc<PreparedStatement>>,
    in_flight: usize,
}

/// One row, ready to be sent.
pub(crate) type Insert = (Arc<PreparedStatement>, Vec<MaybeUnset<CqlValue>>);

fn text(keyspace: &str, table: &Table) -> String {
    let columns = table.partition.iter().chain(table.clustering).chain(table.columns);
    let names: Vec<String> = columns.map(|(name, _)| format!("\"{name}\"")).collect();
    let marks = vec!["?"; names.len()].join(", ");
    format!("INSERT INTO {keyspace}.\"{}\" ({}) VALUES ({marks})", table.name, names.join(", "))
}

fn value(value: &Value) -> MaybeUnset<CqlValue> {
    MaybeUnset::Set(match value {
        Value::Text(text) => CqlValue::Text(text.clone()),
        Value::Int(number) => CqlValue::BigInt(*number),
        Value::Bytes(bytes) => CqlValue::Blob(bytes.clone()),
    })
}

impl Bare {
    pub(crate) fn connect(options: &Options, keyspace: &str) -> Bare {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads");
        let profile = ExecutionProfile::builder().consistency(Consistency::LocalQuorum).build();
        let (session, statements) = runtime.block_on(async {
            let builder = SessionBuilder::new().known_nodes(&options.hosts);
            let session = builder.default_execution_profile_handle(profile.into_handle()).build().await;
            let session = session.expect("a node that answers");
            let mut statements = HashMap::new();
            for table in tables::ALL {
                let prepared = session.prepare(text(keyspace, table)).await.expect("a table");
                statements.insert(table.number, Arc::new(prepared));
            }
            (Arc::new(session), statements)
        });
        Bare { runtime, session, statements, in_flight: options.in_flight }
    }

    /// The rows of batches, bound before the clock runs.
    pub(crate) fn inserts(&self, batches: &[Batch]) -> Vec<Insert> {
        let puts = batches.iter().flat_map(Batch::puts);
        let insert = |put: &mirabelle_store::Put| {
            let row = &put.row;
            let mut values: Vec<MaybeUnset<CqlValue>> = row.key.iter().map(value).collect();
            values.resize_with(row.key.len() + row.table.columns.len(), || MaybeUnset::Unset);
            for (column, cell) in &row.cells {
                values[row.key.len() + usize::from(*column)] = value(cell);
            }
            (self.statements[&row.table.number].clone(), values)
        };
        puts.map(insert).collect()
    }

    pub(crate) fn write(&self, inserts: Vec<Insert>) {
        let (session, in_flight) = (self.session.clone(), self.in_flight);
        self.runtime.block_on(async move {
            let mut under_way = JoinSet::new();
            for (statement, values) in inserts {
                if under_way.len() >= in_flight {
                    under_way.join_next().await.expect("one is under way").expect("it is acknowledged");
                }
                let session = session.clone();
                under_way.spawn(async move {
                    session.execute_unpaged(&statement, values).await.expect("a healthy node");
                });
            }
            while let Some(one) = under_way.join_next().await {
                one.expect("it is acknowledged");
            }
        });
    }
}
