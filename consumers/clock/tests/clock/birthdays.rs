//! Birth dates stay sealed in what the clock keeps.

use mirabelle_clock::Opener;
use mirabelle_domain::{Command, Day, MemberId, MilestoneKind, Sealed, TenantId};
use mirabelle_follower::{Core as _, Fault};

use crate::{Desk, born, hired};

/// What every birth date opens to, whatever lies in it; `None`: the key store does not answer.
struct Says(Option<Option<(i8, i8)>>);

impl Opener for Says {
    fn birthday(&self, _: &TenantId, _: MemberId, _: &Sealed) -> Result<Option<(i8, i8)>, Fault> {
        self.0.ok_or_else(|| "the key store does not answer".into())
    }
}

fn says(birthday: Option<(i8, i8)>) -> Box<dyn Opener> {
    Box::new(Says(Some(birthday)))
}

/// Somebody whose only yearly date is a birthday.
fn desk(opener: Box<dyn Opener>) -> Desk {
    let mut desk = Desk::opening("2026-06-01T12:00:00Z", opener);
    desk.connection("");
    let mut state = hired("2026-05-01");
    state.birth_date = born(0, 0);
    desk.hire(state);
    desk
}

#[track_caller]
fn reported(desk: &mut Desk) -> Day {
    let Command::ReportMilestone(report) = desk.one().command else { panic!("no report") };
    assert_eq!(report.kind, MilestoneKind::Birthday);
    report.effective
}

#[test]
fn what_the_clock_keeps_does_not_tell_a_birthday() {
    let [mut june, mut july] = [desk(says(Some((6, 20)))), desk(says(Some((7, 4))))];
    assert_eq!((june.act(), july.act()), (vec![], vec![]));
    assert_eq!(june.clock.save(), july.clock.save(), "two birthdays, one state");
    june.becomes("2026-06-20T12:00:00Z");
    assert_eq!(reported(&mut june).to_string(), "2026-06-20");
    july.becomes("2026-06-20T12:00:00Z");
    assert_eq!(july.act(), []);
}

#[test]
fn a_birthday_is_gone_with_the_key_that_it_was_sealed_with() {
    let mut desk = desk(says(Some((6, 20))));
    assert_eq!(desk.act(), []);
    let mut erased = desk.restarted_opening(says(None));
    erased.becomes("2026-06-20T12:00:00Z");
    assert_eq!(erased.act(), []);
    assert_eq!(erased.clock.fault().map(|fault| fault.to_string()), None);
}

#[test]
fn a_key_store_that_does_not_answer_ends_the_clock_and_costs_nobody_a_birthday() {
    let mut desk = desk(Box::new(Says(None)));
    desk.becomes("2026-06-20T12:00:00Z");
    assert_eq!(desk.act(), []);
    assert!(desk.clock.fault().is_some());
    let mut again = desk.restarted_opening(says(Some((6, 20))));
    assert_eq!(reported(&mut again).to_string(), "2026-06-20");
}

#[test]
fn a_state_of_another_form_is_not_taken() {
    let saved = desk(says(None)).clock.save();
    let mut other = desk(says(None));
    assert!(other.clock.restore(&saved));
    assert!(!other.clock.restore(&saved[1..]) && !other.clock.restore(&[]));
}
