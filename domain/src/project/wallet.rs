//! Rows of a wallet: sums, lots, statement, grants.

use super::collect::{Cells, Rows, bytes, instant, int, note, text};
use crate::fact::{
    Balance, GrantCredited, GrantIntent, GrantRefused, GrantReversed, LotExpired, LotState, LotVested,
    PointsDeducted,
};
use crate::ids::GrantId;
use crate::points::Points;
use crate::tables::{balances, grants, lots, statement};
use crate::time::Timestamp;

/// Which sums a fact may have moved: the others stay as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    /// All.
    All,
    /// Those that a redemption moves.
    OfRedemption,
}

/// One move of a statement.
pub(super) struct Move {
    /// Place of the fact in its decision.
    pub(super) entry: usize,
    /// The fact's kind.
    pub(super) kind: u16,
    /// What it did to `available`.
    pub(super) delta: i64,
    /// How many points moved.
    pub(super) points: Points,
}

impl Rows<'_> {
    /// The sums after.
    pub(super) fn balance(&mut self, balance: &Balance, sums: Sums) {
        let (accepted_at, key) =
            (self.context.accepted_at(), vec![self.context.tenant(), self.context.member()]);
        let row = self.row(&balances::TABLE, key);
        row.set(balances::AVAILABLE, points(balance.available));
        row.set(balances::RESERVED, points(balance.reserved));
        row.set(balances::SPENT, points(balance.spent));
        row.set(balances::AS_OF, accepted_at);
        if sums == Sums::All {
            row.set(balances::PENDING, points(balance.pending));
            row.set(balances::EXPIRED, points(balance.expired));
            row.set(balances::TAKEN, points(balance.taken));
            row.set(balances::SHORTFALL, points(balance.shortfall));
        }
    }

    fn lot_row(&mut self, lot: u32) -> &mut Cells {
        let key = vec![self.context.tenant(), self.context.member(), int(i64::from(lot))];
        self.row(&lots::TABLE, key)
    }

    /// A lot after a move.
    pub(super) fn lot(&mut self, lot: &LotState) -> &mut Cells {
        let row = self.lot_row(lot.lot);
        row.set(lots::FREE, points(lot.free));
        row.set(lots::HELD, points(lot.held));
        row
    }

    /// The row of a statement for the fact at this place of its decision.
    pub(super) fn statement(&mut self, entry: usize) -> &mut Cells {
        let context = self.context;
        let key = vec![
            context.tenant(),
            context.member(),
            int(month(context.accepted_at)),
            context.seq(),
            int(i64::try_from(entry).unwrap_or(i64::MAX)),
        ];
        self.row(&statement::TABLE, key)
    }

    /// A move, with the sums after it.
    pub(super) fn moved(&mut self, moved: &Move, balance: &Balance) -> &mut Cells {
        let (accepted_at, reason) = (self.context.accepted_at(), self.context.reason);
        let row = self.statement(moved.entry);
        row.set(statement::KIND, int(i64::from(moved.kind)));
        row.set(statement::ACCEPTED_AT, accepted_at);
        row.set(statement::DELTA, int(moved.delta));
        if moved.delta.abs() != moved.points.get() {
            row.set(statement::POINTS, points(moved.points));
        }
        row.set_some(statement::REASON, reason.map(text));
        sums_after(row, balance);
        row
    }

    /// A grant's own values; they never change.
    pub(super) fn grant(&mut self, budget: &str, grant: &GrantIntent, state: &str) -> &mut Cells {
        let row = self.grant_state(grant.grant, state);
        row.set(grants::MEMBER, bytes(&grant.member.0));
        row.set(grants::BUDGET, text(budget));
        row.set(grants::POINTS, points(grant.points));
        row.set(grants::GRANTED_AT, instant(grant.granted_at));
        row.set_some(grants::ACTIVATES_AT, grant.activates_at.map(instant));
        row.set_some(grants::EXPIRES_AT, grant.expires_at.map(instant));
        row.set_some(grants::CAMPAIGN, grant.campaign.as_ref().map(|campaign| text(campaign.as_str())));
        row.set(grants::VERSION, int(i64::from(grant.campaign_version)));
        row.set(grants::LABEL, text(&grant.label));
        row.set_some(grants::NOTE, note(grant));
        row
    }

    /// Where a grant stands.
    pub(super) fn grant_state(&mut self, grant: GrantId, state: &str) -> &mut Cells {
        let (accepted_at, key) = (self.context.accepted_at(), vec![self.context.tenant(), bytes(&grant.0)]);
        let row = self.row(&grants::TABLE, key);
        row.set(grants::STATE, text(state));
        row.set(grants::UPDATED_AT, accepted_at);
        row
    }

    pub(super) fn grant_credited(&mut self, entry: usize, fact: &GrantCredited) {
        let grant = &fact.grant;
        let row = self.lot_row(fact.lot);
        row.set(lots::FREE, points(grant.points));
        row.set(lots::HELD, int(0));
        row.set(lots::STATE, text(if fact.vested { "open" } else { "pending" }));
        row.set(lots::POINTS, points(grant.points));
        row.set(lots::GRANTED_AT, instant(grant.granted_at));
        row.set_some(lots::ACTIVATES_AT, grant.activates_at.map(instant));
        row.set_some(lots::EXPIRES_AT, grant.expires_at.map(instant));
        row.set_some(lots::CAMPAIGN, grant.campaign.as_ref().map(|campaign| text(campaign.as_str())));
        row.set(lots::VERSION, int(i64::from(grant.campaign_version)));
        row.set(lots::BUDGET, text(fact.budget.as_str()));
        row.set(lots::GRANT, bytes(&grant.grant.0));
        row.set(lots::LABEL, text(&grant.label));
        row.set_some(lots::NOTE, note(grant));
        self.grant(fact.budget.as_str(), grant, "credited").set(grants::LOT, int(i64::from(fact.lot)));
        self.balance(&fact.balance, Sums::All);
        let delta = if fact.vested { grant.points.get() } else { 0 };
        let moved = Move { entry, kind: 20, delta, points: grant.points };
        let row = self.moved(&moved, &fact.balance);
        row.set(statement::REFERENCE, bytes(&grant.grant.0));
        row.set(statement::LABEL, text(&grant.label));
        row.set_some(statement::NOTE, note(grant));
    }

    pub(super) fn grant_refused(&mut self, fact: &GrantRefused) {
        let member = self.context.member();
        let row = self.grant_state(fact.grant, "refused");
        row.set(grants::MEMBER, member);
        row.set(grants::BUDGET, text(fact.budget.as_str()));
        row.set(grants::POINTS, points(fact.points));
        row.set(grants::REASON, text(&fact.reason));
    }

    pub(super) fn lot_vested(&mut self, entry: usize, fact: &LotVested) {
        self.lot(&fact.lot).set(lots::STATE, text("open"));
        self.balance(&fact.balance, Sums::All);
        let moved = Move { entry, kind: 22, delta: fact.lot.moved.get(), points: fact.lot.moved };
        self.moved(&moved, &fact.balance);
    }

    /// A lot never expires before it has vested, so that what expires was available.
    pub(super) fn lot_expired(&mut self, entry: usize, fact: &LotExpired) {
        self.lot(&fact.lot).set(lots::STATE, text("expired"));
        self.balance(&fact.balance, Sums::All);
        let moved = Move { entry, kind: 23, delta: -fact.lot.moved.get(), points: fact.lot.moved };
        self.moved(&moved, &fact.balance);
    }

    pub(super) fn grant_reversed(&mut self, entry: usize, fact: &GrantReversed) {
        let reason = self.context.reason;
        let row = self.grant_state(fact.grant, "reversed");
        row.set(grants::SHORTFALL, points(fact.shortfall));
        row.set_some(grants::REASON, reason.map(text));
        let taken = fact.lot.map_or(Points::ZERO, |lot| lot.moved);
        if let Some(lot) = &fact.lot {
            self.lot(lot).set(lots::STATE, text("reversed"));
        }
        self.balance(&fact.balance, Sums::All);
        let delta = if fact.pending { 0 } else { -taken.get() };
        let row = self.moved(&Move { entry, kind: 24, delta, points: taken }, &fact.balance);
        row.set(statement::REFERENCE, bytes(&fact.grant.0));
        row.set(statement::SHORTFALL, points(fact.shortfall));
    }

    pub(super) fn points_deducted(&mut self, entry: usize, fact: &PointsDeducted) {
        for lot in &fact.lots {
            self.lot(lot);
        }
        self.balance(&fact.balance, Sums::All);
        let moved = Move { entry, kind: 25, delta: -fact.points.get(), points: fact.points };
        self.moved(&moved, &fact.balance);
    }
}

/// The sums after, on a row of a statement.
pub(super) fn sums_after(row: &mut Cells, balance: &Balance) {
    row.set(statement::AVAILABLE, points(balance.available));
    row.set(statement::PENDING, points(balance.pending));
    row.set(statement::RESERVED, points(balance.reserved));
    row.set(statement::SPENT, points(balance.spent));
    // Most wallets never lose a point but by spending it: for those nothing is written.
    for (column, sum) in [
        (statement::EXPIRED, balance.expired),
        (statement::TAKEN, balance.taken),
        (statement::WALLET_SHORTFALL, balance.shortfall),
    ] {
        if !sum.is_zero() {
            row.set(column, points(sum));
        }
    }
}

pub(super) fn points(points: Points) -> crate::rows::Value {
    int(points.get())
}

/// The bucket of a statement: year and month in UTC, as `YYYYMM`.
pub fn month(at: Timestamp) -> i64 {
    let day = at.utc_day().civil();
    i64::from(day.year()) * 100 + i64::from(day.month())
}
