//! When requests are due: instants fixed beforehand, a timer finer than the runtime's, and a queue in
//! which they wait for a free connection while their clock runs.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use crate::options::Arrivals;
use crate::tally::Entry;

/// A request that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) due: Instant,
    /// The request to repeat; a fresh one is drawn when absent.
    pub(crate) repeat: Option<Entry>,
}

/// Due requests of one thread. Connections take them in the order in which they came to wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    tickets: RefCell<VecDeque<Ticket>>,
    closed: Cell<bool>,
    bell: Notify,
}

impl Queue {
    pub(crate) fn push(&self, ticket: Ticket) {
        self.tickets.borrow_mut().push_back(ticket);
        self.bell.notify_one();
    }

    /// No more tickets will come.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.bell.notify_waiters();
    }

    /// Tickets that nobody took.
    pub(crate) fn len(&self) -> usize {
        self.tickets.borrow().len()
    }

    /// The next ticket; `None` after the last of a closed queue.
    pub(crate) async fn pop(&self) -> Option<Ticket> {
        loop {
            let bell = self.bell.notified();
            let ticket = self.tickets.borrow_mut().pop_front();
            if ticket.is_some() || self.closed.get() {
                return ticket;
            }
            bell.await;
        }
    }
}

/// The instants of one thread's requests, as seconds after the start.
#[derive(Debug)]
pub(crate) enum Schedule {
    Uniform { next: f64, step: f64 },
    Poisson { next: f64, rate: f64, random: Box<SmallRng> },
}

impl Schedule {
    /// Thread `stream` of `streams`, which together make `rate` a second.
    pub(crate) fn new(arrivals: Arrivals, rate: f64, seed: u64, stream: u32, streams: u32) -> Self {
        match arrivals {
            Arrivals::Uniform => {
                Self::Uniform { next: f64::from(stream) / rate, step: f64::from(streams) / rate }
            }
            Arrivals::Poisson => {
                let random = SmallRng::seed_from_u64(seed ^ 0x5eed ^ (u64::from(stream) << 32));
                let mut schedule =
                    Self::Poisson { next: 0.0, rate: rate / f64::from(streams), random: Box::new(random) };
                schedule.next();
                schedule
            }
        }
    }

    /// The next instant; those after it are later.
    pub(crate) fn next(&mut self) -> Duration {
        let due = match self {
            Self::Uniform { next, step } => {
                let due = *next;
                *next += *step;
                due
            }
            Self::Poisson { next, rate, random } => {
                let due = *next;
                *next -= (1.0 - random.random::<f64>()).ln() / *rate;
                due
            }
        };
        Duration::from_secs_f64(due)
    }
}

/// Puts a ticket into `queue` at each instant of `schedule` until `end`, then closes it. A ticket that
/// comes late keeps the instant at which it was due.
pub(crate) async fn dispatch(
    mut schedule: Schedule,
    start: Instant,
    end: Instant,
    queue: &Queue,
) -> io::Result<()> {
    let alarm = Alarm::new()?;
    let mut due = start + schedule.next();
    while due < end {
        alarm.wait_until(due).await?;
        let now = Instant::now();
        while due <= now && due < end {
            queue.push(Ticket { due, repeat: None });
            due = start + schedule.next();
        }
    }
    queue.close();
    Ok(())
}

/// A timer of the kernel: the runtime's own wakes up to a millisecond late, more than a fast server takes.
#[derive(Debug)]
pub(crate) struct Alarm {
    descriptor: AsyncFd<OwnedFd>,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe for descriptors that change; an owned one does not"
        )]
        let descriptor = AsyncFd::new(descriptor)?;
        Ok(Self { descriptor })
    }

    pub(crate) async fn wait_until(&self, due: Instant) -> io::Result<()> {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let value =
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) as _ };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(self.descriptor.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            let mut ready = self.descriptor.readable().await?;
            let mut expirations = [0_u8; 8];
            let read = ready.try_io(|inner| Ok(rustix::io::read(inner.get_ref(), &mut expirations)?));
            if let Ok(result) = read {
                result?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_of_a_uniform_schedule_interleave_into_even_steps() {
        let mut instants = Vec::new();
        for stream in 0..4 {
            let mut schedule = Schedule::new(Arrivals::Uniform, 1000.0, 1, stream, 4);
            instants.extend((0..250).map(|_| schedule.next()));
        }
        instants.sort();
        for (index, instant) in instants.iter().enumerate() {
            let expected = index as f64 / 1000.0;
            assert!((instant.as_secs_f64() - expected).abs() < 1e-6, "{index}: {instant:?}");
        }
    }

    #[test]
    fn poisson_arrivals_keep_the_rate_and_vary_as_much_as_their_mean() {
        let mut schedule = Schedule::new(Arrivals::Poisson, 2000.0, 9, 1, 2);
        let instants: Vec<f64> = (0..20_000).map(|_| schedule.next().as_secs_f64()).collect();
        let gaps: Vec<f64> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.001).abs() < 0.000_05, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{variance}");
    }

    #[tokio::test]
    async fn a_late_dispatcher_hands_out_the_instants_that_were_due() {
        let start = Instant::now() - Duration::from_secs(1);
        let queue = Queue::default();
        let schedule = Schedule::new(Arrivals::Uniform, 10.0, 1, 0, 1);
        dispatch(schedule, start, start + Duration::from_millis(950), &queue).await.unwrap();
        let mut due = Vec::new();
        while let Some(ticket) = queue.pop().await {
            due.push(ticket.due.duration_since(start).as_millis());
        }
        assert_eq!(due, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
        assert_eq!(queue.len(), 0);
    }
}
