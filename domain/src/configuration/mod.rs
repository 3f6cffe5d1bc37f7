//! A tenant's configuration account, and a partition's adoption of it.
//!
//! Rules that may surprise:
//! - **A draft is checked when it is drafted** ([`crate::config::read`]); what is published later is exactly the text
//!   that was drafted. Versions of a name are numbered 1, 2, 3 …, withdrawn ones included.
//! - **Publishing** takes somebody else than the drafter and a reason, but in a sandbox tenant. In a live tenant a
//!   version is in force 60 seconds after its publication at the earliest, so that every partition has adopted it
//!   before; elsewhere at once. A wanted start that lies before that becomes the earliest allowed.
//! - **Publications are numbered** tenant-wide from 1 without holes, and every partition adopts them one after the
//!   other: a number that was adopted is rejected, one that comes too early is not: its turn comes again.
//! - **A draft counts until it is published or withdrawn**: at most [`OPEN_DRAFTS_MAX`] of one name. Bodies of
//!   published and withdrawn versions are not kept here.
//! - **A key** is known by its name for ever: a revoked name is not issued again. What it may do never changes:
//!   issue another one.

mod adoption;
mod decide;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::command::{ConfigKind, TenantMode};
use crate::fact::{Fact, VersionDrafted};
use crate::ids::Name;
use crate::time::Timestamp;

pub use adoption::{decide_adoption, evolve_adoption};
pub use decide::decide;

/// Microseconds between a publication and the earliest start of its version, in a live tenant.
pub const NOTICE_MICROS: i64 = 60_000_000;
/// Most drafted or submitted versions of one name.
pub const OPEN_DRAFTS_MAX: usize = 20;

/// A configuration account's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The tenant's mode; `None`: no tenant was created.
    mode: Option<TenantMode>,
    /// Number of the latest publication.
    number: u32,
    versions: BTreeMap<(ConfigKind, Name), Versions>,
    /// Keys by name, and whether they were revoked.
    keys: BTreeMap<Name, bool>,
}

/// The versions of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Versions {
    /// Number of the latest draft.
    drafted: u32,
    open: BTreeMap<u32, Draft>,
    /// Those that are no longer open.
    ended: BTreeMap<u32, Ended>,
}

/// A version before its publication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Draft {
    body: Box<str>,
    effective_at: Option<Timestamp>,
    drafter: Box<str>,
    submitted: bool,
}

/// How a draft ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Ended {
    Published,
    Withdrawn,
}

impl Configuration {
    /// The tenant's mode, if the tenant was created.
    pub fn mode(&self) -> Option<TenantMode> {
        self.mode
    }

    /// Number of the latest publication; 0 before the first.
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// What a fact changes in the configuration account.
///
/// # Panics
/// When a fact contradicts the state, or is none of a configuration account.
pub fn evolve(state: &mut Configuration, fact: &Fact, _at: Timestamp) {
    match fact {
        Fact::CommandRejected(_) | Fact::CommandRepeated(_) | Fact::InputSetAside(_) => {}
        Fact::TenantCreated(created) => {
            assert_eq!(state.mode, None, "a tenant is created once");
            state.mode = Some(created.mode);
        }
        Fact::VersionDrafted(fact) => drafted(state, fact),
        Fact::VersionSubmitted(submitted) => {
            let versions = state.versions.get_mut(&(submitted.kind, submitted.name.clone()));
            let draft = versions.and_then(|versions| versions.open.get_mut(&submitted.version));
            draft.expect("only a draft is submitted").submitted = true;
        }
        Fact::VersionPublished(published) => {
            let version = &published.version;
            assert_eq!(version.number, state.number + 1, "publications have no holes");
            state.number = version.number;
            end(state, version.kind, &version.name, version.version, Ended::Published);
        }
        Fact::VersionWithdrawn(withdrawn) => {
            end(state, withdrawn.kind, &withdrawn.name, withdrawn.version, Ended::Withdrawn);
        }
        Fact::KeyIssued(issued) => {
            let known = state.keys.insert(issued.key_id.clone(), false);
            assert_eq!(known, None, "a key's name is issued once");
        }
        Fact::KeyRevoked(revoked) => {
            let known = state.keys.insert(revoked.key_id.clone(), true);
            assert_eq!(known, Some(false), "a key that holds is revoked");
        }
        Fact::WorkerRecorded(_)
        | Fact::MilestoneRecorded(_)
        | Fact::MilestoneRetracted(_)
        | Fact::MilestoneConsidered(_)
        | Fact::AwardOwed(_)
        | Fact::AwardDropped(_)
        | Fact::GrantCredited(_)
        | Fact::GrantRefused(_)
        | Fact::LotVested(_)
        | Fact::LotExpired(_)
        | Fact::GrantReversed(_)
        | Fact::PointsDeducted(_)
        | Fact::RedemptionRequested(_)
        | Fact::RedemptionApproved(_)
        | Fact::FulfilmentStarted(_)
        | Fact::LineFulfilled(_)
        | Fact::LineFailed(_)
        | Fact::LineUnanswered(_)
        | Fact::RedemptionClosed(_)
        | Fact::VoucherRevealed(_)
        | Fact::BudgetOpened(_)
        | Fact::BudgetAllocated(_)
        | Fact::GrantCommitted(_)
        | Fact::GrantHeld(_)
        | Fact::GrantDeclined(_)
        | Fact::GrantSettled(_)
        | Fact::GrantReturned(_)
        | Fact::BudgetAlerted(_)
        | Fact::BudgetClosed(_)
        | Fact::ConfigurationAdopted(_) => panic!("{} is no fact of a configuration account", fact.name()),
    }
}

fn drafted(state: &mut Configuration, fact: &VersionDrafted) {
    let versions = state.versions.entry((fact.kind, fact.name.clone())).or_default();
    assert_eq!(fact.version, versions.drafted + 1, "versions have no holes");
    versions.drafted = fact.version;
    let draft = Draft {
        body: fact.body.as_str().into(),
        effective_at: fact.effective_at,
        drafter: fact.drafter.as_str().into(),
        submitted: false,
    };
    versions.open.insert(fact.version, draft);
}

/// A version is no longer open; its body is let go.
fn end(state: &mut Configuration, kind: ConfigKind, name: &Name, version: u32, ended: Ended) {
    let versions = state.versions.get_mut(&(kind, name.clone())).expect("only what was drafted ends");
    let draft = versions.open.remove(&version);
    assert!(draft.is_some(), "only an open version ends");
    versions.ended.insert(version, ended);
}
