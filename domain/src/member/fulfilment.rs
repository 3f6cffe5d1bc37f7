//! Lines of vendors: started before the vendor is called, then fulfilled, failed, or asked again with the same key.

use crate::command::{RecordFulfilment, RevealVoucher, StartFulfilment, VendorOutcome};
use crate::fact::{
    Delivery, FulfilmentStarted, LineFailed, LineFulfilled, LineUnanswered, RedemptionClosed, RedemptionEnd,
    VoucherRevealed,
};
use crate::ids::RedemptionId;
use crate::rejection::Rejection;

use super::draft::Draft;
use super::redemption::{self, Line, LineState, Redemption, find_open};
use super::wallet::{less, more};

const NO_LINE: Rejection =
    Rejection::Invalid { detail: "the redemption has no such line of a vendor", pointer: Some("/line") };
const NO_VOUCHER: Rejection =
    Rejection::Invalid { detail: "the line has no voucher", pointer: Some("/line") };

fn vendor_line(open: &Redemption, line: u32) -> Result<&Line, Rejection> {
    open.line(line).filter(|line| line.delivery == Delivery::Vendor).ok_or(NO_LINE)
}

/// Records that the vendor is about to be called. Attempts are numbered from 1, and the next one begins only when
/// the one before it was recorded as unanswered.
pub(super) fn start(draft: &mut Draft<'_>, body: &StartFulfilment) -> Result<(), Rejection> {
    let open = find_open(&draft.member, body.redemption)?;
    let state = vendor_line(open, body.line)?.state;
    let next = match state {
        LineState::Waiting => Some(1),
        LineState::Unanswered { attempt } => attempt.checked_add(1),
        LineState::Started { .. } | LineState::Fulfilled { .. } | LineState::Failed => None,
    };
    if !open.approved || next.is_none() {
        return Err(Rejection::RedemptionState { state: open.state() });
    }
    if next != Some(body.attempt) {
        return Err(Rejection::Invalid {
            detail: "this is not the line's next attempt",
            pointer: Some("/attempt"),
        });
    }
    let StartFulfilment { redemption, line, attempt } = *body;
    draft.push(FulfilmentStarted { redemption, line, attempt });
    Ok(())
}

/// Records what the vendor answered. All attempts are one order, since they carry one key: that it was delivered is
/// true whichever attempt the answer belongs to; that it was not, only of the latest.
pub(super) fn record(draft: &mut Draft<'_>, body: &RecordFulfilment) -> Result<(), Rejection> {
    let open = find_open(&draft.member, body.redemption)?;
    let line = vendor_line(open, body.line)?;
    let (latest, unanswered) = match line.state {
        LineState::Waiting => (0, false),
        LineState::Started { attempt } => (attempt, false),
        LineState::Unanswered { attempt } => (attempt, true),
        LineState::Fulfilled { .. } | LineState::Failed => {
            return Err(Rejection::RedemptionState { state: open.state() });
        }
    };
    // A person settles the line, whatever attempt it has come to: the same words stay the same input.
    let attempt = if body.attempt == 0 { latest } else { body.attempt };
    if !(1..=latest).contains(&attempt) {
        return Err(Rejection::Invalid {
            detail: "this attempt was never started",
            pointer: Some("/attempt"),
        });
    }
    let outdated = attempt < latest;
    match body.outcome {
        VendorOutcome::Fulfilled => {
            draft.apply_due();
            let (voucher, reference) = (body.voucher.clone(), body.reference.clone());
            capture(draft, body.redemption, body.line, voucher, reference);
            close_if_over(draft, body.redemption);
        }
        VendorOutcome::Failed if !outdated => fail(draft, body)?,
        VendorOutcome::Unknown if !outdated && !unanswered => {
            let RecordFulfilment { redemption, line, .. } = *body;
            draft.push(LineUnanswered { redemption, line, attempt });
        }
        VendorOutcome::Failed | VendorOutcome::Unknown => {
            return Err(Rejection::RedemptionState { state: open.state() });
        }
    }
    Ok(())
}

fn fail(draft: &mut Draft<'_>, body: &RecordFulfilment) -> Result<(), Rejection> {
    draft.apply_due();
    let open = find_open(&draft.member, body.redemption)?;
    let points = vendor_line(open, body.line)?.points;
    let lots = open.to_give_back(&draft.member.wallet, points);
    let mut balance = draft.member.wallet.balance;
    balance.reserved = less(balance.reserved, points);
    balance.available = more(balance.available, points);
    draft.push(LineFailed {
        redemption: body.redemption,
        line: body.line,
        points,
        lots: lots.clone(),
        reason: body.reason.clone().unwrap_or_default(),
        balance,
    });
    draft.settle_returned(&lots);
    close_if_over(draft, body.redemption);
    Ok(())
}

/// Records that somebody sees a voucher.
pub(super) fn reveal(draft: &mut Draft<'_>, body: &RevealVoucher) -> Result<(), Rejection> {
    let has_voucher = match redemption::find_closed(&draft.member, body.redemption) {
        Some(closed) => closed.vouchers.checked_shr(body.line).is_some_and(|bits| bits & 1 == 1),
        None => {
            let open = find_open(&draft.member, body.redemption)?;
            match open.line(body.line).ok_or(NO_LINE)?.state {
                LineState::Fulfilled { voucher } => voucher,
                LineState::Waiting
                | LineState::Started { .. }
                | LineState::Unanswered { .. }
                | LineState::Failed => return Err(Rejection::RedemptionState { state: open.state() }),
            }
        }
    };
    if !has_voucher {
        return Err(NO_VOUCHER);
    }
    draft.push(VoucherRevealed { redemption: body.redemption, line: body.line });
    Ok(())
}

/// Captures a line.
pub(super) fn capture(
    draft: &mut Draft<'_>,
    redemption: RedemptionId,
    line: u32,
    voucher: Option<crate::Sealed>,
    reference: Option<String>,
) {
    let open = find_open(&draft.member, redemption).expect("only lines of open redemptions are captured");
    let points = open.line(line).expect("only lines that exist are captured").points;
    let lots = open.to_capture(&draft.member.wallet, points);
    let mut balance = draft.member.wallet.balance;
    balance.reserved = less(balance.reserved, points);
    balance.spent = more(balance.spent, points);
    draft.push(LineFulfilled { redemption, line, points, lots, voucher, reference, balance });
}

/// Closes a redemption whose lines have all ended.
pub(super) fn close_if_over(draft: &mut Draft<'_>, redemption: RedemptionId) {
    let open = find_open(&draft.member, redemption).expect("a redemption closes once");
    if open.lines.iter().any(|line| !line.state.is_final()) {
        return;
    }
    let fulfilled = open.lines.iter().filter(|line| line.state != LineState::Failed).count();
    let end = match fulfilled {
        0 => RedemptionEnd::Failed,
        all if all == open.lines.len() => RedemptionEnd::Fulfilled,
        _ => RedemptionEnd::PartiallyFulfilled,
    };
    let captured = open.points(|state| state != LineState::Failed);
    let returned = open.points(|state| state == LineState::Failed);
    let balance = draft.member.wallet.balance;
    draft.push(RedemptionClosed { redemption, end, captured, returned, lots: Vec::new(), balance });
}
