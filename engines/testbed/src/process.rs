//! One server's process: started, waited for, paused, killed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;

/// How often a server is looked at while something of it is waited for.
const LOOK: Duration = Duration::from_millis(20);
/// How much of what a server said stands in an error.
const SAID_BYTES: u64 = 6_000;

/// A server at work. It ends with this process, however this process ends; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    said: PathBuf,
    /// Where in `said` this run of the server begins.
    from: u64,
}

type Spawned = std::io::Result<Child>;

/// Starts `command` on a thread that lives as long as this process: the kernel kills the child when the *thread* that
/// started it ends, and a test's thread ends with the test.
fn spawn_for_life(command: Command) -> Spawned {
    static SPAWNER: OnceLock<Sender<(Command, Sender<Spawned>)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, receiver) = channel::<(Command, Sender<Spawned>)>();
        std::thread::spawn(move || {
            for (mut command, answer) in receiver {
                // Whoever asked may have gone; then the child is dropped and lives on until this process ends.
                answer.send(command.spawn()).ok();
            }
        });
        sender
    });
    let (answer, spawned) = channel();
    let gone = |_| std::io::Error::other("the thread that starts servers has ended");
    spawner.send((command, answer)).map_err(|_| std::io::Error::other("no thread starts servers"))?;
    spawned.recv().map_err(gone)?
}

impl Process {
    /// Starts `program` with `arguments`, called `name` in errors. What it says is appended to `said`.
    pub fn start(
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = String>,
        said: &Path,
    ) -> Result<Process, Error> {
        let out =
            OpenOptions::new().create(true).append(true).open(said).map_err(Error::file("open", said))?;
        let from = out.metadata().map_err(Error::file("look at", said))?.len();
        let err = out.try_clone().map_err(Error::file("open", said))?;
        // Part of util-linux; it becomes the program, under the same pid.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        // A group of its own: Ctrl-C at a terminal reaches the tests first, and those end it.
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let child = spawn_for_life(command).map_err(Error::program("start", name))?;
        Ok(Process { name: name.to_owned(), child, said: said.to_owned(), from })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has said `words`, since it was started.
    pub fn wait_for_words(&mut self, words: &str, patience: Duration) -> Result<(), Error> {
        self.wait_until(&format!("say {words:?}"), patience, |said| said.contains(words))
    }

    /// Waits until `reached` is true of all that it said since it was started.
    pub fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        mut reached: impl FnMut(&str) -> bool,
    ) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            if reached(&self.said_since(self.from)?) {
                return Ok(());
            }
            let server = self.name.clone();
            if let Some(status) = self.ended()? {
                return Err(Error::Ended { server, status, said: self.last_words() });
            }
            let waited = began.elapsed();
            if waited > patience {
                let (what, waited_ms) = (what.to_owned(), waited.as_millis());
                return Err(Error::TooSlow { server, what, waited_ms, said: self.last_words() });
            }
            // A server says what it says into a file, and ends when it ends: neither wakes anybody.
            std::thread::sleep(LOOK);
        }
    }

    fn said_since(&self, from: u64) -> Result<String, Error> {
        let read = || {
            let mut file = File::open(&self.said)?;
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().map_err(Error::file("read", &self.said))
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        let length = std::fs::metadata(&self.said).map_or(0, |data| data.len());
        let from = self.from.max(length.saturating_sub(SAID_BYTES));
        self.said_since(from).unwrap_or_default()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<String>, Error> {
        let status = self.child.try_wait().map_err(Error::program("watch", &self.name))?;
        Ok(status.map(|status| status.to_string()))
    }

    /// Ends it as by `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.child.kill().map_err(Error::program("kill", &self.name))?;
        self.child.wait().map(drop).map_err(Error::program("watch", &self.name))
    }

    /// Stops its clock: it is there and does nothing, as in a long collection of garbage.
    pub fn pause(&mut self) -> Result<(), Error> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn resume(&mut self) -> Result<(), Error> {
        self.signal(Signal::CONT)
    }

    /// Asks it to end in order, and waits.
    pub fn stop(&mut self, patience: Duration) -> Result<(), Error> {
        self.signal(Signal::TERM)?;
        let began = Instant::now();
        while self.ended()?.is_none() {
            let waited = began.elapsed();
            if waited > patience {
                let (server, waited_ms) = (self.name.clone(), waited.as_millis());
                return Err(Error::TooSlow {
                    server,
                    what: "stop".into(),
                    waited_ms,
                    said: self.last_words(),
                });
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        if self.ended()?.is_some() {
            let (server, act) = (self.name.clone(), "take a signal");
            return Err(Error::State { server, act, state: "has ended" });
        }
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a child that has not been waited for has a pid above 0");
        kill_process(pid, signal).map_err(|errno| Error::program("signal", &self.name)(errno.into()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port of `address` that nobody uses now. Another process may take it before it is used.
pub fn free_port(address: IpAddr) -> Result<u16, Error> {
    let bound = TcpListener::bind((address, 0)).and_then(|listener| listener.local_addr());
    Ok(bound.map_err(Error::program("find a free port on", address.to_string()))?.port())
}
