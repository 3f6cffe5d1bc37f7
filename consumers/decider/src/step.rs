//! One input, decided: pure but for the look-up of an earlier decision.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mirabelle_domain::fact::{CommandRejected, CommandRepeated, InputSetAside};
use mirabelle_domain::rejection::is_final_code;
use mirabelle_domain::rules::Adopted;
use mirabelle_domain::{
    Account, AccountId, AccountKey, Command, CommandId, Digest, Fact, Input, TenantId, Timestamp,
};
use mirabelle_ledger::{Gate, Turn};
use mirabelle_log::{Offset, Record, Topic};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Cursor, Decision, InputRecord};
use mirabelle_schemas::{decode_body, decode_command, digest, encode_facts, partition_of};

/// What a partition knows when it decides: confirmed state with the overlay of what is in flight on top.
pub trait Known {
    /// The account's state, if anything was ever recorded for it.
    fn account(&self, id: &AccountId) -> Option<&Arc<Account>>;

    /// A decision in flight with this id: its seq and the input's digest.
    fn in_flight(&self, id: CommandId) -> Option<(u64, Digest)>;

    /// Where a confirmed decision may have recorded this id.
    fn candidates(&self, id: CommandId) -> Result<Vec<Offset>, Fault>;
}

/// Reads a confirmed decision again.
pub trait Past {
    /// The decision at this offset of the partition's `facts`.
    fn decision(&self, offset: Offset) -> Result<Decision, Fault>;
}

/// What the decider needs did not answer: nothing is decided, the partition tries again.
#[derive(Debug, thiserror::Error)]
#[error("could not {act}")]
pub struct Fault {
    /// What was tried.
    pub act: &'static str,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where this happens.
#[derive(Clone, Copy, Debug)]
pub struct Here {
    /// The partition.
    pub partition: u16,
    /// Partitions of each topic.
    pub partitions: u16,
}

/// A decision without its place in the log.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Whose account was decided.
    pub account: AccountId,
    /// The input's id.
    pub command_id: CommandId,
    /// `Command::kind`.
    pub input_kind: u16,
    /// The input's digest.
    pub input_digest: Digest,
    /// The input, unless it is kept elsewhere.
    pub input: Option<InputRecord>,
    /// Business time.
    pub accepted_at: Timestamp,
    /// Who wanted it.
    pub actor: Actor,
    /// Why.
    pub reason: Option<String>,
    /// The input's place.
    pub cursor: Cursor,
    /// Number of the tenant's latest adopted publication.
    pub config_version: u32,
    /// What follows.
    pub facts: Vec<Fact>,
}

/// Why the bytes of an input go to `dead-letters` before it is decided.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// Stable, snake_case.
    pub reason: &'static str,
    /// For people.
    pub detail: String,
}

/// What became of an input.
#[derive(Clone, Debug)]
pub enum Stepped {
    /// Decided.
    Decided(Box<Draft>),
    /// To be set aside; see [`set_aside`].
    Unreadable(SetAside),
    /// Decided, once its bytes are in `dead-letters`: another body under an id of a source, which nobody may wait for.
    Reused(Box<Draft>, SetAside),
}

/// Whether these facts occupy the command's id for ever.
pub fn occupies_id(facts: &[Fact]) -> bool {
    match facts {
        [Fact::CommandRejected(rejected)] => is_final_code(&rejected.code),
        [Fact::CommandRepeated(_)] | [Fact::InputSetAside(_)] => false,
        _ => true,
    }
}

/// Decides the input at `topic` (index in `Topic::INPUTS`).
pub fn step(
    known: &impl Known,
    past: &impl Past,
    here: Here,
    topic: u8,
    record: &Record,
) -> Result<Stepped, Fault> {
    let (command_record, datum) = match decode_command(&record.entry.value, record.entry.fingerprint) {
        Ok(read) => read,
        Err(error) => return Ok(unreadable(error.reason(), error.to_string())),
    };
    if partition_of(&command_record.account, here.partitions) != here.partition {
        let detail = format!("{} belongs to another partition", command_record.account);
        return Ok(unreadable("wrong_partition", detail));
    }
    let mut draft = draft_of(&command_record, topic, record);
    if let Some(repeated) = repeat(known, past, &command_record)? {
        let reused = !repeated.same_body && Topic::INPUTS[usize::from(topic)] == Topic::Milestones;
        let first_seq = repeated.first_seq;
        draft.facts = vec![repeated.into()];
        if !reused {
            return Ok(Stepped::Decided(Box::new(draft)));
        }
        // A client is told so by its 422; a source, whose delivery was accepted, hears nothing of it (DESIGN §7).
        let detail =
            format!("decision {first_seq} was made of other content under the same id of the source");
        return Ok(Stepped::Reused(Box::new(draft), SetAside { reason: "source_id_reused", detail }));
    }
    let command = match decode_body(command_record.kind, command_record.schema, &command_record.body) {
        Ok(command) => command,
        Err(error) => return Ok(unreadable(error.reason(), error.to_string())),
    };
    if Topic::INPUTS[usize::from(topic)] != Topic::Milestones {
        draft.input = Some(InputRecord::from(datum));
    }
    let Some(facts) = facts(known, here, &command_record, &command, &mut draft) else {
        return Ok(unreadable("parked", "deciding this input failed: a bug of this build".to_owned()));
    };
    draft.facts = facts;
    Ok(Stepped::Decided(Box::new(draft)))
}

fn unreadable(reason: &'static str, detail: String) -> Stepped {
    Stepped::Unreadable(SetAside { reason, detail })
}

fn draft_of(command: &CommandRecord, topic: u8, record: &Record) -> Draft {
    Draft {
        account: command.account.clone(),
        command_id: command.id,
        input_kind: command.kind,
        input_digest: command.digest,
        input: None,
        accepted_at: Timestamp(record.appended_at),
        actor: command.actor.clone(),
        reason: command.reason.clone(),
        cursor: Cursor { topic, offset: record.offset.0 },
        config_version: 0,
        facts: Vec::new(),
    }
}

fn repeat(
    known: &impl Known,
    past: &impl Past,
    command: &CommandRecord,
) -> Result<Option<CommandRepeated>, Fault> {
    if let Some((seq, first)) = known.in_flight(command.id) {
        return Ok(Some(repeated(seq, first == command.digest)));
    }
    for offset in known.candidates(command.id)? {
        let first = past.decision(offset)?;
        if first.command_id == command.id {
            return Ok(Some(repeated(first.seq, first.input_digest == command.digest)));
        }
    }
    Ok(None)
}

fn repeated(first_seq: u64, same_body: bool) -> CommandRepeated {
    CommandRepeated { first_seq: i64::try_from(first_seq).unwrap_or(i64::MAX), same_body }
}

/// `None`: the rules panicked.
fn facts(
    known: &impl Known,
    here: Here,
    record: &CommandRecord,
    command: &Command,
    draft: &mut Draft,
) -> Option<Vec<Fact>> {
    let of_partition =
        AccountId { tenant: record.account.tenant.clone(), key: AccountKey::Partition(here.partition) };
    let nothing = Adopted::default();
    let adopted = match known.account(&of_partition).map(Arc::as_ref) {
        Some(Account::Partition(adopted)) => adopted,
        _ => &nothing,
    };
    let rules = adopted.at(draft.accepted_at);
    draft.config_version = rules.number();
    let empty;
    let account = match known.account(&record.account) {
        Some(account) => account.as_ref(),
        None => {
            empty = Account::empty(&record.account.key);
            &empty
        }
    };
    let input = Input {
        command,
        id: record.id,
        accepted_at: draft.accepted_at,
        local_day: record.local_day,
        principal: &record.actor.principal,
        reason: record.reason.as_deref(),
    };
    let decided = catch_unwind(AssertUnwindSafe(|| {
        mirabelle_domain::decide(&record.account.key, account, rules, &input)
    }));
    match decided {
        Ok(Ok(facts)) => Some(facts),
        Ok(Err(rejection)) => Some(vec![rejection.into_fact().into()]),
        Err(_) => None,
    }
}

/// A draft at its place in the log.
pub(crate) fn decision(turn: &Turn, draft: &Draft) -> Decision {
    Decision {
        epoch: turn.attempt.epoch,
        claim: turn.attempt.claim,
        seq: turn.seq,
        at: turn.at,
        account: draft.account.clone(),
        command_id: draft.command_id,
        input_kind: draft.input_kind,
        input_digest: draft.input_digest,
        input: draft.input.clone(),
        accepted_at: draft.accepted_at.0,
        actor: draft.actor.clone(),
        reason: draft.reason.clone(),
        cursor: draft.cursor,
        config_version: draft.config_version,
        facts: encode_facts(&draft.facts),
        prev_digest: turn.prev_digest,
    }
}

/// The decision of an input whose bytes are in `dead-letters`.
pub fn set_aside(here: Here, topic: u8, record: &Record, why: &SetAside) -> Draft {
    let tenant = "_system".parse().expect("a reserved tenant's name is one");
    Draft {
        account: AccountId { tenant, key: AccountKey::Partition(here.partition) },
        command_id: CommandId([0; 16]),
        input_kind: 0,
        input_digest: digest(&record.entry.value),
        input: None,
        accepted_at: Timestamp(record.appended_at),
        actor: Actor {
            principal: "decider".to_owned(),
            kind: ActorKind::Role,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        cursor: Cursor { topic, offset: record.offset.0 },
        config_version: 0,
        facts: vec![InputSetAside { reason: why.reason.to_owned(), detail: why.detail.clone() }.into()],
    }
}

/// Texts of an actor longer than this do not go into a rejection of what is too large.
const ACTOR_TEXT_KEPT: usize = 256;

/// Makes a rejection of a decision larger than the log takes, without anything that may have made it so large.
pub fn reject_as_too_large(draft: &mut Draft, bytes: usize, max: usize) {
    let detail = format!("the decision would take {bytes} bytes, more than the {max} that a record may have");
    draft.facts = vec![CommandRejected { code: "too_large".to_owned(), detail, pointer: None }.into()];
    draft.input = None;
    draft.reason = None;
    let actor = &mut draft.actor;
    let kept = actor.principal.floor_char_boundary(ACTOR_TEXT_KEPT);
    actor.principal.truncate(kept);
    for text in [&mut actor.credential, &mut actor.request_id] {
        text.take_if(|text| text.len() > ACTOR_TEXT_KEPT);
    }
}

/// So much of the key of an input that is set aside goes with its dead letter.
pub const KEY_KEPT: usize = 1_024;
/// What a dead letter takes besides the bytes that it keeps and its detail.
const LETTER_ROOM: usize = KEY_KEPT + 1_024;

/// The dead letter of an input of our own topics; a tenant's, where its account could be read. Of an input as large as the log takes the end is cut off, so that the
/// letter goes into a record too.
pub fn dead_letter(
    topic: Topic,
    here: Here,
    tenant: Option<&TenantId>,
    record: &Record,
    why: &SetAside,
    now: i64,
) -> mirabelle_schemas::record::DeadLetter {
    let place = format!("{topic}/{}/{}", here.partition, record.offset);
    let value = &record.entry.value;
    let mut detail = why.detail.clone();
    let room = Gate::BYTES_MAX.saturating_sub(LETTER_ROOM + detail.len());
    let raw = value.slice(..value.len().min(room));
    if raw.len() < value.len() {
        detail.push_str(&format!("; of its {} bytes the first {} are kept here", value.len(), raw.len()));
    }
    mirabelle_schemas::record::DeadLetter {
        reason: why.reason.to_owned(),
        detail,
        tenant: tenant.map(TenantId::to_string),
        origin: topic.name().to_owned(),
        source_id: Some(place),
        sealed: None,
        raw: Some(raw),
        at: now,
    }
}
