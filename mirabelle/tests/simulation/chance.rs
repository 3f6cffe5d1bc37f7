//! Chance from a seed.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// All chance of one history comes from here, or from one that was split off.
pub(crate) struct Chance(Pcg64Mcg);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        // Neighbouring seeds must not be neighbouring states.
        let spread = |n: u64| n.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Chance(Pcg64Mcg::new(u128::from(spread(seed)) << 64 | u128::from(spread(spread(seed)))))
    }

    pub(crate) fn split(&mut self) -> Chance {
        Chance::new(self.bits())
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % end as u64).unwrap_or(0)
    }

    /// A number of `from..=to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.bits() % (to - from + 1).unsigned_abs()).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn per_mille(&mut self, count: usize) -> bool {
        self.below(1_000) < count
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Does something to one of `all`, with chance at hand.
    pub(crate) fn split_pick<T>(&mut self, all: &mut [T], act: impl FnOnce(&mut T, &mut Chance)) {
        let number = self.below(all.len());
        act(&mut all[number], self);
    }
}
