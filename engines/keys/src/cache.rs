//! Members' keys in use, bounded.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::{MemberId, TenantId};
use parking_lot::Mutex;

use crate::sealing::Key;

type Name = (TenantId, MemberId);

/// Two halves: what is used lies in, or moves to, the young one; when that is full, the old one is forgotten.
pub(crate) struct Cache {
    half: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    young: HashMap<Name, Arc<Key>>,
    old: HashMap<Name, Arc<Key>>,
    erasures: u64,
}

/// How many erasures there were before a key was looked for elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

impl Cache {
    pub(crate) fn new(keys_max: usize) -> Cache {
        Cache { half: keys_max.div_ceil(2).max(1), state: Mutex::default() }
    }

    /// The key, or a ticket with which to put it once it is found.
    pub(crate) fn get(&self, tenant: &TenantId, member: MemberId) -> Result<Arc<Key>, Ticket> {
        let mut state = self.state.lock();
        let name = (tenant.clone(), member);
        if let Some(key) = state.young.get(&name) {
            return Ok(key.clone());
        }
        match state.old.remove(&name) {
            Some(key) => {
                self.insert(&mut state, name, key.clone());
                Ok(key)
            }
            None => Err(Ticket(state.erasures)),
        }
    }

    /// Puts a key, unless something was erased since the ticket was given: the key found may be what was erased.
    pub(crate) fn put(&self, tenant: &TenantId, member: MemberId, key: &Arc<Key>, ticket: Ticket) {
        let mut state = self.state.lock();
        if state.erasures == ticket.0 {
            self.insert(&mut state, (tenant.clone(), member), key.clone());
        }
    }

    fn insert(&self, state: &mut State, name: Name, key: Arc<Key>) {
        if state.young.len() >= self.half {
            state.old = std::mem::take(&mut state.young);
        }
        state.young.insert(name, key);
    }

    pub(crate) fn erase(&self, tenant: &TenantId, member: MemberId) {
        let mut state = self.state.lock();
        let name = (tenant.clone(), member);
        state.erasures += 1;
        state.young.remove(&name);
        state.old.remove(&name);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let state = self.state.lock();
        state.young.len() + state.old.len()
    }
}
