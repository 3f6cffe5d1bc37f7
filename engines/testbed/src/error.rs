//! What can go wrong with a server.

use std::io;
use std::path::PathBuf;

/// A server could not be had, or does not do as it is told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error("could not {act} {}", path.display())]
    File {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A program that could not be started or watched.
    #[error("could not {act} {program}")]
    Program {
        /// What was tried.
        act: &'static str,
        /// Which.
        program: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("{program} failed ({status}); it said:\n{said}")]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// A server did not come up, or not in time.
    #[error("{server} did not {what} within {waited_ms} ms; it said:\n{said}")]
    TooSlow {
        /// Which.
        server: String,
        /// What was waited for.
        what: String,
        /// How long.
        waited_ms: u128,
        /// The end of what it said.
        said: String,
    },
    /// A server ended while it was waited for.
    #[error("{server} ended ({status}); it said:\n{said}")]
    Ended {
        /// Which.
        server: String,
        /// How.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// It was told what it can't do as it is, such as to pause while it does not run.
    #[error("{server} can't {act}: it {state}")]
    State {
        /// Which.
        server: String,
        /// What it was told.
        act: &'static str,
        /// How it is.
        state: &'static str,
    },
}

impl Error {
    pub(crate) fn file(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { act, path, source }
    }

    pub(crate) fn program(act: &'static str, program: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let program = program.into();
        move |source| Error::Program { act, program, source }
    }
}
