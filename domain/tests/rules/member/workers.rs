//! What HR systems say of a worker.

use mirabelle_domain::fact::WorkerRecorded;
use mirabelle_domain::worker::{WorkerState, WorkerStatus};
use mirabelle_domain::{Fact, Timestamp};

use super::scene::{Scene, credit, engineer, gift, names, noon, wish, worker};

fn left() -> WorkerState {
    WorkerState { status: WorkerStatus::Terminated, ..engineer() }
}

#[test]
fn a_worker_state_is_recorded_whole_also_when_nothing_changed() {
    let mut scene = Scene::new();
    let said = [Fact::WorkerRecorded(WorkerRecorded {
        connection: "hr".parse().unwrap(),
        changed_at: Some(noon(-3)),
        current: true,
        state: engineer(),
    })];
    assert_eq!(scene.yes(worker("hr", Some(noon(-3)), engineer())), said);
    assert_eq!(scene.yes(worker("hr", Some(noon(-3)), engineer())), said);
}

#[test]
fn a_state_older_than_the_recorded_one_changes_nothing() {
    let mut scene = Scene::new();
    scene.yes(worker("hr", Some(noon(-1)), engineer()));
    let before = scene.member.clone();
    let facts = scene.yes(worker("hr", Some(Timestamp(noon(-1).0 - 1)), left()));
    let Fact::WorkerRecorded(said) = &facts[0] else { panic!("{facts:?}") };
    assert!(!said.current);
    assert_eq!(said.state, left());
    assert_eq!(scene.member, before);
    scene.yes(worker("hr", Some(noon(-1)), left()));
    assert_eq!(scene.member.status(), Some(WorkerStatus::Terminated));
}

#[test]
fn a_state_without_a_date_counts_and_does_not_make_older_ones_newer() {
    let mut scene = Scene::new();
    scene.yes(worker("hr", Some(noon(-2)), engineer()));
    scene.yes(worker("hr", None, left()));
    assert_eq!(scene.member.status(), Some(WorkerStatus::Terminated));
    scene.yes(worker("hr", Some(noon(-3)), engineer()));
    assert_eq!(scene.member.status(), Some(WorkerStatus::Terminated));
}

#[test]
fn a_source_whose_clock_is_ahead_does_not_shut_out_its_own_later_states() {
    let mut scene = Scene::new();
    scene.yes(worker("hr", Some(Timestamp(i64::MAX)), engineer()));
    scene.now = noon(2);
    scene.yes(worker("hr", Some(noon(1)), left()));
    assert_eq!(scene.member.status(), Some(WorkerStatus::Terminated));
}

#[test]
fn a_leaver_gets_no_grants_and_may_spend_what_is_there() {
    let mut scene = Scene::with_points(&[150]);
    scene.yes(worker("hr", None, left()));
    let Fact::GrantRefused(refused) = &scene.yes(credit(gift(2, 70)))[0] else { panic!("has left") };
    assert_eq!(refused.reason, "member_terminated");
    assert_eq!(
        names(&scene.yes(wish(&[("donation", 1)]))),
        ["RedemptionRequested", "RedemptionApproved", "LineFulfilled", "RedemptionClosed"]
    );
}
