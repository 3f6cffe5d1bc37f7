//! A wrong clock stops deciding.

use super::owner::{BEGAN, Bench, later};
use super::*;
use crate::{Effect, OwnerAlarm, Why};

#[test]
fn a_clock_ahead_of_the_log_is_found_by_the_claim_before_anything_is_decided() {
    let mut bench = Bench::new();
    let claim = bench.claims();
    bench.pass(300_000);
    let effects = bench.read_appended_at(RecordView::Claim(&claim), BEGAN.wall - 2_000_001);
    assert_eq!(effects, [Effect::Alarm(OwnerAlarm::ClockOff { by: 2_000_001 })]);
    assert_eq!((bench.owner.turn(bench.now), bench.owner.owns()), (None, false));
    bench.pass(9_999_999);
    assert_eq!(bench.tick(), [], "it looks again after ten seconds");
    bench.pass(1);
    let claim = bench.claims();
    assert_eq!(claim.epoch, 2);
    let appended_at = bench.now.wall - 2_000_000;
    bench.read_appended_at(RecordView::Claim(&claim), appended_at);
    assert!(bench.owner.turn(bench.now).is_some(), "within two seconds is right");
}

#[test]
fn a_clock_behind_the_log_is_found_by_a_decision_and_drops_what_is_in_flight() {
    let mut bench = Bench::owning();
    let one = bench.decide();
    let effects = bench.read_appended_at(RecordView::Decision(one), bench.now.wall + 2_000_001);
    let off = Effect::Alarm(OwnerAlarm::ClockOff { by: -2_000_001 });
    assert_eq!(effects, [Effect::Confirmed(1), off, Effect::DropOverlay(Why::Clock)]);
}

#[test]
fn a_slow_read_back_is_no_wrong_clock() {
    let mut bench = Bench::owning();
    let one = bench.decide();
    let appended_at = bench.now.wall + 100;
    bench.pass(30_000_000);
    let effects = bench.read_appended_at(RecordView::Decision(one), appended_at);
    assert_eq!(effects, [Effect::Confirmed(1)]);
}

#[test]
fn a_wall_clock_that_is_set_stops_deciding_until_it_is_back() {
    let mut bench = Bench::owning();
    for by in [86_400_000_000, -3_000_000] {
        bench.now = later(5_000_000);
        bench.now.wall += by;
        assert_eq!(bench.owner.turn(bench.now), None, "even before the next tick");
        assert_eq!(bench.tick(), [Effect::Alarm(OwnerAlarm::ClockSet { by })]);
        assert_eq!(bench.tick(), [], "told once");
        bench.now = later(6_000_000);
        assert_eq!(bench.tick(), []);
        assert!(bench.owner.turn(bench.now).is_some(), "it owns still");
    }
}

#[test]
fn a_wall_clock_that_is_set_does_not_claim() {
    let mut bench = Bench::new();
    bench.now.wall += 3_600_000_000;
    assert_eq!(bench.tick(), [Effect::Alarm(OwnerAlarm::ClockSet { by: 3_600_000_000 })]);
    bench.pass(60_000_000);
    assert_eq!(bench.tick(), []);
    bench.now.wall -= 3_600_000_000;
    assert_eq!(bench.claims().epoch, 1);
}

#[test]
fn stamps_rise_although_the_clock_runs_back() {
    let mut bench = Bench::owning();
    bench.pass(1_000_000);
    let one = bench.decide();
    bench.now.wall -= 900_000;
    let two = bench.decide();
    assert_eq!((one.at, two.at), (BEGAN.wall + 1_000_000, BEGAN.wall + 1_000_001));
}

#[test]
fn a_clock_that_was_corrected_is_believed_after_five_minutes_and_claims_anew() {
    let mut bench = Bench::owning();
    bench.now.wall += 7_000_000;
    assert_eq!(bench.tick(), [Effect::Alarm(OwnerAlarm::ClockSet { by: 7_000_000 })]);
    bench.pass(299_999_999);
    assert_eq!((bench.tick(), bench.owner.clock_is_wrong()), (vec![], true));
    bench.pass(1);
    let settled = Effect::Alarm(OwnerAlarm::ClockSettled { by: 7_000_000 });
    assert_eq!(bench.tick(), [settled, Effect::DropOverlay(Why::Clock)]);
    assert_eq!(bench.owner.turn(bench.now), None, "only a claim shows that the log's clock agrees");
    let claim = bench.claims();
    bench.read(RecordView::Claim(&claim));
    assert!(bench.owner.turn(bench.now).is_some() && !bench.owner.clock_is_wrong());
}

#[test]
fn a_clock_that_settled_far_from_the_logs_decides_nothing() {
    let mut bench = Bench::owning();
    bench.now.wall += 7_000_000;
    bench.tick();
    bench.pass(300_000_000);
    bench.tick();
    let claim = bench.claims();
    let appended_at = bench.now.wall - 7_000_000;
    let effects = bench.read_appended_at(RecordView::Claim(&claim), appended_at);
    assert_eq!(effects, [Effect::Alarm(OwnerAlarm::ClockOff { by: 7_000_000 })]);
    assert_eq!((bench.owner.turn(bench.now), bench.owner.clock_is_wrong()), (None, true));
}

#[test]
fn a_clock_that_is_set_again_and_again_never_settles() {
    let mut bench = Bench::owning();
    for _ in 0..5 {
        bench.now.wall += 7_000_000;
        assert!(matches!(bench.tick()[..], [Effect::Alarm(OwnerAlarm::ClockSet { .. })]));
        bench.pass(200_000_000);
        assert_eq!((bench.tick(), bench.owner.turn(bench.now)), (vec![], None));
    }
}
