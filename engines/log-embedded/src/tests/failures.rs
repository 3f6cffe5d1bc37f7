//! Failing writes and syncs, and a disk that fills up.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use mirabelle_log::suite::entry;
use mirabelle_log::{Append, Log, Partition, Refused, Topic, View};

use super::disk::{Disk, Fault};
use super::{PATIENCE, append, append_durably, held, open, small};
use crate::Options;

fn dies_of(fault: Fault, act: &str) {
    let disk = Disk::default();
    let (sender, fatals) = channel();
    let options = Options {
        on_fatal: Arc::new(move |fatal| sender.send(fatal.to_string()).unwrap()),
        ..small(disk.files())
    };
    let log = open(&options);
    append_durably(&log, 0..10);
    disk.plant(fault);
    let answers = append(&log, 10..15);
    let fatal = fatals.recv_timeout(PATIENCE).expect("the process is told to end");
    assert!(fatal.starts_with(&format!("could not {act} group ")), "{fatal}");
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    assert!(answers.iter().all(|(_, answer)| answer.is_err()), "nothing is acknowledged: {answers:?}");
    assert_eq!(append(&log, 20..21).unwrap_err(), Refused::Closed);
    assert_eq!(held(&log).unwrap(), 10, "what was durable can still be read");
    drop(log);
    assert_eq!(disk.touched_after_fault(), 0, "nothing is written or synced after the fault");
    assert!(fatals.try_recv().is_err(), "the process is told once");
    disk.crash(None);
    let log = open(&options);
    let kept = held(&log).unwrap();
    assert!((10..=15).contains(&kept), "{kept}");
    append_durably(&log, kept..kept + 10);
    assert_eq!(held(&log).unwrap(), kept + 10);
}

#[test]
fn a_failed_write_ends_the_log_and_nothing_is_synced_after_it() {
    dies_of(Fault::Write, "write");
}

#[test]
fn a_short_write_ends_the_log_and_nothing_is_synced_after_it() {
    dies_of(Fault::ShortWrite, "write");
}

#[test]
fn a_failed_sync_ends_the_log_and_nothing_is_synced_after_it() {
    dies_of(Fault::Sync, "sync");
}

#[test]
fn a_full_disk_refuses_what_has_no_room_and_recovers_by_itself() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    // Room for what is there and no further segment.
    disk.set_room(Some(disk.used() + 100));
    let mut taken = 0;
    let mut acknowledged = 0;
    let refused = loop {
        match append(&log, taken..taken + 1) {
            Ok(answer) => {
                taken += 1;
                answer.recv_timeout(PATIENCE).expect("an append is answered").1.unwrap();
                acknowledged += 1;
            }
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::NoRoom);
    assert!(taken > 20, "the segments that were ready lasted for {taken} records");
    assert_eq!(held(&log).unwrap(), acknowledged, "reads go on");
    assert_eq!(append(&log, taken..taken + 1).unwrap_err(), Refused::NoRoom, "and stays so");
    disk.set_room(None);
    log.settle();
    // The next one to be made ready says that there is room again.
    while append(&log, taken..taken + 1).is_err() {
        std::thread::yield_now();
    }
    append_durably(&log, taken + 1..taken + 60);
    assert_eq!(held(&log).unwrap(), taken + 60);
    drop(log);
    disk.crash(Some(3));
    assert_eq!(held(&open(&small(disk.files()))).unwrap(), taken + 60);
}

#[test]
fn while_others_fill_the_disks_reserve_nothing_new_is_taken_though_segments_stand_ready() {
    let disk = Disk::default();
    let log = open(&Options { reserve_bytes: 1 << 20, ..small(disk.files()) });
    append_durably(&log, 0..3);
    disk.set_room(Some(disk.used() + (1 << 19)));
    while append(&log, 3..4).map(|answer| answer.recv_timeout(PATIENCE)).is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(append(&log, 3..4).unwrap_err(), Refused::NoRoom);
    disk.set_room(None);
    while append(&log, 3..4).is_err() {
        std::thread::yield_now();
    }
}

#[test]
fn a_disk_that_fills_up_keeps_its_last_room_for_decisions() {
    let disk = Disk::default();
    let log = open(&small(disk.files()));
    disk.set_room(Some(disk.used() + 100));
    let append_one = |topic| {
        let (sender, receiver) = channel();
        let done = Box::new(move |answer| drop(sender.send(answer)));
        log.append(vec![Append { topic, partition: Partition(1), entry: entry(7), done: Some(done) }])?;
        receiver.recv_timeout(PATIENCE).expect("an append is answered").unwrap();
        Ok(())
    };
    let until_refused = |topic| {
        let mut taken = 0;
        loop {
            match append_one(topic) {
                Ok(()) => taken += 1,
                Err(Refused::NoRoom) => break taken,
                Err(other) => panic!("{other}"),
            }
        }
    };
    assert!(until_refused(Topic::Commands) > 10);
    assert!(until_refused(Topic::Facts) > 5, "decisions on what was taken still have room");
}

#[test]
fn a_full_queue_refuses_and_takes_again_when_some_is_durable() {
    let disk = Disk::default();
    let options = Options {
        queue_bytes_max: 8 << 10,
        // Nothing becomes durable before the decision comes.
        companion_wait: Duration::from_secs(3600),
        ..small(disk.files())
    };
    let log = open(&options);
    let (sender, answers) = channel();
    let append_one = |topic| {
        let sender = sender.clone();
        let done = Box::new(move |answer| drop(sender.send(answer)));
        log.append(vec![Append { topic, partition: Partition(0), entry: entry(59), done: Some(done) }])
    };
    let mut taken = 0;
    let refused = loop {
        match append_one(Topic::Commands) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Refused::Full { queued_bytes } if queued_bytes > 6 << 10), "{refused}");
    assert!(answers.try_recv().is_err(), "nothing is durable yet");
    assert_eq!(held(&log).unwrap(), 0);
    drop(log);
    for _ in 0..taken {
        answers.recv_timeout(PATIENCE).expect("a close makes everything durable").unwrap();
    }
}

#[test]
fn a_command_and_its_decision_become_durable_by_one_sync() {
    let disk = Disk::default();
    let options =
        Options { companion_wait: Duration::from_secs(3600), segment_bytes: 1 << 20, ..small(disk.files()) };
    let log = open(&options);
    for number in 0..20 {
        let before = disk.syncs();
        let (sender, answers) = channel();
        let append_one = |topic, partition| {
            let sender = sender.clone();
            let done = Box::new(move |answer| drop(sender.send(answer)));
            let entry = entry(number);
            log.append(vec![Append { topic, partition: Partition(partition), entry, done: Some(done) }])
                .unwrap();
        };
        append_one(Topic::Commands, 1);
        while !log.waits_for_companions() {
            std::thread::yield_now();
        }
        let bounds = |view| log.bounds(Topic::Commands, Partition(1), view).unwrap().end.0;
        assert_eq!((bounds(View::Accepted), bounds(View::Durable)), (number + 1, number));
        append_one(Topic::Facts, 2);
        assert!(answers.try_recv().is_err(), "the decision of another partition is not waited for");
        append_one(Topic::Facts, 1);
        for _ in 0..3 {
            answers.recv_timeout(PATIENCE).expect("the decision releases the group").unwrap();
        }
        assert_eq!(disk.syncs() - before, 1);
    }
}

#[test]
fn an_input_without_a_decision_becomes_durable_all_the_same() {
    let disk = Disk::default();
    let log = open(&Options { companion_wait: Duration::from_micros(300), ..small(disk.files()) });
    let (sender, answers) = channel();
    // Often enough that the writer stops to wait, and begins again.
    for number in 0..150 {
        let sender = sender.clone();
        let done = Box::new(move |answer| drop(sender.send(answer)));
        let (topic, partition) = (Topic::CommandsBulk, Partition(2));
        log.append(vec![Append { topic, partition, entry: entry(number % 7), done: Some(done) }]).unwrap();
        assert_eq!(answers.recv_timeout(PATIENCE).expect("it is not waited for for ever").unwrap().0, number);
    }
}
