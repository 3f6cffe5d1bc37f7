//! Work anniversaries and birthdays, which no HR system pushes.

use mirabelle_domain::fact::Considered;
use mirabelle_domain::{Command, MilestoneKind, WorkerStatus};
use mirabelle_follower::Outgoing;

use crate::{Desk, asha, born, day, hired};

/// Kind, day and years of what a command reports.
fn report(sent: &Outgoing) -> (MilestoneKind, String, Option<i32>) {
    let Command::ReportMilestone(report) = &sent.command else { panic!("{sent:?}") };
    assert_eq!((&sent.account, sent.local_day.map(|local| local >= report.effective)), (&asha(), Some(true)));
    (report.kind, report.effective.to_string(), report.years)
}

/// Lets days pass, answering everything; what was reported on which day at which instant.
fn pass(desk: &mut Desk, from: &str, days: i32) -> Vec<(MilestoneKind, String, Option<i32>)> {
    let mut reported = Vec::new();
    for number in 0..days {
        let noon = day(from).plus(number).to_string() + "T12:00:00Z";
        desk.becomes(&noon);
        for sent in desk.act() {
            reported.push(report(&sent));
            desk.record(&sent, Considered::Awarded);
        }
    }
    reported
}

const ANNIVERSARY: MilestoneKind = MilestoneKind::Anniversary;
const BIRTHDAY: MilestoneKind = MilestoneKind::Birthday;

#[test]
fn an_anniversary_is_reported_at_nine_on_its_day_where_the_person_works() {
    for (zone, location, nine) in [
        (Some("America/Los_Angeles"), None, "2026-06-15T16:00:00Z"),
        (None, Some("Pune"), "2026-06-15T03:30:00Z"),
        (None, None, "2026-06-15T07:00:00Z"),
    ] {
        let mut desk = Desk::at("2026-06-01T12:00:00Z");
        desk.connection(r#","location_zones":{"Pune":"Asia/Kolkata"}"#);
        let mut state = hired("2020-06-15");
        (state.zone, state.location) = (zone.map(str::to_owned), location.map(str::to_owned));
        desk.hire(state);
        desk.now = crate::micros(nine) - 1;
        assert_eq!(desk.act(), [], "{nine}");
        desk.now += 1;
        let sent = desk.one();
        assert_eq!(report(&sent), (ANNIVERSARY, "2026-06-15".into(), Some(6)), "{nine}");
        assert_eq!(sent.local_day, Some(day("2026-06-15")));
    }
}

#[test]
fn every_year_has_one_anniversary_and_one_birthday() {
    let mut desk = Desk::at("2026-01-01T12:00:00Z");
    desk.connection("");
    let mut state = hired("2020-06-15");
    state.birth_date = born(11, 3);
    desk.hire(state);
    assert_eq!(
        pass(&mut desk, "2026-01-01", 3 * 365),
        [
            (ANNIVERSARY, "2026-06-15".into(), Some(6)),
            (BIRTHDAY, "2026-11-03".into(), None),
            (ANNIVERSARY, "2027-06-15".into(), Some(7)),
            (BIRTHDAY, "2027-11-03".into(), None),
            (ANNIVERSARY, "2028-06-15".into(), Some(8)),
            (BIRTHDAY, "2028-11-03".into(), None),
        ]
    );
}

#[test]
fn a_yearly_date_of_29_february_falls_where_the_connection_says() {
    for (setting, in_2027) in [("before", "2027-02-28"), ("after", "2027-03-01")] {
        let mut desk = Desk::at("2027-01-10T12:00:00Z");
        desk.connection(&format!(r#","leap_day":"{setting}""#));
        let mut state = hired("2024-02-29");
        state.birth_date = born(2, 29);
        desk.hire(state);
        let reported = pass(&mut desk, "2027-01-10", 500);
        let expected = [
            (ANNIVERSARY, in_2027.to_owned(), Some(3)),
            (ANNIVERSARY, "2028-02-29".to_owned(), Some(4)),
            (BIRTHDAY, in_2027.to_owned(), None),
            (BIRTHDAY, "2028-02-29".to_owned(), None),
        ];
        assert_eq!(reported.len(), expected.len(), "{setting}: {reported:?}");
        for one in expected {
            assert!(reported.contains(&one), "{setting}: {one:?} of {reported:?}");
        }
    }
}

#[test]
fn days_on_which_the_clock_was_down_are_made_up_each_once() {
    let mut desk = Desk::at("2026-06-01T12:00:00Z");
    desk.connection("");
    let mut state = hired("2020-06-15");
    state.birth_date = born(6, 20);
    desk.hire(state);
    let mut desk = desk.restarted();
    desk.becomes("2026-06-25T12:00:00Z");
    let mut reported = Vec::new();
    for _ in 0..5 {
        for sent in desk.act() {
            reported.push(report(&sent));
            desk.record(&sent, Considered::Awarded);
        }
    }
    assert_eq!(
        reported,
        [(ANNIVERSARY, "2026-06-15".into(), Some(6)), (BIRTHDAY, "2026-06-20".into(), None)]
    );
    assert_eq!(desk.restarted().act(), []);
}

#[test]
fn a_report_that_is_not_answered_is_sent_again_under_the_same_id() {
    let mut desk = Desk::at("2026-06-15T12:00:00Z");
    desk.connection("");
    desk.hire(hired("2020-06-15"));
    let sent = desk.one();
    assert_eq!(desk.restarted().one().id(), sent.id());
    desk.now += mirabelle_clock::core::RESEND_AFTER_MICROS;
    assert_eq!(desk.one().id(), sent.id());
}

#[test]
fn who_does_not_work_here_has_no_anniversary() {
    let mut desk = Desk::at("2026-06-01T12:00:00Z");
    desk.connection("");
    let mut state = hired("2020-06-15");
    state.status = WorkerStatus::Terminated;
    desk.hire(state);
    assert_eq!(pass(&mut desk, "2026-06-01", 30), []);
}

#[test]
fn years_before_a_person_was_first_seen_are_history() {
    let mut desk = Desk::at("2026-06-16T12:00:00Z");
    desk.connection("");
    desk.hire(hired("2010-06-15"));
    assert_eq!(pass(&mut desk, "2026-06-16", 60), []);
}

#[test]
fn years_that_a_person_was_away_are_history_when_the_person_is_hired_again() {
    let mut desk = Desk::at("2026-05-01T12:00:00Z");
    desk.connection("");
    desk.hire(hired("2020-06-15"));
    let mut left = hired("2020-06-15");
    left.status = WorkerStatus::Terminated;
    desk.hire(left);
    desk.becomes("2028-05-10T12:00:00Z");
    desk.hire(hired("2020-06-15"));
    assert_eq!(pass(&mut desk, "2028-05-10", 60), [(ANNIVERSARY, "2028-06-15".into(), Some(8))]);
}

#[test]
fn a_person_is_first_seen_on_the_day_that_it_is_where_the_person_works() {
    // The evening of 14 June in Los Angeles.
    let mut desk = Desk::at("2026-06-15T02:00:00Z");
    desk.connection("");
    let mut state = hired("2020-06-14");
    state.zone = Some("America/Los_Angeles".into());
    desk.hire(state);
    assert_eq!(report(&desk.one()), (ANNIVERSARY, "2026-06-14".into(), Some(6)));
}

#[test]
fn the_anniversary_counts_from_the_date_that_the_connection_names() {
    for (basis, on, years) in
        [("hire", "2026-06-15", 6), ("original_hire", "2026-06-10", 16), ("seniority", "2026-06-20", 11)]
    {
        let mut desk = Desk::at("2026-06-01T12:00:00Z");
        desk.connection(&format!(r#","anniversary":"{basis}""#));
        let mut state = hired("2020-06-15");
        (state.original_hire, state.seniority) = (Some(day("2010-06-10")), Some(day("2015-06-20")));
        desk.hire(state);
        assert_eq!(pass(&mut desk, "2026-06-01", 40), [(ANNIVERSARY, on.into(), Some(years))], "{basis}");
    }
}
