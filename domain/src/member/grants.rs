//! Grants that come into the wallet, and points that are taken out of it again.

use crate::command::{CreditGrant, DeductPoints, DropGrant, ReverseGrant};
use crate::fact::{
    AwardDropped, GrantCredited, GrantIntent, GrantRefused, GrantReversed, LotState, PointsDeducted,
};
use crate::ids::GrantId;
use crate::rejection::Rejection;

use super::draft::Draft;
use super::wallet::{less, more};
use super::{LOTS_MAX, Member, milestone};

/// Credits a grant, or refuses it for good: the budget that committed it always gets a definite answer.
pub(super) fn credit(draft: &mut Draft<'_>, body: &CreditGrant) -> Result<(), Rejection> {
    let grant = &body.grant;
    if is_settled(&draft.member, grant.grant) {
        return Err(Rejection::UnknownGrant { expected: "still to be credited" });
    }
    draft.apply_due();
    if let Some(reason) = refusal(draft, grant) {
        draft.push(GrantRefused {
            budget: body.budget.clone(),
            grant: grant.grant,
            points: grant.points,
            reason: reason.to_owned(),
        });
        return Ok(());
    }
    let vested = grant.activates_at.is_none_or(|activates_at| activates_at <= draft.at());
    let mut balance = draft.member.wallet.balance;
    let sum = if vested { &mut balance.available } else { &mut balance.pending };
    *sum = more(*sum, grant.points);
    draft.push(GrantCredited {
        budget: body.budget.clone(),
        grant: grant.clone(),
        lot: draft.member.wallet.lots_ever + 1,
        vested,
        balance,
    });
    // It may have been on its way for longer than it lasts.
    draft.apply_due();
    Ok(())
}

/// Whether this wallet has already answered for a grant.
fn is_settled(member: &Member, grant: GrantId) -> bool {
    member.wallet.lots.iter().any(|lot| lot.grant == grant)
        || member.past().gone.iter().any(|gone| gone.grant == grant)
        || member.past().refused.contains(&grant)
}

fn refusal(draft: &Draft<'_>, grant: &GrantIntent) -> Option<&'static str> {
    let wallet = &draft.member.wallet;
    if grant.member != draft.id {
        return Some("another_member");
    }
    if grant.points.is_zero() {
        return Some("no_points");
    }
    if draft.member.has_left() {
        return Some("member_terminated");
    }
    if let Some(reason) = milestone::refusal(&draft.member, grant.grant) {
        return Some(reason);
    }
    if !wallet.has_room_for(grant.points) {
        return Some("too_many_points");
    }
    (wallet.lots.len() >= LOTS_MAX || wallet.lots_ever == u32::MAX).then_some("too_many_lots")
}

/// The budget declined what a campaign owes.
pub(super) fn drop_award(draft: &mut Draft<'_>, body: &DropGrant) -> Result<(), Rejection> {
    if !milestone::is_owed(&draft.member, body.grant) {
        return Err(Rejection::UnknownGrant { expected: "owed" });
    }
    draft.push(AwardDropped { grant: body.grant, reason: body.reason.clone() });
    Ok(())
}

/// Takes back what is left of a grant, once.
pub(super) fn reverse(draft: &mut Draft<'_>, body: &ReverseGrant) -> Result<(), Rejection> {
    draft.apply_due();
    if reverse_credited(draft, body.grant) {
        Ok(())
    } else {
        Err(Rejection::UnknownGrant { expected: "credited and not yet taken back" })
    }
}

/// Takes back what is left of a credited grant; false: it is not here, or was taken back before.
pub(super) fn reverse_credited(draft: &mut Draft<'_>, grant: GrantId) -> bool {
    let wallet = &draft.member.wallet;
    if let Some(lot) = wallet.lots.iter().find(|lot| lot.grant == grant) {
        let number = lot.number;
        if lot.reversed {
            return false;
        }
        draft.reverse_lot(number);
        return true;
    }
    let gone = draft.member.past().gone.iter().find(|gone| gone.grant == grant);
    let Some(shortfall) = gone.filter(|gone| !gone.reversed).map(|gone| gone.spent) else { return false };
    let mut balance = wallet.balance;
    balance.shortfall = more(balance.shortfall, shortfall);
    draft.push(GrantReversed { grant, lot: None, pending: false, shortfall, balance });
    true
}

/// Takes spendable points, in spending order.
pub(super) fn deduct(draft: &mut Draft<'_>, body: &DeductPoints) -> Result<(), Rejection> {
    if draft.input.reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Rejection::ReasonRequired);
    }
    if body.points.is_zero() {
        return Err(Rejection::Invalid { detail: "points must be more than zero", pointer: Some("/points") });
    }
    if !draft.member.is_known() {
        return Err(Rejection::UnknownMember);
    }
    draft.apply_due();
    let wallet = &draft.member.wallet;
    let mut balance = wallet.balance;
    if balance.available < body.points {
        return Err(Rejection::InsufficientPoints { available: balance.available, needed: body.points });
    }
    let lots = (wallet.spendable(body.points).into_iter())
        .map(|(lot, part)| LotState { free: less(lot.free, part), ..lot.state(|_| part) })
        .collect();
    balance.available = less(balance.available, body.points);
    balance.taken = more(balance.taken, body.points);
    draft.push(PointsDeducted { points: body.points, lots, balance });
    Ok(())
}
