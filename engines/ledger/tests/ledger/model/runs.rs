//! The runs: the protocol as it is, and with each piece left out.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::Bounds;
use super::variant::Variant;

/// Of which "sometimes" an example is wanted.
const ALL_DECIDED: &str = "all inputs are decided";

const SMALL: Bounds = Bounds {
    variant: Variant::Real,
    contenders: 2,
    claims: 2,
    inputs: [2, 0],
    repeats: 0,
    restarts: 0,
    forget_ghosts: false,
    way_on: false,
};

/// How the states are walked through.
#[derive(Clone, Copy, Debug)]
enum Walk {
    /// Little memory.
    Deep,
    /// The shortest way to a violation.
    Wide,
}

/// Visits every state within the bounds, or those up to the first violation; gives how many, and the promises that do
/// not hold with the way to each.
fn explore(bounds: Bounds, walk: Walk) -> (usize, Vec<(&'static str, String)>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = bounds.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let (states, discoveries) = match walk {
        Walk::Deep => {
            let done = checker.spawn_dfs().join();
            (done.unique_state_count(), done.discoveries())
        }
        Walk::Wide => {
            let done = checker.spawn_bfs().join();
            (done.unique_state_count(), done.discoveries())
        }
    };
    let decided = discoveries.contains_key(ALL_DECIDED);
    let found: Vec<_> = discoveries
        .into_iter()
        .filter(|(name, _)| *name != ALL_DECIDED)
        .map(|(name, path)| (name, path.into_actions().iter().map(|a| format!("{a:?} ")).collect::<String>()))
        .collect();
    eprintln!("{bounds:?}: {states} states, {found:?}");
    assert!(decided || !found.is_empty(), "a run in which nothing gets done shows nothing");
    (states, found)
}

fn holds(bounds: Bounds, states_min: usize) {
    let (states, found) = explore(bounds, Walk::Deep);
    assert!(found.is_empty(), "{bounds:?}: {found:?}");
    assert!(states >= states_min, "{states} states are fewer than there were: has the model lost an action?");
}

/// A broken variant breaks one of these promises, and the same bounds hold without it.
fn breaks(bounds: Bounds, promises: &[&str]) {
    let (_, found) = explore(bounds, Walk::Wide);
    let broken: BTreeSet<&str> = found.iter().filter_map(|(name, _)| name.split(':').next()).collect();
    assert!(
        promises.iter().any(|promise| broken.contains(promise)),
        "{:?} should break one of {promises:?} and broke {broken:?}",
        bounds.variant
    );
}

#[test]
fn two_contenders_keep_every_promise_while_records_come_late_or_never() {
    holds(SMALL, 27_000);
    holds(Bounds { inputs: [1, 1], ..SMALL }, 94_000);
}

#[test]
fn two_contenders_keep_every_promise_while_a_record_comes_twice() {
    holds(Bounds { repeats: 1, ..SMALL }, 690_000);
}

#[test]
fn processes_that_start_again_keep_every_promise() {
    holds(Bounds { restarts: 1, ..SMALL }, 72_000);
}

#[test]
fn a_third_claim_keeps_every_promise() {
    holds(Bounds { claims: 3, forget_ghosts: true, ..SMALL }, 330_000);
}

#[test]
fn from_every_state_each_contender_has_a_way_on() {
    holds(Bounds { way_on: true, ..SMALL }, 27_000);
}

// By hand: `cargo test -p mirabelle-ledger --test ledger -- --ignored --nocapture`.

#[test]
#[ignore = "0.8 million states"]
fn three_contenders_keep_every_promise() {
    holds(Bounds { contenders: 3, claims: 3, inputs: [1, 0], ..SMALL }, 750_000);
}

#[test]
#[ignore = "5.3 million states"]
fn a_third_claim_keeps_every_promise_while_ghosts_still_come() {
    holds(Bounds { claims: 3, ..SMALL }, 5_300_000);
}

#[test]
#[ignore = "23 million states"]
fn two_topics_and_a_repeat_keep_every_promise() {
    holds(Bounds { inputs: [2, 1], repeats: 1, forget_ghosts: true, ..SMALL }, 23_000_000);
}

#[test]
#[ignore = "0.2 million states: beside the others too long for each build"]
fn a_repeat_and_a_process_that_starts_again_keep_every_promise() {
    holds(Bounds { repeats: 1, restarts: 1, forget_ghosts: true, ..SMALL }, 237_000);
}

#[test]
#[ignore = "1.2 million states, each asked for a way on"]
fn from_every_state_with_a_third_claim_and_a_restart_there_is_a_way_on() {
    holds(Bounds { claims: 3, restarts: 1, forget_ghosts: true, way_on: true, ..SMALL }, 1_170_000);
}

#[test]
fn dropping_by_epoch_alone_is_found_out() {
    breaks(Bounds { variant: Variant::EpochAlone, ..SMALL }, &["S1", "S4", "S5"]);
}

#[test]
fn an_owner_known_by_its_name_is_found_out() {
    breaks(Bounds { variant: Variant::NamedOwner, inputs: [1, 1], ..SMALL }, &["S1", "S3", "S6"]);
}

#[test]
fn an_answer_on_acknowledgement_is_found_out() {
    breaks(Bounds { variant: Variant::AnswerOnAck, ..SMALL }, &["S2"]);
}

#[test]
fn a_second_decision_within_an_epoch_is_found_out() {
    breaks(Bounds { variant: Variant::DecideAgain, ..SMALL }, &["S1", "S6"]);
}

#[test]
fn a_snapshot_of_speculative_state_is_found_out() {
    let bounds = Bounds { variant: Variant::SpeculativeSnapshot, restarts: 1, ..SMALL };
    breaks(bounds, &["S4", "S5", "there is always a way on"]);
}

#[test]
fn an_index_that_holds_the_epoch_alone_is_found_out() {
    breaks(Bounds { variant: Variant::EpochIndex, ..SMALL }, &["S3"]);
}

#[test]
fn an_index_that_forgets_a_closed_epoch_is_found_out() {
    breaks(Bounds { variant: Variant::IndexWithoutOpen, inputs: [3, 0], ..SMALL }, &["S3"]);
}

#[test]
fn an_index_without_input_cursors_is_found_out() {
    let bounds = Bounds { variant: Variant::IndexWithoutCursors, restarts: 1, ..SMALL };
    breaks(bounds, &["S1", "S6"]);
}

#[test]
fn readers_that_halt_at_a_gap_are_found_out() {
    let bounds = Bounds { variant: Variant::HaltAtGap, way_on: true, ..SMALL };
    breaks(bounds, &["there is always a way on"]);
}
