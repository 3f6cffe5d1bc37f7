//! The seeded simulation (DESIGN §9): every role's real code on one thread, over a log and stores that lose, delay,
//! repeat and reorder, with crashes, pauses, wrong memberships and wrong clocks. One seed is one history.
//!
//! ```text
//!  clients, HR systems ──→ SimLog ──→ deciders (2-3 contend) ──→ SimLog ──→ projector, courier, clock, fulfiller, door
//!                             │                                                        │
//!                             └──→ Truth: a naive ledger that decides everything again ┴──→ Judge, when all is healed
//! ```
//! A seed that fails prints the command that repeats it.

mod books;
mod chance;
mod clients;
mod deciders;
mod door;
mod followers;
mod judge;
mod log;
mod milestones;
#[cfg(feature = "planted-bugs")]
mod planted;
mod tally;
mod truth;
mod vendor;
mod wallet;
mod wishes;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use tally::Tally;
use world::World;

/// Steps between the beginning and the healing.
const STEPS: usize = 420;
/// Histories of one run of the test.
const SEEDS: u64 = 2_000;

/// One history. `Err` says what does not hold, or which panic there was.
fn history(seed: u64) -> Result<World, String> {
    let run = || {
        let mut world = World::new(seed)?;
        world.history(STEPS)?;
        judge::judge(&mut world)?;
        Ok(world)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn fails(seed: u64, why: &str) -> ! {
    panic!(
        "seed {seed}: {why}\nrepeat it with: SEED={seed} cargo test -p mirabelle --test simulation -- --nocapture one_seed"
    );
}

/// The seeds of this run: `SEEDS=from..to` chooses others.
fn seeds() -> (u64, u64) {
    let Ok(text) = std::env::var("SEEDS") else { return (0, SEEDS) };
    let parts = text.split_once("..").map(|(from, to)| (from.parse(), to.parse()));
    match parts {
        Some((Ok(from), Ok(to))) => (from, to),
        _ => panic!("SEEDS is from..to, such as 5000..6000"),
    }
}

/// Histories in which something does not hold, and what happened in the others.
fn all(from: u64, to: u64) -> (Vec<(u64, String)>, Tally) {
    let next = AtomicU64::new(from);
    let work = || {
        let (mut failed, mut tally) = (Vec::new(), Tally::default());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to || failed.len() >= 3 {
                return (failed, tally);
            }
            match history(seed) {
                Ok(world) => tally.add(&world),
                Err(why) => failed.push((seed, why)),
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let (mut failed, mut tally) = (Vec::new(), Tally::default());
        for thread in threads {
            let (mut some, of_thread) = thread.join().expect("no panic leaves a history");
            failed.append(&mut some);
            tally.merge(of_thread);
        }
        (failed, tally)
    })
}

#[test]
fn every_invariant_holds_in_two_thousand_histories_of_faults() {
    let (from, to) = seeds();
    let (failed, tally) = all(from, to);
    eprintln!("{} histories: {tally}", to - from);
    if let Some((seed, why)) = failed.first() {
        failed.iter().skip(1).for_each(|(seed, why)| eprintln!("also seed {seed}: {why}"));
        fails(*seed, why);
    }
    let missing = tally.missing();
    assert!(
        to - from < SEEDS || missing.is_empty(),
        "never happened in {} histories: {missing:?}",
        to - from
    );
}

/// The history of `SEED`, told in figures.
#[test]
fn one_seed() {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    match history(seed) {
        Ok(world) => {
            let decisions: Vec<u64> =
                (0..4).filter(|n| *n < world.partitions()).map(|n| world.truth.seq(n)).collect();
            eprintln!("seed {seed}: holds; decisions by partition {decisions:?}");
        }
        Err(why) => fails(seed, &why),
    }
}
