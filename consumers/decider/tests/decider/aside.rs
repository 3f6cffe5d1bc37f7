//! Inputs that nobody can decide: a dead letter first, then a decision that says so, and the partition goes on.

use std::sync::Arc;

use bytes::Bytes;
use mirabelle_decider::Accounts;
use mirabelle_decider::snapshot::Taken;
use mirabelle_domain::command::{CommitGrants, RequestRedemption, RequestedLine};
use mirabelle_domain::fact::{GrantIntent, WorkerRecorded};
use mirabelle_domain::{
    Account, AccountId, Command, DOMAIN_REVISION, Fact, GrantId, MemberId, Points, Timestamp, WorkerState,
    WorkerStatus, evolve,
};
use mirabelle_ledger::{FactsReader, ReaderOptions, Start, command_append};
use mirabelle_log::memory::Fate;
use mirabelle_log::{Log as _, Partition, ReadLimit, Topic, View};
use mirabelle_schemas::encode_command;

use crate::hall::{Hall, PARTITIONS, allocate, allocated, budget, open, place, record, turns};

const COMMANDS: Topic = Topic::Commands;
const HERE: Partition = Partition(1);

/// What was set aside: reason and input's offset.
fn set_aside(hall: &Hall) -> Vec<(String, u64)> {
    let reason = |facts: &[Fact]| match facts {
        [Fact::InputSetAside(aside)] => Some(aside.reason.clone()),
        _ => None,
    };
    let decisions = hall.decisions_in(HERE);
    decisions.iter().filter_map(|(d, facts)| Some((reason(facts)?, d.cursor.offset))).collect()
}

#[test]
fn what_can_not_be_read_is_set_aside_and_what_follows_is_decided() {
    let (hall, budget) = (Hall::new(), budget());
    let good = encode_command(&record(&budget, "k", &open()));
    let mut wrong_id = record(&budget, "k", &open());
    wrong_id.key = "another".parse().unwrap();
    let wrong_id = encode_command(&wrong_id);
    let mut no_such_kind = record(&budget, "k", &open());
    no_such_kind.kind = 9_999;
    let mut no_such_body = record(&budget, "k", &open());
    no_such_body.body = Bytes::from_static(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    let elsewhere = (0..).map(|n| AccountId::member(budget.tenant.clone(), MemberId([n; 16])));
    let elsewhere = elsewhere.into_iter().find(|account| place(account) == Partition(0)).unwrap();
    let elsewhere = encode_command(&record(&elsewhere, "k", &open()));
    hall.throw(COMMANDS, HERE, good.fingerprint, &b"\0\0\0\0\0nothing of ours"[..]);
    hall.throw(COMMANDS, HERE, 0x1041, good.value.clone());
    hall.throw(COMMANDS, HERE, good.fingerprint, good.value.slice(..good.value.len() - 3));
    hall.throw(COMMANDS, HERE, wrong_id.fingerprint, wrong_id.value);
    hall.throw(COMMANDS, HERE, elsewhere.fingerprint, elsewhere.value);
    for command in [no_such_kind, no_such_body] {
        let encoded = encode_command(&command);
        hall.throw(COMMANDS, HERE, encoded.fingerprint, encoded.value);
    }
    hall.send(COMMANDS, &budget, "open", open());
    hall.decide(&budget, 8);
    let aside = set_aside(&hall);
    let offsets: Vec<u64> = aside.iter().map(|(_, offset)| *offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 5, 6], "{aside:?}");
    assert_eq!(aside[4].0, "wrong_partition");
    let letters = hall.letters(HERE);
    let told: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    let said: Vec<&str> = aside.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(told, said);
    let thrown = hall.records(COMMANDS, HERE, View::Durable);
    for (letter, thrown) in letters.iter().zip(&thrown) {
        assert_eq!(letter.raw.as_ref(), Some(&thrown.entry.value), "the bytes are kept as they came");
        assert_eq!(letter.source_id, Some(format!("commands/1/{}", thrown.offset)));
    }
    assert!(matches!(hall.facts(&budget)[7][..], [Fact::BudgetOpened(_)]));
}

#[test]
fn an_input_is_set_aside_only_after_its_dead_letter_is_durable() {
    let hall = Hall::manual();
    hall.throw(COMMANDS, HERE, 1, &b"nothing"[..]);
    hall.log.make_all_durable();
    let letter_waits = |hall: &Hall| {
        let of = |view| hall.log.bounds(Topic::DeadLetters, HERE, view).unwrap().end.0;
        (of(View::Accepted), of(View::Durable)) == (1, 0)
    };
    // Claims become durable; as soon as the dead letter is there, nothing does any more.
    let many = turns(200);
    hall.live("the dead letter is appended", |hall| {
        if letter_waits(hall) {
            return many(hall);
        }
        hall.log.make_durable(1);
        false
    });
    assert!(letter_waits(&hall));
    let decided = |record: &mirabelle_log::Record| {
        mirabelle_schemas::peek_decision(&record.entry.value, record.entry.fingerprint).is_ok()
    };
    let facts = hall.records(Topic::Facts, HERE, View::Accepted);
    assert!(!facts.iter().any(decided), "set aside before its dead letter was kept");
    hall.live("it is set aside", |hall| {
        hall.log.make_all_durable();
        !set_aside(hall).is_empty()
    });
    assert_eq!(set_aside(&hall).len(), 1);
    assert!(!hall.letters(HERE).is_empty());
}

#[test]
fn a_dead_letter_that_was_lost_is_appended_again() {
    let (hall, budget) = (Hall::new(), budget());
    hall.throw(COMMANDS, HERE, 1, &b"nothing"[..]);
    hall.send(COMMANDS, &budget, "open", open());
    let mut lost = 0;
    hall.log.set_fate(Some(Box::new(move |topic, _, _| {
        let lose = topic == Topic::DeadLetters && lost < 3;
        lost += i32::from(lose);
        if lose { Fate::Lost } else { Fate::Keep }
    })));
    hall.decide(&budget, 2);
    assert_eq!((set_aside(&hall).len(), hall.letters(HERE).len()), (1, 1));
}

#[test]
fn an_input_as_large_as_the_log_takes_is_set_aside_too() {
    let (hall, budget) = (Hall::new(), budget());
    let largest = vec![7; mirabelle_log::memory::MemoryLog::RECORD_BYTES_MAX - 16];
    hall.throw(COMMANDS, HERE, 1, largest.clone());
    hall.send(COMMANDS, &budget, "open", open());
    hall.decide(&budget, 2);
    assert_eq!(set_aside(&hall).len(), 1);
    let letter = hall.letters(HERE).remove(0);
    let kept = letter.raw.unwrap();
    assert!(largest.starts_with(&kept) && kept.len() > largest.len() / 2, "{} bytes kept", kept.len());
    assert!(letter.detail.contains(&largest.len().to_string()), "{}", letter.detail);
}

fn grants(count: u8) -> Command {
    let grant = |n: u8| GrantIntent {
        grant: GrantId([n; 16]),
        member: MemberId([9; 16]),
        points: Points::new(3).unwrap(),
        granted_at: Timestamp(1_041),
        activates_at: None,
        expires_at: None,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "a label that takes its room".to_owned(),
        note: None,
    };
    CommitGrants { grants: (1..=count).map(grant).collect(), all_or_nothing: true }.into()
}

#[test]
fn a_decision_larger_than_the_log_takes_becomes_a_rejection_and_the_partition_goes_on() {
    let (mut hall, budget) = (Hall::new(), budget());
    hall.options.partition.record_bytes_max = 3_000;
    hall.send(COMMANDS, &budget, "open", open());
    hall.send(COMMANDS, &budget, "fill", allocate(500));
    hall.send(COMMANDS, &budget, "many", grants(20));
    hall.send(COMMANDS, &budget, "few", grants(5));
    hall.send(COMMANDS, &budget, "many", grants(20));
    hall.decide(&budget, 5);
    let facts = hall.facts(&budget);
    assert!(matches!(&facts[2][..], [Fact::CommandRejected(no)] if no.code == "too_large"), "{:?}", facts[2]);
    assert_eq!(facts[3].len(), 5);
    assert!(
        matches!(&facts[4][..], [Fact::CommandRepeated(again)] if again.first_seq == 3 && again.same_body)
    );
    assert!(hall.decisions(&budget)[2].0.input.is_none());
}

#[test]
fn a_command_whose_reason_fills_the_record_is_rejected_and_the_partition_goes_on() {
    let (hall, budget) = (Hall::new(), budget());
    let mut wordy = record(&budget, "wordy", &open());
    let most = mirabelle_schemas::RECORD_BYTES_MAX;
    let mut fits = |length: usize| {
        wordy.reason = Some("x".repeat(length));
        command_append(COMMANDS, &wordy, PARTITIONS, None).ok()
    };
    let largest = (0..most).rev().step_by(8).find_map(&mut fits);
    hall.append(largest.expect("a shorter one fits"));
    hall.send(COMMANDS, &budget, "open", open());
    hall.decide(&budget, 2);
    let facts = hall.facts(&budget);
    assert!(matches!(&facts[0][..], [Fact::CommandRejected(no)] if no.code == "too_large"), "{:?}", facts[0]);
    assert!(matches!(&facts[1][..], [Fact::BudgetOpened(_)]));
}

/// A hall whose snapshot says that a member has points that no lot holds: what only a bug could have written.
fn broken_member(hall: &Hall, member: &AccountId) {
    let mut reader =
        FactsReader::open(&hall.log, place(member), Start::Beginning, ReaderOptions::default()).unwrap();
    while reader.read(ReadLimit { records: 100, bytes: 1 << 20 }, &mut Vec::new()).unwrap() > 0 {}
    let checkpoint = reader.checkpoint().unwrap();
    let mut account = Account::empty(&member.key);
    let state = WorkerState { status: WorkerStatus::Active, ..WorkerState::default() };
    let connection = "workday".parse().unwrap();
    let hired = WorkerRecorded { connection, changed_at: None, current: true, state };
    evolve(&mut account, &hired.into(), Timestamp(1_041));
    let mut json = serde_json::to_value(account).unwrap();
    let available = &mut json["Member"]["wallet"]["balance"]["available"];
    assert_eq!(*available, 0);
    *available = 900.into();
    let broken: Account = serde_json::from_value(json).unwrap();
    let mut accounts = Accounts::default();
    accounts.put(member, Arc::new(broken));
    let taken = Taken { checkpoint, accounts, recent: Vec::new(), indexed_to: 0 };
    let header = taken.header(DOMAIN_REVISION);
    hall.snapshots.put(place(member), &header, &mut |out| taken.write(out)).unwrap();
}

#[test]
fn an_input_at_which_deciding_panics_is_parked_and_the_partition_goes_on() {
    let (hall, budget) = (Hall::new(), budget());
    let members = (0..).map(|n| AccountId::member("acme".parse().unwrap(), MemberId([n; 16])));
    let member = members.into_iter().find(|account| place(account) == HERE).unwrap();
    broken_member(&hall, &member);
    let deduct = mirabelle_domain::command::DeductPoints { points: Points::new(800).unwrap() };
    hall.send(COMMANDS, &member, "deduct", deduct);
    hall.send(COMMANDS, &budget, "open", open());
    hall.send(COMMANDS, &budget, "fill", allocate(500));
    let line = RequestedLine { product: "none".parse().unwrap(), quantity: 1 };
    hall.send(
        COMMANDS,
        &member,
        "wish",
        RequestRedemption { lines: vec![line], points_max: None, note: None },
    );
    hall.decide(&budget, 4);
    assert_eq!(set_aside(&hall), [("parked".to_owned(), 0)]);
    assert_eq!(hall.letters(HERE).len(), 1);
    let facts = hall.facts(&budget);
    assert_eq!(allocated(&facts), 500);
    assert!(matches!(&facts[3][..], [Fact::CommandRejected(_)]), "{:?}", facts[3]);
}
