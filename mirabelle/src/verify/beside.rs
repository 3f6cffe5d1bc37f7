//! What lies beside log and rows: snapshots, the index of ids, the key store. The first two may be deleted at any time;
//! while they are there, deciders believe them.

use std::collections::HashMap;

use mirabelle_decider::Accounts;
use mirabelle_decider::snapshot::{FORMAT, Taken};
use mirabelle_domain::{AccountId, AccountKey, CommandId, DOMAIN_REVISION};
use mirabelle_keys::{EmbeddedKeys, Keys as _, LocalKek};
use mirabelle_log::{Log, Offset, Partition};
use mirabelle_schemas::partition_of;
use mirabelle_store::{DirectoryBlobs, Ids, Snapshots, Wanted};
use mirabelle_store_embedded::EmbeddedIds;

use super::Report;
use super::facts::chain;
use crate::engine::Places;

/// What is compared with the facts while they are folded.
#[derive(Default)]
pub(crate) struct Beside {
    keys: Option<EmbeddedKeys>,
    ids: Option<EmbeddedIds>,
    /// The index claims to hold every id decided at or below this offset.
    covered: HashMap<Partition, u64>,
    /// Where snapshots are.
    snapshots: Option<Snapshots<DirectoryBlobs>>,
    /// The latest snapshot of the partition that is folded, until the fold has come to where it stands.
    taken: Option<Taken>,
}

impl Beside {
    /// Opens what there is; what can't be opened, or is damaged, is in the report.
    pub(crate) fn open(places: &Places, log: &dyn Log, report: &mut Report) -> Beside {
        let mut beside = Beside { keys: check_keys(places, report), ..Beside::default() };
        if places.ids().exists() {
            beside.open_ids(places, log, report);
        }
        beside.snapshots = Some(Snapshots::new(DirectoryBlobs::new(places.snapshots())));
        beside
    }

    fn open_ids(&mut self, places: &Places, log: &dyn Log, report: &mut Report) {
        let file = places.ids();
        let place = file.display().to_string();
        let ids = match EmbeddedIds::open(&file, log.id(), Default::default()) {
            Ok(ids) => ids,
            Err(error) => return report.differs("ids", place, chain(&error)),
        };
        for partition in (0..log.partitions()).map(Partition) {
            match ids.covered_to(partition) {
                Ok(covered) => self.covered.extend(covered.map(|to| (partition, to))),
                Err(error) => report.differs("ids", place.clone(), chain(&error)),
            }
        }
        self.ids = Some(ids);
    }

    /// A partition is going to be folded: every snapshot of it is checked, and the latest read.
    pub(crate) fn begin(&mut self, log: &dyn Log, partition: Partition, report: &mut Report) {
        self.taken = None;
        let Some(snapshots) = &self.snapshots else { return };
        let wanted = Wanted { log_id: log.id(), format: FORMAT, domain_revision: DOMAIN_REVISION };
        let place = format!("snapshots of partition {partition}");
        match snapshots.check(partition, &wanted) {
            Ok(checked) => {
                for (name, why) in checked {
                    if let Some(why) = why {
                        report.differs("snapshots", format!("snapshots/{name}"), why);
                    }
                }
            }
            Err(error) => report.differs("snapshots", place.clone(), chain(&error)),
        }
        let Ok(latest) = snapshots.latest(partition, &wanted) else { return };
        let Some(mut snapshot) = latest.snapshot else { return };
        match Taken::read(&snapshot.header, &mut snapshot.payload) {
            Ok(taken) => self.taken = Some(taken),
            Err(error) => report.differs("snapshots", place, error.to_string()),
        }
    }

    /// The partition is folded: no snapshot may stand beyond.
    pub(crate) fn end(&mut self, partition: Partition, report: &mut Report) {
        let Some(taken) = self.taken.take() else { return };
        let seq = taken.checkpoint.head.seq;
        // At seq 0 nothing was decided yet, and nothing is in it.
        if seq > 0 || !taken.accounts.is_empty() {
            let what = format!("it stands at seq {seq}, which the facts do not reach");
            report.differs("snapshots", format!("the latest of partition {partition}"), what);
        }
    }

    /// An id that a decision occupies: the index knows it, if it says that it reaches there.
    pub(crate) fn check_id(&self, partition: Partition, offset: Offset, id: CommandId, report: &mut Report) {
        let Some(ids) = &self.ids else { return };
        let place = || format!("command {id}");
        match ids.lookup(id) {
            Ok(Some(found)) if (found.partition, found.seq) != (partition, offset.0) => {
                let what = format!(
                    "the index has facts/{} offset {}, it was decided at facts/{partition} offset {offset}",
                    found.partition, found.seq
                );
                report.differs("ids", place(), what);
            }
            Ok(None) if self.covered.get(&partition).is_some_and(|covered| offset.0 <= *covered) => {
                report.differs("ids", place(), "the index does not know it, and says that it reaches there");
            }
            Ok(_) => {}
            Err(error) => report.differs("ids", place(), chain(&error)),
        }
    }

    /// The fold has come to a seq of a partition: a snapshot taken there says the same.
    pub(crate) fn check_accounts(
        &mut self,
        partition: Partition,
        partitions: u16,
        seq: u64,
        accounts: &Accounts,
        report: &mut Report,
    ) {
        let Some(taken) = self.taken.take_if(|taken| taken.checkpoint.head.seq == seq) else { return };
        let place = |account: &AccountId| format!("partition {partition} at seq {seq}, {account}");
        for (id, account) in taken.accounts.iter() {
            if accounts.get(&id) != Some(account) {
                report.differs("snapshots", place(&id), "the facts say another state of the account");
            }
        }
        for (id, _) in accounts.iter() {
            if partition_of(&id, partitions) == partition.0 && taken.accounts.get(&id).is_none() {
                report.differs("snapshots", place(&id), "the account is missing");
            }
        }
    }

    /// Every partition is folded.
    pub(crate) fn finish(&self, accounts: &Accounts, report: &mut Report) {
        let Some(keys) = &self.keys else { return };
        let created = accounts.iter().filter(|(id, _)| matches!(id.key, AccountKey::Configuration));
        for (AccountId { tenant, .. }, _) in created {
            if !tenant.as_str().starts_with('_')
                && let Err(error) = keys.member_id(&tenant, "verify", "verify", 0)
            {
                report.differs("keys", format!("tenant {tenant}"), chain(&error));
            }
        }
    }
}

/// Every key unwraps, and every tenant has its own: with another key store the people of the log would be others. A
/// key-encryption key that is kept elsewhere is not at hand here: then the keys are not looked at.
fn check_keys(places: &Places, report: &mut Report) -> Option<EmbeddedKeys> {
    let directory = places.keys();
    let place = directory.display().to_string();
    if !directory.exists() {
        let what = "the key store is missing: without it no personal value can be read again, restore it from a copy";
        report.differs("keys", place, what);
        return None;
    }
    if !places.kek().exists() {
        let what = "sealed values and keys: there is no kek at";
        report.unchecked.push(format!("{what} {}; put it there and verify again", places.kek().display()));
        return None;
    }
    let opened = LocalKek::from_file(&places.kek()).map_err(|error| chain(&error)).and_then(|kek| {
        EmbeddedKeys::open(&directory, Box::new(kek), Default::default()).map_err(|error| chain(&error))
    });
    let keys = match opened {
        Ok(keys) => keys,
        Err(error) => {
            report.differs("keys", place, error);
            return None;
        }
    };
    match keys.check_all() {
        Ok(bad) => bad.into_iter().for_each(|key| report.differs("keys", place.clone(), key)),
        Err(error) => report.differs("keys", place, chain(&error)),
    }
    Some(keys)
}
