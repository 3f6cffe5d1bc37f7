//! A tenant's configuration account, and a partition's adoption of it.

use serde::{Deserialize, Serialize};

use crate::decide::Input;
use crate::fact::Fact;
use crate::rejection::Rejection;
use crate::rules::Adopted;
use crate::time::Timestamp;

/// A configuration account's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {}

/// What follows from an input to the configuration account.
pub fn decide(_state: &Configuration, _input: &Input<'_>) -> Result<Vec<Fact>, Rejection> {
    Err(Rejection::UnknownTenant)
}

/// What a fact changes in the configuration account.
pub fn evolve(_state: &mut Configuration, _fact: &Fact, _at: Timestamp) {}

/// What follows from an input to a partition's account.
pub fn decide_adoption(_state: &Adopted, _input: &Input<'_>) -> Result<Vec<Fact>, Rejection> {
    Err(Rejection::NotDue)
}

/// What a fact changes in what a partition has adopted.
pub fn evolve_adoption(state: &mut Adopted, fact: &Fact) {
    if let Fact::ConfigurationAdopted(adopted) = fact {
        state.adopt(&adopted.version);
    }
}
