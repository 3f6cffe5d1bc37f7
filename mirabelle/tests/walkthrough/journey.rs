//! `docs/journey.md`, run from top to bottom against a real server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::page::{says, steps};
use crate::{BINARY, root, shell};

/// A server of its own directory, on ports of its own, which does not outlive the test.
struct Server {
    child: Child,
    url: String,
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
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.expect("the server says where it listens").trim_end_matches(',').to_owned();
        Server { child, url }
    }

    /// An orderly end.
    fn end(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "an orderly end is a success");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already after an orderly end.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Between the answers of two blocks.
const END: &str = "\u{1e}end of block\u{1e}";

#[test]
fn every_answer_in_the_journey_is_the_one_that_a_real_server_gives() {
    let page = std::fs::read_to_string(root().join("docs/journey.md")).unwrap();
    let steps = steps(&page);
    assert!(steps.len() >= 15, "only {} commands found", steps.len());
    let answered = steps.iter().filter(|step| step.answer.is_some()).count();
    assert!(answered + 2 >= steps.len(), "only {answered} of {} commands show their answer", steps.len());
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let key = data.path().join("admin.key");
    let mut script = String::new();
    for step in &steps {
        let here = step.command.replace("http://127.0.0.1:8080", &server.url);
        script.push_str(&here.replace("data/admin.key", key.to_str().unwrap()));
        script.push_str(&format!("printf '\\n%s\\n' '{END}'\n"));
    }
    let output = shell::bash(&script, &root());
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let answers: Vec<&str> = said.split(END).collect();
    assert_eq!(answers.len(), steps.len() + 1, "the script ended early:\n{said}\n{errors}");
    for (step, answer) in steps.iter().zip(answers) {
        let Some(page) = &step.answer else { continue };
        if let Err(difference) = says(page, answer) {
            panic!("docs/journey.md, line {}:\n{}\n{difference}\n{errors}", step.line, step.command);
        }
    }
    server.end();
    let verified = Command::new(BINARY).args(["verify", "--data"]).arg(data.path()).output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
}
