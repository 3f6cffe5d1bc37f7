//! The real binary: served, killed, served again, verified.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod directory;
mod disk_full;
mod drain;
mod flips;
mod forged;
mod http;
mod idle;
mod kills;
mod looked_at;
mod owners;
mod rebuilt;
mod released;
mod server;
mod shop;
mod undue;

use serde_json::{Value as Json, json};

use server::{Server, assert_holds, verify};

pub(crate) fn tenant(name: &str) -> Json {
    json!({ "tenant": name, "title": "A company", "mode": "sandbox", "zone": "Europe/Berlin", "currency": "EUR", "locale": "en" })
}

#[test]
fn an_answer_outlives_kill_9_and_is_given_again_byte_for_byte() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let first = server.post(&server.key, "/v1/tenants", "key-1041", &tenant("acme")).expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    server.kill();
    let server = Server::start(data.path());
    let again = server.post(&server.key, "/v1/tenants", "key-1041", &tenant("acme")).expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    let mut other = tenant("acme");
    other["title"] = "Another".into();
    server.post(&server.key, "/v1/tenants", "key-1041", &other).expect(422);
    server.terminate();
    assert_holds(data.path());
}

#[test]
fn a_directory_in_use_is_refused_with_a_clear_error() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let second = verify(data.path());
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
    server.terminate();
}

#[test]
fn a_lost_key_store_is_noticed_before_anything_is_served_and_by_verify() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    server.post(&server.key, "/v1/tenants", "key-1", &tenant("acme")).expect(201);
    server.terminate();
    std::fs::remove_dir_all(data.path().join("keys")).unwrap();
    let verified = verify(data.path());
    assert_eq!(verified.status.code(), Some(4), "{verified:?}");
    let words = server::serve_words(data.path().to_str().unwrap());
    let refused = std::process::Command::new(server::BINARY).args(words).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("keys of tenant acme") && said.contains("restore"), "{said}");
}
