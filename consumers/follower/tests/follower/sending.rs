//! More is owed than the log takes at once.

use std::sync::Arc;
use std::time::Duration;

use mirabelle_domain::command::ConsiderMilestone;
use mirabelle_domain::{AccountId, MemberId, MilestoneKind};
use mirabelle_follower::core::derived;
use mirabelle_follower::{Core, Follower, Options, Outgoing, Seen};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{
    Append, Bounds, Log, LogId, Offset, Partition, ReadError, Reader, Refused, Tick, Topic, View,
};
use mirabelle_schemas::record::Namespace;
use mirabelle_store::MemoryStore;

use crate::log;

const OWED: u32 = 1_500;
const NOW: i64 = 3_500_000;

/// Owes many commands, and gives all of them whenever it is asked.
struct Owing {
    asked: u32,
}

impl Core for Owing {
    fn role(&self) -> &'static str {
        "courier"
    }

    fn cares(&self, _: u16) -> bool {
        false
    }

    fn see(&mut self, _: &Seen<'_>) {}

    fn act(&mut self, _: i64) -> Vec<Outgoing> {
        self.asked += 1;
        (0..OWED).map(outgoing).collect()
    }

    fn open(&self) -> usize {
        OWED as usize
    }

    fn next_due(&self, _: i64) -> Option<i64> {
        None
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> bool {
        true
    }
}

fn outgoing(number: u32) -> Outgoing {
    let occurrence = format!("P-{number}").parse().unwrap();
    Outgoing {
        account: AccountId::member("acme".parse().unwrap(), MemberId([3; 16])),
        namespace: Namespace::Courier,
        client: derived("courier"),
        key: derived(&format!("consider.{number}")),
        command: ConsiderMilestone { kind: MilestoneKind::Promotion, occurrence }.into(),
        cause: None,
        local_day: None,
        tzdb: None,
    }
}

/// A log that takes so many records at once and no more.
struct Narrow(MemoryLog, usize);

impl Log for Narrow {
    fn id(&self) -> LogId {
        self.0.id()
    }

    fn partitions(&self) -> u16 {
        self.0.partitions()
    }

    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        match batch.len() > self.1 {
            true => Err(Refused::TooLarge { bytes: batch.len(), max: self.1 }),
            false => self.0.append(batch),
        }
    }

    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError> {
        self.0.bounds(topic, partition, view)
    }

    fn reader(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        view: View,
    ) -> Result<Box<dyn Reader>, ReadError> {
        self.0.reader(topic, partition, from, view)
    }

    fn tick(&self, view: View) -> Tick {
        self.0.tick(view)
    }

    fn wait(&self, view: View, since: Tick, timeout: Duration) -> Tick {
        self.0.wait(view, since, timeout)
    }
}

fn sent(log: &MemoryLog) -> u64 {
    log.bounds(Topic::Commands, Partition(0), View::Durable).unwrap().end.0
}

#[test]
fn more_than_the_log_takes_at_once_is_sent_in_slices() {
    for at_once in [1_000, 100, 1] {
        let log = log(1);
        let store = Arc::new(MemoryStore::new(log.id()));
        let narrow = Arc::new(Narrow(log.clone(), at_once));
        let mut follower = Follower::open(narrow, store, Owing { asked: 0 }, Options::default()).unwrap();
        assert!(follower.turn(NOW).unwrap());
        assert_eq!(sent(&log), u64::from(OWED), "{at_once} at once");
    }
}

#[test]
fn what_the_log_has_no_room_for_is_sent_later_and_nothing_more_is_asked_for_until_then() {
    let log = log(1);
    let store = Arc::new(MemoryStore::new(log.id()));
    let shared: Arc<dyn Log> = Arc::new(log.clone());
    let mut follower = Follower::open(shared, store, Owing { asked: 0 }, Options::default()).unwrap();
    for _ in 0..3 {
        log.refuse_next(Refused::Full { queued_bytes: 1 });
        follower.turn(NOW).unwrap();
        assert_eq!((follower.core().asked, sent(&log)), (1, 0));
    }
    // A log that is full is waited for, not asked in a spin.
    log.refuse_next(Refused::Full { queued_bytes: 1 });
    assert!(!follower.turn(NOW).unwrap());
    assert!(follower.turn(NOW).unwrap());
    assert_eq!((follower.core().asked, sent(&log)), (1, u64::from(OWED)));
}
