//! Walking a raw segment's bytes: which frames it holds, and whether what stands behind the last is a torn write
//! or damage.

use crate::error::Fault;
use crate::frame::{self, HEADER, Head, Kind, Rows, Stamp};

/// Bytes between two marks: a reader that enters a raw segment walks at most so far in vain.
pub(crate) const MARK_BYTES: usize = 128 << 10;

/// A frame's place, and the offsets that it begins with.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) place: u64,
    pub(crate) starts: Box<[u64]>,
}

/// What a walk over one raw segment found.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// One past the last good frame, in bytes.
    pub(crate) end: usize,
    /// First and last group, if there is any frame.
    pub(crate) groups: Option<(u64, u64)>,
    /// Whether the last good frame only confirms, so that nothing is at risk behind it.
    pub(crate) confirmed: bool,
    /// The offsets that the segment begins with, if there is any frame.
    pub(crate) starts: Option<Box<[u64]>>,
    /// Where bytes that are not zero stand behind the last good frame, none of them a good frame.
    pub(crate) torn: Option<usize>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) records: u64,
    /// The offsets that follow the segment's records, if there is any frame.
    pub(crate) ends: Box<[u64]>,
}

/// What a segment is walked with.
pub(crate) struct Walk<'a> {
    pub(crate) stamp: &'a Stamp,
    pub(crate) partitions: u16,
    /// The segment's number and its file's name.
    pub(crate) segment: u64,
    pub(crate) file: &'a str,
}

impl Walk<'_> {
    fn fault(&self, place: usize, reason: impl Into<String>) -> Fault {
        Fault::new(self.file, place as u64, reason)
    }

    /// Walks `bytes`, a whole segment or its durable beginning. Calls `visit` for each good frame.
    pub(crate) fn scan(
        &self,
        bytes: &[u8],
        mut visit: impl FnMut(&Head, usize, &[u8]) -> Result<(), Fault>,
    ) -> Result<Scan, Fault> {
        let mut scan = Scan::default();
        let mut ends: Box<[u64]> = Box::default();
        while let Some((head, payload)) = frame::parse(&bytes[scan.end..], self.stamp, self.segment) {
            if let Some(table) = Rows::table(&head, payload, self.partitions) {
                if scan.starts.is_some() {
                    return Err(self.fault(scan.end, "a segment's first frame stands in its middle"));
                }
                ends.clone_from(&table);
                scan.starts = Some(table);
            } else if scan.starts.is_none() {
                return Err(self.fault(scan.end, "the segment does not begin with its first frame"));
            }
            let first = scan.groups.map_or(head.group, |(first, _)| first);
            if scan.groups.is_some_and(|(_, last)| head.group != last.wrapping_add(1)) {
                return Err(self.fault(scan.end, format!("group {} stands here out of order", head.group)));
            }
            scan.groups = Some((first, head.group));
            scan.confirmed = head.kind == Kind::Confirm;
            if scan.marks.last().is_none_or(|mark| scan.end as u64 - mark.place >= MARK_BYTES as u64) {
                scan.marks.push(Mark { place: scan.end as u64, starts: ends.clone() });
            }
            self.count(&head, scan.end, payload, &mut ends)?;
            visit(&head, scan.end, payload)?;
            scan.records += u64::from(head.rows);
            scan.end += HEADER + head.payload_bytes;
        }
        scan.torn = self.behind(bytes, scan.end)?;
        scan.ends = ends;
        Ok(scan)
    }

    fn count(&self, head: &Head, place: usize, payload: &[u8], ends: &mut [u64]) -> Result<(), Fault> {
        for row in Rows::new(head, payload, self.partitions) {
            let row = row.map_err(|at| self.fault(place + HEADER + at, "a frame's rows do not fit in it"))?;
            if row.partition >= self.partitions {
                return Err(self.fault(place, format!("a row for partition {}", row.partition)));
            }
            ends[frame::slot(row.topic, row.partition, self.partitions)] += 1;
        }
        Ok(())
    }

    /// Looks behind the last good frame: zeros are the clean end; bytes without a good frame among them are a
    /// torn write, as only one group is ever in flight; a good frame there means that the log is damaged here.
    fn behind(&self, bytes: &[u8], end: usize) -> Result<Option<usize>, Fault> {
        let Some(first) = first_not_zero(&bytes[end..]) else { return Ok(None) };
        // A frame begins at a multiple of 8; the page before the first byte that is not zero can't hold one.
        let from = (end + first) & !7;
        for place in (from.saturating_sub(HEADER).max(end)..bytes.len()).step_by(8) {
            if frame::parse(&bytes[place..], self.stamp, self.segment).is_some() {
                let reason = format!("no good frame here, but one behind it at byte {place}");
                return Err(self.fault(end, reason));
            }
        }
        Ok(Some(end + first))
    }
}

/// Where the first byte stands that is not zero.
pub(crate) fn first_not_zero(bytes: &[u8]) -> Option<usize> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut place = 0;
    for block in bytes.chunks(ZEROS.len()) {
        if block != &ZEROS[..block.len()] {
            return block.iter().position(|byte| *byte != 0).map(|at| place + at);
        }
        place += block.len();
    }
    None
}
