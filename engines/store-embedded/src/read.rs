//! How trees are read: one key, or a span of keys, from memory and runs at once.

use std::ops::Bound;
use std::sync::Arc;

use crate::block::At;
use crate::engine::{Engine, Entry, Memory, damaged};
use crate::file::{Blocks, Fault, guarded};
use crate::merge::{Merged, RunSource, Source, Span};
use crate::run::{self, Run};

/// Most entries of the active part that one round of a scan copies under the lock.
const ROUND: usize = 512;

/// Told each key with the join of its values; `false` ends the scan.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, Fault>;

/// Told a value and a stamp: whether nothing stamped so or earlier can change the value any more.
pub(crate) type Settled<'a> = &'a dyn Fn(&[u8], i64) -> bool;

impl Engine {
    /// The join of all that was put under a key. `settled(value, newest)`: nothing stamped `newest` or earlier
    /// can change the value any more.
    pub(crate) fn get(&self, tree: u32, key: &[u8], settled: Settled<'_>) -> Result<Option<Vec<u8>>, Fault> {
        guarded(|| self.joined(tree, key, settled))
    }

    fn joined(&self, tree: u32, key: &[u8], settled: Settled<'_>) -> Result<Option<Vec<u8>>, Fault> {
        let hash = run::hash(key);
        let (memory, runs, blocks) = {
            let state = self.shared.state.read();
            let Some(tree) = state.trees.get(&tree) else { return Ok(None) };
            let frozen = tree.frozen.as_ref().and_then(|(frozen, _)| frozen.get(key).cloned());
            let memory = [tree.active.get(key).cloned(), frozen];
            // Most ids that are asked for are new: no filter lets them through, and no file is looked into.
            let runs: Vec<_> = tree.runs.iter().filter(|run| run.may_hold(hash)).cloned().collect();
            let blocks = match runs.is_empty() {
                true => None,
                false => Some(Blocks::now(&self.shared.database, &self.shared.pool)?),
            };
            (memory, runs, blocks)
        };
        let mut value: Option<Vec<u8>> = None;
        let join = |value: &mut Option<Vec<u8>>, theirs: &[u8]| -> Result<(), Fault> {
            match value {
                None => *value = Some(theirs.to_vec()),
                Some(ours) => self.shared.kind.join(ours, theirs).map_err(|fault| damaged(fault.0))?,
            }
            Ok(())
        };
        for found in memory.iter().flatten() {
            join(&mut value, found)?;
        }
        let Some(blocks) = blocks else { return Ok(value) };
        for run in runs {
            if value.as_ref().is_some_and(|value| settled(value, run.newest)) {
                break;
            }
            let Some(block) = run.block_of(key) else { continue };
            if let Some(found) = blocks.find(At { run: run.id, block }, run.fence(block), key)? {
                join(&mut value, &found)?;
            }
        }
        Ok(value)
    }

    /// Visits keys of a span with the join of their values until told to stop. What is applied meanwhile may be
    /// seen in part.
    pub(crate) fn scan(&self, tree: u32, span: Span<'_>, visit: Visit<'_>) -> Result<(), Fault> {
        let (mut low, mut high) = (span.low.to_vec(), span.high.map(<[u8]>::to_vec));
        loop {
            let whole = Span { low: &low, high: high.as_deref(), reverse: span.reverse };
            let Some((round, sources, blocks)) = self.round(tree, whole)? else { return Ok(()) };
            let (round_low, round_high) = (round.0.clone(), round.1.clone());
            let part = Span { low: &round_low, high: round_high.as_deref(), reverse: span.reverse };
            let mut merged = Merged::new(self.shared.kind, open(sources, part, &blocks)?);
            while let Some((key, value)) = merged.next(part, &blocks)? {
                if !visit(key, value)? {
                    return Ok(());
                }
            }
            if round_low == low && round_high == high {
                return Ok(());
            }
            match span.reverse {
                false => low = round_high.unwrap_or_default(),
                true => high = Some(round_low),
            }
        }
    }

    /// One round of a scan: the part of the span that it covers, and the sources of that part.
    #[allow(clippy::type_complexity, reason = "three parts that belong to one instant, taken apart at once")]
    fn round(
        &self,
        tree: u32,
        span: Span<'_>,
    ) -> Result<Option<((Vec<u8>, Option<Vec<u8>>), Sources, Blocks)>, Fault> {
        let state = self.shared.state.read();
        let Some(tree) = state.trees.get(&tree) else { return Ok(None) };
        let (active, cut) = copied(&tree.active, span, ROUND);
        let part = match (cut, span.reverse) {
            (None, _) => (span.low.to_vec(), span.high.map(<[u8]>::to_vec)),
            (Some(cut), false) => (span.low.to_vec(), Some(cut.to_vec())),
            (Some(cut), true) => (cut.to_vec(), span.high.map(<[u8]>::to_vec)),
        };
        let frozen = tree.frozen.as_ref().map(|(frozen, _)| frozen.clone());
        let sources = Sources { active, frozen, runs: tree.runs.clone() };
        Ok(Some((part, sources, Blocks::now(&self.shared.database, &self.shared.pool)?)))
    }
}

struct Sources {
    active: Vec<Entry>,
    frozen: Option<Arc<Memory>>,
    runs: Vec<Arc<Run>>,
}

fn open(sources: Sources, span: Span<'_>, blocks: &Blocks) -> Result<Vec<Source>, Fault> {
    let mut opened = vec![Source::Memory { entries: sources.active, place: 0 }];
    if let Some(frozen) = sources.frozen {
        opened.push(Source::Memory { entries: copied(&frozen, span, usize::MAX).0, place: 0 });
    }
    for run in sources.runs {
        opened.push(Source::Run(RunSource::open(run, span, blocks)?));
    }
    Ok(opened)
}

/// Up to `limit` entries of a span in its direction; and, if there are more, the key that parts these from the rest
/// (of the forward direction: the first left out; of the backward: the last taken).
fn copied(memory: &Memory, span: Span<'_>, limit: usize) -> (Vec<Entry>, Option<Arc<[u8]>>) {
    let high = span.high.map_or(Bound::Unbounded, Bound::Excluded);
    let entry = |(key, value): (&Arc<[u8]>, &Arc<[u8]>)| (key.clone(), value.clone());
    if span.high.is_some_and(|high| high <= span.low) {
        return (Vec::new(), None);
    }
    let mut range = memory.range::<[u8], _>((Bound::Included(span.low), high));
    if span.reverse {
        let taken: Vec<_> = range.by_ref().rev().take(limit).map(entry).collect();
        let cut = range.next_back().and(taken.last()).map(|(key, _)| key.clone());
        return (taken, cut);
    }
    let taken = range.by_ref().take(limit).map(entry).collect();
    (taken, range.next().map(|(key, _)| key.clone()))
}
