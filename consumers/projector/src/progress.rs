//! How far the rows are, for readers that wait for their own writes and for the door that slows down.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mirabelle_ledger::Health;
use mirabelle_log::Partition;
use parking_lot::{Condvar, Mutex};

/// Shared between the projector and those who wait for it.
pub struct Progress {
    /// `at` up to which the rows of each partition hold everything, microseconds.
    applied: Vec<AtomicI64>,
    /// How long the oldest fact that is not in the rows yet has been in the log, microseconds.
    lag: AtomicI64,
    health: Health,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    moved: Condvar,
    wanted: Condvar,
    observer: OnceLock<Observer>,
}

/// Called after each move.
type Observer = Box<dyn Fn() + Send + Sync>;

impl Progress {
    /// Nothing applied yet, in so many partitions.
    pub fn new(partitions: u16) -> Progress {
        Progress {
            applied: (0..partitions).map(|_| AtomicI64::new(i64::MIN)).collect(),
            lag: AtomicI64::new(0),
            health: Health::new(partitions),
            waiting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            moved: Condvar::new(),
            wanted: Condvar::new(),
            observer: OnceLock::new(),
        }
    }

    /// `at` up to which the partition's rows hold everything; `i64::MIN` before the first.
    pub fn applied(&self, partition: Partition) -> i64 {
        self.applied.get(usize::from(partition.0)).map_or(i64::MIN, |at| at.load(Ordering::Acquire))
    }

    /// How far the rows are behind the log, microseconds.
    pub fn lag(&self) -> i64 {
        self.lag.load(Ordering::Relaxed)
    }

    /// Where the rows have stopped, and why. What stands still there does not count as [`Progress::lag`]: the door stays
    /// open for the others.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether a reader waits for rows.
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Has `told` called after each move of the rows, on the projector's thread. The first observer stays the only one.
    pub fn observe(&self, told: Box<dyn Fn() + Send + Sync>) {
        // A second one would be a second door in this process: there is none.
        self.observer.set(told).ok();
    }

    /// A reader begins, or ends, to wait without a thread of its own: the projector doesn't rest meanwhile.
    pub fn hurry(&self, begins: bool) {
        if begins {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            drop(self.lock.lock());
            self.wanted.notify_all();
        } else {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Waits until the partition's rows hold everything up to `at`; false after `timeout`. Blocks the thread.
    pub fn wait(&self, partition: Partition, at: i64, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut guard = self.lock.lock();
        self.wanted.notify_all();
        let mut reached = self.applied(partition) >= at;
        while !reached && !self.moved.wait_until(&mut guard, deadline).timed_out() {
            reached = self.applied(partition) >= at;
        }
        drop(guard);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        reached || self.applied(partition) >= at
    }

    /// Rests until `pause` has passed or a reader waits.
    pub(crate) fn rest(&self, pause: Duration) {
        let deadline = Instant::now() + pause;
        let mut guard = self.lock.lock();
        while !self.is_awaited() && !self.wanted.wait_until(&mut guard, deadline).timed_out() {}
    }

    pub(crate) fn set(&self, partition: Partition, at: i64) {
        if let Some(applied) = self.applied.get(usize::from(partition.0)) {
            applied.store(at, Ordering::Release);
        }
    }

    pub(crate) fn set_lag(&self, lag: i64) {
        self.lag.store(lag.max(0), Ordering::Relaxed);
    }

    pub(crate) fn tell(&self) {
        if self.is_awaited() {
            drop(self.lock.lock());
            self.moved.notify_all();
        }
        if let Some(told) = self.observer.get() {
            told();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_waits_until_the_rows_are_there_and_no_longer_than_it_wants() {
        let progress = Progress::new(4);
        assert!(!progress.wait(Partition(3), 1041, Duration::ZERO));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| progress.wait(Partition(3), 1041, Duration::from_secs(30)));
            while !progress.is_awaited() {
                std::thread::yield_now();
            }
            progress.set(Partition(2), 5000);
            progress.tell();
            progress.set(Partition(3), 1042);
            progress.tell();
            assert!(waiter.join().unwrap());
        });
        assert!(!progress.is_awaited());
    }
}
