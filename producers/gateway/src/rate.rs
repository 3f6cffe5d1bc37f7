//! Bounds of each key's requests: so many a second, with a burst of one second's worth.

use std::collections::HashMap;

use mirabelle_domain::Name;
use parking_lot::Mutex;

/// Most keys remembered; beyond it the memory is emptied: everybody has a full burst again.
const KEYS_MAX: usize = 100_000;

/// The generic cell rate algorithm: of each key, the instant at which its bucket would be empty.
pub struct Rate {
    /// Microseconds that one request costs; 0: no bound.
    cost: i64,
    empty_at: Mutex<HashMap<Name, i64>>,
}

impl Rate {
    /// So many requests a second for each key; 0: no bound.
    pub fn new(per_second: u32) -> Rate {
        let cost = if per_second == 0 { 0 } else { 1_000_000 / i64::from(per_second) };
        Rate { cost, empty_at: Mutex::default() }
    }

    /// Takes one request of a key at `now` (microseconds). If there is no room: the seconds after which there is.
    pub fn take(&self, key: &Name, now: i64) -> Result<(), u32> {
        if self.cost == 0 {
            return Ok(());
        }
        let mut empty_at = self.empty_at.lock();
        if empty_at.len() >= KEYS_MAX {
            empty_at.clear();
        }
        let empty = empty_at.get(key).copied().unwrap_or(now).max(now) + self.cost;
        let over = empty - now - 1_000_000;
        if over > 0 {
            return Err(u32::try_from(over / 1_000_000 + 1).unwrap_or(u32::MAX));
        }
        empty_at.insert(key.clone(), empty);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_burst_then_its_rate_and_no_other_key_pays_for_it() {
        let rate = Rate::new(4);
        let (one, other): (Name, Name) = ("acme.shop".parse().unwrap(), "acme.bot".parse().unwrap());
        let taken = (0..10).filter(|_| rate.take(&one, 5_000_000).is_ok()).count();
        assert_eq!(taken, 4);
        assert_eq!(rate.take(&one, 5_000_000), Err(1));
        assert_eq!(rate.take(&other, 5_000_000), Ok(()));
        assert_eq!(rate.take(&one, 5_250_000), Ok(()));
        assert_eq!(rate.take(&one, 5_250_000), Err(1));
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let rate = Rate::new(0);
        let key: Name = "acme.shop".parse().unwrap();
        assert!((0..1_000).all(|_| rate.take(&key, 1).is_ok()));
        assert!(rate.empty_at.lock().is_empty());
    }
}
