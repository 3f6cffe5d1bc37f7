//! Writes: each under an idempotency key, waited for, repeated under the same key.

use std::time::{Duration, Instant};

use clap::Args;
use mirabelle_domain::Key;
use serde_json::Value as Json;

use super::failure::{Again, Exit, Failure};
use super::output::{plain, tell, tell_error};
use super::remote::Session;
use crate::client::{Call, Reply};

/// Longest that the server is asked to wait at once, seconds.
const WAIT_AT_ONCE: u64 = 30;

/// Between an answer that says "not decided yet" and the next request.
const BREATH: Duration = Duration::from_millis(200);

/// What every command that changes something takes.
#[derive(Args, Clone, Debug)]
pub(super) struct Write {
    /// The key under which this is done once, however often it is repeated; made at random unless given.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<Key>,
    /// Seconds in which the decision is waited for; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    wait: u64,
}

/// What came of a write.
enum Written {
    /// Decided, now or under the same key before.
    Decided(Reply),
    /// Taken and not decided; what to do about it was said.
    Pending(Exit),
}

impl Write {
    fn key(&self) -> String {
        match &self.idempotency_key {
            Some(key) => key.to_string(),
            None => format!("cli-{:032x}", rand::random::<u128>()),
        }
    }

    /// Sends a write and shows its answer.
    pub(super) fn send(
        &self,
        session: &Session,
        call: Call,
        text: impl FnOnce(&Json) -> String,
    ) -> Result<Exit, Failure> {
        self.send_then(session, call, text, |_| Ok(Exit::Done))
    }

    /// Sends a write, shows its answer, and does what comes then with it.
    pub(super) fn send_then(
        &self,
        session: &Session,
        call: Call,
        text: impl FnOnce(&Json) -> String,
        then: impl FnOnce(&Json) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        match self.written(session, call)? {
            Written::Decided(reply) => {
                session.show(&reply, text)?;
                session.settle(&reply);
                // It was done. Whoever were told of a failure now would do it again under another key.
                then(&session.body(&reply)?).or_else(|failure| {
                    failure.tell();
                    tell_error("It was done, as shown above: do not repeat it. Only what came of it could not be read.");
                    Ok(Exit::Done)
                })
            }
            Written::Pending(exit) => Ok(exit),
        }
    }

    /// Whether whoever asked named the key, as a repeat does.
    pub(super) fn is_keyed(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// How long a decision is waited for.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.wait)
    }

    /// Sends a write. While it is not decided it is repeated under its key: the first decision is its answer.
    fn written(&self, session: &Session, call: Call) -> Result<Written, Failure> {
        let key = self.key();
        let call = call.query_option("tenant", session.tenant()).idempotency_key(&key);
        let deadline = Instant::now() + Duration::from_secs(self.wait);
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
            let wait = (left as u64).min(WAIT_AT_ONCE);
            let call = match u32::try_from(wait) {
                Ok(0) | Err(_) => call.clone().respond_async(),
                Ok(seconds) => call.clone().wait(seconds),
            };
            let reply = session.send_once(&call, Again::Under(key.clone()))?;
            if !reply.is_pending() {
                if reply.replayed {
                    tell_error(
                        "This was decided before under the same idempotency key: its first answer follows.",
                    );
                }
                return Ok(Written::Decided(reply));
            }
            if Instant::now() >= deadline {
                return Ok(Written::Pending(self.tell_pending(session, &reply, &key)));
            }
            // A server that can't wait, because it stops, is not asked without a breath.
            session.pause(BREATH);
        }
    }

    fn tell_pending(&self, session: &Session, reply: &Reply, key: &str) -> Exit {
        if session.json {
            tell(&String::from_utf8_lossy(&reply.body));
        }
        tell_error("The request was taken and is not decided yet; it will be, exactly once.");
        if let Some(account) = reply.location.as_deref().and_then(account_of) {
            tell_error(&format!(
                "What came of it: mirabelle command show {key} --account {}",
                plain(account)
            ));
        }
        tell_error(&format!("Or repeat the command with --idempotency-key {key}."));
        if self.wait == 0 { Exit::Done } else { Exit::Failed }
    }
}

/// The account in the place where a pending command is asked for.
fn account_of(location: &str) -> Option<&str> {
    let (_, query) = location.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("account="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_found_in_the_place_where_a_pending_command_is_asked_for() {
        assert_eq!(account_of("/v1/commands/k%2F1?account=b:spot&tenant=acme"), Some("b:spot"));
        assert_eq!(account_of("/v1/commands/k"), None);
    }
}
