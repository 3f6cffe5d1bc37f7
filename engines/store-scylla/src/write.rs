//! A batch on its way: rows that it touches twice become one, rows of one partition key one request.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::rows::{Table, Value};
use mirabelle_store::cells::Cells;
use mirabelle_store::{Put, StoreError};
use scylla::statement::prepared::PreparedStatement;
use tokio::task::JoinSet;

use crate::bind::{Bound, Values};
use crate::generation::{Generation, TableStatements};
use crate::session::Servers;

/// Most statements and bytes of one request; one row alone may have more bytes.
const STATEMENTS_MAX: usize = 100;
const BYTES_MAX: usize = 48 << 10;

/// One row as a batch leaves it. Each stamp is a statement of its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) table: &'static Table,
    pub(crate) key: Vec<Value>,
    pub(crate) deleted: Option<i64>,
    /// Cells by stamp; without cells: the row is there.
    pub(crate) groups: Vec<(i64, Vec<(u8, Value)>)>,
}

/// Puts by row, each row once. What newer puts of the same row cover is not sent at all.
pub(crate) fn changes(puts: Vec<Put>) -> Vec<Change> {
    let mut places: HashMap<(u8, &[Value]), Vec<usize>> = HashMap::with_capacity(puts.len());
    for (place, put) in puts.iter().enumerate() {
        places.entry((put.row.table.number, &put.row.key)).or_default().push(place);
    }
    let mut firsts: Vec<Vec<usize>> = places.into_values().collect();
    firsts.sort_unstable();
    let mut puts: Vec<Option<Put>> = puts.into_iter().map(Some).collect();
    let mut taken = |place: usize| puts[place].take().expect("each put belongs to one row");
    let one = |places: Vec<usize>| match *places {
        [place] => alone(taken(place)),
        _ => joined(places.into_iter().map(&mut taken).collect()),
    };
    firsts.into_iter().map(one).collect()
}

fn alone(Put { stamp, row }: Put) -> Change {
    let (deleted, groups) = match row.delete {
        true => (Some(stamp), Vec::new()),
        false => (None, vec![(stamp, row.cells)]),
    };
    Change { table: row.table, key: row.key, deleted, groups }
}

fn joined(puts: Vec<Put>) -> Change {
    let mut state = Cells::default();
    for put in &puts {
        state.join(&Cells::of_put(put.stamp, &put.row));
    }
    let mut groups: Vec<(i64, Vec<(u8, Value)>)> = Vec::new();
    for (column, stamp, value) in &state.cells {
        match groups.iter_mut().find(|(other, _)| other == stamp) {
            Some((_, cells)) => cells.push((*column, value.to_value())),
            None => groups.push((*stamp, vec![(*column, value.to_value())])),
        }
    }
    // Every statement with cells also says that the row is there, as of its stamp.
    if let Some(marked) = state.marked.filter(|marked| groups.iter().all(|(stamp, _)| stamp < marked)) {
        groups.push((marked, Vec::new()));
    }
    let deleted = state.deleted;
    drop(state);
    let first = puts.into_iter().next().expect("a row is there because of its puts");
    Change { table: first.row.table, key: first.row.key, deleted, groups }
}

/// One statement with its values.
pub(crate) type Bind = (Arc<PreparedStatement>, Values);

/// Statements of one partition key, one request.
#[derive(Default)]
struct Request {
    statements: Vec<Bind>,
    bytes: usize,
}

impl Request {
    fn fits(&self, bytes: usize) -> bool {
        self.statements.len() < STATEMENTS_MAX && self.bytes + bytes <= BYTES_MAX
    }
}

/// Requests, each of one partition key: whatever the table, rows of one key lie on the same nodes.
pub(crate) fn requests(generation: &Generation, changes: Vec<Change>) -> Result<Vec<Vec<Bind>>, StoreError> {
    let mut full = Vec::new();
    let mut open: HashMap<Vec<Value>, Request> = HashMap::with_capacity(changes.len());
    for Change { table, key, deleted, groups } in changes {
        let statements = generation.table(table)?;
        let request = open.entry(key[..table.partition.len()].to_vec()).or_default();
        let mut add = |bind: Bind, bytes: usize| {
            if !request.fits(bytes) {
                full.push(std::mem::take(request).statements);
            }
            request.statements.push(bind);
            request.bytes += bytes;
        };
        if let Some(stamp) = deleted {
            let values = std::iter::once(Bound::Stamp(stamp)).chain(key.iter().cloned().map(Bound::Value));
            add((statements.delete.clone(), Values(values.collect())), size(&key));
        }
        for (stamp, cells) in groups {
            let bytes = size(&key) + cells.iter().map(|(_, value)| size_of(value)).sum::<usize>();
            add(insert(statements, &key, stamp, cells), bytes);
        }
    }
    full.extend(open.into_values().map(|request| request.statements));
    full.retain(|statements| !statements.is_empty());
    Ok(full)
}

fn insert(statements: &TableStatements, key: &[Value], stamp: i64, cells: Vec<(u8, Value)>) -> Bind {
    let mut values = Vec::with_capacity(key.len() + statements.table.columns.len() + 1);
    values.extend(key.iter().cloned().map(Bound::Value));
    for (column, value) in cells {
        values.resize(key.len() + usize::from(column), Bound::Unset);
        values.push(Bound::Value(value));
    }
    values.resize(key.len() + statements.table.columns.len(), Bound::Unset);
    values.push(Bound::Stamp(stamp));
    (statements.insert.clone(), Values(values))
}

fn size(key: &[Value]) -> usize {
    key.iter().map(size_of).sum()
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Int(_) => 8,
        Value::Bytes(bytes) => bytes.len(),
    }
}

/// Sends requests, a bounded number at a time, until all are acknowledged or one can't be.
pub(crate) async fn send(servers: &Arc<Servers>, requests: Vec<Vec<Bind>>) -> Result<(), StoreError> {
    let mut under_way = JoinSet::new();
    for request in requests {
        while under_way.len() >= servers.options.in_flight {
            ended(under_way.join_next().await)?;
        }
        let servers = Arc::clone(servers);
        under_way.spawn(async move { servers.write_all("write rows", &request).await });
    }
    while let Some(one) = under_way.join_next().await {
        ended(Some(one))?;
    }
    Ok(())
}

/// What was sent and is not waited for any more may still arrive; it is a repeat of itself, or its decision's batch
/// comes again.
fn ended(one: Option<Result<Result<(), StoreError>, tokio::task::JoinError>>) -> Result<(), StoreError> {
    match one {
        Some(Ok(done)) => done,
        Some(Err(error)) => Err(StoreError::io("write rows", error)),
        None => Ok(()),
    }
}
