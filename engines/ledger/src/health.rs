//! Which partitions a role can't work on, and why: shared between the role and whoever asks for its health.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use mirabelle_log::Partition;

/// The health of a role, partition by partition. Asking costs one atomic load.
#[derive(Debug)]
pub struct Health {
    ailing: Vec<AtomicBool>,
    reasons: Mutex<Vec<Option<String>>>,
}

impl Health {
    /// So many partitions, all of them sound.
    pub fn new(partitions: u16) -> Health {
        let count = usize::from(partitions);
        Health {
            ailing: (0..count).map(|_| AtomicBool::new(false)).collect(),
            reasons: Mutex::new(vec![None; count]),
        }
    }

    /// Says how a partition is: why it can't be worked on, or `None` when it can.
    pub fn set(&self, partition: Partition, why: Option<&str>) {
        let index = usize::from(partition.0);
        let Some(ailing) = self.ailing.get(index) else { return };
        if why.is_none() && !ailing.load(Ordering::Relaxed) {
            return;
        }
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if reasons[index].as_deref() != why {
            reasons[index] = why.map(str::to_owned);
            ailing.store(why.is_some(), Ordering::Release);
        }
    }

    /// Why a partition can't be worked on; `None` where all is well.
    pub fn ails(&self, partition: Partition) -> Option<String> {
        let index = usize::from(partition.0);
        if !self.ailing.get(index)?.load(Ordering::Acquire) {
            return None;
        }
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)[index].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_ails_says_why_until_it_is_well_again() {
        let health = Health::new(3);
        health.set(Partition(1), Some("its clock was set"));
        health.set(Partition(9), Some("there is no such partition"));
        let ails = |number| health.ails(Partition(number));
        assert_eq!([ails(0), ails(1), ails(9)], [None, Some("its clock was set".to_owned()), None]);
        health.set(Partition(1), None);
        assert_eq!(ails(1), None);
    }
}
