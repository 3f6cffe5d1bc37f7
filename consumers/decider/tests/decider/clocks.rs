//! A decider whose clock is not the log's stops deciding (PROTOCOL C7).

use std::sync::atomic::Ordering;

use mirabelle_log::{Topic, View};

use crate::hall::{Hall, allocate, budget, open, place, turns};

const OFF: i64 = 2_500_000;

#[test]
fn a_decider_whose_clock_was_set_decides_nothing_until_it_is_back() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Commands, &budget, "open", open());
    let (many, told) = (turns(20), std::cell::Cell::new(false));
    let off = |hall: &Hall| hall.time.wall_off.load(Ordering::Relaxed) != 0;
    hall.live("the clock is set, and back again", |hall| {
        let decided = hall.decisions(&budget).len();
        if decided == 1
            && !off(hall)
            && hall.records(Topic::Commands, place(&budget), View::Durable).len() == 1
        {
            hall.time.wall_off.store(OFF, Ordering::Relaxed);
            hall.send(Topic::Commands, &budget, "more", allocate(7));
        }
        if off(hall) {
            assert_eq!(decided, 1, "decided under a clock that was set");
            told.set(told.get() || hall.ails(place(&budget).0).is_some_and(|why| why.contains("clock")));
            if many(hall) {
                hall.time.wall_off.store(0, Ordering::Relaxed);
            }
        }
        decided == 2
    });
    assert!(told.get() && hall.ails(place(&budget).0).is_none(), "told while it lasted");
    let at: Vec<i64> = hall.decisions(&budget).iter().map(|(decision, _)| decision.at).collect();
    assert!(at[1] - at[0] < OFF, "{at:?}");
}

#[test]
fn a_decider_whose_clock_is_far_from_the_logs_decides_nothing() {
    for off in [OFF, -OFF] {
        let (hall, budget) = (Hall::new(), budget());
        hall.time.log_off.store(off, Ordering::Relaxed);
        hall.send(Topic::Commands, &budget, "open", open());
        hall.live("many turns have passed", turns(20));
        assert!(hall.decisions(&budget).is_empty(), "{off}");
        assert!(hall.records(Topic::Facts, place(&budget), View::Durable).len() >= 2, "it did claim");
        // Right again, it waits a while before it believes so.
        hall.time.log_off.store(0, Ordering::Relaxed);
        hall.time.pass(11_000_000);
        hall.decide(&budget, 1);
    }
}
