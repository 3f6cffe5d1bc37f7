//! Who waits for which command: answered by the tail when it reads the decision.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::{CommandId, Digest, Fact};
use mirabelle_ledger::Position;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A decision as a waiter gets it.
#[derive(Debug)]
pub struct Answer {
    /// Where it stands.
    pub position: Position,
    /// The bucket of its account.
    pub bucket: u16,
    /// The digest of the body that was decided.
    pub digest: Digest,
    /// Business time, microseconds.
    pub accepted_at: i64,
    /// Its facts.
    pub facts: Vec<Fact>,
}

impl Answer {
    /// Whether it says that another decision holds.
    pub fn is_repeat(&self) -> bool {
        matches!(self.facts.as_slice(), [Fact::CommandRepeated(_)])
    }
}

const SHARDS: usize = 16;

struct Waiter {
    /// The body that the waiter sent.
    digest: Digest,
    sender: oneshot::Sender<Arc<Answer>>,
}

type Waiting = HashMap<CommandId, Vec<Waiter>>;

/// The waiters, by command id.
pub struct Waiters {
    shards: [Mutex<Waiting>; SHARDS],
}

impl Default for Waiters {
    fn default() -> Waiters {
        Waiters { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Waiters {
    fn shard(&self, id: CommandId) -> &Mutex<Waiting> {
        &self.shards[usize::from(id.0[0]) % SHARDS]
    }

    /// Waits for the decision of this id and body. Register before the append: the decision may be there at once.
    pub fn wait(&self, id: CommandId, digest: Digest) -> Ticket<'_> {
        let (sender, receiver) = oneshot::channel();
        self.shard(id).lock().entry(id).or_default().push(Waiter { digest, sender });
        Ticket { waiters: self, id, receiver }
    }

    /// Whether anybody waits for this id.
    pub fn is_awaited(&self, id: CommandId) -> bool {
        self.shard(id).lock().contains_key(&id)
    }

    /// Answers those for whom this decision is the answer: the decision that holds for the id answers everybody, a
    /// repeat only those who sent the same body. Of two bodies under one key, each gets what was said about its own.
    pub fn answer(&self, id: CommandId, answer: &Arc<Answer>) {
        let mut waiting = self.shard(id).lock();
        let Some(all) = waiting.remove(&id) else { return };
        let repeat = answer.is_repeat();
        let (answered, left): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|waiter| !repeat || waiter.digest == answer.digest);
        if !left.is_empty() {
            waiting.insert(id, left);
        }
        drop(waiting);
        for waiter in answered {
            // Whoever no longer waits needs no answer.
            waiter.sender.send(Arc::clone(answer)).ok();
        }
    }

    fn forget(&self, id: CommandId) {
        let mut waiting = self.shard(id).lock();
        if let Some(waiters) = waiting.get_mut(&id) {
            waiters.retain(|waiter| !waiter.sender.is_closed());
            if waiters.is_empty() {
                waiting.remove(&id);
            }
        }
    }

    /// How many ids are waited for.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A place among those who wait; dropped, it is given up.
pub struct Ticket<'a> {
    waiters: &'a Waiters,
    id: CommandId,
    receiver: oneshot::Receiver<Arc<Answer>>,
}

impl Ticket<'_> {
    /// The answer; `None`: nobody answers any more.
    pub async fn answer(&mut self) -> Option<Arc<Answer>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        self.waiters.forget(self.id);
    }
}

#[cfg(test)]
mod tests {
    use mirabelle_domain::fact::CommandRepeated;
    use mirabelle_log::{Offset, Partition};

    use super::*;

    fn answer(digest: u8, facts: Vec<Fact>) -> Arc<Answer> {
        let position = Position { partition: Partition(3), seq: 7, at: 1041, offset: Offset(9) };
        Arc::new(Answer { position, bucket: 3, digest: Digest([digest; 16]), accepted_at: 1040, facts })
    }

    fn now(ticket: &mut Ticket<'_>) -> Option<Arc<Answer>> {
        ticket.receiver.try_recv().ok()
    }

    #[test]
    fn of_two_bodies_under_one_key_each_gets_what_was_said_about_its_own() {
        let (waiters, id) = (Waiters::default(), CommandId([5; 16]));
        let mut first = waiters.wait(id, Digest([1; 16]));
        let mut other = waiters.wait(id, Digest([2; 16]));
        let refused = CommandRepeated { first_seq: 4, same_body: false };
        waiters.answer(id, &answer(2, vec![refused.into()]));
        assert!(now(&mut other).is_some_and(|answer| answer.is_repeat()));
        assert!(now(&mut first).is_none());
        waiters.answer(id, &answer(1, Vec::new()));
        assert_eq!(now(&mut first).unwrap().digest, Digest([1; 16]));
        assert!(waiters.is_empty());
    }

    #[test]
    fn whoever_gives_up_waiting_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let ticket = waiters.wait(CommandId([6; 16]), Digest([1; 16]));
        assert_eq!(waiters.len(), 1);
        drop(ticket);
        assert!(waiters.is_empty());
    }
}
