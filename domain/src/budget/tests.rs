//! Facts, wish, facts.

use crate::budget::{Budget, CEILING_DAYS, decide, evolve};
use crate::command::{
    AllocateBudget, CloseBudget, Command, CommitGrants, OpenBudget, ResolveHeldGrant, ReturnGrant,
    SettleGrants,
};
use crate::decide::Input;
use crate::fact::{BudgetBalance, Fact, GrantIntent, HeldFor};
use crate::ids::{CommandId, GrantId, MemberId, Name};
use crate::points::{POINTS_MAX, Points};
use crate::rejection::Rejection;
use crate::time::{Day, Timestamp};

/// A budget while it is tried out.
#[derive(Default)]
pub(super) struct Trial {
    pub(super) state: Budget,
}

impl Trial {
    /// A budget with so many points, alerts at 50 and 90 per cent.
    pub(super) fn with(points: i64) -> Trial {
        let mut trial = Trial::default();
        trial.done(OpenBudget { title: "Spot awards 2026".to_owned(), alerts: vec![50, 90] });
        trial.done(AllocateBudget { delta: points });
        trial
    }

    /// Decides, and folds what was decided.
    pub(super) fn when(&mut self, command: impl Into<Command>) -> Result<Vec<Fact>, Rejection> {
        let command = command.into();
        let input = Input {
            command: &command,
            id: CommandId([7; 16]),
            accepted_at: Timestamp(1_000_000),
            local_day: None,
            principal: "hr",
            reason: None,
        };
        let name: Name = "spot".parse().unwrap();
        let facts = decide(&name, &self.state, &input)?;
        for fact in &facts {
            evolve(&mut self.state, fact, input.accepted_at);
        }
        Ok(facts)
    }

    pub(super) fn done(&mut self, command: impl Into<Command>) -> Vec<Fact> {
        self.when(command).expect("the rules agree")
    }

    pub(super) fn names(&mut self, command: impl Into<Command>) -> Vec<&'static str> {
        self.done(command).iter().map(Fact::name).collect()
    }

    fn sums(&self) -> [i64; 4] {
        let BudgetBalance { allocated, free, committed, spent } = self.state.balance();
        [allocated, free, committed, spent].map(Points::get)
    }
}

pub(super) fn points(points: i64) -> Points {
    Points::new(points).unwrap()
}

pub(super) fn id(number: u8) -> GrantId {
    GrantId([number; 16])
}

/// A person's gift.
pub(super) fn gift(number: u8, amount: i64) -> GrantIntent {
    GrantIntent {
        grant: id(number),
        member: MemberId([number.wrapping_add(100); 16]),
        points: points(amount),
        granted_at: Timestamp(900_000),
        activates_at: None,
        expires_at: None,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "thank you".to_owned(),
        note: None,
    }
}

/// What a campaign with this daily ceiling owes.
pub(super) fn award(number: u8, amount: i64, ceiling: i64, day: i32) -> GrantIntent {
    GrantIntent {
        campaign: Some("spot-2026".parse().unwrap()),
        campaign_version: 3,
        daily_ceiling: Some(points(ceiling)),
        ceiling_day: Some(Day(day)),
        ..gift(number, amount)
    }
}

pub(super) fn awards(grants: impl IntoIterator<Item = GrantIntent>) -> CommitGrants {
    CommitGrants { grants: grants.into_iter().collect(), all_or_nothing: false }
}

pub(super) fn gifts(grants: impl IntoIterator<Item = GrantIntent>) -> CommitGrants {
    CommitGrants { grants: grants.into_iter().collect(), all_or_nothing: true }
}

fn settle(numbers: &[u8]) -> SettleGrants {
    SettleGrants { grants: numbers.iter().map(|number| id(*number)).collect() }
}

fn give_back(number: u8) -> ReturnGrant {
    ReturnGrant { grant: id(number), reason: "member_terminated".to_owned() }
}

fn resolve(number: u8, release: bool) -> ResolveHeldGrant {
    ResolveHeldGrant { grant: id(number), release }
}

fn held_for(facts: &[Fact]) -> Vec<HeldFor> {
    facts
        .iter()
        .filter_map(|fact| if let Fact::GrantHeld(held) = fact { Some(held.held_for) } else { None })
        .collect()
}

#[test]
fn an_allocation_moves_what_is_allocated_and_free_and_nothing_else() {
    let mut trial = Trial::with(1_000);
    trial.done(gifts([gift(1, 300)]));
    trial.done(AllocateBudget { delta: 250 });
    assert_eq!(trial.sums(), [1_250, 950, 300, 0]);
    trial.done(AllocateBudget { delta: -950 });
    assert_eq!(trial.sums(), [300, 0, 300, 0]);
}

#[test]
fn a_withdrawal_takes_only_what_is_free() {
    let mut trial = Trial::with(1_000);
    trial.done(gifts([gift(1, 300)]));
    let refused = trial.when(AllocateBudget { delta: -701 });
    assert_eq!(refused, Err(Rejection::BudgetExhausted { free: points(700), needed: points(701) }));
    assert_eq!(trial.sums(), [1_000, 700, 300, 0]);
}

#[test]
fn a_grant_is_committed_then_settled_and_final() {
    let mut trial = Trial::with(1_000);
    assert_eq!(trial.names(awards([award(1, 300, 500, 20_000)])), ["GrantCommitted"]);
    assert_eq!(trial.sums(), [1_000, 700, 300, 0]);
    assert_eq!(trial.names(settle(&[1])), ["GrantSettled"]);
    assert_eq!(trial.sums(), [1_000, 700, 0, 300]);
    let expected = "committed";
    assert_eq!(trial.when(settle(&[1])), Err(Rejection::UnknownGrant { expected }));
    assert_eq!(trial.when(give_back(1)), Err(Rejection::UnknownGrant { expected }));
    assert_eq!(trial.sums(), [1_000, 700, 0, 300]);
}

#[test]
fn a_returned_grant_is_free_again_and_final() {
    let mut trial = Trial::with(1_000);
    trial.done(gifts([gift(1, 300)]));
    assert_eq!(trial.names(give_back(1)), ["GrantReturned"]);
    assert_eq!(trial.sums(), [1_000, 1_000, 0, 0]);
    assert_eq!(trial.when(give_back(1)).unwrap_err().code(), "unknown_grant");
    assert_eq!(trial.when(settle(&[1])).unwrap_err().code(), "unknown_grant");
}

#[test]
fn a_settlement_settles_what_is_committed_and_steps_over_the_rest() {
    let mut trial = Trial::with(1_000);
    trial.done(gifts([gift(1, 100), gift(2, 200)]));
    trial.done(settle(&[1]));
    let facts = trial.done(settle(&[1, 2, 9, 2]));
    assert_eq!(facts.len(), 1, "{facts:?}");
    assert_eq!(trial.sums(), [1_000, 700, 0, 300]);
    assert_eq!(trial.when(settle(&[])).unwrap_err().code(), "invalid");
}

#[test]
fn an_award_waits_where_the_budget_has_too_little_and_a_smaller_one_passes() {
    let mut trial = Trial::with(250);
    let facts = trial.done(awards([
        award(1, 200, 9_000, 20_000),
        award(2, 100, 9_000, 20_000),
        award(3, 50, 9_000, 20_000),
    ]));
    assert_eq!(held_for(&facts), [HeldFor::BudgetExhausted]);
    assert_eq!(trial.sums(), [250, 0, 250, 0]);
    assert_eq!(trial.state.held().count(), 1);
}

#[test]
fn an_award_waits_above_the_daily_ceiling_of_its_campaign_alone() {
    let mut trial = Trial::with(10_000);
    let facts = trial.done(awards([
        award(1, 300, 500, 20_000),
        award(2, 201, 500, 20_000),
        award(3, 200, 500, 20_000),
        award(4, 500, 500, 20_001),
    ]));
    assert_eq!(held_for(&facts), [HeldFor::DailyCeiling]);
    assert_eq!(trial.state.held().next().unwrap().grant.grant, id(2));
    let other = GrantIntent { campaign: Some("hires".parse().unwrap()), ..award(5, 500, 500, 20_000) };
    assert_eq!(trial.names(awards([other])), ["GrantCommitted"]);
    assert_eq!(trial.sums(), [10_000, 8_500, 1_500, 0]);
}

#[test]
fn a_ceiling_counts_what_a_wallet_refused_later() {
    let mut trial = Trial::with(10_000);
    trial.done(awards([award(1, 400, 500, 20_000)]));
    trial.done(give_back(1));
    let facts = trial.done(awards([award(2, 101, 500, 20_000)]));
    assert_eq!(held_for(&facts), [HeldFor::DailyCeiling]);
}

#[test]
fn a_day_that_is_no_longer_known_holds_its_awards() {
    let mut trial = Trial::with(10_000);
    let days = i32::try_from(CEILING_DAYS).unwrap();
    for day in 0..=days {
        trial.done(awards([award(u8::try_from(day).unwrap(), 1, 500, 20_000 + day)]));
    }
    let forgotten = trial.done(awards([award(200, 1, 500, 20_000)]));
    assert_eq!(held_for(&forgotten), [HeldFor::DailyCeiling]);
    let kept = trial.done(awards([award(201, 499, 500, 20_001)]));
    assert_eq!(held_for(&kept), []);
    let released = trial.done(resolve(200, true));
    let Fact::GrantCommitted(committed) = &released[0] else { panic!("{released:?}") };
    assert_eq!((committed.ceiling_sum, committed.released), (None, true));
}

#[test]
fn an_award_waits_on_a_budget_that_was_never_opened_and_after_its_opening_until_released() {
    let mut trial = Trial::default();
    let facts = trial.done(awards([award(1, 100, 500, 20_000)]));
    assert_eq!(held_for(&facts), [HeldFor::BudgetClosed]);
    assert_eq!(trial.when(resolve(1, true)), Err(Rejection::UnknownBudget));
    trial.done(OpenBudget { title: "Late".to_owned(), alerts: vec![] });
    assert_eq!(trial.when(resolve(1, true)).unwrap_err().code(), "budget_exhausted");
    trial.done(AllocateBudget { delta: 100 });
    assert_eq!(trial.state.held().count(), 1, "neither opening nor allocation releases");
    assert_eq!(trial.names(resolve(1, true)), ["GrantCommitted"]);
    assert_eq!(trial.sums(), [100, 0, 100, 0]);
}

#[test]
fn a_gift_is_rejected_whole_where_one_of_its_grants_does_not_fit() {
    let mut trial = Trial::with(250);
    let refused = trial.when(gifts([gift(1, 200), gift(2, 51)]));
    assert_eq!(refused, Err(Rejection::BudgetExhausted { free: points(250), needed: points(251) }));
    let over = gifts([award(1, 60, 100, 20_000), award(2, 41, 100, 20_000)]);
    let refused = trial.when(over);
    assert_eq!(refused, Err(Rejection::CeilingReached { ceiling: points(100), needed: points(101) }));
    let huge = gifts([gift(1, POINTS_MAX), gift(2, 1)]);
    assert_eq!(trial.when(huge), Err(Rejection::TooManyPoints));
    assert_eq!(trial.sums(), [250, 250, 0, 0]);
    assert_eq!(Trial::default().when(gifts([gift(1, 1)])), Err(Rejection::UnknownBudget));
}

#[test]
fn a_release_goes_beyond_the_ceiling_but_never_beyond_the_budget() {
    let mut trial = Trial::with(1_000);
    trial.done(awards([award(1, 500, 500, 20_000), award(2, 400, 500, 20_000), award(3, 101, 500, 20_000)]));
    let facts = trial.done(resolve(2, true));
    let Fact::GrantCommitted(committed) = &facts[0] else { panic!("{facts:?}") };
    assert_eq!((committed.ceiling_sum, committed.released), (Some(points(900)), true));
    let refused = trial.when(resolve(3, true));
    assert_eq!(refused, Err(Rejection::BudgetExhausted { free: points(100), needed: points(101) }));
    assert_eq!(trial.sums(), [1_000, 100, 900, 0]);
}

#[test]
fn a_declined_grant_is_gone_for_good() {
    let mut trial = Trial::with(10);
    trial.done(awards([award(1, 400, 500, 20_000)]));
    let facts = trial.done(resolve(1, false));
    let [Fact::GrantDeclined(declined)] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!((declined.grant, declined.member), (id(1), MemberId([101; 16])));
    assert_eq!(declined.points, points(400));
    for release in [true, false] {
        let refused = trial.when(resolve(1, release));
        assert_eq!(refused, Err(Rejection::UnknownGrant { expected: "held" }));
    }
    assert_eq!(trial.sums(), [10, 10, 0, 0]);
}

#[test]
fn a_grant_that_is_committed_or_held_here_is_not_committed_again() {
    let mut trial = Trial::with(500);
    trial.done(awards([award(1, 300, 9_000, 20_000), award(2, 300, 9_000, 20_000)]));
    for number in [1, 2] {
        let refused = Err(Rejection::UnknownGrant { expected: "new" });
        assert_eq!(trial.when(awards([award(number, 10, 9_000, 20_000)])), refused);
        assert_eq!(trial.when(gifts([gift(number, 10), gift(9, 10)])), refused);
    }
    assert_eq!(trial.names(awards([award(1, 10, 9_000, 20_000), award(3, 10, 9_000, 20_000)])).len(), 1);
    assert_eq!(trial.sums(), [500, 190, 310, 0]);
}

#[test]
fn a_closed_budget_settles_takes_back_declines_and_gives_up_what_is_free() {
    let mut trial = Trial::with(1_000);
    trial.done(gifts([gift(1, 100), gift(2, 200)]));
    trial.done(awards([award(3, 900, 9_000, 20_000), award(4, 950, 9_000, 20_000)]));
    assert_eq!(trial.names(CloseBudget {}), ["BudgetClosed"]);
    assert_eq!(trial.when(CloseBudget {}), Err(Rejection::BudgetClosed));
    assert_eq!(trial.when(gifts([gift(5, 1)])), Err(Rejection::BudgetClosed));
    assert_eq!(trial.when(AllocateBudget { delta: 1 }), Err(Rejection::BudgetClosed));
    assert_eq!(trial.when(resolve(3, true)), Err(Rejection::BudgetClosed));
    let late = trial.done(awards([award(6, 1, 9_000, 20_000)]));
    assert_eq!(held_for(&late), [HeldFor::BudgetClosed]);
    trial.done(settle(&[1]));
    trial.done(give_back(2));
    trial.done(resolve(3, false));
    trial.done(AllocateBudget { delta: -900 });
    assert_eq!(trial.sums(), [100, 0, 0, 100]);
    assert_eq!(Trial::default().when(CloseBudget {}), Err(Rejection::UnknownBudget));
}

#[test]
fn an_alert_is_recorded_once_until_an_allocation_brings_the_use_below_it() {
    let mut trial = Trial::with(1_000);
    assert_eq!(trial.names(gifts([gift(1, 499)])), ["GrantCommitted"]);
    assert_eq!(trial.names(gifts([gift(2, 1)])), ["GrantCommitted", "BudgetAlerted"]);
    trial.done(give_back(2));
    assert_eq!(trial.names(gifts([gift(3, 1)])), ["GrantCommitted"], "a return re-arms nothing");
    assert_eq!(trial.names(AllocateBudget { delta: 1_000 }), ["BudgetAllocated"]);
    let facts = trial.done(gifts([gift(4, 1_400)]));
    let thresholds: Vec<i32> = facts
        .iter()
        .filter_map(|fact| if let Fact::BudgetAlerted(alert) = fact { Some(alert.threshold) } else { None })
        .collect();
    assert_eq!(thresholds, [50, 90]);
}

#[test]
fn a_withdrawal_that_brings_the_use_to_a_threshold_alerts() {
    let mut trial = Trial::with(1_000);
    trial.done(gifts([gift(1, 400)]));
    assert_eq!(trial.names(AllocateBudget { delta: -200 }), ["BudgetAllocated", "BudgetAlerted"]);
}

#[test]
fn a_gift_without_a_time_is_granted_when_the_log_takes_it() {
    let mut trial = Trial::with(1_000);
    let (timeless, timed) = (gift(1, 30), GrantIntent { granted_at: Timestamp(77), ..gift(2, 40) });
    let facts = trial.done(gifts([GrantIntent { granted_at: Timestamp(0), ..timeless }, timed]));
    let granted_at = facts.iter().filter_map(|fact| match fact {
        Fact::GrantCommitted(committed) => Some(committed.grant.granted_at.0),
        _ => None,
    });
    assert_eq!(granted_at.collect::<Vec<_>>(), [1_000_000, 77]);
}
