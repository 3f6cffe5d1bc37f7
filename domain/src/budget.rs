//! A budget: allocated, committed, spent.

use serde::{Deserialize, Serialize};

use crate::decide::Input;
use crate::fact::Fact;
use crate::ids::Name;
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// A budget's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {}

/// What follows from an input to a budget.
pub fn decide(_name: &Name, _state: &Budget, _input: &Input<'_>) -> Result<Vec<Fact>, Rejection> {
    Err(Rejection::UnknownBudget)
}

/// What a fact changes in a budget.
pub fn evolve(_state: &mut Budget, _fact: &Fact, _at: Timestamp) {}
