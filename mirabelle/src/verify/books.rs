//! Closes the books of each tenant (invariant 2), on the cut of everything that was folded: a credit that its budget has
//! not settled yet still lies among that budget's commitments, and is counted once.

use std::collections::{BTreeMap, HashSet};

use mirabelle_domain::{Account, GrantId, TenantId};

use super::Report;
use super::facts::Folding;

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
    for ((tenant, grant), points) in &folding.credited {
        let sums = tenants.entry(tenant.clone()).or_default();
        sums.credited += i128::from(*points);
        if !folding.settled.contains_key(&(tenant.clone(), *grant)) && !sums.open.contains(grant) {
            report.differs(
                "books",
                tenant.to_string(),
                format!("grant {grant} was credited and no budget pays it"),
            );
        }
    }
    for ((tenant, grant), points) in &folding.settled {
        tenants.entry(tenant.clone()).or_default().settled += i128::from(*points);
        if folding.credited.get(&(tenant.clone(), *grant)) != Some(points) {
            report.differs(
                "books",
                tenant.to_string(),
                format!("grant {grant} was settled and not credited so"),
            );
        }
    }
    report.tenants = tenants.len() as u64;
    for (tenant, sums) in &tenants {
        equal(report, tenant, "credits", sums.credited, "in wallets or gone on from there", sums.in_wallets);
        equal(report, tenant, "settled", sums.settled, "spent of budgets", sums.spent_of_budgets);
        let parts = sums.free + sums.committed + sums.spent_of_budgets;
        equal(report, tenant, "allocated", sums.allocated, "free, committed and spent", parts);
    }
}

fn equal(report: &mut Report, tenant: &TenantId, left: &str, l: i128, right: &str, r: i128) {
    if l != r {
        report.differs("books", tenant.to_string(), format!("{l} points {left}, but {r} {right}"));
    }
}
