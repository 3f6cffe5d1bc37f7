//! What has to be remembered of every grant and redemption while facts are folded: rows of the scratch generation, so
//! that they need no memory. Invariants 2, 3 and 5.

use mirabelle_domain::rows::{Row, Table, Type, Value};
use mirabelle_domain::{GrantId, RedemptionId, TenantId};
use mirabelle_store::{Batch, Found, Rows, StoreError};

/// Points of each grant: what a wallet was credited with, and what a budget has settled.
pub(crate) static GRANTS: Table = Table {
    number: 1,
    name: "grants seen",
    partition: &[("tenant", Type::Text), ("grant", Type::Bytes)],
    clustering: &[],
    columns: &[("credited", Type::Int), ("settled", Type::Int)],
};
/// Redemptions that were approved.
static APPROVED: Table = Table {
    number: 2,
    name: "redemptions approved",
    partition: &[("redemption", Type::Bytes)],
    clustering: &[],
    columns: &[("approved", Type::Int)],
};
/// Lines that were delivered.
static DELIVERED: Table = Table {
    number: 3,
    name: "lines delivered",
    partition: &[("redemption", Type::Bytes)],
    clustering: &[("line", Type::Int)],
    columns: &[("delivered", Type::Int)],
};

/// A column of [`GRANTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Credited = 0,
    Settled = 1,
}

/// Sets a cell; says whether it was set before.
fn mark(
    rows: &dyn Rows,
    table: &'static Table,
    key: Vec<Value>,
    cell: (u8, i64),
) -> Result<bool, StoreError> {
    let (column, value) = cell;
    if rows.get(table, &key)?.is_some_and(|found| found.value(column).is_some()) {
        return Ok(true);
    }
    let mut batch = Batch::new();
    batch.decision(1, vec![Row { table, key, cells: vec![(column, Value::Int(value))], delete: false }]);
    rows.apply(batch)?;
    Ok(false)
}

/// Books a grant's points on one side; `true`: for the second time.
pub(crate) fn book(
    rows: &dyn Rows,
    side: Side,
    tenant: &TenantId,
    grant: GrantId,
    points: i64,
) -> Result<bool, StoreError> {
    let key = vec![Value::Text(tenant.to_string()), Value::Bytes(grant.0.to_vec())];
    mark(rows, &GRANTS, key, (side as u8, points))
}

/// A grant's points on both sides, of a row of [`GRANTS`].
pub(crate) fn booked(row: &Found) -> Option<(TenantId, GrantId, [Option<i64>; 2])> {
    let tenant = row.text("tenant")?.parse().ok()?;
    let grant = GrantId(row.bytes("grant")?.try_into().ok()?);
    Some((tenant, grant, [row.int("credited"), row.int("settled")]))
}

/// A redemption was approved.
pub(crate) fn approve(rows: &dyn Rows, redemption: RedemptionId) -> Result<bool, StoreError> {
    mark(rows, &APPROVED, vec![Value::Bytes(redemption.0.to_vec())], (0, 1))
}

/// Whether a redemption was approved.
pub(crate) fn is_approved(rows: &dyn Rows, redemption: RedemptionId) -> Result<bool, StoreError> {
    Ok(rows.get(&APPROVED, &[Value::Bytes(redemption.0.to_vec())])?.is_some())
}

/// A line was delivered; `true`: for the second time.
pub(crate) fn deliver(rows: &dyn Rows, redemption: RedemptionId, line: u32) -> Result<bool, StoreError> {
    let key = vec![Value::Bytes(redemption.0.to_vec()), Value::Int(line.into())];
    mark(rows, &DELIVERED, key, (0, 1))
}
