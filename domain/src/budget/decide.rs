//! What follows from an input to a budget.

use std::collections::BTreeSet;

use super::block::Block;
use super::{ALERTS_MAX, BLOCK_MAX, Budget, Phase};
use crate::command::{AllocateBudget, Command, CommitGrants, OpenBudget, ResolveHeldGrant, SettleGrants};
use crate::config::is_title;
use crate::decide::Input;
use crate::fact::{
    BudgetAllocated, BudgetClosed, BudgetOpened, Fact, GrantDeclined, GrantIntent, GrantReturned,
    GrantSettled,
};
use crate::ids::{GrantId, Name};
use crate::points::{POINTS_MAX, Points};
use crate::rejection::Rejection;
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// What follows from an input to a budget.
pub fn decide(_name: &Name, state: &Budget, input: &Input<'_>) -> Result<Vec<Fact>, Rejection> {
    match input.command {
        Command::OpenBudget(open) => decide_open(state, open),
        Command::AllocateBudget(allocate) => decide_allocation(state, allocate),
        Command::CommitGrants(commit) => decide_commitment(state, commit, input.accepted_at),
        Command::SettleGrants(settle) => decide_settlement(state, settle),
        Command::ReturnGrant(back) => decide_return(state, back.grant, &back.reason),
        Command::ResolveHeldGrant(resolve) => decide_held(state, resolve),
        Command::CloseBudget(_) => decide_close(state),
        Command::ReportMilestone(_)
        | Command::RetractMilestone(_)
        | Command::ReportWorker(_)
        | Command::ConsiderMilestone(_)
        | Command::CreditGrant(_)
        | Command::DropGrant(_)
        | Command::ReverseGrant(_)
        | Command::DeductPoints(_)
        | Command::ApplyDue(_)
        | Command::RequestRedemption(_)
        | Command::CancelRedemption(_)
        | Command::StartFulfilment(_)
        | Command::RecordFulfilment(_)
        | Command::RevealVoucher(_)
        | Command::CreateTenant(_)
        | Command::DraftVersion(_)
        | Command::SubmitVersion(_)
        | Command::PublishVersion(_)
        | Command::WithdrawVersion(_)
        | Command::IssueKey(_)
        | Command::RevokeKey(_)
        | Command::AdoptConfiguration(_) => {
            Err(Rejection::Invalid { detail: "this command is not for a budget", pointer: None })
        }
    }
}

fn decide_open(state: &Budget, open: &OpenBudget) -> Result<Vec<Fact>, Rejection> {
    if state.phase != Phase::NeverOpened {
        return Err(Rejection::BudgetExists);
    }
    if !is_title(&open.title) {
        let detail = "a title has 1 to 200 characters without control characters";
        return Err(Rejection::Invalid { detail, pointer: Some("/title") });
    }
    let rising = open.alerts.windows(2).all(|pair| pair[0] < pair[1]);
    let in_range = open.alerts.iter().all(|threshold| (1..=100).contains(threshold));
    if !rising || !in_range || open.alerts.len() > ALERTS_MAX {
        let detail = "alerts are at most 10 percentages from 1 to 100, rising";
        return Err(Rejection::Invalid { detail, pointer: Some("/alerts") });
    }
    Ok(vec![BudgetOpened { title: open.title.clone(), alerts: open.alerts.clone() }.into()])
}

/// Points go in, or free ones go out. A closed budget takes none in, but gives up what is free.
fn decide_allocation(state: &Budget, allocate: &AllocateBudget) -> Result<Vec<Fact>, Rejection> {
    let delta = allocate.delta;
    if delta == 0 || !(-POINTS_MAX..=POINTS_MAX).contains(&delta) {
        let detail = "from -9007199254740991 to 9007199254740991, and not 0";
        return Err(Rejection::Invalid { detail, pointer: Some("/delta") });
    }
    match state.phase {
        Phase::NeverOpened => return Err(Rejection::UnknownBudget),
        Phase::Closed if delta > 0 => return Err(Rejection::BudgetClosed),
        Phase::Open | Phase::Closed => {}
    }
    let mut block = Block::new(state);
    let free = block.balance.free;
    let exhausted = |_| Rejection::BudgetExhausted {
        free,
        needed: Points::new(delta.saturating_abs()).unwrap_or(Points::ZERO),
    };
    block.balance.allocated =
        Points::new(block.balance.allocated.get() + delta).map_err(|_| match delta > 0 {
            true => Rejection::TooManyPoints,
            false => exhausted(()),
        })?;
    block.balance.free = Points::new(free.get() + delta).map_err(|_| exhausted(()))?;
    block.facts.push(BudgetAllocated { delta, balance: block.balance }.into());
    block.alert();
    Ok(block.facts)
}

fn decide_commitment(
    state: &Budget,
    commit: &CommitGrants,
    accepted_at: Timestamp,
) -> Result<Vec<Fact>, Rejection> {
    check_block(commit, accepted_at)?;
    let new = |grant: &&GrantIntent| {
        !state.committed.contains_key(&grant.grant) && !state.held.contains_key(&grant.grant)
    };
    let grants: Vec<&GrantIntent> = commit.grants.iter().filter(new).collect();
    let whole = grants.len() == commit.grants.len();
    if grants.is_empty() || (commit.all_or_nothing && !whole) {
        return Err(Rejection::UnknownGrant { expected: "new" });
    }
    if !commit.all_or_nothing {
        let mut block = Block::new(state);
        for grant in grants {
            block.commit_or_hold(grant)?;
        }
        return Ok(block.facts);
    }
    match state.phase {
        Phase::NeverOpened => return Err(Rejection::UnknownBudget),
        Phase::Closed => return Err(Rejection::BudgetClosed),
        Phase::Open => {}
    }
    let mut needed = Points::ZERO;
    for grant in &grants {
        needed = needed.plus(grant.points).ok_or(Rejection::TooManyPoints)?;
    }
    let free = state.balance.free;
    if needed > free {
        return Err(Rejection::BudgetExhausted { free, needed });
    }
    let gifts: Vec<GrantIntent> = grants.into_iter().map(|grant| stamped(grant, accepted_at)).collect();
    let mut block = Block::new(state);
    for grant in &gifts {
        match block.exceeds_ceiling(grant) {
            Some(rejection) => return Err(rejection),
            None => block.commit(grant)?,
        }
    }
    Ok(block.facts)
}

/// A gift without a time is granted when the log takes it: its sender's clock would make every repeat another body.
fn stamped(gift: &GrantIntent, accepted_at: Timestamp) -> GrantIntent {
    let granted_at = if gift.granted_at == Timestamp(0) { accepted_at } else { gift.granted_at };
    GrantIntent { granted_at, ..gift.clone() }
}

/// Whether it is a sealed value of the size that people's words have; whoever projects it relies on the first two.
fn is_note(note: &Sealed) -> bool {
    note.key_ref.len() <= 255 && note.nonce.len() <= 255 && note.bytes.len() <= 1024
}

/// What every grant of a block has to be. Awards are made by the member's rules; gifts come from outside.
fn check_block(commit: &CommitGrants, accepted_at: Timestamp) -> Result<(), Rejection> {
    let invalid = |detail| Err(Rejection::Invalid { detail, pointer: Some("/grants") });
    if !(1..=BLOCK_MAX).contains(&commit.grants.len()) {
        return invalid("1 to 1000 grants");
    }
    let mut seen = BTreeSet::new();
    for grant in &commit.grants {
        if !seen.insert(grant.grant) {
            return invalid("a grant stands in the block twice");
        }
        if grant.points.is_zero() {
            return invalid("a grant has more than 0 points");
        }
        if grant.label.len() > 512 || grant.label.contains(char::is_control) {
            return invalid("a grant's label has at most 512 bytes and no control characters");
        }
        if grant.note.as_ref().is_some_and(|note| !is_note(note)) {
            return invalid("a grant's note is a sealed value of at most 1024 bytes");
        }
        let spendable = grant.activates_at.map_or(grant.granted_at, |at| at.max(grant.granted_at));
        if grant.expires_at.is_some_and(|expires_at| expires_at <= spendable) {
            return invalid("a grant expires later than it becomes spendable");
        }
        if commit.all_or_nothing && grant.expires_at.is_some_and(|expires_at| expires_at <= accepted_at) {
            return invalid("a grant has to expire in the future");
        }
        if grant.daily_ceiling.is_some() && (grant.campaign.is_none() || grant.ceiling_day.is_none()) {
            return invalid("a ceiling needs the campaign and the day that it counts on");
        }
    }
    Ok(())
}

/// Settles those of the block that are committed here; settled ones are final and no longer known.
fn decide_settlement(state: &Budget, settle: &SettleGrants) -> Result<Vec<Fact>, Rejection> {
    if !(1..=BLOCK_MAX).contains(&settle.grants.len()) {
        return Err(Rejection::Invalid { detail: "1 to 1000 grants", pointer: Some("/grants") });
    }
    let mut balance = state.balance;
    let mut seen = BTreeSet::new();
    let mut facts = Vec::with_capacity(settle.grants.len());
    for &grant in &settle.grants {
        let Some(&points) = state.committed.get(&grant).filter(|_| seen.insert(grant)) else {
            continue;
        };
        balance.committed = balance.committed.minus(points).ok_or(Rejection::TooManyPoints)?;
        balance.spent = balance.spent.plus(points).ok_or(Rejection::TooManyPoints)?;
        facts.push(GrantSettled { grant, points, balance }.into());
    }
    if facts.is_empty() {
        return Err(Rejection::UnknownGrant { expected: "committed" });
    }
    Ok(facts)
}

fn decide_return(state: &Budget, grant: GrantId, reason: &str) -> Result<Vec<Fact>, Rejection> {
    let Some(&points) = state.committed.get(&grant) else {
        return Err(Rejection::UnknownGrant { expected: "committed" });
    };
    let mut balance = state.balance;
    balance.committed = balance.committed.minus(points).ok_or(Rejection::TooManyPoints)?;
    balance.free = balance.free.plus(points).ok_or(Rejection::TooManyPoints)?;
    Ok(vec![GrantReturned { grant, points, reason: reason.to_owned(), balance }.into()])
}

fn decide_held(state: &Budget, resolve: &ResolveHeldGrant) -> Result<Vec<Fact>, Rejection> {
    let Some(held) = state.held.get(&resolve.grant) else {
        return Err(Rejection::UnknownGrant { expected: "held" });
    };
    if !resolve.release {
        let (grant, member, points) = (resolve.grant, held.grant.member, held.grant.points);
        return Ok(vec![GrantDeclined { grant, member, points }.into()]);
    }
    match state.phase {
        Phase::NeverOpened => return Err(Rejection::UnknownBudget),
        Phase::Closed => return Err(Rejection::BudgetClosed),
        Phase::Open => {}
    }
    let mut block = Block::new(state);
    block.commit(&held.grant)?;
    Ok(block.facts)
}

fn decide_close(state: &Budget) -> Result<Vec<Fact>, Rejection> {
    match state.phase {
        Phase::NeverOpened => Err(Rejection::UnknownBudget),
        Phase::Closed => Err(Rejection::BudgetClosed),
        Phase::Open => Ok(vec![BudgetClosed { balance: state.balance }.into()]),
    }
}
