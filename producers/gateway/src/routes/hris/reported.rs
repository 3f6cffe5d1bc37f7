//! What was appended last about whom, while the rows do not have it yet.
//!
//! "The rows say this already" is no news only where the rows have what was reported last: of A, B, A in quick
//! succession the rows may still say A when the last one comes, and B would stand for ever.

use std::collections::HashMap;

use mirabelle_domain::{CommandId, Digest, Key};
use parking_lot::Mutex;

/// Subjects remembered at least; at most twice as many are. A whole workforce fits.
const REMEMBERED: usize = 65_536;

/// What was appended last about a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// The command.
    pub(super) id: CommandId,
    /// Its body's digest.
    pub(super) digest: Digest,
    /// Its key.
    pub(super) key: Key,
}

#[derive(Default)]
struct Generations {
    young: HashMap<String, Last>,
    old: HashMap<String, Last>,
}

/// By subject: a member's state, or one of its milestones.
#[derive(Default)]
pub struct Reported {
    generations: Mutex<Generations>,
}

impl Reported {
    /// What was appended last about a subject, as far as it is remembered.
    pub(super) fn last(&self, subject: &str) -> Option<Last> {
        let generations = self.generations.lock();
        generations.young.get(subject).or_else(|| generations.old.get(subject)).cloned()
    }

    /// Remembers what is appended now.
    pub(super) fn note(&self, subject: String, last: Last) {
        let mut generations = self.generations.lock();
        if generations.young.len() >= REMEMBERED {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(subject, last);
    }

    /// The rows have it, unless something else was appended meanwhile.
    pub(super) fn arrived(&self, subject: &str, id: CommandId) {
        let mut generations = self.generations.lock();
        let Generations { young, old } = &mut *generations;
        for generation in [young, old] {
            if generation.get(subject).is_some_and(|last| last.id == id) {
                generation.remove(subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(number: u8) -> Last {
        Last { id: CommandId([number; 16]), digest: Digest([number; 16]), key: "k".parse().unwrap() }
    }

    #[test]
    fn what_was_appended_last_is_remembered_within_bounds_until_it_has_arrived() {
        let reported = Reported::default();
        reported.note("asha".to_owned(), last(1));
        reported.note("asha".to_owned(), last(2));
        reported.arrived("asha", CommandId([1; 16]));
        assert_eq!(reported.last("asha"), Some(last(2)));
        for number in 0..REMEMBERED {
            reported.note(format!("other-{number}"), last(3));
        }
        assert_eq!(reported.last("asha"), Some(last(2)), "the latest so many are remembered");
        reported.arrived("asha", CommandId([2; 16]));
        assert_eq!(reported.last("asha"), None);
        for number in 0..3 * REMEMBERED {
            reported.note(format!("more-{number}"), last(4));
        }
        let generations = reported.generations.lock();
        assert!(generations.young.len() + generations.old.len() <= 2 * REMEMBERED);
    }
}
