//! Why a call has no answer of success.

use std::time::Duration;

use super::{Problem, Reply};

/// Why a call has no answer of success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none that this client speaks.
    #[error("{0} is not an address of the API: it looks like http://127.0.0.1:8080")]
    Address(String),
    /// The URL asks for TLS.
    #[error(
        "{0}: this client speaks HTTP without TLS; run it on the server's machine, or through a tunnel (ssh -N -L \
         8080:127.0.0.1:8080 HOST) with --url http://127.0.0.1:8080"
    )]
    Tls(String),
    /// The key holds what no key holds.
    #[error("the API key holds characters that no key has: is the file the right one?")]
    Key,
    /// A header's value holds control characters.
    #[error("the value of the header {0} holds characters that no header takes")]
    Header(&'static str),
    /// The client itself could not be made, or could not make the request.
    #[error("could not make the request")]
    Client(#[source] reqwest::Error),
    /// Nobody took the connection: nothing was recorded.
    #[error("could not reach the server at {url}, tried {attempts} time(s); nothing was sent")]
    Unreachable {
        /// Where.
        url: String,
        /// How often.
        attempts: u32,
        /// The last failure.
        #[source]
        source: reqwest::Error,
    },
    /// The request was sent and no whole answer came: whether it had an effect is not known.
    #[error(
        "the server at {url} gave no answer, tried {attempts} time(s); whether the request had an effect is not known"
    )]
    Unclear {
        /// Where.
        url: String,
        /// How often.
        attempts: u32,
        /// The last failure.
        #[source]
        source: reqwest::Error,
    },
    /// The API said no.
    #[error("{problem}")]
    Problem {
        /// The page.
        problem: Box<Problem>,
        /// How long the server asks to wait before the next attempt.
        retry_after: Option<Duration>,
    },
    /// A success whose body is not what this call's answer looks like.
    #[error("could not read the server's answer: is it of another release?")]
    Answer(#[source] serde_json::Error),
    /// Whoever answered is not the API.
    #[error("what answered at {url} is not this API: status {status}, and no body that it would send")]
    NotOurs {
        /// HTTP status.
        status: u16,
        /// Where.
        url: String,
    },
}

impl Error {
    /// What an answer without success says.
    pub(super) fn of_answer(reply: Reply, url: &str) -> Error {
        let page = serde_json::from_slice::<Problem>(&reply.body).ok().filter(|_| !reply.cut);
        match page {
            Some(problem) => Error::Problem { problem: Box::new(problem), retry_after: reply.retry_after },
            None => Error::NotOurs { status: reply.status, url: url.to_owned() },
        }
    }

    /// The problem page, if the API answered with one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Error::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Whether nobody knows if the request had an effect.
    pub fn is_unclear(&self) -> bool {
        match self {
            Error::Unclear { .. } => true,
            // A proxy on the way may have given up while the server worked.
            Error::NotOurs { status, .. } => *status >= 500 || *status < 400,
            Error::Problem { problem, .. } => problem.status >= 500 && !said_before_anything(problem),
            _ => false,
        }
    }

    /// Whether another attempt makes sense and can't do harm. `harmless`: the request may be repeated at all.
    pub(super) fn may_be_sent_again(&self, harmless: bool) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Unclear { .. } => harmless,
            Error::Problem { problem, .. } => {
                said_before_anything(problem) || (problem.code == "internal" && harmless)
            }
            // What a proxy says when the server is away.
            Error::NotOurs { status, .. } => matches!(status, 502..=504) && harmless,
            _ => false,
        }
    }

    /// How long the server asked to wait.
    pub(super) fn asked_pause(&self) -> Duration {
        match self {
            Error::Problem { retry_after: Some(pause), .. } => *pause,
            _ => Duration::ZERO,
        }
    }

    /// With the number of attempts that were made.
    pub(super) fn after(self, tried: u32) -> Error {
        match self {
            Error::Unreachable { url, source, .. } => Error::Unreachable { url, attempts: tried, source },
            Error::Unclear { url, source, .. } => Error::Unclear { url, attempts: tried, source },
            other => other,
        }
    }
}

/// Statuses with which the API says that it recorded nothing and may be asked again.
fn said_before_anything(problem: &Problem) -> bool {
    problem.retryable && matches!(problem.status, 408 | 429 | 503)
}
