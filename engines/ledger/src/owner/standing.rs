//! Where an owner stands.

use std::collections::VecDeque;

use mirabelle_domain::Digest;

use super::{Attempt, Now};

#[derive(Clone, Debug)]
pub(super) enum Standing {
    Idle,
    Waiting { since: i64, at_least: i64, due: Option<i64> },
    Claiming { attempt: Attempt, handed: Now },
    Owning(Tenure),
    Stopped,
}

#[derive(Clone, Debug)]
pub(super) struct Tenure {
    pub(super) attempt: Attempt,
    /// Of the last decision made, confirmed or not.
    pub(super) seq: u64,
    pub(super) digest: Digest,
    pub(super) at: i64,
    pub(super) in_flight: VecDeque<InFlight>,
    pub(super) in_flight_bytes: usize,
    /// When something was last read back, or the first of what is in flight was handed over.
    pub(super) heard: i64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) seq: u64,
    pub(super) digest: Digest,
    pub(super) bytes: usize,
    pub(super) handed_wall: i64,
}
