//! The real binary as a process.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::http::{Link, Reply};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mirabelle");
/// How long a test waits for a state before it calls it missing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A server of its own directory, on ports of its own.
pub(crate) struct Server {
    pub child: Child,
    /// Host and port of the door.
    pub door: String,
    /// Host and port of health and metrics.
    pub admin: String,
    /// The first operator key.
    pub key: String,
}

/// The words that start a server on a directory.
pub(crate) fn serve_words(data: &str) -> Vec<String> {
    let words = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", data];
    words.map(str::to_owned).to_vec()
}

impl Server {
    #[track_caller]
    pub(crate) fn start(data: &Path) -> Server {
        let mut command = Command::new(BINARY);
        command.args(serve_words(data.to_str().unwrap())).stderr(Stdio::null());
        Server::spawn(command, data)
    }

    /// Starts a command that serves `data`, and waits until it answers.
    #[track_caller]
    pub(crate) fn spawn(mut command: Command, data: &Path) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut addresses = line.split("http://").skip(1);
        let mut address = || {
            let rest = addresses.next().unwrap_or_else(|| panic!("the server did not start: {line:?}"));
            let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(rest.len());
            rest[..end].to_owned()
        };
        let (door, admin) = (address(), address());
        let key = std::fs::read_to_string(data.join("admin.key")).unwrap().trim().to_owned();
        Server { child, door, admin, key }
    }

    /// One request on a connection of its own.
    pub(crate) fn try_call(
        &self,
        key: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Reply> {
        let bearer = format!("Bearer {key}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        Link::open(&self.door)?.call(method, path, &all, body)
    }

    #[track_caller]
    pub(crate) fn get(&self, key: &str, path: &str) -> Reply {
        self.try_call(key, "GET", path, &[], "").unwrap()
    }

    /// A write under an `Idempotency-Key`.
    #[track_caller]
    pub(crate) fn post(&self, key: &str, path: &str, idempotency_key: &str, body: &Json) -> Reply {
        self.try_call(key, "POST", path, &[("idempotency-key", idempotency_key)], &body.to_string()).unwrap()
    }

    /// What the admin port says.
    pub(crate) fn admin(&self, path: &str) -> Reply {
        Link::open(&self.admin).unwrap().call("GET", path, &[], "").unwrap()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the process goes on until it has ended in order.
    pub(crate) fn ask_to_end(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
    }

    #[track_caller]
    pub(crate) fn terminate(mut self) {
        self.ask_to_end();
        assert!(self.child.wait().unwrap().success(), "an orderly end is a success");
    }
}

/// Looks until `state` is there; each look is a request.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut state: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = state() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn verify(data: &Path) -> Output {
    Command::new(BINARY).args(["verify", "--json", "--data"]).arg(data).output().unwrap()
}

pub(crate) fn report(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Asserts that everything in a directory holds.
#[track_caller]
pub(crate) fn assert_holds(data: &Path) -> Json {
    let verified = verify(data);
    let said = report(&verified);
    assert_eq!(verified.status.code(), Some(0), "{said:#}");
    said
}
