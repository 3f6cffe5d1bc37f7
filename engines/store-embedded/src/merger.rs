//! The thread that keeps runs few: as soon as there are [`FANOUT`] of one size, they become one of the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{Durability, ReadableTable};

use crate::block::At;
use crate::engine::Shared;
use crate::file::{BLOCKS, Blocks, Fault, RUNS, begin, failed};
use crate::flush::{Into, filter_bits};
use crate::merge::{Kind, Merged, RunSource, Source, Span};
use crate::run::{Run, Sink, Writer};

/// Runs of one size that are merged, and what one size has more than the one below.
const FANOUT: u64 = 8;
/// Blocks written, or freed, in one transaction: the flushing thread waits for no more.
const CHUNK: usize = 64;

/// Until the engine ends, or a write fails.
pub(crate) fn run(shared: &Shared) {
    // The first round comes without a tick: it frees what the last crash left.
    let mut seen = u64::MAX;
    loop {
        {
            let mut progress = shared.progress.lock();
            while progress.merge_ticks == seen && !progress.ended && progress.failed.is_none() {
                shared.changed.wait(&mut progress);
            }
            seen = progress.merge_ticks;
            progress.merging = true;
        }
        loop {
            if over(shared) {
                return;
            }
            match step(shared) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => return shared.fail(fault),
            }
        }
        shared.progress.lock().merging = false;
    }
}

fn over(shared: &Shared) -> bool {
    let progress = shared.progress.lock();
    progress.ended || progress.failed.is_some()
}

/// Whether there is something to merge or free, or it is being done.
#[cfg(test)]
pub(crate) fn busy(shared: &Shared) -> bool {
    let working = shared.progress.lock().merging;
    let state = shared.state.read();
    working || !state.garbage.is_empty() || state.trees.values().any(|tree| due(&tree.runs).is_some())
}

/// Frees or merges something; `false`: there was nothing to do.
fn step(shared: &Shared) -> Result<bool, Fault> {
    let garbage = std::mem::take(&mut shared.state.write().garbage);
    let freed = !garbage.is_empty();
    for (tree, run) in garbage {
        free(shared, tree, run)?;
    }
    let due = {
        let state = shared.state.read();
        let mut trees = state.trees.iter();
        trees.find_map(|(number, tree)| due(&tree.runs).map(|runs| (*number, runs)))
    };
    match due {
        Some((tree, runs)) => merge(shared, tree, &runs).map(|()| true),
        None => Ok(freed),
    }
}

/// The smallest runs of which there are enough.
fn due(runs: &[Arc<Run>]) -> Option<Vec<Arc<Run>>> {
    let mut sizes: BTreeMap<u32, Vec<Arc<Run>>> = BTreeMap::new();
    for run in runs {
        sizes.entry(run.entries.max(1).ilog(FANOUT)).or_default().push(run.clone());
    }
    sizes.into_values().find(|runs| runs.len() as u64 >= FANOUT)
}

/// Blocks on their way to the database.
#[derive(Default)]
struct Chunk(Vec<(At, Vec<u8>)>);

impl Sink for Chunk {
    type Error = Fault;

    fn block(&mut self, at: At, bytes: &[u8]) -> Result<(), Fault> {
        self.0.push((at, bytes.to_vec()));
        Ok(())
    }
}

impl Chunk {
    fn write(&mut self, shared: &Shared) -> Result<(), Fault> {
        let _writing = shared.writing.lock();
        let writing = begin(&shared.database, Durability::None)?;
        {
            let mut blocks = writing.open_table(BLOCKS).map_err(failed("open the blocks of"))?;
            for (at, bytes) in self.0.drain(..) {
                Into(&mut blocks).block(at, &bytes)?;
            }
        }
        writing.commit().map_err(failed("commit to"))
    }
}

/// Makes one run of several, puts it in their place, and frees them.
fn merge(shared: &Shared, tree: u32, inputs: &[Arc<Run>]) -> Result<(), Fault> {
    let span = Span { low: &[], high: None, reverse: false };
    let expected: u64 = inputs.iter().map(|run| run.entries).sum();
    let id = shared.take_run_id();
    // Ids are noise.
    let packed = shared.kind == Kind::Rows && expected >= shared.options.pack_rows_min;
    let mut out = Writer::new(id, expected, filter_bits(shared.kind, expected), packed);
    let mut chunk = Chunk::default();
    let mut blocks = Blocks::now(&shared.database, &shared.pool)?;
    let mut sources = Vec::with_capacity(inputs.len());
    for run in inputs {
        sources.push(Source::Run(RunSource::open(run.clone(), span, &blocks)?));
    }
    let mut merged = Merged::new(shared.kind, sources);
    while let Some((key, value)) = merged.next(span, &blocks)? {
        out.push(key, value, &mut chunk)?;
        if chunk.0.len() >= CHUNK {
            chunk.write(shared)?;
            if over(shared) || !shared.state.read().trees.contains_key(&tree) {
                shared.state.write().garbage.push((u32::MAX, id));
                return Ok(());
            }
            // A read that lasted as long as the merge would keep all pages freed meanwhile.
            blocks = Blocks::now(&shared.database, &shared.pool)?;
        }
    }
    let newest = inputs.iter().map(|run| run.newest).max().unwrap_or(i64::MIN);
    let run = Arc::new(out.finish(newest, &mut chunk)?);
    chunk.write(shared)?;
    replace(shared, tree, inputs, run)?;
    for run in inputs {
        free(shared, u32::MAX, run.id)?;
    }
    Ok(())
}

/// Puts a run in the place of those it was made of: in the file first, whose older state readers at work still see.
fn replace(shared: &Shared, tree: u32, inputs: &[Arc<Run>], run: Arc<Run>) -> Result<(), Fault> {
    let _writing = shared.writing.lock();
    let writing = begin(&shared.database, Durability::None)?;
    {
        let mut heads = writing.open_table(RUNS).map_err(failed("open the runs of"))?;
        heads.insert((tree, run.id), run.encode(tree).as_slice()).map_err(failed("write a run of"))?;
        for input in inputs {
            heads.remove((tree, input.id)).map_err(failed("remove a run of"))?;
        }
    }
    writing.commit().map_err(failed("commit to"))?;
    let mut guard = shared.state.write();
    let state = &mut *guard;
    match state.trees.get_mut(&tree) {
        Some(of) => {
            of.runs.retain(|run| !inputs.iter().any(|input| input.id == run.id));
            of.runs.push(run);
            of.runs.sort_by_key(|run| std::cmp::Reverse(run.newest));
        }
        None => state.garbage.push((tree, run.id)),
    }
    drop(guard);
    shared.progress.lock().merges += 1;
    shared.changed.notify_all();
    Ok(())
}

/// Frees the blocks of a run that nobody will look for any more, and its head if it still has one.
fn free(shared: &Shared, tree: u32, run: u64) -> Result<(), Fault> {
    let (from, to) = (At { run, block: 0 }.key(), At { run: run + 1, block: 0 }.key());
    loop {
        let _writing = shared.writing.lock();
        let writing = begin(&shared.database, Durability::None)?;
        let left = {
            let mut blocks = writing.open_table(BLOCKS).map_err(failed("open the blocks of"))?;
            let mut keys = Vec::with_capacity(CHUNK);
            for entry in blocks.range(from..to).map_err(failed("list the blocks of"))?.take(CHUNK) {
                keys.push(entry.map_err(failed("list the blocks of"))?.0.value());
            }
            for key in &keys {
                blocks.remove(key).map_err(failed("free a block of"))?;
            }
            if keys.len() < CHUNK {
                let mut heads = writing.open_table(RUNS).map_err(failed("open the runs of"))?;
                heads.remove((tree, run)).map_err(failed("remove a run of"))?;
            }
            keys.len() == CHUNK
        };
        writing.commit().map_err(failed("commit to"))?;
        if !left || over(shared) {
            return Ok(());
        }
    }
}
