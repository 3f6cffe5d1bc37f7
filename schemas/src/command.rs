//! `CommandRecord` on the wire, by hand: one of the two records of the hot path.

use bytes::Bytes;
use mirabelle_domain::{AccountId, AccountKey, CommandId, Day, Digest, Key, MemberId, Name, TenantId};

use crate::avro::{Broken, Reader, put};
use crate::hash::{AccountText, command_id};
use crate::record::{Actor, ActorKind, Cause, CommandRecord, InputRecord, Namespace};
use crate::unreadable::{At, Unreadable};
use crate::wire::{COMMAND_RECORD, Encoded};

/// The record's wire bytes. Whether they are within [`crate::RECORD_BYTES_MAX`] is for the sender to check.
pub fn encode_command(record: &CommandRecord) -> Encoded {
    let mut out = COMMAND_RECORD.open(320 + record.body.len());
    out.extend_from_slice(&record.id.0);
    put_account(&mut out, &record.account);
    put::long(&mut out, record.namespace.symbol());
    put::bytes(&mut out, record.client.as_str().as_bytes());
    put::bytes(&mut out, record.key.as_str().as_bytes());
    put::long(&mut out, i64::from(record.kind));
    put::long(&mut out, i64::from(record.schema));
    put::bytes(&mut out, &record.body);
    out.extend_from_slice(&record.digest.0);
    put_actor(&mut out, &record.actor);
    put::option(&mut out, record.reason.as_deref(), put_text);
    put::option(&mut out, record.local_day, |out, day| put::long(out, i64::from(day.0)));
    put::option(&mut out, record.tzdb.as_deref(), put_text);
    put::option(&mut out, record.cause.as_ref(), put_cause);
    COMMAND_RECORD.close(out)
}

/// Reads a record of `milestones`, `commands` or `commands-bulk`, and gives its datum. The body stays closed, a slice of
/// `value`. Checks that the id is the hash of what it is made of.
pub fn decode_command(value: &Bytes, fingerprint: u64) -> Result<(CommandRecord, Bytes), Unreadable> {
    let datum = COMMAND_RECORD.datum(value, fingerprint)?;
    let record = read(value, datum)?;
    Ok((record, value.slice_ref(datum)))
}

/// Version of `CommandRecord`'s schema that this build writes, and that [`decode_command`]'s datum has.
pub const COMMAND_RECORD_VERSION: u16 = 1;

/// Reads the command record that a decision keeps.
pub fn decode_input(input: &InputRecord) -> Result<CommandRecord, Unreadable> {
    if input.schema != COMMAND_RECORD_VERSION {
        return Err(Unreadable::UnknownVersion { what: "command record", kind: 0, schema: input.schema });
    }
    read(&input.datum, &input.datum)
}

fn read(owner: &Bytes, datum: &[u8]) -> Result<CommandRecord, Unreadable> {
    const WHERE: &str = COMMAND_RECORD.name;
    let mut from = Reader::new(datum);
    let id = CommandId(from.fixed().at(WHERE, "id")?);
    let account = read_account(&mut from).at(WHERE, "account")?;
    let namespace = Namespace::from_symbol(from.long().at(WHERE, "namespace")?).at(WHERE, "namespace")?;
    let client: Name = read_id(&mut from).at(WHERE, "client")?;
    let key: Key = read_id(&mut from).at(WHERE, "key")?;
    let kind = from.number().at(WHERE, "kind")?;
    let schema = from.number().at(WHERE, "schema")?;
    let body = owner.slice_ref(from.bytes().at(WHERE, "body")?);
    let digest = Digest(from.fixed().at(WHERE, "digest")?);
    let actor = ActorView::read(&mut from).at(WHERE, "actor")?.to_actor();
    let reason = from.option(Reader::text).at(WHERE, "reason")?.map(str::to_owned);
    let local_day = from.option(Reader::number).at(WHERE, "local_day")?.map(Day);
    let tzdb = from.option(Reader::text).at(WHERE, "tzdb")?.map(str::to_owned);
    let cause = from.option(read_cause).at(WHERE, "cause")?;
    from.end().at(WHERE, "its end")?;
    if id != command_id(namespace, &account, &client, &key) {
        return Err(Unreadable::WrongId);
    }
    Ok(CommandRecord {
        id,
        account,
        namespace,
        client,
        key,
        kind,
        schema,
        body,
        digest,
        actor,
        reason,
        local_day,
        tzdb,
        cause,
    })
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put::bytes(out, text.as_bytes());
}

pub(crate) fn put_account(out: &mut Vec<u8>, account: &AccountId) {
    put::bytes(out, account.tenant.as_str().as_bytes());
    put::bytes(out, AccountText::new(&account.key).as_bytes());
}

pub(crate) fn read_account(from: &mut Reader<'_>) -> Result<AccountId, Broken> {
    let tenant: TenantId = read_id(from)?;
    let key: AccountKey = read_id(from)?;
    Ok(AccountId { tenant, key })
}

/// Text that has to be an identifier.
pub(crate) fn read_id<T>(from: &mut Reader<'_>) -> Result<T, Broken>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    from.text()?.parse().map_err(|wrong: T::Err| Broken::Value(wrong.to_string()))
}

pub(crate) fn put_actor(out: &mut Vec<u8>, actor: &Actor) {
    put_text(out, &actor.principal);
    put::long(out, actor.kind.symbol());
    put::option(out, actor.on_behalf_of, |out, member| out.extend_from_slice(&member.0));
    put::option(out, actor.credential.as_deref(), put_text);
    put::option(out, actor.request_id.as_deref(), put_text);
}

/// An actor whose texts still lie in the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActorView<'a> {
    principal: &'a str,
    kind: ActorKind,
    on_behalf_of: Option<MemberId>,
    credential: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl<'a> ActorView<'a> {
    pub(crate) fn read(from: &mut Reader<'a>) -> Result<ActorView<'a>, Broken> {
        Ok(ActorView {
            principal: from.text()?,
            kind: ActorKind::from_symbol(from.long()?)?,
            on_behalf_of: from.option(Reader::fixed)?.map(MemberId),
            credential: from.option(Reader::text)?,
            request_id: from.option(Reader::text)?,
        })
    }

    pub(crate) fn to_actor(self) -> Actor {
        Actor {
            principal: self.principal.to_owned(),
            kind: self.kind,
            on_behalf_of: self.on_behalf_of,
            credential: self.credential.map(str::to_owned),
            request_id: self.request_id.map(str::to_owned),
        }
    }
}

fn put_cause(out: &mut Vec<u8>, cause: &Cause) {
    put::long(out, i64::from(cause.partition));
    put::count(out, cause.seq);
    put::long(out, i64::from(cause.fact));
}

fn read_cause(from: &mut Reader<'_>) -> Result<Cause, Broken> {
    Ok(Cause { partition: from.number()?, seq: from.number()?, fact: from.number()? })
}
