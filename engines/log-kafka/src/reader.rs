//! A reader, as the rest of the project sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mirabelle_log::{Offset, ReadError, ReadLimit, Reader, Record};

use crate::lane::Lane;
use crate::log::Shared;
use crate::place::{Place, State};
use crate::record::size;

/// How long a read waits for what the log is known to hold, before it hands out nothing.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same, while another reader of the same topic waits in vain.
const PATIENCE_WHILE_STALLED: Duration = Duration::from_millis(20);
/// After this long the broker is asked anew: the end of a partition may be a hole.
const PROBE: Duration = Duration::from_millis(300);

pub(crate) struct KafkaReader {
    shared: Arc<Shared>,
    lane: Arc<Lane>,
    place: Arc<Place>,
    position: u64,
}

impl KafkaReader {
    pub(crate) fn new(shared: Arc<Shared>, lane: Arc<Lane>, place: Arc<Place>, from: u64) -> KafkaReader {
        KafkaReader { shared, lane, place, position: from }
    }

    fn hand_out(&mut self, state: &mut State, limit: ReadLimit, out: &mut Vec<Record>) {
        let (mut records, mut bytes) = (0, 0);
        while records < limit.records && bytes < limit.bytes {
            let Some(record) = state.buffer.pop_front() else { break };
            let size = size(&record.entry);
            self.position = record.offset.0 + 1;
            records += 1;
            bytes += size;
            state.bytes = state.bytes.saturating_sub(size);
            out.push(record);
        }
        // Half is left to hand out while the lane fetches.
        if !state.assigned
            && state.failure.is_none()
            && state.bytes <= self.shared.options.reader_bytes_max / 2
        {
            self.lane.resume(self.place.partition);
        }
    }
}

impl Reader for KafkaReader {
    fn read(&mut self, limit: ReadLimit, out: &mut Vec<Record>) -> Result<(), ReadError> {
        if limit.records == 0 || limit.bytes == 0 {
            return Ok(());
        }
        let place = Arc::clone(&self.place);
        let mut state = place.state.lock();
        loop {
            if let Some(reason) = self.shared.lost() {
                return Err(self.shared.io(place.topic, place.partition, reason));
            }
            if !state.buffer.is_empty() {
                self.hand_out(&mut state, limit, out);
                return Ok(());
            }
            if let Some(failure) = &state.failure {
                return Err(place.error(&state, failure));
            }
            self.position = self.position.max(state.hollow_until);
            let end = self.shared.ends.known(place.topic, place.partition);
            if self.position >= end || self.shared.is_closed() {
                return Ok(());
            }
            let since = *state.waited_since.get_or_insert_with(Instant::now);
            let stalled = self.lane.stalled.load(Ordering::Relaxed);
            let patience = if stalled { PATIENCE_WHILE_STALLED } else { PATIENCE };
            let waited = since.elapsed();
            if waited >= patience {
                self.lane.stalled.store(true, Ordering::Relaxed);
                return Ok(());
            }
            if waited >= PROBE && state.probed != Some(end) {
                self.lane.probe(place.partition, end);
            }
            let left = (patience - waited).min(PROBE);
            place.arrived.wait_for(&mut state, left);
        }
    }

    fn position(&self) -> Offset {
        Offset(self.position)
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.lane.close(self.place.partition);
    }
}
