//! Questions: by key, by partition key in order, and whole tables.

use std::ops::Bound as Limit;

use mirabelle_domain::rows::{Table, Value};
use mirabelle_store::scan::KeyRange;
use mirabelle_store::{Found, Scan, StoreError, encode};

use crate::bind::{Bound, Columns, Values};
use crate::cql::{self, Edge};
use crate::generation::Generation;
use crate::session::Servers;

fn bound(values: &[Value]) -> impl Iterator<Item = Bound> + '_ {
    values.iter().cloned().map(Bound::Value)
}

/// The row with a key that was checked.
pub(crate) async fn get(
    servers: &Servers,
    generation: &Generation,
    table: &'static Table,
    key: Vec<Value>,
) -> Result<Option<Found>, StoreError> {
    let statement = &generation.table(table)?.get;
    let values = Values(bound(&key).collect());
    let act = format!("read a row of {}", table.name);
    let mut rows =
        servers.read(&act, statement, &values, 1, |columns| columns.found(table, key.clone())).await?;
    Ok(rows.pop())
}

/// A bound of a scan with its values; none where all is within.
type Bounded<'a> = Option<(Edge, &'a [Value])>;

fn bounded(limit: &Limit<Vec<Value>>) -> Bounded<'_> {
    let (values, included) = match limit {
        Limit::Unbounded => return None,
        Limit::Included(values) => (values, true),
        Limit::Excluded(values) => (values, false),
    };
    (!values.is_empty()).then_some((Edge { columns: values.len(), included }, values))
}

/// Lower and upper bound of a scan that covers something; where it goes on behind a row, that row bounds it, unless
/// the scan's own bound is narrower.
fn bounds<'a>(scan: &'a Scan, range: &KeyRange) -> (Bounded<'a>, Bounded<'a>) {
    let (mut low, mut high) = (bounded(&scan.from), bounded(&scan.to));
    if let Some(after) = &scan.after {
        let behind =
            (!after.is_empty()).then_some((Edge { columns: after.len(), included: false }, after.as_slice()));
        let row: Vec<Value> = scan.partition.iter().chain(after).cloned().collect();
        let mut key = Vec::new();
        encode::key(scan.table, &row, &mut key);
        if scan.reverse {
            if range.1.as_ref() == Some(&key) {
                high = behind;
            }
        } else {
            key.push(0);
            if range.0 == key {
                low = behind;
            }
        }
    }
    (low, high)
}

fn limited(limit: usize) -> Bound {
    Bound::Small(i32::try_from(limit).unwrap_or(i32::MAX))
}

/// Rows of one partition key.
pub(crate) async fn scan(
    servers: &Servers,
    generation: &Generation,
    scan: &Scan,
) -> Result<Vec<Found>, StoreError> {
    let table = scan.table;
    generation.table(table)?;
    let Some(range) = scan.range()?.filter(|_| scan.limit > 0) else { return Ok(Vec::new()) };
    let (low, high) = bounds(scan, &range);
    let edge = |bounded: Bounded<'_>| bounded.map(|(edge, _)| edge);
    let text = cql::scan(&generation.keyspace, table, edge(low), edge(high), scan.reverse);
    let statement = generation.scan(servers, text).await?;
    let mut values: Vec<Bound> = bound(&scan.partition).collect();
    for (_, edge) in [low, high].into_iter().flatten() {
        values.extend(bound(edge));
    }
    values.push(limited(scan.limit));
    let act = format!("read rows of {}", table.name);
    let row = |columns: &mut Columns<'_, '_>| {
        let mut key = scan.partition.clone();
        columns.key(table.clustering, &mut key)?;
        columns.found(table, key)
    };
    servers.read(&act, &statement, &Values(values), scan.limit, row).await
}

/// Rows of a whole table in the order of the ring: first what is left of the partition of `after`, then the
/// partitions behind its token. Two partition keys of one token lie at one place: were a page to end between them,
/// the second would be passed over.
pub(crate) async fn walk(
    servers: &Servers,
    generation: &Generation,
    table: &'static Table,
    after: Option<Vec<Value>>,
    limit: usize,
) -> Result<Vec<Found>, StoreError> {
    generation.table(table)?;
    let mut rows = Vec::new();
    let (partition, clustering) = match &after {
        Some(key) => key.split_at(table.partition.len()),
        None => (&[][..], &[][..]),
    };
    if !clustering.is_empty() {
        let rest = Scan { after: Some(clustering.to_vec()), ..Scan::new(table, partition.to_vec(), limit) };
        rows = scan(servers, generation, &rest).await?;
    }
    let left = limit - rows.len();
    if left == 0 {
        return Ok(rows);
    }
    let statement = generation.scan(servers, cql::walk(&generation.keyspace, table, after.is_some())).await?;
    let mut values: Vec<Bound> = bound(partition).collect();
    values.push(limited(left));
    let act = format!("walk through {}", table.name);
    let row = |columns: &mut Columns<'_, '_>| {
        let mut key = Vec::with_capacity(table.partition.len() + table.clustering.len());
        columns.key(table.partition, &mut key)?;
        columns.key(table.clustering, &mut key)?;
        columns.found(table, key)
    };
    rows.extend(servers.read(&act, &statement, &Values(values), left, row).await?);
    Ok(rows)
}
