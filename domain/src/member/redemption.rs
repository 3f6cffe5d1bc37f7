//! The state of redemptions, and what facts change in it. They are decided in `request` and `fulfilment`.

use serde::{Deserialize, Serialize};

use crate::fact::{Delivery, LotState, PricedLine, RedemptionClosed, RedemptionEnd, RedemptionRequested};
use crate::ids::RedemptionId;
use crate::points::Points;
use crate::rejection::Rejection;

use super::Member;
use super::wallet::{Wallet, less, more};

/// A redemption that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Redemption {
    pub(super) id: RedemptionId,
    pub(super) approved: bool,
    pub(super) lines: Vec<Line>,
    /// What is still held for it, in spending order. Captured from the front, given back from the end: what returns
    /// to the member lasts longest.
    holds: Vec<Hold>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) points: Points,
    pub(super) delivery: Delivery,
    pub(super) state: LineState,
}

/// How far a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LineState {
    Waiting,
    /// The vendor may have been called.
    Started {
        attempt: u32,
    },
    /// The vendor did not answer this attempt.
    Unanswered {
        attempt: u32,
    },
    Fulfilled {
        voucher: bool,
    },
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Hold {
    lot: u32,
    points: Points,
}

/// A closed redemption with lines of vendors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Closed {
    pub(super) id: RedemptionId,
    /// Bit n: line n has a voucher.
    pub(super) vouchers: u32,
    pub(super) end: RedemptionEnd,
}

impl LineState {
    pub(super) fn is_final(self) -> bool {
        matches!(self, LineState::Fulfilled { .. } | LineState::Failed)
    }
}

/// A fact names a line of its redemption; lines are few.
fn index(line: u32) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}

impl Redemption {
    pub(super) fn of(fact: &RedemptionRequested) -> Redemption {
        let line = |line: &PricedLine| Line {
            points: cost(line).expect("a requested line's cost was an amount when it was decided"),
            delivery: line.delivery,
            state: LineState::Waiting,
        };
        let holds = fact.lots.iter().map(|lot| Hold { lot: lot.lot, points: lot.moved }).collect();
        Redemption {
            id: fact.redemption,
            approved: false,
            lines: fact.lines.iter().map(line).collect(),
            holds,
        }
    }

    pub(super) fn line(&self, line: u32) -> Option<&Line> {
        self.lines.get(index(line))
    }

    /// Its state, as in JSON.
    pub(super) fn state(&self) -> &'static str {
        match self.approved {
            false => "requested",
            true if self.is_untouched() => "approved",
            true => "fulfilling",
        }
    }

    /// Whether no line was started or delivered.
    pub(super) fn is_untouched(&self) -> bool {
        self.lines.iter().all(|line| line.state == LineState::Waiting)
    }

    /// So many of the held points, from the front or from the end, as the lots will be when `free` says whether they
    /// become free.
    fn release(&self, wallet: &Wallet, points: Points, to: Release) -> Vec<LotState> {
        let mut wanted = points;
        let mut lots = Vec::new();
        let mut part_of = |hold: &Hold| {
            let part = wanted.min(hold.points);
            wanted = less(wanted, part);
            if part.is_zero() {
                return;
            }
            let lot = wallet.lot(hold.lot);
            let free = if to == Release::Lots { more(lot.free, part) } else { lot.free };
            lots.push(LotState { free, held: less(lot.held, part), ..lot.state(|_| part) });
        };
        match to {
            Release::Captured => self.holds.iter().for_each(&mut part_of),
            Release::Lots => self.holds.iter().rev().for_each(&mut part_of),
        }
        assert!(wanted.is_zero(), "a redemption gives no more than it holds");
        lots
    }

    /// The lots after a line was captured.
    pub(super) fn to_capture(&self, wallet: &Wallet, points: Points) -> Vec<LotState> {
        self.release(wallet, points, Release::Captured)
    }

    /// The lots after a line's points went back.
    pub(super) fn to_give_back(&self, wallet: &Wallet, points: Points) -> Vec<LotState> {
        self.release(wallet, points, Release::Lots)
    }

    fn set(&mut self, line: u32, state: LineState) {
        let line = self.lines.get_mut(index(line)).expect("a fact names a line of its redemption");
        assert!(!line.state.is_final(), "a line ends once");
        line.state = state;
    }

    fn drop_holds(&mut self, lots: &[LotState], points: Points) {
        let mut sum = Points::ZERO;
        for state in lots {
            let hold = self.holds.iter_mut().find(|hold| hold.lot == state.lot);
            let hold = hold.expect("a redemption moves only what it holds");
            hold.points = less(hold.points, state.moved);
            sum = more(sum, state.moved);
        }
        assert_eq!(sum, points, "a line moves its own points, to the last");
        self.holds.retain(|hold| !hold.points.is_zero());
    }

    pub(super) fn started(&mut self, line: u32, attempt: u32) {
        assert!(self.approved, "nothing is ordered before it was approved");
        self.set(line, LineState::Started { attempt });
    }

    pub(super) fn unanswered(&mut self, line: u32, attempt: u32) {
        self.set(line, LineState::Unanswered { attempt });
    }

    pub(super) fn fulfilled(&mut self, line: u32, voucher: bool, lots: &[LotState]) {
        assert!(self.approved, "nothing is captured before it was approved");
        self.set(line, LineState::Fulfilled { voucher });
        self.drop_holds(lots, self.lines[index(line)].points);
    }

    pub(super) fn failed(&mut self, line: u32, lots: &[LotState]) {
        self.set(line, LineState::Failed);
        self.drop_holds(lots, self.lines[index(line)].points);
    }

    pub(super) fn cancelled(&mut self, lots: &[LotState]) {
        assert!(self.is_untouched(), "only what was never started is cancelled");
        self.drop_holds(lots, self.points(|_| true));
    }

    /// The points of some of its lines.
    pub(super) fn points(&self, of: impl Fn(LineState) -> bool) -> Points {
        let lines = self.lines.iter().filter(|line| of(line.state));
        lines.fold(Points::ZERO, |sum, line| more(sum, line.points))
    }

    pub(super) fn holds_of(&self, lot: u32) -> i128 {
        let holds = self.holds.iter().filter(|hold| hold.lot == lot);
        holds.map(|hold| i128::from(hold.points.get())).sum()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let held: i128 = self.holds.iter().map(|hold| i128::from(hold.points.get())).sum();
        let wanted = i128::from(self.points(|state| !state.is_final()).get());
        if held == wanted {
            Ok(())
        } else {
            Err(format!("redemption {} holds {held}, its open lines cost {wanted}", self.id))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Release {
    Captured,
    Lots,
}

/// The open redemption of a fact.
pub(super) fn open_of(member: &mut Member, id: RedemptionId) -> &mut Redemption {
    let open = member.open_mut().iter_mut().find(|open| open.id == id);
    open.expect("a fact names a redemption that is open")
}

/// An open redemption, or why it is none.
pub(super) fn find_open(member: &Member, id: RedemptionId) -> Result<&Redemption, Rejection> {
    if let Some(open) = member.open().iter().find(|open| open.id == id) {
        return Ok(open);
    }
    match find_closed(member, id) {
        Some(closed) => Err(Rejection::RedemptionState { state: end_name(closed.end) }),
        None => Err(Rejection::UnknownRedemption),
    }
}

pub(super) fn find_closed(member: &Member, id: RedemptionId) -> Option<&Closed> {
    member.past().closed.iter().rev().find(|closed| closed.id == id)
}

/// An end, as in JSON.
pub(super) fn end_name(end: RedemptionEnd) -> &'static str {
    match end {
        RedemptionEnd::Unknown => "unknown",
        RedemptionEnd::Fulfilled => "fulfilled",
        RedemptionEnd::PartiallyFulfilled => "partially_fulfilled",
        RedemptionEnd::Failed => "failed",
        RedemptionEnd::Cancelled => "cancelled",
    }
}

/// The price of a line; `None`: it is no amount of points.
pub(super) fn cost(line: &PricedLine) -> Option<Points> {
    line.unit_points.times(line.quantity)
}

/// Forgets an ended redemption, but for what later questions need.
pub(super) fn close(member: &mut Member, fact: &RedemptionClosed) {
    let open = member.open_mut();
    let place = open.iter().position(|open| open.id == fact.redemption);
    let ended = open.swap_remove(place.expect("a redemption closes once"));
    if open.is_empty() {
        member.open = None;
    }
    assert!(ended.holds.is_empty(), "an ended redemption holds nothing");
    if ended.lines.iter().any(|line| line.delivery == Delivery::Vendor) {
        let has_voucher = |line: &Line| line.state == LineState::Fulfilled { voucher: true };
        let vouchers = (0..u32::BITS).zip(&ended.lines).filter(|(_, line)| has_voucher(line));
        let vouchers = vouchers.fold(0, |bits, (number, _)| bits | 1 << number);
        member.past_mut().closed.push(Closed { id: ended.id, vouchers, end: fact.end });
    }
}
