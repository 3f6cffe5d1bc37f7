//! Records: our own codec against `apache-avro`, field by field, for arbitrary values.

use apache_avro::types::Value;
use bytes::Bytes;
use mirabelle_domain::Sealed;
use proptest::prelude::*;

use super::bodies::{read_value, write_value};
use super::samples;
use super::values::{Choices, Maker};
use crate::record::{
    Actor, ActorKind, Cause, Claim, CommandRecord, DeadLetter, Decision, FactsRecord, LogCreated,
};
use crate::registry::{find, newest};
use crate::wire::{CLAIM, COMMAND_RECORD, DEAD_LETTER, DECISION, LOG_CREATED, RecordSchema};
use crate::{FactsView, RegisteredSchema, Subject, Unreadable, command_id};

pub(super) fn schema(number: u16) -> &'static RegisteredSchema {
    find(Subject::Record(number), newest(Subject::Record(number))).unwrap()
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn option(value: Option<Value>) -> Value {
    match value {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(value) => Value::Union(1, Box::new(value)),
    }
}

fn bits(bytes: &[u8]) -> Value {
    Value::Fixed(bytes.len(), bytes.to_vec())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn count(value: u64) -> Value {
    Value::Long(i64::try_from(value).unwrap())
}

fn int(value: u16) -> Value {
    Value::Int(i32::from(value))
}

fn actor(actor: &Actor) -> Value {
    let kind = match actor.kind {
        ActorKind::Key => Value::Enum(1, "key".to_owned()),
        ActorKind::Connection => Value::Enum(2, "connection".to_owned()),
        ActorKind::Role => Value::Enum(3, "role".to_owned()),
        ActorKind::Operator => Value::Enum(4, "operator".to_owned()),
    };
    record(vec![
        ("principal", text(&actor.principal)),
        ("kind", kind),
        ("on_behalf_of", option(actor.on_behalf_of.map(|member| bits(&member.0)))),
        ("credential", option(actor.credential.as_deref().map(text))),
        ("request_id", option(actor.request_id.as_deref().map(text))),
    ])
}

pub(super) fn command_value(command: &CommandRecord) -> Value {
    let cause = |cause: &Cause| {
        record(vec![
            ("partition", int(cause.partition)),
            ("seq", count(cause.seq)),
            ("fact", int(cause.fact)),
        ])
    };
    record(vec![
        ("id", bits(&command.id.0)),
        ("tenant", text(command.account.tenant.as_str())),
        ("account", text(&command.account.key.to_string())),
        ("namespace", Value::Enum(command.namespace as u32 + 1, command.namespace.name().to_owned())),
        ("client", text(command.client.as_str())),
        ("key", text(command.key.as_str())),
        ("kind", int(command.kind)),
        ("schema", int(command.schema)),
        ("body", Value::Bytes(command.body.to_vec())),
        ("digest", bits(&command.digest.0)),
        ("actor", actor(&command.actor)),
        ("reason", option(command.reason.as_deref().map(text))),
        ("local_day", option(command.local_day.map(|day| Value::Date(day.0)))),
        ("tzdb", option(command.tzdb.as_deref().map(text))),
        ("cause", option(command.cause.as_ref().map(cause))),
    ])
}

pub(super) fn decision_value(decision: &Decision) -> Value {
    let facts = decision.facts.iter().map(|fact| {
        record(vec![
            ("kind", int(fact.kind)),
            ("schema", int(fact.schema)),
            ("body", Value::Bytes(fact.body.to_vec())),
        ])
    });
    let input = decision.input.as_ref().map(|input| {
        record(vec![("schema", int(input.schema)), ("datum", Value::Bytes(input.datum.to_vec()))])
    });
    record(vec![
        ("epoch", count(decision.epoch)),
        ("claim", bits(&decision.claim.to_be_bytes())),
        ("seq", count(decision.seq)),
        ("at", Value::TimestampMicros(decision.at)),
        ("prev_digest", bits(&decision.prev_digest.0)),
        (
            "cursor",
            record(vec![
                ("topic", int(u16::from(decision.cursor.topic))),
                ("offset", count(decision.cursor.offset)),
            ]),
        ),
        ("tenant", text(decision.account.tenant.as_str())),
        ("account", text(&decision.account.key.to_string())),
        ("command_id", bits(&decision.command_id.0)),
        ("input_kind", int(decision.input_kind)),
        ("input_digest", bits(&decision.input_digest.0)),
        ("accepted_at", Value::TimestampMicros(decision.accepted_at)),
        ("config_version", count(u64::from(decision.config_version))),
        ("facts", Value::Array(facts.collect())),
        ("actor", actor(&decision.actor)),
        ("reason", option(decision.reason.as_deref().map(text))),
        ("input", option(input)),
    ])
}

pub(super) fn claim_value(claim: &Claim) -> Value {
    record(vec![
        ("epoch", count(claim.epoch)),
        ("claim", bits(&claim.claim.to_be_bytes())),
        ("owner", text(&claim.owner)),
        ("build", text(&claim.build)),
        ("domain_revision", count(u64::from(claim.domain_revision))),
        (
            "head",
            record(vec![
                ("epoch", count(claim.head.epoch)),
                ("seq", count(claim.head.seq)),
                ("digest", bits(&claim.head.digest.0)),
            ]),
        ),
    ])
}

pub(super) fn created_value(created: &LogCreated) -> Value {
    record(vec![
        ("log_id", bits(&created.log_id)),
        ("partition", int(created.partition)),
        ("partitions", int(created.partitions)),
        ("format", int(created.format)),
        ("at", Value::TimestampMicros(created.at)),
    ])
}

pub(super) fn letter_value(letter: &DeadLetter) -> Value {
    let sealed = |sealed: &Sealed| {
        record(vec![
            ("key_ref", text(&sealed.key_ref)),
            ("nonce", Value::Bytes(sealed.nonce.clone())),
            ("bytes", Value::Bytes(sealed.bytes.clone())),
        ])
    };
    record(vec![
        ("reason", text(&letter.reason)),
        ("detail", text(&letter.detail)),
        ("tenant", option(letter.tenant.as_deref().map(text))),
        ("origin", text(&letter.origin)),
        ("source_id", option(letter.source_id.as_deref().map(text))),
        ("sealed", option(letter.sealed.as_ref().map(sealed))),
        ("raw", option(letter.raw.as_deref().map(|raw| Value::Bytes(raw.to_vec())))),
        ("at", Value::TimestampMicros(letter.at)),
    ])
}

/// The wire bytes of an arbitrary value of a record's schema, written by `apache-avro`.
fn arbitrary(number: u16, of: RecordSchema, seed: u64) -> (Value, Bytes) {
    let value = Maker::whole(Choices::Arbitrary, seed, schema(number).schema());
    let value = if number == 1 { with_its_id(value) } else { value };
    let mut out = of.open(0);
    out.extend(write_value(schema(number).schema(), &value));
    (value, out.into())
}

/// A command's id is the hash of other fields of it.
fn with_its_id(mut value: Value) -> Value {
    let Value::Record(fields) = &mut value else { panic!("a command is a record") };
    let text = |index: usize| match &fields[index].1 {
        Value::String(text) => text.as_str(),
        other => panic!("{other:?} is no text"),
    };
    let account =
        mirabelle_domain::AccountId { tenant: text(1).parse().unwrap(), key: text(2).parse().unwrap() };
    let Value::Enum(symbol, _) = fields[3].1 else { panic!("the namespace is an enum") };
    let namespace = crate::record::Namespace::ALL[symbol as usize - 1];
    let id = command_id(namespace, &account, &text(4).parse().unwrap(), &text(5).parse().unwrap());
    fields[0].1 = bits(&id.0);
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_command_record_is_written_as_apache_avro_writes_it(seed in any::<u64>()) {
        let (value, theirs) = arbitrary(1, COMMAND_RECORD, seed);
        let (command, datum) = crate::decode_command(&theirs, COMMAND_RECORD.fingerprint).unwrap();
        prop_assert_eq!(command_value(&command), value);
        let ours = crate::encode_command(&command);
        prop_assert_eq!(ours.datum(), datum);
        prop_assert_eq!(ours.value, theirs);
    }

    #[test]
    fn a_decision_is_written_as_apache_avro_writes_it(seed in any::<u64>()) {
        let (value, theirs) = arbitrary(2, DECISION, seed);
        let (record, datum) = crate::decode_facts_record(&theirs, DECISION.fingerprint).unwrap();
        let FactsRecord::Decision(decision) = record else { panic!("not a decision") };
        prop_assert_eq!(decision_value(&decision), value);
        let ours = crate::encode_decision(&decision);
        prop_assert_eq!(ours.datum(), &datum[..]);
        prop_assert_eq!(ours.value, theirs);
    }

    #[test]
    fn claims_roots_and_dead_letters_are_written_as_apache_avro_writes_them(seed in any::<u64>()) {
        let (value, theirs) = arbitrary(3, CLAIM, seed);
        let (record, _) = crate::decode_facts_record(&theirs, CLAIM.fingerprint).unwrap();
        let FactsRecord::Claim(claim) = record else { panic!("not a claim") };
        prop_assert_eq!(claim_value(&claim), value);
        prop_assert_eq!(crate::encode_claim(&claim).value, theirs);

        let (value, theirs) = arbitrary(4, LOG_CREATED, seed);
        let (record, _) = crate::decode_facts_record(&theirs, LOG_CREATED.fingerprint).unwrap();
        let FactsRecord::Created(created) = record else { panic!("not a root") };
        prop_assert_eq!(created_value(&created), value);
        prop_assert_eq!(crate::encode_created(&created).value, theirs);

        let (value, theirs) = arbitrary(5, DEAD_LETTER, seed);
        let letter = crate::decode_dead_letter(&theirs, DEAD_LETTER.fingerprint).unwrap();
        prop_assert_eq!(letter_value(&letter), value);
        prop_assert_eq!(crate::encode_dead_letter(&letter).value, theirs);
    }
}

#[test]
fn whoever_folds_the_head_sees_what_whoever_reads_everything_sees() {
    let decision = samples::decision();
    let encoded = crate::encode_decision(&decision);
    let view = crate::peek_decision(&encoded.value, encoded.fingerprint).unwrap();
    assert_eq!((view.epoch, view.claim, view.seq, view.at), (12, decision.claim, 70_369, decision.at));
    assert_eq!((view.prev_digest, view.cursor), (decision.prev_digest, decision.cursor));
    assert_eq!((&view.account, view.command_id), (&decision.account, decision.command_id));
    assert_eq!((view.input_kind, view.input_digest), (30, decision.input_digest));
    assert_eq!((view.accepted_at, view.config_version), (decision.accepted_at, 9));
    assert_eq!(view.kinds().collect::<Vec<_>>(), [30, 31]);
    assert_eq!(view.facts().map(|fact| fact.body).collect::<Vec<_>>(), [&b"first body"[..], b"second"]);

    let (view, datum) = crate::peek_facts_record(&encoded.value, encoded.fingerprint).unwrap();
    assert!(matches!(view, FactsView::Decision(_)));
    assert_eq!(datum, encoded.datum());
}

#[test]
fn bodies_and_input_are_slices_of_the_record_and_not_copies() {
    let encoded = crate::encode_decision(&samples::decision());
    let (record, datum) = crate::decode_facts_record(&encoded.value, encoded.fingerprint).unwrap();
    let FactsRecord::Decision(decision) = record else { panic!("not a decision") };
    let within = |bytes: &Bytes| encoded.value.as_ptr_range().contains(&bytes.as_ptr());
    assert!(within(&datum) && within(&decision.facts[1].body));
    assert!(within(&decision.input.unwrap().datum));
}

#[test]
fn a_decisions_input_is_read_with_the_version_that_stands_beside_it() {
    let command = samples::command_record();
    let encoded = crate::encode_command(&command);
    let (_, datum) = crate::decode_command(&encoded.value, encoded.fingerprint).unwrap();
    let mut input = crate::record::InputRecord::from(datum);
    assert_eq!(crate::decode_input(&input).unwrap(), command);
    input.schema = 2;
    assert_eq!(
        crate::decode_input(&input),
        Err(Unreadable::UnknownVersion { what: "command record", kind: 0, schema: 2 })
    );
}

#[test]
fn arrays_in_several_blocks_with_their_sizes_are_read_too() {
    // Avro lets a writer split an array and say each block's size; others' libraries do.
    let decision = samples::decision();
    let one_block = crate::encode_decision(&decision).value;
    let whole = b"\x04\x3c\x02\x14first body\x3e\x04\x0csecond\x00";
    let begin = one_block.windows(whole.len()).position(|window| window == whole).unwrap();
    let mut blocks = one_block[..begin].to_vec();
    blocks.extend(b"\x01\x1a\x3c\x02\x14first body\x02\x3e\x04\x0csecond\x00");
    blocks.extend(&one_block[begin + whole.len()..]);
    let (record, _) = crate::decode_facts_record(&blocks.clone().into(), DECISION.fingerprint).unwrap();
    assert_eq!(record, FactsRecord::Decision(Box::new(decision.clone())));
    assert_eq!(read_value(schema(2).schema(), &blocks[crate::HEADER_BYTES..]), decision_value(&decision));
}
