//! Bugs on purpose: the simulation catches every one of them, or it is worth nothing.

use mirabelle_ledger::planted::{Bug, plant};

/// Histories within which a bug has to be caught.
const WITHIN: u64 = 400;

/// The first history that a planted bug breaks, and what it breaks.
fn caught(bug: Bug) -> Option<(u64, String)> {
    plant(Some(bug));
    let found = (0..WITHIN).find_map(|seed| Some((seed, crate::history(seed).err()?)));
    plant(None);
    found
}

#[test]
fn planted_every_bug_is_caught() {
    // What a role says when it stops on a broken invariant is of no interest here.
    std::panic::set_hook(Box::new(|_| {}));
    let (even, odd): (Vec<_>, Vec<_>) =
        Bug::ALL.into_iter().enumerate().partition(|(place, _)| place % 2 == 0);
    let survivors: Vec<Bug> = std::thread::scope(|scope| {
        let work = |bugs: Vec<(usize, Bug)>| {
            let survived = |bug: Bug| match caught(bug) {
                Some((seed, what)) => {
                    let what: String = what.chars().take(160).collect();
                    eprintln!("{bug:?}: caught by seed {seed}: {what}");
                    None
                }
                None => Some(bug),
            };
            bugs.into_iter().filter_map(|(_, bug)| survived(bug)).collect::<Vec<Bug>>()
        };
        let threads = [even, odd].map(|bugs| scope.spawn(move || work(bugs)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    assert!(survivors.is_empty(), "{WITHIN} histories each did not catch {survivors:?}");
}

#[test]
fn planted_nothing_breaks_nothing() {
    plant(None);
    for seed in 0..20 {
        if let Err(why) = crate::history(seed) {
            crate::fails(seed, &why);
        }
    }
}
