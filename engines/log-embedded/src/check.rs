//! Walking the whole log: every checksum, every record, every joint between segments.

use std::sync::Arc;

use bytes::Bytes;

use crate::block::{Items, TOPICS};
use crate::core::Core;
use crate::error::{Fault, OpenError};
use crate::files::read_exact_at;
use crate::meta::{self, Meta};
use crate::sealed::{Bad, Entry, Sealed};
use crate::segments::{Body, Raw, Segment};

/// What a walk over the whole log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Segments walked, sealed ones among them.
    pub segments: u64,
    /// Sealed segments walked.
    pub sealed: u64,
    /// Records that are good.
    pub records: u64,
    /// Bytes under checksums that were walked.
    pub bytes: u64,
    /// Places that do not check; after one, the rest of its segment is not walked.
    pub faults: Vec<Fault>,
    /// Where the last write is torn, or was damaged since, which can't be told apart: no fault, as a rule nothing of it
    /// was acknowledged. An offline log only, any other has cut it.
    pub torn: Option<Fault>,
}

/// Walks everything that is durable now.
pub(crate) fn all(core: &Core, torn: Option<&Fault>) -> CheckReport {
    let mut report = CheckReport { torn: torn.cloned(), ..CheckReport::default() };
    let base = &core.base;
    match Meta::read(&*base.options.files, &base.dir) {
        Ok(found) if (found.id, found.partitions) == (base.id, base.partitions) => {}
        Ok(_) => report.faults.push(Fault::new(meta::NAME, 0, "it describes another log")),
        Err(OpenError::Damaged { fault }) => report.faults.push(fault),
        Err(error) => report.faults.push(Fault::new(meta::NAME, 0, error.to_string())),
    }
    let segments = core.segments.all();
    for (at, segment) in segments.iter().enumerate() {
        report.segments += 1;
        let next = segments.get(at + 1);
        let walked = match segment.body() {
            Body::Sealed(sealed) => walk_sealed(core, segment, &sealed, next, &mut report),
            Body::Raw(raw) => walk_raw(core, segment, &raw, next, &mut report),
        };
        match walked {
            Ok(()) => {}
            Err(Bad::Fault(fault)) => report.faults.push(fault),
            Err(Bad::Io(error)) => {
                let name = match segment.body() {
                    Body::Sealed(sealed) => sealed.file.clone(),
                    Body::Raw(raw) => raw.name.clone(),
                };
                report.faults.push(Fault::new(name, 0, format!("it can't be read: {error}")));
            }
        }
    }
    report
}

type Next<'a> = Option<&'a Arc<Segment>>;

fn joint(file: &str, ends: &[u64], next: Next<'_>) -> Result<(), Bad> {
    match next {
        Some(next) if *next.starts != *ends => {
            Err(Fault::new(file, 0, format!("segment {} does not go on where it ends", next.number)).into())
        }
        _ => Ok(()),
    }
}

fn walk_raw(
    core: &Core,
    segment: &Segment,
    raw: &Raw,
    next: Next<'_>,
    report: &mut CheckReport,
) -> Result<(), Bad> {
    // Behind the end of the active segment a group may be on its way; what it held when the log was opened, and
    // what follows in a full segment, was zeros.
    let bytes = if next.is_some() { raw.capacity } else { raw.end() };
    let mut buffer = vec![0; usize::try_from(bytes).expect("a segment fits in memory")];
    read_exact_at(&*raw.file, &mut buffer, 0)?;
    let scan = core.base.walk(raw.number, &raw.name).scan(&buffer, |_, _, _| Ok(()))?;
    let end = usize::try_from(raw.end()).expect("a segment fits in memory");
    if scan.end < end {
        return Err(Fault::new(&*raw.name, scan.end as u64, "no good frame here, and there was one").into());
    }
    if let Some(torn) = scan.torn {
        return Err(Fault::new(&*raw.name, torn as u64, "the zeros behind the last frame are damaged").into());
    }
    if let Some(starts) = &scan.starts {
        if **starts != *segment.starts {
            return Err(Fault::new(&*raw.name, 0, "it begins elsewhere than it did").into());
        }
        joint(&raw.name, &scan.ends, next)?;
    }
    report.records += scan.records;
    report.bytes += bytes;
    Ok(())
}

fn walk_sealed(
    core: &Core,
    segment: &Segment,
    known: &Sealed,
    next: Next<'_>,
    report: &mut CheckReport,
) -> Result<(), Bad> {
    let base = &core.base;
    let file = base.options.files.open(&base.path(&known.file), false)?;
    let sealed = Sealed::read(&*file, &known.file, known.segment, &base.stamp, base.partitions)?;
    report.sealed += 1;
    let mut ends = sealed.starts.clone();
    let mut unpack = zstd::bulk::Decompressor::new()?;
    let mut packed = Vec::new();
    let mut records = 0;
    for entry in &*sealed.directory(&*file, &base.stamp)? {
        let block = sealed.block(&*file, entry, &base.stamp, &mut unpack, &mut packed)?;
        records += walk_block(&sealed, entry, block, base.partitions, &mut ends)?;
    }
    if ends != sealed.ends || sealed.starts != segment.starts || records != sealed.records {
        return Err(Fault::new(&*sealed.file, 0, "its blocks do not hold what its ends say").into());
    }
    joint(&sealed.file, &ends, next)?;
    report.records += records;
    report.bytes += sealed.bytes;
    Ok(())
}

fn walk_block(
    sealed: &Sealed,
    entry: &Entry,
    block: Vec<u8>,
    partitions: u16,
    ends: &mut [u64],
) -> Result<u64, Bad> {
    let fault = |reason: &str| Bad::from(Fault::new(&*sealed.file, entry.place, reason));
    if entry.partition >= partitions {
        return Err(fault("a block of a partition that there is not"));
    }
    let mut counts = [0u32; TOPICS];
    let mut items = Items::new(Bytes::from(block), entry.head_bytes as usize);
    while let Some(item) = items.step() {
        counts[item.ok_or_else(|| fault("a block's records do not fit in it"))?.topic as usize] += 1;
    }
    for topic in 0..TOPICS {
        let end = &mut ends[topic * usize::from(partitions) + usize::from(entry.partition)];
        if *end != entry.firsts[topic] || counts[topic] != entry.counts[topic] {
            return Err(fault("a block does not hold what the directory says"));
        }
        *end += u64::from(counts[topic]);
    }
    Ok(counts.iter().map(|count| u64::from(*count)).sum())
}
