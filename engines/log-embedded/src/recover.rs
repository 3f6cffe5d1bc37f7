//! Opening a directory: what is there, whether it is whole, and where the writer goes on.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use crate::core::{Base, Limits};
use crate::error::{Fault, OpenError};
use crate::files::{Lock, read_exact_at, write_all_at};
use crate::meta::{self, Meta};
use crate::options::{Options, Point};
use crate::prepare;
use crate::scan::{Scan, first_not_zero};
use crate::seal;
use crate::sealed::{Bad, Sealed};
use crate::segments::{Body, Name, Raw, Segment, raw_name, sealed_name, tell};
use crate::writer::Begin;

const LOCK: &str = "lock";

/// A directory that is whole.
pub(crate) struct Opened {
    pub(crate) base: Base,
    pub(crate) limits: Limits,
    pub(crate) lock: Lock,
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) ends: Box<[u64]>,
    /// Where the last write is torn or damaged, if it is: cut by now, or stepped over where nothing may be changed.
    pub(crate) torn: Option<Fault>,
}

/// What the writer of an opened directory begins with.
pub(crate) struct ToWrite {
    pub(crate) begin: Begin,
    pub(crate) spares: VecDeque<Arc<Raw>>,
    pub(crate) next_number: u64,
}

/// Opens a directory for writing, creating it where it is missing.
pub(crate) fn open(dir: &Path, options: Options) -> Result<(Opened, ToWrite), OpenError> {
    options.check()?;
    let files = Arc::clone(&options.files);
    files.make_dir(dir).map_err(OpenError::io("create", dir))?;
    let lock = lock(&options, dir, false)?;
    let names = files.list(dir).map_err(OpenError::io("list", dir))?;
    if !names.iter().any(|name| name == meta::NAME) {
        create(dir, &options, &names)?;
    }
    let meta = Meta::read(&*files, dir)?;
    if meta.partitions != options.partitions {
        let (held, asked) = (meta.partitions, options.partitions);
        return Err(OpenError::Partitions { dir: dir.to_owned(), held, asked });
    }
    let survey = Survey::new(base(dir, options, &meta), true)?;
    survey.remove_leftovers()?;
    survey.finish_writable(lock)
}

/// Opens a directory that nobody writes, changing nothing in it.
pub(crate) fn open_offline(dir: &Path, mut options: Options) -> Result<Opened, OpenError> {
    let lock = lock(&options, dir, true)?;
    let names = options.files.list(dir).map_err(OpenError::io("list", dir))?;
    if !names.iter().any(|name| name == meta::NAME) {
        return Err(OpenError::Missing { dir: dir.to_owned() });
    }
    let meta = Meta::read(&*options.files, dir)?;
    options.partitions = meta.partitions;
    options.check()?;
    Survey::new(base(dir, options, &meta), false)?.finish(lock)
}

fn base(dir: &Path, options: Options, meta: &Meta) -> Base {
    Base { dir: dir.to_owned(), options, id: meta.id, partitions: meta.partitions, stamp: meta.stamp() }
}

fn lock(options: &Options, dir: &Path, shared: bool) -> Result<Lock, OpenError> {
    let path = dir.join(LOCK);
    match options.files.lock(&path, shared) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(OpenError::InUse { dir: dir.to_owned() }),
        Err(error) if shared && error.kind() == std::io::ErrorKind::NotFound => {
            Err(OpenError::Missing { dir: dir.to_owned() })
        }
        Err(source) => Err(OpenError::Io { act: "lock", path, source }),
    }
}

/// Makes a new log: first its first segment, then its description, so that a described log without segments has
/// lost them.
fn create(dir: &Path, options: &Options, names: &[String]) -> Result<(), OpenError> {
    let files = &*options.files;
    for name in names {
        let path = dir.join(name);
        match tell(name) {
            // What a crash in the middle of a creation leaves: a segment of zeros.
            Name::Raw(_) => {
                let file = files.open(&path, false).map_err(OpenError::io("open", &path))?;
                let size = file.size().map_err(OpenError::io("read", &path))?;
                let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
                read_exact_at(&*file, &mut bytes, 0).map_err(OpenError::io("read", &path))?;
                if first_not_zero(&bytes).is_some() {
                    return Err(undescribed(name).into());
                }
            }
            Name::Sealed(_) => return Err(undescribed(name).into()),
            Name::Temporary | Name::Other => {}
        }
    }
    for name in names.iter().filter(|name| matches!(tell(name), Name::Raw(_))) {
        let path = dir.join(name);
        files.remove(&path).map_err(OpenError::io("remove", &path))?;
    }
    prepare::segment(files, dir, 0, options.segment_bytes, &options.on_point)
        .map_err(OpenError::io("prepare", dir.join(raw_name(0))))?;
    Meta::random(options.partitions).write(files, dir, &options.on_point)
}

fn undescribed(name: &str) -> Fault {
    Fault::new(name, 0, "the segment holds records, but the file `log` that describes them is gone")
}

/// A raw segment as it was found.
struct FoundRaw {
    raw: Arc<Raw>,
    scan: Scan,
}

enum Found {
    Raw(FoundRaw),
    Sealed(Arc<Sealed>),
}

/// What lies in a directory.
struct Survey {
    base: Base,
    limits: Limits,
    writable: bool,
    /// In the order of their numbers, without a gap.
    found: Vec<(u64, Found)>,
    /// How many of them hold something; the others are spares.
    used: usize,
    ends: Box<[u64]>,
    next_group: u64,
    /// Which of them ends in a torn write, and where.
    torn: Option<(usize, Fault)>,
}

impl Survey {
    fn new(base: Base, writable: bool) -> Result<Survey, OpenError> {
        let Some(limits) = Limits::new(&base.options, base.partitions) else {
            return Err(OpenError::Options {
                reason: "a segment of segment_bytes takes no record".to_owned(),
            });
        };
        let slots = usize::try_from(limits.table_bytes / 8).expect("a small number");
        let ends = vec![0; slots].into();
        let (found, used, next_group, torn) = (Vec::new(), 0, 0, None);
        let mut survey = Survey { base, limits, writable, found, used, ends, next_group, torn };
        survey.find()?;
        survey.chain()?;
        Ok(survey)
    }

    fn find(&mut self) -> Result<(), OpenError> {
        let dir = self.base.dir.clone();
        let names = self.base.options.files.list(&dir).map_err(OpenError::io("list", &dir))?;
        let mut numbers: BTreeMap<u64, (bool, bool)> = BTreeMap::new();
        for name in &names {
            match tell(name) {
                Name::Raw(number) => numbers.entry(number).or_default().0 = true,
                Name::Sealed(number) => numbers.entry(number).or_default().1 = true,
                Name::Temporary | Name::Other => {}
            }
        }
        let Some(first) = numbers.keys().next().copied() else {
            return Err(
                Fault::new(meta::NAME, 0, "the log is described, but all its segments are gone").into()
            );
        };
        let mut buffer = Vec::new();
        for (expected, (number, (raw, sealed))) in (first..).zip(numbers) {
            if number != expected {
                return Err(Fault::new(raw_name(expected), 0, "the segment is gone").into());
            }
            let found = match (raw, sealed) {
                (true, false) => Found::Raw(self.raw(number, &mut buffer)?),
                (_, sealed) => self.sealed(number, raw && sealed, &mut buffer)?,
            };
            self.found.push((number, found));
        }
        Ok(())
    }

    fn raw(&self, number: u64, buffer: &mut Vec<u8>) -> Result<FoundRaw, OpenError> {
        let name = raw_name(number);
        let path = self.base.path(&name);
        let file =
            self.base.options.files.open(&path, self.writable).map_err(OpenError::io("open", &path))?;
        let capacity = file.size().map_err(OpenError::io("read", &path))?;
        if capacity > *crate::options::SEGMENT_BYTES.end() {
            return Err(Fault::new(name, capacity, "the segment is larger than any").into());
        }
        buffer.resize(usize::try_from(capacity).expect("bounded just before"), 0);
        read_exact_at(&*file, buffer, 0).map_err(OpenError::io("read", &path))?;
        let mut scan = self.base.walk(number, &name).scan(buffer, |_, _, _| Ok(()))?;
        let marks = std::mem::take(&mut scan.marks);
        Ok(FoundRaw { raw: Arc::new(Raw::new(number, file, capacity, scan.end as u64, marks)), scan })
    }

    /// A sealed segment. Where the raw one still exists, a crash came before it was removed: they are compared
    /// again, and the one that is not needed goes.
    fn sealed(&self, number: u64, with_raw: bool, buffer: &mut Vec<u8>) -> Result<Found, OpenError> {
        let name = sealed_name(number);
        let path = self.base.path(&name);
        let files = &*self.base.options.files;
        if with_raw && !self.writable {
            return Ok(Found::Raw(self.raw(number, buffer)?));
        }
        let read = || {
            let file = files.open(&path, false)?;
            Sealed::read(&*file, &name, number, &self.base.stamp, self.base.partitions)
        };
        if !with_raw {
            return Ok(Found::Sealed(Arc::new(read().map_err(|bad| bad_file(bad, &path))?)));
        }
        let raw = self.raw(number, buffer)?;
        let compared = read().and_then(|sealed| seal::verify(&self.base, &raw.raw, &sealed).map(|()| sealed));
        let (gone, found) = match compared {
            Ok(sealed) => (self.base.path(&raw.raw.name), Found::Sealed(Arc::new(sealed))),
            Err(Bad::Fault(fault)) if fault.file == name => {
                tracing::warn!(%fault, "a sealed segment is bad and its raw one is good: it will be sealed again");
                (path, Found::Raw(raw))
            }
            Err(bad) => return Err(bad_file(bad, &path)),
        };
        files.remove(&gone).map_err(OpenError::io("remove", &gone))?;
        files.sync_dir(&self.base.dir).map_err(OpenError::io("sync", &self.base.dir))?;
        Ok(found)
    }

    /// Checks that each segment goes on where the one before it ends, and that nothing is missing but the end of
    /// the last write.
    fn chain(&mut self) -> Result<(), OpenError> {
        let holds = |found: &Found| match found {
            Found::Raw(raw) => raw.scan.groups.is_some(),
            Found::Sealed(_) => true,
        };
        self.used = self.found.iter().rposition(|(_, found)| holds(found)).map_or(0, |last| last + 1);
        let mut expected: Option<(u64, &[u64])> = None;
        for (at, (_, found)) in self.found.iter().enumerate() {
            let (file, groups, starts, ends) = match found {
                Found::Sealed(sealed) => {
                    (&*sealed.file, Some(sealed.groups), Some(&sealed.starts), &*sealed.ends)
                }
                Found::Raw(raw) => {
                    (&*raw.raw.name, raw.scan.groups, raw.scan.starts.as_ref(), &*raw.scan.ends)
                }
            };
            if let Found::Raw(FoundRaw { scan: Scan { torn: Some(torn), end, .. }, .. }) = found {
                // One group is in flight at most: behind the last good frame, or first in the segment after it.
                if at + 1 < self.used || at > self.used || self.torn.is_some() {
                    return Err(
                        Fault::new(file, *torn as u64, "no good frame here, and more behind it").into()
                    );
                }
                let reason = "the last write is torn, or was damaged since; nothing good lies behind it, and it is left out";
                self.torn = Some((at, Fault::new(file, *end as u64, reason)));
            }
            let (Some(groups), Some(starts)) = (groups, starts) else {
                if at < self.used {
                    return Err(
                        Fault::new(file, 0, "the segment is empty, and the one behind it is not").into()
                    );
                }
                continue;
            };
            if let Some((group, offsets)) = expected
                && (groups.0 != group || **starts != *offsets)
            {
                return Err(Fault::new(file, 0, "it does not go on where the segment before it ends").into());
            }
            expected = Some((groups.1.wrapping_add(1), ends));
        }
        if let Some((group, ends)) = expected {
            (self.next_group, self.ends) = (group, ends.into());
        }
        Ok(())
    }

    fn remove_leftovers(&self) -> Result<(), OpenError> {
        let (files, dir) = (&*self.base.options.files, &self.base.dir);
        for name in files.list(dir).map_err(OpenError::io("list", dir))? {
            if tell(&name) == Name::Temporary {
                let path = self.base.path(&name);
                files.remove(&path).map_err(OpenError::io("remove", path))?;
            }
        }
        Ok(())
    }

    fn finish(self, lock: Lock) -> Result<Opened, OpenError> {
        let torn = self.torn.map(|(_, fault)| fault);
        let segments = self.found.into_iter().take(self.used).map(|(number, found)| {
            let (starts, body) = match found {
                Found::Sealed(sealed) => (sealed.starts.clone(), Body::Sealed(sealed)),
                Found::Raw(raw) => (raw.scan.starts.unwrap_or_default(), Body::Raw(raw.raw)),
            };
            Arc::new(Segment::new(number, starts, body))
        });
        let segments = segments.collect();
        Ok(Opened { base: self.base, limits: self.limits, lock, segments, ends: self.ends, torn })
    }

    fn finish_writable(mut self, lock: Lock) -> Result<(Opened, ToWrite), OpenError> {
        self.zero_torn()?;
        let mut spares = self.take_spares()?;
        let last = self.found.last().map(|(number, _)| *number);
        let next_number = |spares: &VecDeque<Arc<Raw>>| {
            spares.back().map(|raw| raw.number).or(last).map_or(0, |number| number + 1)
        };
        let (active, place, confirmed) = match self.found.last() {
            Some((_, Found::Raw(found))) => {
                (Arc::clone(&found.raw), found.scan.end as u64, found.scan.confirmed)
            }
            _ => {
                let raw = match spares.pop_front() {
                    Some(raw) => raw,
                    None => self.new_segment(next_number(&spares))?,
                };
                (raw, 0, true)
            }
        };
        let begin = Begin {
            active: Arc::clone(&active),
            place,
            group: self.next_group,
            ends: self.ends.clone(),
            unconfirmed: !confirmed,
        };
        let next_number = next_number(&spares).max(active.number + 1);
        let mut opened = self.finish(lock)?;
        if place == 0 {
            let fresh = Segment::new(active.number, opened.ends.clone(), Body::Raw(active));
            opened.segments.push(Arc::new(fresh));
        }
        Ok((opened, ToWrite { begin, spares, next_number }))
    }

    fn new_segment(&self, number: u64) -> Result<Arc<Raw>, OpenError> {
        let options = &self.base.options;
        let made = prepare::segment(
            &*options.files,
            &self.base.dir,
            number,
            options.segment_bytes,
            &options.on_point,
        );
        made.map(Arc::new).map_err(OpenError::io("prepare", self.base.path(&raw_name(number))))
    }

    /// Zeroes what a torn write left, so that it can never be taken for something that was written later.
    fn zero_torn(&self) -> Result<(), OpenError> {
        let Some((at, fault)) = &self.torn else { return Ok(()) };
        let Found::Raw(FoundRaw { raw, .. }) = &self.found[*at].1 else { return Ok(()) };
        let path = self.base.path(&raw.name);
        let behind = usize::try_from(raw.capacity - fault.place).expect("it was read whole");
        tracing::warn!(segment = %self.base.path(&raw.name).display(), place = fault.place, "the last write is torn or damaged and is left out");
        write_all_at(&*raw.file, &vec![0; behind], fault.place).map_err(OpenError::io("zero", &path))?;
        self.base.point(Point::TornZeroed);
        raw.file.sync_data().map_err(OpenError::io("sync", path))
    }

    /// Takes the segments that hold nothing out of what was found. Those of another size than new ones have are
    /// removed, from the last on, so that no number is left out.
    fn take_spares(&mut self) -> Result<VecDeque<Arc<Raw>>, OpenError> {
        let spares = self.found.split_off(self.used);
        let raws = spares.into_iter().filter_map(|(_, found)| match found {
            Found::Raw(found) => Some(found.raw),
            Found::Sealed(_) => None,
        });
        let mut raws: Vec<Arc<Raw>> = raws.collect();
        let fits = raws.iter().take_while(|raw| raw.capacity == self.base.options.segment_bytes).count();
        for raw in raws.drain(fits..).rev() {
            let path = self.base.path(&raw.name);
            self.base.options.files.remove(&path).map_err(OpenError::io("remove", path))?;
        }
        Ok(raws.into())
    }
}

fn bad_file(bad: Bad, path: &Path) -> OpenError {
    match bad {
        Bad::Fault(fault) => fault.into(),
        Bad::Io(source) => OpenError::Io { act: "read", path: path.to_owned(), source },
    }
}
