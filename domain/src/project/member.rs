//! Rows about a person: worker state, milestones, what came of them.

use super::collect::{Rows, bytes, int, name_of, optional, sealed, text};
use crate::fact::{
    AwardDropped, AwardOwed, Considered, MilestoneConsidered, MilestoneRecorded, MilestoneRetracted,
    WorkerRecorded,
};
use crate::ids::{Name, Occurrence};
use crate::rows::Value;
use crate::tables::{considerations, grants, members, milestones};
use crate::worker::MilestoneKind;

impl Rows<'_> {
    /// An older state than the recorded one changes nothing but when the source last spoke.
    pub(super) fn worker_recorded(&mut self, fact: &WorkerRecorded) {
        let accepted_at = self.context.accepted_at();
        let key = vec![self.context.tenant(), self.context.member()];
        let row = self.row(&members::TABLE, key);
        row.set(members::SEEN_AT, accepted_at.clone());
        if !fact.current {
            return;
        }
        let state = &fact.state;
        row.set(members::STATUS, name_of(&state.status));
        row.set(members::ORIGINAL_HIRE, optional(state.original_hire.as_ref()));
        row.set(members::HIRE, optional(state.hire.as_ref()));
        row.set(members::CONTINUOUS_SERVICE, optional(state.continuous_service.as_ref()));
        row.set(members::SENIORITY, optional(state.seniority.as_ref()));
        row.set(members::TERMINATION, optional(state.termination.as_ref()));
        row.set(members::DEPARTMENT, optional(state.department.as_ref()));
        row.set(members::COST_CENTRE, optional(state.cost_centre.as_ref()));
        row.set(members::WORKER_TYPE, optional(state.worker_type.as_ref()));
        row.set(members::COMPANY, optional(state.company.as_ref()));
        row.set(members::COUNTRY, optional(state.country.as_ref()));
        row.set(members::LOCATION, optional(state.location.as_ref()));
        row.set(members::ZONE, optional(state.zone.as_ref()));
        row.set(members::BIRTH_DATE, sealed(state.birth_date.as_ref()));
        row.set(members::PERSONAL, sealed(state.personal.as_ref()));
        row.set(members::EXTERNAL_ID, sealed(state.external_id.as_ref()));
        row.set(members::CONNECTION, text(fact.connection.as_str()));
        row.set(members::CHANGED_AT, optional(fact.changed_at.as_ref()));
        row.set(members::RECORDED_AT, accepted_at);
    }

    fn milestone_key(&self, kind: MilestoneKind, occurrence: &Occurrence) -> Vec<Value> {
        let context = self.context;
        vec![context.tenant(), context.member(), text(kind.name()), text(occurrence.as_str())]
    }

    pub(super) fn milestone_recorded(&mut self, fact: &MilestoneRecorded) {
        let accepted_at = self.context.accepted_at();
        let key = self.milestone_key(fact.kind, &fact.occurrence);
        let row = self.row(&milestones::TABLE, key);
        row.set(milestones::EFFECTIVE, Value::Text(fact.effective.to_string()));
        row.set(milestones::KNOWN_ON, Value::Text(fact.known_on.to_string()));
        row.set(milestones::MOVED_FROM, optional(fact.moved_from.as_ref()));
        row.set(milestones::STATE, text("recorded"));
        row.set(milestones::CONNECTION, text(fact.connection.as_str()));
        row.set(milestones::SOURCE_ID, optional(fact.source_id.as_ref()));
        row.set(milestones::YEARS, optional(fact.years.as_ref()));
        let attributes = serde_json::to_string(&fact.attributes).expect("a map of texts is JSON");
        row.set(milestones::ATTRIBUTES, Value::Text(attributes));
        row.set(milestones::UPDATED_AT, accepted_at);
    }

    pub(super) fn milestone_retracted(&mut self, fact: &MilestoneRetracted) {
        let accepted_at = self.context.accepted_at();
        let key = self.milestone_key(fact.kind, &fact.occurrence);
        let row = self.row(&milestones::TABLE, key);
        row.set(milestones::STATE, text("retracted"));
        row.set(milestones::UPDATED_AT, accepted_at);
    }

    fn consideration_key(
        &self,
        kind: MilestoneKind,
        occurrence: &Occurrence,
        campaign: Option<&Name>,
    ) -> Vec<Value> {
        let mut key = self.milestone_key(kind, occurrence);
        key.push(text(campaign.map(Name::as_str).unwrap_or_default()));
        key
    }

    /// A campaign that has awarded already leaves the award's row as it is.
    pub(super) fn milestone_considered(&mut self, fact: &MilestoneConsidered) {
        let accepted_at = self.context.accepted_at();
        let key = self.consideration_key(fact.kind, &fact.occurrence, fact.campaign.as_ref());
        let row = self.row(&considerations::TABLE, key);
        if fact.outcome == Considered::AlreadyAwarded {
            row.set(considerations::AGAIN_AT, accepted_at);
            return;
        }
        row.set(considerations::VERSION, int(i64::from(fact.campaign_version)));
        row.set(considerations::OUTCOME, name_of(&fact.outcome));
        row.set(considerations::FAILED_CONDITION, optional(fact.failed_condition.as_ref()));
        row.set(considerations::CONSIDERED_AT, accepted_at);
    }

    pub(super) fn award_owed(&mut self, fact: &AwardOwed) {
        let key = self.consideration_key(fact.kind, &fact.occurrence, fact.grant.campaign.as_ref());
        self.row(&considerations::TABLE, key).set(considerations::GRANT, bytes(&fact.grant.grant.0));
        let row = self.grant(fact.budget.as_str(), &fact.grant, "owed");
        row.set(grants::KIND, text(fact.kind.name()));
        row.set(grants::OCCURRENCE, text(fact.occurrence.as_str()));
    }

    pub(super) fn award_dropped(&mut self, fact: &AwardDropped) {
        let member = self.context.member();
        let row = self.grant_state(fact.grant, "dropped");
        row.set(grants::MEMBER, member);
        row.set(grants::REASON, text(&fact.reason));
    }
}
