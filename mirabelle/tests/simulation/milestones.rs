//! Which hires were recorded, and what the campaign that came late has made of them.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::fact::{MilestoneConsidered, MilestoneRecorded, MilestoneRetracted};
use mirabelle_domain::{AccountId, Fact, MemberId, MilestoneKind, Occurrence, Timestamp};
use mirabelle_schemas::partition_of;

use crate::truth::Broken;
use crate::wallet::ensure;
use crate::wishes::{LATE_CAMPAIGN, tenant};

#[derive(Default)]
pub(crate) struct Milestones {
    /// Day of each hire that stands.
    hires: BTreeMap<(MemberId, Occurrence), i32>,
    /// Those of which the late campaign has said something.
    considered: BTreeSet<(MemberId, Occurrence)>,
    /// Partitions that have adopted it, and from when on.
    adopted: BTreeMap<u16, i64>,
}

impl Milestones {
    pub(crate) fn recorded(&mut self, member: MemberId, fact: &MilestoneRecorded) {
        if fact.kind == MilestoneKind::Hire {
            self.hires.insert((member, fact.occurrence.clone()), fact.effective.0);
        }
    }

    pub(crate) fn retracted(&mut self, member: MemberId, fact: &MilestoneRetracted) {
        if fact.kind == MilestoneKind::Hire {
            self.hires.remove(&(member, fact.occurrence.clone()));
        }
    }

    pub(crate) fn considered(&mut self, member: MemberId, fact: &MilestoneConsidered) {
        let late = fact.campaign.as_ref().is_some_and(|campaign| campaign.as_str() == LATE_CAMPAIGN);
        if late && fact.kind == MilestoneKind::Hire {
            self.considered.insert((member, fact.occurrence.clone()));
        }
    }

    pub(crate) fn adopted(&mut self, partition: u16, fact: &Fact) {
        if let Fact::ConfigurationAdopted(adopted) = fact
            && adopted.version.name.as_str() == LATE_CAMPAIGN
        {
            self.adopted.insert(partition, adopted.version.effective_at.0);
        }
    }

    /// A campaign that was adopted has looked at every hire that it covers, also at those recorded before it.
    pub(crate) fn close(&self, now: i64, partitions: u16) -> Result<(), Broken> {
        let today = Timestamp(now).utc_day().0;
        for ((member, occurrence), day) in &self.hires {
            let partition = partition_of(&AccountId::member(tenant(), *member), partitions);
            // A day that is just ending somewhere is the clock's matter; so is one too far back for the campaign.
            let in_force = self.adopted.get(&partition).is_some_and(|from| *from <= now);
            let covered = in_force && (today - 60..today).contains(day);
            let told = self.considered.contains(&(*member, occurrence.clone()));
            ensure(!covered || told, &format!("the late campaign has considered {occurrence} of {member}"))?;
        }
        Ok(())
    }
}
