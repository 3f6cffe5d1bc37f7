//! The samples on every day on which the demo may be run.

use std::collections::BTreeSet;

use mirabelle_domain::time::DAY_MICROS;
use mirabelle_domain::{Day, LeapDay, Timestamp};
use mirabelle_hris::{Limits, Profile, Report, System};

use super::days::{Days, told};
use super::samples::{MILESTONES, REPOSTED, RESCINDED, Sample, Source, UNREADABLE, WORKERS};

fn samples() -> impl Iterator<Item = &'static Sample> {
    WORKERS.iter().chain(&MILESTONES).chain([&REPOSTED, &RESCINDED, &UNREADABLE])
}

/// Every day of twelve years, with both kinds of centuries' leap years far away, at the first and last second.
fn instants() -> impl Iterator<Item = Timestamp> {
    let first = Day::from_ymd(2025, 12, 25).unwrap().0;
    (first..first + 12 * 366)
        .flat_map(|day| [0, DAY_MICROS - 1].map(|within| Timestamp(i64::from(day) * DAY_MICROS + within)))
}

fn system(source: Source) -> System {
    match source {
        Source::SuccessFactors => System::SuccessFactors,
        Source::Workday => System::Workday,
        Source::Darwinbox => System::Darwinbox,
    }
}

fn reports(sample: &Sample, body: &str) -> (Vec<Report>, usize) {
    let profile = Profile::default_for(system(sample.from));
    let delivery =
        mirabelle_hris::read(&profile, Some(sample.content_type()), body.as_bytes(), &Limits::push())
            .unwrap();
    let all = delivery.items.len();
    let good: Vec<Report> = delivery.items.into_iter().filter_map(|item| item.outcome.ok()).collect();
    let bad = all - good.len();
    (good, bad)
}

#[test]
fn the_storys_day_lies_ahead_and_is_never_29_february() {
    for now in instants() {
        let days = Days::at(now);
        let date = days.story.civil();
        assert!((1..=2).contains(&(days.story.0 - now.utc_day().0)), "{now}");
        assert_ne!((date.month(), date.day()), (2, 29), "{now}");
        // 09:00 of the day at the easternmost place of the samples, half past five before UTC, lies ahead.
        let nine = i64::from(days.story.0) * DAY_MICROS + 9 * 3_600_000_000 - 19_800_000_000;
        assert!(nine > now.0, "{now}");
    }
}

#[test]
fn on_the_day_of_which_they_tell_the_samples_are_as_they_are() {
    let days = Days { story: told(), written: told() };
    for sample in samples() {
        assert_eq!(days.moved(sample.text), sample.text, "{}", sample.file);
    }
}

#[test]
fn nothing_but_dates_is_moved() {
    let days =
        Days { story: Day::from_ymd(2027, 1, 2).unwrap(), written: Day::from_ymd(2026, 12, 31).unwrap() };
    for (sample, moved) in [
        ("\"2026-06-15\"", "\"2027-01-02\""),
        ("<value>2026-06-12</value>", "<value>2026-12-30</value>"),
        ("\"2016-06-15-07:00\"", "\"2017-01-02-07:00\""),
        ("\"15-06-2021\", \"15-Jun-2018\"", "\"02-01-2022\", \"02-Jan-2019\""),
        ("\"2026-06-15T01:00:00.000-07:00\"", "\"2026-12-31T01:00:00.000-07:00\""),
        ("\"15-06-2026 06:00:00\"", "\"31-12-2026 06:00:00\""),
        (
            "<ns5:publishedAt>1781503200001</ns5:publishedAt>",
            "<ns5:publishedAt>1798696800001</ns5:publishedAt>",
        ),
        // No dates: ids, numbers, a day that no calendar has, other text.
        ("\"REVIEW-2026-31001\"", "\"REVIEW-2026-31001\""),
        ("\"d1000000-0000-4000-8000-000000000001\"", "\"d1000000-0000-4000-8000-000000000001\""),
        ("\"2026-06-31-07:00\"", "\"2026-06-31-07:00\""),
        ("\"12026-06-15\" 2026-06-151 a2026-06-15", "\"12026-06-15\" 2026-06-151 a2026-06-15"),
        ("Grüße, 15-Xyz-2018, 1781503200001", "Grüße, 15-Xyz-2018, 1781503200001"),
    ] {
        assert_eq!(days.moved(sample), moved);
    }
}

/// What of a worker or milestone lies how to the story's day: this has to be the same on every day.
fn relation(report: &Report, days: Days) -> String {
    match report {
        Report::Worker(worker) => {
            let hire = worker.dates.original_hire.or(worker.dates.hire).unwrap();
            let yearly =
                |date: Day| date.in_year(days.story.civil().year(), LeapDay::Before) == Some(days.story);
            let years = days.story.civil().year() - hire.civil().year();
            let born = worker.personal.birth_date.unwrap();
            let anniversary = (yearly(hire) && years > 0).then_some(years);
            let left = worker.dates.termination.map(|day| day.0 - days.story.0);
            format!("{} {anniversary:?} {} {left:?}", worker.person.as_str(), yearly(born))
        }
        Report::Milestone(milestone) => {
            let ahead = days.story.0 - milestone.effective.0;
            let retracts = milestone.retracts;
            format!("{} {} {ahead} {retracts}", milestone.person.as_str(), milestone.kind.name())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_day_the_samples_tell_the_same_story() {
    let on = |days: Days| {
        let mut told = BTreeSet::new();
        for sample in samples() {
            let (good, bad) = reports(sample, &days.moved(sample.text));
            assert_eq!(bad, usize::from(sample.file == UNREADABLE.file), "{days:?} {}", sample.file);
            told.extend(good.iter().map(|report| relation(report, days)));
        }
        told
    };
    let wanted = on(Days { story: told(), written: told() });
    assert_eq!(
        wanted.iter().filter(|line| line.contains("Some(") && line.contains("None")).count(),
        3,
        "{wanted:?}"
    );
    // Each seventh instant comes to each day of the week and the year; the days around leaps and new years all.
    let near_an_edge = |now: &Timestamp| {
        let date = now.utc_day().civil();
        matches!((date.month(), date.day()), (2, 26..) | (3, 1..=3) | (12, 29..) | (1, 1..=3) | (6, 12..=17))
    };
    for (_, now) in instants().enumerate().filter(|(index, now)| index % 7 == 0 || near_an_edge(now)) {
        let days = Days::at(now);
        assert_eq!(on(days), wanted, "on {now}");
    }
}

#[test]
fn no_other_yearly_date_falls_near_the_storys_day_and_nothing_is_written_later_than_now() {
    for now in instants().step_by(3) {
        let days = Days::at(now);
        // The clock sees to everything from the day before the first load to the story's day.
        let near: Vec<Day> =
            (now.utc_day().0 - 1..=days.story.0 + 1).map(Day).filter(|day| *day != days.story).collect();
        for sample in &WORKERS {
            for report in reports(sample, &days.moved(sample.text)).0 {
                let Report::Worker(worker) = report else { panic!("{report:?}") };
                let dates = worker.dates;
                let yearly =
                    [dates.original_hire, dates.hire, dates.continuous_service, worker.personal.birth_date];
                for date in yearly.into_iter().flatten() {
                    for day in &near {
                        let falls = date.in_year(day.civil().year(), LeapDay::Before) == Some(*day);
                        assert!(!falls, "{now}: {} has a date on {day}", worker.person.as_str());
                    }
                }
                assert!(worker.changed_at.unwrap() < now.0, "{now}");
            }
        }
        for sample in MILESTONES.iter().chain([&REPOSTED, &RESCINDED, &UNREADABLE]) {
            for report in reports(sample, &days.moved(sample.text)).0 {
                let Report::Milestone(milestone) = report else { panic!("{report:?}") };
                assert!(milestone.published_at.unwrap() < now.0, "{now}: {}", sample.file);
            }
        }
    }
}
