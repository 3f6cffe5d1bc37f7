//! A partition's confirmed state as a snapshot's payload, and back.

use std::io::{self, Read, Write};

use mirabelle_domain::CommandId;
use mirabelle_ledger::{Chain, Checkpoint, FactsReader, ReaderError, ReaderOptions, Start};
use mirabelle_log::{Log, Offset, Partition, ReadLimit};
use mirabelle_store::{Header, Ids, StoreError};

use crate::accounts::{Accounts, read_u64};
use crate::known::Recent;
use crate::step::occupies_id;

/// Format of the payload. A change of any account's stored form raises it.
pub const FORMAT: u32 = 1;

/// Confirmed state at a checkpoint, cloned off the deciding thread's state by reference.
pub struct Taken {
    /// Where the fold stood.
    pub checkpoint: Checkpoint,
    /// The accounts.
    pub accounts: Accounts,
    /// Ids that the index may not hold.
    pub recent: Vec<(CommandId, Offset)>,
    /// The index holds every id decided at or below this offset, once it is synced.
    pub indexed_to: u64,
}

impl Taken {
    /// The header that goes before the payload.
    pub fn header(&self, domain_revision: u32) -> Header {
        let head = &self.checkpoint.head;
        let checkpoint = postcard::to_stdvec(&self.checkpoint).expect("a checkpoint is plain data");
        Header { log_id: head.log_id, format: FORMAT, domain_revision, seq: head.seq, checkpoint }
    }

    /// Writes the payload.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.indexed_to.to_le_bytes())?;
        out.write_all(&(self.recent.len() as u64).to_le_bytes())?;
        for (id, offset) in &self.recent {
            out.write_all(&id.0)?;
            out.write_all(&offset.0.to_le_bytes())?;
        }
        self.accounts.write(out)
    }

    /// Reads what [`Taken::write`] wrote; `None` when the header's checkpoint can't be read.
    pub fn read(header: &Header, input: &mut dyn Read) -> io::Result<Taken> {
        let checkpoint = postcard::from_bytes(&header.checkpoint).map_err(io::Error::other)?;
        let indexed_to = read_u64(input)?;
        let mut recent = Vec::new();
        for _ in 0..read_u64(input)? {
            let mut id = [0; 16];
            input.read_exact(&mut id)?;
            recent.push((CommandId(id), Offset(read_u64(input)?)));
        }
        Ok(Taken { checkpoint, accounts: Accounts::read(input)?, recent, indexed_to })
    }

    /// The recent ids, ready for use.
    pub fn recent_ids(&self) -> Recent {
        let mut recent = Recent::default();
        recent.set_indexed_to(self.indexed_to);
        self.recent.iter().for_each(|(id, offset)| recent.insert(*id, *offset));
        recent
    }
}

/// Why the index of ids could not be made whole.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The facts can't be read.
    #[error(transparent)]
    Read(#[from] ReaderError),
    /// A fact can't be read.
    #[error("a fact at seq {seq} can't be read")]
    Fact {
        /// The decision.
        seq: u64,
        /// The cause.
        #[source]
        source: mirabelle_schemas::Unreadable,
    },
    /// The index can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fills the index with every id decided below `to`, if it does not reach there: it was deleted, or a crash took back
/// what was not synced.
pub fn complete_index(
    log: &dyn Log,
    ids: &dyn Ids,
    partition: Partition,
    to: u64,
) -> Result<(), RebuildError> {
    if to == 0 || ids.covered_to(partition)?.is_some_and(|covered| covered >= to) {
        return Ok(());
    }
    let options = ReaderOptions { chain: Chain::Trust, ..ReaderOptions::default() };
    let mut reader = FactsReader::open(log, partition, Start::Beginning, options)?;
    let mut folded = Vec::new();
    let limit = ReadLimit { records: 20_000, bytes: 16 << 20 };
    while reader.position().0 <= to && reader.read(limit, &mut folded)? > 0 {
        let mut batch = Vec::new();
        for one in folded.drain(..).filter(|one| one.position.offset.0 <= to) {
            let Some(decision) = one.decision() else { continue };
            let facts: Result<Vec<_>, _> =
                decision.facts.iter().map(mirabelle_schemas::decode_fact).collect();
            let facts = facts.map_err(|source| RebuildError::Fact { seq: one.position.seq, source })?;
            if occupies_id(&facts) {
                batch.push((decision.command_id, one.position.offset.0));
            }
        }
        ids.insert_batch(partition, &batch, to.min(reader.position().0.saturating_sub(1)))?;
    }
    ids.sync()?;
    Ok(())
}
