//! In which order the lanes are taken.

use mirabelle_log::Topic;

use crate::hall::{Hall, allocate, budget, open};

/// The topics of the decisions, in their order: m, c, b.
fn order(hall: &Hall) -> String {
    let decisions = hall.decisions(&budget());
    decisions.iter().map(|(decision, _)| ['m', 'c', 'b'][usize::from(decision.cursor.topic)]).collect()
}

fn fill(hall: &Hall, topic: Topic, count: u32) {
    for number in 0..count {
        hall.send(topic, &budget(), &format!("{topic}.{number}"), allocate(1));
    }
}

#[test]
fn one_person_waits_for_at_most_so_many_bulk_rows_as_the_options_say() {
    let hall = Hall::new();
    fill(&hall, Topic::CommandsBulk, 500);
    fill(&hall, Topic::Commands, 40);
    hall.decide(&budget(), 540);
    let order = order(&hall);
    let last = order.rfind('c').unwrap();
    let most = order[..last].split('c').map(str::len).max().unwrap();
    assert!(most <= hall.options.lane.bulk_between, "{most} rows before one person: {order}");
}

#[test]
fn the_bulk_lane_goes_on_while_people_are_busy() {
    let hall = Hall::new();
    fill(&hall, Topic::Commands, 400);
    fill(&hall, Topic::CommandsBulk, 20);
    hall.decide(&budget(), 420);
    let order = order(&hall);
    assert!(order[..300].contains('b'), "{order}");
}

#[test]
fn a_flood_of_milestones_does_not_stand_before_a_person() {
    let hall = Hall::new();
    fill(&hall, Topic::Milestones, 600);
    hall.send(Topic::Commands, &budget(), "open", open());
    hall.decide(&budget(), 601);
    let place = order(&hall).find('c').unwrap();
    assert!(place <= 8, "{place} milestones were decided before it");
}
