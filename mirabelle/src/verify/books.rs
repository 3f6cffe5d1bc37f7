//! Closes the books of each tenant (invariant 2), on the cut of everything that was folded: a credit that its budget has
//! not settled yet still lies among that budget's commitments, and is counted once.

use std::collections::{BTreeMap, HashSet};

use mirabelle_domain::{Account, GrantId, TenantId};

use mirabelle_store::{Rows, StoreError};

use super::facts::{Folding, chain};
use super::rows::Walk;
use super::{Report, marks};

#[derive(Default)]
struct Sums {
    allocated: i128,
    free: i128,
    committed: i128,
    spent_of_budgets: i128,
    in_wallets: i128,
    open: HashSet<GrantId>,
    credited: i128,
    settled: i128,
}

pub(crate) fn check(folding: &Folding, report: &mut Report) {
    let mut tenants: BTreeMap<TenantId, Sums> = BTreeMap::new();
    for (id, account) in folding.accounts().iter() {
        report.accounts += 1;
        let sums = tenants.entry(id.tenant.clone()).or_default();
        match account.as_ref() {
            Account::Member(member) => {
                if let Err(what) = member.check() {
                    report.differs("accounts", id.to_string(), what);
                }
                let b = member.balance();
                let parts = [b.available, b.pending, b.reserved, b.spent, b.expired, b.taken];
                sums.in_wallets += parts.iter().map(|points| i128::from(points.get())).sum::<i128>();
            }
            Account::Budget(budget) => {
                let b = budget.balance();
                let parts = b.free.get() + b.committed.get() + b.spent.get();
                if parts != b.allocated.get() {
                    let what = format!(
                        "allocated {} is not free {} + committed {} + spent {}",
                        b.allocated, b.free, b.committed, b.spent
                    );
                    report.differs("books", id.to_string(), what);
                }
                sums.allocated += i128::from(b.allocated.get());
                sums.free += i128::from(b.free.get());
                sums.committed += i128::from(b.committed.get());
                sums.spent_of_budgets += i128::from(b.spent.get());
                sums.open.extend(budget.committed().map(|(grant, _)| grant));
            }
            Account::Configuration(_) | Account::Partition(_) => {}
        }
    }
    if let Err(error) = close_grants(folding.scratch.marks.as_ref(), &mut tenants, report) {
        report.differs("scratch", marks::GRANTS.name, chain(&error));
    }
    report.tenants = tenants.len() as u64;
    for (tenant, sums) in &tenants {
        equal(report, tenant, "credits", sums.credited, "in wallets or gone on from there", sums.in_wallets);
        equal(report, tenant, "settled", sums.settled, "spent of budgets", sums.spent_of_budgets);
        let parts = sums.free + sums.committed + sums.spent_of_budgets;
        equal(report, tenant, "allocated", sums.allocated, "free, committed and spent", parts);
    }
}

/// What was credited was settled, or its budget still has it committed; both with the same points.
fn close_grants(
    rows: &dyn Rows,
    tenants: &mut BTreeMap<TenantId, Sums>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut walk = Walk::new(rows, &marks::GRANTS);
    while let Some(row) = walk.next()? {
        let Some((tenant, grant, [credited, settled])) = marks::booked(&row) else { continue };
        let sums = tenants.entry(tenant.clone()).or_default();
        sums.credited += i128::from(credited.unwrap_or(0));
        sums.settled += i128::from(settled.unwrap_or(0));
        if credited.is_some() && settled.is_none() && !sums.open.contains(&grant) {
            let what = format!("grant {grant} was credited and no budget pays it");
            report.differs("books", tenant.to_string(), what);
        }
        if settled.is_some() && credited != settled {
            let what = format!("grant {grant} was settled and not credited so");
            report.differs("books", tenant.to_string(), what);
        }
    }
    Ok(())
}

fn equal(report: &mut Report, tenant: &TenantId, left: &str, l: i128, right: &str, r: i128) {
    if l != r {
        report.differs("books", tenant.to_string(), format!("{l} points {left}, but {r} {right}"));
    }
}
