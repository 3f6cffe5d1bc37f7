//! A member with the wallet.

use serde::{Deserialize, Serialize};

use crate::decide::Input;
use crate::fact::Fact;
use crate::ids::MemberId;
use crate::rejection::Rejection;
use crate::rules::InForce;
use crate::time::Timestamp;

/// A member's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {}

/// What follows from an input to a member.
pub fn decide(
    _member: MemberId,
    _state: &Member,
    _rules: InForce<'_>,
    _input: &Input<'_>,
) -> Result<Vec<Fact>, Rejection> {
    Err(Rejection::UnknownMember)
}

/// What a fact changes in a member.
pub fn evolve(_state: &mut Member, _fact: &Fact, _at: Timestamp) {}
