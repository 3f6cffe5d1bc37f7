//! Rows of redemptions.

use super::collect::{Cells, Rows, bytes, int, sealed, text};
use super::wallet::{Move, Sums, points, sums_after};
use crate::fact::{
    Delivery, Fact, FulfilmentStarted, LineFailed, LineFulfilled, LineUnanswered, RedemptionClosed,
    RedemptionEnd, RedemptionRequested, VoucherRevealed,
};
use crate::ids::RedemptionId;
use crate::rows::{Value, lines_text};
use crate::tables::{redemption_lines, redemptions, reveals, statement};

impl Rows<'_> {
    fn redemption(&mut self, redemption: RedemptionId) -> &mut Cells {
        let key = vec![self.context.tenant(), bytes(&redemption.0)];
        self.row(&redemptions::TABLE, key)
    }

    pub(super) fn redemption_state(&mut self, redemption: RedemptionId, state: &str) {
        self.redemption(redemption).set(redemptions::STATE, text(state));
    }

    fn line(&mut self, redemption: RedemptionId, line: u32, state: &str) -> &mut Cells {
        let accepted_at = self.context.accepted_at();
        let key = vec![self.context.tenant(), bytes(&redemption.0), int(i64::from(line))];
        let row = self.row(&redemption_lines::TABLE, key);
        row.set(redemption_lines::STATE, text(state));
        row.set(redemption_lines::UPDATED_AT, accepted_at);
        row
    }

    /// The request of this redemption, if this very decision made it, with its place.
    fn request(&self, redemption: RedemptionId) -> Option<(usize, &RedemptionRequested)> {
        self.facts.iter().enumerate().find_map(|(entry, fact)| match fact {
            Fact::RedemptionRequested(requested) if requested.redemption == redemption => {
                Some((entry, requested))
            }
            _ => None,
        })
    }

    pub(super) fn redemption_requested(&mut self, entry: usize, fact: &RedemptionRequested) {
        let (accepted_at, member) = (self.context.accepted_at(), self.context.member());
        for lot in &fact.lots {
            self.lot(lot);
        }
        self.balance(&fact.balance, Sums::OfRedemption);
        let moved = Move { entry, kind: 30, delta: -fact.points.get(), points: fact.points };
        self.moved(&moved, &fact.balance).set(statement::REFERENCE, bytes(&fact.redemption.0));
        let row = self.redemption(fact.redemption);
        row.set(redemptions::MEMBER, member);
        row.set(redemptions::STATE, text("requested"));
        row.set(redemptions::POINTS, points(fact.points));
        row.set(redemptions::REQUESTED_AT, accepted_at);
        row.set(redemptions::LINES, Value::Text(lines_text(&fact.lines)));
        if fact.note.is_some() {
            row.set(redemptions::NOTE, sealed(fact.note.as_ref()));
        }
        for (line, priced) in (0..).zip(&fact.lines) {
            if priced.delivery == Delivery::Vendor {
                self.line(fact.redemption, line, "waiting");
            }
        }
    }

    pub(super) fn fulfilment_started(&mut self, fact: &FulfilmentStarted) {
        self.redemption_state(fact.redemption, "fulfilling");
        let row = self.line(fact.redemption, fact.line, "started");
        row.set(redemption_lines::ATTEMPT, int(i64::from(fact.attempt)));
    }

    pub(super) fn line_fulfilled(&mut self, entry: usize, fact: &LineFulfilled) {
        for lot in &fact.lots {
            self.lot(lot);
        }
        self.balance(&fact.balance, Sums::OfRedemption);
        let request = self.request(fact.redemption);
        let at_once = request.is_some_and(|(_, request)| {
            let line = usize::try_from(fact.line).ok().and_then(|line| request.lines.get(line));
            line.is_some_and(|line| line.delivery == Delivery::Immediate)
        });
        if !at_once {
            let row = self.line(fact.redemption, fact.line, "fulfilled");
            row.set(redemption_lines::POINTS, points(fact.points));
            row.set(redemption_lines::VOUCHER, sealed(fact.voucher.as_ref()));
            row.set(redemption_lines::REFERENCE, text(fact.reference.as_deref().unwrap_or_default()));
        }
        match self.request(fact.redemption).map(|(entry, _)| entry) {
            // Requested and captured at once: one move for whoever reads the statement.
            Some(requested) => sums_after(self.statement(requested), &fact.balance),
            None => {
                let moved = Move { entry, kind: 33, delta: 0, points: fact.points };
                let row = self.moved(&moved, &fact.balance);
                row.set(statement::REFERENCE, bytes(&fact.redemption.0));
            }
        }
    }

    pub(super) fn line_failed(&mut self, entry: usize, fact: &LineFailed) {
        for lot in &fact.lots {
            self.lot(lot);
        }
        self.balance(&fact.balance, Sums::OfRedemption);
        let row = self.line(fact.redemption, fact.line, "failed");
        row.set(redemption_lines::POINTS, points(fact.points));
        row.set(redemption_lines::REASON, text(&fact.reason));
        let moved = Move { entry, kind: 34, delta: fact.points.get(), points: fact.points };
        let row = self.moved(&moved, &fact.balance);
        row.set(statement::REFERENCE, bytes(&fact.redemption.0));
        row.set(statement::REASON, text(&fact.reason));
    }

    pub(super) fn line_unanswered(&mut self, fact: &LineUnanswered) {
        let row = self.line(fact.redemption, fact.line, "unanswered");
        row.set(redemption_lines::ATTEMPT, int(i64::from(fact.attempt)));
    }

    pub(super) fn redemption_closed(&mut self, entry: usize, fact: &RedemptionClosed) {
        let accepted_at = self.context.accepted_at();
        for lot in &fact.lots {
            self.lot(lot);
        }
        self.balance(&fact.balance, Sums::OfRedemption);
        let row = self.redemption(fact.redemption);
        row.set(redemptions::STATE, text(end(fact.end)));
        row.set(redemptions::CAPTURED, points(fact.captured));
        if !fact.returned.is_zero() {
            row.set(redemptions::RETURNED, points(fact.returned));
        }
        row.set(redemptions::CLOSED_AT, accepted_at);
        // Lines that fail have given back their points before, each with a move of its own.
        if fact.end == RedemptionEnd::Cancelled {
            let moved = Move { entry, kind: 36, delta: fact.returned.get(), points: fact.returned };
            let row = self.moved(&moved, &fact.balance);
            row.set(statement::REFERENCE, bytes(&fact.redemption.0));
        }
    }

    pub(super) fn voucher_revealed(&mut self, fact: &VoucherRevealed) {
        let context = self.context;
        let key = vec![context.tenant(), bytes(&fact.redemption.0), int(i64::from(fact.line)), context.seq()];
        let row = self.row(&reveals::TABLE, key);
        row.set(reveals::MEMBER, context.member());
        row.set(reveals::PRINCIPAL, text(context.principal));
        row.set_some(reveals::REASON, context.reason.map(text));
        row.set(reveals::REVEALED_AT, context.accepted_at());
        row.set(reveals::COMMAND_ID, bytes(&context.command_id.0));
    }
}

fn end(end: RedemptionEnd) -> &'static str {
    match end {
        RedemptionEnd::Unknown => "unknown",
        RedemptionEnd::Fulfilled => "fulfilled",
        RedemptionEnd::PartiallyFulfilled => "partially_fulfilled",
        RedemptionEnd::Failed => "failed",
        RedemptionEnd::Cancelled => "cancelled",
    }
}
