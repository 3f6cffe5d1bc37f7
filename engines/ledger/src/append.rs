//! How records are appended: the gate through which everything goes into `facts`, and the one form of a command.

use std::sync::Arc;

use bytes::Bytes;
use mirabelle_domain::{AccountId, AccountKey, Digest};
use mirabelle_log::{Append, Done, Entry, Log, Partition, Refused, Topic};
use mirabelle_schemas::record::{Claim, CommandRecord, Decision, LogCreated};
use mirabelle_schemas::{
    BODY_BYTES_MAX, EncodedFacts, RECORD_BYTES_MAX, digest, encode_claim, encode_command, encode_created,
    encode_decision, partition_of,
};

use crate::owner::Attempt;

/// Told when nobody knows what became of an append of this attempt: give it to [`Owner::unclear`](crate::Owner::unclear).
/// Runs on the log's thread: hand over and return.
pub type OnUnclear = Arc<dyn Fn(Attempt) + Send + Sync>;

/// A definite "no", before anything was handed to the log: no reader would take the record. An input ends in a rejection
/// `too_large` instead, a command is refused at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record or body of {bytes} bytes is larger than the {max} bytes that one may have")]
pub struct TooLarge {
    /// Its size with key and trace.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}

/// A decision as the log will take it.
#[derive(Clone, Debug)]
pub struct Prepared {
    attempt: Attempt,
    seq: u64,
    digest: Digest,
    entry: Entry,
}

impl Prepared {
    /// The digest of its datum: what the next decision rests on.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its size with key and trace.
    pub fn bytes(&self) -> usize {
        size(&self.entry)
    }

    /// The attempt that it was decided under.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Its seq.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// Appends claims and decisions to one partition of `facts`. One for each owner.
///
/// It hands each seq of an attempt over once, in order, whatever its user does: a second decision of one seq can't
/// leave it.
pub struct Gate {
    log: Arc<dyn Log>,
    partition: Partition,
    bytes_max: usize,
    on_unclear: OnUnclear,
    handed: Option<(Attempt, u64)>,
}

impl Gate {
    /// Largest record, key and trace included, unless said otherwise: what every reader takes.
    pub const BYTES_MAX: usize = RECORD_BYTES_MAX;

    /// A gate to `partition`. `bytes_max` bounds a record with its key and trace, and must not exceed what the log takes;
    /// what readers take bounds it too.
    pub fn new(log: Arc<dyn Log>, partition: Partition, bytes_max: usize, on_unclear: OnUnclear) -> Gate {
        Gate { log, partition, bytes_max: bytes_max.min(Gate::BYTES_MAX), on_unclear, handed: None }
    }

    /// Encodes a decision and checks its size. Nothing is appended.
    pub fn prepare(&self, decision: &Decision, trace: Option<Bytes>) -> Result<Prepared, TooLarge> {
        prepare(decision, trace, self.bytes_max)
    }

    /// Hands decisions to the log, all or none. After [`Refused`] nothing was taken, and the same batch may come again.
    ///
    /// # Panics
    /// If a seq of an attempt comes twice or out of order: whoever decides so must stop before it pays twice.
    pub fn append(&mut self, batch: &[Prepared]) -> Result<(), Refused> {
        let mut handed = self.handed;
        for prepared in batch {
            if let Some((attempt, seq)) = handed.filter(|(attempt, _)| *attempt == prepared.attempt) {
                assert!(prepared.seq == seq + 1, "{attempt:?} hands over {} after {seq}", prepared.seq);
            }
            handed = Some((prepared.attempt, prepared.seq));
        }
        let appends = batch.iter().map(|prepared| self.to_facts(prepared.attempt, prepared.entry.clone()));
        self.log.append(appends.collect())?;
        self.handed = handed;
        Ok(())
    }

    /// Hands a claim to the log.
    pub fn claim(&mut self, claim: &Claim) -> Result<(), Refused> {
        let entry = entry(&of_partition(self.partition), encode_claim(claim), None);
        self.log.append(vec![self.to_facts(Attempt::of(claim), entry)])
    }

    fn to_facts(&self, attempt: Attempt, entry: Entry) -> Append {
        let on_unclear = Arc::clone(&self.on_unclear);
        // An acknowledgement proves nothing: only what is read back counts. A failure ends the attempt.
        #[cfg(feature = "planted-bugs")]
        let acknowledged = (self.partition, entry.clone());
        let done: Done = Box::new(move |outcome| {
            if outcome.is_err() {
                on_unclear(attempt);
            }
            #[cfg(feature = "planted-bugs")]
            if outcome.is_ok() && crate::planted::is(crate::planted::Bug::AnswerOnAcknowledgement) {
                crate::planted::acknowledge(acknowledged.0, acknowledged.1);
            }
        });
        Append { topic: Topic::Facts, partition: self.partition, entry, done: Some(done) }
    }
}

/// Encodes a decision and checks its size with key and trace against `bytes_max` and against what readers take. Pure: for
/// whoever decides without a log at hand.
pub fn prepare(decision: &Decision, trace: Option<Bytes>, bytes_max: usize) -> Result<Prepared, TooLarge> {
    let encoded = encode_decision(decision);
    let digest = digest(encoded.datum());
    let entry = entry(&decision.account, encoded, trace);
    let (bytes, max) = (size(&entry), bytes_max.min(Gate::BYTES_MAX));
    if bytes > max {
        return Err(TooLarge { bytes, max });
    }
    let attempt = Attempt { epoch: decision.epoch, claim: decision.claim };
    Ok(Prepared { attempt, seq: decision.seq, digest, entry })
}

/// The append of a command: its key, its partition, and its size checked against what readers take. Whoever sends a larger
/// one would never be answered.
pub fn command_append(
    topic: Topic,
    record: &CommandRecord,
    partitions: u16,
    trace: Option<Bytes>,
) -> Result<Append, TooLarge> {
    let too_large = |bytes, max| if bytes > max { Err(TooLarge { bytes, max }) } else { Ok(()) };
    too_large(record.body.len(), BODY_BYTES_MAX)?;
    let encoded = encode_command(record);
    let entry =
        Entry { key: key_of(&record.account), fingerprint: encoded.fingerprint, value: encoded.value, trace };
    too_large(size(&entry), RECORD_BYTES_MAX)?;
    let partition = Partition(partition_of(&record.account, partitions));
    Ok(Append { topic, partition, entry, done: None })
}

/// The append of a partition's root.
pub(crate) fn root(created: &LogCreated) -> Append {
    let partition = Partition(created.partition);
    let entry = entry(&of_partition(partition), encode_created(created), None);
    Append { topic: Topic::Facts, partition, entry, done: None }
}

/// The key under which a record of an account is appended: tenant, 0x1F, account.
fn key_of(account: &AccountId) -> Bytes {
    Bytes::from(format!("{}\u{1f}{}", account.tenant, account.key))
}

fn entry(account: &AccountId, encoded: EncodedFacts, trace: Option<Bytes>) -> Entry {
    Entry { key: key_of(account), fingerprint: encoded.fingerprint, value: encoded.value, trace }
}

fn of_partition(partition: Partition) -> AccountId {
    let tenant = "_system".parse().expect("a tenant's name of allowed letters");
    AccountId { tenant, key: AccountKey::Partition(partition.0) }
}

fn size(entry: &Entry) -> usize {
    entry.key.len() + entry.value.len() + entry.trace.as_ref().map_or(0, |trace| trace.len())
}
