//! The pure part: decisions in, commands out.

use mirabelle_domain::{AccountId, Command, CommandId, Day, Fact, Key, Name};
use mirabelle_schemas::record::{Actor, ActorKind, Cause, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, input_digest};

/// A counting decision, as a follower sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Partition of `facts`.
    pub partition: u16,
    /// Its seq there.
    pub seq: u64,
    /// Its business time, microseconds.
    pub accepted_at: i64,
    /// Whose account was decided.
    pub account: &'a AccountId,
    /// The command that was decided.
    pub command_id: CommandId,
    /// The facts the follower cares for, each with its index within the decision.
    pub facts: &'a [(u16, Fact)],
}

impl Seen<'_> {
    /// Names a fact as the cause of a command.
    pub fn cause(&self, fact: u16) -> Cause {
        Cause { partition: self.partition, seq: self.seq, fact }
    }
}

/// A command that a follower sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Whose account decides.
    pub account: AccountId,
    /// Space of its id.
    pub namespace: Namespace,
    /// The role's name.
    pub client: Name,
    /// Derived from the fact: a repeat has the same.
    pub key: Key,
    /// What is wanted.
    pub command: Command,
    /// The fact that made it due.
    pub cause: Option<Cause>,
    /// The day where the member works, if the role computed it.
    pub local_day: Option<Day>,
    /// Version of the time-zone data that it was computed with.
    pub tzdb: Option<String>,
}

impl Outgoing {
    /// The id that the decider will know it by.
    pub fn id(&self) -> CommandId {
        command_id(self.namespace, &self.account, &self.client, &self.key)
    }

    /// The record to append.
    pub fn into_record(self) -> CommandRecord {
        let (kind, schema, body) = encode_body(&self.command);
        CommandRecord {
            id: self.id(),
            namespace: self.namespace,
            digest: input_digest(&self.command),
            kind,
            schema,
            body,
            actor: Actor {
                principal: self.client.to_string(),
                kind: ActorKind::Role,
                on_behalf_of: None,
                credential: None,
                request_id: None,
            },
            account: self.account,
            client: self.client,
            key: self.key,
            reason: None,
            local_day: self.local_day,
            tzdb: self.tzdb,
            cause: self.cause,
        }
    }
}

/// Why a role can't go on: printed once, where the role ends.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A follower's step function.
pub trait Core: Send {
    /// The role's name: in ids, cursors and metrics.
    fn role(&self) -> &'static str;

    /// Whether the role needs to see facts of this kind opened. Decisions that answer its own commands are seen
    /// whatever they hold.
    fn cares(&self, kind: u16) -> bool;

    /// Folds one decision into what is owed. Partitions interleave in any order.
    fn see(&mut self, seen: &Seen<'_>);

    /// What is to be sent at `now` (microseconds): what is owed and was not sent lately; some thousands at most, the rest
    /// at the next call. Called only when the end found at the start has been reached and the log has taken all that
    /// the call before gave.
    fn act(&mut self, now: i64) -> Vec<Outgoing>;

    /// What keeps the role from going on, if anything does: it ends, and begins again at its last checkpoint when it is
    /// started again. Asked for after each step.
    fn fault(&mut self) -> Option<Fault> {
        None
    }

    /// How much is owed: for the metrics.
    fn open(&self) -> usize;

    /// How much of it the role does not do by itself any more: it waits for a person. For the metrics.
    fn held(&self) -> usize {
        0
    }

    /// When `act` has something new to say without a new decision, microseconds.
    fn next_due(&self, now: i64) -> Option<i64>;

    /// The state, for the checkpoint.
    fn save(&self) -> Vec<u8>;

    /// Takes a saved state; false when it is of another form, then the role folds from the beginning.
    fn restore(&mut self, saved: &[u8]) -> bool;
}

/// Whether so long has passed since what was sent `at` that it is sent again. A clock that was set back says so too: else
/// it would be waited for until that clock has come again to where it was.
pub fn is_stale(at: i64, now: i64, after: i64) -> bool {
    now.abs_diff(at) >= after.unsigned_abs()
}

/// A name or key made from parts that are known to be of the allowed alphabet.
///
/// # Panics
/// When they are not: a mistake of the caller's, not of a user's.
pub fn derived<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Display,
{
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("a derived name is within its alphabet: {text}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_before_the_clock_was_set_back_is_sent_again() {
        let (sent, after) = (1_041_000_000, 5_000_000);
        assert!(!is_stale(sent, sent + 4_999_999, after) && is_stale(sent, sent + 5_000_000, after));
        assert!(!is_stale(sent, sent - 4_999_999, after) && is_stale(sent, sent - 3_600_000_000, after));
    }
}
