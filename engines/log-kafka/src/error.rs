//! What can go wrong with a cluster.

use rdkafka::error::KafkaError;

/// A URL or option that makes no sense. Everything wrong is named at once.
#[derive(Debug, thiserror::Error)]
#[error("the log's URL is not usable:\n{}", .0.iter().map(|wrong| format!("  - {wrong}")).collect::<Vec<_>>().join("\n"))]
pub struct OptionsError(pub Vec<String>);

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A client could not be made of the options.
    #[error("could not make a {client} for {servers}")]
    Client {
        /// Which.
        client: &'static str,
        /// The servers asked for.
        servers: String,
        /// The cause.
        #[source]
        source: KafkaError,
    },
    /// No server answered, or not as it should.
    #[error("could not {act} {on}")]
    Cluster {
        /// What was tried.
        act: &'static str,
        /// On what.
        on: String,
        /// The cause.
        #[source]
        source: KafkaError,
    },
    /// Something did not come to be in time.
    #[error("{what} within {waited_ms} ms")]
    TooSlow {
        /// What did not happen.
        what: String,
        /// How long that was waited for.
        waited_ms: u128,
    },
    /// Topics are missing, or have settings with which answers could be lost.
    #[error("the log {prefix} can't be worked with:\n{}", wrong.iter().map(|wrong| format!("  - {wrong}")).collect::<Vec<_>>().join("\n"))]
    Topics {
        /// The prefix of its topics.
        prefix: String,
        /// Each thing that is wrong.
        wrong: Vec<String>,
    },
    /// It is not the log that was written to before.
    #[error("the log {prefix} is not what it was: {reason}")]
    NotTheLog {
        /// The prefix of its topics.
        prefix: String,
        /// What does not fit.
        reason: String,
    },
    /// No thread.
    #[error("could not start the thread {name}")]
    Thread {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl OpenError {
    pub(crate) fn cluster(act: &'static str, on: impl Into<String>) -> impl FnOnce(KafkaError) -> OpenError {
        let on = on.into();
        move |source| OpenError::Cluster { act, on, source }
    }
}
