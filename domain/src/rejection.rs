//! The rules' "no".

use crate::fact::CommandRejected;
use crate::points::Points;

/// Why a command was refused. `code` is stable and public; `detail` is for people and holds no personal value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The wallet has fewer points to spend than the price.
    #[error("{available} points are available, {needed} are needed")]
    InsufficientPoints {
        /// Spendable.
        available: Points,
        /// Price.
        needed: Points,
    },
    /// The lines cost more than the caller was ready to pay.
    #[error("the lines cost {points} points now, more than the {points_max} that the request allows")]
    PriceChanged {
        /// Price now.
        points: Points,
        /// The caller's bound.
        points_max: Points,
    },
    /// Nobody has reported this member.
    #[error("no connection has reported this member")]
    UnknownMember,
    /// The member has left.
    #[error("the member has left")]
    MemberTerminated,
    /// No such catalogue item is in force.
    #[error("no product of this name is in force")]
    UnknownProduct {
        /// Line, from 0.
        line: u32,
    },
    /// The item is not offered where the member works.
    #[error("the product is not offered in the member's country")]
    NotOffered {
        /// Line, from 0.
        line: u32,
    },
    /// No such redemption of this member.
    #[error("the member has no such redemption")]
    UnknownRedemption,
    /// Its state does not allow this.
    #[error("the redemption is {state}")]
    RedemptionState {
        /// Its state, as in JSON.
        state: &'static str,
    },
    /// No such grant here.
    #[error("no such grant is {expected} here")]
    UnknownGrant {
        /// What it would have to be.
        expected: &'static str,
    },
    /// No such budget was opened.
    #[error("no such budget was opened")]
    UnknownBudget,
    /// The budget exists already.
    #[error("the budget exists already")]
    BudgetExists,
    /// The budget is closed.
    #[error("the budget is closed")]
    BudgetClosed,
    /// The budget has too little free.
    #[error("{free} points are free in the budget, {needed} are needed")]
    BudgetExhausted {
        /// Free.
        free: Points,
        /// Wanted.
        needed: Points,
    },
    /// The block would exceed a campaign's daily ceiling.
    #[error("the campaign may commit {ceiling} points on that day, {needed} would be committed")]
    CeilingReached {
        /// Most points of the campaign on the ceiling's day.
        ceiling: Points,
        /// Points of the campaign on that day with this block.
        needed: Points,
    },
    /// A sum would leave the range of points.
    #[error("the sum would exceed the largest amount of points")]
    TooManyPoints,
    /// The tenant exists already.
    #[error("the tenant exists already")]
    TenantExists,
    /// No such tenant was created.
    #[error("no such tenant was created")]
    UnknownTenant,
    /// The configuration's body does not hold.
    #[error("the configuration is not valid: {detail}")]
    InvalidConfiguration {
        /// What, where, what to do.
        detail: String,
        /// JSON pointer into the body.
        pointer: Option<String>,
    },
    /// No such version.
    #[error("no such version")]
    UnknownVersion,
    /// The version's state does not allow this.
    #[error("the version is {state}")]
    VersionState {
        /// Its state, as in JSON.
        state: &'static str,
    },
    /// Drafter and publisher are one person, in a live tenant.
    #[error("whoever drafted a version can't publish it")]
    OwnDraft,
    /// The key's name is taken.
    #[error("a key of this name exists already")]
    KeyExists,
    /// No such key.
    #[error("no such key")]
    UnknownKey,
    /// The key was revoked before.
    #[error("the key is revoked already")]
    KeyRevoked,
    /// The command is not for this kind of account, or a value is out of its range.
    #[error("{detail}")]
    Invalid {
        /// What, where, what to do.
        detail: &'static str,
        /// JSON pointer into the request.
        pointer: Option<&'static str>,
    },
    /// A reason is required.
    #[error("this needs a reason")]
    ReasonRequired,
    /// Ends the input, never the id: an earlier number has not been adopted here.
    #[error("version {missing} has not been adopted here yet")]
    NotYetAdopted {
        /// The number that has to come first.
        missing: u32,
    },
    /// Ends the input, never the id: its time has not come.
    #[error("its time has not come")]
    NotDue,
}

impl Rejection {
    /// The stable code, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::InsufficientPoints { .. } => "insufficient_points",
            Rejection::PriceChanged { .. } => "price_changed",
            Rejection::UnknownMember => "unknown_member",
            Rejection::MemberTerminated => "member_terminated",
            Rejection::UnknownProduct { .. } => "unknown_product",
            Rejection::NotOffered { .. } => "not_offered",
            Rejection::UnknownRedemption => "unknown_redemption",
            Rejection::RedemptionState { .. } => "redemption_state",
            Rejection::UnknownGrant { .. } => "unknown_grant",
            Rejection::UnknownBudget => "unknown_budget",
            Rejection::BudgetExists => "budget_exists",
            Rejection::BudgetClosed => "budget_closed",
            Rejection::BudgetExhausted { .. } => "budget_exhausted",
            Rejection::CeilingReached { .. } => "ceiling_reached",
            Rejection::TooManyPoints => "too_many_points",
            Rejection::TenantExists => "tenant_exists",
            Rejection::UnknownTenant => "unknown_tenant",
            Rejection::InvalidConfiguration { .. } => "invalid_configuration",
            Rejection::UnknownVersion => "unknown_version",
            Rejection::VersionState { .. } => "version_state",
            Rejection::OwnDraft => "own_draft",
            Rejection::KeyExists => "key_exists",
            Rejection::UnknownKey => "unknown_key",
            Rejection::KeyRevoked => "key_revoked",
            Rejection::Invalid { .. } => "invalid",
            Rejection::ReasonRequired => "reason_required",
            Rejection::NotYetAdopted { .. } => "not_yet_adopted",
            Rejection::NotDue => "not_due",
        }
    }

    /// Whether the "no" ends the id too. The others (`not_due`, `not_yet_adopted`) end only the input: the same id
    /// may come again and is then decided afresh (PROTOCOL C8).
    pub fn is_final(&self) -> bool {
        !matches!(self, Rejection::NotDue | Rejection::NotYetAdopted { .. })
    }

    /// Where in the request, if one field is to blame.
    pub fn pointer(&self) -> Option<String> {
        match self {
            Rejection::UnknownProduct { line } | Rejection::NotOffered { line } => {
                Some(format!("/lines/{line}/product"))
            }
            Rejection::InvalidConfiguration { pointer, .. } => pointer.clone(),
            Rejection::Invalid { pointer, .. } => pointer.map(str::to_owned),
            Rejection::PriceChanged { .. } => Some("/points_max".to_owned()),
            _ => None,
        }
    }

    /// The fact that records it.
    pub fn into_fact(self) -> CommandRejected {
        CommandRejected { code: self.code().to_owned(), detail: self.to_string(), pointer: self.pointer() }
    }
}

/// Whether a recorded rejection's code ended the id too; see [`Rejection::is_final`].
pub fn is_final_code(code: &str) -> bool {
    !matches!(code, "not_due" | "not_yet_adopted")
}
