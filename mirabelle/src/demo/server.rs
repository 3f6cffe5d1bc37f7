//! The server, in this process: as `mirabelle serve` runs it, on a directory and ports of the demo's own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// A directory of the demo: its own and gone with it, or one that somebody wants to keep.
pub(super) enum Directory {
    Own(tempfile::TempDir),
    Kept(PathBuf),
}

impl Directory {
    /// A fresh one.
    ///
    /// # Errors
    /// When `kept` holds something already: the demo begins at the beginning.
    pub(super) fn fresh(kept: Option<&Path>) -> anyhow::Result<Directory> {
        let Some(kept) = kept else {
            let own = tempfile::Builder::new().prefix("mirabelle-demo-").tempdir();
            return Ok(Directory::Own(own.context("could not make a directory for the demo")?));
        };
        match std::fs::read_dir(kept) {
            Ok(mut held) => {
                let holds = "holds something already: the demo wants a fresh directory";
                anyhow::ensure!(held.next().is_none(), "{} {holds}", kept.display());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("could not look into {}", kept.display()));
            }
        }
        Ok(Directory::Kept(kept.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Directory::Own(own) => own.path(),
            Directory::Kept(path) => path,
        }
    }
}

/// A running server.
pub(super) struct Server {
    /// Address of the API.
    pub(super) door: SocketAddr,
    /// Address of health and metrics.
    pub(super) admin: SocketAddr,
    /// The first operator key.
    pub(super) operator: String,
    shutdown: CancellationToken,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// Starts the server and waits until it answers.
    pub(super) fn start(data: &Path, listen: SocketAddr, admin: SocketAddr) -> anyhow::Result<Server> {
        let flags = [
            ("data", data.to_string_lossy().into_owned()),
            ("http.listen", listen.to_string()),
            ("http.admin_listen", admin.to_string()),
            ("clock.enabled", "true".to_owned()),
        ];
        let config = Config::load(None, &flags)?;
        let shutdown = CancellationToken::new();
        let (tell, told) = channel();
        let stop = shutdown.clone();
        let serve = move || {
            crate::serve::serve(&config, &stop, |door, admin| {
                // Nobody listens once the demo has failed: then the server ends too.
                tell.send((door, admin)).ok();
            })
        };
        let thread = std::thread::Builder::new().name("serve".to_owned()).spawn(serve);
        let thread = thread.context("no thread for the server")?;
        let Ok((door, admin)) = told.recv() else {
            ended(thread)?;
            bail!("the server ended before it was ready");
        };
        let operator =
            std::fs::read_to_string(data.join("admin.key")).context("could not read the first key")?;
        Ok(Server { door, admin, operator: operator.trim().to_owned(), shutdown, thread })
    }

    /// Where the API is.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.door)
    }

    /// Ends it in order.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        ended(self.thread)
    }

    /// Serves until somebody ends the process in order (Ctrl-C, SIGTERM).
    pub(super) fn serve_on(self) -> anyhow::Result<()> {
        ended(self.thread)
    }
}

fn ended(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    match thread.join() {
        Ok(served) => served.context("the server has failed"),
        Err(_) => bail!("the server's thread panicked"),
    }
}

/// The address that was asked for, or a free port of the same place where it is taken; and whether it is that.
pub(super) fn free(wanted: SocketAddr) -> anyhow::Result<(SocketAddr, bool)> {
    match TcpListener::bind(wanted) {
        Ok(_) => Ok((wanted, true)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok((SocketAddr::new(wanted.ip(), 0), false))
        }
        Err(error) => Err(error).with_context(|| format!("could not listen on {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_and_another_is_free() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let (other, as_asked) = free(address).unwrap();
        assert_eq!((other.ip(), other.port(), as_asked), (address.ip(), 0, false));
        drop(taken);
        assert_eq!(free(address).unwrap(), (address, true));
    }

    #[test]
    fn a_directory_that_holds_something_is_not_the_demos() {
        let held = tempfile::tempdir().unwrap();
        assert!(Directory::fresh(Some(held.path())).is_ok());
        std::fs::write(held.path().join("admin.key"), "mine").unwrap();
        let refused = Directory::fresh(Some(held.path())).err().unwrap().to_string();
        assert!(refused.contains("holds something already"), "{refused}");
        assert_eq!(std::fs::read_to_string(held.path().join("admin.key")).unwrap(), "mine");
    }
}
