//! Milestones under their natural keys: repeated, moved, early, taken back.

use mirabelle_domain::command::ConsiderMilestone;
use mirabelle_domain::fact::{
    AwardDropped, Considered, GrantRefused, GrantReversed, MilestoneConsidered, MilestoneRecorded,
    MilestoneRetracted,
};
use mirabelle_domain::{Fact, MilestoneKind, Rejection};

use super::scene::{
    Scene, credit, day, grant_id, lot, milestone, names, noon, points, retraction, sums, wish,
};

const WELCOME: &str = r#""milestone":"hire","points":{"fixed":500}"#;

fn consider(occurrence: &str) -> ConsiderMilestone {
    ConsiderMilestone { kind: MilestoneKind::Hire, occurrence: occurrence.parse().unwrap() }
}

/// What each campaign made of it.
pub(crate) fn outcomes(facts: &[Fact]) -> Vec<(Option<String>, Considered)> {
    let outcome = |fact: &Fact| match fact {
        Fact::MilestoneConsidered(said) => {
            Some((said.campaign.as_ref().map(ToString::to_string), said.outcome))
        }
        _ => None,
    };
    facts.iter().filter_map(outcome).collect()
}

/// The grant that these facts owe.
fn owed(facts: &[Fact]) -> mirabelle_domain::fact::GrantIntent {
    let owed = facts.iter().find_map(|fact| match fact {
        Fact::AwardOwed(owed) => Some(owed.grant.clone()),
        _ => None,
    });
    owed.unwrap()
}

fn welcomed() -> (Scene, mirabelle_domain::fact::GrantIntent) {
    let mut scene = Scene::employed();
    scene.campaign("welcome", WELCOME);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    let grant = owed(&facts);
    (scene, grant)
}

#[test]
fn a_milestone_is_recorded_considered_and_owed_in_one_decision() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", WELCOME);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    assert_eq!(names(&facts), ["MilestoneRecorded", "MilestoneConsidered", "AwardOwed"]);
    assert_eq!(
        facts[0],
        Fact::MilestoneRecorded(MilestoneRecorded {
            connection: "hr".parse().unwrap(),
            kind: MilestoneKind::Hire,
            occurrence: "E1".parse().unwrap(),
            effective: day(-1),
            known_on: day(0),
            moved_from: None,
            source_id: None,
            years: None,
            attributes: Default::default(),
        })
    );
}

#[test]
fn a_milestone_that_no_campaign_is_about_says_so() {
    let mut scene = Scene::employed();
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    assert_eq!(names(&facts), ["MilestoneRecorded", "MilestoneConsidered"]);
    assert_eq!(
        facts[1],
        Fact::MilestoneConsidered(MilestoneConsidered {
            kind: MilestoneKind::Hire,
            occurrence: "E1".parse().unwrap(),
            campaign: None,
            campaign_version: 0,
            outcome: Considered::NoCampaign,
            failed_condition: None,
        })
    );
}

#[test]
fn the_same_milestone_by_a_second_path_records_and_earns_nothing_more() {
    let (mut scene, _) = welcomed();
    let mut by_pull = milestone(MilestoneKind::Hire, "E1", day(-1));
    by_pull.source_id = Some("pull-7".to_owned());
    by_pull.connection = "shut".parse().unwrap();
    let facts = scene.yes(by_pull);
    assert_eq!(names(&facts), ["MilestoneConsidered"]);
    assert_eq!(outcomes(&facts), [(Some("welcome".to_owned()), Considered::AlreadyAwarded)]);
}

#[test]
fn another_occurrence_is_another_milestone_and_earns_again() {
    let (mut scene, first) = welcomed();
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E2", day(-1)));
    assert_ne!(owed(&facts).grant, first.grant);
}

#[test]
fn a_new_date_moves_a_milestone_and_keeps_its_award() {
    let (mut scene, _) = welcomed();
    scene.now = noon(3);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(2)));
    let Fact::MilestoneRecorded(moved) = &facts[0] else { panic!("{facts:?}") };
    assert_eq!((moved.moved_from, moved.effective, moved.known_on), (Some(day(-1)), day(2), day(3)));
    assert_eq!(outcomes(&facts), [(Some("welcome".to_owned()), Considered::AlreadyAwarded)]);
}

#[test]
fn a_corrected_rating_is_recorded_and_considered_again_from_the_first_day_it_was_known() {
    let mut scene = Scene::employed();
    let stars = r#""milestone":"review","points":{"fixed":40},
        "conditions":[{"field":"attributes.rating","any_of":["5"]}]"#;
    scene.campaign("stars", stars);
    let mut review = milestone(MilestoneKind::Review, "R9", day(-1));
    review.attributes.insert("rating".to_owned(), "4".to_owned());
    let facts = scene.yes(review.clone());
    assert_eq!(outcomes(&facts), [(Some("stars".to_owned()), Considered::ConditionFailed)]);
    scene.now = noon(50);
    review.attributes.insert("rating".to_owned(), "5".to_owned());
    let facts = scene.yes(review);
    let Fact::MilestoneRecorded(corrected) = &facts[0] else { panic!("{facts:?}") };
    assert_eq!((corrected.moved_from, corrected.known_on), (None, day(0)));
    assert_eq!(owed(&facts).points, points(40));
}

#[test]
fn a_milestone_of_the_future_waits_for_its_day() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", WELCOME);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(20)));
    assert_eq!(outcomes(&facts), [(Some("welcome".to_owned()), Considered::NotDue)]);
    scene.now = noon(19);
    assert_eq!(scene.no(consider("E1")), Rejection::NotDue);
    scene.now = noon(20);
    assert_eq!(owed(&scene.yes(consider("E1"))).points, points(500));
}

#[test]
fn a_milestone_of_the_future_without_a_campaign_waits_too() {
    let mut scene = Scene::employed();
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(20)));
    assert_eq!(outcomes(&facts), [(None, Considered::NotDue)]);
    scene.campaign("welcome", WELCOME);
    scene.now = noon(21);
    assert_eq!(owed(&scene.yes(consider("E1"))).points, points(500));
}

#[test]
fn a_day_comes_where_the_member_works_not_in_utc() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", WELCOME);
    scene.local_day = Some(day(-1));
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(0)));
    assert_eq!(outcomes(&facts), [(Some("welcome".to_owned()), Considered::NotDue)]);
    assert_eq!(scene.no(consider("E1")), Rejection::NotDue);
    scene.local_day = Some(day(0));
    assert_eq!(owed(&scene.yes(consider("E1"))).points, points(500));
    scene.local_day = Some(day(1));
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E2", day(1)));
    assert_eq!(owed(&facts).granted_at, noon(0));
}

#[test]
fn an_unknown_milestone_cannot_be_considered() {
    assert_eq!(Scene::employed().no(consider("E1")).code(), "invalid");
}

#[test]
fn a_retraction_drops_what_is_not_credited_and_the_budget_gets_its_answer() {
    let (mut scene, grant) = welcomed();
    let facts = scene.yes(retraction(MilestoneKind::Hire, "E1"));
    assert_eq!(
        facts,
        [
            Fact::MilestoneRetracted(MilestoneRetracted {
                kind: MilestoneKind::Hire,
                occurrence: "E1".parse().unwrap()
            }),
            Fact::AwardDropped(AwardDropped { grant: grant.grant, reason: "milestone_retracted".to_owned() }),
        ]
    );
    let facts = scene.yes(credit(grant.clone()));
    assert_eq!(
        facts,
        [Fact::GrantRefused(GrantRefused {
            budget: "people".parse().unwrap(),
            grant: grant.grant,
            points: points(500),
            reason: "milestone_retracted".to_owned(),
        })]
    );
    assert_eq!(scene.member.balance(), sums([0; 7]));
}

#[test]
fn a_retraction_takes_back_what_is_left_of_a_paid_award_and_records_what_is_missing() {
    let (mut scene, grant) = welcomed();
    let id = grant.grant;
    scene.yes(credit(grant));
    scene.yes(wish(&[("donation", 2)]));
    let facts = scene.yes(retraction(MilestoneKind::Hire, "E1"));
    assert_eq!(names(&facts), ["MilestoneRetracted", "GrantReversed"]);
    assert_eq!(
        facts[1],
        Fact::GrantReversed(GrantReversed {
            grant: id,
            lot: Some(lot(1, 300, 0, 0)),
            pending: false,
            shortfall: points(200),
            balance: sums([0, 0, 0, 200, 0, 300, 200]),
        })
    );
}

#[test]
fn a_retraction_of_an_award_that_was_reversed_before_takes_nothing_twice() {
    let (mut scene, grant) = welcomed();
    scene.yes(credit(grant.clone()));
    scene.yes(mirabelle_domain::command::ReverseGrant { grant: grant.grant });
    let facts = scene.yes(retraction(MilestoneKind::Hire, "E1"));
    assert_eq!(names(&facts), ["MilestoneRetracted"]);
}

#[test]
fn a_retracted_milestone_stays_retracted_whatever_is_reported_or_asked() {
    let (mut scene, _) = welcomed();
    scene.yes(retraction(MilestoneKind::Hire, "E1"));
    for facts in [
        scene.yes(retraction(MilestoneKind::Hire, "E1")),
        scene.yes(milestone(MilestoneKind::Hire, "E1", day(0))),
        scene.yes(consider("E1")),
    ] {
        assert_eq!(names(&facts), ["MilestoneConsidered"]);
        assert_eq!(outcomes(&facts), [(None, Considered::Retracted)]);
    }
}

#[test]
fn a_report_that_its_retraction_has_overtaken_earns_nothing() {
    let mut scene = Scene::employed();
    scene.campaign("welcome", WELCOME);
    assert_eq!(names(&scene.yes(retraction(MilestoneKind::Hire, "E1"))), ["MilestoneRetracted"]);
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(0)));
    assert_eq!(outcomes(&facts), [(None, Considered::Retracted)]);
}

#[test]
fn a_member_has_no_more_than_so_many_milestones() {
    let mut scene = Scene::employed();
    for number in 0..mirabelle_domain::member::MILESTONES_MAX {
        let command = milestone(MilestoneKind::Goal, &format!("G{number}"), day(0)).into();
        let input = mirabelle_domain::Input {
            command: &command,
            id: mirabelle_domain::CommandId([1; 16]),
            accepted_at: scene.now,
            local_day: None,
            principal: "hr",
            reason: None,
        };
        let rules = scene.rules.at(scene.now);
        let facts =
            mirabelle_domain::member::decide(super::scene::ASHA, &scene.member, rules, &input).unwrap();
        facts.iter().for_each(|fact| mirabelle_domain::member::evolve(&mut scene.member, fact, scene.now));
    }
    assert_eq!(scene.no(milestone(MilestoneKind::Goal, "G-one-more", day(0))).code(), "invalid");
    assert_eq!(scene.no(retraction(MilestoneKind::Goal, "G-one-more")).code(), "invalid");
    scene.yes(milestone(MilestoneKind::Goal, "G17", day(0)));
}

#[test]
fn a_declined_award_is_dropped_once() {
    let (mut scene, grant) = welcomed();
    let decline = mirabelle_domain::command::DropGrant {
        budget: "people".parse().unwrap(),
        grant: grant.grant,
        reason: "declined".to_owned(),
    };
    let facts = scene.yes(decline.clone());
    assert_eq!(
        facts,
        [Fact::AwardDropped(AwardDropped { grant: grant.grant, reason: "declined".to_owned() })]
    );
    assert_eq!(scene.no(decline.clone()), Rejection::UnknownGrant { expected: "owed" });
    let unknown = mirabelle_domain::command::DropGrant { grant: grant_id(9), ..decline };
    assert_eq!(scene.no(unknown), Rejection::UnknownGrant { expected: "owed" });
    let facts = scene.yes(milestone(MilestoneKind::Hire, "E1", day(-1)));
    assert_eq!(outcomes(&facts), [(Some("welcome".to_owned()), Considered::AlreadyAwarded)]);
    let Fact::GrantRefused(refused) = &scene.yes(credit(grant))[0] else { panic!("it was dropped") };
    assert_eq!(refused.reason, "award_dropped");
}
