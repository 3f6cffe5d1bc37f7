//! Joining sorted sources: entries in memory and runs, forward or backward.

use std::sync::Arc;

use mirabelle_store::encode::{self, Malformed};

use crate::block::{At, Entries};
use crate::engine::Entry;
use crate::file::{Blocks, Fault};
use crate::run::Run;

/// What a tree's values are, and so what two values of one key make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows: cells join by stamp.
    Rows,
    /// Ids: the smaller place stands.
    Ids,
}

impl Kind {
    /// Joins `theirs` into `ours`. Commutative, associative, idempotent.
    pub(crate) fn join(self, ours: &mut Vec<u8>, theirs: &[u8]) -> Result<(), Malformed> {
        match self {
            Kind::Rows => {
                let mut joined = Vec::with_capacity(ours.len() + theirs.len());
                encode::join(ours, theirs, &mut joined)?;
                *ours = joined;
            }
            Kind::Ids if theirs < ours.as_slice() => *ours = theirs.to_vec(),
            Kind::Ids => {}
        }
        Ok(())
    }
}

/// Keys from (included) to (excluded; `None`: no end), and the direction.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) low: &'a [u8],
    pub(crate) high: Option<&'a [u8]>,
    pub(crate) reverse: bool,
}

impl Span<'_> {
    fn holds(&self, key: &[u8]) -> bool {
        key >= self.low && self.high.is_none_or(|high| key < high)
    }
}

/// A sorted source, standing at one entry.
pub(crate) enum Source {
    /// Entries in memory, in the direction of the span.
    Memory { entries: Vec<Entry>, place: usize },
    /// A run.
    Run(RunSource),
}

pub(crate) struct RunSource {
    run: Arc<Run>,
    block: u32,
    entries: Entries,
    /// `None`: at the end.
    place: Option<usize>,
}

impl RunSource {
    /// Stands at the first entry of the span, in its direction.
    pub(crate) fn open(run: Arc<Run>, span: Span<'_>, blocks: &Blocks) -> Result<RunSource, Fault> {
        let mut source = RunSource { run, block: 0, entries: Entries::default(), place: None };
        if source.run.blocks() == 0 {
            return Ok(source);
        }
        let start = match (span.reverse, span.high) {
            (false, _) => source.run.block_of(span.low).unwrap_or(0),
            (true, Some(high)) => source.run.block_of(high).unwrap_or(0),
            (true, None) => source.run.blocks() - 1,
        };
        source.load(start, blocks)?;
        let place = match (span.reverse, span.high) {
            (false, _) => Some(source.entries.at_or_after(span.low)),
            (true, Some(high)) => source.entries.at_or_after(high).checked_sub(1),
            (true, None) => source.entries.len().checked_sub(1),
        };
        source.settle(place, span, blocks)?;
        Ok(source)
    }

    fn load(&mut self, block: u32, blocks: &Blocks) -> Result<(), Fault> {
        self.entries = blocks.read(At { run: self.run.id, block }, self.run.fence(block))?;
        self.block = block;
        Ok(())
    }

    /// Takes `place` of the block at hand, or moves on to the next block when that lies outside of it.
    fn settle(&mut self, place: Option<usize>, span: Span<'_>, blocks: &Blocks) -> Result<(), Fault> {
        self.place = match place {
            Some(place) if place < self.entries.len() => Some(place),
            _ if span.reverse => match self.block.checked_sub(1) {
                None => None,
                Some(block) => {
                    self.load(block, blocks)?;
                    self.entries.len().checked_sub(1)
                }
            },
            _ if self.block + 1 >= self.run.blocks() => None,
            _ => {
                self.load(self.block + 1, blocks)?;
                Some(0)
            }
        };
        if self.place.is_some_and(|place| !span.holds(self.entries.key(place))) {
            self.place = None;
        }
        Ok(())
    }

    fn advance(&mut self, span: Span<'_>, blocks: &Blocks) -> Result<(), Fault> {
        let Some(place) = self.place else { return Ok(()) };
        let next = if span.reverse { place.checked_sub(1) } else { Some(place + 1) };
        self.settle(next, span, blocks)
    }
}

impl Source {
    fn at(&self) -> Option<(&[u8], &[u8])> {
        match self {
            Source::Memory { entries, place } => entries.get(*place).map(|(key, value)| (&**key, &**value)),
            Source::Run(run) => run.place.map(|place| (run.entries.key(place), run.entries.value(place))),
        }
    }

    fn advance(&mut self, span: Span<'_>, blocks: &Blocks) -> Result<(), Fault> {
        match self {
            Source::Memory { place, .. } => *place += 1,
            Source::Run(run) => run.advance(span, blocks)?,
        }
        Ok(())
    }
}

/// A key and its value, borrowed.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Sources joined into one.
pub(crate) struct Merged {
    kind: Kind,
    sources: Vec<Source>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Merged {
    pub(crate) fn new(kind: Kind, sources: Vec<Source>) -> Merged {
        Merged { kind, sources, key: Vec::new(), value: Vec::new() }
    }

    /// The next key with the join of its values.
    pub(crate) fn next(&mut self, span: Span<'_>, blocks: &Blocks) -> Result<Option<Pair<'_>>, Fault> {
        let mut first: Option<usize> = None;
        for place in 0..self.sources.len() {
            let Some((key, _)) = self.sources[place].at() else { continue };
            let before = first.and_then(|first| self.sources[first].at()).map(|(key, _)| key);
            let earlier = before.is_none_or(|before| if span.reverse { key > before } else { key < before });
            if earlier {
                first = Some(place);
            }
        }
        let Some(first) = first else { return Ok(None) };
        let Some((key, value)) = self.sources[first].at() else { return Ok(None) };
        self.key.clear();
        self.key.extend_from_slice(key);
        self.value.clear();
        self.value.extend_from_slice(value);
        self.sources[first].advance(span, blocks)?;
        for place in first + 1..self.sources.len() {
            match self.sources[place].at() {
                Some((key, value)) if *key == *self.key => {
                    self.kind.join(&mut self.value, value).map_err(|Malformed(reason)| {
                        let near: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
                        Fault::damage(format!("key {near}"), reason)
                    })?;
                }
                _ => continue,
            }
            self.sources[place].advance(span, blocks)?;
        }
        Ok(Some((&self.key, &self.value)))
    }
}
