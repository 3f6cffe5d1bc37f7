//! `demo`: the first command that anybody runs.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::{BINARY, root, shell};

/// A demo that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already after an orderly end.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The commands of a text, each with its further lines.
fn curls(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in text.lines() {
        match commands.last_mut() {
            _ if line.starts_with("curl ") => commands.push(line.to_owned()),
            Some(command) if command.ends_with('\\') => {
                command.push('\n');
                command.push_str(line);
            }
            _ => {}
        }
    }
    commands
}

fn answer(command: &str) -> Json {
    let output = shell::bash(command, &root());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with('\n'), "a shell's prompt has a line of its own: {command}\n{said}");
    // Headers come first where they are shown.
    let body = said.rsplit_once("\r\n\r\n").map_or(said.as_ref(), |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{command}\n{output:?}"))
}

#[test]
fn the_demo_ends_with_code_0_when_everything_came_out_as_expected_and_leaves_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let temporary = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY)
        .args(["demo", "--exit", "--listen", &address])
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    // Sentences are broken wherever the line is full.
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        &format!("{address} is taken; this is a free port instead"),
        "ExternalEventResponse",
        "Asha Menon        hired on",
        "no campaign in force is about this kind of milestone",
        "rating has to be at least 5, and is 4",
        "\"in baseline\"",
        "They leave the wallet for good",
        "taken back 300",
        "impossible_date: a date that no calendar has",
        "no: insufficient_points",
        "no: idempotency_key_reused",
        "SANDBOX-",
        "budget   allocated 10,000 = free 1,850 + committed 0 + paid out 8,150",
        "Everything came out as expected",
        "everything holds",
    ] {
        assert!(said.contains(line) || flat.contains(line), "{line:?} is not in:\n{said}");
    }
    // The temporary directory's path is as long as it is.
    let of_text = |line: &&str| line.chars().count() > 80 && !line.starts_with("  directory");
    let wide: Vec<&str> = said.lines().filter(of_text).collect();
    assert!(wide.is_empty(), "wider than 80 columns: {wide:#?}");
    assert!(!said.contains('\u{1b}'), "colour where nobody sees it");
    assert_eq!(errors, "", "nothing goes wrong");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the directory is gone");
}

#[test]
fn the_demo_serves_on_its_commands_work_as_printed_and_its_directory_verifies() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("kept");
    let child = Command::new(BINARY)
        .args(["demo", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Running(child);
    let mut said = String::new();
    let mut reader = BufReader::new(child.0.stdout.take().unwrap());
    while !said.contains("Ctrl-C ends it") {
        assert_ne!(reader.read_line(&mut said).unwrap(), 0, "the demo ended:\n{said}");
    }
    let commands = said.split_once("Serving on.").unwrap().1;
    let commands = curls(commands);
    assert_eq!(commands.len(), 3, "{said}");
    let explained = answer(&commands[0]);
    assert_eq!(explained["milestones"].as_array().unwrap().len(), 2, "{explained}");
    let planted = answer(&commands[1]);
    assert_eq!((&planted["state"], &planted["points"]), (&"fulfilled".into(), &200.into()), "{planted}");
    assert_eq!(answer(&commands[1]), planted, "sent twice, planted once");
    let again = shell::bash(&commands[1], &root());
    let again = String::from_utf8_lossy(&again.stdout).to_ascii_lowercase();
    assert!(again.contains("idempotency-replayed: true"), "{again}");
    // A person is slower than the rows; a test is not.
    let has_left = |statement: &Json| statement["entries"][0]["available"] == 300;
    let statement = (0..400).map(|_| answer(&commands[2])).find(has_left);
    assert!(statement.is_some(), "never 300 points: {}", answer(&commands[2]));
    let id = child.0.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    assert!(child.0.wait().unwrap().success(), "an orderly end is a success");
    let mut end = String::new();
    std::io::Read::read_to_string(&mut reader, &mut end).unwrap();
    assert!(end.contains(&format!("Everything is kept in {}", data.display())), "{end}");
    let verified = Command::new(BINARY).args(["verify", "--data"]).arg(&data).output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
    let again = Command::new(BINARY).args(["demo", "--exit", "--data"]).arg(&data).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("wants a fresh directory"), "{again:?}");
}
