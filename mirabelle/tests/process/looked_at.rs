//! What `verify` could not look at, and what it says of damage that keeps a log from being opened.

use std::os::unix::fs::FileExt as _;

use crate::server::{Server, assert_holds, report, verify};
use crate::tenant;

#[test]
fn verify_without_the_kek_says_that_sealed_values_were_not_looked_at() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    server.post(&server.key, "/v1/tenants", "key-1", &tenant("acme")).expect(201);
    server.terminate();
    let kek = data.path().join("kek");
    let away = std::fs::read(&kek).unwrap();
    std::fs::remove_file(&kek).unwrap();
    let verified = verify(data.path());
    let said = report(&verified);
    assert_eq!(verified.status.code(), Some(3), "{said:#}");
    assert!(said["unchecked"][0].as_str().unwrap().contains(&*kek.to_string_lossy()), "{said:#}");
    assert_eq!(said["differences"].as_array().unwrap().len(), 0, "{said:#}");
    std::fs::write(&kek, away).unwrap();
    std::fs::set_permissions(&kek, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(assert_holds(data.path())["unchecked"].as_array().unwrap().len(), 0);
}

#[test]
fn verify_tells_damage_that_keeps_the_log_closed_as_damage_with_the_place_and_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for number in 1..=3 {
        let name = format!("acme-{number}");
        server.post(&server.key, "/v1/tenants", &name, &tenant(&name)).expect(201);
    }
    server.terminate();
    let log = data.path().join("log");
    let mut segments: Vec<_> = std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("0000000000000000"));
    let bytes = std::fs::read(&segments[0]).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&segments[0]).unwrap();
    file.write_all_at(&[bytes[70] ^ 1], 70).unwrap();
    let verified = verify(data.path());
    let said = report(&verified);
    assert_eq!(verified.status.code(), Some(4), "{said:#}");
    let difference = &said["differences"][0];
    assert_eq!((&difference["check"], &difference["place"]), (&"log".into(), &log.to_string_lossy().into()));
    let what = difference["what"].as_str().unwrap();
    assert!(what.contains("is damaged at byte") && what.contains("restore log/ from a backup"), "{what}");
}

#[test]
fn verify_names_a_last_write_that_is_left_out() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    server.post(&server.key, "/v1/tenants", "key-1", &tenant("acme")).expect(201);
    server.terminate();
    assert_eq!(assert_holds(data.path())["notes"].as_array().unwrap().len(), 0);
    let log = data.path().join("log");
    let mut segments: Vec<_> = std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("0000000000000000"));
    let bytes = std::fs::read(&segments[0]).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // As the beginning of one more write looks, of which no more came.
    let file = std::fs::OpenOptions::new().write(true).open(&segments[0]).unwrap();
    file.write_all_at(&[7; 24], end.next_multiple_of(8) as u64 + 64).unwrap();
    let said = assert_holds(data.path());
    let note = said["notes"][0].as_str().unwrap();
    assert!(note.contains("the last write is torn") && note.contains("left out"), "{note}");
}
