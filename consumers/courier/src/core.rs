//! The courier's step function.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::command::AdoptConfiguration;
use mirabelle_domain::{AccountId, AccountKey, Command, Fact, GrantId, TenantId};
use mirabelle_follower::core::derived;
use mirabelle_follower::{Core, Outgoing, Seen, is_stale};
#[cfg(feature = "planted-bugs")]
use mirabelle_ledger::planted::{Bug, fresh, is};
use mirabelle_schemas::record::{Cause, Namespace};
use serde::{Deserialize, Serialize};

use crate::grants::Grant;
use crate::publications::Publications;

/// An answer that did not come within this time is asked for again, with the same id.
pub const RESEND_AFTER_MICROS: i64 = 5_000_000;
/// Most grants that one step sends commands for.
const STEP_MAX: usize = 2_000;

/// What is still to be carried.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Courier {
    partitions: u16,
    grants: BTreeMap<(TenantId, GrantId), Grant>,
    publications: BTreeMap<TenantId, Publications>,
    /// Obligations whose command is not known to be under way; not saved: after a start all are.
    #[serde(skip)]
    unsent: BTreeSet<(TenantId, GrantId)>,
    /// Obligations whose command was sent and not answered for long; what is new goes first.
    #[serde(skip)]
    overdue: BTreeSet<(TenantId, GrantId)>,
    /// When all that is open was last looked through for what has to be sent again.
    #[serde(skip)]
    looked_through_at: i64,
}

impl Courier {
    /// A courier over so many partitions.
    pub fn new(partitions: u16) -> Courier {
        Courier { partitions, ..Courier::default() }
    }

    /// How many grants are under way.
    pub fn open_grants(&self) -> usize {
        self.grants.len()
    }

    fn grant(&mut self, tenant: &TenantId, grant: GrantId, change: impl FnOnce(&mut Grant)) {
        let key = (tenant.clone(), grant);
        let entry = self.grants.entry(key.clone()).or_default();
        change(entry);
        if entry.is_finished() {
            self.grants.remove(&key);
            self.unsent.remove(&key);
        } else {
            entry.sent_at = 0;
            self.unsent.insert(key);
        }
    }

    fn stale(&self, now: i64) -> BTreeSet<(TenantId, GrantId)> {
        let stale = |grant: &Grant| is_stale(grant.sent_at, now, RESEND_AFTER_MICROS) && grant.is_waiting();
        self.grants.iter().filter(|(_, grant)| stale(grant)).map(|(key, _)| key.clone()).collect()
    }

    fn see_fact(&mut self, seen: &Seen<'_>, index: u16, fact: &Fact) {
        let tenant = &seen.account.tenant;
        let cause = seen.cause(index);
        match fact {
            Fact::AwardOwed(owed) => self.grant(tenant, owed.grant.grant, |g| g.owed(owed, cause)),
            Fact::GrantHeld(held) => self.grant(tenant, held.grant.grant, |g| g.held()),
            Fact::GrantCommitted(committed) => {
                if let AccountKey::Budget(budget) = &seen.account.key {
                    self.grant(tenant, committed.grant.grant, |g| g.committed(budget, committed, cause));
                }
            }
            Fact::GrantDeclined(declined) => {
                if let AccountKey::Budget(budget) = &seen.account.key {
                    self.grant(tenant, declined.grant, |g| g.declined(budget, declined, cause));
                }
            }
            Fact::GrantCredited(credited) => {
                self.grant(tenant, credited.grant.grant, |g| g.credited(&credited.budget, cause));
            }
            Fact::GrantRefused(refused) => self.grant(tenant, refused.grant, |g| g.refused(refused, cause)),
            Fact::AwardDropped(dropped) => self.grant(tenant, dropped.grant, |g| g.dropped()),
            Fact::GrantSettled(settled) => self.grant(tenant, settled.grant, |g| g.settled()),
            Fact::GrantReturned(returned) => self.grant(tenant, returned.grant, |g| g.returned()),
            Fact::VersionPublished(published) => {
                let publications = self.publications.entry(tenant.clone()).or_default();
                publications.published(&published.version, cause, self.partitions);
            }
            Fact::ConfigurationAdopted(adopted) => {
                let publications = self.publications.entry(tenant.clone()).or_default();
                publications.adopted(seen.partition, adopted.version.number, self.partitions);
            }
            _ => {}
        }
    }
}

impl Core for Courier {
    fn role(&self) -> &'static str {
        "courier"
    }

    fn cares(&self, kind: u16) -> bool {
        matches!(kind, 14 | 15 | 20 | 21 | 42..=46 | 63 | 80)
    }

    fn see(&mut self, seen: &Seen<'_>) {
        for (index, fact) in seen.facts {
            self.see_fact(seen, *index, fact);
        }
    }

    fn act(&mut self, now: i64) -> Vec<Outgoing> {
        if self.overdue.is_empty() && is_stale(self.looked_through_at, now, RESEND_AFTER_MICROS) {
            self.looked_through_at = now;
            self.overdue = self.stale(now);
        }
        let mut outgoing = Vec::new();
        while outgoing.len() < STEP_MAX {
            let Some(key) = self.unsent.pop_first().or_else(|| self.overdue.pop_first()) else { break };
            let Some(grant) = self.grants.get_mut(&key) else { continue };
            if grant.sent_at != 0 && !is_stale(grant.sent_at, now, RESEND_AFTER_MICROS) {
                continue;
            }
            let (tenant, id) = key;
            if let Some((account, key, command, cause)) = grant.next(id) {
                grant.sent_at = now;
                outgoing.push(send(AccountId { tenant, key: account }, &key, command, cause));
            }
        }
        for (tenant, publications) in &mut self.publications {
            for (partition, version, cause) in publications.due(self.partitions, now, RESEND_AFTER_MICROS) {
                let account = AccountId { tenant: tenant.clone(), key: AccountKey::Partition(partition) };
                let key = format!("adopt.{}", version.number);
                outgoing.push(send(account, &key, AdoptConfiguration { version }.into(), cause));
            }
        }
        outgoing
    }

    fn open(&self) -> usize {
        self.grants.len() + self.publications.values().map(Publications::len).sum::<usize>()
    }

    fn next_due(&self, now: i64) -> Option<i64> {
        let unsent_publication =
            self.publications.values().filter_map(|p| p.oldest_sent(self.partitions)).min();
        if !(self.unsent.is_empty() && self.overdue.is_empty()) || unsent_publication == Some(0) {
            return Some(now);
        }
        let anything = !self.grants.is_empty() || unsent_publication.is_some();
        anything.then_some(self.looked_through_at.max(unsent_publication.unwrap_or(0)) + RESEND_AFTER_MICROS)
    }

    fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a courier's state is plain data")
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        match postcard::from_bytes::<Courier>(saved) {
            Ok(state) if state.partitions == self.partitions => {
                *self = state;
                // Whether what was sent before has arrived is unknown: the ids make sending again harmless.
                self.grants.values_mut().for_each(|grant| grant.sent_at = 0);
                self.publications.values_mut().for_each(Publications::forget_sent);
                true
            }
            _ => false,
        }
    }
}

fn send(account: AccountId, key: &str, command: Command, cause: Option<Cause>) -> Outgoing {
    #[cfg(feature = "planted-bugs")]
    let key = &match is(Bug::FreshCourierIds) {
        true => format!("{key}.{}", fresh()),
        false => key.to_owned(),
    };
    Outgoing {
        account,
        namespace: Namespace::Courier,
        client: derived("courier"),
        key: derived(key),
        command,
        cause,
        local_day: None,
        tzdb: None,
    }
}
