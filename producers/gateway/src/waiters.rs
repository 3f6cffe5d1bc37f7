//! Who waits for which command: answered by the tail when it reads the decision.

use std::collections::HashMap;
use std::sync::Arc;

use mirabelle_domain::{CommandId, Fact};
use mirabelle_ledger::Position;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A decision as a waiter gets it.
#[derive(Debug)]
pub struct Answer {
    /// Where it stands.
    pub position: Position,
    /// Business time, microseconds.
    pub accepted_at: i64,
    /// Its facts.
    pub facts: Vec<Fact>,
}

const SHARDS: usize = 16;

type Waiting = HashMap<CommandId, Vec<oneshot::Sender<Arc<Answer>>>>;

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

    /// Waits for the next decision of this id. Register before the append: the decision may be there at once.
    pub fn wait(&self, id: CommandId) -> oneshot::Receiver<Arc<Answer>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.shard(id).lock();
        let senders = waiting.entry(id).or_default();
        senders.retain(|sender| !sender.is_closed());
        senders.push(sender);
        receiver
    }

    /// Whether anybody waits for this id.
    pub fn is_awaited(&self, id: CommandId) -> bool {
        self.shard(id).lock().contains_key(&id)
    }

    /// Answers everybody who waits for this id.
    pub fn answer(&self, id: CommandId, answer: &Arc<Answer>) {
        let senders = self.shard(id).lock().remove(&id);
        for sender in senders.into_iter().flatten() {
            // Whoever no longer waits needs no answer.
            sender.send(Arc::clone(answer)).ok();
        }
    }

    /// Forgets an id whose waiters have all gone.
    pub fn forget(&self, id: CommandId) {
        let mut waiting = self.shard(id).lock();
        if let Some(senders) = waiting.get_mut(&id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
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
