//! A batch made ready outside of every lock: checked, encoded, and cut into chunks.

use bytes::Bytes;
use mirabelle_log::{Append, Done, Entry, Partition, Refused, Topic};
use smallvec::SmallVec;

use crate::core::Core;
use crate::frame::{ROW_HEAD, Row, TRACE_MAX, put_row};

pub(crate) struct DraftRow {
    pub(crate) topic: Topic,
    pub(crate) partition: Partition,
    pub(crate) entry: Entry,
    pub(crate) done: Option<Done>,
}

/// Records that will be written together; their entries are slices of `bytes`.
pub(crate) struct Draft {
    pub(crate) bytes: Bytes,
    pub(crate) rows: SmallVec<[DraftRow; 1]>,
    pub(crate) inputs_only: bool,
}

fn encoded(entry: &Entry) -> usize {
    ROW_HEAD + entry.key.len() + entry.value.len() + entry.trace.as_ref().map_or(0, |trace| trace.len())
}

/// Makes a batch ready.
///
/// # Panics
/// If a record names a partition that the log does not have: the caller's mistake, not a state of the log.
pub(crate) fn drafts(core: &Core, batch: Vec<Append>) -> Result<Vec<Draft>, Refused> {
    let mut total = 0;
    for Append { partition, entry, .. } in &batch {
        assert!(
            partition.0 < core.base.partitions,
            "the log has {} partitions, not a {partition}",
            core.base.partitions
        );
        let bytes = encoded(entry);
        let max = core.limits.record_bytes_max;
        if bytes - ROW_HEAD > max {
            return Err(Refused::TooLarge { bytes: bytes - ROW_HEAD, max });
        }
        let (key, trace) = (entry.key.len(), entry.trace.as_ref().map_or(0, |trace| trace.len()));
        if key > usize::from(u16::MAX) {
            return Err(Refused::TooLarge { bytes: key, max: usize::from(u16::MAX) });
        }
        if trace > TRACE_MAX {
            return Err(Refused::TooLarge { bytes: trace, max: TRACE_MAX });
        }
        total += bytes;
    }
    if total > core.limits.batch_bytes_max {
        return Err(Refused::TooLarge { bytes: total, max: core.limits.batch_bytes_max });
    }
    let mut drafts = Vec::with_capacity(1 + total / core.limits.chunk_bytes);
    let mut rest = batch.into_iter().peekable();
    while rest.peek().is_some() {
        let mut chunk: SmallVec<[Append; 1]> = SmallVec::new();
        let mut bytes = 0;
        while let Some(append) =
            rest.next_if(|next| bytes == 0 || bytes + encoded(&next.entry) <= core.limits.chunk_bytes)
        {
            bytes += encoded(&append.entry);
            chunk.push(append);
        }
        drafts.push(draft(chunk, bytes));
    }
    Ok(drafts)
}

fn draft(chunk: SmallVec<[Append; 1]>, bytes: usize) -> Draft {
    let mut buffer = Vec::with_capacity(bytes);
    for append in &chunk {
        put_row(&mut buffer, append.topic, append.partition.0, &append.entry);
    }
    let bytes = Bytes::from(buffer);
    let mut from = 0;
    let mut inputs_only = true;
    // The writer's own bytes are let go: one allocation holds the whole chunk, for the disk and for readers.
    let rows = chunk.into_iter().map(|Append { topic, partition, done, .. }| {
        let row = Row::parse(&bytes, from, 0).expect("it was written just before");
        from = row.value.end;
        inputs_only &= Topic::INPUTS.contains(&topic);
        DraftRow { topic, partition, entry: row.entry(&bytes), done }
    });
    let rows = rows.collect();
    Draft { bytes, rows, inputs_only }
}
