//! When an owner may decide, and when it must forget.

use mirabelle_log::Offset;

use super::*;
use crate::{Alarm, Attempt, Effect, Now, Owner, OwnerAlarm, OwnerOptions, ReadBack, Turn, Why};

/// 2026, and a monotonic clock that began a while ago.
pub(super) const BEGAN: Now = Now { wall: 1_764_000_000_000_000, monotonic: 41_000_000 };

pub(super) fn later(micros: i64) -> Now {
    Now { wall: BEGAN.wall + micros, monotonic: BEGAN.monotonic + micros }
}

/// An owner with its fold.
pub(super) struct Bench {
    pub(super) fold: Fold,
    pub(super) owner: Owner,
    pub(super) now: Now,
    random: u64,
}

impl Bench {
    pub(super) fn new() -> Bench {
        let mut options = OwnerOptions::new("decider-0".to_owned(), "0.1.0".to_owned(), 1);
        (options.in_flight_max, options.in_flight_bytes_max) = (3, 1_000);
        let mut owner = Owner::new(options, BEGAN);
        owner.assigned(BEGAN);
        Bench { fold: rooted(), owner, now: BEGAN, random: 500 }
    }

    pub(super) fn tick(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.random += 1;
        self.owner.tick(self.now, &self.fold, self.random, &mut effects);
        effects
    }

    /// Ticks until it claims, and lets that much time pass.
    pub(super) fn claims(&mut self) -> Claim {
        for _ in 0..20 {
            for effect in self.tick() {
                match effect {
                    Effect::Append(claim) => return claim,
                    Effect::Alarm(OwnerAlarm::ClaimStorm { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            let due = self.owner.wake().expect("it wants to claim");
            self.pass(due - self.now.monotonic);
        }
        panic!("it does not claim");
    }

    pub(super) fn pass(&mut self, micros: i64) {
        self.now.wall += micros;
        self.now.monotonic += micros;
    }

    pub(super) fn read(&mut self, view: RecordView<'_>) -> Vec<Effect> {
        self.read_appended_at(view, self.now.wall)
    }

    pub(super) fn read_appended_at(&mut self, view: RecordView<'_>, appended_at: i64) -> Vec<Effect> {
        let verdict = fold(&mut self.fold, view);
        let mut effects = Vec::new();
        let read = ReadBack { verdict: &verdict, record: Some(view), appended_at };
        self.owner.read_back(self.now, &self.fold, read, &mut effects);
        effects
    }

    pub(super) fn owning() -> Bench {
        let mut bench = Bench::new();
        let claim = bench.claims();
        assert_eq!(bench.read(RecordView::Claim(&claim)), [Effect::Rewind([Offset(0); 3])]);
        bench
    }

    /// Decides the next input.
    pub(super) fn decide(&mut self) -> DecisionView {
        let turn = self.owner.turn(self.now).expect("a turn");
        let decision = of(&turn, turn.seq - 1);
        assert!(self.owner.decided(&turn, digest_of(&decision), 100, self.now));
        decision
    }
}

fn of(turn: &Turn, offset: u64) -> DecisionView {
    DecisionView {
        epoch: turn.attempt.epoch,
        claim: turn.attempt.claim,
        seq: turn.seq,
        at: turn.at,
        cursor: Cursor { topic: 0, offset },
        prev_digest: turn.prev_digest,
    }
}

#[test]
fn an_owner_decides_only_after_its_own_attempt_was_read_back() {
    let mut bench = Bench::new();
    let claim = bench.claims();
    assert_eq!((claim.epoch, claim.claim, claim.head.seq), (1, 501, 0));
    assert_eq!((bench.owner.turn(bench.now), bench.owner.owns()), (None, false));
    bench.read(RecordView::Claim(&claim));
    let turn = bench.owner.turn(bench.now).unwrap();
    assert_eq!(turn.attempt, Attempt { epoch: 1, claim: 501 });
    assert_eq!((turn.seq, turn.prev_digest, turn.at), (1, head(&bench.fold).digest, BEGAN.wall));
}

#[test]
fn a_claim_of_the_same_name_and_epoch_is_not_its_own() {
    let mut bench = Bench::new();
    let own = bench.claims();
    let other = Claim { claim: own.claim + 1, ..own.clone() };
    assert_eq!(bench.read(RecordView::Claim(&other)), []);
    assert_eq!(bench.read(RecordView::Claim(&own)), [], "stale by now");
    assert!(!bench.owner.owns());
    assert_eq!(bench.claims().epoch, 2, "it claims again, on the head that counts");
}

#[test]
fn decisions_are_chained_before_any_is_read_back_and_confirmed_in_order() {
    let mut bench = Bench::owning();
    let (one, two) = (bench.decide(), bench.decide());
    assert_eq!((two.seq, two.prev_digest), (2, digest_of(&one)));
    assert!(two.at > one.at, "stamps rise within one instant");
    assert_eq!(bench.read(RecordView::Decision(one)), [Effect::Confirmed(1)]);
    assert_eq!(bench.owner.in_flight(), (1, 100));
    assert_eq!(bench.read(RecordView::Decision(two)), [Effect::Confirmed(2)]);
    assert_eq!(bench.read(RecordView::Decision(two)), [], "a repeat");
}

#[test]
fn what_is_in_flight_is_bounded_in_records_and_bytes() {
    let mut bench = Bench::owning();
    let decisions = [bench.decide(), bench.decide(), bench.decide()];
    assert_eq!(bench.owner.turn(bench.now), None);
    bench.read(RecordView::Decision(decisions[0]));
    let turn = bench.owner.turn(bench.now).unwrap();
    let large = of(&turn, 3);
    assert!(bench.owner.decided(&turn, digest_of(&large), 5_000, bench.now));
    bench.read(RecordView::Decision(decisions[1]));
    assert_eq!((bench.owner.turn(bench.now), bench.owner.in_flight().0), (None, 2));
}

#[test]
fn each_seq_is_decided_once_in_an_epoch() {
    let mut bench = Bench::owning();
    let turn = bench.owner.turn(bench.now).unwrap();
    let (one, other) = (of(&turn, 0), of(&turn, 1));
    assert!(bench.owner.decided(&turn, digest_of(&one), 10, bench.now));
    assert!(!bench.owner.decided(&turn, digest_of(&other), 10, bench.now));
    let next = bench.owner.turn(bench.now).unwrap();
    bench.owner.unclear(turn.attempt, bench.now, &mut Vec::new());
    assert!(!bench.owner.decided(&next, digest_of(&other), 10, bench.now), "that tenure is over");
}

#[test]
fn after_an_unclear_append_it_forgets_and_claims_again_after_a_back_off() {
    let mut bench = Bench::owning();
    let one = bench.decide();
    let attempt = bench.owner.attempt().unwrap();
    let mut effects = Vec::new();
    bench.owner.unclear(attempt, bench.now, &mut effects);
    assert_eq!(effects, [Effect::DropOverlay(Why::Unclear)]);
    assert_eq!(bench.tick(), [], "not at once");
    let due = bench.owner.wake().unwrap() - bench.now.monotonic;
    assert!((10_000..=20_000).contains(&due), "{due}");
    // The decision was appended after all: it counts, and is folded from the record.
    assert_eq!(bench.read(RecordView::Decision(one)), [Effect::Evolve(1)]);
    let claim = bench.claims();
    assert_eq!((claim.epoch, claim.head.seq), (2, 1));
    // Late news of the attempt before changes nothing.
    bench.owner.unclear(attempt, bench.now, &mut effects);
    assert_eq!(effects.len(), 1);
    assert_eq!(bench.read(RecordView::Claim(&claim)), [Effect::Rewind([Offset(1), Offset(0), Offset(0)])]);
}

#[test]
fn its_own_orphan_ends_its_tenure() {
    let mut bench = Bench::owning();
    let (_lost, two) = (bench.decide(), bench.decide());
    assert_eq!(bench.read(RecordView::Decision(two)), [Effect::DropOverlay(Why::Orphan)]);
    assert_eq!(bench.claims().epoch, 2);
}

#[test]
fn anothers_claim_ends_its_tenure_and_its_ghosts_change_nothing() {
    let mut bench = Bench::owning();
    let one = bench.decide();
    let other = claim_on(&head(&bench.fold), 9);
    assert_eq!(bench.read(RecordView::Claim(&other)), [Effect::DropOverlay(Why::Dethroned)]);
    assert_eq!(bench.read(RecordView::Decision(one)), [], "a ghost");
    let theirs = next(&head(&bench.fold));
    assert_eq!(bench.read(RecordView::Decision(theirs)), [Effect::Evolve(1)]);
    assert_eq!(bench.claims().epoch, 3);
}

#[test]
fn silence_of_two_seconds_ends_a_claim_and_a_tenure_but_not_idleness() {
    let mut bench = Bench::new();
    let lost = bench.claims();
    bench.pass(2_000_000);
    assert_eq!(bench.tick(), []);
    bench.pass(1);
    assert_eq!(bench.tick(), [], "a claim has no overlay to drop");
    let claim = bench.claims();
    assert_eq!((claim.epoch, claim.claim == lost.claim), (1, false));
    bench.read(RecordView::Claim(&claim));
    bench.pass(60_000_000);
    assert_eq!(bench.tick(), [], "nothing is in flight");
    let one = bench.decide();
    bench.pass(1_500_000);
    bench.decide();
    bench.read(RecordView::Decision(one));
    bench.pass(1_500_000);
    assert_eq!(bench.tick(), [], "it heard something 1.5 s ago");
    bench.owner.held_back(bench.now);
    bench.pass(1_900_000);
    assert_eq!(bench.tick(), [], "a batch that the log refused is not missed");
    bench.pass(100_001);
    assert_eq!(bench.tick(), [Effect::DropOverlay(Why::Silence)]);
}

#[test]
fn a_refused_claim_is_made_again_after_a_back_off() {
    let mut bench = Bench::new();
    let claim = bench.claims();
    let mut effects = Vec::new();
    bench.owner.claim_refused(Attempt::of(&claim), bench.now, &mut effects);
    assert_eq!((effects, bench.tick()), (vec![], vec![]));
    assert_eq!(bench.claims().epoch, 1);
}

#[test]
fn a_partition_that_is_leaving_is_settled_when_all_is_read_back() {
    let mut bench = Bench::owning();
    let one = bench.decide();
    bench.owner.leaving();
    assert_eq!((bench.owner.turn(bench.now), bench.owner.settled()), (None, false));
    assert_eq!(bench.read(RecordView::Decision(one)), [Effect::Confirmed(1)]);
    assert!(bench.owner.settled());
    assert_eq!(bench.tick(), [Effect::DropOverlay(Why::Unassigned)]);
    bench.pass(9_000_000);
    assert_eq!((bench.tick(), bench.owner.owns()), (vec![], false), "it does not claim again");
    bench.owner.assigned(bench.now);
    assert_eq!(bench.claims().epoch, 2);
}

#[test]
fn a_lost_partition_is_forgotten_at_once() {
    let mut bench = Bench::owning();
    bench.decide();
    let mut effects = Vec::new();
    bench.owner.lost(&mut effects);
    assert_eq!(effects, [Effect::DropOverlay(Why::Unassigned)]);
    bench.pass(9_000_000);
    assert_eq!((bench.tick(), bench.owner.settled()), (vec![], true));
}

#[test]
fn more_than_ten_claims_a_minute_are_told() {
    let mut bench = Bench::new();
    let mut told = Vec::new();
    for _ in 0..12 {
        let claim = loop {
            let mut claims = bench.tick();
            told.extend(claims.extract_if(.., |effect| matches!(effect, Effect::Alarm(_))));
            if let Some(Effect::Append(claim)) = claims.pop() {
                break claim;
            }
            let due = bench.owner.wake().unwrap();
            bench.pass(due - bench.now.monotonic);
        };
        bench.owner.unclear(Attempt::of(&claim), bench.now, &mut Vec::new());
    }
    assert_eq!(told, [Effect::Alarm(OwnerAlarm::ClaimStorm { claims: 11 })]);
}

#[test]
fn a_stopped_partition_has_no_owner() {
    let mut bench = Bench::owning();
    let one = bench.decide();
    let forged = DecisionView { prev_digest: Digest([1; 16]), ..one };
    let alarm = Alarm::BrokenChain { epoch: 1, seq: 1 };
    let stopped = Effect::Alarm(OwnerAlarm::Stopped(alarm));
    assert_eq!(bench.read(RecordView::Decision(forged)), [Effect::DropOverlay(Why::Stopped), stopped]);
    bench.owner.assigned(bench.now);
    bench.pass(9_000_000);
    assert_eq!((bench.tick(), bench.owner.turn(bench.now)), (vec![], None));
}

#[test]
fn a_decision_under_its_claim_that_it_did_not_make_stops_it() {
    let mut bench = Bench::owning();
    let own = bench.decide();
    let forged = DecisionView { at: own.at + 1, ..own };
    let effects = bench.read(RecordView::Decision(forged));
    let alarm = Effect::Alarm(OwnerAlarm::NotMine { seq: 1 });
    assert_eq!(effects, [Effect::Evolve(1), Effect::DropOverlay(Why::Stopped), alarm]);
    assert_eq!(bench.owner.turn(bench.now), None);
}

#[test]
fn an_owner_of_an_older_revision_never_decides_after_a_claim_of_a_newer_one() {
    let newer = |bench: &Bench| Claim { domain_revision: 2, ..claim_on(&head(&bench.fold), 77) };
    let refuses = [Effect::Alarm(OwnerAlarm::NewerRevision { newer: 2, own: 1 })];
    // One that waits, one that owns: neither claims again, whoever claims after that.
    let mut waiting = Bench::new();
    waiting.read(RecordView::Claim(&newer(&waiting)));
    assert_eq!(waiting.tick(), refuses);
    let mut owning = Bench::owning();
    assert_eq!(owning.read(RecordView::Claim(&newer(&owning))), [Effect::DropOverlay(Why::Dethroned)]);
    let older = claim_on(&head(&owning.fold), 78);
    owning.read(RecordView::Claim(&older));
    // The first look after the loss only draws a back-off.
    let mut told = owning.tick();
    owning.pass(10_000_000);
    told.extend(owning.tick());
    assert_eq!(told, refuses);
    for mut bench in [waiting, owning] {
        bench.pass(60_000_000);
        bench.owner.assigned(bench.now);
        assert_eq!((bench.tick(), bench.owner.turn(bench.now)), (vec![], None));
    }
}
