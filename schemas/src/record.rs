//! The records of the log: commands, decisions, claims, the root of a partition.
//!
//! Field by field as DESIGN §2 has them, with two moves (docs/decisions): `build` and `domain_revision` stand in the
//! claim, once an epoch; `partition` and `log_id` stand in the root, since all topics are co-partitioned.

use bytes::Bytes;
use mirabelle_domain::{AccountId, CommandId, Day, Digest, Fact, Key, MemberId, Name};
use serde::{Deserialize, Serialize};

use crate::avro::Broken;

/// Who makes ids in a space of their own: a client can never occupy a courier's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Namespace {
    /// API clients; `client` is the integration.
    Client = 0,
    /// HRIS deliveries; `client` is the connection.
    Hris = 1,
    /// Rows of files; `client` is the job.
    File = 2,
    /// Follow-ups of the courier.
    Courier = 3,
    /// What time makes due.
    Clock = 4,
    /// Operators on the machine itself.
    Operator = 5,
    /// What vendors answered.
    Vendor = 6,
}

impl Namespace {
    /// Every namespace, in the order of their numbers.
    pub const ALL: [Namespace; 7] = {
        use Namespace::*;
        [Client, Hris, File, Courier, Clock, Operator, Vendor]
    };

    /// The name in Avro, JSON and `command_id`.
    pub fn name(self) -> &'static str {
        match self {
            Namespace::Client => "client",
            Namespace::Hris => "hris",
            Namespace::File => "file",
            Namespace::Courier => "courier",
            Namespace::Clock => "clock",
            Namespace::Operator => "operator",
            Namespace::Vendor => "vendor",
        }
    }

    /// Index of the Avro symbol; 0 is `unknown`, which an older reader of another language falls back to, and which is
    /// never written.
    pub(crate) fn symbol(self) -> i64 {
        self as i64 + 1
    }

    pub(crate) fn from_symbol(symbol: i64) -> Result<Namespace, Broken> {
        from_symbol(&Namespace::ALL, symbol)
    }
}

/// What kind of principal acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ActorKind {
    /// An API key.
    Key = 0,
    /// A connection of an HR system.
    Connection = 1,
    /// A role of this software.
    Role = 2,
    /// A person at the machine's own command line.
    Operator = 3,
}

impl ActorKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [ActorKind; 4] =
        [ActorKind::Key, ActorKind::Connection, ActorKind::Role, ActorKind::Operator];

    /// As for [`Namespace`]: 0 is `unknown`.
    pub(crate) fn symbol(self) -> i64 {
        self as i64 + 1
    }

    pub(crate) fn from_symbol(symbol: i64) -> Result<ActorKind, Broken> {
        from_symbol(&ActorKind::ALL, symbol)
    }
}

fn from_symbol<T: Copy>(all: &[T], symbol: i64) -> Result<T, Broken> {
    let index = usize::try_from(symbol).ok().and_then(|symbol| symbol.checked_sub(1));
    index.and_then(|index| all.get(index).copied()).ok_or(Broken::Choice(symbol))
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The client, the connection or the role.
    pub principal: String,
    /// What kind it is.
    pub kind: ActorKind,
    /// The member for whom a service acted.
    pub on_behalf_of: Option<MemberId>,
    /// The credential that was shown.
    pub credential: Option<String>,
    /// The request, for those who search the logs.
    pub request_id: Option<String>,
}

/// The fact that caused a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Partition of the causing decision.
    pub partition: u16,
    /// Its seq.
    pub seq: u64,
    /// Index of the fact within it.
    pub fact: u16,
}

/// One record of `milestones`, `commands` or `commands-bulk`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// `command_id(namespace, account, client, key)`; a reader checks it.
    pub id: CommandId,
    /// Whose account decides.
    pub account: AccountId,
    /// Space of the key.
    pub namespace: Namespace,
    /// The integration, connection, job or role.
    pub client: Name,
    /// The key as its sender chose it, or as derived.
    pub key: Key,
    /// `Command::kind` of the body.
    pub kind: u16,
    /// Version of the body's schema, from 1.
    pub schema: u16,
    /// The body's Avro datum.
    pub body: Bytes,
    /// "Same body": see `input_digest`. Without time of receipt, trace, actor.
    pub digest: Digest,
    /// Who wants it.
    pub actor: Actor,
    /// Why, where a reason is required.
    pub reason: Option<String>,
    /// The day where the member works, computed by the sender.
    pub local_day: Option<Day>,
    /// Version of the time-zone data, for commands that the clock made.
    pub tzdb: Option<String>,
    /// The fact that made this follow, if one did.
    pub cause: Option<Cause>,
}

/// Input topics as a cursor names them: `Topic::INPUTS` in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Index in `Topic::INPUTS`.
    pub topic: u8,
    /// Offset of the input that was decided.
    pub offset: u64,
}

/// A command record as a decision keeps it, for ever: without the version of its schema, nobody could read it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputRecord {
    /// Version of `CommandRecord`, from 1.
    pub schema: u16,
    /// The record's Avro datum, without wire header.
    pub datum: Bytes,
}

impl From<Bytes> for InputRecord {
    /// The datum that `decode_command` gave: always of the newest version.
    fn from(datum: Bytes) -> InputRecord {
        InputRecord { schema: crate::COMMAND_RECORD_VERSION, datum }
    }
}

/// One fact of a decision as it lies in the record: a reader that does not know the kind steps over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactRecord {
    /// `Fact::kind`.
    pub kind: u16,
    /// Version of the body's schema, from 1.
    pub schema: u16,
    /// The body's Avro datum.
    pub body: Bytes,
}

/// What one input ended in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The owner's epoch.
    pub epoch: u64,
    /// The owner's claim.
    pub claim: u64,
    /// +1 per counting decision; the root has 0.
    pub seq: u64,
    /// Microseconds, `max(last at + 1, now)`: a stamp, nothing else.
    pub at: i64,
    /// Whose account was decided.
    pub account: AccountId,
    /// The input's id; zeros for an input that could not be read.
    pub command_id: CommandId,
    /// `Command::kind`; 0 for an input that could not be read.
    pub input_kind: u16,
    /// The input's digest; of an unreadable one: of its bytes.
    pub input_digest: Digest,
    /// The whole command record, unless it lies in `milestones`, or the decision is a repeat or sets aside.
    pub input: Option<InputRecord>,
    /// Business time: the log's append time of the input, microseconds.
    pub accepted_at: i64,
    /// Who wanted it.
    pub actor: Actor,
    /// Why.
    pub reason: Option<String>,
    /// The input's place.
    pub cursor: Cursor,
    /// Number of the tenant's latest adopted publication.
    pub config_version: u32,
    /// What follows; at least one.
    pub facts: Vec<FactRecord>,
    /// The head's digest that this decision was made on.
    pub prev_digest: Digest,
}

/// A decision's facts, opened.
pub type Facts = Vec<Fact>;

/// By which an owner takes a partition (PROTOCOL C3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The head's epoch + 1, as its writer had read it.
    pub epoch: u64,
    /// 64 random bits for this attempt.
    pub claim: u64,
    /// For people.
    pub owner: String,
    /// Version of the binary that decides.
    pub build: String,
    /// What deciding means in this epoch.
    pub domain_revision: u32,
    /// The head as its writer had read it.
    pub head: ClaimedHead,
}

/// The head that a claim was written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedHead {
    /// Its epoch.
    pub epoch: u64,
    /// Its seq.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
}

/// The first record of a partition of `facts`: seq 0, the root of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCreated {
    /// The log's identity.
    pub log_id: [u8; 16],
    /// This partition.
    pub partition: u16,
    /// Partitions of each topic.
    pub partitions: u16,
    /// Format of the records, 1.
    pub format: u16,
    /// When, microseconds.
    pub at: i64,
}

/// Any record of `facts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactsRecord {
    /// The root.
    Created(LogCreated),
    /// A claim.
    Claim(Claim),
    /// A decision.
    Decision(Box<Decision>),
}

/// One record of `dead-letters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Stable, snake_case.
    pub reason: String,
    /// For people; no personal values.
    pub detail: String,
    /// The tenant, when known.
    pub tenant: Option<String>,
    /// Connection or topic that it came by.
    pub origin: String,
    /// The source's own id, or topic/partition/offset.
    pub source_id: Option<String>,
    /// The bytes, sealed under the tenant's key when they came from outside.
    pub sealed: Option<mirabelle_domain::Sealed>,
    /// The bytes as they were, for records of our own topics that were unreadable anyway.
    pub raw: Option<Bytes>,
    /// When, microseconds.
    pub at: i64,
}
