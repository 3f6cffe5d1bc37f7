//! `docs/hash-vectors.md`: every row is computed again, once by this crate and once by the recipe in the page's words.

use mirabelle_domain::{AccountId, Key, Name};
use serde_json::Value as Json;
use sha2::Digest as _;

use super::bodies::command_from_json;
use crate::record::Namespace;
use crate::{bucket, canonical, command_id, follow_up_key, input_digest, partition_of};

const PAGE: &str = include_str!("../../../docs/hash-vectors.md");

/// The rows of the table under a heading, cell by cell; code marks are taken off.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("the page has no section {heading}"));
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() >= 3, "{heading} has {} rows", rows.len());
    rows
}

fn account(tenant: &str, key: &str) -> AccountId {
    AccountId { tenant: tenant.parse().unwrap(), key: key.parse().unwrap() }
}

/// SHA-256-128 over parts, each after its length: the recipe, written again.
fn sha256_of(parts: &[&[u8]]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u32).to_be_bytes());
        bytes.extend(*part);
    }
    let hash = sha2::Sha256::digest(&bytes);
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_vectors_of_buckets_and_partitions_hold() {
    for row in rows("Bucket and partition") {
        let [tenant, key, expected, of_8, of_48] = &row[..] else { panic!("{row:?}") };
        let account = account(tenant, key);
        assert_eq!(bucket(&account).to_string(), *expected, "{account}");
        assert_eq!(partition_of(&account, 8).to_string(), *of_8, "{account}");
        assert_eq!(partition_of(&account, 48).to_string(), *of_48, "{account}");
        let text = format!("{tenant}\u{1f}{key}");
        let hash = twox_hash::XxHash3_64::oneshot_with_seed(0, text.as_bytes());
        assert_eq!((hash % 1024).to_string(), *expected, "{account}");
    }
}

#[test]
fn the_vectors_of_command_ids_hold() {
    for row in rows("Command id") {
        let [namespace, tenant, key, client, idempotency, expected] = &row[..] else { panic!("{row:?}") };
        let of = Namespace::ALL.into_iter().find(|of| of.name() == namespace).unwrap();
        let (client_name, idempotency_key): (Name, Key) =
            (client.parse().unwrap(), idempotency.parse().unwrap());
        let id = command_id(of, &account(tenant, key), &client_name, &idempotency_key);
        assert_eq!(id.to_string(), *expected, "{row:?}");
        let parts = ["mirabelle/command-id/1", namespace, tenant, key, client, idempotency];
        assert_eq!(sha256_of(&parts.map(str::as_bytes)), *expected);
    }
}

#[test]
fn the_vectors_of_follow_up_keys_hold() {
    for row in rows("Follow-up key") {
        let [cause, fact, purpose, attempt, expected] = &row[..] else { panic!("{row:?}") };
        let (cause, fact, attempt): (mirabelle_domain::CommandId, u16, u32) =
            (cause.parse().unwrap(), fact.parse().unwrap(), attempt.parse().unwrap());
        assert_eq!(follow_up_key(&cause, fact, purpose, attempt).as_str(), expected);
        let (fact, attempt) = (u32::from(fact).to_be_bytes(), attempt.to_be_bytes());
        let parts: [&[u8]; 5] = [b"mirabelle/follow-up-key/1", &cause.0, &fact, purpose.as_bytes(), &attempt];
        assert_eq!(sha256_of(&parts), *expected);
    }
}

#[test]
fn the_vectors_of_input_digests_hold() {
    for row in rows("Input digest") {
        let [kind, text, expected] = &row[..] else { panic!("{row:?}") };
        let kind: u16 = kind.parse().unwrap();
        let command = command_from_json(kind, &serde_json::from_str::<Json>(text).unwrap());
        assert_eq!(canonical::json(&command), *text);
        assert_eq!(input_digest(&command).to_string(), *expected, "{text}");
        let parts: [&[u8]; 3] = [b"mirabelle/input-digest/1", &kind.to_be_bytes(), text.as_bytes()];
        assert_eq!(sha256_of(&parts), *expected);
    }
}

#[test]
fn the_vectors_of_digests_hold() {
    for row in rows("Digest of a record") {
        let [head, datum, expected] = &row[..] else { panic!("{row:?}") };
        let datum = hex(datum);
        let digest = match head.as_str() {
            "-" => crate::digest(&datum),
            head => crate::digest_after_claim(&head.parse().unwrap(), &datum),
        };
        assert_eq!(digest.to_string(), *expected, "{row:?}");
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn equal_bodies_have_equal_digests_whatever_the_order_of_members_and_absent_is_null() {
    let digest = |json: &str| {
        let body = serde_json::from_str::<Json>(json).unwrap();
        input_digest(&command_from_json(30, &body))
    };
    let one = digest(r#"{"lines":[{"product":"gift-de-25","quantity":1}],"points_max":null,"note":null}"#);
    let other = digest(r#"{"lines":[{"quantity":1,"product":"gift-de-25"}]}"#);
    assert_eq!(one, other);
    assert_ne!(one, digest(r#"{"lines":[{"quantity":2,"product":"gift-de-25"}]}"#));
    assert_ne!(one, digest(r#"{"lines":[{"quantity":1,"product":"gift-de-25"}],"points_max":0}"#));
    // Two kinds with one body are two wishes.
    let redemption = serde_json::json!({"redemption": "000102030405060708090a0b0c0d0e0f"});
    let version = serde_json::json!({"kind": "campaign", "name": "n", "version": 1});
    assert_ne!(
        input_digest(&command_from_json(62, &version)),
        input_digest(&command_from_json(63, &version))
    );
    assert_eq!(
        input_digest(&command_from_json(31, &redemption)),
        input_digest(&command_from_json(31, &redemption))
    );
}

#[test]
fn no_part_of_a_hash_can_be_shifted_into_the_next() {
    let id = |client: &str, key: &str| {
        command_id(Namespace::Client, &account("t", "c:"), &client.parse().unwrap(), &key.parse().unwrap())
    };
    assert_ne!(id("ab", "c"), id("a", "bc"));
    let cause = mirabelle_domain::CommandId([1; 16]);
    let keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "ab", 0)];
    let keys: std::collections::BTreeSet<String> = keys
        .iter()
        .map(|(fact, purpose, attempt)| follow_up_key(&cause, *fact, purpose, *attempt).to_string())
        .collect();
    assert_eq!(keys.len(), 5);
}
