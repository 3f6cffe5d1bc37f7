//! The thread that makes durable what was applied.

use std::sync::Arc;
use std::time::Instant;

use redb::{Durability, Table};

use crate::block::At;
use crate::engine::{Memory, Shared};
use crate::file::{BLOCKS, Fault, RUNS, SIDE, begin, failed, seal_side};
use crate::merge::Kind;
use crate::run::{Run, Sink, Writer};

/// Runs of more rows than this have no filter: of those there are few, and a row that is anywhere is likely there.
const FILTERED_ROWS_MAX: u64 = 4 << 20;

/// A tree of more runs than this gets no new ones until some are merged. Merges keep up with several times what a
/// decider can decide; a rebuild may outrun them.
pub(crate) const RUNS_MAX: usize = 96;

/// Bits of filter for each entry of a run.
pub(crate) fn filter_bits(kind: Kind, entries: u64) -> u32 {
    match kind {
        Kind::Rows if entries > FILTERED_ROWS_MAX => 0,
        Kind::Rows => 8,
        Kind::Ids => 12,
    }
}

/// Until the engine ends, or a write fails.
pub(crate) fn run(shared: &Shared) {
    loop {
        let ended = wait(shared);
        if shared.progress.lock().failed.is_some() {
            return;
        }
        if !ended {
            let_merges_catch_up(shared);
        }
        if let Err(fault) = flush(shared) {
            shared.fail(fault);
            return;
        }
        if ended {
            return;
        }
    }
}

/// Waits until a durable commit is due; `true`: the last one.
fn wait(shared: &Shared) -> bool {
    let options = &shared.options;
    let mut progress = shared.progress.lock();
    loop {
        if progress.ended || progress.failed.is_some() {
            return progress.ended;
        }
        let full = progress.decisions >= options.sync_decisions || progress.bytes >= options.sync_bytes;
        if progress.wanted > progress.durable || full {
            return false;
        }
        match progress.since {
            None => shared.changed.wait(&mut progress),
            Some(since) => {
                let due = since + options.sync_after;
                if Instant::now() >= due {
                    return false;
                }
                shared.changed.wait_until(&mut progress, due);
            }
        }
    }
}

/// Waits while a tree has too many runs: what is applied meanwhile waits in memory, and then so does its caller.
fn let_merges_catch_up(shared: &Shared) {
    loop {
        let seen = shared.progress.lock().merges;
        if shared.state.read().trees.values().all(|tree| tree.runs.len() < RUNS_MAX) {
            return;
        }
        let mut progress = shared.progress.lock();
        while progress.merges == seen {
            if progress.ended || progress.failed.is_some() {
                return;
            }
            shared.changed.wait(&mut progress);
        }
    }
}

/// What one commit makes durable.
struct Frozen {
    applied: u64,
    trees: Vec<(u32, Arc<Memory>, i64)>,
    side: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Takes everything applied so far, at one instant.
fn freeze(shared: &Shared) -> Frozen {
    let mut state = shared.state.write();
    let state = &mut *state;
    let mut trees = Vec::new();
    for (number, tree) in &mut state.trees {
        if !tree.active.is_empty() {
            let memory = Arc::new(std::mem::take(&mut tree.active));
            tree.frozen = Some((memory.clone(), tree.active_newest));
            trees.push((*number, memory, tree.active_newest));
            tree.active_newest = i64::MIN;
        }
    }
    let mut names = std::mem::take(&mut state.side_changed);
    names.sort_unstable();
    names.dedup();
    let side = names.into_iter().map(|name| (state.side.get(&name).cloned(), name));
    let side = side.map(|(value, name)| (name, value)).collect();
    let mut progress = shared.progress.lock();
    progress.decisions = 0;
    progress.bytes = 0;
    progress.since = None;
    shared.changed.notify_all();
    Frozen { applied: state.applied, trees, side }
}

/// Blocks into the database.
pub(crate) struct Into<'a, 'txn>(pub(crate) &'a mut Table<'txn, [u8; 12], &'static [u8]>);

impl Sink for Into<'_, '_> {
    type Error = Fault;

    fn block(&mut self, at: At, bytes: &[u8]) -> Result<(), Fault> {
        self.0.insert(at.key(), bytes).map_err(failed("write a block of"))?;
        Ok(())
    }
}

fn flush(shared: &Shared) -> Result<(), Fault> {
    let _writing = shared.writing.lock();
    let frozen = freeze(shared);
    let mut made: Vec<(u32, Run)> = Vec::new();
    if !frozen.trees.is_empty() || !frozen.side.is_empty() {
        let writing = begin(&shared.database, Durability::Immediate)?;
        {
            let mut blocks = writing.open_table(BLOCKS).map_err(failed("open the blocks of"))?;
            let mut heads = writing.open_table(RUNS).map_err(failed("open the runs of"))?;
            for (tree, memory, newest) in &frozen.trees {
                let entries = memory.len() as u64;
                let mut run =
                    Writer::new(shared.take_run_id(), entries, filter_bits(shared.kind, entries), false);
                for (key, value) in &**memory {
                    run.push(key, value, &mut Into(&mut blocks))?;
                }
                let run = run.finish(*newest, &mut Into(&mut blocks))?;
                let head = run.encode(*tree);
                heads.insert((*tree, run.id), head.as_slice()).map_err(failed("write a run of"))?;
                made.push((*tree, run));
            }
            let mut side = writing.open_table(SIDE).map_err(failed("open the entries of"))?;
            for (name, value) in &frozen.side {
                match value {
                    Some(value) => drop(
                        side.insert(name.as_slice(), seal_side(name, value).as_slice())
                            .map_err(failed("write an entry of"))?,
                    ),
                    None => drop(side.remove(name.as_slice()).map_err(failed("remove an entry of"))?),
                }
            }
        }
        writing.commit().map_err(failed("commit to"))?;
    }
    let mut state = shared.state.write();
    for (tree, run) in made {
        match state.trees.get_mut(&tree) {
            Some(of) => {
                of.frozen = None;
                of.runs.push(Arc::new(run));
                of.runs.sort_by_key(|run| std::cmp::Reverse(run.newest));
            }
            None => state.garbage.push((tree, run.id)),
        }
    }
    let mut progress = shared.progress.lock();
    progress.durable = frozen.applied;
    progress.merge_ticks += 1;
    shared.changed.notify_all();
    Ok(())
}
