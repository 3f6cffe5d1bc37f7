//! One effect for each command id, and one answer for ever.

use std::sync::Arc;

use mirabelle_domain::command::{AdoptConfiguration, ConfigKind, TenantMode};
use mirabelle_domain::fact::{AdoptedVersion, CommandRepeated};
use mirabelle_domain::{AccountId, AccountKey, Fact, Timestamp};
use mirabelle_log::{Log as _, Partition, Topic, View};
use mirabelle_store::{Ids as _, MemoryIds};

use crate::hall::{Hall, allocate, allocated, budget, open, place, record};

const COMMANDS: Topic = Topic::Commands;

/// The facts of a repeat of the decision with this seq.
fn repeat(first_seq: i64, same_body: bool) -> Vec<Fact> {
    vec![CommandRepeated { first_seq, same_body }.into()]
}

#[test]
fn a_repeat_of_an_id_in_flight_names_the_first_decision() {
    let (hall, budget) = (Hall::manual(), budget());
    hall.send(COMMANDS, &budget, "open", open());
    hall.send(COMMANDS, &budget, "more", allocate(500));
    hall.send(COMMANDS, &budget, "more", allocate(500));
    hall.log.make_all_durable();
    hall.live("all three are decided before one is read back", |hall| {
        let end = |view| hall.log.bounds(Topic::Facts, place(&budget), view).unwrap().end.0;
        // Root and claim become durable, the decisions do not: they are in flight together.
        if end(View::Durable) < 2 {
            hall.log.make_durable(1);
        }
        end(View::Accepted) == 5 && end(View::Durable) == 2
    });
    hall.log.make_all_durable();
    let facts = hall.facts(&budget);
    assert_eq!(facts[2], repeat(2, true));
    assert_eq!(allocated(&facts), 500);
}

#[test]
fn a_repeat_of_a_confirmed_id_moves_nothing_whatever_its_body() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(COMMANDS, &budget, "open", open());
    hall.send(COMMANDS, &budget, "more", allocate(500));
    hall.decide(&budget, 2);
    hall.send(COMMANDS, &budget, "more", allocate(500));
    hall.send(COMMANDS, &budget, "more", allocate(501));
    hall.send(Topic::CommandsBulk, &budget, "more", allocate(500));
    hall.decide(&budget, 5);
    let facts = hall.facts(&budget);
    assert_eq!(facts[2..], [repeat(2, true), repeat(2, false), repeat(2, true)]);
    assert_eq!(allocated(&facts), 500);
}

#[test]
fn another_body_under_an_id_of_a_source_is_kept_as_a_dead_letter_before_it_is_decided() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(Topic::Milestones, &budget, "open", open());
    hall.send(Topic::Milestones, &budget, "more", allocate(500));
    hall.send(Topic::Milestones, &budget, "more", allocate(501));
    hall.send(Topic::Milestones, &budget, "more", allocate(500));
    hall.send(Topic::Milestones, &budget, "again", allocate(7));
    hall.decide(&budget, 5);
    // A client is told by its answer: no letter.
    hall.send(COMMANDS, &budget, "more", allocate(502));
    hall.decide(&budget, 6);
    let decisions = hall.decisions(&budget);
    let of = |topic: u8, offset: u64| {
        let found = decisions.iter().find(|(d, _)| (d.cursor.topic, d.cursor.offset) == (topic, offset));
        found.unwrap().1.clone()
    };
    let first = decisions.iter().find(|(d, _)| (d.cursor.topic, d.cursor.offset) == (0, 1)).unwrap().0.seq;
    let first = i64::try_from(first).unwrap();
    assert_eq!(
        [of(0, 2), of(0, 3), of(1, 0)],
        [repeat(first, false), repeat(first, true), repeat(first, false)]
    );
    assert_eq!(allocated(&hall.facts(&budget)), 507);
    let letters = hall.letters(place(&budget));
    assert_eq!(letters.len(), 1, "{letters:?}");
    let thrown = hall.records(Topic::Milestones, place(&budget), View::Durable);
    assert_eq!(
        (letters[0].reason.as_str(), &letters[0].raw),
        ("source_id_reused", &Some(thrown[2].entry.value.clone()))
    );
    assert_eq!(letters[0].tenant.as_deref(), Some("acme"));
}

#[test]
fn a_rejection_is_repeated_too() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(COMMANDS, &budget, "too-early", allocate(500));
    hall.send(COMMANDS, &budget, "open", open());
    hall.send(COMMANDS, &budget, "too-early", allocate(500));
    hall.decide(&budget, 3);
    let facts = hall.facts(&budget);
    assert!(matches!(&facts[0][..], [Fact::CommandRejected(no)] if no.code == "unknown_budget"), "{facts:?}");
    assert_eq!(facts[2], repeat(1, true));
}

#[test]
fn a_repeat_after_a_restart_from_a_snapshot_names_the_first_decision() {
    let (hall, budget) = (Hall::new(), budget());
    hall.send(COMMANDS, &budget, "open", open());
    hall.send(COMMANDS, &budget, "more", allocate(500));
    hall.decide(&budget, 2);
    assert_eq!(hall.snapshots.list(place(&budget)).unwrap().len(), 1, "a snapshot is written at the end");
    hall.send(COMMANDS, &budget, "more", allocate(500));
    hall.send(COMMANDS, &budget, "more", allocate(7));
    hall.decide(&budget, 4);
    let facts = hall.facts(&budget);
    assert_eq!(facts[2..], [repeat(2, true), repeat(2, false)]);
    assert_eq!(allocated(&facts), 500);
}

/// A hall where all but the latest few ids have left memory for the index.
fn long_ago(budget: &AccountId) -> Hall {
    let mut hall = Hall::new();
    hall.options.partition.recent_ids = 4;
    hall.send(COMMANDS, budget, "open", open());
    for number in 0..40 {
        hall.send(COMMANDS, budget, &format!("more-{number}"), allocate(1));
    }
    hall.live("old ids are in the index", |hall| {
        let covered = hall.ids.covered_to(place(budget)).unwrap();
        hall.decisions(budget).len() == 41 && covered >= Some(38)
    });
    hall
}

#[test]
fn a_repeat_of_an_id_that_only_the_index_knows_names_the_first_decision() {
    let budget = budget();
    let hall = long_ago(&budget);
    let old = record(&budget, "more-0", &allocate(1)).id;
    assert!(hall.ids.lookup(old).unwrap().is_some(), "the index has it");
    hall.send(COMMANDS, &budget, "more-0", allocate(1));
    hall.send(COMMANDS, &budget, "more-1", allocate(2));
    hall.send(COMMANDS, &budget, "more-39", allocate(1));
    hall.decide(&budget, 44);
    let facts = hall.facts(&budget);
    assert_eq!(facts[41..], [repeat(2, true), repeat(3, false), repeat(41, true)]);
    assert_eq!(allocated(&facts), 40);
}

#[test]
fn an_index_that_was_lost_is_filled_again_before_anything_is_decided() {
    let budget = budget();
    let mut hall = long_ago(&budget);
    hall.ids = Arc::new(MemoryIds::new());
    hall.send(COMMANDS, &budget, "more-0", allocate(1));
    hall.decide(&budget, 42);
    let facts = hall.facts(&budget);
    assert_eq!(facts[41], repeat(2, true));
    assert_eq!(allocated(&facts), 40);
}

#[test]
fn an_input_that_came_too_early_may_come_again_under_its_id() {
    let hall = Hall::new();
    let of_partition = AccountId { tenant: "acme".parse().unwrap(), key: AccountKey::Partition(1) };
    let version = |number: u32| AdoptConfiguration {
        version: AdoptedVersion {
            number,
            kind: ConfigKind::Product,
            name: "day-off".parse().unwrap(),
            version: number,
            body: r#"{"title":"A day off","points":300,"delivery":"immediate"}"#.to_owned(),
            effective_at: Timestamp(0),
            mode: TenantMode::Sandbox,
        },
    };
    assert_eq!(place(&of_partition), Partition(1));
    for (key, number) in [("adopt.2", 2), ("adopt.1", 1), ("adopt.2", 2), ("adopt.2", 2)] {
        hall.send(COMMANDS, &of_partition, key, version(number));
    }
    hall.decide(&of_partition, 4);
    let facts = hall.facts(&of_partition);
    let name = |facts: &Vec<Fact>| match &facts[..] {
        [Fact::CommandRejected(no)] => no.code.clone(),
        [Fact::CommandRepeated(repeated)] if repeated.first_seq == 3 => "repeated".to_owned(),
        [fact] => fact.name().to_owned(),
        _ => "several".to_owned(),
    };
    let codes: Vec<String> = facts.iter().map(name).collect();
    assert_eq!(codes, ["not_yet_adopted", "ConfigurationAdopted", "ConfigurationAdopted", "repeated"]);
}
