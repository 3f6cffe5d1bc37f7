//! One wallet's books.

use std::collections::BTreeMap;

use mirabelle_domain::fact::{Balance, LotState};
use mirabelle_domain::{Fact, Points, Timestamp};

use crate::books::wallet_parts;
use crate::truth::Broken;

#[derive(Debug)]
struct Lot {
    free: i128,
    held: i128,
    vested: bool,
    activates_at: i64,
    expires_at: i64,
    granted_at: i64,
}

/// Lots, and what became of all points that ever came in.
#[derive(Debug, Default)]
pub(crate) struct Wallet {
    lots: BTreeMap<u32, Lot>,
    available: i128,
    pending: i128,
    reserved: i128,
    spent: i128,
    expired: i128,
    taken: i128,
}

pub(crate) fn ensure(holds: bool, what: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(format!("it does not hold that {what}")) }
}

fn points(points: Points) -> i128 {
    i128::from(points.get())
}

impl Wallet {
    /// All that ever came in.
    pub(crate) fn all(&self) -> i128 {
        self.available + self.pending + self.reserved + self.spent + self.expired + self.taken
    }

    pub(crate) fn available(&self) -> i128 {
        self.available
    }

    /// Books a fact, and compares what it says.
    pub(crate) fn take(&mut self, fact: &Fact, at: Timestamp) -> Result<(), Broken> {
        let (balance, lots) = wallet_parts(fact);
        let moved: i128 = lots.iter().map(|lot| points(lot.moved)).sum();
        match fact {
            Fact::GrantCredited(fact) => {
                let grant = &fact.grant;
                let activates_at = grant.activates_at.map_or(i64::MIN, |at| at.0);
                ensure(fact.vested == (activates_at <= at.0), "a lot is pending until it activates")?;
                let came = points(grant.points);
                let sum = if fact.vested { &mut self.available } else { &mut self.pending };
                *sum += came;
                let expires_at = grant.expires_at.map_or(i64::MAX, |at| at.0);
                let lot = Lot {
                    free: came,
                    held: 0,
                    vested: fact.vested,
                    activates_at,
                    expires_at,
                    granted_at: grant.granted_at.0,
                };
                ensure(self.lots.insert(fact.lot, lot).is_none(), "lots are new")?;
            }
            Fact::LotVested(fact) => {
                let lot = self.lot(fact.lot.lot)?;
                ensure(lot.activates_at.min(lot.expires_at) <= at.0, "a lot vests when its time has come")?;
                lot.vested = true;
                self.pending -= moved;
                self.available += moved;
            }
            Fact::LotExpired(fact) => {
                let lot = self.lot(fact.lot.lot)?;
                ensure(lot.expires_at < at.0, "what comes in time finds its points")?;
                lot.free -= moved;
                self.available -= moved;
                self.expired += moved;
            }
            Fact::GrantReversed(fact) => {
                self.change(lots, |lot, moved| lot.free -= moved)?;
                let sum = if fact.pending { &mut self.pending } else { &mut self.available };
                *sum -= moved;
                self.taken += moved;
            }
            Fact::PointsDeducted(fact) => {
                self.in_order(lots, points(fact.points), at)?;
                self.change(lots, |lot, moved| lot.free -= moved)?;
                self.available -= moved;
                self.taken += moved;
            }
            Fact::RedemptionRequested(fact) => {
                self.in_order(lots, points(fact.points), at)?;
                self.change(lots, |lot, moved| (lot.free, lot.held) = (lot.free - moved, lot.held + moved))?;
                self.available -= moved;
                self.reserved += moved;
            }
            Fact::LineFulfilled(fact) => {
                ensure(moved == points(fact.points), "a line captures its points")?;
                self.change(lots, |lot, moved| lot.held -= moved)?;
                self.reserved -= moved;
                self.spent += moved;
            }
            Fact::LineFailed(_) | Fact::RedemptionClosed(_) => {
                self.change(lots, |lot, moved| (lot.free, lot.held) = (lot.free + moved, lot.held - moved))?;
                self.reserved -= moved;
                self.available += moved;
            }
            _ => {}
        }
        self.compare(balance, lots)
    }

    fn lot(&mut self, number: u32) -> Result<&mut Lot, Broken> {
        self.lots.get_mut(&number).ok_or(format!("there is no lot {number}"))
    }

    fn change(&mut self, lots: &[LotState], change: fn(&mut Lot, i128)) -> Result<(), Broken> {
        lots.iter().try_for_each(|state| {
            change(self.lot(state.lot)?, points(state.moved));
            Ok(())
        })
    }

    /// Spendable lots are emptied one after the other: first what expires first.
    fn in_order(&self, lots: &[LotState], wanted: i128, at: Timestamp) -> Result<(), Broken> {
        let mut spendable: Vec<(&u32, &Lot)> =
            self.lots.iter().filter(|(_, lot)| lot.vested && lot.free > 0).collect();
        ensure(
            spendable.iter().all(|(_, lot)| lot.expires_at >= at.0),
            "expired lots were taken out before",
        )?;
        let late = self.lots.values().any(|lot| !lot.vested && lot.activates_at <= at.0 && lot.free > 0);
        ensure(!late, "lots whose time has come have vested before")?;
        spendable.sort_by_key(|(number, lot)| (lot.expires_at, lot.granted_at, **number));
        let mut left = wanted;
        let mut due = Vec::new();
        for (number, lot) in spendable {
            let part = left.min(lot.free);
            if part > 0 {
                due.push((*number, part));
            }
            left -= part;
        }
        ensure(left == 0, "no more is spent than there is")?;
        let said: Vec<(u32, i128)> = lots.iter().map(|state| (state.lot, points(state.moved))).collect();
        ensure(due == said, "what expires first is spent first")
    }

    fn compare(&self, balance: Option<&Balance>, lots: &[LotState]) -> Result<(), Broken> {
        for state in lots {
            let lot = &self.lots[&state.lot];
            ensure(
                (lot.free, lot.held) == (points(state.free), points(state.held)),
                "a lot is what moved in it",
            )?;
            ensure(lot.free >= 0 && lot.held >= 0, "no lot is below zero")?;
        }
        let Some(said) = balance else { return Ok(()) };
        let sums = [self.available, self.pending, self.reserved, self.spent, self.expired, self.taken];
        let said = [said.available, said.pending, said.reserved, said.spent, said.expired, said.taken];
        ensure(sums == said.map(points), &format!("the sums are what moved: {sums:?}"))?;
        let free = |vested| self.lots.values().filter(|l| l.vested == vested).map(|l| l.free).sum::<i128>();
        ensure((self.available, self.pending) == (free(true), free(false)), "the lots are the sums")
    }
}
