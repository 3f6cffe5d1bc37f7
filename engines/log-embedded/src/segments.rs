//! The segments of a directory, in order, and where in them an offset stands.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::files::File;
use crate::scan::{MARK_BYTES, Mark};
use crate::sealed::Sealed;

/// Name of a raw segment's file.
pub(crate) fn raw_name(number: u64) -> String {
    format!("{number:016x}.raw")
}

/// Name of a sealed segment's file.
pub(crate) fn sealed_name(number: u64) -> String {
    format!("{number:016x}.sealed")
}

/// What a file in the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Raw(u64),
    Sealed(u64),
    Temporary,
    Other,
}

/// Tells a file by its name.
pub(crate) fn tell(name: &str) -> Name {
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16);
    match name.split_once('.') {
        Some((digits, "raw")) => number(digits).map_or(Name::Other, Name::Raw),
        Some((digits, "sealed")) => number(digits).map_or(Name::Other, Name::Sealed),
        Some((_, "tmp" | "raw.tmp" | "sealed.tmp")) => Name::Temporary,
        _ => Name::Other,
    }
}

/// A raw segment's file, held open.
pub(crate) struct Raw {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) file: Arc<dyn File>,
    pub(crate) capacity: u64,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    end: u64,
    marks: Vec<Mark>,
}

impl Raw {
    pub(crate) fn new(number: u64, file: Arc<dyn File>, capacity: u64, end: u64, marks: Vec<Mark>) -> Raw {
        Raw { number, name: raw_name(number), file, capacity, progress: Mutex::new(Progress { end, marks }) }
    }

    /// One past the last durable frame, in bytes.
    pub(crate) fn end(&self) -> u64 {
        self.progress.lock().end
    }

    /// A frame at `place` became durable; `starts` are the offsets that it begins with.
    pub(crate) fn grew(&self, place: u64, end: u64, starts: &[u64]) {
        let mut progress = self.progress.lock();
        if progress.marks.last().is_none_or(|mark| place - mark.place >= MARK_BYTES as u64) {
            progress.marks.push(Mark { place, starts: starts.into() });
        }
        progress.end = end;
    }

    /// The last marked place at or before the record, and the offset that the slot has there.
    pub(crate) fn mark(&self, slot: usize, offset: u64) -> Option<(u64, u64)> {
        let progress = self.progress.lock();
        let after = progress.marks.partition_point(|mark| mark.starts[slot] <= offset);
        let mark = &progress.marks[after.checked_sub(1)?];
        Some((mark.place, mark.starts[slot]))
    }
}

/// What a segment is at the moment.
#[derive(Clone)]
pub(crate) enum Body {
    Raw(Arc<Raw>),
    Sealed(Arc<Sealed>),
}

/// One segment of the log.
pub(crate) struct Segment {
    pub(crate) number: u64,
    /// Per slot, the offset that its first record has or would have.
    pub(crate) starts: Box<[u64]>,
    body: RwLock<Body>,
}

impl Segment {
    pub(crate) fn new(number: u64, starts: Box<[u64]>, body: Body) -> Segment {
        Segment { number, starts, body: RwLock::new(body) }
    }

    pub(crate) fn body(&self) -> Body {
        self.body.read().clone()
    }

    pub(crate) fn sealed(&self, sealed: Arc<Sealed>) {
        *self.body.write() = Body::Sealed(sealed);
    }
}

/// A full segment that waits to be sealed.
pub(crate) struct ToSeal {
    pub(crate) segment: Arc<Segment>,
    pub(crate) raw: Arc<Raw>,
    /// Per slot, the offset that follows its records.
    pub(crate) ends: Box<[u64]>,
}

/// All segments that hold something, or are being written; the last is the active one.
pub(crate) struct Segments {
    list: RwLock<Vec<Arc<Segment>>>,
}

impl Segments {
    pub(crate) fn new(list: Vec<Arc<Segment>>) -> Segments {
        Segments { list: RwLock::new(list) }
    }

    pub(crate) fn push(&self, segment: Segment) {
        self.list.write().push(Arc::new(segment));
    }

    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.list.read().clone()
    }

    /// The first offset that the slot still has.
    pub(crate) fn start(&self, slot: usize) -> u64 {
        self.list.read().first().map_or(0, |segment| segment.starts[slot])
    }

    /// The segment that holds the slot's record, and the first offset that it no longer holds, if it is not the
    /// last.
    pub(crate) fn find(&self, slot: usize, offset: u64) -> Option<(Arc<Segment>, Option<u64>)> {
        let list = self.list.read();
        let after = list.partition_point(|segment| segment.starts[slot] <= offset);
        let segment = Arc::clone(&list[after.checked_sub(1)?]);
        Some((segment, list.get(after).map(|next| next.starts[slot])))
    }

    /// The oldest raw segment that is no longer written.
    pub(crate) fn next_to_seal(&self) -> Option<ToSeal> {
        let list = self.list.read();
        list.windows(2).find_map(|pair| match pair[0].body() {
            Body::Raw(raw) => {
                Some(ToSeal { segment: Arc::clone(&pair[0]), raw, ends: pair[1].starts.clone() })
            }
            Body::Sealed(_) => None,
        })
    }
}
