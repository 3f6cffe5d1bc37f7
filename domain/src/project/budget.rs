//! Rows of budgets.

use super::collect::{Cells, Rows, bytes, int, name_of, note, text};
use super::wallet::points;
use crate::fact::{
    BudgetAlerted, BudgetBalance, BudgetClosed, BudgetOpened, GrantCommitted, GrantDeclined, GrantHeld,
    GrantIntent, GrantReturned, GrantSettled,
};
use crate::ids::GrantId;
use crate::rows::Value;
use crate::tables::{budget_grants, budget_held, budgets};

impl Rows<'_> {
    fn budget(&mut self) -> &mut Cells {
        let key = vec![self.context.tenant(), self.context.budget()];
        self.row(&budgets::TABLE, key)
    }

    /// The sums after.
    pub(super) fn budget_sums(&mut self, balance: &BudgetBalance) {
        let accepted_at = self.context.accepted_at();
        let row = self.budget();
        row.set(budgets::ALLOCATED, points(balance.allocated));
        row.set(budgets::FREE, points(balance.free));
        row.set(budgets::COMMITTED, points(balance.committed));
        row.set(budgets::SPENT, points(balance.spent));
        row.set(budgets::AS_OF, accepted_at);
    }

    pub(super) fn budget_opened(&mut self, fact: &BudgetOpened) {
        let accepted_at = self.context.accepted_at();
        let alerts: Vec<String> = fact.alerts.iter().map(i32::to_string).collect();
        let row = self.budget();
        row.set(budgets::TITLE, text(&fact.title));
        row.set(budgets::STATE, text("open"));
        row.set(budgets::ALERTS, Value::Text(alerts.join(",")));
        row.set(budgets::OPENED_AT, accepted_at);
    }

    pub(super) fn budget_alerted(&mut self, fact: &BudgetAlerted) {
        let accepted_at = self.context.accepted_at();
        let row = self.budget();
        row.set(budgets::ALERTED, int(i64::from(fact.threshold)));
        row.set(budgets::ALERTED_AT, accepted_at);
    }

    pub(super) fn budget_closed(&mut self, fact: &BudgetClosed) {
        self.budget_sums(&fact.balance);
        let accepted_at = self.context.accepted_at();
        let row = self.budget();
        row.set(budgets::STATE, text("closed"));
        row.set(budgets::CLOSED_AT, accepted_at);
    }

    fn budget_grant(&mut self, grant: GrantId, state: &str) -> &mut Cells {
        let (accepted_at, budget) = (self.context.accepted_at(), self.context.budget());
        let key = vec![self.context.tenant(), bytes(&grant.0)];
        let row = self.row(&budget_grants::TABLE, key);
        row.set(budget_grants::STATE, text(state));
        row.set(budget_grants::BUDGET, budget);
        row.set(budget_grants::UPDATED_AT, accepted_at);
        row
    }

    fn budget_intent(&mut self, grant: &GrantIntent, state: &str) -> &mut Cells {
        let row = self.budget_grant(grant.grant, state);
        row.set(budget_grants::MEMBER, bytes(&grant.member.0));
        row.set(budget_grants::POINTS, points(grant.points));
        let campaign = grant.campaign.as_ref().map(|campaign| text(campaign.as_str()));
        row.set_some(budget_grants::CAMPAIGN, campaign);
        row.set(budget_grants::VERSION, int(i64::from(grant.campaign_version)));
        let day = grant.ceiling_day.map(|day| Value::Text(day.to_string()));
        row.set_some(budget_grants::CEILING_DAY, day);
        row.set(budget_grants::LABEL, text(&grant.label));
        row.set_some(budget_grants::NOTE, note(grant));
        row
    }

    fn held_key(&self, grant: GrantId) -> Vec<Value> {
        vec![self.context.tenant(), self.context.budget(), bytes(&grant.0)]
    }

    pub(super) fn grant_committed(&mut self, fact: &GrantCommitted) {
        let context = self.context;
        let row = self.budget_intent(&fact.grant, "committed");
        row.set_some(budget_grants::CEILING_SUM, fact.ceiling_sum.map(points));
        if fact.released {
            row.set(budget_grants::RESOLVED_BY, text(context.principal));
            row.set_some(budget_grants::REASON, context.reason.map(text));
            let key = self.held_key(fact.grant.grant);
            self.delete(&budget_held::TABLE, key);
        }
        self.budget_sums(&fact.balance);
    }

    pub(super) fn grant_held(&mut self, fact: &GrantHeld) {
        let (accepted_at, grant) = (self.context.accepted_at(), &fact.grant);
        self.budget_intent(grant, "held").set(budget_grants::HELD_FOR, name_of(&fact.held_for));
        let key = self.held_key(grant.grant);
        let row = self.row(&budget_held::TABLE, key);
        row.set(budget_held::MEMBER, bytes(&grant.member.0));
        row.set(budget_held::POINTS, points(grant.points));
        row.set(budget_held::HELD_FOR, name_of(&fact.held_for));
        row.set_some(budget_held::CAMPAIGN, grant.campaign.as_ref().map(|campaign| text(campaign.as_str())));
        row.set(budget_held::LABEL, text(&grant.label));
        row.set_some(budget_held::NOTE, note(grant));
        row.set(budget_held::SINCE, accepted_at);
    }

    pub(super) fn grant_declined(&mut self, fact: &GrantDeclined) {
        let context = self.context;
        let row = self.budget_grant(fact.grant, "declined");
        row.set(budget_grants::MEMBER, bytes(&fact.member.0));
        row.set(budget_grants::POINTS, points(fact.points));
        row.set(budget_grants::RESOLVED_BY, text(context.principal));
        row.set_some(budget_grants::REASON, context.reason.map(text));
        let key = self.held_key(fact.grant);
        self.delete(&budget_held::TABLE, key);
    }

    pub(super) fn grant_settled(&mut self, fact: &GrantSettled) {
        self.budget_grant(fact.grant, "settled");
        self.budget_sums(&fact.balance);
    }

    pub(super) fn grant_returned(&mut self, fact: &GrantReturned) {
        self.budget_grant(fact.grant, "returned").set(budget_grants::REASON, text(&fact.reason));
        self.budget_sums(&fact.balance);
    }
}
