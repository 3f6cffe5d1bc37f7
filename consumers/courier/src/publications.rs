//! Published versions on their way to every partition, one after the other in each.

use std::collections::BTreeMap;

use mirabelle_domain::fact::AdoptedVersion;
use mirabelle_follower::is_stale;
use mirabelle_schemas::record::Cause;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Publications {
    /// By number; those that every partition has are forgotten.
    versions: BTreeMap<u32, (AdoptedVersion, Cause)>,
    /// What each partition has adopted.
    adopted: BTreeMap<u16, u32>,
    /// What was last sent to each partition: (number, when).
    sent: BTreeMap<u16, (u32, i64)>,
}

impl Publications {
    /// A version was published. That may be read after all have adopted it: partitions come in any order.
    pub(crate) fn published(&mut self, version: &AdoptedVersion, cause: Cause, partitions: u16) {
        if version.number > self.everywhere(partitions) {
            self.versions.insert(version.number, (version.clone(), cause));
        }
    }

    pub(crate) fn adopted(&mut self, partition: u16, number: u32, partitions: u16) {
        let has = self.adopted.entry(partition).or_default();
        *has = (*has).max(number);
        let everywhere = self.everywhere(partitions);
        self.versions.retain(|number, _| *number > everywhere);
    }

    /// The last version that every partition has; 0 before the first.
    fn everywhere(&self, partitions: u16) -> u32 {
        let all = self.adopted.len() == usize::from(partitions);
        self.adopted.values().copied().min().filter(|_| all).unwrap_or(0)
    }

    /// Versions that some partition lacks.
    pub(crate) fn len(&self) -> usize {
        self.versions.len()
    }

    pub(crate) fn forget_sent(&mut self) {
        self.sent.clear();
    }

    /// The next version of each partition that lacks one and was not sent it lately.
    pub(crate) fn due(
        &mut self,
        partitions: u16,
        now: i64,
        resend_after: i64,
    ) -> Vec<(u16, AdoptedVersion, Option<Cause>)> {
        let mut due = Vec::new();
        for partition in 0..partitions {
            let next = self.adopted.get(&partition).copied().unwrap_or(0) + 1;
            let Some((version, cause)) = self.versions.get(&next) else { continue };
            let waits = self
                .sent
                .get(&partition)
                .is_some_and(|(n, at)| *n == next && !is_stale(*at, now, resend_after));
            if !waits {
                self.sent.insert(partition, (next, now));
                due.push((partition, version.clone(), Some(*cause)));
            }
        }
        due
    }

    /// When the oldest unanswered version was sent, 0 if one has not been sent at all; `None` when nothing is owed.
    pub(crate) fn oldest_sent(&self, partitions: u16) -> Option<i64> {
        (0..partitions)
            .filter_map(|partition| {
                let next = self.adopted.get(&partition).copied().unwrap_or(0) + 1;
                self.versions.contains_key(&next).then(|| match self.sent.get(&partition) {
                    Some((number, at)) if *number == next => *at,
                    _ => 0,
                })
            })
            .min()
    }
}
