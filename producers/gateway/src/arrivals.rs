//! Readers that wait for the rows to reach a place: none of them costs a thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use mirabelle_log::Partition;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::state::Progress;

/// By `at`, then by number: those who are reached lie at the front.
type Line = BTreeMap<(i64, u64), oneshot::Sender<()>>;

/// Who waits for which place, by partition.
pub struct Arrivals {
    progress: Arc<dyn Progress>,
    lines: Vec<Mutex<Line>>,
    numbers: AtomicU64,
}

/// One who waits; leaves the line when dropped.
struct Waiting<'a> {
    arrivals: &'a Arrivals,
    partition: usize,
    place: (i64, u64),
    told: oneshot::Receiver<()>,
}

impl Arrivals {
    /// Nobody waits yet. From now on the progress tells of every move.
    pub fn new(progress: Arc<dyn Progress>, partitions: u16) -> Arc<Arrivals> {
        let arrivals = Arc::new(Arrivals {
            progress: Arc::clone(&progress),
            lines: (0..partitions).map(|_| Mutex::default()).collect(),
            numbers: AtomicU64::new(0),
        });
        let told: Weak<Arrivals> = Arc::downgrade(&arrivals);
        progress.observe(Box::new(move || {
            if let Some(arrivals) = told.upgrade() {
                arrivals.moved();
            }
        }));
        arrivals
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lines.iter().map(|line| line.lock().len()).sum()
    }

    /// Waits until a partition's rows hold everything up to `at`; false after `patience`.
    pub async fn reach(&self, partition: Partition, at: i64, patience: Duration) -> bool {
        if self.progress.applied(partition) >= at {
            return true;
        }
        let Some(mut waiting) = self.enter(partition, at) else { return false };
        // What moved before it stood in line told somebody else.
        if self.progress.applied(partition) >= at {
            return true;
        }
        let told = tokio::time::timeout(patience, &mut waiting.told).await;
        matches!(told, Ok(Ok(()))) || self.progress.applied(partition) >= at
    }

    fn enter(&self, partition: Partition, at: i64) -> Option<Waiting<'_>> {
        let index = usize::from(partition.0);
        let line = self.lines.get(index)?;
        let place = (at, self.numbers.fetch_add(1, Ordering::Relaxed));
        let (tell, told) = oneshot::channel();
        line.lock().insert(place, tell);
        self.progress.hurry(true);
        Some(Waiting { arrivals: self, partition: index, place, told })
    }

    /// Tells those whose place is reached.
    fn moved(&self) {
        for (number, line) in (0..).zip(&self.lines) {
            let mut line = line.lock();
            if line.is_empty() {
                continue;
            }
            // Read under the lock: whoever enters later looks for itself.
            let applied = self.progress.applied(Partition(number));
            let later = line.split_off(&(applied.saturating_add(1), 0));
            let reached = std::mem::replace(&mut *line, later);
            drop(line);
            // Whoever no longer listens needs no word.
            for tell in reached.into_values() {
                tell.send(()).ok();
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.arrivals.progress.hurry(false);
        if let Some(line) = self.arrivals.lines.get(self.partition) {
            line.lock().remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize};

    use super::*;

    #[derive(Default)]
    struct Rows {
        applied: AtomicI64,
        hurried: AtomicUsize,
        told: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
    }

    impl Rows {
        fn move_to(&self, at: i64) {
            self.applied.store(at, Ordering::Release);
            self.told.lock().as_ref().unwrap()();
        }
    }

    impl Progress for Rows {
        fn applied(&self, _: Partition) -> i64 {
            self.applied.load(Ordering::Acquire)
        }

        fn lag(&self) -> i64 {
            0
        }

        fn observe(&self, told: Box<dyn Fn() + Send + Sync>) {
            *self.told.lock() = Some(told);
        }

        fn hurry(&self, begins: bool) {
            if begins {
                self.hurried.fetch_add(1, Ordering::AcqRel);
            } else {
                self.hurried.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    #[test]
    fn ten_thousand_readers_wait_on_one_thread_and_each_goes_on_at_its_place() {
        let rows = Arc::new(Rows::default());
        let arrivals = Arrivals::new(Arc::clone(&rows) as Arc<dyn Progress>, 2);
        // One thread in all: a reader that blocked it would keep the next from standing in line.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut readers = tokio::task::JoinSet::new();
            for at in 1..=10_000 {
                let arrivals = Arc::clone(&arrivals);
                readers.spawn(async move {
                    let reached = arrivals.reach(Partition(1), at, Duration::from_secs(600)).await;
                    (at, reached)
                });
            }
            while arrivals.waiting() < 10_000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(rows.hurried.load(Ordering::Acquire), 10_000);
            rows.move_to(4_000);
            for _ in 0..4_000 {
                let (at, reached) = readers.join_next().await.unwrap().unwrap();
                assert!(reached && at <= 4_000, "{at}");
            }
            assert_eq!(arrivals.waiting(), 6_000);
            rows.move_to(20_000);
            while let Some(reader) = readers.join_next().await {
                assert!(reader.unwrap().1);
            }
            // Nobody comes in time, and nobody stays in line for it.
            assert!(!arrivals.reach(Partition(0), 20_001, Duration::ZERO).await);
        });
        assert_eq!((arrivals.waiting(), rows.hurried.load(Ordering::Acquire)), (0, 0));
    }
}
