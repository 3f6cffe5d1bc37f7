//! How soon to claim again, and when claims are too many (PROTOCOL H2).

use std::collections::VecDeque;

/// Claims within this long are counted together, microseconds.
const MINUTE: i64 = 60_000_000;
/// More claims than this within a minute are told to a person.
const CLAIMS_MAX: usize = 10;
/// So many confirmed decisions make an owner a good one again.
const CONFIRMED_TO_RESET: u32 = 100;

/// Doubles with each failure; half of it is chance, so that contenders part.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    min: i64,
    max: i64,
    failures: u32,
    confirmed: u32,
    /// When the claims of the last minute were made, monotonic.
    claims: VecDeque<i64>,
    told: Option<i64>,
}

impl Backoff {
    pub(super) fn new(min: i64, max: i64) -> Backoff {
        Backoff { min, max, failures: 0, confirmed: 0, claims: VecDeque::new(), told: None }
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.confirmed = 0;
    }

    pub(super) fn confirmed(&mut self) {
        self.confirmed = self.confirmed.saturating_add(1);
        if self.confirmed == CONFIRMED_TO_RESET {
            self.failures = 0;
        }
    }

    /// Microseconds to wait before the next claim: none before the first failure.
    pub(super) fn delay(&self, random: u64) -> i64 {
        let Some(doublings) = self.failures.checked_sub(1) else { return 0 };
        let whole = self.min.saturating_mul(1 << doublings.min(40)).min(self.max);
        let half = whole / 2;
        let chance = i64::try_from(random % (half.unsigned_abs() + 1)).unwrap_or(0);
        whole - half + chance
    }

    /// A claim is made; says how many there were within a minute when that is too many and was not told lately.
    pub(super) fn claimed(&mut self, now: i64) -> Option<usize> {
        self.claims.retain(|made| now - made < MINUTE);
        self.claims.push_back(now);
        let tell = self.claims.len() > CLAIMS_MAX && self.told.is_none_or(|told| now - told >= MINUTE);
        tell.then(|| {
            self.told = Some(now);
            self.claims.len()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_doubles_from_20_ms_to_5_s_and_half_of_it_is_chance() {
        let mut backoff = Backoff::new(20_000, 5_000_000);
        assert_eq!(backoff.delay(u64::MAX), 0, "the first claim waits for nothing");
        let mut longest = Vec::new();
        for _ in 0..70 {
            backoff.failed();
            let delays: Vec<i64> =
                (0..5_000_u64).map(|n| backoff.delay(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
            let (low, high) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            assert!(*high <= 5_000_000 && high / 2 <= *low && high > low, "{low}..{high}");
            longest.push(*high);
        }
        assert!((19_000..=20_000).contains(&longest[0]) && (39_000..=40_000).contains(&longest[1]));
        assert!(longest[69] > 4_900_000);
    }

    #[test]
    fn a_hundred_confirmed_decisions_forget_the_failures() {
        let mut backoff = Backoff::new(20_000, 5_000_000);
        backoff.failed();
        (0..99).for_each(|_| backoff.confirmed());
        assert!(backoff.delay(0) > 0);
        backoff.confirmed();
        assert_eq!(backoff.delay(0), 0);
    }

    #[test]
    fn an_eleventh_claim_within_a_minute_is_told_once_a_minute() {
        let mut backoff = Backoff::new(0, 0);
        let told = |backoff: &mut Backoff, from: i64, count: i64| {
            (0..count).filter_map(|n| backoff.claimed(from + n * 100_000)).collect::<Vec<_>>()
        };
        assert!(told(&mut backoff, 0, 10).is_empty());
        assert_eq!(told(&mut backoff, 1_000_000, 20), [11]);
        assert_eq!(told(&mut backoff, 61_050_000, 2).len(), 1);
        assert!(told(&mut backoff, 200_000_000, 10).is_empty(), "ten are no storm");
    }
}
