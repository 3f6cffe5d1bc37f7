//! One record of each kind, every value distinct, so that swapped fields fail.

use bytes::Bytes;
use mirabelle_domain::{AccountId, AccountKey, CommandId, Day, Digest, MemberId, Sealed};

use crate::command_id;
use crate::record::{
    Actor, ActorKind, Cause, Claim, ClaimedHead, CommandRecord, Cursor, DeadLetter, Decision, FactRecord,
    InputRecord, LogCreated, Namespace,
};

fn bits(first: u8) -> [u8; 16] {
    std::array::from_fn(|index| first + index as u8)
}

fn actor() -> Actor {
    Actor {
        principal: "portal".to_owned(),
        kind: ActorKind::Key,
        on_behalf_of: Some(MemberId(bits(0x40))),
        credential: Some("portal-2026".to_owned()),
        request_id: Some("req-7f3".to_owned()),
    }
}

fn account() -> AccountId {
    AccountId::member("acme".parse().unwrap(), MemberId(bits(0x10)))
}

pub(super) fn command_record() -> CommandRecord {
    let (account, namespace) = (account(), Namespace::Courier);
    let (client, key) = ("courier".parse().unwrap(), "k-1041".parse().unwrap());
    CommandRecord {
        id: command_id(namespace, &account, &client, &key),
        account,
        namespace,
        client,
        key,
        kind: 31,
        schema: 1,
        body: Bytes::from_static(b"\x30\x31\x32\x33\x34\x35\x36\x37\x38\x39\x3a\x3b\x3c\x3d\x3e\x3f"),
        digest: Digest(bits(0x50)),
        actor: actor(),
        reason: Some("asked for by telephone".to_owned()),
        local_day: Some(Day(20_782)),
        tzdb: Some("2026c".to_owned()),
        cause: Some(Cause { partition: 3, seq: 70_368, fact: 2 }),
    }
}

pub(super) fn bare_command_record() -> CommandRecord {
    let account = AccountId { tenant: "a".parse().unwrap(), key: AccountKey::Partition(5) };
    let (client, key) = ("clock".parse().unwrap(), "k".parse().unwrap());
    CommandRecord {
        id: command_id(Namespace::Client, &account, &client, &key),
        account,
        namespace: Namespace::Client,
        client,
        key,
        kind: 46,
        schema: 1,
        body: Bytes::new(),
        digest: Digest(bits(0x51)),
        actor: Actor {
            principal: String::new(),
            kind: ActorKind::Operator,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        local_day: None,
        tzdb: None,
        cause: None,
    }
}

pub(super) fn decision() -> Decision {
    Decision {
        epoch: 12,
        claim: 0xf00d_0000_0000_0001,
        seq: 70_369,
        at: 1_795_602_000_123_456,
        account: account(),
        command_id: CommandId(bits(0x60)),
        input_kind: 30,
        input_digest: Digest(bits(0x70)),
        input: Some(InputRecord { schema: 1, datum: Bytes::from_static(b"the command's own datum") }),
        accepted_at: 1_795_602_000_000_777,
        actor: actor(),
        reason: Some("a correction".to_owned()),
        cursor: Cursor { topic: 1, offset: 1041 },
        config_version: 9,
        facts: vec![
            FactRecord { kind: 30, schema: 1, body: Bytes::from_static(b"first body") },
            FactRecord { kind: 31, schema: 2, body: Bytes::from_static(b"second") },
        ],
        prev_digest: Digest(bits(0x80)),
    }
}

pub(super) fn bare_decision() -> Decision {
    let mut decision = decision();
    decision.account = AccountId::configuration("_system".parse().unwrap());
    decision.actor = bare_command_record().actor;
    (decision.input, decision.reason, decision.facts) = (None, None, Vec::new());
    decision
}

pub(super) fn claim() -> Claim {
    Claim {
        epoch: 13,
        claim: 0x8877_6655_4433_2211,
        owner: "decider on a named machine".to_owned(),
        build: "0.1.0".to_owned(),
        domain_revision: 4,
        head: ClaimedHead { epoch: 11, seq: 70_370, digest: Digest(bits(0x90)) },
    }
}

pub(super) fn log_created() -> LogCreated {
    LogCreated { log_id: bits(0xa0), partition: 3, partitions: 48, format: 1, at: 1_795_601_999_000_000 }
}

pub(super) fn dead_letter() -> DeadLetter {
    DeadLetter {
        reason: "unreadable".to_owned(),
        detail: "the bytes end inside a value".to_owned(),
        tenant: Some("acme".to_owned()),
        origin: "commands".to_owned(),
        source_id: Some("commands/3/1041".to_owned()),
        sealed: Some(Sealed { key_ref: "acme/1".to_owned(), nonce: vec![7; 12], bytes: vec![8, 9, 10] }),
        raw: Some(Bytes::from_static(b"raw bytes")),
        at: 1_795_602_000_999_999,
    }
}

pub(super) fn bare_dead_letter() -> DeadLetter {
    let mut letter = dead_letter();
    (letter.tenant, letter.source_id, letter.sealed, letter.raw) = (None, None, None, None);
    letter
}
