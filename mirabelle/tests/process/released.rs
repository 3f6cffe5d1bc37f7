//! Data directories of earlier releases, kept for ever: each is opened, served, repeated, and verified.
//!
//! `tests/process/released/<version>.tar.zst` holds a directory that was killed while it worked, `<version>.json` what its
//! server had answered. `keep_a_directory_of_this_release` makes both, once a release.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::http::Reply;
use crate::server::{Server, assert_holds, until};
use crate::shop::Shop;

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/released")
}

/// Unpacks a kept directory.
fn unpack(archive: &Path, into: &Path) {
    let packed = std::fs::read(archive).unwrap();
    let tar = zstd::decode_all(&packed[..]).unwrap();
    let mut child = Command::new("tar").arg("-xC").arg(into).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&tar).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_directory_of_every_release_is_opened_and_answers_as_it_did() {
    let mut releases = 0;
    for entry in std::fs::read_dir(kept()).unwrap() {
        let said = entry.unwrap().path();
        if said.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        releases += 1;
        let text = std::fs::read_to_string(&said).unwrap();
        let said_then: Json = serde_json::from_str(&text).unwrap();
        let data = tempfile::tempdir().unwrap();
        unpack(&said.with_extension("tar.zst"), data.path());
        assert_holds(data.path());
        let server = Server::start(data.path());
        let admin = said_then["admin"].as_str().unwrap();
        for asked in said_then["asked"].as_array().unwrap() {
            let (path, key) = (asked["path"].as_str().unwrap(), asked["key"].as_str().unwrap());
            let again = until("the server takes wishes", || {
                Some(server.post(admin, path, key, &asked["body"])).filter(|reply| reply.status != 503)
            });
            assert_eq!(again.body, asked["answer"].as_str().unwrap(), "{path} under {key}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{path} under {key}");
        }
        let balance = server.get(admin, said_then["balance"]["path"].as_str().unwrap()).expect(200);
        assert_eq!(balance.json(), said_then["balance"]["answer"]);
        server.terminate();
        assert_holds(data.path());
    }
    assert!(releases > 0, "no release is kept");
}

/// Run by hand before a release: `cargo test -p mirabelle --test process -- --ignored keep_a_directory`.
#[test]
#[ignore = "makes a file that is kept in the repository"]
fn keep_a_directory_of_this_release() {
    let version = env!("CARGO_PKG_VERSION");
    let archive = kept().join(format!("{version}.tar.zst"));
    assert!(!archive.exists(), "{} is kept for ever", archive.display());
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let shop = Shop::open(&server, 2);
    let member = &shop.members[0];
    let mut asked = Vec::new();
    let mut keep = |path: &str, key: &str, body: Json, answer: Reply| {
        asked.push(json!({"path": path, "key": key, "body": body, "answer": answer.body}));
    };
    keep("/v1/grants", "gift-3", Shop::gift(member, 104), shop.give(&server, "gift-3", member, 104));
    let mut many = Shop::wish(member, "day-off");
    many["lines"][0]["quantity"] = 100.into();
    for (key, body, status) in [("order-7", Shop::wish(member, "day-off"), 201), ("order-8", many, 422)] {
        let answer = server.post(&shop.admin, "/v1/redemptions", key, &body).expect(status);
        keep("/v1/redemptions", key, body, answer);
    }
    let path = format!("/v1/members/{member}/balance");
    let position = server.post(&shop.admin, "/v1/redemptions", "order-7", &Shop::wish(member, "day-off"));
    let read_after = [("read-after", position.header("log-position").unwrap())];
    let balance = server.try_call(&shop.admin, "GET", &path, &read_after, "").unwrap().expect(200).json();
    server.kill();
    let tar = Command::new("tar").args(["-cSC"]).arg(data.path()).arg(".").output().unwrap();
    assert!(tar.status.success());
    let packed = zstd::encode_all(&tar.stdout[..], 19).unwrap();
    std::fs::create_dir_all(kept()).unwrap();
    std::fs::write(&archive, packed).unwrap();
    let said = json!({"admin": shop.admin, "asked": asked, "balance": {"path": path, "answer": balance}});
    std::fs::write(archive.with_extension("").with_extension("json"), format!("{said:#}\n")).unwrap();
}
