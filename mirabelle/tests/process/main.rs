//! The real binary: served, killed, served again, verified.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use mirabelle_domain::rows::{Row, Value};
use mirabelle_domain::tables::tenants;
use mirabelle_log::Log as _;
use mirabelle_store::{Batch, Store as _};
use serde_json::{Value as Json, json};

const BINARY: &str = env!("CARGO_BIN_EXE_mirabelle");

/// A server of its own directory, on ports of its own.
struct Server {
    child: Child,
    url: String,
    key: String,
}

impl Server {
    fn start(data: &Path) -> Server {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().nth(2).expect("the server says where it listens");
        let url = url.trim_end_matches(',').to_owned();
        let key = std::fs::read_to_string(data.join("admin.key")).unwrap().trim().to_owned();
        Server { child, url, key }
    }

    /// Status, whether it was answered before, and the body.
    fn post(&self, path: &str, idempotency_key: &str, body: &Json) -> (u16, bool, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = reqwest::Client::new()
                .post(format!("{}{path}", self.url))
                .bearer_auth(&self.key)
                .header("idempotency-key", idempotency_key)
                .json(body);
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let replayed = response.headers().contains_key("idempotency-replayed");
            (status, replayed, response.text().await.unwrap())
        })
    }

    /// kill -9.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "an orderly end is a success");
    }
}

fn verify(data: &Path) -> Output {
    Command::new(BINARY).args(["verify", "--json", "--data"]).arg(data).output().unwrap()
}

fn report(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn tenant(name: &str) -> Json {
    json!({ "tenant": name, "title": "A company", "mode": "sandbox", "zone": "Europe/Berlin", "currency": "EUR", "locale": "en" })
}

/// A directory with decisions in it, that was ended in order.
fn used() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for name in ["acme", "birch", "cedar"] {
        assert_eq!(server.post("/v1/tenants", name, &tenant(name)).0, 201);
    }
    server.terminate();
    data
}

#[test]
fn an_answer_outlives_kill_9_and_is_given_again_byte_for_byte() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let first = server.post("/v1/tenants", "key-1041", &tenant("acme"));
    assert_eq!((first.0, first.1), (201, false), "{}", first.2);
    server.kill();
    let server = Server::start(data.path());
    let again = server.post("/v1/tenants", "key-1041", &tenant("acme"));
    assert_eq!((again.0, again.1, &again.2), (201, true, &first.2));
    let other = server.post("/v1/tenants", "key-1041", &json!({ "tenant": "acme", "title": "Another", "mode": "sandbox", "zone": "UTC", "currency": "EUR", "locale": "en" }));
    assert_eq!(other.0, 422, "{}", other.2);
    server.terminate();
    let verified = verify(data.path());
    assert_eq!(verified.status.code(), Some(0), "{}", report(&verified));
}

#[test]
fn verify_finds_a_flipped_byte_of_the_log() {
    let data = used();
    assert_eq!(verify(data.path()).status.code(), Some(0));
    let raw = data.path().join("log/0000000000000000.raw");
    let mut bytes = std::fs::read(&raw).unwrap();
    let place =
        bytes.windows(5).position(|window| window == b"birch").expect("the tenant's name is in the log");
    bytes[place] ^= 0x20;
    std::fs::write(&raw, bytes).unwrap();
    let verified = verify(data.path());
    // A log that is damaged in the middle may refuse to open at all.
    assert!(matches!(verified.status.code(), Some(1 | 4)), "{verified:?}");
    assert_ne!(verified.stdout.len() + verified.stderr.len(), 0);
}

#[test]
fn verify_finds_a_changed_row_and_says_which() {
    let data = used();
    let log = mirabelle_log_embedded::Options::new(std::sync::Arc::new(mirabelle::engine::wall_clock));
    let log = mirabelle_log_embedded::EmbeddedLog::open_offline(data.path().join("log"), log).unwrap();
    let place = data.path().join("rows.redb");
    let store = mirabelle_store_embedded::EmbeddedStore::open(&place, log.id(), Default::default()).unwrap();
    let row = Row {
        table: &tenants::TABLE,
        key: vec![Value::Text("cedar".to_owned())],
        cells: vec![(tenants::TITLE, Value::Text("A forged title".to_owned()))],
        delete: false,
    };
    let mut batch = Batch::new();
    batch.decision(i64::MAX, vec![row]);
    store.live().unwrap().apply(batch).unwrap();
    store.sync().unwrap();
    drop((store, log));
    let verified = verify(data.path());
    assert_eq!(verified.status.code(), Some(4), "{verified:?}");
    let found = report(&verified)["differences"].to_string();
    assert!(found.contains("tenants[cedar] column title") && found.contains("A forged title"), "{found}");
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
