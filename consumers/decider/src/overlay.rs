//! What is in flight: decided, appended, and not read back yet. Going back means dropping it.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use mirabelle_domain::{Account, AccountId, CommandId, Digest, Fact, Timestamp, evolve};

use crate::accounts::{Accounts, moves_state};
use crate::step::{Draft, occupies_id};

/// A decision in flight.
#[derive(Clone, Debug)]
pub struct InFlight {
    /// Its seq.
    pub seq: u64,
    /// Whose account.
    pub account: AccountId,
    /// The command's id.
    pub command_id: CommandId,
    /// Whether the id is occupied by it.
    pub occupies: bool,
    /// Business time.
    pub accepted_at: Timestamp,
    /// Its facts.
    pub facts: Vec<Fact>,
}

/// Accounts and ids that decisions in flight have touched, on top of confirmed state.
#[derive(Debug, Default)]
pub struct Overlay {
    decisions: VecDeque<InFlight>,
    /// State after the latest decision in flight, with that decision's seq.
    accounts: HashMap<AccountId, (u64, Arc<Account>)>,
    ids: HashMap<CommandId, (u64, Digest)>,
}

impl Overlay {
    /// The account's state, if a decision in flight has touched it.
    pub fn account(&self, id: &AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(id).map(|(_, account)| account)
    }

    /// The decision in flight with this id: its seq and the input's digest.
    pub fn id(&self, id: CommandId) -> Option<(u64, Digest)> {
        self.ids.get(&id).copied()
    }

    /// How many decisions are in flight.
    pub fn len(&self) -> usize {
        self.decisions.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    /// Puts a decision on top.
    pub fn push(&mut self, seq: u64, draft: Draft, confirmed: &Accounts) {
        let occupies = occupies_id(&draft.facts);
        if occupies {
            self.ids.insert(draft.command_id, (seq, draft.input_digest));
        }
        self.evolve(seq, &draft, confirmed);
        self.decisions.push_back(InFlight {
            seq,
            account: draft.account,
            command_id: draft.command_id,
            occupies,
            accepted_at: draft.accepted_at,
            facts: draft.facts,
        });
    }

    fn evolve(&mut self, seq: u64, draft: &Draft, confirmed: &Accounts) {
        if !draft.facts.iter().any(moves_state) {
            return;
        }
        let id = &draft.account;
        let (last, account) = self.accounts.entry(id.clone()).or_insert_with(|| {
            let below = confirmed.get(id).map(Arc::clone);
            (seq, below.unwrap_or_else(|| Arc::new(Account::empty(&id.key))))
        });
        *last = seq;
        let account = Arc::make_mut(account);
        draft.facts.iter().for_each(|fact| evolve(account, fact, draft.accepted_at));
    }

    /// The decision was read back and counts: takes it out from below, into confirmed state. `None` if it is not the
    /// oldest in flight.
    pub fn confirm(&mut self, seq: u64, confirmed: &mut Accounts) -> Option<InFlight> {
        let decision = self.decisions.pop_front_if(|oldest| oldest.seq == seq)?;
        match self.accounts.get(&decision.account) {
            // Nothing later has touched the account: its state on top is its confirmed state now.
            Some((last, _)) if *last == seq => {
                if let Some((_, account)) = self.accounts.remove(&decision.account) {
                    confirmed.put(&decision.account, account);
                }
            }
            _ => confirmed.evolve(&decision.account, &decision.facts, decision.accepted_at),
        }
        if decision.occupies {
            self.ids.remove(&decision.command_id);
        }
        Some(decision)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Overlay::default();
    }
}
