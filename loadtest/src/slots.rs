//! Completions over time, millisecond by millisecond, in a form that adds up over threads and processes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The completions of one millisecond: how many, and when the first and the last fell within it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Slot {
    count: u32,
    first_us: u16,
    last_us: u16,
}

/// Completions since the start. A longest pause is exact down to a millisecond; shorter ones within one
/// slot are not seen.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Vec<(u32, u32, u16, u16)>", into = "Vec<(u32, u32, u16, u16)>")]
pub(crate) struct Slots {
    slots: Vec<Slot>,
}

/// The longest time without any completion.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Gap {
    pub(crate) ms: f64,
    /// When it began, in seconds from the beginning of the measured window.
    pub(crate) at_s: f64,
}

impl Slots {
    /// Notes a completion `since_start`.
    pub(crate) fn note(&mut self, since_start: Duration) {
        let micros = since_start.as_micros();
        let index = usize::try_from(micros / 1000).unwrap_or(usize::MAX);
        // A run that lasts days has no use for milliseconds; a guard against a wild clock.
        if index > 100_000_000 {
            return;
        }
        if index >= self.slots.len() {
            self.slots.resize(index + 1, Slot::default());
        }
        let within = (micros % 1000) as u16;
        self.slots[index].add(Slot { count: 1, first_us: within, last_us: within });
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.slots.len() > self.slots.len() {
            self.slots.resize(other.slots.len(), Slot::default());
        }
        for (slot, more) in self.slots.iter_mut().zip(&other.slots) {
            slot.add(*more);
        }
    }

    /// The end of the last slot in use.
    pub(crate) fn end(&self) -> Duration {
        Duration::from_millis(self.slots.len() as u64)
    }

    pub(crate) fn count(&self, from: Duration, to: Duration) -> u64 {
        self.within(from, to).map(|(_, slot)| u64::from(slot.count)).sum()
    }

    /// Completions in each second of the window; a last part shorter than a second is left out, unless it
    /// is all there is.
    pub(crate) fn per_second(&self, from: Duration, to: Duration) -> Vec<u64> {
        let whole = to.saturating_sub(from).as_secs().max(1);
        let second = |n: u64| {
            let start = from + Duration::from_secs(n);
            self.count(start, (start + Duration::from_secs(1)).min(to))
        };
        (0..whole).map(second).collect()
    }

    /// The longest pause in the window, its beginning and end included.
    pub(crate) fn longest_gap(&self, from: Duration, to: Duration) -> Gap {
        let (start, stop) = (from.as_micros() as u64, to.as_micros() as u64);
        let mut longest = (0, start);
        let mut last = start;
        let mut consider = |at: u64, last: u64| {
            if at.saturating_sub(last) > longest.0 {
                longest = (at - last, last);
            }
        };
        for (index, slot) in self.within(from, to).filter(|(_, slot)| slot.count > 0) {
            consider(index * 1000 + u64::from(slot.first_us), last);
            last = index * 1000 + u64::from(slot.last_us);
        }
        consider(stop, last);
        Gap { ms: longest.0 as f64 / 1e3, at_s: (longest.1 - start) as f64 / 1e6 }
    }

    fn within(&self, from: Duration, to: Duration) -> impl Iterator<Item = (u64, &Slot)> {
        let first = from.as_millis() as usize;
        let last = (to.as_millis() as usize).min(self.slots.len()).max(first.min(self.slots.len()));
        let range = first.min(self.slots.len())..last;
        self.slots[range].iter().enumerate().map(move |(offset, slot)| ((first + offset) as u64, slot))
    }
}

impl Slot {
    fn add(&mut self, other: Slot) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        self.count += other.count;
        self.first_us = self.first_us.min(other.first_us);
        self.last_us = self.last_us.max(other.last_us);
    }
}

impl From<Slots> for Vec<(u32, u32, u16, u16)> {
    fn from(slots: Slots) -> Self {
        let used = slots.slots.iter().enumerate().filter(|(_, slot)| slot.count > 0);
        used.map(|(index, slot)| (index as u32, slot.count, slot.first_us, slot.last_us)).collect()
    }
}

impl From<Vec<(u32, u32, u16, u16)>> for Slots {
    fn from(rows: Vec<(u32, u32, u16, u16)>) -> Self {
        let length = rows.iter().map(|row| row.0 as usize + 1).max().unwrap_or(0);
        let mut slots = vec![Slot::default(); length];
        for (index, count, first_us, last_us) in rows {
            slots[index as usize] = Slot { count, first_us, last_us };
        }
        Self { slots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: &[u64]) -> Slots {
        let mut slots = Slots::default();
        for micro in micros {
            slots.note(Duration::from_micros(*micro));
        }
        slots
    }

    #[test]
    fn the_longest_gap_is_found_across_threads_and_at_both_ends() {
        let mut slots = at(&[1_200, 3_400, 900_700]);
        slots.merge(&at(&[450_000, 2_500]));
        let gap = slots.longest_gap(Duration::ZERO, Duration::from_secs(1));
        assert_eq!(gap, Gap { ms: 450.7, at_s: 0.45 });
        let silent_end = slots.longest_gap(Duration::ZERO, Duration::from_secs(3));
        assert_eq!(silent_end, Gap { ms: 2099.3, at_s: 0.9007 });
        let silent_start = slots.longest_gap(Duration::from_millis(100), Duration::from_millis(500));
        assert_eq!(silent_start, Gap { ms: 350.0, at_s: 0.0 });
        assert_eq!(Slots::default().longest_gap(Duration::ZERO, Duration::from_secs(2)).ms, 2000.0);
    }

    #[test]
    fn counts_per_second_cover_the_window_alone() {
        let slots = at(&[500_000, 1_000_000, 1_999_999, 2_000_000, 3_500_000]);
        let (from, to) = (Duration::from_secs(1), Duration::from_secs(4));
        assert_eq!(slots.per_second(from, to), [2, 1, 1]);
        assert_eq!(slots.count(from, to), 4);
        assert_eq!(slots.per_second(Duration::from_secs(9), Duration::from_secs(11)), [0, 0]);
    }

    #[test]
    fn slots_survive_the_way_between_processes() {
        let slots = at(&[17, 5_000_031, 5_000_900]);
        let text = serde_json::to_string(&slots).unwrap();
        assert_eq!(serde_json::from_str::<Slots>(&text).unwrap(), slots);
    }
}
