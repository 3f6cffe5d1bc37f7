//! Finds a counting decision again by what its row says of it.

use mirabelle_domain::CommandId;
use mirabelle_log::{Log, Offset, Partition, ReadError, ReadLimit, Topic, View};
use mirabelle_schemas::decode_facts_record;
use mirabelle_schemas::record::{Decision, FactsRecord};

/// What is known of a decision that counts. `at` and `seq` together with the id tell it from a ghost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Its partition.
    pub partition: Partition,
    /// Its seq.
    pub seq: u64,
    /// Its stamp, microseconds.
    pub at: i64,
    /// The command that it decided.
    pub command_id: CommandId,
}

/// Records read at one probe.
const PROBE: usize = 16;
/// Probes before the search gives up: each one comes as much nearer as there are records that do not count between.
const PROBES_MAX: usize = 64;

/// The decision, or `None` if the log holds none like it. Offsets run ahead of seqs only by the records that do not
/// count, which are few: a search from `offset = seq` on needs a probe or two.
pub fn find_decision(log: &dyn Log, sought: &Sought) -> Result<Option<Decision>, ReadError> {
    let bounds = log.bounds(Topic::Facts, sought.partition, View::Durable)?;
    let mut offset = Offset(sought.seq).max(bounds.start);
    for _ in 0..PROBES_MAX {
        if offset >= bounds.end {
            return Ok(None);
        }
        let mut reader = log.reader(Topic::Facts, sought.partition, offset, View::Durable)?;
        let mut records = Vec::new();
        reader.read(ReadLimit { records: PROBE, bytes: 1 << 20 }, &mut records)?;
        let mut highest = None;
        for record in &records {
            let decoded = decode_facts_record(&record.entry.value, record.entry.fingerprint);
            let Ok((FactsRecord::Decision(decision), _)) = decoded else { continue };
            let found = (decision.seq, decision.at, decision.command_id);
            if found == (sought.seq, sought.at, sought.command_id) {
                return Ok(Some(*decision));
            }
            highest = highest.max(Some(decision.seq));
        }
        // Each record moves the seq by one at most, so the decision lies at least as far on as it is behind.
        let behind = highest.map_or(1, |highest| sought.seq.saturating_sub(highest).max(1));
        let Some(last) = records.last() else { return Ok(None) };
        offset = Offset(last.offset.0 + behind);
    }
    Ok(None)
}
