//! The owner's side: who may decide, and what to do when it is no longer clear.

mod backoff;
mod clock;
mod machine;
mod standing;

use mirabelle_domain::Digest;
use mirabelle_log::{Offset, Topic};
use mirabelle_schemas::record::Claim;

use crate::alarm::Alarm;
use crate::fold::Verdict;
use crate::view::RecordView;

pub use machine::Owner;

/// An instant on both clocks, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since 1970, as the machine believes.
    pub wall: i64,
    /// Of a clock that is never set, and counts on while the machine sleeps; since any instant.
    pub monotonic: i64,
}

/// Bounds of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerOptions {
    /// For people: which process.
    pub name: String,
    /// Version of the binary that decides.
    pub build: String,
    /// What deciding means in its epochs.
    pub domain_revision: u32,
    /// Most decisions in flight.
    pub in_flight_max: usize,
    /// Most bytes in flight; one decision may go beyond it.
    pub in_flight_bytes_max: usize,
    /// Claims again when nothing that was handed to the log is read back for so long, microseconds.
    pub silence_max: i64,
    /// First back-off after a lost claim, microseconds; it doubles.
    pub backoff_min: i64,
    /// Longest back-off, microseconds.
    pub backoff_max: i64,
    /// How far its clock may be from the log's, microseconds.
    pub clock_off_max: i64,
    /// How long it waits to claim again after its clock was found wrong, microseconds.
    pub clock_retry: i64,
    /// How long a wall clock that was set has to go on from there before it is believed again, microseconds.
    pub clock_settles: i64,
}

impl OwnerOptions {
    /// The bounds of PROTOCOL C2, C7 and H2: 2 s of silence, 20 ms doubling to 5 s, a clock within 2 s; one that was set is
    /// believed again after 5 minutes.
    pub fn new(name: String, build: String, domain_revision: u32) -> OwnerOptions {
        OwnerOptions {
            name,
            build,
            domain_revision,
            in_flight_max: 20_000,
            in_flight_bytes_max: 16 << 20,
            silence_max: 2_000_000,
            backoff_min: 20_000,
            backoff_max: 5_000_000,
            clock_off_max: 2_000_000,
            clock_retry: 10_000_000,
            clock_settles: 300_000_000,
        }
    }
}

/// One attempt to own a partition, for ever told from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// Its epoch.
    pub epoch: u64,
    /// Its random bits.
    pub claim: u64,
}

impl Attempt {
    /// The attempt that a claim is of.
    pub fn of(claim: &Claim) -> Attempt {
        Attempt { epoch: claim.epoch, claim: claim.claim }
    }
}

/// The permission to make one decision, and what it must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Epoch and claim.
    pub attempt: Attempt,
    /// The next seq.
    pub seq: u64,
    /// The digest of what it rests on.
    pub prev_digest: Digest,
    /// Its stamp, microseconds: after the last one, else now.
    pub at: i64,
}

/// A record that the owner's reader has read.
#[derive(Clone, Copy, Debug)]
pub struct ReadBack<'a> {
    /// What became of it.
    pub verdict: &'a Verdict,
    /// What it says; `None` when it is not ours.
    pub record: Option<RecordView<'a>>,
    /// When the log took it, microseconds.
    pub appended_at: i64,
}

/// What an owner tells its user, who does it in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append this claim to `facts`.
    Append(Claim),
    /// The claim counts: decide, from these next offsets of [`Topic::INPUTS`] on. Confirmed state is the fold of all that
    /// was read back up to here.
    Rewind([Offset; Topic::INPUTS.len()]),
    /// The decision in flight with this seq counts: move it from the overlay into confirmed state, answer.
    Confirmed(u64),
    /// A decision with this seq counts that is not in flight: fold the record into confirmed state. It may be one of
    /// this owner's own that it had given up; whoever waits for it is answered from the record.
    Evolve(u64),
    /// Forget the overlay: every decision in flight, and all that was made of them. Answer none of them: their inputs
    /// are still there.
    DropOverlay(Why),
    /// Tell a person.
    Alarm(OwnerAlarm),
}

/// Why an owner gave up what was in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Membership has moved the partition.
    Unassigned,
    /// Nobody knows what became of an append.
    Unclear,
    /// The log would not take the claim.
    Refused,
    /// Nothing came back in time.
    Silence,
    /// A decision of its own stands behind a gap.
    Orphan,
    /// Another's claim counts.
    Dethroned,
    /// Its clock is not the log's.
    Clock,
    /// The partition has stopped.
    Stopped,
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerAlarm {
    /// Ownership is fought for, or the log does not answer.
    #[error("{claims} claims on one partition within a minute")]
    ClaimStorm {
        /// How many.
        claims: usize,
    },
    /// The log's append time of an own record is far from when it was appended. Nothing is decided.
    #[error("this machine's clock is {by} µs from the log's: nothing is decided")]
    ClockOff {
        /// By how much it is ahead, microseconds; negative: behind.
        by: i64,
    },
    /// The wall clock was set. Nothing is decided until it is back, or has stayed where it is for long.
    #[error("this machine's clock was set by {by} µs: nothing is decided")]
    ClockSet {
        /// By how much, microseconds.
        by: i64,
    },
    /// The wall clock was set, and has gone on from there for long: it is believed again, if the log's agrees.
    #[error("this machine's clock has stayed where it was set, {by} µs away: it is believed again")]
    ClockSettled {
        /// By how much it was set, microseconds.
        by: i64,
    },
    /// A claim of a newer release counts: what deciding means here is no longer what this build decides.
    #[error(
        "this partition is decided by revision {newer} of the rules, and this build knows {own}: it decides nothing here"
    )]
    NewerRevision {
        /// The highest revision that has decided here.
        newer: u32,
        /// This build's.
        own: u32,
    },
    /// A decision counts under this claim that this owner did not make.
    #[error("decision {seq} counts under the claim of this owner, who did not make it")]
    NotMine {
        /// Its seq.
        seq: u64,
    },
    /// The reading rule has stopped.
    #[error("the partition has stopped")]
    Stopped(#[source] Alarm),
}

impl OwnerAlarm {
    /// Whether this owner decides nothing more in the partition, for good.
    pub fn is_final(&self) -> bool {
        match self {
            OwnerAlarm::NotMine { .. } | OwnerAlarm::Stopped(_) | OwnerAlarm::NewerRevision { .. } => true,
            OwnerAlarm::ClaimStorm { .. }
            | OwnerAlarm::ClockOff { .. }
            | OwnerAlarm::ClockSet { .. }
            | OwnerAlarm::ClockSettled { .. } => false,
        }
    }
}
