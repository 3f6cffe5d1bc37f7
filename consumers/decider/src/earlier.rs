//! Decisions of a partition, read again.

use mirabelle_log::{Log, Offset, Partition, ReadLimit, Topic, View};
use mirabelle_schemas::decode_facts_record;
use mirabelle_schemas::record::{Decision, FactsRecord};

use crate::step::{Fault, Past};

/// Reads decisions of a partition again.
pub struct Earlier<'a> {
    /// The log.
    pub log: &'a dyn Log,
    /// The partition of `facts`.
    pub partition: Partition,
}

impl Past for Earlier<'_> {
    fn decision(&self, offset: Offset) -> Result<Decision, Fault> {
        let fault = |source: Box<dyn std::error::Error + Send + Sync>| Fault {
            act: "read an earlier decision",
            source,
        };
        let reader = self.log.reader(Topic::Facts, self.partition, offset, View::Durable);
        let mut records = Vec::new();
        reader
            .and_then(|mut reader| reader.read(ReadLimit { records: 1, bytes: 1 }, &mut records))
            .map_err(|error| fault(error.into()))?;
        let record = records.first().ok_or_else(|| fault("no record stands there".into()))?;
        let decoded = decode_facts_record(&record.entry.value, record.entry.fingerprint);
        match decoded.map_err(|error| fault(error.into()))?.0 {
            FactsRecord::Decision(decision) => Ok(*decision),
            _ => Err(fault("no decision stands there".into())),
        }
    }
}
