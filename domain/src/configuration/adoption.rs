//! A partition adopts what the tenant published.

use crate::command::Command;
use crate::config;
use crate::decide::Input;
use crate::fact::{ConfigurationAdopted, Fact};
use crate::rejection::Rejection;
use crate::rules::Adopted;

/// What follows from an input to a partition's account.
pub fn decide_adoption(state: &Adopted, input: &Input<'_>) -> Result<Vec<Fact>, Rejection> {
    let Command::AdoptConfiguration(adopt) = input.command else {
        return Err(Rejection::Invalid {
            detail: "this command is not for a partition's account",
            pointer: None,
        });
    };
    let version = &adopt.version;
    if version.number <= state.number {
        return Err(Rejection::Invalid {
            detail: "this publication has been adopted here before",
            pointer: Some("/version/number"),
        });
    }
    if version.number - 1 > state.number {
        return Err(Rejection::NotYetAdopted { missing: state.number + 1 });
    }
    // The configuration account has checked this body; a version that nobody published must not stop a partition.
    config::read(version.kind, version.mode, &version.body)?;
    Ok(vec![ConfigurationAdopted { version: version.clone() }.into()])
}

/// What a fact changes in what a partition has adopted.
///
/// # Panics
/// When the publication is not the next one.
pub fn evolve_adoption(state: &mut Adopted, fact: &Fact) {
    if let Fact::ConfigurationAdopted(adopted) = fact {
        state.adopt(&adopted.version);
    }
}
