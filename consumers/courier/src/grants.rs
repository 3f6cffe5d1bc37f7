//! How far one grant has come. Its facts lie in two partitions and are read in any order.

use mirabelle_domain::command::{CommitGrants, CreditGrant, DropGrant, ReturnGrant, SettleGrants};
use mirabelle_domain::fact::{AwardOwed, GrantCommitted, GrantDeclined, GrantIntent, GrantRefused};
use mirabelle_domain::{AccountKey, Command, GrantId, Name};
use mirabelle_schemas::record::Cause;
use serde::{Deserialize, Serialize};

/// A grant under way.
///
/// ```text
///  member: AwardOwed ──→ budget: GrantCommitted ──→ member: GrantCredited ──→ budget: GrantSettled
///                          │ GrantHeld (waits)        └──── GrantRefused ──→ budget: GrantReturned
///                          └ GrantDeclined ──→ member: AwardDropped
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Grant {
    budget: Option<Name>,
    intent: Option<Box<GrantIntent>>,
    cause: Option<Cause>,
    refusal: Option<String>,
    owed: bool,
    held: bool,
    committed: bool,
    declined: bool,
    credited: bool,
    refused: bool,
    dropped: bool,
    settled: bool,
    returned: bool,
    /// When its last command was sent, microseconds; 0: not yet.
    pub(crate) sent_at: i64,
}

/// Where a command goes: account, key, command, cause.
pub(crate) type Next = (AccountKey, String, Command, Option<Cause>);

impl Grant {
    pub(crate) fn owed(&mut self, owed: &AwardOwed, cause: Cause) {
        self.owed = true;
        self.remember(&owed.budget, &owed.grant);
        self.caused(cause, !(self.committed || self.credited || self.refused));
    }

    pub(crate) fn held(&mut self) {
        self.held = true;
    }

    pub(crate) fn committed(&mut self, budget: &Name, committed: &GrantCommitted, cause: Cause) {
        self.committed = true;
        self.remember(budget, &committed.grant);
        self.caused(cause, !(self.credited || self.refused));
    }

    pub(crate) fn declined(&mut self, budget: &Name, declined: &GrantDeclined, cause: Cause) {
        self.declined = true;
        self.budget = Some(budget.clone());
        self.refusal = Some(format!("declined by a person; {} points", declined.points));
        self.caused(cause, true);
    }

    pub(crate) fn credited(&mut self, budget: &Name, cause: Cause) {
        self.credited = true;
        self.budget = Some(budget.clone());
        self.caused(cause, true);
    }

    pub(crate) fn refused(&mut self, refused: &GrantRefused, cause: Cause) {
        self.refused = true;
        self.budget = Some(refused.budget.clone());
        self.refusal = Some(refused.reason.clone());
        self.caused(cause, true);
    }

    pub(crate) fn dropped(&mut self) {
        self.dropped = true;
    }

    pub(crate) fn settled(&mut self) {
        self.settled = true;
    }

    pub(crate) fn returned(&mut self) {
        self.returned = true;
    }

    fn remember(&mut self, budget: &Name, intent: &GrantIntent) {
        self.budget = Some(budget.clone());
        self.intent.get_or_insert_with(|| Box::new(intent.clone()));
    }

    fn caused(&mut self, cause: Cause, latest: bool) {
        if latest {
            self.cause = Some(cause);
        }
    }

    /// Every fact that this grant will ever have has been seen: those on the way to its end too, else one that is
    /// read later would open it again.
    pub(crate) fn is_finished(&self) -> bool {
        let award = self.intent.as_ref().is_none_or(|intent| intent.campaign.is_some());
        let begun = !award || self.owed;
        let ended = (self.settled && self.credited && self.committed)
            || (self.returned && self.refused && self.committed)
            || (self.declined && self.dropped);
        begun && ended
    }

    /// Whether a command is owed for it now.
    pub(crate) fn is_waiting(&self) -> bool {
        self.stage().is_some()
    }

    fn stage(&self) -> Option<Stage> {
        if self.settled || self.returned {
            None
        } else if self.credited {
            Some(Stage::Settle)
        } else if self.refused {
            Some(Stage::Return)
        } else if self.committed {
            Some(Stage::Credit)
        } else if self.declined {
            (!self.dropped).then_some(Stage::Drop)
        } else if self.owed && !self.held {
            Some(Stage::Commit)
        } else {
            None
        }
    }

    /// The command that takes it one step further.
    pub(crate) fn next(&self, id: GrantId) -> Option<Next> {
        let stage = self.stage()?;
        let budget = self.budget.clone()?;
        let at_budget = AccountKey::Budget(budget.clone());
        let (account, purpose, command): (AccountKey, &str, Command) = match stage {
            Stage::Commit => {
                let grants = vec![*self.intent.clone()?];
                (at_budget, "commit", CommitGrants { grants, all_or_nothing: false }.into())
            }
            Stage::Credit => {
                let grant = *self.intent.clone()?;
                (AccountKey::Member(grant.member), "credit", CreditGrant { budget, grant }.into())
            }
            Stage::Settle => (at_budget, "settle", SettleGrants { grants: vec![id] }.into()),
            Stage::Return => {
                let reason = self.refusal.clone().unwrap_or_default();
                (at_budget, "return", ReturnGrant { grant: id, reason }.into())
            }
            Stage::Drop => {
                let member = self.intent.as_ref()?.member;
                let reason = self.refusal.clone().unwrap_or_default();
                (AccountKey::Member(member), "drop", DropGrant { budget, grant: id, reason }.into())
            }
        };
        Some((account, format!("{purpose}.{id}"), command, self.cause))
    }
}

enum Stage {
    Commit,
    Credit,
    Settle,
    Return,
    Drop,
}
