//! Recorded milestones that a newly adopted campaign has still to look at. They stay owed until the log has an answer, so
//! that neither a lost command nor a restart passes anybody over.

use std::collections::BTreeMap;

use mirabelle_domain::command::ConsiderMilestone;
use mirabelle_domain::{AccountId, CommandId, Day, MilestoneKind, Occurrence, Timestamp};
use mirabelle_follower::core::derived;
use mirabelle_schemas::command_id;
use mirabelle_schemas::record::Namespace;
use serde::{Deserialize, Serialize};

use crate::people::Who;

/// One milestone under one publication.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) who: Who,
    /// Number of the publication.
    pub(crate) number: u32,
    pub(crate) kind: MilestoneKind,
    pub(crate) occurrence: Occurrence,
    pub(crate) day: Day,
    /// From when the campaign is in force.
    pub(crate) effective_at: Timestamp,
    /// Raised when the log took the command before that instant: then the campaign was not asked.
    pub(crate) attempt: u32,
}

impl Look {
    pub(crate) fn key(&self) -> String {
        let Look { number, kind, occurrence, day, attempt, .. } = self;
        let again = if *attempt == 0 { String::new() } else { format!(".{attempt}") };
        format!("adopted.{number}.{}.{occurrence}.{}{again}", kind.name(), day.0)
    }

    pub(crate) fn command(&self) -> ConsiderMilestone {
        ConsiderMilestone { kind: self.kind, occurrence: self.occurrence.clone() }
    }

    fn id(&self) -> CommandId {
        let account = AccountId::member(self.who.0.clone(), self.who.1);
        command_id(Namespace::Clock, &account, &derived("clock"), &derived(&self.key()))
    }
}

/// All of them, by the id of the command that asks for them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Looks {
    owed: BTreeMap<CommandId, Look>,
}

impl Looks {
    pub(crate) fn add(&mut self, look: Look) {
        self.owed.insert(look.id(), look);
    }

    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }

    /// A command was decided that the log took at `accepted_at`.
    pub(crate) fn answered(&mut self, id: CommandId, accepted_at: Timestamp) {
        let Some(look) = self.owed.remove(&id) else { return };
        if accepted_at < look.effective_at {
            self.add(Look { attempt: look.attempt + 1, ..look });
        }
    }

    /// Up to `count` that are not under way.
    pub(crate) fn due(&self, count: usize, is_under_way: impl Fn(&CommandId) -> bool) -> Vec<Look> {
        let due = self.owed.iter().filter(|(id, _)| !is_under_way(id));
        due.take(count).map(|(_, look)| look.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use mirabelle_domain::MemberId;

    use super::*;

    #[test]
    fn a_look_is_owed_until_the_campaign_was_in_force_when_it_was_asked() {
        let mut looks = Looks::default();
        looks.add(Look {
            who: ("acme".parse().unwrap(), MemberId([4; 16])),
            number: 7,
            kind: MilestoneKind::Hire,
            occurrence: "first".parse().unwrap(),
            day: Day(20_619),
            effective_at: Timestamp(1_041),
            attempt: 0,
        });
        let first = looks.due(9, |_| false).remove(0);
        assert_eq!(first.key(), "adopted.7.hire.first.20619");
        looks.answered(CommandId([1; 16]), Timestamp(2_000));
        looks.answered(first.id(), Timestamp(1_040));
        let second = looks.due(9, |_| false).remove(0);
        assert_eq!(second.key(), "adopted.7.hire.first.20619.1");
        assert!(looks.due(9, |id| *id == second.id()).is_empty());
        looks.answered(second.id(), Timestamp(1_041));
        assert!(looks.due(9, |_| false).is_empty());
    }
}
