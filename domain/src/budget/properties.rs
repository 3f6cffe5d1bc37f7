//! Whatever is wished, in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::Budget;
use super::tests::{Trial, award, gift, id};
use crate::account::AccountId;
use crate::command::{
    AllocateBudget, CloseBudget, Command, CommitGrants, OpenBudget, ResolveHeldGrant, ReturnGrant,
    SettleGrants,
};
use crate::fact::{BudgetBalance, Fact, GrantIntent};
use crate::ids::{CommandId, GrantId};
use crate::points::POINTS_MAX;
use crate::project::{Context, project};
use crate::rows::Value;
use crate::tables::{budget_grants, budgets};
use crate::time::{Day, Timestamp};

fn grant() -> impl Strategy<Value = GrantIntent> {
    let amount = prop_oneof![8 => 0i64..60, 1 => Just(POINTS_MAX)];
    (0u8..12, amount, any::<bool>(), 0i64..100, 0i32..70).prop_map(|(number, amount, owed, ceiling, day)| {
        if owed { award(number, amount, ceiling, 20_000 + day) } else { gift(number, amount) }
    })
}

fn wish() -> impl Strategy<Value = Command> {
    let number = || 0u8..12;
    prop_oneof![
        1 => prop::collection::vec(-5i32..120, 0..3)
            .prop_map(|alerts| OpenBudget { title: "Spot".to_owned(), alerts }.into()),
        3 => prop_oneof![-80i64..120, Just(i64::MIN), Just(POINTS_MAX)]
            .prop_map(|delta| AllocateBudget { delta }.into()),
        8 => (prop::collection::vec(grant(), 0..5), any::<bool>())
            .prop_map(|(grants, all_or_nothing)| CommitGrants { grants, all_or_nothing }.into()),
        4 => prop::collection::vec(number(), 0..4)
            .prop_map(|numbers| SettleGrants { grants: numbers.into_iter().map(id).collect() }.into()),
        3 => number().prop_map(|number| ReturnGrant { grant: id(number), reason: "left".to_owned() }.into()),
        4 => (number(), any::<bool>())
            .prop_map(|(number, release)| ResolveHeldGrant { grant: id(number), release }.into()),
        1 => prop::bool::weighted(0.1).prop_map(|close| match close {
            true => CloseBudget {}.into(),
            false => AllocateBudget { delta: 40 }.into(),
        }),
    ]
}

/// Keeps its own books, by the facts' amounts alone.
#[derive(Default)]
struct Books {
    allocated: i128,
    committed: BTreeMap<GrantId, i128>,
    held: BTreeMap<GrantId, i128>,
    spent: i128,
    days: BTreeMap<(String, Day), i128>,
    alerted: BTreeSet<i32>,
}

impl Books {
    fn enter(&mut self, fact: &Fact) {
        match fact {
            Fact::BudgetAllocated(allocated) => self.allocated += i128::from(allocated.delta),
            Fact::GrantCommitted(committed) => {
                let grant = &committed.grant;
                let amount = i128::from(grant.points.get());
                assert_eq!(self.held.remove(&grant.grant).is_some(), committed.released);
                assert_eq!(self.committed.insert(grant.grant, amount), None, "committed twice");
                if let (Some(campaign), Some(day)) = (&grant.campaign, grant.ceiling_day) {
                    let sum = self.days.entry((campaign.to_string(), day)).or_default();
                    *sum += amount;
                    let ceiling = grant.daily_ceiling.map(|ceiling| i128::from(ceiling.get()));
                    let within = ceiling.is_none_or(|ceiling| *sum <= ceiling);
                    assert!(within || committed.released, "above the ceiling, and nobody released it");
                }
            }
            Fact::GrantHeld(held) => {
                let amount = i128::from(held.grant.points.get());
                assert!(!self.committed.contains_key(&held.grant.grant));
                assert_eq!(self.held.insert(held.grant.grant, amount), None, "held twice");
            }
            Fact::GrantDeclined(declined) => {
                assert!(self.held.remove(&declined.grant).is_some(), "only what is held is declined");
            }
            Fact::GrantSettled(settled) => {
                let amount = self.committed.remove(&settled.grant).expect("only what is committed settles");
                assert_eq!(amount, i128::from(settled.points.get()));
                self.spent += amount;
            }
            Fact::GrantReturned(returned) => {
                let amount = self.committed.remove(&returned.grant).expect("only what is committed returns");
                assert_eq!(amount, i128::from(returned.points.get()));
            }
            Fact::BudgetAlerted(alerted) => {
                self.alerted.insert(alerted.threshold);
            }
            _ => {}
        }
    }

    fn agree(&self, balance: BudgetBalance) {
        let committed: i128 = self.committed.values().sum();
        let sums = [balance.allocated, balance.free, balance.committed, balance.spent];
        let free = self.allocated - committed - self.spent;
        let own = [self.allocated, free, committed, self.spent];
        assert_eq!(sums.map(|sum| i128::from(sum.get())), own);
        assert!(own.iter().all(|sum| *sum >= 0), "{own:?}");
    }
}

/// The rows on screen.
#[derive(Default)]
struct Rows {
    sums: BTreeMap<u8, i64>,
    held: BTreeSet<GrantId>,
    states: BTreeMap<GrantId, String>,
}

impl Rows {
    fn fold(&mut self, facts: &[Fact]) {
        let account = AccountId::budget("acme".parse().unwrap(), "spot".parse().unwrap());
        let context = Context {
            account: &account,
            command_id: CommandId([7; 16]),
            command_kind: 42,
            at: 2_000_000,
            seq: 17,
            partition: 3,
            accepted_at: Timestamp(1_000_000),
            principal: "hr",
            reason: None,
        };
        for row in project(&context, facts) {
            let grant = || match row.key.last() {
                Some(Value::Bytes(bytes)) => GrantId(bytes.as_slice().try_into().unwrap()),
                other => panic!("{other:?} is no grant"),
            };
            match row.table.name {
                "budgets" => self.sums.extend(row.cells.iter().filter_map(|(column, value)| match value {
                    Value::Int(number) => Some((*column, *number)),
                    Value::Text(_) | Value::Bytes(_) => None,
                })),
                "budget_held" if row.delete => assert!(self.held.remove(&grant()), "it was not listed"),
                "budget_held" => assert!(self.held.insert(grant()), "it is listed twice"),
                "budget_grants" => {
                    let state = row.cells.iter().find(|(column, _)| *column == budget_grants::STATE);
                    let Some((_, Value::Text(state))) = state else { panic!("no state in {row:?}") };
                    self.states.insert(grant(), state.clone());
                }
                other => assert_eq!(other, "decisions"),
            }
        }
    }

    fn agree(&self, state: &Budget) {
        let balance = state.balance();
        let sums = [
            (budgets::ALLOCATED, balance.allocated),
            (budgets::FREE, balance.free),
            (budgets::COMMITTED, balance.committed),
            (budgets::SPENT, balance.spent),
        ];
        for (column, sum) in sums {
            assert_eq!(self.sums.get(&column).copied().unwrap_or(0), sum.get());
        }
        let held: BTreeSet<GrantId> = state.held().map(|held| held.grant.grant).collect();
        assert_eq!(self.held, held);
        let in_state = |wanted: &str| -> BTreeSet<GrantId> {
            let grants = self.states.iter().filter(|(_, state)| *state == wanted);
            grants.map(|(grant, _)| *grant).collect()
        };
        assert_eq!(in_state("held"), held);
        assert_eq!(in_state("committed"), state.committed().map(|(grant, _)| grant).collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_budgets_sums_and_rows_follow_from_its_grants_whatever_is_wished(
        wishes in prop::collection::vec(wish(), 1..60)
    ) {
        let mut trial = Trial::default();
        let mut books = Books::default();
        let mut rows = Rows::default();
        let opening: Vec<Command> = vec![
            OpenBudget { title: "Spot".to_owned(), alerts: vec![30, 80] }.into(),
            AllocateBudget { delta: 150 }.into(),
        ];
        let late = wishes.len() % 3 == 0;
        let given = if late { Vec::new() } else { opening };
        for command in given.into_iter().chain(wishes) {
            let before = trial.state.clone();
            match trial.when(command) {
                Ok(facts) => {
                    prop_assert!(!facts.is_empty());
                    facts.iter().for_each(|fact| books.enter(fact));
                    rows.fold(&facts);
                }
                Err(_) => prop_assert_eq!(&before, &trial.state),
            }
            books.agree(trial.state.balance());
            prop_assert_eq!(trial.state.committed().count(), books.committed.len());
            prop_assert_eq!(trial.state.held().count(), books.held.len());
            rows.agree(&trial.state);
        }
        let bytes = postcard::to_allocvec(&trial.state).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Budget>(&bytes).unwrap(), trial.state);
    }
}
