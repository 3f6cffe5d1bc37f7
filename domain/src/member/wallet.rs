//! Lots of points and their sums.

use serde::{Deserialize, Serialize};

use crate::fact::{Balance, GrantCredited, LotState};
use crate::ids::GrantId;
use crate::points::{POINTS_MAX, Points};
use crate::time::Timestamp;

use super::Gone;

/// An `expires_at` that never comes.
const NEVER: Timestamp = Timestamp(i64::MAX);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Wallet {
    pub(super) balance: Balance,
    /// How many lots there ever were: the number of the last one.
    pub(super) lots_ever: u32,
    /// Those with points left, in spending order.
    pub(super) lots: Vec<Lot>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lot {
    pub(super) number: u32,
    pub(super) vested: bool,
    /// Nothing of it may become free again.
    pub(super) reversed: bool,
    pub(super) grant: GrantId,
    pub(super) free: Points,
    pub(super) held: Points,
    pub(super) spent: Points,
    granted_at: Timestamp,
    /// Counts only until the lot has vested.
    activates_at: Timestamp,
    expires_at: Timestamp,
}

/// How a fact moves points within a lot and the wallet's sums.
pub(super) type Change = fn(&mut Lot, &mut Balance, Points);

/// What others may see of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotView {
    /// Its number within the wallet, from 1.
    pub lot: u32,
    /// The grant that it came by.
    pub grant: GrantId,
    /// Left and not held.
    pub free: Points,
    /// Held by redemptions.
    pub held: Points,
    /// Captured by redemptions.
    pub spent: Points,
    /// False: `free` is pending until `activates_at`.
    pub vested: bool,
    /// Whether its grant was taken back; `free` is zero then.
    pub reversed: bool,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// When it vests; `None` once it has.
    pub activates_at: Option<Timestamp>,
    /// Still spendable at that instant, gone after it; `None`: never.
    pub expires_at: Option<Timestamp>,
}

impl LotView {
    pub(super) fn of(lot: &Lot) -> LotView {
        LotView {
            lot: lot.number,
            grant: lot.grant,
            free: lot.free,
            held: lot.held,
            spent: lot.spent,
            vested: lot.vested,
            reversed: lot.reversed,
            granted_at: lot.granted_at,
            activates_at: (!lot.vested).then_some(lot.activates_at),
            expires_at: (lot.expires_at != NEVER).then_some(lot.expires_at),
        }
    }
}

/// The sum of two parts of a wallet. It can't leave the range: a grant that would lead there is refused.
pub(super) fn more(points: Points, other: Points) -> Points {
    points.plus(other).expect("a wallet never holds more than the largest amount of points")
}

/// What is left. Stops the partition where a fact moves more than there is.
pub(super) fn less(points: Points, other: Points) -> Points {
    points.minus(other).expect("a fact moves no more points than there are")
}

impl Lot {
    fn order(&self) -> (Timestamp, Timestamp, u32) {
        (self.expires_at, self.granted_at, self.number)
    }

    /// The lot as it is, with the points that a fact moves in it.
    pub(super) fn state(&self, moved: impl FnOnce(&Lot) -> Points) -> LotState {
        LotState { lot: self.number, moved: moved(self), free: self.free, held: self.held }
    }

    pub(super) fn vests_by(&self, at: Timestamp) -> bool {
        !self.vested && self.activates_at <= at
    }

    pub(super) fn expired_by(&self, at: Timestamp) -> bool {
        !self.free.is_zero() && self.expires_at < at
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if self.free.is_zero() {
            return None;
        }
        let vests = (!self.vested).then_some(self.activates_at);
        let expires = (self.expires_at != NEVER).then_some(self.expires_at);
        vests.into_iter().chain(expires).min()
    }

    fn is_used_up(&self) -> bool {
        self.free.is_zero() && self.held.is_zero()
    }
}

impl Wallet {
    /// A lot that holds points.
    pub(super) fn lot(&self, number: u32) -> &Lot {
        &self.lots[self.place(number, 0)]
    }

    /// Where a lot stands; lots are mostly asked for in spending order, so the search begins at `from`.
    fn place(&self, number: u32, from: usize) -> usize {
        let from = from.min(self.lots.len());
        let after = self.lots[from..].iter().position(|lot| lot.number == number).map(|place| from + place);
        after
            .or_else(|| self.lots[..from].iter().position(|lot| lot.number == number))
            .expect("a fact names a lot that still holds points")
    }

    /// All points that ever came in.
    pub(super) fn credited(&self) -> i64 {
        let sums = &self.balance;
        [sums.available, sums.pending, sums.reserved, sums.spent, sums.expired, sums.taken]
            .into_iter()
            .map(Points::get)
            .sum()
    }

    /// Whether so many more can come in and every sum of this wallet still is an amount, for ever.
    pub(super) fn has_room_for(&self, points: Points) -> bool {
        self.credited() <= POINTS_MAX - points.get()
    }

    /// So many points out of what is spendable, lot by lot in spending order: (lot as it is, points of it).
    pub(super) fn spendable(&self, points: Points) -> Vec<(&Lot, Points)> {
        let mut parts = Vec::new();
        let mut wanted = points;
        for lot in self.lots.iter().filter(|lot| lot.vested && !lot.free.is_zero()) {
            if wanted.is_zero() {
                break;
            }
            let part = wanted.min(lot.free);
            wanted = less(wanted, part);
            parts.push((lot, part));
        }
        assert!(wanted.is_zero(), "no more is taken than is available");
        parts
    }

    pub(super) fn credit(&mut self, fact: &GrantCredited) {
        assert_eq!(fact.lot, self.lots_ever + 1, "lots are numbered one after the other");
        self.lots_ever = fact.lot;
        let lot = Lot {
            number: fact.lot,
            vested: fact.vested,
            reversed: false,
            grant: fact.grant.grant,
            free: fact.grant.points,
            held: Points::ZERO,
            spent: Points::ZERO,
            granted_at: fact.grant.granted_at,
            activates_at: fact.grant.activates_at.unwrap_or_default(),
            expires_at: fact.grant.expires_at.unwrap_or(NEVER),
        };
        let place = self.lots.partition_point(|other| other.order() < lot.order());
        // Most wallets have one lot or few: room for four, as `Vec` would take it, is memory for nothing.
        if self.lots.len() < 4 {
            self.lots.reserve_exact(1);
        }
        self.lots.insert(place, lot);
        let sum = if fact.vested { &mut self.balance.available } else { &mut self.balance.pending };
        *sum = more(*sum, fact.grant.points);
    }

    /// Folds what a fact says of lots: `change` moves the points within lot and sums, and has to arrive where the
    /// fact says.
    pub(super) fn fold(&mut self, states: &[LotState], change: Change) {
        let mut place = 0;
        for state in states {
            place = self.place(state.lot, place);
            let lot = &mut self.lots[place];
            change(lot, &mut self.balance, state.moved);
            assert_eq!(
                (lot.free, lot.held),
                (state.free, state.held),
                "lot {} is as its fact says",
                state.lot
            );
        }
    }

    /// Takes out the lots that are used up.
    pub(super) fn retire(&mut self) -> Vec<Gone> {
        if !self.lots.iter().any(Lot::is_used_up) {
            return Vec::new();
        }
        let used_up = self.lots.extract_if(.., |lot| lot.is_used_up());
        used_up.map(|lot| Gone { grant: lot.grant, spent: lot.spent, reversed: lot.reversed }).collect()
    }

    /// Whether the sums agree with the lots; `gone_shortfall` is what reversals missed in lots that are used up.
    pub(super) fn check(&self, gone_shortfall: i128) -> Result<(), String> {
        let sum = |part: fn(&Lot) -> Points| -> i128 {
            self.lots.iter().map(|lot| i128::from(part(lot).get())).sum()
        };
        let shortfall =
            gone_shortfall + sum(|lot| if lot.reversed { more(lot.held, lot.spent) } else { Points::ZERO });
        let sums = [
            (
                "available",
                self.balance.available,
                sum(|lot| if lot.vested { lot.free } else { Points::ZERO }),
            ),
            ("pending", self.balance.pending, sum(|lot| if lot.vested { Points::ZERO } else { lot.free })),
            ("reserved", self.balance.reserved, sum(|lot| lot.held)),
            ("shortfall", self.balance.shortfall, shortfall),
        ];
        for (name, said, found) in sums {
            if i128::from(said.get()) != found {
                return Err(format!("{name} is {said}, the lots have {found}"));
            }
        }
        if !self.lots.is_sorted_by_key(Lot::order) {
            return Err("the lots are out of order".to_owned());
        }
        match self.lots.iter().find(|lot| lot.is_used_up() || lot.reversed && !lot.free.is_zero()) {
            Some(lot) => Err(format!("lot {} is used up or reversed, and is not treated so", lot.number)),
            None => Ok(()),
        }
    }
}
