//! What lies in `facts`, on the wire, by hand: decisions, claims, the root of a partition.
//!
//! One parser serves those who only fold the head and those who read everything: [`DecisionView`] checks the whole
//! record and allocates nothing but the account's name, and a whole [`Decision`] is made from it. So no two readers can
//! differ about whether a record is readable.

use std::ops::Range;

use bytes::Bytes;
use mirabelle_domain::{AccountId, CommandId, Digest};

use crate::avro::{Broken, Reader, put};
use crate::command::{ActorView, put_account, put_actor, put_text, read_account};
use crate::record::{Claim, ClaimedHead, Cursor, Decision, FactRecord, FactsRecord, InputRecord, LogCreated};
use crate::unreadable::{At, Unreadable};
use crate::wire::{self, CLAIM, DECISION, Encoded, HEADER_BYTES, LOG_CREATED};

/// A record of `facts` as the log takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFacts {
    /// The schema's fingerprint, for the record's header.
    pub fingerprint: u64,
    /// Wire header and datum.
    pub value: Bytes,
    /// Where in `value` the datum lies: what digests cover.
    pub datum: Range<usize>,
}

impl EncodedFacts {
    /// The datum's bytes.
    pub fn datum(&self) -> &[u8] {
        &self.value[self.datum.clone()]
    }
}

impl From<Encoded> for EncodedFacts {
    fn from(encoded: Encoded) -> EncodedFacts {
        let datum = HEADER_BYTES..encoded.value.len();
        EncodedFacts { fingerprint: encoded.fingerprint, value: encoded.value, datum }
    }
}

/// The decision's wire bytes. Whether they are within [`crate::RECORD_BYTES_MAX`] is for its owner to check.
pub fn encode_decision(decision: &Decision) -> EncodedFacts {
    let bodies: usize = decision.facts.iter().map(|fact| fact.body.len() + 8).sum();
    let mut out = DECISION.open(320 + bodies + decision.input.as_ref().map_or(0, |input| input.datum.len()));
    put::count(&mut out, decision.epoch);
    out.extend_from_slice(&decision.claim.to_be_bytes());
    put::count(&mut out, decision.seq);
    put::long(&mut out, decision.at);
    out.extend_from_slice(&decision.prev_digest.0);
    put::long(&mut out, i64::from(decision.cursor.topic));
    put::count(&mut out, decision.cursor.offset);
    put_account(&mut out, &decision.account);
    out.extend_from_slice(&decision.command_id.0);
    put::long(&mut out, i64::from(decision.input_kind));
    out.extend_from_slice(&decision.input_digest.0);
    put::long(&mut out, decision.accepted_at);
    put::long(&mut out, i64::from(decision.config_version));
    if !decision.facts.is_empty() {
        put::long(&mut out, decision.facts.len() as i64);
    }
    for fact in &decision.facts {
        put::long(&mut out, i64::from(fact.kind));
        put::long(&mut out, i64::from(fact.schema));
        put::bytes(&mut out, &fact.body);
    }
    out.push(0);
    put_actor(&mut out, &decision.actor);
    put::option(&mut out, decision.reason.as_deref(), put_text);
    put::option(&mut out, decision.input.as_ref(), |out, input| {
        put::long(out, i64::from(input.schema));
        put::bytes(out, &input.datum);
    });
    DECISION.close(out).into()
}

/// The claim's wire bytes.
pub fn encode_claim(claim: &Claim) -> EncodedFacts {
    let mut out = CLAIM.open(128);
    put::count(&mut out, claim.epoch);
    out.extend_from_slice(&claim.claim.to_be_bytes());
    put_text(&mut out, &claim.owner);
    put_text(&mut out, &claim.build);
    put::long(&mut out, i64::from(claim.domain_revision));
    put::count(&mut out, claim.head.epoch);
    put::count(&mut out, claim.head.seq);
    out.extend_from_slice(&claim.head.digest.0);
    CLAIM.close(out).into()
}

/// The root's wire bytes.
pub fn encode_created(created: &LogCreated) -> EncodedFacts {
    let mut out = LOG_CREATED.open(40);
    out.extend_from_slice(&created.log_id);
    put::long(&mut out, i64::from(created.partition));
    put::long(&mut out, i64::from(created.partitions));
    put::long(&mut out, i64::from(created.format));
    put::long(&mut out, created.at);
    LOG_CREATED.close(out).into()
}

/// A record of `facts`, checked whole, with everything that folding a head needs.
#[derive(Clone, Debug)]
pub enum FactsView<'a> {
    /// The root.
    Created(LogCreated),
    /// A claim.
    Claim(Claim),
    /// A decision.
    Decision(DecisionView<'a>),
}

/// A decision, checked whole; its texts, bodies and input still lie in the record.
#[derive(Clone, Debug)]
pub struct DecisionView<'a> {
    /// The owner's epoch.
    pub epoch: u64,
    /// The owner's claim.
    pub claim: u64,
    /// +1 per counting decision.
    pub seq: u64,
    /// Microseconds.
    pub at: i64,
    /// The head's digest that it was made on.
    pub prev_digest: Digest,
    /// The input's place.
    pub cursor: Cursor,
    /// Whose account was decided.
    pub account: AccountId,
    /// The input's id.
    pub command_id: CommandId,
    /// `Command::kind`; 0 for an unreadable input.
    pub input_kind: u16,
    /// The input's digest.
    pub input_digest: Digest,
    /// Business time, microseconds.
    pub accepted_at: i64,
    /// Number of the tenant's latest adopted publication.
    pub config_version: u32,
    facts: Reader<'a>,
    facts_left: usize,
    actor: ActorView<'a>,
    reason: Option<&'a str>,
    input: Option<(u16, &'a [u8])>,
}

/// One fact of a decision whose body still lies in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactView<'a> {
    /// `Fact::kind`.
    pub kind: u16,
    /// Version of the body's schema.
    pub schema: u16,
    /// The body's datum.
    pub body: &'a [u8],
}

impl<'a> DecisionView<'a> {
    /// The facts, in order.
    pub fn facts(&self) -> Facts<'a> {
        Facts { from: self.facts, left_in_block: self.facts_left }
    }

    /// The kinds of the facts, in order.
    pub fn kinds(&self) -> impl Iterator<Item = u16> + 'a {
        self.facts().map(|fact| fact.kind)
    }

    /// The whole decision; bodies and input are slices of `value`, which the view was made from.
    fn to_decision(&self, value: &Bytes) -> Decision {
        Decision {
            epoch: self.epoch,
            claim: self.claim,
            seq: self.seq,
            at: self.at,
            account: self.account.clone(),
            command_id: self.command_id,
            input_kind: self.input_kind,
            input_digest: self.input_digest,
            input: self.input.map(|(schema, datum)| InputRecord { schema, datum: value.slice_ref(datum) }),
            accepted_at: self.accepted_at,
            actor: self.actor.to_actor(),
            reason: self.reason.map(str::to_owned),
            cursor: self.cursor,
            config_version: self.config_version,
            facts: self
                .facts()
                .map(|fact| FactRecord {
                    kind: fact.kind,
                    schema: fact.schema,
                    body: value.slice_ref(fact.body),
                })
                .collect(),
            prev_digest: self.prev_digest,
        }
    }
}

/// The facts of a [`DecisionView`].
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    from: Reader<'a>,
    left_in_block: usize,
}

impl<'a> Facts<'a> {
    fn read(&mut self) -> Result<Option<FactView<'a>>, Broken> {
        if self.left_in_block == 0 {
            return Ok(None);
        }
        let kind = self.from.number()?;
        let schema = self.from.number()?;
        let body = self.from.bytes()?;
        self.left_in_block -= 1;
        if self.left_in_block == 0 {
            self.left_in_block = self.from.block()?;
        }
        Ok(Some(FactView { kind, schema, body }))
    }
}

impl<'a> Iterator for Facts<'a> {
    type Item = FactView<'a>;

    fn next(&mut self) -> Option<FactView<'a>> {
        self.read().expect("the view was checked whole when it was made")
    }
}

/// Reads any record of `facts`, and gives its datum. Bodies and input stay closed, slices of `value`.
pub fn decode_facts_record(value: &Bytes, fingerprint: u64) -> Result<(FactsRecord, Bytes), Unreadable> {
    let (view, datum) = peek_facts_record(value, fingerprint)?;
    let record = match view {
        FactsView::Created(created) => FactsRecord::Created(created),
        FactsView::Claim(claim) => FactsRecord::Claim(claim),
        FactsView::Decision(view) => FactsRecord::Decision(Box::new(view.to_decision(value))),
    };
    Ok((record, value.slice_ref(datum)))
}

/// The same for those who fold the head only: nothing is copied but the account's name. Gives the datum too.
pub fn peek_facts_record(value: &[u8], fingerprint: u64) -> Result<(FactsView<'_>, &[u8]), Unreadable> {
    let (schema, datum) = wire::open(value, fingerprint)?;
    let view = if schema.fingerprint == DECISION.fingerprint {
        FactsView::Decision(view_decision(datum)?)
    } else if schema.fingerprint == CLAIM.fingerprint {
        FactsView::Claim(read_claim(datum)?)
    } else if schema.fingerprint == LOG_CREATED.fingerprint {
        FactsView::Created(read_created(datum)?)
    } else {
        return Err(Unreadable::OtherRecord { wanted: "record of facts", found: schema.name });
    };
    Ok((view, datum))
}

/// [`peek_facts_record`] where only a decision may stand.
pub fn peek_decision(value: &[u8], fingerprint: u64) -> Result<DecisionView<'_>, Unreadable> {
    view_decision(DECISION.datum(value, fingerprint)?)
}

fn view_decision(datum: &[u8]) -> Result<DecisionView<'_>, Unreadable> {
    const WHERE: &str = DECISION.name;
    let mut from = Reader::new(datum);
    let epoch = from.number().at(WHERE, "epoch")?;
    let claim = u64::from_be_bytes(from.fixed().at(WHERE, "claim")?);
    let seq = from.number().at(WHERE, "seq")?;
    let at = from.long().at(WHERE, "at")?;
    let prev_digest = Digest(from.fixed().at(WHERE, "prev_digest")?);
    let cursor = read_cursor(&mut from).at(WHERE, "cursor")?;
    let account = read_account(&mut from).at(WHERE, "account")?;
    let command_id = CommandId(from.fixed().at(WHERE, "command_id")?);
    let input_kind = from.number().at(WHERE, "input_kind")?;
    let input_digest = Digest(from.fixed().at(WHERE, "input_digest")?);
    let accepted_at = from.long().at(WHERE, "accepted_at")?;
    let config_version = from.number().at(WHERE, "config_version")?;
    let facts_left = from.block().at(WHERE, "facts")?;
    let facts = from;
    let mut past = Facts { from, left_in_block: facts_left };
    while past.read().at(WHERE, "facts")?.is_some() {}
    let mut from = past.from;
    let actor = ActorView::read(&mut from).at(WHERE, "actor")?;
    let reason = from.option(Reader::text).at(WHERE, "reason")?;
    let input = from.option(|from| Ok((from.number()?, from.bytes()?))).at(WHERE, "input")?;
    from.end().at(WHERE, "its end")?;
    Ok(DecisionView {
        epoch,
        claim,
        seq,
        at,
        prev_digest,
        cursor,
        account,
        command_id,
        input_kind,
        input_digest,
        accepted_at,
        config_version,
        facts,
        facts_left,
        actor,
        reason,
        input,
    })
}

fn read_cursor(from: &mut Reader<'_>) -> Result<Cursor, Broken> {
    Ok(Cursor { topic: from.number()?, offset: from.number()? })
}

fn read_claim(datum: &[u8]) -> Result<Claim, Unreadable> {
    const WHERE: &str = CLAIM.name;
    let mut from = Reader::new(datum);
    let claim = Claim {
        epoch: from.number().at(WHERE, "epoch")?,
        claim: u64::from_be_bytes(from.fixed().at(WHERE, "claim")?),
        owner: from.text().at(WHERE, "owner")?.to_owned(),
        build: from.text().at(WHERE, "build")?.to_owned(),
        domain_revision: from.number().at(WHERE, "domain_revision")?,
        head: ClaimedHead {
            epoch: from.number().at(WHERE, "head.epoch")?,
            seq: from.number().at(WHERE, "head.seq")?,
            digest: Digest(from.fixed().at(WHERE, "head.digest")?),
        },
    };
    from.end().at(WHERE, "its end")?;
    Ok(claim)
}

fn read_created(datum: &[u8]) -> Result<LogCreated, Unreadable> {
    const WHERE: &str = LOG_CREATED.name;
    let mut from = Reader::new(datum);
    let created = LogCreated {
        log_id: from.fixed().at(WHERE, "log_id")?,
        partition: from.number().at(WHERE, "partition")?,
        partitions: from.number().at(WHERE, "partitions")?,
        format: from.number().at(WHERE, "format")?,
        at: from.long().at(WHERE, "at")?,
    };
    from.end().at(WHERE, "its end")?;
    Ok(created)
}
