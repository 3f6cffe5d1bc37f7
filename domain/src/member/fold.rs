//! What a fact changes in a member.

use crate::fact::{Balance, Fact, GrantReversed, LotState, RedemptionClosed, RedemptionEnd};
use crate::points::Points;
use crate::time::Timestamp;

use super::Member;
use super::milestone::{self, AwardState};
use super::redemption;
use super::wallet::{Change, Lot, less, more};
use super::worker;

/// What a fact changes in a member. `at` is the `accepted_at` of its decision.
///
/// # Panics
/// When the fact's own numbers contradict the state: a broken invariant stops the partition.
pub fn evolve(state: &mut Member, fact: &Fact, at: Timestamp) {
    match fact {
        Fact::WorkerRecorded(fact) => worker::recorded(state, fact, at),
        Fact::MilestoneRecorded(fact) => milestone::recorded(state, fact),
        Fact::MilestoneRetracted(fact) => milestone::retracted(state, fact),
        Fact::MilestoneConsidered(fact) => milestone::considered(state, fact, at),
        Fact::AwardOwed(fact) => milestone::owed(state, fact),
        Fact::AwardDropped(fact) => milestone::settle_award(state, fact.grant, AwardState::Dropped),
        Fact::GrantCredited(fact) => {
            state.wallet.credit(fact);
            milestone::settle_award(state, fact.grant.grant, AwardState::Credited);
            balanced(state, &fact.balance);
        }
        Fact::GrantRefused(fact) => {
            milestone::settle_award(state, fact.grant, AwardState::Dropped);
            state.past_mut().refused.push(fact.grant);
        }
        Fact::LotVested(fact) => moved(state, &[fact.lot], vest, &fact.balance),
        Fact::LotExpired(fact) => moved(state, &[fact.lot], expire, &fact.balance),
        Fact::GrantReversed(fact) => {
            reversed(state, fact);
            balanced(state, &fact.balance);
        }
        Fact::PointsDeducted(fact) => moved(state, &fact.lots, take, &fact.balance),
        Fact::RedemptionRequested(fact) => {
            state.open_mut().push(redemption::Redemption::of(fact));
            moved(state, &fact.lots, hold, &fact.balance);
        }
        Fact::RedemptionApproved(fact) => redemption::open_of(state, fact.redemption).approved = true,
        Fact::FulfilmentStarted(fact) => {
            redemption::open_of(state, fact.redemption).started(fact.line, fact.attempt);
        }
        Fact::LineFulfilled(fact) => {
            let voucher = fact.voucher.is_some();
            redemption::open_of(state, fact.redemption).fulfilled(fact.line, voucher, &fact.lots);
            moved(state, &fact.lots, capture, &fact.balance);
        }
        Fact::LineFailed(fact) => {
            redemption::open_of(state, fact.redemption).failed(fact.line, &fact.lots);
            moved(state, &fact.lots, give_back, &fact.balance);
        }
        Fact::LineUnanswered(fact) => {
            redemption::open_of(state, fact.redemption).unanswered(fact.line, fact.attempt);
        }
        Fact::RedemptionClosed(fact) => closed(state, fact),
        Fact::VoucherRevealed(_)
        | Fact::CommandRejected(_)
        | Fact::CommandRepeated(_)
        | Fact::InputSetAside(_)
        | Fact::BudgetOpened(_)
        | Fact::BudgetAllocated(_)
        | Fact::GrantCommitted(_)
        | Fact::GrantHeld(_)
        | Fact::GrantDeclined(_)
        | Fact::GrantSettled(_)
        | Fact::GrantReturned(_)
        | Fact::BudgetAlerted(_)
        | Fact::BudgetClosed(_)
        | Fact::TenantCreated(_)
        | Fact::VersionDrafted(_)
        | Fact::VersionSubmitted(_)
        | Fact::VersionPublished(_)
        | Fact::VersionWithdrawn(_)
        | Fact::KeyIssued(_)
        | Fact::KeyRevoked(_)
        | Fact::ConfigurationAdopted(_) => {}
    }
}

/// Moves points within lots and sums, and checks both halves of the pair.
fn moved(state: &mut Member, lots: &[LotState], change: Change, said: &Balance) {
    state.wallet.fold(lots, change);
    balanced(state, said);
}

/// The second half of the pair: the sums that the lots led to are those that the fact carries.
fn balanced(state: &mut Member, said: &Balance) {
    assert_eq!(state.wallet.balance, *said, "a wallet's sums are as its fact says");
    let gone = state.wallet.retire();
    if !gone.is_empty() {
        state.past_mut().gone.extend(gone);
    }
}

fn vest(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    assert!(!lot.vested && moved == lot.free, "a lot vests once, and whole");
    lot.vested = true;
    sums.pending = less(sums.pending, moved);
    sums.available = more(sums.available, moved);
}

fn expire(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    lot.free = less(lot.free, moved);
    sums.available = less(sums.available, moved);
    sums.expired = more(sums.expired, moved);
}

fn take(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    lot.free = less(lot.free, moved);
    let sum = if lot.vested { &mut sums.available } else { &mut sums.pending };
    *sum = less(*sum, moved);
    sums.taken = more(sums.taken, moved);
}

fn hold(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    assert!(lot.vested, "only what has vested is held");
    lot.free = less(lot.free, moved);
    lot.held = more(lot.held, moved);
    sums.available = less(sums.available, moved);
    sums.reserved = more(sums.reserved, moved);
}

fn capture(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    lot.held = less(lot.held, moved);
    lot.spent = more(lot.spent, moved);
    sums.reserved = less(sums.reserved, moved);
    sums.spent = more(sums.spent, moved);
}

fn give_back(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    lot.held = less(lot.held, moved);
    lot.free = more(lot.free, moved);
    sums.reserved = less(sums.reserved, moved);
    sums.available = more(sums.available, moved);
}

/// The first reversal of a lot records what it misses; a later one takes what came back, and misses less.
fn take_reversed(lot: &mut Lot, sums: &mut Balance, moved: Points) {
    take(lot, sums, moved);
    sums.shortfall = if lot.reversed {
        less(sums.shortfall, moved)
    } else {
        more(sums.shortfall, more(lot.held, lot.spent))
    };
    lot.reversed = true;
}

fn reversed(state: &mut Member, fact: &GrantReversed) {
    if let Some(lot) = fact.lot {
        state.wallet.fold(&[lot], take_reversed);
        let lot = state.wallet.lot(lot.lot);
        assert_eq!(lot.grant, fact.grant, "a reversal takes from its grant's own lot");
        assert_eq!(more(lot.held, lot.spent), fact.shortfall, "a reversal misses what is held or spent");
        return;
    }
    let gone = state.past_mut().gone.iter_mut().find(|gone| gone.grant == fact.grant);
    let gone = gone.expect("a reversed grant was credited");
    assert!(!gone.reversed && gone.spent == fact.shortfall, "a used-up lot is reversed once, and misses all");
    gone.reversed = true;
    state.wallet.balance.shortfall = more(state.wallet.balance.shortfall, fact.shortfall);
}

fn closed(state: &mut Member, fact: &RedemptionClosed) {
    let open = redemption::open_of(state, fact.redemption);
    if fact.end == RedemptionEnd::Cancelled {
        open.cancelled(&fact.lots);
        state.wallet.fold(&fact.lots, give_back);
    }
    redemption::close(state, fact);
    balanced(state, &fact.balance);
}
