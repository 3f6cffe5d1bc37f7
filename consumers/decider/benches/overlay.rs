//! What one command costs a budget while so many grants are committed on it: put on top of confirmed state, and
//! confirmed. With one in flight each decision stands on a copy of the account.
//!
//! `cargo bench -p mirabelle-decider --bench overlay`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use mirabelle_decider::Accounts;
use mirabelle_decider::overlay::Overlay;
use mirabelle_decider::step::Draft;
use mirabelle_domain::fact::{
    BudgetAllocated, BudgetBalance, BudgetOpened, GrantCommitted, GrantIntent, GrantReturned,
};
use mirabelle_domain::{
    Account, AccountId, CommandId, Digest, Fact, GrantId, MemberId, Points, Timestamp, evolve,
};
use mirabelle_schemas::record::{Actor, ActorKind, Cursor};

const ALLOCATED: i64 = 1_000_000_000;

fn points(points: i64) -> Points {
    Points::new(points).expect("in range")
}

/// Sums of a budget with this many grants of one point committed.
fn balance(committed: i64) -> BudgetBalance {
    let free = points(ALLOCATED - committed);
    BudgetBalance { allocated: points(ALLOCATED), free, committed: points(committed), spent: Points::ZERO }
}

/// Ids as they are: spread over their whole range.
fn grant(number: i64) -> GrantId {
    let number = u128::from(number.unsigned_abs()) + 1;
    GrantId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

fn committed(number: i64) -> Fact {
    let grant = GrantIntent {
        grant: grant(number),
        member: MemberId([7; 16]),
        points: points(1),
        granted_at: Timestamp(1_041),
        activates_at: None,
        expires_at: None,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "a gift".to_owned(),
        note: None,
    };
    GrantCommitted { grant, ceiling_sum: None, released: false, balance: balance(number + 1) }.into()
}

fn draft(account: &AccountId, fact: Fact) -> Draft {
    Draft {
        account: account.clone(),
        command_id: CommandId([3; 16]),
        input_kind: 42,
        input_digest: Digest([5; 16]),
        input: None,
        accepted_at: Timestamp(1_055),
        actor: Actor {
            principal: "bench".to_owned(),
            kind: ActorKind::Role,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        cursor: Cursor { topic: 1, offset: 0 },
        config_version: 0,
        facts: vec![fact],
    }
}

fn confirmed(account: &AccountId, open: i64) -> Accounts {
    let mut budget = Account::empty(&account.key);
    let at = Timestamp(1_041);
    evolve(&mut budget, &BudgetOpened { title: "bench".to_owned(), alerts: vec![] }.into(), at);
    evolve(&mut budget, &BudgetAllocated { delta: ALLOCATED, balance: balance(0) }.into(), at);
    (0..open).for_each(|number| evolve(&mut budget, &committed(number), at));
    let mut accounts = Accounts::default();
    accounts.put(account, Arc::new(budget));
    accounts
}

fn one_in_flight(c: &mut Criterion) {
    let account = AccountId::budget("bench".parse().expect("a name"), "travel".parse().expect("a name"));
    let mut group = c.benchmark_group("a_command_on_a_busy_budget");
    for open in [10, 100, 1_000, 10_000, 100_000] {
        let mut accounts = confirmed(&account, open);
        let mut overlay = Overlay::default();
        let mut seq = 0;
        let mut decide = |fact: Fact, accounts: &mut Accounts, overlay: &mut Overlay| {
            seq += 1;
            overlay.push(seq, draft(&account, fact), accounts);
            black_box(overlay.confirm(seq, accounts));
        };
        group.bench_function(BenchmarkId::from_parameter(open), |b| {
            // A grant comes and goes, so that as many are open before each.
            b.iter_batched(
                || {
                    let reason = "no such member".to_owned();
                    let goes = GrantReturned {
                        grant: grant(open),
                        points: points(1),
                        reason,
                        balance: balance(open),
                    };
                    (committed(open), goes.into())
                },
                |(comes, goes): (Fact, Fact)| {
                    decide(comes, &mut accounts, &mut overlay);
                    decide(goes, &mut accounts, &mut overlay);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(overlay, one_in_flight);
criterion_main!(overlay);
