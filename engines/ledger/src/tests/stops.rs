//! What can't come from loss, delay or repetition stops the partition.

use mirabelle_domain::Digest;
use mirabelle_log::LogId;
use mirabelle_schemas::record::{Claim, ClaimedHead, LogCreated};

use super::*;
use crate::Alarm;

/// A fold in epoch 2 with two decisions of epoch 1, and the first decision of epoch 2.
fn grown() -> (Fold, DecisionView) {
    let mut fold = rooted();
    claim(&mut fold, 11);
    let one = next(&head(&fold));
    decide(&mut fold, one);
    decide(&mut fold, after(&one));
    claim(&mut fold, 22);
    let three = next(&head(&fold));
    assert_eq!(decide(&mut fold, three), Verdict::Counts);
    (fold, three)
}

fn stops(record: impl FnOnce(&Head, DecisionView) -> DecisionView, alarm: Alarm) {
    let (mut fold, last) = grown();
    let bad = record(&head(&fold), last);
    let before = head(&fold);
    assert_eq!(decide(&mut fold, bad), Verdict::Stop(alarm.clone()));
    assert_eq!(fold.stopped(), Some(&alarm));
    // Sticky: what would have counted does not any more.
    assert_eq!(decide(&mut fold, next(&before)), Verdict::Stop(alarm));
}

#[test]
fn a_decision_that_rests_on_something_else_stops_the_partition() {
    let wrong = |head: &Head, _| DecisionView { prev_digest: Digest([1; 16]), ..next(head) };
    stops(wrong, Alarm::BrokenChain { epoch: 2, seq: 4 });
}

#[test]
fn the_first_decision_of_an_epoch_rests_on_its_claim_too() {
    let mut fold = rooted();
    let without_claim = head(&fold).digest;
    claim(&mut fold, 1);
    let first = DecisionView { prev_digest: without_claim, ..next(&head(&fold)) };
    assert_eq!(decide(&mut fold, first), Verdict::Stop(Alarm::BrokenChain { epoch: 1, seq: 1 }));
}

#[test]
fn two_different_decisions_of_one_seq_stop_the_partition() {
    stops(|_, last| DecisionView { at: last.at + 1, ..last }, Alarm::Conflict { epoch: 2, seq: 3 });
}

#[test]
fn a_decision_under_another_claim_or_of_no_epoch_stops_the_partition() {
    stops(|head, _| DecisionView { claim: 23, ..next(head) }, Alarm::OtherClaim { epoch: 2, seq: 4 });
    let ahead = Alarm::NoSuchEpoch { epoch: 3, seq: 4, head: 2 };
    stops(|head, _| DecisionView { epoch: 3, ..next(head) }, ahead);
    let unowned = Alarm::NoSuchEpoch { epoch: 0, seq: 4, head: 2 };
    stops(|head, _| DecisionView { epoch: 0, claim: 0, ..next(head) }, unowned);
}

#[test]
fn a_stamp_or_a_cursor_that_runs_back_stops_the_partition() {
    let (_, last) = grown();
    let (at, offset) = (last.at, last.cursor.offset);
    let stamp = Alarm::StampRanBack { seq: 4, at, head: at };
    stops(move |head, _| DecisionView { at, ..next(head) }, stamp);
    let again = Alarm::CursorRanBack { seq: 4, topic: 1, offset, next: offset + 1 };
    stops(|head, last| DecisionView { cursor: last.cursor, ..next(head) }, again);
    let nowhere = Alarm::CursorRanBack { seq: 4, topic: 3, offset: 9, next: 0 };
    let cursor = mirabelle_schemas::record::Cursor { topic: 3, offset: 9 };
    stops(move |head, _| DecisionView { cursor, ..next(head) }, nowhere);
}

fn claim_naming(epoch: u64, named: ClaimedHead) -> Claim {
    Claim { epoch, head: named, ..claim_on(&head(&rooted()), 99) }
}

#[test]
fn a_claim_whose_writer_had_read_further_shows_that_the_log_lost_its_end() {
    for (epoch, seq) in [(2, 4), (3, 3), (u64::MAX - 1, 3)] {
        let (mut fold, _) = grown();
        let named = ClaimedHead { epoch, seq, digest: Digest([4; 16]) };
        let alarm = Alarm::LostEnd { epoch, seq, head_epoch: 2, head_seq: 3 };
        let claim = claim_naming(epoch + 1, named);
        assert_eq!(super::fold(&mut fold, RecordView::Claim(&claim)), Verdict::Stop(alarm));
    }
}

#[test]
fn a_claim_on_a_head_that_never_was_here_stops_the_partition_even_when_it_comes_too_late() {
    let (fold, _) = grown();
    let digest = head(&fold).digest;
    // Another digest; a seq that epoch 2 never had; a seq that epoch 1 never had.
    for (epoch, seq, digest) in [(2, 3, Digest([4; 16])), (2, 1, digest), (1, 3, digest), (0, 0, digest)] {
        let (mut fold, _) = grown();
        let claim = claim_naming(epoch + 1, ClaimedHead { epoch, seq, digest });
        let alarm = Alarm::OtherHistory { epoch, seq };
        assert_eq!(super::fold(&mut fold, RecordView::Claim(&claim)), Verdict::Stop(alarm));
    }
}

#[test]
fn a_claim_of_an_epoch_that_does_not_follow_its_head_stops_the_partition() {
    let (mut fold, _) = grown();
    let head = head(&fold);
    let named = ClaimedHead { epoch: head.epoch, seq: head.seq, digest: head.digest };
    let claim = claim_naming(4, named);
    let alarm = Alarm::ClaimEpoch { epoch: 4, named: 2 };
    assert_eq!(super::fold(&mut fold, RecordView::Claim(&claim)), Verdict::Stop(alarm));
    let (mut fold, _) = grown();
    let last = claim_naming(0, ClaimedHead { epoch: u64::MAX, ..named });
    assert!(matches!(super::fold(&mut fold, RecordView::Claim(&last)), Verdict::Stop(_)));
}

#[test]
fn a_partition_that_does_not_begin_with_its_own_root_stops() {
    let mut fold = new_fold();
    assert_eq!(decide(&mut fold, next(&head(&rooted()))), Verdict::Stop(Alarm::NoRoot));
    let other = LogId([0xb2; 16]);
    let foreign = LogCreated { log_id: other.0, ..root() };
    let alarm = Alarm::OtherLog { found: other, wanted: LOG };
    for mut fold in [new_fold(), rooted()] {
        assert_eq!(super::fold(&mut fold, RecordView::Created(&foreign)), Verdict::Stop(alarm.clone()));
    }
    for wrong in [
        LogCreated { partition: 4, ..root() },
        LogCreated { partitions: 9, ..root() },
        LogCreated { format: 2, ..root() },
    ] {
        let verdict = super::fold(&mut new_fold(), RecordView::Created(&wrong));
        assert!(matches!(verdict, Verdict::Stop(Alarm::OtherPartition { .. })), "{verdict:?}");
    }
}
