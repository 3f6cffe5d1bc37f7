//! Full segments are rewritten as compressed blocks; the raw file goes when the sealed one was read back and
//! compared.

use std::sync::Arc;

use bytes::Bytes;

use crate::block::{Gather, Items, TOPICS};
use crate::core::{Base, Core};
use crate::error::Fault;
use crate::files::{read_exact_at, write_all_at};
use crate::frame::{HEADER, Row, Rows, slot};
use crate::options::Point;
use crate::sealed::{Bad, Entry, Sealed, Tail};
use crate::segments::{Raw, ToSeal, sealed_name};

/// A raw segment in memory, its rows by partition.
struct Source {
    bytes: Vec<u8>,
    partitions: Vec<Vec<(i64, usize)>>,
    groups: (u64, u64),
    records: u64,
}

impl Source {
    fn read(base: &Base, raw: &Raw) -> Result<Source, Bad> {
        let mut bytes = vec![0; usize::try_from(raw.end()).expect("a segment fits in memory")];
        read_exact_at(&*raw.file, &mut bytes, 0)?;
        let mut partitions: Vec<Vec<(i64, usize)>> = vec![Vec::new(); usize::from(base.partitions)];
        let scan = base.walk(raw.number, &raw.name).scan(&bytes, |head, place, payload| {
            for row in Rows::new(head, payload, base.partitions).flatten() {
                let at_byte = place + HEADER + row.key.start - crate::frame::ROW_HEAD;
                partitions[usize::from(row.partition)].push((row.at, at_byte));
            }
            Ok(())
        })?;
        let whole = scan.end == bytes.len() && scan.torn.is_none();
        let Some(groups) = scan.groups.filter(|_| whole) else {
            return Err(
                Fault::new(&*raw.name, scan.end as u64, "no good frame here, and there was one").into()
            );
        };
        Ok(Source { bytes, partitions, groups, records: scan.records })
    }

    fn row(&self, (at, place): (i64, usize)) -> Row {
        Row::parse(&self.bytes, place, at).expect("it was walked over before")
    }
}

/// Seals one segment. What fails leaves the raw one as it was.
pub(crate) fn seal(base: &Base, raw: &Raw, starts: &[u64], ends: &[u64]) -> Result<Sealed, Bad> {
    let files = &*base.options.files;
    let source = Source::read(base, raw)?;
    let name = sealed_name(raw.number);
    let (path, temporary) = (base.path(&name), base.dir.join(format!("{name}.tmp")));
    let bytes = pack(base, &source, raw.number, starts, ends)?;
    let file = files.create(&temporary)?;
    write_all_at(&*file, &bytes, 0)?;
    base.point(Point::SealWritten);
    file.sync_data()?;
    base.point(Point::SealSynced);
    let sealed = Sealed::read(&*file, &name, raw.number, &base.stamp, base.partitions)?;
    compare(base, &source, &sealed, &*file)?;
    base.point(Point::SealCompared);
    files.rename(&temporary, &path)?;
    base.point(Point::SealRenamed);
    files.sync_dir(&base.dir)?;
    base.point(Point::SealReady);
    Ok(sealed)
}

/// Whether a sealed segment holds exactly what its raw one does.
pub(crate) fn verify(base: &Base, raw: &Raw, sealed: &Sealed) -> Result<(), Bad> {
    let source = Source::read(base, raw)?;
    let file = base.options.files.open(&base.path(&sealed.file), false)?;
    compare(base, &source, sealed, &*file)
}

fn pack(base: &Base, source: &Source, segment: u64, starts: &[u64], ends: &[u64]) -> Result<Vec<u8>, Bad> {
    let mut packer = zstd::bulk::Compressor::new(base.options.zstd_level)?;
    let mut bytes = Vec::with_capacity(source.bytes.len() / 2);
    let mut entries = Vec::new();
    let mut gather = Gather::default();
    for (partition, rows) in (0..base.partitions).zip(&source.partitions) {
        let mut firsts: [u64; TOPICS] = std::array::from_fn(|topic| {
            starts[topic * usize::from(base.partitions) + usize::from(partition)]
        });
        let mut rows = rows.iter().peekable();
        while rows.peek().is_some() {
            gather.clear();
            while let Some(row) = rows.next_if(|_| gather.bytes() < base.options.block_bytes) {
                gather.push(&source.row(*row), &source.bytes);
            }
            let counts = gather.counts;
            let (raw, heads) = gather.finish();
            let packed = packer.compress(raw)?;
            let size = |bytes: usize| u32::try_from(bytes).expect("a block is smaller than a segment");
            entries.push(Entry {
                partition,
                place: bytes.len() as u64,
                bytes: size(packed.len()),
                raw_bytes: size(raw.len()),
                head_bytes: size(heads),
                crc: base.stamp.crc(&packed),
                firsts,
                counts,
            });
            bytes.extend_from_slice(&packed);
            for (first, count) in firsts.iter_mut().zip(counts) {
                *first += u64::from(count);
            }
        }
        for (topic, first) in firsts.iter().enumerate() {
            let end = ends[topic * usize::from(base.partitions) + usize::from(partition)];
            assert_eq!(*first, end, "segment {segment} does not end where the next begins");
        }
    }
    let tail =
        Tail { entries: &entries, starts, ends, segment, groups: source.groups, records: source.records };
    bytes.extend_from_slice(&tail.bytes(&base.stamp));
    Ok(bytes)
}

/// Reads a sealed file back and compares each record with its raw form.
fn compare(base: &Base, source: &Source, sealed: &Sealed, file: &dyn crate::files::File) -> Result<(), Bad> {
    let directory = sealed.directory(file, &base.stamp)?;
    let mut unpack = zstd::bulk::Decompressor::new()?;
    let mut packed = Vec::new();
    let mut rows: Vec<_> = source.partitions.iter().map(|rows| rows.iter()).collect();
    let differs =
        |place: u64| Fault::new(&*sealed.file, place, "a record differs from what was to be sealed");
    let mut next = sealed.starts.clone();
    for entry in &*directory {
        let block = sealed.block(file, entry, &base.stamp, &mut unpack, &mut packed)?;
        let mut items = Items::new(Bytes::from(block), entry.head_bytes as usize);
        for topic in 0..TOPICS {
            let slot = topic * usize::from(base.partitions) + usize::from(entry.partition);
            if next[slot] != entry.firsts[topic] {
                return Err(differs(entry.place).into());
            }
        }
        while let Some(item) = items.step() {
            let row = rows[usize::from(entry.partition)].next().map(|row| source.row(*row));
            match (item, row) {
                (Some(item), Some(row)) if items.equals(&item, &row, &source.bytes) => {
                    next[slot(item.topic, entry.partition, base.partitions)] += 1;
                }
                _ => return Err(differs(entry.place).into()),
            }
        }
    }
    if rows.iter().any(|rows| rows.len() > 0) || next != sealed.ends {
        return Err(differs(sealed.bytes).into());
    }
    Ok(())
}

/// Seals what the writer has left, oldest first, until the log is closed.
pub(crate) fn run(core: &Core) {
    let mut seen = 0;
    while let Some(left) = next(core, seen) {
        seen = left;
        while let Some(ToSeal { segment, raw, ends }) = core.segments.next_to_seal() {
            match seal(&core.base, &raw, &segment.starts, &ends) {
                Ok(sealed) => segment.sealed(Arc::new(sealed)),
                Err(bad) => {
                    let reason = match bad {
                        Bad::Fault(fault) => fault.to_string(),
                        Bad::Io(error) => error.to_string(),
                    };
                    // The raw file stays and is as good as ever; it is tried again with the next full one.
                    tracing::warn!(segment = raw.number, %reason, "a segment was not sealed");
                    drop(
                        core.base
                            .options
                            .files
                            .remove(&core.base.dir.join(format!("{}.tmp", sealed_name(raw.number)))),
                    );
                    break;
                }
            }
            remove_raw(core, &raw);
            if core.sealing.lock().closing {
                break;
            }
        }
    }
    core.sealing.lock().ended = true;
    core.seal.notify_all();
}

/// A raw file that stays behind is compared again and removed when the log is next opened.
fn remove_raw(core: &Core, raw: &Raw) {
    let files = &*core.base.options.files;
    let removed = files.remove(&core.base.dir.join(&raw.name)).and_then(|()| {
        core.base.point(Point::RawRemoved);
        files.sync_dir(&core.base.dir)
    });
    if let Err(error) = removed {
        tracing::warn!(segment = raw.number, %error, "a sealed segment's raw file was not removed");
    }
}

/// Waits until the writer has left more segments than `seen`; `None` once the log is closed.
fn next(core: &Core, seen: u64) -> Option<u64> {
    let mut sealing = core.sealing.lock();
    sealing.done = seen;
    core.seal.notify_all();
    while sealing.left == seen && !sealing.closing {
        core.seal.wait(&mut sealing);
    }
    (!sealing.closing).then_some(sealing.left)
}
