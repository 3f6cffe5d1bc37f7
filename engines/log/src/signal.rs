//! A counter that threads wait on without spinning, and that costs its mover nothing while nobody waits.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The counter behind [`crate::Log::tick`] and [`crate::Log::wait`].
#[derive(Default)]
pub struct Signal {
    ticks: AtomicU64,
    waiting: AtomicU32,
    lock: Mutex<()>,
    moved: Condvar,
}

impl Signal {
    /// The ticks so far.
    pub fn now(&self) -> u64 {
        self.ticks.load(Ordering::SeqCst)
    }

    /// Adds a tick, and wakes whoever waits.
    pub fn bump(&self) {
        self.ticks.fetch_add(1, Ordering::SeqCst);
        // A waiter announces itself before it looks at the ticks, and this looks for waiters after it has moved
        // them: one of the two sees the other.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock());
            self.moved.notify_all();
        }
    }

    /// Waits until the ticks are no longer `since`, or for so long; returns what they are then.
    pub fn wait(&self, since: u64, timeout: Duration) -> u64 {
        if self.now() != since {
            return self.now();
        }
        let deadline = Instant::now().checked_add(timeout);
        let mut guard = self.lock.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while self.now() == since {
            let timed_out = match deadline {
                Some(deadline) => self.moved.wait_until(&mut guard, deadline).timed_out(),
                None => {
                    self.moved.wait(&mut guard);
                    false
                }
            };
            if timed_out {
                break;
            }
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.now()
    }
}
