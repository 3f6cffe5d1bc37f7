//! The same thing twice in one delivery: equal, it counts once; different, nobody can say which is right, and all of
//! it is set aside.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::malformed::{Code, Malformed};
use crate::report::{ExternalId, Item};

/// An item with what it is compared by.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) item: Item,
    /// Where it stood.
    pub(crate) at: String,
    /// Whose whole state it is, or would be if it could be read.
    pub(crate) person: Option<ExternalId>,
}

/// What an item claims to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    SourceId(Box<str>),
    Worker(Box<str>),
}

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Repeat,
    Clash(Code),
}

/// What is remembered of the items of a delivery to find the same thing twice: a claim and a hash for each.
#[derive(Default)]
pub(crate) struct Marks {
    verdicts: Vec<Verdict>,
    hashes: Vec<u64>,
    first: HashMap<Key, usize>,
}

impl Marks {
    /// The next item.
    pub(crate) fn mark(&mut self, found: &Found) {
        let key = match (&found.item.source_id, &found.person) {
            (Some(id), _) => Some((Key::SourceId(id.as_str().into()), Code::SourceIdTwice)),
            (None, Some(person)) => Some((Key::Worker(person.as_str().into()), Code::WorkerTwice)),
            (None, None) => None,
        };
        let (index, hash) = (self.verdicts.len(), hash(&found.item));
        let mut verdict = Verdict::Keep;
        if let Some((key, code)) = key {
            let before = *self.first.entry(key).or_insert(index);
            if before != index && self.hashes[before] == hash {
                verdict = Verdict::Repeat;
            } else if before != index {
                self.verdicts[before] = Verdict::Clash(code);
                verdict = Verdict::Clash(code);
            }
        }
        self.verdicts.push(verdict);
        self.hashes.push(hash);
    }

    /// The item of that place among all, or `None` where it is a repeat.
    pub(crate) fn judged(&self, index: usize, found: Found) -> Option<Item> {
        let Found { mut item, at, .. } = found;
        match self.verdicts.get(index).copied().unwrap_or(Verdict::Keep) {
            Verdict::Keep => {}
            Verdict::Repeat => return None,
            Verdict::Clash(code) if item.outcome.is_ok() => {
                let what = match code {
                    Code::WorkerTwice => {
                        "the same worker twice in one delivery with different content; none is taken"
                    }
                    _ => {
                        "the same id of the source twice in one delivery with different content; none is taken"
                    }
                };
                item.outcome = Err(Malformed::new(code, what, at));
            }
            // It can't be read anyway, and its own reason says more.
            Verdict::Clash(_) => {}
        }
        Some(item)
    }
}

/// Two readable items are the same if they say the same, two unreadable ones if their bytes are. 64 bits of hash
/// suffice: whoever could make two collide on purpose could as well send what he wants to be read.
fn hash(item: &Item) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &item.outcome {
        Ok(report) => (true, report).hash(&mut hasher),
        Err(_) => (false, &item.raw).hash(&mut hasher),
    }
    hasher.finish()
}

/// Each thing once, in the order of the delivery.
pub(crate) fn each(found: Vec<Found>) -> Vec<Item> {
    let mut marks = Marks::default();
    found.iter().for_each(|found| marks.mark(found));
    let judged = found.into_iter().enumerate().filter_map(|(index, found)| marks.judged(index, found));
    judged.collect()
}
