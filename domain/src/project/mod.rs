//! From facts to rows: pure, from the facts' own numbers alone. What each table answers stands in [`crate::tables`].
//!
//! All facts of one decision are projected together and carry one stamp, its `at`: of two facts that set one cell the
//! later one wins here, before any store sees it.

mod budget;
mod collect;
mod member;
mod redemption;
mod tenant;
#[cfg(test)]
mod tests;
mod wallet;

use crate::account::{AccountId, AccountKey};
use crate::fact::Fact;
use crate::ids::CommandId;
use crate::rows::{Row, Value};
use crate::tables::{decisions, repeats, set_aside};
use crate::time::Timestamp;
use collect::{Rows, bytes, int, text};

pub use wallet::month;

/// Most references that a row of [`decisions`] names.
pub const REFERENCES_MAX: usize = 64;

/// The decision around the facts.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Whose account was decided.
    pub account: &'a AccountId,
    /// The input's id; zeros for one that could not be read.
    pub command_id: CommandId,
    /// `Command::kind` of the input; 0 for one that could not be read.
    pub command_kind: u16,
    /// The decision's stamp, microseconds.
    pub at: i64,
    /// Its seq.
    pub seq: u64,
    /// Its partition.
    pub partition: u16,
    /// Business time.
    pub accepted_at: Timestamp,
    /// Who wanted it.
    pub principal: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

impl Context<'_> {
    fn tenant(&self) -> Value {
        text(self.account.tenant.as_str())
    }

    /// The member, where the account is one.
    fn member(&self) -> Value {
        match &self.account.key {
            AccountKey::Member(member) => bytes(&member.0),
            AccountKey::Budget(_) | AccountKey::Configuration | AccountKey::Partition(_) => bytes(&[]),
        }
    }

    /// The budget, where the account is one.
    fn budget(&self) -> Value {
        match &self.account.key {
            AccountKey::Budget(name) => text(name.as_str()),
            AccountKey::Member(_) | AccountKey::Configuration | AccountKey::Partition(_) => text(""),
        }
    }

    fn seq(&self) -> Value {
        int(i64::try_from(self.seq).unwrap_or(i64::MAX))
    }

    fn accepted_at(&self) -> Value {
        int(self.accepted_at.0)
    }
}

/// The rows of one decision, each once, in the order of tables and keys. To be stamped with `context.at`.
pub fn project(context: &Context<'_>, facts: &[Fact]) -> Vec<Row> {
    let mut rows = Rows::new(context, facts);
    rows.decision();
    for (index, fact) in facts.iter().enumerate() {
        rows.fact(index, fact);
    }
    rows.into_rows()
}

impl Rows<'_> {
    fn fact(&mut self, index: usize, fact: &Fact) {
        match fact {
            // What came of the command: see `decision`.
            Fact::CommandRejected(_) | Fact::CommandRepeated(_) | Fact::InputSetAside(_) => {}
            Fact::WorkerRecorded(fact) => self.worker_recorded(fact),
            Fact::MilestoneRecorded(fact) => self.milestone_recorded(fact),
            Fact::MilestoneRetracted(fact) => self.milestone_retracted(fact),
            Fact::MilestoneConsidered(fact) => self.milestone_considered(fact),
            Fact::AwardOwed(fact) => self.award_owed(fact),
            Fact::AwardDropped(fact) => self.award_dropped(fact),
            Fact::GrantCredited(fact) => self.grant_credited(index, fact),
            Fact::GrantRefused(fact) => self.grant_refused(fact),
            Fact::LotVested(fact) => self.lot_vested(index, fact),
            Fact::LotExpired(fact) => self.lot_expired(index, fact),
            Fact::GrantReversed(fact) => self.grant_reversed(index, fact),
            Fact::PointsDeducted(fact) => self.points_deducted(index, fact),
            Fact::RedemptionRequested(fact) => self.redemption_requested(index, fact),
            Fact::RedemptionApproved(fact) => self.redemption_state(fact.redemption, "approved"),
            Fact::FulfilmentStarted(fact) => self.fulfilment_started(fact),
            Fact::LineFulfilled(fact) => self.line_fulfilled(index, fact),
            Fact::LineFailed(fact) => self.line_failed(index, fact),
            Fact::LineUnanswered(fact) => self.line_unanswered(fact),
            Fact::RedemptionClosed(fact) => self.redemption_closed(index, fact),
            Fact::VoucherRevealed(fact) => self.voucher_revealed(fact),
            Fact::BudgetOpened(fact) => self.budget_opened(fact),
            Fact::BudgetAllocated(fact) => self.budget_sums(&fact.balance),
            Fact::GrantCommitted(fact) => self.grant_committed(fact),
            Fact::GrantHeld(fact) => self.grant_held(fact),
            Fact::GrantDeclined(fact) => self.grant_declined(fact),
            Fact::GrantSettled(fact) => self.grant_settled(fact),
            Fact::GrantReturned(fact) => self.grant_returned(fact),
            Fact::BudgetAlerted(fact) => self.budget_alerted(fact),
            Fact::BudgetClosed(fact) => self.budget_closed(fact),
            Fact::TenantCreated(fact) => self.tenant_created(fact),
            Fact::VersionDrafted(fact) => self.version_drafted(fact),
            Fact::VersionSubmitted(fact) => self.version_submitted(fact),
            Fact::VersionPublished(fact) => self.version_published(fact),
            Fact::VersionWithdrawn(fact) => self.version_withdrawn(fact),
            Fact::KeyIssued(fact) => self.key_issued(fact),
            Fact::KeyRevoked(fact) => self.key_revoked(fact),
            Fact::ConfigurationAdopted(fact) => self.configuration_adopted(fact),
        }
    }

    /// What came of the command.
    fn decision(&mut self) {
        let (context, facts) = (self.context, self.facts);
        match facts {
            [Fact::CommandRepeated(repeated), ..] => {
                let key =
                    vec![bytes(&context.command_id.0), int(i64::from(context.partition)), context.seq()];
                let row = self.row(&repeats::TABLE, key);
                row.set(repeats::FIRST_SEQ, int(repeated.first_seq));
                row.set(repeats::SAME_BODY, int(i64::from(repeated.same_body)));
                row.set(repeats::PRINCIPAL, text(context.principal));
                row.set(repeats::ACCEPTED_AT, context.accepted_at());
            }
            [Fact::InputSetAside(aside), ..] => {
                let row = self.row(&set_aside::TABLE, vec![int(i64::from(context.partition)), context.seq()]);
                row.set(set_aside::REASON, text(&aside.reason));
                row.set(set_aside::DETAIL, text(&aside.detail));
                row.set(set_aside::COMMAND_ID, bytes(&context.command_id.0));
                row.set(set_aside::ACCEPTED_AT, context.accepted_at());
            }
            _ => self.decided(),
        }
    }

    fn decided(&mut self) {
        let (context, facts) = (self.context, self.facts);
        let references = references(facts);
        let row = self.row(&decisions::TABLE, vec![bytes(&context.command_id.0)]);
        row.set(decisions::TENANT, context.tenant());
        match &context.account.key {
            AccountKey::Member(member) => row.set(decisions::MEMBER, bytes(&member.0)),
            key @ (AccountKey::Budget(_) | AccountKey::Configuration | AccountKey::Partition(_)) => {
                row.set(decisions::ACCOUNT, Value::Text(key.to_string()));
            }
        }
        row.set(decisions::PARTITION, int(i64::from(context.partition)));
        row.set(decisions::SEQ, context.seq());
        row.set(decisions::AT, int(context.at));
        row.set(decisions::WAIT, int(context.at.saturating_sub(context.accepted_at.0)));
        row.set(decisions::KIND, int(i64::from(context.command_kind)));
        row.set(decisions::ACCEPTED, int(1));
        if let [Fact::CommandRejected(rejected), ..] = facts {
            row.set(decisions::ACCEPTED, int(0));
            row.set(decisions::CODE, text(&rejected.code));
            row.set(decisions::DETAIL, text(&rejected.detail));
            row.set(decisions::POINTER, text(rejected.pointer.as_deref().unwrap_or_default()));
        }
        if !references.is_empty() {
            row.set(decisions::REFERENCES, Value::Bytes(references));
        }
    }
}

/// Ids of the grants and redemptions that a decision made, 16 bytes each.
fn references(facts: &[Fact]) -> Vec<u8> {
    facts.iter().filter_map(made).take(REFERENCES_MAX).flatten().collect()
}

/// The grant or the redemption that begins with this fact in its account.
fn made(fact: &Fact) -> Option<[u8; 16]> {
    match fact {
        Fact::RedemptionRequested(requested) => Some(requested.redemption.0),
        Fact::AwardOwed(owed) => Some(owed.grant.grant.0),
        Fact::GrantCommitted(committed) => Some(committed.grant.grant.0),
        Fact::GrantHeld(held) => Some(held.grant.grant.0),
        Fact::CommandRejected(_)
        | Fact::CommandRepeated(_)
        | Fact::InputSetAside(_)
        | Fact::WorkerRecorded(_)
        | Fact::MilestoneRecorded(_)
        | Fact::MilestoneRetracted(_)
        | Fact::MilestoneConsidered(_)
        | Fact::AwardDropped(_)
        | Fact::GrantCredited(_)
        | Fact::GrantRefused(_)
        | Fact::LotVested(_)
        | Fact::LotExpired(_)
        | Fact::GrantReversed(_)
        | Fact::PointsDeducted(_)
        | Fact::RedemptionApproved(_)
        | Fact::FulfilmentStarted(_)
        | Fact::LineFulfilled(_)
        | Fact::LineFailed(_)
        | Fact::LineUnanswered(_)
        | Fact::RedemptionClosed(_)
        | Fact::VoucherRevealed(_)
        | Fact::BudgetOpened(_)
        | Fact::BudgetAllocated(_)
        | Fact::GrantDeclined(_)
        | Fact::GrantSettled(_)
        | Fact::GrantReturned(_)
        | Fact::BudgetAlerted(_)
        | Fact::BudgetClosed(_)
        | Fact::TenantCreated(_)
        | Fact::VersionDrafted(_)
        | Fact::VersionSubmitted(_)
        | Fact::VersionPublished(_)
        | Fact::VersionWithdrawn(_)
        | Fact::KeyIssued(_)
        | Fact::KeyRevoked(_)
        | Fact::ConfigurationAdopted(_) => None,
    }
}
