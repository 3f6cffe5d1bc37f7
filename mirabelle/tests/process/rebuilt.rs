//! Files that are made of the log alone, damaged; and what may be read in any file.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::directory::files;
use crate::server::{BINARY, Server, assert_holds, serve_words, until};
use crate::shop::Shop;

#[test]
fn a_damaged_file_of_rows_or_ids_stops_the_start_says_what_to_do_and_is_rebuilt_when_asked() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let shop = Shop::open(&server, 1);
    let member = &shop.members[0];
    shop.give(&server, "gift", member, 104);
    let wish = Shop::wish(member, "day-off");
    let answer = server.post(&shop.admin, "/v1/redemptions", "day-off", &wish).expect(201);
    until("the rows have it", || (shop.available(&server, member) == 101).then_some(()));
    let balance = shop.balance(&server, member);
    server.terminate();
    let words = serve_words(data.path().to_str().unwrap());
    for name in ["rows.redb", "ids.redb"] {
        let file = data.path().join(name);
        let whole = std::fs::read(&file).unwrap();
        let mut torn = whole.clone();
        torn[..400].fill(0x5a);
        for damaged in [torn, whole[..whole.len() / 3].to_vec(), b"not a database".to_vec()] {
            std::fs::write(&file, damaged).unwrap();
            let refused = Command::new(BINARY).args(&words).output().unwrap();
            assert_eq!(refused.status.code(), Some(1), "{name}: {refused:?}");
            let said = String::from_utf8_lossy(&refused.stderr);
            for part in [file.to_str().unwrap(), "may be deleted", "rebuilt from the log", "--rebuild-rows"] {
                assert!(said.contains(part), "{part} is not said of {name}: {said}");
            }
        }
        let mut command = Command::new(BINARY);
        command.args(&words).arg("--rebuild-rows").stderr(Stdio::null());
        let server = Server::spawn(command, data.path());
        assert_eq!(shop.balance(&server, member), balance);
        // Rows that are being made again may be behind for a moment.
        let again = until("the server takes wishes", || {
            let again = server.post(&shop.admin, "/v1/redemptions", "day-off", &wish);
            (again.status != 503).then(|| again.expect(201))
        });
        assert_eq!((&again.body, again.header("idempotency-replayed")), (&answer.body, Some("true")));
        server.terminate();
    }
    let said = assert_holds(data.path());
    assert!(said["rows"].as_u64() > Some(50), "{said:#}");
}

#[test]
fn no_word_about_a_person_lies_in_clear_in_any_file_of_a_directory() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let shop = Shop::open(&server, 2);
    let member = &shop.members[0];
    let row = json!({ "Employee_ID": "EMP-44131", "First_Name": "Zephyrine", "Last_Name": "Kowalczyk",
        "Country": "DE", "Hire_Date": "2020-04-01", "Date_of_Birth": "1971-03-17", "Time_Zone": "Europe/Berlin" });
    let report = json!({ "Report_Entry": [row] }).to_string();
    let headers = [("prefer", "wait=20")];
    server.try_call(&shop.admin, "POST", "/v1/hris/workday", &headers, &report).unwrap().expect(200);
    let post = |key: &str, path: &str, body: serde_json::Value| {
        let reply = server.post(&shop.admin, path, key, &body);
        assert!(reply.status < 300, "{path}: {}", reply.body);
        reply.json()
    };
    let given = shop.give(&server, "gift", member, 500).json();
    let grant = given["grants"][0]["id"].as_str().unwrap();
    let of_member =
        |points: i64, reason: &str| json!({ "member": member, "points": points, "reason": reason });
    post("down", "/v1/adjustments", of_member(-5, "ledger-gossip-one"));
    let mut up = of_member(5, "ledger-gossip-two");
    up["budget"] = json!("spot");
    post("up", "/v1/adjustments", up);
    let many = json!({ "budget": "spot", "reason": "ledger-gossip-three", "grants": [
        { "member": member, "points": 1 }, { "member": shop.members[1], "points": 1, "label": "ledger-gossip-four" }] });
    post("many", "/v1/grants", many);
    post("back", &format!("/v1/grants/{grant}/reverse"), json!({ "reason": "ledger-gossip-five" }));
    server.terminate();
    assert_holds(data.path());
    let kept = files(data.path());
    assert!(kept.iter().any(|file| file.ends_with("rows.redb")) && kept.len() > 5, "{kept:?}");
    for file in kept {
        let bytes = std::fs::read(&file).unwrap();
        for word in ["ledger-gossip", "Zephyrine", "Kowalczyk", "1971-03-17", "EMP-44131", "Thank you"] {
            let open = bytes.windows(word.len()).any(|part| part == word.as_bytes());
            assert!(!open, "{word} lies open in {}", file.display());
        }
    }
}
