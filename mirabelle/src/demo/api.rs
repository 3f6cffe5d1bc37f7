//! What the demo's customers do: requests with a key, and waiting until the API says what is expected.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::client::{Call, Client, Options, Problem, Reply};

/// How long a state may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks at a state.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Seconds in which a decision is waited for.
const WAIT: u32 = 20;
/// Attempts of one request.
const ATTEMPTS: u32 = 3;

/// Somebody with a key.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    client: Client,
    /// The key, for the commands that are printed: it belongs to a sandbox.
    pub(super) key: String,
}

impl Customer {
    /// Whoever shows this key at this address.
    pub(super) fn new(url: &str, key: &str) -> anyhow::Result<Customer> {
        let shown = Some(SecretString::from(key.to_owned()));
        let options = Options { url: url.to_owned(), key: shown, attempts: ATTEMPTS };
        Ok(Customer { client: Client::new(&options)?, key: key.to_owned() })
    }

    /// A read.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Json> {
        let reply = self.client.send(&Call::get(path)).await.with_context(|| format!("GET {path}"))?;
        json(&reply)
    }

    /// A read that sees what was decided at a position.
    pub(super) async fn get_after(&self, path: &str, position: &str) -> anyhow::Result<Json> {
        let call = Call::get(path).read_after(position);
        json(&self.client.send(&call).await.with_context(|| format!("GET {path}"))?)
    }

    /// A write whose answer has this status.
    pub(super) async fn post(&self, path: &str, body: &Json, status: u16) -> anyhow::Result<Json> {
        let reply = self.sent(path, Call::post(path, body).wait(WAIT)).await?;
        expect(&format!("the status of POST {path}"), &reply.status, &status)?;
        json(&reply)
    }

    /// A write that moves value, under a key of its own.
    pub(super) async fn order(&self, path: &str, key: &str, body: &Json) -> anyhow::Result<Reply> {
        self.sent(path, Call::post(path, body).idempotency_key(key).wait(WAIT)).await
    }

    /// The same for somebody else.
    pub(super) async fn act_for(&self, member: &str, path: &str, body: &Json) -> anyhow::Result<Json> {
        json(&self.sent(path, Call::post(path, body).on_behalf_of(member).wait(WAIT)).await?)
    }

    /// A write that the API refuses, with this status and code.
    pub(super) async fn refused(
        &self,
        path: &str,
        key: &str,
        body: &Json,
        wanted: (u16, &str),
    ) -> anyhow::Result<Problem> {
        let call = Call::post(path, body).idempotency_key(key).wait(WAIT);
        match self.client.send(&call).await {
            Ok(reply) => bail!(
                "POST {path} was to be refused ({}), and was answered {}",
                wanted.1,
                String::from_utf8_lossy(&reply.body)
            ),
            Err(error) => {
                let Some(problem) = error.problem().cloned() else {
                    return Err(error).with_context(|| format!("POST {path}"));
                };
                let said = (problem.status, problem.code.as_str());
                expect(&format!("the refusal of POST {path}"), &said, &wanted)?;
                Ok(problem)
            }
        }
    }

    /// A delivery of an HR system, waited for until it is decided.
    pub(super) async fn deliver(
        &self,
        path: &str,
        content_type: &'static str,
        body: String,
    ) -> anyhow::Result<Reply> {
        // What was recorded counts once: a delivery may be sent again.
        self.sent(path, Call::deliver(path, content_type, body).repeatable().wait(WAIT)).await
    }

    async fn sent(&self, path: &str, call: Call) -> anyhow::Result<Reply> {
        self.client.send(&call).await.with_context(|| format!("POST {path}"))
    }
}

/// An answer as JSON.
pub(super) fn json(reply: &Reply) -> anyhow::Result<Json> {
    Ok(reply.json()?)
}

/// The number at a JSON pointer.
pub(super) fn number(body: &Json, pointer: &str) -> anyhow::Result<i64> {
    body.pointer(pointer)
        .and_then(Json::as_i64)
        .with_context(|| format!("the API says no number at {pointer}: {body}"))
}

/// The text at a JSON pointer.
pub(super) fn text<'a>(body: &'a Json, pointer: &str) -> anyhow::Result<&'a str> {
    body.pointer(pointer)
        .and_then(Json::as_str)
        .with_context(|| format!("the API says no text at {pointer}: {body}"))
}

/// Holds what came against what was expected.
///
/// # Errors
/// Names what differs, with both values.
pub(super) fn expect<T: PartialEq + Debug + ?Sized>(
    what: &str,
    came: &T,
    expected: &T,
) -> anyhow::Result<()> {
    if came == expected { Ok(()) } else { bail!("{what}: expected {expected:?}, but it is {came:?}") }
}

/// Looks until `look` no longer objects; what it objected to last is told when that takes too long.
pub(super) async fn until<T, L, F>(what: &str, mut look: L) -> anyhow::Result<T>
where
    L: FnMut() -> F,
    F: Future<Output = anyhow::Result<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() > deadline => {
                return Err(error).with_context(|| format!("this never came: {what}"));
            }
            Err(_) => tokio::time::sleep(BETWEEN_LOOKS).await,
        }
    }
}
