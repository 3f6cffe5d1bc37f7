//! Work beside the deciding thread that fails.

use std::sync::mpsc::sync_channel;

use mirabelle_decider::background::Job;
use mirabelle_decider::lane::Told;
use mirabelle_decider::{Lane, LaneError};
use mirabelle_log::Topic;

use crate::hall::{Hall, allocate, budget, open};

/// A hall with so many inputs that ids have to leave memory.
fn busy() -> Hall {
    let mut hall = Hall::new();
    hall.options.partition.recent_ids = 4;
    hall.send(Topic::Commands, &budget(), "open", open());
    for number in 0..40 {
        hall.send(Topic::Commands, &budget(), &format!("more-{number}"), allocate(1));
    }
    hall
}

/// Turns, a tenth of a second apart, until one fails; `between` sees to the jobs.
fn turns(hall: &Hall, lane: &mut Lane, mut between: impl FnMut() -> bool) -> Option<LaneError> {
    lane.gained();
    for _ in 0..2_000 {
        if let Err(error) = lane.turn(hall.now(), 7) {
            return Some(error);
        }
        if between() {
            return None;
        }
        hall.time.pass(100_000);
    }
    panic!("it neither fails nor ends");
}

#[test]
fn an_index_that_takes_no_ids_is_tried_again_and_ends_the_process_in_the_end() {
    let hall = busy();
    let (jobs, received) = sync_channel(8);
    let mut tried = 0;
    let ended = turns(&hall, &mut hall.lane(jobs), || {
        for job in received.try_iter() {
            if let Job::Index(_, batch, tell) = job {
                assert!(batch.len() >= 37, "{} of 41 ids, two of which may stay", batch.len());
                tried += 1;
                tell.send(Told::Indexed(false)).unwrap();
            }
        }
        false
    });
    let ended = ended.unwrap();
    assert!(matches!(ended, LaneError::Index { attempts: 16 }) && ended.is_fatal(), "{ended}");
    assert_eq!((tried, hall.decisions(&budget()).len()), (16, 41));
}

#[test]
fn an_index_that_takes_ids_again_is_believed() {
    let hall = busy();
    let (jobs, received) = sync_channel(8);
    let mut tried = 0;
    let mut lane = hall.lane(jobs);
    let ended = turns(&hall, &mut lane, || {
        for job in received.try_iter() {
            if let Job::Index(_, _, tell) = job {
                tried += 1;
                tell.send(Told::Indexed(tried > 5)).unwrap();
            }
        }
        tried > 5
    });
    assert!(ended.is_none());
    lane.turn(hall.now(), 7).unwrap();
    assert!(lane.partition().confirmed().1.len() <= 4, "they have left memory");
}

#[test]
fn a_background_thread_that_has_ended_ends_the_process() {
    let hall = busy();
    let (jobs, received) = sync_channel(8);
    drop(received);
    let ended = turns(&hall, &mut hall.lane(jobs), || false).unwrap();
    assert!(matches!(ended, LaneError::Background) && ended.is_fatal(), "{ended}");
}
