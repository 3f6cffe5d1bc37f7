//! Who waits for which command: answered by the tail when it reads the decision.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mirabelle_domain::rejection::is_final_code;
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

    /// Whether it holds for its id for ever: whoever sends the id again gets this answer.
    fn holds(&self) -> bool {
        match self.facts.as_slice() {
            [Fact::CommandRepeated(_) | Fact::InputSetAside(_)] => false,
            [Fact::CommandRejected(rejected)] => is_final_code(&rejected.code),
            _ => true,
        }
    }
}

const SHARDS: usize = 16;

/// The last answers given: most repeats come within seconds of the first. Their loss costs an append each and nothing
/// else, the decider knows every id.
#[derive(Default)]
struct Recent {
    max: usize,
    answers: HashMap<CommandId, Arc<Answer>>,
    /// Oldest first.
    order: VecDeque<CommandId>,
}

impl Recent {
    fn keep(&mut self, id: CommandId, answer: &Arc<Answer>) {
        if self.max == 0 || self.answers.insert(id, Arc::clone(answer)).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }
}

struct Waiter {
    /// The body that the waiter sent.
    digest: Digest,
    sender: oneshot::Sender<Arc<Answer>>,
}

type Waiting = HashMap<CommandId, Vec<Waiter>>;

/// The waiters, by command id.
pub struct Waiters {
    shards: [Mutex<Waiting>; SHARDS],
    recent: [Mutex<Recent>; SHARDS],
}

impl Waiters {
    /// Nobody waits, and of the answers about so many will be kept.
    pub fn keeping(answers: usize) -> Waiters {
        let recent = || Mutex::new(Recent { max: answers.div_ceil(SHARDS), ..Recent::default() });
        Waiters {
            shards: std::array::from_fn(|_| Mutex::default()),
            recent: std::array::from_fn(|_| recent()),
        }
    }

    fn shard(&self, id: CommandId) -> &Mutex<Waiting> {
        &self.shards[usize::from(id.0[0]) % SHARDS]
    }

    /// The answer that was given to this id lately and holds for ever.
    pub fn recent(&self, id: CommandId) -> Option<Arc<Answer>> {
        self.recent[usize::from(id.0[0]) % SHARDS].lock().answers.get(&id).cloned()
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
        if answer.holds() {
            self.recent[usize::from(id.0[0]) % SHARDS].lock().keep(id, answer);
        }
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
    use mirabelle_domain::fact::{CommandRejected, CommandRepeated};
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
        let (waiters, id) = (Waiters::keeping(160), CommandId([5; 16]));
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
    fn an_answer_that_holds_for_ever_is_given_again_and_only_so_many_are_kept() {
        let waiters = Waiters::keeping(160);
        let give = |number: u32, facts: Vec<Fact>| {
            let mut id = CommandId([0; 16]);
            id.0[12..].copy_from_slice(&number.to_be_bytes());
            let ticket = waiters.wait(id, Digest([1; 16]));
            waiters.answer(id, &answer(1, facts));
            drop(ticket);
            waiters.recent(id)
        };
        let rejected = |code: &str| {
            Fact::from(CommandRejected { code: code.to_owned(), detail: String::new(), pointer: None })
        };
        assert!(give(1, vec![rejected("insufficient_points")]).is_some());
        assert!(give(2, vec![rejected("not_yet_adopted")]).is_none(), "its turn comes again");
        assert!(give(3, vec![CommandRepeated { first_seq: 4, same_body: true }.into()]).is_none());
        let first = CommandId([[0; 15].as_slice(), &[1]].concat().try_into().unwrap());
        for number in 10..10 + 10 {
            assert!(waiters.recent(first).is_some());
            assert!(give(number, Vec::new()).is_some());
        }
        assert!(waiters.recent(first).is_none());
    }

    #[test]
    fn whoever_gives_up_waiting_leaves_nothing_behind() {
        let waiters = Waiters::keeping(160);
        let ticket = waiters.wait(CommandId([6; 16]), Digest([1; 16]));
        assert_eq!(waiters.len(), 1);
        drop(ticket);
        assert!(waiters.is_empty());
    }
}
