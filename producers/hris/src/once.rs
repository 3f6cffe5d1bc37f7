//! The same thing twice in one delivery: equal, it counts once; different, nobody can say which is right, and all of
//! it is set aside.

use std::collections::HashMap;

use crate::malformed::{Code, Malformed};
use crate::report::{ExternalId, Item};

/// An item with what it is compared by.
pub(crate) struct Found {
    pub(crate) item: Item,
    /// Where it stood.
    pub(crate) at: String,
    /// Whose whole state it is, or would be if it could be read.
    pub(crate) person: Option<ExternalId>,
}

#[derive(PartialEq, Eq, Hash)]
enum Key<'f> {
    SourceId(&'f str),
    Worker(&'f str),
}

enum Verdict {
    Keep,
    Repeat,
    Clash(Code),
}

/// Each thing once, in the order of the delivery.
pub(crate) fn each(mut found: Vec<Found>) -> Vec<Item> {
    let verdicts = judge(&found);
    let mut items = Vec::with_capacity(found.len());
    for (found, verdict) in found.drain(..).zip(verdicts) {
        let Found { mut item, at, .. } = found;
        match verdict {
            Verdict::Keep => {}
            Verdict::Repeat => continue,
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
        items.push(item);
    }
    items
}

fn judge(found: &[Found]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(found.len());
    let mut first: HashMap<Key<'_>, usize> = HashMap::new();
    for (index, this) in found.iter().enumerate() {
        let key = match (&this.item.source_id, &this.person) {
            (Some(id), _) => Some((Key::SourceId(id), Code::SourceIdTwice)),
            (None, Some(person)) => Some((Key::Worker(person.as_str()), Code::WorkerTwice)),
            (None, None) => None,
        };
        let mut verdict = Verdict::Keep;
        if let Some((key, code)) = key {
            let before = *first.entry(key).or_insert(index);
            if before != index && same(&found[before].item, &this.item) {
                verdict = Verdict::Repeat;
            } else if before != index {
                verdicts[before] = Verdict::Clash(code);
                verdict = Verdict::Clash(code);
            }
        }
        verdicts.push(verdict);
    }
    verdicts
}

fn same(one: &Item, other: &Item) -> bool {
    match (&one.outcome, &other.outcome) {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), Err(_)) => one.raw == other.raw,
        _ => false,
    }
}
