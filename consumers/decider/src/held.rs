//! Decisions on their way to the log, in slices that it takes.

use mirabelle_ledger::{Attempt, Gate, Prepared};
use mirabelle_log::Refused;

/// A slice takes no further decision beyond this size, bytes. In flight may be as much as a log takes at once, or more:
/// a batch of everything would be refused as too large, again after each restart.
pub const SLICE_BYTES: usize = 2 << 20;

/// Decisions made and not handed over yet, in their order. What the log refuses for certain stays here and goes before
/// anything later.
#[derive(Default)]
pub(crate) struct Held {
    waiting: Vec<Prepared>,
}

impl Held {
    pub(crate) fn push(&mut self, prepared: Prepared) {
        self.waiting.push(prepared);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets what was decided under an attempt that has ended: it must not be appended any more.
    pub(crate) fn keep_only(&mut self, current: Option<Attempt>) {
        self.waiting.retain(|prepared| Some(prepared.attempt()) == current);
    }

    /// Hands everything over, a slice after the other. After a refusal the slices before it are taken, the rest is held.
    pub(crate) fn append(&mut self, gate: &mut Gate) -> Result<(), Refused> {
        let (mut taken, mut most) = (0, usize::MAX);
        let mut outcome = Ok(());
        while taken < self.waiting.len() {
            let slice = &self.waiting[taken..];
            let slice = &slice[..records(slice).min(most)];
            match gate.append(slice) {
                Ok(()) => taken += slice.len(),
                // A log that takes less at once than a slice still takes each record.
                Err(Refused::TooLarge { .. }) if slice.len() > 1 => most = slice.len() / 2,
                Err(refused) => {
                    outcome = Err(refused);
                    break;
                }
            }
        }
        self.waiting.drain(..taken);
        outcome
    }
}

/// How many of them go into one slice: at least one.
fn records(waiting: &[Prepared]) -> usize {
    let mut bytes = 0;
    let fits = |prepared: &&Prepared| {
        bytes += prepared.bytes();
        bytes <= SLICE_BYTES
    };
    waiting.iter().take_while(fits).count().max(1)
}
