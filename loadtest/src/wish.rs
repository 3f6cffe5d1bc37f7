//! What one request asks for, and the drawing of the next one.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::plan::Mix;

/// One request, small enough to be kept for its repetition: the same wish always renders the same bytes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Wish {
    /// Unique within a run; the idempotency key is made of it.
    pub(crate) sequence: u64,
    /// 1-based number of the member.
    pub(crate) member: u32,
    /// Index into the products; `OVERDRAFT` is the product no balance covers.
    pub(crate) product: u16,
    pub(crate) quantity: u32,
}

/// The product index of a request that must be refused.
pub(crate) const OVERDRAFT: u16 = u16::MAX;

/// Whether a wish is to be sent a second time after its answer.
pub(crate) struct Drawn {
    pub(crate) wish: Wish,
    pub(crate) then_repeat: bool,
}

/// Draws wishes for one thread.
pub(crate) struct Drawer {
    random: SmallRng,
    next: u64,
    mix: Mix,
}

impl Drawer {
    /// `stream` is the thread's number within the whole run: it keeps sequences apart and the draws different.
    pub(crate) fn new(mix: Mix, seed: u64, stream: u32) -> Self {
        let random = SmallRng::seed_from_u64(seed ^ (u64::from(stream) << 32));
        Self { random, next: u64::from(stream) << 40, mix }
    }

    pub(crate) fn draw(&mut self) -> Drawn {
        let sequence = self.next;
        self.next += 1;
        let mix = &self.mix;
        let member = if mix.hot_share > 0.0 && self.random.random_bool(mix.hot_share) {
            self.random.random_range(1..=mix.hot_members.min(mix.members))
        } else {
            self.random.random_range(1..=mix.members)
        };
        let overdraft = mix.overdrafts > 0.0 && self.random.random_bool(mix.overdrafts);
        let (product, quantity) = if overdraft {
            (OVERDRAFT, mix.overdraft_quantity)
        } else {
            (self.random.random_range(0..mix.products), self.random.random_range(1..=mix.max_quantity))
        };
        // Of all requests sent, this share is a repetition: each request is followed by one with d / (1 - d).
        let odds = mix.duplicates / (1.0 - mix.duplicates).max(f64::EPSILON);
        let then_repeat = odds > 0.0 && self.random.random_bool(odds.min(1.0));
        Drawn { wish: Wish { sequence, member, product, quantity }, then_repeat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix() -> Mix {
        Mix {
            members: 1000,
            products: 3,
            max_quantity: 10,
            overdraft_quantity: 777,
            duplicates: 0.1,
            overdrafts: 0.05,
            hot_share: 0.5,
            hot_members: 2,
        }
    }

    #[test]
    fn wishes_keep_the_shares_that_were_asked_for() {
        let mut drawer = Drawer::new(mix(), 7, 3);
        let drawn: Vec<Drawn> = (0..20_000).map(|_| drawer.draw()).collect();
        let share = |count: usize| count as f64 / drawn.len() as f64;
        let overdrafts = share(drawn.iter().filter(|d| d.wish.product == OVERDRAFT).count());
        let hot = share(drawn.iter().filter(|d| d.wish.member <= 2).count());
        let repeated = drawn.iter().filter(|d| d.then_repeat).count();
        let duplicates = repeated as f64 / (drawn.len() + repeated) as f64;
        assert!((overdrafts - 0.05).abs() < 0.01, "{overdrafts}");
        assert!((hot - 0.5).abs() < 0.02, "{hot}");
        assert!((duplicates - 0.1).abs() < 0.01, "{duplicates}");
        assert!(drawn.iter().all(|d| (1..=1000).contains(&d.wish.member)));
        assert!(drawn.iter().filter(|d| d.wish.product == OVERDRAFT).all(|d| d.wish.quantity == 777));
    }

    #[test]
    fn two_threads_never_draw_the_same_sequence() {
        let draw = |stream| Drawer::new(mix(), 7, stream).draw().wish;
        assert_ne!(draw(0).sequence, draw(1).sequence);
        assert_eq!(draw(1), draw(1));
    }
}
