//! Bytes that nobody vouches for: an error, never a panic, never more memory than a small multiple of their length.

use bytes::Bytes;
use proptest::prelude::*;

use super::values::{Choices, Maker};
use super::{bodies, samples};
use crate::record::CommandRecord;
use crate::wire::{COMMAND_RECORD, DECISION, RECORDS};
use crate::{RECORD_BYTES_MAX, Subject, Unreadable, registry};

/// One encoded sample of each record, with its fingerprint.
fn records() -> Vec<(Bytes, u64)> {
    let facts = [
        crate::encode_decision(&samples::decision()),
        crate::encode_claim(&samples::claim()),
        crate::encode_created(&samples::log_created()),
    ];
    let others = [
        crate::encode_command(&samples::command_record()),
        crate::encode_dead_letter(&samples::dead_letter()),
    ];
    let facts = facts.into_iter().map(|record| (record.value, record.fingerprint));
    facts.chain(others.into_iter().map(|record| (record.value, record.fingerprint))).collect()
}

/// One datum of each body, with its subject.
fn body_data() -> Vec<(Vec<u8>, Subject)> {
    let bodies = registry().iter().filter(|schema| !matches!(schema.subject, Subject::Record(_)));
    bodies
        .map(|schema| {
            let value = Maker::whole(Choices::Full, 3, schema.schema());
            (bodies::write_value(schema.schema(), &value), schema.subject)
        })
        .collect()
}

/// Whether anything reads these bytes as a record. Panics where a peek and a whole read differ.
fn reads(value: &Bytes, fingerprint: u64) -> bool {
    let whole = crate::decode_facts_record(value, fingerprint).is_ok();
    assert_eq!(whole, crate::peek_facts_record(value, fingerprint).is_ok());
    let command = crate::decode_command(value, fingerprint).is_ok();
    let letter = crate::decode_dead_letter(value, fingerprint).is_ok();
    whole || command || letter
}

fn reads_body(datum: &[u8], subject: Subject) -> bool {
    match subject {
        Subject::Fact(kind) => crate::decode_fact_body(kind, 1, datum).is_ok(),
        Subject::Command(kind) => crate::decode_body(kind, 1, datum).is_ok(),
        Subject::Record(_) => unreachable!("records are no bodies"),
    }
}

/// The same bytes through `apache-avro`, as they would go if the version were an older one.
fn reads_as_older(datum: &[u8], subject: Subject) -> bool {
    match subject {
        Subject::Fact(kind) => bodies::fact_reads_as_older(kind, datum),
        Subject::Command(kind) => bodies::command_reads_as_older(kind, datum),
        Subject::Record(_) => unreachable!("records are no bodies"),
    }
}

#[test]
fn every_truncation_of_every_record_and_body_is_refused() {
    for (value, fingerprint) in records() {
        assert!(reads(&value, fingerprint));
        for end in 0..value.len() {
            assert!(!reads(&value.slice(..end), fingerprint), "{end} of {} bytes", value.len());
        }
    }
    for (datum, subject) in body_data() {
        assert!(reads_body(&datum, subject) && reads_as_older(&datum, subject), "{subject:?}");
        for end in 0..datum.len() {
            assert!(!reads_body(&datum[..end], subject), "{end} of {} bytes of {subject:?}", datum.len());
            assert!(!reads_as_older(&datum[..end], subject));
        }
    }
}

#[test]
fn bytes_after_a_record_or_a_body_are_refused() {
    for (value, fingerprint) in records() {
        let longer = [&value[..], &[0]].concat();
        assert!(!reads(&longer.into(), fingerprint));
    }
    for (datum, subject) in body_data() {
        let longer = [&datum[..], &[0]].concat();
        assert!(!reads_body(&longer, subject) && !reads_as_older(&longer, subject), "{subject:?}");
    }
}

#[test]
fn no_flipped_bit_of_any_record_or_body_makes_a_reader_panic() {
    let mut refused = 0;
    for (value, fingerprint) in records() {
        for bit in 0..value.len() * 8 {
            let mut flipped = value.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused += usize::from(!reads(&flipped.into(), fingerprint));
        }
    }
    for (datum, subject) in body_data() {
        for bit in 0..datum.len() * 8 {
            let mut flipped = datum.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused += usize::from(!reads_body(&flipped, subject));
            reads_as_older(&flipped, subject);
        }
    }
    assert!(refused > 1000, "only {refused} flips were noticed");
}

#[test]
fn a_few_bytes_can_not_ask_for_gigabytes() {
    // Each length says 2^40 and has nothing behind it.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    let list = [&[0; 16][..], &huge].concat();
    let text = [&huge[..], b"abc"].concat();
    for (kind, datum) in [(30, &list), (1, &text), (11, &text)] {
        let why = crate::decode_fact_body(kind, 1, datum).unwrap_err().to_string();
        assert!(why.contains("is more than what is left"), "{why}");
        assert!(!reads_as_older(datum, Subject::Fact(kind)));
    }
    // A list of 2^40 items that are there, one byte each, as far as the bytes go.
    let why = crate::decode_body(43, 1, &huge).unwrap_err().to_string();
    assert!(why.contains("is more than what is left"), "{why}");
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_read() {
    let value = Bytes::from(vec![0; RECORD_BYTES_MAX + 1]);
    let refused = crate::decode_command(&value, COMMAND_RECORD.fingerprint).unwrap_err();
    assert_eq!(refused.reason(), "too_large");
    let body = vec![0; crate::BODY_BYTES_MAX + 1];
    assert_eq!(crate::decode_body(30, 1, &body).unwrap_err().reason(), "too_large");
    assert_eq!(crate::decode_fact_body(30, 1, &body).unwrap_err().reason(), "too_large");
}

#[test]
fn a_header_of_another_schema_is_named() {
    let command = crate::encode_command(&samples::command_record());
    assert_eq!(crate::decode_command(&command.value, 77), Err(Unreadable::UnknownSchema { fingerprint: 77 }));
    assert_eq!(
        crate::decode_facts_record(&command.value, command.fingerprint).unwrap_err(),
        Unreadable::OtherRecord { wanted: "record of facts", found: "CommandRecord" }
    );
    assert_eq!(
        crate::peek_decision(&command.value, command.fingerprint).unwrap_err(),
        Unreadable::OtherRecord { wanted: "Decision", found: "CommandRecord" }
    );
    let mut no_magic = command.value.to_vec();
    no_magic[0] = 1;
    assert_eq!(crate::decode_command(&no_magic.into(), command.fingerprint), Err(Unreadable::NoHeader));
    assert_eq!(crate::decode_command(&Bytes::new(), command.fingerprint), Err(Unreadable::NoHeader));
}

#[test]
fn a_schema_id_of_another_registry_changes_nothing() {
    let command = samples::command_record();
    let encoded = crate::encode_command(&command);
    let mut value = encoded.value.to_vec();
    value[1..5].copy_from_slice(&9_000_017u32.to_be_bytes());
    let (read, datum) = crate::decode_command(&value.into(), encoded.fingerprint).unwrap();
    assert_eq!((read, datum), (command, encoded.datum()));
}

#[test]
fn a_command_whose_id_is_not_its_hash_is_refused() {
    let changes: [fn(&mut CommandRecord); 4] = [
        |command| command.id.0[0] ^= 1,
        |command| command.key = "k-1042".parse().unwrap(),
        |command| command.client = "other".parse().unwrap(),
        |command| command.namespace = crate::record::Namespace::Client,
    ];
    for change in changes {
        let mut command = samples::command_record();
        change(&mut command);
        let encoded = crate::encode_command(&command);
        assert_eq!(crate::decode_command(&encoded.value, encoded.fingerprint), Err(Unreadable::WrongId));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_at_all_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for record in RECORDS {
            let mut value = record.open(bytes.len());
            value.extend(&bytes);
            reads(&value.into(), record.fingerprint);
        }
        for schema in registry() {
            if !matches!(schema.subject, Subject::Record(_)) {
                reads_body(&bytes, schema.subject);
                reads_as_older(&bytes, schema.subject);
            }
        }
    }

    #[test]
    fn no_changed_decision_makes_a_peek_and_a_whole_read_differ(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut value = crate::encode_decision(&samples::decision()).value.to_vec();
        let at = at.index(value.len());
        value[at] = byte;
        reads(&value.clone().into(), DECISION.fingerprint);
        let cut = cut.index(value.len());
        value.remove(cut);
        reads(&value.into(), DECISION.fingerprint);
    }
}
