//! What falls due in a wallet: what goes soon, and what should have gone or come already.
//!
//! Sums are decided, never added up here. But between the instant at which a lot vests or expires and the decision
//! that says so (the clock's, or that of the wallet's next move) a balance is true of the log and no longer of the
//! calendar: then the balance says beside its sums what the next decision will do first.

use mirabelle_domain::Timestamp;
use mirabelle_domain::time::DAY_MICROS;
use mirabelle_store::Found;
use serde_json::{Value as Json, json};

use super::view::sum;

/// Points that go within so many days are said with the balance.
const EXPIRING_DAYS: i64 = 30;

/// What is free of a lot, and its days.
#[derive(Clone, Copy, Debug)]
struct Free {
    points: i64,
    pending: bool,
    activates_at: Option<i64>,
    expires_at: Option<i64>,
}

/// What falls due in a wallet, seen at one instant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// (instant, points) that go then, soonest first.
    expiring: Vec<(i64, i64)>,
    /// Becomes spendable with the next decision.
    vests: i64,
    /// Goes with the next decision.
    expires: i64,
}

impl Due {
    /// From the lots' rows.
    pub(super) fn of(lots: &[Found], now: i64) -> Due {
        let free = lots.iter().filter_map(|lot| {
            let state = lot.text("state").filter(|state| matches!(*state, "open" | "pending"))?;
            Some(Free {
                points: sum(Some(lot), "free"),
                pending: state == "pending",
                activates_at: lot.int("activates_at"),
                expires_at: lot.int("expires_at"),
            })
        });
        Due::seen(free, now)
    }

    /// In time is: to vest at the instant itself, to be spent at the instant of expiry itself.
    fn seen(lots: impl Iterator<Item = Free>, now: i64) -> Due {
        let horizon = now.saturating_add(EXPIRING_DAYS * DAY_MICROS);
        let mut due = Due::default();
        let mut expiring = std::collections::BTreeMap::<i64, i64>::new();
        for lot in lots.filter(|lot| lot.points > 0) {
            let vests = lot.pending && lot.activates_at.is_none_or(|at| at <= now);
            let expires = lot.expires_at.is_some_and(|at| at < now) && (vests || !lot.pending);
            due.vests += if vests { lot.points } else { 0 };
            due.expires += if expires { lot.points } else { 0 };
            if let Some(at) = lot.expires_at.filter(|at| !expires && *at <= horizon) {
                *expiring.entry(at).or_default() += lot.points;
            }
        }
        due.expiring = expiring.into_iter().collect();
        due
    }

    /// Beside the sums of a balance, of which `available` is one.
    pub(super) fn say(&self, balance: &mut Json) {
        let line =
            |(at, points): &(i64, i64)| json!({ "points": points, "expires_at": Timestamp(*at).to_string() });
        balance["expiring"] = self.expiring.iter().map(line).collect();
        if self.vests > 0 || self.expires > 0 {
            let available = balance["available"].as_i64().unwrap_or(0);
            balance["due"] = json!({
                "vests": self.vests,
                "expires": self.expires,
                "available": available + self.vests - self.expires,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(points: i64, pending: bool, activates_at: Option<i64>, expires_at: Option<i64>) -> Free {
        Free { points, pending, activates_at, expires_at }
    }

    #[test]
    fn a_balance_says_what_the_next_decision_will_do_first() {
        let now = 1_000 * DAY_MICROS;
        let lots = [
            lot(500, false, None, None),
            lot(70, false, None, Some(now - 1)),
            lot(41, false, None, Some(now)),
            lot(300, true, Some(now), None),
            lot(200, true, Some(now + 1), Some(now + DAY_MICROS)),
            lot(9, true, Some(now - 2), Some(now - 1)),
            lot(60, false, None, Some(now + 31 * DAY_MICROS)),
            lot(0, false, None, Some(now - 5)),
        ];
        let due = Due::seen(lots.into_iter(), now);
        assert_eq!((due.vests, due.expires), (309, 79));
        assert_eq!(due.expiring, [(now, 41), (now + DAY_MICROS, 200)]);
        let mut balance = json!({ "available": 671 });
        due.say(&mut balance);
        assert_eq!(balance["due"], json!({ "vests": 309, "expires": 79, "available": 901 }));
    }

    #[test]
    fn a_balance_of_which_nothing_is_due_says_nothing_of_it() {
        let mut balance = json!({ "available": 500 });
        Due::seen([lot(500, false, None, Some(10))].into_iter(), 10).say(&mut balance);
        assert_eq!(balance.get("due"), None);
        assert_eq!(balance["expiring"][0]["points"], 500);
    }
}
