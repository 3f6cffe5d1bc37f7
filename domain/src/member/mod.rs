//! A member with the wallet: what HR systems said, what campaigns owe for it, lots of points, redemptions.
//!
//! [`decide`] plans on a copy of the state and folds each of its facts into that copy with [`evolve`], so that a fact
//! is never written that the fold would not accept, and later facts of a decision stand on the earlier ones.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::decide::Input;
use crate::fact::{Balance, Fact};
use crate::ids::{GrantId, MemberId};
use crate::points::Points;
use crate::rejection::Rejection;
use crate::rules::InForce;
use crate::time::Timestamp;
use crate::worker::WorkerStatus;

mod award;
mod decimal;
mod draft;
mod fold;
mod fulfilment;
mod grants;
mod milestone;
mod redemption;
mod request;
mod wallet;
mod worker;

#[cfg(test)]
mod tests;

pub use fold::evolve;
pub use wallet::LotView;

use draft::Draft;
use milestone::Milestone;
use redemption::{Closed, Redemption};
use wallet::Wallet;
use worker::Worker;

/// Most lots of one wallet that still hold points; a further grant is refused as `too_many_lots`.
pub const LOTS_MAX: usize = 4096;
/// Most milestones recorded for one member.
pub const MILESTONES_MAX: usize = 4096;
/// Most redemptions of one member that wait for an end.
pub const REDEMPTIONS_OPEN_MAX: usize = 1000;
/// Most lines of a redemption.
pub const LINES_MAX: usize = 20;
/// Most pieces on a line.
pub const QUANTITY_MAX: u32 = 100;

/// A member's state. Small, since a partition holds a million of them: what most members do not have is behind a
/// pointer, shared between copies until one changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    wallet: Wallet,
    worker: Option<Worker>,
    milestones: Option<Arc<Vec<Milestone>>>,
    open: Option<Arc<Vec<Redemption>>>,
    past: Option<Arc<Past>>,
}

/// What is over, as far as later questions need it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Past {
    /// Grants whose lot is used up: for reversals, and so that none is credited twice.
    gone: Vec<Gone>,
    /// Grants that this wallet refused.
    refused: Vec<GrantId>,
    /// Closed redemptions with lines of vendors: for vouchers, and for answers that come late.
    closed: Vec<Closed>,
}

/// A grant whose lot is used up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Gone {
    grant: GrantId,
    spent: Points,
    reversed: bool,
}

impl Member {
    /// The wallet's sums.
    pub fn balance(&self) -> Balance {
        self.wallet.balance
    }

    /// The lots that still hold points, in the order in which they are spent.
    pub fn lots(&self) -> impl Iterator<Item = LotView> {
        self.wallet.lots.iter().map(LotView::of)
    }

    /// Whether the member works here, as last reported; `None`: no HR system has reported a state.
    pub fn status(&self) -> Option<WorkerStatus> {
        self.worker.as_ref().map(|worker| worker.status)
    }

    /// When something falls due next in this wallet: a lot vests at the instant, or expires right after it.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.wallet.lots.iter().filter_map(|lot| lot.next_due()).min()
    }

    /// Whether every sum agrees with the lots, and every hold with the redemptions that hold it. `Err` says which
    /// does not; it never happens but by a broken build or changed bytes.
    pub fn check(&self) -> Result<(), String> {
        let gone = self.past().gone.iter();
        let gone_shortfall = gone.filter(|gone| gone.reversed).map(|gone| i128::from(gone.spent.get())).sum();
        self.wallet.check(gone_shortfall)?;
        for lot in &self.wallet.lots {
            let held: i128 = self.open().iter().map(|open| open.holds_of(lot.number)).sum();
            if held != i128::from(lot.held.get()) {
                return Err(format!("lot {}: {} held, redemptions hold {held}", lot.number, lot.held));
            }
        }
        self.open().iter().try_for_each(Redemption::check)
    }

    /// Whether anything was ever recorded of this member.
    fn is_known(&self) -> bool {
        self.worker.is_some() || self.milestones.is_some() || self.wallet.lots_ever > 0
    }

    fn has_left(&self) -> bool {
        self.status() == Some(WorkerStatus::Terminated)
    }

    fn milestones(&self) -> &[Milestone] {
        self.milestones.as_ref().map_or(&[], |milestones| milestones.as_slice())
    }

    fn milestones_mut(&mut self) -> &mut Vec<Milestone> {
        Arc::make_mut(self.milestones.get_or_insert_default())
    }

    fn open(&self) -> &[Redemption] {
        self.open.as_ref().map_or(&[], |open| open.as_slice())
    }

    fn open_mut(&mut self) -> &mut Vec<Redemption> {
        Arc::make_mut(self.open.get_or_insert_default())
    }

    fn past(&self) -> &Past {
        static NOTHING: Past = Past { gone: Vec::new(), refused: Vec::new(), closed: Vec::new() };
        self.past.as_deref().unwrap_or(&NOTHING)
    }

    fn past_mut(&mut self) -> &mut Past {
        Arc::make_mut(self.past.get_or_insert_default())
    }
}

/// What follows from an input to a member. Every input that is not rejected ends in at least one fact.
pub fn decide(
    member: MemberId,
    state: &Member,
    rules: InForce<'_>,
    input: &Input<'_>,
) -> Result<Vec<Fact>, Rejection> {
    let mut draft = Draft::new(member, state, rules, input);
    match input.command {
        Command::ReportMilestone(body) => milestone::report(&mut draft, body)?,
        Command::RetractMilestone(body) => milestone::retract(&mut draft, body)?,
        Command::ReportWorker(body) => worker::report(&mut draft, body),
        Command::ConsiderMilestone(body) => milestone::consider_again(&mut draft, body)?,
        Command::CreditGrant(body) => grants::credit(&mut draft, body)?,
        Command::DropGrant(body) => grants::drop_award(&mut draft, body)?,
        Command::ReverseGrant(body) => grants::reverse(&mut draft, body)?,
        Command::DeductPoints(body) => grants::deduct(&mut draft, body)?,
        Command::ApplyDue(_) => {
            draft.apply_due();
            if draft.is_empty() {
                return Err(Rejection::NotDue);
            }
        }
        Command::RequestRedemption(body) => request::request(&mut draft, body)?,
        Command::CancelRedemption(body) => request::cancel(&mut draft, body)?,
        Command::StartFulfilment(body) => fulfilment::start(&mut draft, body)?,
        Command::RecordFulfilment(body) => fulfilment::record(&mut draft, body)?,
        Command::RevealVoucher(body) => fulfilment::reveal(&mut draft, body)?,
        Command::OpenBudget(_)
        | Command::AllocateBudget(_)
        | Command::CommitGrants(_)
        | Command::SettleGrants(_)
        | Command::ReturnGrant(_)
        | Command::ResolveHeldGrant(_)
        | Command::CloseBudget(_)
        | Command::CreateTenant(_)
        | Command::DraftVersion(_)
        | Command::SubmitVersion(_)
        | Command::PublishVersion(_)
        | Command::WithdrawVersion(_)
        | Command::IssueKey(_)
        | Command::RevokeKey(_)
        | Command::AdoptConfiguration(_) => {
            return Err(Rejection::Invalid { detail: "the command is not for a member", pointer: None });
        }
    }
    Ok(draft.into_facts())
}
