//! The pure rules of Mirabelle: no clock, no IO, no randomness, no async, no logging.

pub mod account;
pub mod budget;
pub mod command;
pub mod config;
pub mod configuration;
pub mod decide;
pub mod fact;
pub mod ids;
pub mod member;
pub mod points;
pub mod project;
pub mod rejection;
pub mod rows;
pub mod rules;
pub mod sealed;
pub mod tables;
pub mod time;
pub mod worker;

pub use account::{AccountId, AccountKey};
pub use command::Command;
pub use decide::{Account, DOMAIN_REVISION, Input, decide, evolve};
pub use fact::Fact;
pub use ids::{CommandId, Digest, GrantId, Key, MemberId, Name, Occurrence, RedemptionId, TenantId};
pub use points::Points;
pub use project::project;
pub use rejection::Rejection;
pub use sealed::Sealed;
pub use time::{Day, LeapDay, Timestamp};
pub use worker::{MilestoneKind, WorkerState, WorkerStatus};
