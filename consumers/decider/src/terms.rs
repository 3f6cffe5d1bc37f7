//! What a partition's decider is told, tells and counts.

use mirabelle_domain::DOMAIN_REVISION;
use mirabelle_ledger::{Gate, OwnerAlarm, OwnerOptions, Prepared};
use mirabelle_log::{Entry, Offset, Topic};
use mirabelle_schemas::record::Claim;

/// Bounds of a partition.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who claims.
    pub owner: OwnerOptions,
    /// Largest record that the log takes, key included; what readers take bounds it too.
    pub record_bytes_max: usize,
    /// So many recent ids stay in memory before the older half goes into the index.
    pub recent_ids: usize,
}

impl Options {
    /// The defaults for an owner of this name.
    pub fn new(name: String, build: String) -> Options {
        Options {
            owner: OwnerOptions::new(name, build, DOMAIN_REVISION),
            record_bytes_max: Gate::BYTES_MAX,
            recent_ids: 50_000,
        }
    }
}

/// What the loop around a partition has to do, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Hand this claim to the gate; tell [`Partition::claim_refused`](crate::partition::Partition::claim_refused) of a refusal, and [`Partition::unclear`](crate::partition::Partition::unclear) of an unclear
    /// outcome of its attempt.
    Claim(Claim),
    /// Hand this decision to the gate, in order; tell [`Partition::unclear`](crate::partition::Partition::unclear) of an unclear outcome of its attempt.
    Append(Prepared),
    /// Append to `dead-letters` what stood at this place, an index in `Topic::INPUTS` and an offset; tell
    /// [`Partition::dead_letter_done`](crate::partition::Partition::dead_letter_done).
    AppendDeadLetter((u8, Offset), Entry),
    /// Read the inputs from these offsets of `Topic::INPUTS` on.
    Rewind([Offset; Topic::INPUTS.len()]),
    /// Tell a person.
    Alarm(Alarm),
}

/// What a person should know.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    /// Of ownership.
    #[error(transparent)]
    Owner(#[from] OwnerAlarm),
    /// A fact of a newer release: this build must not decide here.
    #[error("a fact at seq {seq} can't be read: this build must not decide here")]
    Fact {
        /// The decision.
        seq: u64,
        /// The cause.
        #[source]
        source: mirabelle_schemas::Unreadable,
    },
}

/// What was counted, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions made.
    pub decided: u64,
    /// Of them, rejections.
    pub rejected: u64,
    /// Of them, repeats.
    pub repeated: u64,
    /// Inputs set aside.
    pub set_aside: u64,
    /// Decisions read back that count.
    pub confirmed: u64,
    /// Claims made.
    pub claims: u64,
    /// Overlays dropped.
    pub dropped: u64,
}
