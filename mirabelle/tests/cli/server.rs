//! A server for all tests that run at once, and a tenant for each.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

const BINARY: &str = env!("CARGO_BIN_EXE_mirabelle");

/// A server of its own directory, on ports of its own. It ends with its last test.
pub(crate) struct Server {
    child: Mutex<Child>,
    pub(crate) url: String,
    pub(crate) data: Arc<tempfile::TempDir>,
}

static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// The server that other tests use now, or a new one.
    pub(crate) fn shared() -> Arc<Server> {
        // A test that failed while it held the lock has left no server behind.
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Server::start(Arc::new(tempfile::tempdir().unwrap())));
            *running = Arc::downgrade(&server);
            server
        })
    }

    pub(crate) fn start(data: Arc<tempfile::TempDir>) -> Server {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().nth(2).expect("the server says where it listens");
        let url = url.trim_end_matches(',').to_owned();
        Server { child: Mutex::new(child), url, data }
    }

    /// Ends in order; the directory stays as long as this does.
    pub(crate) fn terminate(&self) {
        let mut child = self.child.lock().unwrap();
        let id = child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        assert!(child.wait().unwrap().success(), "an orderly end is a success");
    }

    pub(crate) fn admin_key(&self) -> PathBuf {
        self.data.path().join("admin.key")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The binary with nothing of this process's environment that it listens to.
pub(crate) fn mirabelle(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MIRABELLE_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code().expect("no signal ended it"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Said {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

pub(crate) fn run(arguments: &[impl AsRef<OsStr>]) -> Said {
    mirabelle(arguments).output().unwrap().into()
}

/// A sandbox tenant of the server with an admin's key.
pub(crate) struct Tenant {
    pub(crate) server: Arc<Server>,
    pub(crate) place: tempfile::TempDir,
}

impl Tenant {
    #[track_caller]
    pub(crate) fn new(name: &str) -> Tenant {
        let tenant = Tenant { server: Server::shared(), place: tempfile::tempdir().unwrap() };
        tenant
            .operator(&["tenant", "create", name, "--mode", "sandbox", "--zone", "Europe/Berlin"])
            .expect(0);
        let file = tenant.place.path().join("admin.key");
        let file = file.to_str().unwrap();
        tenant
            .operator(&["key", "issue", "admin", "--role", "admin", "--tenant", name, "--out", file])
            .expect(0);
        tenant
    }

    /// With the installation's key.
    pub(crate) fn operator(&self, arguments: &[&str]) -> Said {
        self.with_key(&self.server.admin_key(), arguments)
    }

    pub(crate) fn with_key(&self, key: &Path, arguments: &[&str]) -> Said {
        let mut command = mirabelle(arguments);
        command.args(["--url", &self.server.url, "--key-file"]).arg(key);
        command.output().unwrap().into()
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.place.path().join(format!("{name}.key"))
    }

    /// With the admin's key.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.with_key(&self.key("admin"), arguments)
    }

    /// What a command answers as JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.run(&all).expect(0).json()
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let file = self.place.path().join(name);
        std::fs::write(&file, content).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Asks until a state is there: each question is a process of its own.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, arguments: &[&str], is: impl Fn(&Json) -> bool) -> Json {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let said = self.run(&all);
            if said.code == 0 && is(&said.json()) {
                return said.json();
            }
            assert!(Instant::now() < deadline, "never: {what}: {said:#?}");
        }
    }

    /// Two people, two products, a budget of 10,000 points.
    pub(crate) fn shop(name: &str) -> Tenant {
        let tenant = Tenant::new(name);
        let connection = ["--system", "workday", "--id-space", "staff", "--state", "open"];
        tenant.run(&[&["connection", "add", "workday"], &connection[..]].concat()).expect(0);
        let day = tenant.file("day.toml", "title = \"A day off\"\npoints = 300\ndelivery = \"immediate\"\n");
        tenant.run(&["config", "publish", "product", "day-off", &day]).expect(0);
        let voucher = json!({"title": "Voucher", "points": 250, "delivery": "vendor", "vendor": "sandbox",
            "vendor_product": "gift-25", "countries": ["DE"]});
        let voucher = tenant.file("voucher.json", &voucher.to_string());
        tenant.run(&["config", "publish", "product", "gift-de-25", &voucher]).expect(0);
        for kind in ["connection", "product"] {
            tenant.until("the configuration is adopted", &["config", "list", kind], |versions| {
                versions["adopted"].as_u64() >= Some(3)
            });
        }
        let people = tenant.file("people.json", &people(&["700101", "700102"]));
        let said = tenant.run(&["ingest", "--connection", "workday", &people]).expect(0);
        assert!(said.out.contains("[1] accepted worker") && said.err.contains("2 accepted"), "{said:#?}");
        tenant.until("the people are known", &["balance", "700102"], |_| true);
        tenant.run(&["budget", "open", "spot", "--title", "Spot", "--alert", "80"]).expect(0);
        tenant.run(&["budget", "allocate", "spot", "10000", "--reason", "the year's"]).expect(0);
        tenant
    }

    /// Gives points and waits until they are there.
    #[track_caller]
    pub(crate) fn give(&self, number: &str, points: &str) -> String {
        let given = self.json(&["grant", number, points, "--budget", "spot", "--label", "Thank you"]);
        let grant = given["grants"][0]["id"].as_str().unwrap().to_owned();
        self.until("the points have come", &["grant", "show", &grant], |grant| {
            grant["wallet_state"] == "credited" && grant["budget_state"] == "settled"
        });
        grant
    }
}

/// A Workday report of people.
pub(crate) fn people(numbers: &[&str]) -> String {
    let row = |number: &&str| {
        json!({"Employee_ID": number, "First_Name": "Asha", "Country": "DE", "Hire_Date": "2020-04-01",
            "Time_Zone": "Europe/Berlin"})
    };
    json!({ "Report_Entry": numbers.iter().map(row).collect::<Vec<_>>() }).to_string()
}
