//! One process's share of a run: threads that own their connections, and a common start.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;

use crate::lane::{self, Desk, Shop, Source};
use crate::link::{Link, Peer};
use crate::machine::own_seconds;
use crate::pace::{Alarm, Queue, Schedule, Ticket, dispatch};
use crate::plan::{Pace, Plan, share_of};
use crate::profile::Profile;
use crate::tally::{Entry, Tally};
use crate::wish::Drawer;

/// What a process or a whole run counted.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Counted {
    pub(crate) first: Tally,
    /// The repetition of every key, where it was asked for.
    pub(crate) repeats: Tally,
    /// Processor time of the load generator since the start, connecting left out.
    pub(crate) client_seconds: f64,
}

impl Counted {
    pub(crate) fn merge(&mut self, other: Self) {
        self.first.merge(other.first);
        self.repeats.merge(other.repeats);
        self.client_seconds += other.client_seconds;
    }
}

/// Opens all connections, asks `gate` for the common start, works, and counts.
///
/// # Errors
/// When a connection can't be opened, `gate` fails or a thread panics.
pub(crate) fn run(plan: &Plan, gate: impl FnOnce() -> Result<SystemTime>) -> Result<Counted> {
    let (ready, all_ready) = mpsc::channel();
    let mut threads = Vec::new();
    let mut starts = Vec::new();
    for number in 0..plan.threads {
        let (start, go) = mpsc::channel();
        starts.push(start);
        let (plan, ready) = (plan.clone(), ready.clone());
        threads.push(thread::spawn(move || work(&plan, number, ready, &go)));
    }
    drop(ready);
    for outcome in &all_ready {
        outcome?;
    }
    let start = instant_of(gate()?);
    let used_before = own_seconds();
    for sender in starts {
        sender.send(start).context("a thread ended before the start")?;
    }
    let mut counted = Counted::default();
    for thread in threads {
        let part = thread.join().map_err(|_| anyhow!("a thread of the load generator panicked"))?;
        counted.merge(part?);
    }
    counted.client_seconds = own_seconds() - used_before;
    Ok(counted)
}

/// The process's own clock at `time`; processes agree on the start by the system's.
fn instant_of(time: SystemTime) -> Instant {
    let now = Instant::now();
    match time.duration_since(SystemTime::now()) {
        Ok(ahead) => now + ahead,
        Err(past) => now - past.duration(),
    }
}

fn work(
    plan: &Plan,
    thread: u32,
    ready: mpsc::Sender<Result<()>>,
    go: &mpsc::Receiver<Instant>,
) -> Result<Counted> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let links = match open(plan, thread).await {
            Ok((peer, links)) => {
                ready.send(Ok(())).context("the run was called off")?;
                (peer, links)
            }
            Err(error) => {
                ready.send(Err(error)).context("the run was called off")?;
                return Ok(Counted::default());
            }
        };
        // Whoever waits for all to be ready waits for the last sender to go.
        drop(ready);
        // Nothing else is to run on this thread before the start.
        let start = go.recv().context("the run was called off")?;
        Alarm::new()?.wait_until(start).await?;
        Hand { plan, thread, peer: links.0 }.work(links.1, start).await
    })
}

async fn open(plan: &Plan, thread: u32) -> Result<(Rc<Peer>, Vec<Link>)> {
    let peer = Rc::new(Peer {
        address: plan.address,
        authority: plan.authority.clone(),
        transport: plan.transport,
        profile: Profile::new(&plan.profile, &plan.authority, plan.run, plan.allow_busy)?,
    });
    let mut links = Vec::new();
    for _ in 0..share_of(plan.connections, plan.threads, thread) {
        links.extend(Link::open(&peer, plan.streams).await?);
    }
    if let Pace::Closed { in_flight, .. } = plan.pace {
        links.truncate(share_of(in_flight, plan.threads, thread) as usize);
    }
    Ok((peer, links))
}

/// One thread's work.
struct Hand<'a> {
    plan: &'a Plan,
    thread: u32,
    peer: Rc<Peer>,
}

impl Hand<'_> {
    async fn work(&self, links: Vec<Link>, start: Instant) -> Result<Counted> {
        let drain = self.plan.drain;
        let (span, source) = match self.plan.pace {
            Pace::Closed { warmup, duration, .. } => {
                let end = start + warmup + duration;
                (warmup + duration, Source::AtOnce { end })
            }
            Pace::Open { warmup, duration, .. } => (warmup + duration, Source::Queue(Queue::default())),
            Pace::Burst { count } => {
                let tickets = share_of(count, self.plan.threads, self.thread);
                (Duration::ZERO, due_at(start, (0..tickets).map(|_| None)))
            }
        };
        let shop = self.shop(source, start, start + span + drain, self.plan.recheck);
        let (links, dispatched) = tokio::join!(
            phase(links, &shop, start + span + drain),
            self.dispatch(&shop, start, start + span)
        );
        dispatched.context("the timer failed")?;
        let mut counted = Counted::default();
        if self.plan.recheck {
            counted.repeats = self.repeat(links?, &shop, span + drain).await?;
        }
        counted.first = settle(&shop);
        Ok(counted)
    }

    /// Hands out the instants of an open loop; the other kinds have theirs already.
    async fn dispatch(&self, shop: &Shop, start: Instant, end: Instant) -> std::io::Result<()> {
        let (Pace::Open { rate, arrivals, .. }, Source::Queue(queue)) = (self.plan.pace, &shop.source) else {
            return Ok(());
        };
        let stream = self.plan.stream_number(self.thread);
        let schedule = Schedule::new(arrivals, rate, self.plan.seed, stream, self.plan.stream_count());
        dispatch(schedule, start, end, queue).await
    }

    /// Sends every answered key once more and demands its first answer. It may take as long as the first time.
    async fn repeat(&self, links: Vec<Link>, first: &Shop, patience: Duration) -> Result<Tally> {
        let journal = first.desk.borrow_mut().journal.take().unwrap_or_default();
        let again = Instant::now();
        let source = due_at(again, journal.into_iter().map(Some));
        let shop = self.shop(source, again, again + patience, false);
        let links = self.at_least_one(links).await?;
        phase(links, &shop, again + patience).await?;
        Ok(settle(&shop))
    }

    async fn at_least_one(&self, links: Vec<Link>) -> Result<Vec<Link>> {
        if links.is_empty() { Ok(Link::open(&self.peer, 1).await?) } else { Ok(links) }
    }

    fn shop(&self, source: Source, start: Instant, retry_until: Instant, journal: bool) -> Rc<Shop> {
        let (from, to) = self.plan.window();
        let drawer = Drawer::new(self.plan.mix, self.plan.seed, self.plan.stream_number(self.thread));
        Rc::new(Shop {
            peer: Rc::clone(&self.peer),
            source,
            start,
            window: (start + from, to.map(|to| start + to)),
            retry_until: self.plan.retry.then_some(retry_until),
            desk: RefCell::new(Desk { drawer, tally: Tally::default(), journal: journal.then(Vec::new) }),
        })
    }
}

fn due_at(due: Instant, repeats: impl Iterator<Item = Option<Entry>>) -> Source {
    let queue = Queue::default();
    repeats.for_each(|repeat| queue.push(Ticket { due, repeat }));
    queue.close();
    Source::Queue(queue)
}

/// Lets every link work until the source is empty, at most until `deadline`; the links that are still good.
async fn phase(links: Vec<Link>, shop: &Rc<Shop>, deadline: Instant) -> Result<Vec<Link>> {
    let lanes: Vec<_> =
        links.into_iter().map(|link| tokio::task::spawn_local(lane::run(Rc::clone(shop), link))).collect();
    let mut good = Vec::new();
    for mut lane in lanes {
        match tokio::time::timeout_at(deadline.into(), &mut lane).await {
            Ok(link) => good.extend(link.context("a lane panicked")?),
            Err(_) => lane.abort(),
        }
    }
    Ok(good)
}

/// The thread's counts; requests that were due and never sent count as sent and unanswered.
fn settle(shop: &Shop) -> Tally {
    let mut tally = std::mem::take(&mut shop.desk.borrow_mut().tally);
    if let Source::Queue(queue) = &shop.source {
        tally.sent += queue.len() as u64;
    }
    tally
}
