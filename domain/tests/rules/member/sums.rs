//! A second bookkeeper: it sees nothing but the facts, and keeps the invariants of DESIGN §4 by itself.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::fact::{Balance, LotState, RedemptionEnd};
use mirabelle_domain::{Fact, GrantId, Points, RedemptionId};

/// One lot: (credited, free, held).
type Lot = (i64, i64, i64);

#[derive(Default)]
pub(crate) struct Books {
    credited: i64,
    lots: BTreeMap<u32, Lot>,
    awards: BTreeSet<String>,
    settled: BTreeSet<GrantId>,
    redemptions: BTreeMap<RedemptionId, Redemption>,
}

#[derive(Default)]
struct Redemption {
    held: i64,
    approved: bool,
    started: BTreeSet<(u32, u32)>,
    /// Line to the points with which it ended: captured above zero, given back below.
    ended: BTreeMap<u32, i64>,
    lines: usize,
    closed: bool,
}

impl Books {
    /// Takes a decision's facts in; panics at the first that breaks an invariant.
    pub(crate) fn take(&mut self, facts: &[Fact]) {
        for fact in facts {
            self.one(fact);
        }
    }

    fn one(&mut self, fact: &Fact) {
        match fact {
            Fact::AwardOwed(owed) => {
                let key = (owed.kind, &owed.occurrence, owed.grant.campaign.as_ref().unwrap());
                assert!(
                    self.awards.insert(format!("{key:?}")),
                    "one award for each natural key and campaign"
                );
            }
            Fact::GrantCredited(credited) => {
                let points = credited.grant.points.get();
                assert!(points > 0);
                assert!(self.settled.insert(credited.grant.grant), "a grant is answered once");
                self.credited += points;
                assert!(self.lots.insert(credited.lot, (points, points, 0)).is_none());
                self.balanced(&credited.balance);
            }
            Fact::GrantRefused(refused) => {
                assert!(self.settled.insert(refused.grant), "a grant is answered once");
            }
            Fact::LotVested(vested) => self.moved(&[vested.lot], &vested.balance, |_| (0, 0)),
            Fact::LotExpired(expired) => self.moved(&[expired.lot], &expired.balance, |moved| (-moved, 0)),
            Fact::GrantReversed(reversed) => {
                let lots = Vec::from_iter(reversed.lot);
                self.moved(&lots, &reversed.balance, |moved| (-moved, 0));
            }
            Fact::PointsDeducted(deducted) => {
                self.moved(&deducted.lots, &deducted.balance, |moved| (-moved, 0));
                assert_eq!(sum(&deducted.lots), deducted.points.get());
            }
            Fact::RedemptionRequested(_)
            | Fact::RedemptionApproved(_)
            | Fact::FulfilmentStarted(_)
            | Fact::LineFulfilled(_)
            | Fact::LineFailed(_)
            | Fact::LineUnanswered(_)
            | Fact::RedemptionClosed(_) => self.redemption(fact),
            _ => {}
        }
    }

    fn redemption(&mut self, fact: &Fact) {
        match fact {
            Fact::RedemptionRequested(requested) => {
                self.moved(&requested.lots, &requested.balance, |moved| (-moved, moved));
                assert_eq!(sum(&requested.lots), requested.points.get());
                let held = requested.points.get();
                let redemption = Redemption { held, lines: requested.lines.len(), ..Redemption::default() };
                assert!(self.redemptions.insert(requested.redemption, redemption).is_none());
            }
            Fact::RedemptionApproved(approved) => self.of(approved.redemption).approved = true,
            Fact::FulfilmentStarted(started) => {
                let redemption = self.of(started.redemption);
                assert!(redemption.approved && !redemption.ended.contains_key(&started.line));
                assert!(redemption.started.insert((started.line, started.attempt)), "an attempt starts once");
            }
            Fact::LineFulfilled(line) => {
                self.moved(&line.lots, &line.balance, |moved| (0, -moved));
                assert_eq!(sum(&line.lots), line.points.get());
                let redemption = self.of(line.redemption);
                assert!(redemption.approved, "no capture without its approval");
                assert!(line.voucher.is_none() || redemption.started.contains(&(line.line, 1)));
                let before = redemption.ended.insert(line.line, line.points.get());
                assert_eq!(before, None, "one voucher for each line");
            }
            Fact::LineFailed(line) => {
                self.moved(&line.lots, &line.balance, |moved| (moved, -moved));
                assert_eq!(sum(&line.lots), line.points.get());
                let redemption = self.of(line.redemption);
                assert!(redemption.started.contains(&(line.line, 1)));
                assert_eq!(redemption.ended.insert(line.line, -line.points.get()), None, "a line ends once");
            }
            Fact::LineUnanswered(line) => {
                assert!(self.of(line.redemption).started.contains(&(line.line, line.attempt)));
            }
            Fact::RedemptionClosed(closed) => {
                self.moved(&closed.lots, &closed.balance, |moved| (moved, -moved));
                let redemption = self.of(closed.redemption);
                let (captured, returned) = (closed.captured.get(), closed.returned.get());
                assert_eq!(captured + returned, redemption.held, "what was held was captured or given back");
                if closed.end == RedemptionEnd::Cancelled {
                    assert!(redemption.ended.is_empty() && redemption.started.is_empty());
                } else {
                    assert_eq!(redemption.ended.len(), redemption.lines);
                    assert_eq!(
                        redemption.ended.values().filter(|points| **points > 0).sum::<i64>(),
                        captured
                    );
                    assert_eq!(
                        -redemption.ended.values().filter(|points| **points < 0).sum::<i64>(),
                        returned
                    );
                }
                assert!(!std::mem::replace(&mut redemption.closed, true), "a redemption closes once");
            }
            other => panic!("{other:?} is about no redemption"),
        }
    }

    fn of(&mut self, id: RedemptionId) -> &mut Redemption {
        let redemption = self.redemptions.get_mut(&id).unwrap();
        assert!(!redemption.closed, "nothing happens to a closed redemption");
        redemption
    }

    /// Each lot moved by `change(moved)` = (to free, to held), and is where the fact says.
    fn moved(&mut self, states: &[LotState], balance: &Balance, change: fn(i64) -> (i64, i64)) {
        for state in states {
            let lot = self.lots.get_mut(&state.lot).unwrap();
            let (free, held) = change(state.moved.get());
            lot.1 += free;
            lot.2 += held;
            assert_eq!((lot.1, lot.2), (state.free.get(), state.held.get()));
            assert!(lot.1 >= 0 && lot.2 >= 0 && lot.1 + lot.2 <= lot.0, "no lot is overdrawn, or grows");
        }
        self.balanced(balance);
    }

    /// Conservation, and sums that agree with the lots.
    fn balanced(&self, balance: &Balance) {
        let Balance { available, pending, reserved, spent, expired, taken, shortfall: _ } = *balance;
        let parts = [available, pending, reserved, spent, expired, taken];
        assert_eq!(parts.map(Points::get).iter().sum::<i64>(), self.credited, "nothing is made or lost");
        assert_eq!(self.lots.values().map(|lot| lot.1).sum::<i64>(), available.get() + pending.get());
        assert_eq!(self.lots.values().map(|lot| lot.2).sum::<i64>(), reserved.get());
    }
}

fn sum(lots: &[LotState]) -> i64 {
    lots.iter().map(|lot| lot.moved.get()).sum()
}
