//! Lots that will vest or expire.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::fact::{GrantCredited, LotState};
use mirabelle_domain::{MemberId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

type LotKey = (TenantId, MemberId, u32);

#[derive(Debug, Serialize, Deserialize)]
struct Lot {
    /// Not vested yet: due then.
    activates_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    points: i64,
}

/// Every lot that something will still happen to by itself.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Lots {
    lots: BTreeMap<LotKey, Lot>,
    due: BTreeSet<(Timestamp, LotKey)>,
}

impl Lots {
    pub(crate) fn credited(&mut self, tenant: &TenantId, credited: &GrantCredited) {
        let intent = &credited.grant;
        let activates_at = intent.activates_at.filter(|_| !credited.vested);
        let lot = Lot { activates_at, expires_at: intent.expires_at, points: intent.points.get() };
        self.put((tenant.clone(), intent.member, credited.lot), lot);
    }

    pub(crate) fn vested(&mut self, tenant: &TenantId, member: MemberId, state: &LotState) {
        self.change(tenant, member, state, |lot| lot.activates_at = None);
    }

    /// What is still held stays held; if it comes back, it expires in that same decision.
    pub(crate) fn expired(&mut self, tenant: &TenantId, member: MemberId, state: &LotState) {
        self.take(&(tenant.clone(), member, state.lot));
    }

    pub(crate) fn moved(&mut self, tenant: &TenantId, member: MemberId, state: &LotState) {
        self.change(tenant, member, state, |_| {});
    }

    fn change(
        &mut self,
        tenant: &TenantId,
        member: MemberId,
        state: &LotState,
        change: impl FnOnce(&mut Lot),
    ) {
        let key = (tenant.clone(), member, state.lot);
        let Some(mut lot) = self.take(&key) else { return };
        change(&mut lot);
        lot.points = state.free.get() + state.held.get();
        self.put(key, lot);
    }

    fn take(&mut self, key: &LotKey) -> Option<Lot> {
        let lot = self.lots.remove(key)?;
        if let Some(due) = lot.due() {
            self.due.remove(&(due, key.clone()));
        }
        Some(lot)
    }

    /// A lot with nothing left is forgotten. What is held counts as left, so nothing comes back to a forgotten lot.
    fn put(&mut self, key: LotKey, lot: Lot) {
        if let Some(due) = lot.due().filter(|_| lot.points > 0) {
            self.due.insert((due, key.clone()));
            self.lots.insert(key, lot);
        }
    }

    /// Wallets with something due at `now`: (when, whose).
    pub(crate) fn due(&self, now: Timestamp) -> BTreeMap<(TenantId, MemberId), Timestamp> {
        let mut wallets = BTreeMap::new();
        for (due, (tenant, member, _)) in self.due.iter().take_while(|(due, _)| *due <= now) {
            wallets.insert((tenant.clone(), *member), *due);
        }
        wallets
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }
}

impl Lot {
    fn due(&self) -> Option<Timestamp> {
        match (self.activates_at, self.expires_at) {
            (Some(activates), Some(expires)) => Some(activates.min(expires)),
            (activates, expires) => activates.or(expires),
        }
    }
}
