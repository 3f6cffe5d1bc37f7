//! What may pass is tried again, in our own time: the driver's policies either give up on a write's time-out or hide
//! a dead node for a minute.

use std::future::Future;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use mirabelle_store::StoreError;
use scylla::errors::{DbError, ExecutionError, NewSessionError, PrepareError, RequestAttemptError};

/// An error that may or may not pass.
pub(crate) trait Passing: std::error::Error + Send + Sync + 'static {
    /// Whether the same request may succeed later.
    fn passes(&self) -> bool;
}

impl Passing for ExecutionError {
    fn passes(&self) -> bool {
        match self {
            ExecutionError::LastAttemptError(error) => error.passes(),
            ExecutionError::PrepareError(error) => error.passes(),
            // No node of the data centre is known, or none has a connection, or none answered in time.
            ExecutionError::EmptyPlan
            | ExecutionError::ConnectionPoolError(_)
            | ExecutionError::RequestTimeout(_)
            | ExecutionError::SchemaAgreementError(_)
            | ExecutionError::MetadataError(_) => true,
            _ => false,
        }
    }
}

impl Passing for PrepareError {
    fn passes(&self) -> bool {
        match self {
            PrepareError::AllAttemptsFailed { first_attempt } => first_attempt.passes(),
            PrepareError::ConnectionPoolError(_) => true,
            _ => false,
        }
    }
}

impl Passing for RequestAttemptError {
    fn passes(&self) -> bool {
        match self {
            RequestAttemptError::UnableToAllocStreamId | RequestAttemptError::BrokenConnectionError(_) => {
                true
            }
            // All our requests are idempotent, so a write whose fate is unknown is sent again.
            RequestAttemptError::DbError(error, _) => matches!(
                error,
                DbError::Unavailable { .. }
                    | DbError::Overloaded
                    | DbError::IsBootstrapping
                    | DbError::ReadTimeout { .. }
                    | DbError::WriteTimeout { .. }
                    | DbError::ReadFailure { .. }
                    | DbError::WriteFailure { .. }
                    | DbError::RateLimitReached { .. }
                    | DbError::Unprepared { .. }
                    | DbError::ServerError
            ),
            _ => false,
        }
    }
}

impl Passing for NewSessionError {
    fn passes(&self) -> bool {
        !matches!(self, NewSessionError::EmptyKnownNodesList | NewSessionError::IllegalConfig(_))
            && !refused_login(self)
    }
}

/// A wrong password stays wrong. It stands deep in the causes, which differ by where the driver met it.
fn refused_login(error: &NewSessionError) -> bool {
    let text = format!("{error:?}");
    text.contains("AuthenticationError") || text.contains("BadCredentials")
}

/// Pauses between attempts: 50 ms, doubling to 2 s, each with a random part on top.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build()
}

/// Asks until there is an answer, an error that lasts, or no patience: an attempt begins within `patience` of the
/// first, or not at all. `again` is called before each further attempt.
pub(crate) async fn persist<T, E, Asking>(
    act: &str,
    patience: Duration,
    again: impl Fn(),
    mut ask: impl FnMut() -> Asking,
) -> Result<T, StoreError>
where
    E: Passing,
    Asking: Future<Output = Result<T, E>>,
{
    let begun = Instant::now();
    let mut pauses = pauses();
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !error.passes() {
            return Err(StoreError::io(act, error));
        }
        let pause = pauses.next().unwrap_or(Duration::from_secs(2));
        if begun.elapsed() + pause > patience {
            return Err(StoreError::Away { act: act.to_owned(), source: Box::new(error) });
        }
        tokio::time::sleep(pause).await;
        again();
    }
}
