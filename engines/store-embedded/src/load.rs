//! What is read when a file is opened: small entries, heads of runs, and what a crash left unfinished.

use std::collections::BTreeSet;
use std::sync::Arc;

use mirabelle_store::encode::Malformed;
use redb::{Database, ReadableDatabase, ReadableTable};

use crate::block::At;
use crate::engine::State;
use crate::file::{BLOCKS, Fault, RUNS, SIDE, failed, open_side};
use crate::run::Run;

/// A small entry of this name and a tree's number says that the tree is there.
pub(crate) const TREE: &[u8] = b"tree:";

/// The name of a tree's entry.
pub(crate) fn tree_name(tree: u32) -> Vec<u8> {
    [TREE, &tree.to_be_bytes()].concat()
}

/// The state as it was last made durable, and the first free number of a run.
pub(crate) fn state(database: &Database) -> Result<(State, u64), Fault> {
    let reading = database.begin_read().map_err(failed("begin to read"))?;
    let mut state = State::default();
    let side = reading.open_table(SIDE).map_err(failed("open the entries of"))?;
    for entry in side.iter().map_err(failed("read the entries of"))? {
        let (name, sealed) = entry.map_err(failed("read the entries of"))?;
        let value = open_side(name.value(), sealed.value())?;
        if let Some(tree) = name.value().strip_prefix(TREE) {
            let tree = tree
                .try_into()
                .map_err(|_| Fault::damage("the list of trees", "a name of impossible length"))?;
            state.trees.entry(u32::from_be_bytes(tree)).or_default();
        }
        state.side.insert(name.value().to_vec(), value);
    }
    let heads = reading.open_table(RUNS).map_err(failed("open the runs of"))?;
    let mut known = BTreeSet::new();
    for entry in heads.iter().map_err(failed("read the runs of"))? {
        let (name, head) = entry.map_err(failed("read the runs of"))?;
        let (tree, id) = name.value();
        known.insert(id);
        let Some(of) = state.trees.get_mut(&tree) else {
            state.garbage.push((tree, id));
            continue;
        };
        let run = Run::decode(tree, id, head.value());
        let run =
            run.map_err(|Malformed(reason)| Fault::damage(format!("run {id} of tree {tree}"), reason))?;
        of.runs.push(Arc::new(run));
    }
    for tree in state.trees.values_mut() {
        tree.runs.sort_by_key(|run| std::cmp::Reverse(run.newest));
    }
    // Blocks without a head: a merge that a crash cut short.
    let blocks = reading.open_table(BLOCKS).map_err(failed("open the blocks of"))?;
    let mut from = 0;
    loop {
        let mut rest =
            blocks.range(At { run: from, block: 0 }.key()..).map_err(failed("list the blocks of"))?;
        let Some(first) = rest.next() else { break };
        let (key, _) = first.map_err(failed("list the blocks of"))?;
        let mut run = [0; 8];
        run.copy_from_slice(&key.value()[..8]);
        let run = u64::from_be_bytes(run);
        if known.insert(run) {
            state.garbage.push((u32::MAX, run));
        }
        from = run + 1;
    }
    let next = known.last().map_or(1, |last| last + 1);
    Ok((state, next))
}
