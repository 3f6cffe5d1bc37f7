//! What is asked: answered from the rows, each read of a tenant's own.
//!
//! | module | routes |
//! |---|---|
//! | [`members`] | `/members/{m}`, `/members/{m}/balance`, `/members/{m}/lots` |
//! | [`statement`] | `/members/{m}/statement` |
//! | [`explain`] | `/members/{m}/explain`: why did this member get nothing, or this much |
//! | [`redemption`] | `/redemptions/{id}`, `/redemptions/{id}/explain` |
//! | [`budget`] | `/budgets`, `/budgets/{id}`, `/budgets/{id}/held`, `/grants/{id}` |
//! | [`config`] | `/config/{kind}`, `/config/{kind}/{name}`, `/catalogue`, `/connections/{c}/status` |
//! | [`command`] | `/commands/{key}` |
//! | [`dead_letters`] | `/dead-letters` |
//! | [`feed`] | `/feed` |
//! | [`schemas`] | `/schemas/ids/{n}` |
//!
//! Instants are RFC 3339, days `YYYY-MM-DD`, what is not known is left out. A member is always said as `m:<32
//! hexadecimal digits>`; the number and the name beside it only to those who may see people.

pub mod budget;
pub mod command;
pub mod config;
pub mod dead_letters;
mod due;
pub mod explain;
pub mod feed;
mod grant;
mod masking;
pub mod members;
pub mod params;
pub mod redemption;
pub mod schemas;
pub mod statement;
pub mod view;
mod words;

use mirabelle_domain::command::Role;

/// Who reads about everybody.
const READERS: &[Role] = &[Role::Admin, Role::Service, Role::Analyst, Role::Auditor, Role::Operator];
/// Who reads about members: a member about itself.
const READERS_AND_MEMBER: &[Role] =
    &[Role::Member, Role::Admin, Role::Service, Role::Analyst, Role::Auditor, Role::Operator];
