//! A decision while it is being made: a copy of the state and the facts so far, each folded into the copy.

use crate::decide::Input;
use crate::fact::{Fact, GrantReversed, LotExpired, LotState, LotVested};
use crate::ids::{GrantId, MemberId, RedemptionId};
use crate::rules::InForce;
use crate::time::{Day, Timestamp};

use super::wallet::{less, more};
use super::{Member, evolve};

pub(super) struct Draft<'a> {
    pub(super) id: MemberId,
    pub(super) member: Member,
    pub(super) rules: InForce<'a>,
    pub(super) input: &'a Input<'a>,
    facts: Vec<Fact>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(id: MemberId, state: &Member, rules: InForce<'a>, input: &'a Input<'a>) -> Draft<'a> {
        Draft { id, member: state.clone(), rules, input, facts: Vec::new() }
    }

    /// Decides one more fact.
    pub(super) fn push(&mut self, fact: impl Into<Fact>) {
        let fact = fact.into();
        evolve(&mut self.member, &fact, self.input.accepted_at);
        self.facts.push(fact);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    pub(super) fn into_facts(self) -> Vec<Fact> {
        self.facts
    }

    pub(super) fn at(&self) -> Timestamp {
        self.input.accepted_at
    }

    pub(super) fn today(&self) -> Day {
        self.input.day()
    }

    /// The grant's id, if the next fact owes it.
    pub(super) fn next_grant(&self) -> GrantId {
        GrantId(self.derived("grant"))
    }

    /// The redemption's id, if the next fact requests it.
    pub(super) fn next_redemption(&self) -> RedemptionId {
        RedemptionId(self.derived("redemption"))
    }

    fn derived(&self, what: &str) -> [u8; 16] {
        let index = u32::try_from(self.facts.len()).expect("a decision has far fewer facts than 2^32");
        self.input.id.derived(what, index)
    }

    /// Applies every deadline of the wallet that lies before this input, whether or not the clock's command has come.
    /// What is due to the microsecond is in time: such a lot has vested, and has not expired.
    pub(super) fn apply_due(&mut self) {
        let at = self.at();
        let due: Vec<(u32, bool)> = (self.member.wallet.lots.iter())
            .filter(|lot| lot.vests_by(at) || lot.expired_by(at))
            .map(|lot| (lot.number, lot.expired_by(at)))
            .collect();
        for (lot, expired) in due {
            // A lot whose expiry comes before its vesting vests in passing: only spendable points ever expire.
            if !self.member.wallet.lot(lot).vested {
                self.vest(lot);
            }
            if expired {
                self.expire(lot);
            }
        }
    }

    fn vest(&mut self, number: u32) {
        let lot = self.member.wallet.lot(number).state(|lot| lot.free);
        let mut balance = self.member.wallet.balance;
        balance.pending = less(balance.pending, lot.moved);
        balance.available = more(balance.available, lot.moved);
        self.push(LotVested { lot, balance });
    }

    fn expire(&mut self, number: u32) {
        let lot = self.member.wallet.lot(number);
        let lot = LotState { free: crate::Points::ZERO, ..lot.state(|lot| lot.free) };
        let mut balance = self.member.wallet.balance;
        balance.available = less(balance.available, lot.moved);
        balance.expired = more(balance.expired, lot.moved);
        self.push(LotExpired { lot, balance });
    }

    /// Takes what is free of a grant's lot; what is held of it is taken when it comes back.
    pub(super) fn reverse_lot(&mut self, number: u32) {
        let lot = self.member.wallet.lot(number);
        let (grant, vested, reversed) = (lot.grant, lot.vested, lot.reversed);
        let shortfall = more(lot.held, lot.spent);
        let state = LotState { free: crate::Points::ZERO, ..lot.state(|lot| lot.free) };
        let mut balance = self.member.wallet.balance;
        if vested {
            balance.available = less(balance.available, state.moved);
        } else {
            balance.pending = less(balance.pending, state.moved);
        }
        balance.taken = more(balance.taken, state.moved);
        balance.shortfall =
            if reversed { less(balance.shortfall, state.moved) } else { more(balance.shortfall, shortfall) };
        self.push(GrantReversed { grant, lot: Some(state), pending: !vested, shortfall, balance });
    }

    /// What came back to these lots does not stay where it must not: a reversed lot's is taken, an expired lot's
    /// expires.
    pub(super) fn settle_returned(&mut self, lots: &[LotState]) {
        for lot in lots {
            if self.member.wallet.lot(lot.lot).reversed {
                self.reverse_lot(lot.lot);
            }
        }
        self.apply_due();
    }
}
