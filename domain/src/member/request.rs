//! What members want: redemptions requested and cancelled.

use crate::command::{CancelRedemption, RequestRedemption};
use crate::fact::{
    Delivery, LotState, PricedLine, RedemptionApproved, RedemptionClosed, RedemptionEnd, RedemptionRequested,
};
use crate::points::Points;
use crate::rejection::Rejection;

use super::draft::Draft;
use super::fulfilment::{capture, close_if_over};
use super::redemption::{cost, find_open};
use super::wallet::{less, more};
use super::worker::Field;
use super::{LINES_MAX, QUANTITY_MAX, REDEMPTIONS_OPEN_MAX};

/// Holds the points of a request; what needs no vendor is captured in the same decision.
pub(super) fn request(draft: &mut Draft<'_>, body: &RequestRedemption) -> Result<(), Rejection> {
    let lines = priced(draft, body)?;
    let mut points = Points::ZERO;
    for line in &lines {
        points = cost(line).and_then(|cost| points.plus(cost)).ok_or(Rejection::TooManyPoints)?;
    }
    if let Some(points_max) = body.points_max.filter(|points_max| points > *points_max) {
        return Err(Rejection::PriceChanged { points, points_max });
    }
    draft.apply_due();
    let wallet = &draft.member.wallet;
    let mut balance = wallet.balance;
    if balance.available < points {
        return Err(Rejection::InsufficientPoints { available: balance.available, needed: points });
    }
    let waits = lines.iter().any(|line| line.delivery == Delivery::Vendor);
    if waits && draft.member.open().len() >= REDEMPTIONS_OPEN_MAX {
        return Err(Rejection::Invalid {
            detail: "too many redemptions of the member wait for their vendors",
            pointer: None,
        });
    }
    let lots = (wallet.spendable(points).into_iter())
        .map(|(lot, part)| LotState {
            free: less(lot.free, part),
            held: more(lot.held, part),
            ..lot.state(|_| part)
        })
        .collect();
    balance.available = less(balance.available, points);
    balance.reserved = more(balance.reserved, points);
    let redemption = draft.next_redemption();
    let note = body.note.clone();
    draft.push(RedemptionRequested { redemption, lines: lines.clone(), points, lots, balance, note });
    draft.push(RedemptionApproved { redemption });
    for (number, line) in (0..).zip(&lines) {
        if line.delivery == Delivery::Immediate {
            capture(draft, redemption, number, None, None);
        }
    }
    close_if_over(draft, redemption);
    Ok(())
}

fn priced(draft: &Draft<'_>, body: &RequestRedemption) -> Result<Vec<PricedLine>, Rejection> {
    if !(1..=LINES_MAX).contains(&body.lines.len()) {
        return Err(Rejection::Invalid { detail: "there must be 1 to 20 lines", pointer: Some("/lines") });
    }
    if body.lines.iter().any(|line| !(1..=QUANTITY_MAX).contains(&line.quantity)) {
        return Err(Rejection::Invalid {
            detail: "the quantity of each line must be 1 to 100",
            pointer: Some("/lines"),
        });
    }
    if !draft.member.is_known() {
        return Err(Rejection::UnknownMember);
    }
    let country = draft.member.worker.as_ref().and_then(|worker| worker.text(Field::Country));
    let mut lines = Vec::with_capacity(body.lines.len());
    for (number, wanted) in (0..).zip(&body.lines) {
        let version = draft.rules.product(&wanted.product);
        let version = version.ok_or(Rejection::UnknownProduct { line: number })?;
        let product = &version.body;
        let here = |listed: &String| country.is_some_and(|country| listed.eq_ignore_ascii_case(country));
        if !product.offered || !(product.countries.is_empty() || product.countries.iter().any(here)) {
            return Err(Rejection::NotOffered { line: number });
        }
        lines.push(PricedLine {
            product: wanted.product.clone(),
            product_version: version.version,
            quantity: wanted.quantity,
            unit_points: product.points,
            delivery: product.delivery,
            vendor: product.vendor.clone(),
        });
    }
    Ok(lines)
}

/// Ends a redemption of which nothing was started or delivered.
pub(super) fn cancel(draft: &mut Draft<'_>, body: &CancelRedemption) -> Result<(), Rejection> {
    let open = find_open(&draft.member, body.redemption)?;
    if !open.is_untouched() {
        return Err(Rejection::RedemptionState { state: open.state() });
    }
    draft.apply_due();
    let open = find_open(&draft.member, body.redemption)?;
    let returned = open.points(|_| true);
    let lots = open.to_give_back(&draft.member.wallet, returned);
    let mut balance = draft.member.wallet.balance;
    balance.reserved = less(balance.reserved, returned);
    balance.available = more(balance.available, returned);
    draft.push(RedemptionClosed {
        redemption: body.redemption,
        end: RedemptionEnd::Cancelled,
        captured: Points::ZERO,
        returned,
        lots: lots.clone(),
        balance,
    });
    draft.settle_returned(&lots);
    Ok(())
}
