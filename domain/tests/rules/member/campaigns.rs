//! What campaigns make of milestones.

use mirabelle_domain::command::ConfigKind;
use mirabelle_domain::fact::{AwardOwed, Considered, GrantIntent};
use mirabelle_domain::worker::{WorkerState, WorkerStatus};
use mirabelle_domain::{Fact, MilestoneKind, Timestamp};
use sha2::Digest as _;

use super::milestones::outcomes;
use super::scene::{ASHA, Scene, day, engineer, milestone, names, noon, points, worker};

fn outcome(scene: &mut Scene, report: mirabelle_domain::command::ReportMilestone) -> Considered {
    let facts = scene.yes(report);
    outcomes(&facts)[0].1
}

/// What one campaign of these JSON members makes of a hire on a day.
fn of_a_hire(rest: &str, effective: i32) -> Considered {
    let mut scene = Scene::employed();
    scene.campaign("welcome", &format!(r#""milestone":"hire","points":{{"fixed":500}},{rest}"#));
    outcome(&mut scene, milestone(MilestoneKind::Hire, "E1", day(effective)))
}

/// The failed condition, or `None` for an award, of an anniversary with these years and attributes.
fn condition(condition: &str, years: Option<i32>, rating: Option<&str>) -> Option<String> {
    let mut scene = Scene::employed();
    let rest = format!(r#""milestone":"anniversary","points":{{"fixed":5}},"conditions":[{condition}]"#);
    scene.campaign("years", &rest);
    let mut report = milestone(MilestoneKind::Anniversary, "5", day(0));
    report.years = years;
    report.attributes.extend(rating.map(|rating| ("rating".to_owned(), rating.to_owned())));
    match &scene.yes(report)[1] {
        Fact::MilestoneConsidered(said) if said.outcome == Considered::Awarded => None,
        Fact::MilestoneConsidered(said) => {
            assert_eq!(said.outcome, Considered::ConditionFailed);
            Some(said.failed_condition.clone().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_award_carries_everything_that_later_steps_need() {
    let mut scene = Scene::employed();
    let rest = r#""milestone":"hire","points":{"fixed":500},"vests_after_days":30,"expires_after_days":400,
        "daily_ceiling":9000"#;
    scene.campaign("welcome", rest);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    let Fact::AwardOwed(AwardOwed { kind, occurrence, budget, grant }) = &facts[2] else {
        panic!("{facts:?}")
    };
    assert_eq!((*kind, occurrence.as_str(), budget.as_str()), (MilestoneKind::Hire, "E1", "people"));
    let expected = {
        // The rule of ids made inside: SHA-256-128("grant" ‖ command id ‖ index of the fact, u32 big-endian).
        let mut text = b"grant".to_vec();
        text.extend([0xC0; 8]);
        text.extend(2_u64.to_be_bytes());
        text.extend(2_u32.to_be_bytes());
        let digest: [u8; 32] = sha2::Sha256::digest(&text).into();
        mirabelle_domain::GrantId(digest[..16].try_into().unwrap())
    };
    assert_eq!(
        *grant,
        GrantIntent {
            grant: expected,
            member: ASHA,
            points: points(500),
            granted_at: noon(0),
            activates_at: Some(noon(30)),
            expires_at: Some(noon(400)),
            campaign: Some("welcome".parse().unwrap()),
            campaign_version: 1,
            daily_ceiling: Some(points(9000)),
            ceiling_day: Some(day(0)),
            label: "hire E1".to_owned(),
            note: None,
        }
    );
}

#[test]
fn every_campaign_in_force_says_what_it_makes_of_a_milestone() {
    let mut scene = Scene::employed();
    scene.campaign("a-welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    scene.campaign("b-promoted", r#""milestone":"promotion","points":{"fixed":300}"#);
    let sales =
        r#""milestone":"hire","points":{"fixed":9},"conditions":[{"field":"department","any_of":["Sales"]}]"#;
    scene.campaign("c-sales", sales);
    scene.campaign("d-more", r#""milestone":"hire","points":{"fixed":70}"#);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    let said = |name: &str, outcome| (Some(name.to_owned()), outcome);
    assert_eq!(
        outcomes(&facts),
        [
            said("a-welcome", Considered::Awarded),
            said("c-sales", Considered::ConditionFailed),
            said("d-more", Considered::Awarded)
        ]
    );
    let owed: Vec<i64> = (facts.iter())
        .filter_map(|fact| match fact {
            Fact::AwardOwed(owed) => Some(owed.grant.points.get()),
            _ => None,
        })
        .collect();
    assert_eq!(owed, [500, 70]);
}

#[test]
fn a_newer_version_of_a_campaign_never_awards_a_milestone_again() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    let body = r#"{"title":"more","budget":"people","starts_on":"2020-01-01","milestone":"hire","points":{"fixed":900}}"#;
    scene.publish(ConfigKind::Campaign, "welcome", 2, body);
    assert_eq!(
        outcome(&mut scene, milestone(MilestoneKind::Hire, "E1", day(-1))),
        Considered::AlreadyAwarded
    );
}

#[test]
fn a_campaign_counts_from_its_first_to_its_last_day() {
    assert_eq!(of_a_hire(r#""look_back_days":500"#, -100), Considered::Awarded);
    assert_eq!(of_a_hire(r#""look_back_days":500"#, -101), Considered::BeforeStart);
    let ends_on = format!(r#""look_back_days":500,"ends_on":"{}""#, day(-5));
    assert_eq!(of_a_hire(&ends_on, -5), Considered::Awarded);
    assert_eq!(of_a_hire(&ends_on, -4), Considered::AfterEnd);
}

#[test]
fn what_becomes_known_too_late_earns_nothing() {
    assert_eq!(of_a_hire(r#""look_back_days":3"#, -3), Considered::Awarded);
    assert_eq!(of_a_hire(r#""look_back_days":3"#, -4), Considered::TooLate);
    assert_eq!(of_a_hire(r#""look_back_days":0"#, 0), Considered::Awarded);
}

#[test]
fn a_milestone_that_was_known_in_time_may_be_considered_later() {
    let mut scene = Scene::employed();
    scene.yes(milestone(MilestoneKind::Hire, "E1", day(-2)));
    scene.now = noon(60);
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500},"look_back_days":2"#);
    assert_eq!(outcome(&mut scene, milestone(MilestoneKind::Hire, "E1", day(-2))), Considered::Awarded);
}

#[test]
fn a_milestone_whose_day_came_in_baseline_never_earns() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    let mut hired = milestone(MilestoneKind::Hire, "E1", day(-1));
    hired.connection = "old".parse().unwrap();
    let mut joins = milestone(MilestoneKind::Hire, "E2", day(2));
    joins.connection = "old".parse().unwrap();
    assert_eq!(outcome(&mut scene, hired.clone()), Considered::Baseline);
    assert_eq!(outcome(&mut scene, joins.clone()), Considered::NotDue);
    let open = r#"{"system":"workday","state":"open","id_space":"main"}"#;
    scene.publish_from(noon(1), ConfigKind::Connection, "old", 2, open);
    scene.now = noon(2);
    assert_eq!(outcome(&mut scene, hired.clone()), Considered::Baseline);
    hired.effective = day(1);
    assert_eq!(outcome(&mut scene, hired), Considered::Baseline);
    assert_eq!(outcome(&mut scene, joins), Considered::Awarded);
}

#[test]
fn a_connection_that_was_open_already_and_adopted_late_costs_nobody_an_award() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    let mut hired = milestone(MilestoneKind::Hire, "E1", day(-1));
    hired.connection = "old".parse().unwrap();
    assert_eq!(outcome(&mut scene, hired.clone()), Considered::Baseline);
    // In force before the report was taken in, adopted here behind it.
    let open = r#"{"system":"workday","state":"open","id_space":"main"}"#;
    scene.publish_from(noon(-1), ConfigKind::Connection, "old", 2, open);
    assert_eq!(outcome(&mut scene, hired.clone()), Considered::Awarded);
    assert_eq!(outcome(&mut scene, hired), Considered::AlreadyAwarded);
}

#[test]
fn a_baseline_without_campaigns_is_a_baseline_for_ever_too() {
    let mut scene = Scene::employed();
    let mut hired = milestone(MilestoneKind::Hire, "E1", day(-1));
    hired.connection = "old".parse().unwrap();
    assert_eq!(outcomes(&scene.yes(hired)), [(None, Considered::Baseline)]);
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    let again = milestone(MilestoneKind::Hire, "E1", day(-1));
    assert_eq!(outcome(&mut scene, again), Considered::Baseline);
}

#[test]
fn a_connection_that_is_not_in_force_here_awards_nothing_until_it_is() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    let mut hired = milestone(MilestoneKind::Hire, "E1", day(-1));
    hired.connection = "new".parse().unwrap();
    let facts = scene.yes(hired.clone());
    let Fact::MilestoneConsidered(said) = &facts[1] else { panic!("{facts:?}") };
    assert_eq!(said.outcome, Considered::Baseline);
    assert_eq!(said.failed_condition.as_deref(), Some("the connection is not in force"));
    let open = r#"{"system":"workday","state":"open","id_space":"main"}"#;
    scene.publish(ConfigKind::Connection, "new", 1, open);
    assert_eq!(outcome(&mut scene, hired), Considered::Awarded);
}

#[test]
fn what_a_connection_delivered_before_it_was_closed_still_counts() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    let mut hired = milestone(MilestoneKind::Hire, "E1", day(-1));
    hired.connection = "shut".parse().unwrap();
    assert_eq!(outcome(&mut scene, hired), Considered::Awarded);
}

#[test]
fn conditions_compare_years_attributes_and_the_worker() {
    let every_five = r#"{"field":"years","multiple_of":5}"#;
    assert_eq!(condition(every_five, Some(10), None), None);
    assert_eq!(condition(every_five, Some(11), None).as_deref(), Some(r#"years multiple_of 5: found "11""#));
    assert_eq!(condition(r#"{"field":"years","at_least":3}"#, Some(3), None), None);
    assert!(condition(r#"{"field":"years","at_least":3}"#, Some(2), None).is_some());
    assert_eq!(condition(r#"{"field":"years","at_most":3}"#, Some(3), None), None);
    assert!(condition(r#"{"field":"years","at_most":3}"#, Some(4), None).is_some());
    let rated = r#"{"field":"attributes.rating","none_of":["poor","fair"]}"#;
    assert_eq!(condition(rated, None, Some("good")), None);
    assert_eq!(
        condition(rated, None, Some("fair")).as_deref(),
        Some(r#"attributes.rating none_of ["poor", "fair"]: found "fair""#)
    );
    assert_eq!(condition(r#"{"field":"country","any_of":["DE"]}"#, None, None), None);
    assert_eq!(
        condition(r#"{"field":"department","any_of":["Sales"]}"#, None, None).as_deref(),
        Some(r#"department any_of ["Sales"]: found "Engineering""#)
    );
}

#[test]
fn a_condition_on_what_is_not_known_or_no_number_does_not_hold() {
    for (asked, rating) in [
        (r#"{"field":"years","at_least":0}"#, None),
        (r#"{"field":"attributes.rating","none_of":["poor"]}"#, None),
        (r#"{"field":"attributes.rating","at_least":4}"#, Some("3.95")),
        (r#"{"field":"attributes.rating","at_most":-2}"#, Some("-1.5")),
        (r#"{"field":"attributes.rating","at_most":5}"#, Some("1e0")),
        (r#"{"field":"attributes.rating","at_most":5}"#, Some("9999999999999999999999999999999999999999")),
        (r#"{"field":"attributes.rating","multiple_of":2}"#, Some("4.5")),
        (r#"{"field":"attributes.rating","multiple_of":0}"#, Some("0")),
        (r#"{"field":"company","none_of":["ACME"]}"#, None),
    ] {
        assert!(condition(asked, None, rating).is_some(), "{asked} {rating:?}");
    }
}

#[test]
fn a_rating_with_decimals_meets_a_bound_by_its_value() {
    let at_least_4 = r#"{"field":"attributes.rating","at_least":4}"#;
    let at_most_4 = r#"{"field":"attributes.rating","at_most":4}"#;
    for rating in ["4.5", "4", "4.0", "4.50", "9999999999999999999999999999999999999999.25"] {
        assert_eq!(condition(at_least_4, None, Some(rating)), None, "{rating}");
    }
    for rating in ["4", "4.000", "3.95", "-1.5", "-9999999999999999999999999999999999999999"] {
        assert_eq!(condition(at_most_4, None, Some(rating)), None, "{rating}");
    }
    let failed = condition(at_least_4, None, Some("3.95")).unwrap();
    assert_eq!(failed, r#"attributes.rating at_least 4: found "3.95""#);
    let no_number = condition(at_least_4, None, Some("n/a")).unwrap();
    assert_eq!(no_number, r#"attributes.rating at_least 4: found "n/a""#);
}

#[test]
fn points_by_the_year_count_completed_years() {
    for (years, paid) in [(Some(7), Some(70)), (Some(0), None), (None, None), (Some(-3), None)] {
        let mut scene = Scene::employed();
        scene.campaign("years", r#""milestone":"anniversary","points":{"per_year":10}"#);
        let mut report = milestone(MilestoneKind::Anniversary, "7", day(0));
        report.years = years;
        let facts = scene.yes(report);
        match (paid, facts.last().unwrap()) {
            (Some(paid), Fact::AwardOwed(owed)) => assert_eq!(owed.grant.points, points(paid)),
            (None, Fact::MilestoneConsidered(said)) => assert_eq!(said.outcome, Considered::NoPoints),
            other => panic!("{years:?}: {other:?}"),
        }
    }
}

#[test]
fn a_payout_beyond_the_largest_amount_pays_nothing_and_stops_nobody_else() {
    let mut scene = Scene::employed();
    let huge = r#""milestone":"anniversary","points":{"per_year":9007199254740991}"#;
    scene.campaign("a-huge", huge);
    scene.campaign("b-small", r#""milestone":"anniversary","points":{"fixed":3}"#);
    let mut report = milestone(MilestoneKind::Anniversary, "2", day(0));
    report.years = Some(i32::MAX);
    let facts = scene.yes(report);
    let said = outcomes(&facts);
    assert_eq!([said[0].1, said[1].1], [Considered::NoPoints, Considered::Awarded]);
}

#[test]
fn who_has_left_or_was_not_here_on_the_day_earns_nothing() {
    let on = |state: WorkerState, kind| {
        let mut scene = Scene::new();
        scene.yes(worker("hr", None, state));
        let name = if kind == MilestoneKind::Hire { "hire" } else { "goal" };
        let rest = format!(r#""milestone":"{name}","points":{{"fixed":5}}"#);
        scene.campaign("c", &rest);
        outcome(&mut scene, milestone(kind, "X", day(-1)))
    };
    let left = WorkerState { status: WorkerStatus::Terminated, ..engineer() };
    let leaves = WorkerState { termination: Some(day(-2)), ..engineer() };
    let stays = WorkerState { termination: Some(day(-1)), ..engineer() };
    let joins = WorkerState { original_hire: None, hire: Some(day(0)), ..engineer() };
    let on_leave = WorkerState { status: WorkerStatus::OnLeave, ..engineer() };
    assert_eq!(on(left, MilestoneKind::Goal), Considered::NotEmployed);
    assert_eq!(on(leaves, MilestoneKind::Goal), Considered::NotEmployed);
    assert_eq!(on(stays, MilestoneKind::Goal), Considered::Awarded);
    assert_eq!(on(joins.clone(), MilestoneKind::Goal), Considered::NotEmployed);
    assert_eq!(on(joins, MilestoneKind::Hire), Considered::Awarded);
    assert_eq!(on(on_leave, MilestoneKind::Goal), Considered::Awarded);
}

#[test]
fn a_condition_on_a_worker_whom_nobody_has_reported_waits_for_the_report() {
    let mut scene = Scene::new();
    let rest =
        r#""milestone":"hire","points":{"fixed":5},"conditions":[{"field":"country","any_of":["DE"]}]"#;
    scene.campaign("german", rest);
    scene.campaign("world", r#""milestone":"hire","points":{"fixed":6}"#);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    let said = outcomes(&facts);
    assert_eq!([said[0].1, said[1].1], [Considered::WorkerUnknown, Considered::Awarded]);
    scene.now = noon(1);
    let facts = scene.yes(worker("hr", None, engineer()));
    assert_eq!(names(&facts), ["WorkerRecorded", "MilestoneConsidered", "AwardOwed", "MilestoneConsidered"]);
    let said = outcomes(&facts);
    assert_eq!([said[0].1, said[1].1], [Considered::Awarded, Considered::AlreadyAwarded]);
    assert_eq!(names(&scene.yes(worker("hr", None, engineer()))), ["WorkerRecorded"]);
}

#[test]
fn a_rehire_that_comes_before_the_new_state_is_awarded_when_the_state_comes() {
    let mut scene = Scene::new();
    let left = WorkerState { status: WorkerStatus::Terminated, termination: Some(day(-300)), ..engineer() };
    scene.yes(worker("hr", None, left));
    scene.campaign("back", r#""milestone":"rehire","points":{"fixed":5}"#);
    assert_eq!(outcome(&mut scene, milestone(MilestoneKind::Rehire, "2", day(0))), Considered::NotEmployed);
    let facts = scene.yes(worker("hr", None, WorkerState { hire: Some(day(0)), ..engineer() }));
    assert_eq!(names(&facts), ["WorkerRecorded", "MilestoneConsidered", "AwardOwed"]);
}

#[test]
fn a_hire_that_was_over_before_it_was_known_earns_nothing_by_a_later_hire() {
    let mut scene = Scene::new();
    let left = WorkerState { status: WorkerStatus::Terminated, ..engineer() };
    scene.yes(worker("hr", None, left));
    scene.campaign("welcome", r#""milestone":"hire","points":{"fixed":500}"#);
    assert_eq!(outcome(&mut scene, milestone(MilestoneKind::Hire, "E1", day(-2))), Considered::NotEmployed);
    scene.now = noon(180);
    let back = WorkerState { hire: Some(day(180)), ..engineer() };
    assert_eq!(names(&scene.yes(worker("hr", None, back))), ["WorkerRecorded"]);
}

#[test]
fn a_campaign_is_in_force_from_its_start_on() {
    let mut scene = Scene::employed();
    let body =
        r#"{"title":"w","budget":"people","starts_on":"2020-01-01","milestone":"hire","points":{"fixed":9}}"#;
    scene.rules.adopt(&mirabelle_domain::fact::AdoptedVersion {
        number: scene.rules.number + 1,
        kind: ConfigKind::Campaign,
        name: "welcome".parse().unwrap(),
        version: 1,
        body: body.to_owned(),
        effective_at: noon(1),
        mode: Default::default(),
    });
    scene.now = Timestamp(noon(1).0 - 1);
    let report = milestone(MilestoneKind::Hire, "E1", day(0));
    assert_eq!(outcome(&mut scene, report.clone()), Considered::NoCampaign);
    scene.now = noon(1);
    assert_eq!(outcome(&mut scene, report), Considered::Awarded);
}
