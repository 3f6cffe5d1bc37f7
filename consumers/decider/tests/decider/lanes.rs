//! In which order the lanes are taken.

use mirabelle_domain::command::CommitGrants;
use mirabelle_domain::fact::GrantIntent;
use mirabelle_domain::{Command, GrantId, MemberId, Points, Timestamp};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Topic, View};

use crate::hall::{Hall, allocate, budget, open, place};

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

/// As many grants as `POST /v1/grants` takes.
fn thousand_grants(block: u16) -> Command {
    let grant = |n: u16| {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&(u32::from(block) << 16 | u32::from(n)).to_be_bytes());
        GrantIntent {
            grant: GrantId(id),
            member: MemberId(id),
            points: Points::new(3).unwrap(),
            granted_at: Timestamp(1_041),
            activates_at: None,
            expires_at: None,
            campaign: None,
            campaign_version: 0,
            daily_ceiling: None,
            ceiling_day: None,
            label: "for a year in which nothing was left undone ".repeat(3),
            note: None,
        }
    };
    CommitGrants { grants: (0..1_000).map(grant).collect(), all_or_nothing: true }.into()
}

#[test]
fn more_than_the_log_takes_at_once_may_wait_to_be_decided() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Commands, &budget, "open", open());
    hall.send(Topic::Commands, &budget, "fill", allocate(1_000_000));
    let blocks = 90;
    for block in 0..blocks {
        hall.send(Topic::Commands, &budget, &format!("block-{block}"), thousand_grants(block));
    }
    let inputs = usize::from(blocks) + 2;
    hall.decide(&budget, inputs);
    let facts = hall.records(Topic::Facts, place(&budget), View::Durable);
    let bytes: usize = facts.iter().map(|record| record.entry.value.len()).sum();
    assert!(bytes > MemoryLog::BATCH_BYTES_MAX, "{bytes} bytes: the log would have taken them at once");
    assert!(hall.options.partition.owner.in_flight_bytes_max >= MemoryLog::BATCH_BYTES_MAX);
    let facts = hall.facts(&budget);
    assert!(
        facts[2..].iter().all(|facts| facts.len() >= 1_000),
        "{:?}",
        facts.iter().map(Vec::len).collect::<Vec<_>>()
    );
}
