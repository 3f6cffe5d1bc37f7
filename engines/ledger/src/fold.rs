//! The one reading rule (DESIGN §3.3, PROTOCOL C1, C3): whether a record of `facts` counts depends on the records
//! before it alone, so all readers agree.

use bytes::Bytes;
use mirabelle_domain::Digest;
use mirabelle_log::{LogId, Offset, Partition};
use mirabelle_schemas::record::{Claim, LogCreated};
use mirabelle_schemas::{digest, digest_after_claim};

use crate::alarm::Alarm;
use crate::head::Head;
use crate::known::{Known, Named};
use crate::view::{DecisionView, RecordView};

/// Format of the records of `facts` that this code reads and writes.
pub const FORMAT: u16 = 1;

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The root: the partition has a head now.
    Root,
    /// A claim that counts: its writer owns the partition from here on, if it reads this attempt back.
    Claimed,
    /// A claim that came too late, or once more.
    StaleClaim,
    /// A decision that counts.
    Counts,
    /// A decision of an epoch that has ended. Dropped.
    Ghost,
    /// A decision behind a gap: a batch before it failed. Dropped, and its epoch is closed.
    Orphan,
    /// A record that counted, once more. Dropped.
    Repeat,
    /// Not ours. Dropped; if it should have counted, the chain shows it.
    Foreign,
    /// It can't come from loss, delay or repetition. Nothing behind it is believed.
    Stop(Alarm),
}

/// Whether a fold checks the chain of digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chain {
    /// Each decision is digested, and must name what stands before it: nothing was changed, cut out or put in.
    Verify,
    /// Seq, epoch and claim are checked, the digests that the records name are taken for true. For replays over a log
    /// that was verified; several times cheaper.
    Trust,
}

/// Which partition of which log is folded; its root must say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The log.
    pub log_id: LogId,
    /// The partition of `facts`.
    pub partition: Partition,
    /// Partitions of each topic.
    pub partitions: u16,
}

/// The fold of one partition of `facts`: a head, and the digests that tell repeats from conflicts.
///
/// A decision counts iff its epoch and claim are the head's, the epoch is open, its seq is the next and its
/// `prev_digest` is the head's digest. A claim counts iff its epoch is the head's + 1.
#[derive(Clone, Debug)]
pub struct Fold {
    place: Place,
    chain: Chain,
    known_max: usize,
    state: Option<State>,
    stopped: Option<Alarm>,
}

#[derive(Clone, Debug)]
struct State {
    head: Head,
    known: Known,
    /// Under [`Chain::Trust`]: the last counting decision, not digested yet. `head.digest` is then the one before.
    undigested: Option<Bytes>,
}

impl Fold {
    /// Digests remembered unless said otherwise.
    pub const KNOWN_MAX: usize = 4_096;

    /// The fold of nothing.
    pub fn new(place: Place, chain: Chain, known_max: usize) -> Fold {
        Fold { place, chain, known_max, state: None, stopped: None }
    }

    /// The fold that goes on from a head. What stands before it is believed.
    pub fn from(place: Place, chain: Chain, known_max: usize, head: Head) -> Fold {
        let known = Known::from(&head, known_max);
        Fold { state: Some(State { head, known, undigested: None }), ..Fold::new(place, chain, known_max) }
    }

    /// The head, or `None` before the root. Under [`Chain::Trust`] this may digest one record.
    pub fn head(&self) -> Option<Head> {
        let state = self.state.as_ref()?;
        let digest = state.undigested.as_ref().map_or(state.head.digest, |datum| digest(datum));
        Some(Head { digest, ..state.head })
    }

    /// Seq, stamp and digest of the head, without digesting anything: `None` for a digest that is put off.
    pub(crate) fn stamp(&self) -> Option<(u64, i64, Option<Digest>)> {
        let State { head, undigested, .. } = self.state.as_ref()?;
        Some((head.seq, head.at, undigested.is_none().then_some(head.digest)))
    }

    /// Why the fold stopped, if it did.
    pub fn stopped(&self) -> Option<&Alarm> {
        self.stopped.as_ref()
    }

    /// Folds the next record. `datum` is its Avro datum, without the wire header.
    pub fn fold(&mut self, record: RecordView<'_>, datum: &Bytes) -> Verdict {
        let verdict = match (&self.stopped, &mut self.state) {
            (Some(alarm), _) => Verdict::Stop(alarm.clone()),
            (None, None) => match record {
                RecordView::Created(root) => self.begin(root, datum),
                _ => Verdict::Stop(Alarm::NoRoot),
            },
            (None, Some(state)) => match record {
                RecordView::Created(root) => match of_place(root, &self.place) {
                    // Two creators, or an append that came twice: the first one began the chain.
                    Ok(()) => Verdict::Repeat,
                    Err(alarm) => Verdict::Stop(alarm),
                },
                RecordView::Claim(claim) => state.claim(claim, datum).unwrap_or_else(Verdict::Stop),
                RecordView::Decision(decision) => {
                    state.decision(&decision, datum, self.chain).unwrap_or_else(Verdict::Stop)
                }
            },
        };
        if let Verdict::Stop(alarm) = &verdict {
            self.stopped.get_or_insert_with(|| alarm.clone());
        }
        verdict
    }

    /// Stops on a record in an envelope of ours that can't be read.
    pub fn damaged(&mut self, reason: String) -> Verdict {
        Verdict::Stop(self.stopped.get_or_insert(Alarm::Damaged { reason }).clone())
    }

    /// Stops on a record that only a newer build can read.
    pub fn newer(&mut self, schema: u32, reason: String) -> Verdict {
        Verdict::Stop(self.stopped.get_or_insert(Alarm::NewerRecord { schema, reason }).clone())
    }

    fn begin(&mut self, root: &LogCreated, datum: &Bytes) -> Verdict {
        if let Err(alarm) = of_place(root, &self.place) {
            return Verdict::Stop(alarm);
        }
        let head = Head {
            log_id: self.place.log_id,
            epoch: 0,
            claim: 0,
            // Nobody owns epoch 0.
            open: false,
            seq: 0,
            digest: digest(datum),
            at: root.at,
            next: [Offset(0); 3],
            domain_revision: 0,
        };
        self.state = Some(State { head, known: Known::from(&head, self.known_max), undigested: None });
        Verdict::Root
    }
}

fn of_place(root: &LogCreated, place: &Place) -> Result<(), Alarm> {
    if root.log_id != place.log_id.0 {
        return Err(Alarm::OtherLog { found: LogId(root.log_id), wanted: place.log_id });
    }
    let LogCreated { partition, partitions, format, .. } = *root;
    if (partition, partitions, format) != (place.partition.0, place.partitions, FORMAT) {
        return Err(Alarm::OtherPartition { partition, partitions, format });
    }
    Ok(())
}

impl State {
    fn claim(&mut self, claim: &Claim, datum: &Bytes) -> Result<Verdict, Alarm> {
        self.digest_now();
        let (head, named) = (&self.head, &claim.head);
        if Some(claim.epoch) != named.epoch.checked_add(1) {
            return Err(Alarm::ClaimEpoch { epoch: claim.epoch, named: named.epoch });
        }
        if named.epoch > head.epoch || named.seq > head.seq {
            return Err(Alarm::LostEnd {
                epoch: named.epoch,
                seq: named.seq,
                head_epoch: head.epoch,
                head_seq: head.seq,
            });
        }
        if self.known.named(named.epoch, named.seq, named.digest) == Named::NeverWas {
            return Err(Alarm::OtherHistory { epoch: named.epoch, seq: named.seq });
        }
        if claim.epoch != head.epoch + 1 {
            return Ok(Verdict::StaleClaim);
        }
        let head = &mut self.head;
        head.epoch = claim.epoch;
        head.claim = claim.claim;
        head.open = true;
        head.digest = digest_after_claim(&head.digest, datum);
        head.domain_revision = head.domain_revision.max(claim.domain_revision);
        self.known.claimed(head.seq, head.digest);
        Ok(Verdict::Claimed)
    }

    fn decision(&mut self, decision: &DecisionView, datum: &Bytes, chain: Chain) -> Result<Verdict, Alarm> {
        let DecisionView { epoch, claim, seq, prev_digest, .. } = *decision;
        #[cfg(feature = "planted-bugs")]
        let (epoch, claim) = match crate::planted::is(crate::planted::Bug::NoEpochCheck) {
            true => (self.head.epoch, self.head.claim),
            false => (epoch, claim),
        };
        if epoch < self.head.epoch && epoch > 0 {
            return Ok(if self.repeats(seq, datum) == Some(true) { Verdict::Repeat } else { Verdict::Ghost });
        }
        // Epoch 0 has no owner, so nothing is ever decided in it.
        if epoch > self.head.epoch || epoch == 0 {
            return Err(Alarm::NoSuchEpoch { epoch, seq, head: self.head.epoch });
        }
        if claim != self.head.claim {
            return Err(Alarm::OtherClaim { epoch, seq });
        }
        if seq <= self.head.seq {
            // Older than what is remembered: a repeat (PROTOCOL M4).
            let repeats = self.repeats(seq, datum).unwrap_or(true);
            return if repeats { Ok(Verdict::Repeat) } else { Err(Alarm::Conflict { epoch, seq }) };
        }
        if seq > self.head.seq + 1 {
            self.head.open = false;
            return Ok(Verdict::Orphan);
        }
        if chain == Chain::Verify && prev_digest != self.head.digest {
            return Err(Alarm::BrokenChain { epoch, seq });
        }
        if !self.head.open {
            return Ok(Verdict::Orphan);
        }
        self.count(decision, datum, chain)?;
        Ok(Verdict::Counts)
    }

    fn count(&mut self, decision: &DecisionView, datum: &Bytes, chain: Chain) -> Result<(), Alarm> {
        let DecisionView { epoch, seq, at, cursor, prev_digest, .. } = *decision;
        let head = &mut self.head;
        if at <= head.at {
            return Err(Alarm::StampRanBack { seq, at, head: head.at });
        }
        let next = head.next.get_mut(usize::from(cursor.topic)).filter(|next| cursor.offset >= next.0);
        let Some(next) = next else {
            let next = head.next.get(usize::from(cursor.topic)).map_or(0, |next| next.0);
            return Err(Alarm::CursorRanBack { seq, topic: cursor.topic, offset: cursor.offset, next });
        };
        *next = Offset(cursor.offset.saturating_add(1));
        head.seq = seq;
        head.at = at;
        match chain {
            Chain::Verify => {
                head.digest = digest(datum);
                self.known.decided(epoch, head.digest);
            }
            Chain::Trust => {
                if self.undigested.replace(datum.clone()).is_some() {
                    head.digest = prev_digest;
                    self.known.decided(epoch, prev_digest);
                }
            }
        }
        Ok(())
    }

    /// Whether `datum` is the decision that counted with this seq; `None` when that one is not remembered.
    fn repeats(&mut self, seq: u64, datum: &Bytes) -> Option<bool> {
        self.digest_now();
        self.known.decision(seq).map(|known| known == digest(datum))
    }

    /// Digests what [`Chain::Trust`] has put off. The undigested decision is of the head's epoch: a claim comes by here.
    fn digest_now(&mut self) {
        if let Some(datum) = self.undigested.take() {
            self.head.digest = digest(&datum);
            self.known.decided(self.head.epoch, self.head.digest);
        }
    }
}

/// The digest of a record's wire bytes, as a checkpoint keeps it.
pub(crate) fn wire_digest(value: &Bytes) -> Digest {
    digest(value)
}
