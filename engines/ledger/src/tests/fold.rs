//! What counts, and what is dropped.

use mirabelle_domain::Digest;
use mirabelle_log::Offset;
use mirabelle_schemas::record::LogCreated;
use mirabelle_schemas::{digest, digest_after_claim};

use super::*;

#[test]
fn a_chain_begins_with_its_root_and_each_link_rests_on_the_one_before() {
    let mut fold = rooted();
    let root_digest = digest(&datum(RecordView::Created(&root())));
    assert_eq!((head(&fold).digest, head(&fold).seq, head(&fold).at), (root_digest, 0, 1_041));
    let first = claim_on(&head(&fold), 77);
    assert_eq!(super::fold(&mut fold, RecordView::Claim(&first)), Verdict::Claimed);
    let claimed = digest_after_claim(&root_digest, &datum(RecordView::Claim(&first)));
    assert_eq!((head(&fold).digest, head(&fold).epoch, head(&fold).claim), (claimed, 1, 77));
    let one = next(&head(&fold));
    assert_eq!(decide(&mut fold, one), Verdict::Counts);
    let after_one = head(&fold);
    assert_eq!((after_one.digest, after_one.seq, after_one.at), (digest_of(&one), 1, 1_048));
    assert_eq!(after_one.next, [Offset(0), Offset(1), Offset(0)]);
}

#[test]
fn a_decision_behind_a_gap_is_an_orphan_and_closes_its_epoch() {
    let mut fold = rooted();
    claim(&mut fold, 1);
    let one = next(&head(&fold));
    let two = after(&one);
    let three = after(&two);
    assert_eq!(decide(&mut fold, one), Verdict::Counts);
    assert_eq!(decide(&mut fold, three), Verdict::Orphan);
    assert_eq!(decide(&mut fold, two), Verdict::Orphan, "late, and its epoch is closed");
    assert_eq!(decide(&mut fold, one), Verdict::Repeat);
    assert_eq!((head(&fold).seq, head(&fold).open), (1, false));
    assert_eq!(claim(&mut fold, 2), Verdict::Claimed);
    let again = next(&head(&fold));
    assert_eq!(decide(&mut fold, again), Verdict::Counts);
    assert_eq!(decide(&mut fold, two), Verdict::Ghost);
}

#[test]
fn a_record_of_an_ended_epoch_is_a_ghost_unless_it_had_counted() {
    let mut fold = rooted();
    claim(&mut fold, 1);
    let one = next(&head(&fold));
    let two = after(&one);
    decide(&mut fold, one);
    claim(&mut fold, 2);
    assert_eq!(decide(&mut fold, two), Verdict::Ghost);
    assert_eq!(decide(&mut fold, one), Verdict::Repeat);
    let other_two = next(&head(&fold));
    assert_eq!(decide(&mut fold, other_two), Verdict::Counts);
    assert_eq!(decide(&mut fold, two), Verdict::Ghost, "its seq is another's now");
}

#[test]
fn of_two_claims_on_one_head_the_first_in_the_log_counts() {
    let mut fold = rooted();
    let (ours, theirs) = (claim_on(&head(&fold), 5), claim_on(&head(&fold), 6));
    assert_eq!(super::fold(&mut fold, RecordView::Claim(&theirs)), Verdict::Claimed);
    assert_eq!(super::fold(&mut fold, RecordView::Claim(&ours)), Verdict::StaleClaim);
    assert_eq!(super::fold(&mut fold, RecordView::Claim(&theirs)), Verdict::StaleClaim);
    assert_eq!((head(&fold).epoch, head(&fold).claim), (1, 6));
}

#[test]
fn a_claim_counts_although_its_writer_had_not_read_the_last_decisions() {
    let mut fold = rooted();
    claim(&mut fold, 1);
    let read = head(&fold);
    let one = next(&read);
    decide(&mut fold, one);
    decide(&mut fold, after(&one));
    let second = claim_on(&read, 2);
    assert_eq!(super::fold(&mut fold, RecordView::Claim(&second)), Verdict::Claimed);
    assert_eq!((head(&fold).epoch, head(&fold).seq), (2, 2));
}

#[test]
fn a_second_root_of_the_same_log_is_a_repeat_however_late() {
    let mut fold = rooted();
    let later = LogCreated { at: 2_000, ..root() };
    assert_eq!(super::fold(&mut fold, RecordView::Created(&later)), Verdict::Repeat);
    claim(&mut fold, 1);
    let before = head(&fold);
    assert_eq!(super::fold(&mut fold, RecordView::Created(&later)), Verdict::Repeat);
    assert_eq!(head(&fold), before);
}

#[test]
fn a_repeat_older_than_what_is_remembered_is_a_repeat() {
    let mut fold = Fold::new(PLACE, Chain::Verify, 2);
    super::fold(&mut fold, RecordView::Created(&root()));
    claim(&mut fold, 1);
    let one = next(&head(&fold));
    let mut decision = one;
    for _ in 0..5 {
        assert_eq!(decide(&mut fold, decision), Verdict::Counts);
        decision = after(&decision);
    }
    let altered = DecisionView { at: one.at + 1, ..one };
    assert_eq!((decide(&mut fold, one), decide(&mut fold, altered)), (Verdict::Repeat, Verdict::Repeat));
}

#[test]
fn a_cursor_may_leave_out_offsets_but_never_run_back() {
    let mut fold = rooted();
    claim(&mut fold, 1);
    let mut one = next(&head(&fold));
    one.cursor.offset = 40;
    assert_eq!(decide(&mut fold, one), Verdict::Counts);
    let mut two = after(&one);
    two.cursor.topic = 2;
    two.cursor.offset = 3;
    assert_eq!(decide(&mut fold, two), Verdict::Counts, "each topic has its own");
    assert_eq!(head(&fold).next, [Offset(0), Offset(41), Offset(4)]);
}

#[test]
fn a_trusting_fold_has_the_same_head_after_every_record() {
    let (mut verify, mut trust) = (new_fold(), Fold::new(PLACE, Chain::Trust, 64));
    let both = |verify: &mut Fold, trust: &mut Fold, view: RecordView<'_>| {
        let verdicts = (super::fold(verify, view), super::fold(trust, view));
        assert_eq!(verdicts.0, verdicts.1);
        assert_eq!(verify.head(), trust.head());
        verdicts.0
    };
    both(&mut verify, &mut trust, RecordView::Created(&root()));
    for epoch in 1..4 {
        let claim = claim_on(&head(&verify), epoch * 1_000);
        both(&mut verify, &mut trust, RecordView::Claim(&claim));
        let mut decision = next(&head(&verify));
        for _ in 0..3 {
            assert_eq!(both(&mut verify, &mut trust, RecordView::Decision(decision)), Verdict::Counts);
            let repeat = both(&mut verify, &mut trust, RecordView::Decision(decision));
            assert_eq!(repeat, Verdict::Repeat);
            decision = after(&decision);
        }
        let orphan = after(&decision);
        assert_eq!(both(&mut verify, &mut trust, RecordView::Decision(orphan)), Verdict::Orphan);
    }
    claim(&mut trust, 9);
    let unchained = DecisionView { prev_digest: Digest([1; 16]), ..next(&head(&trust)) };
    assert_eq!(decide(&mut trust, unchained), Verdict::Counts, "that is what trust means");
}
