//! A lane takes due requests one after the other over its link, and judges every answer.

use std::cell::RefCell;
use std::error::Error as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::answer::{Answer, Seen};
use crate::judge::{Expected, Outcome};
use crate::link::{Broken, Link, Peer};
use crate::pace::{Queue, Ticket};
use crate::tally::{Entry, Tally};
use crate::wish::{Drawer, OVERDRAFT, Wish};

/// Between two tries of a request whose connection broke: at first, and at most. A server that starts
/// again needs the processors more than we do.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// After a server said that it is busy, before a closed loop asks again.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Where lanes get their requests from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The next is due as soon as the last is answered, until `end`.
    AtOnce { end: Instant },
    /// From a queue of instants.
    Queue(Queue),
}

/// What the lanes of one thread share.
pub(crate) struct Shop {
    pub(crate) peer: Rc<Peer>,
    pub(crate) source: Source,
    pub(crate) start: Instant,
    /// Requests due in this span are measured.
    pub(crate) window: (Instant, Option<Instant>),
    /// Until when a broken request is tried again; `None` means never.
    pub(crate) retry_until: Option<Instant>,
    pub(crate) desk: RefCell<Desk>,
}

/// What lanes write to, never across an await.
pub(crate) struct Desk {
    pub(crate) drawer: Drawer,
    pub(crate) tally: Tally,
    /// Answered fresh requests, when they are to be repeated at the end.
    pub(crate) journal: Option<Vec<Entry>>,
}

impl Shop {
    async fn next(&self) -> Option<Ticket> {
        match &self.source {
            Source::AtOnce { end } => {
                let now = Instant::now();
                (now < *end).then_some(Ticket { due: now, repeat: None })
            }
            Source::Queue(queue) => queue.pop().await,
        }
    }

    fn measures(&self, due: Instant) -> bool {
        due >= self.window.0 && self.window.1.is_none_or(|end| due < end)
    }
}

/// Works until the source is empty; gives the link back while it is good.
pub(crate) async fn run(shop: Rc<Shop>, link: Link) -> Option<Link> {
    let mut lane = Lane { shop: Rc::clone(&shop), link: Some(link), repeat_next: None };
    while let Some(ticket) = shop.next().await {
        lane.serve(ticket).await;
    }
    lane.link
}

struct Lane {
    shop: Rc<Shop>,
    link: Option<Link>,
    /// A request of this lane to send again with its next ticket.
    repeat_next: Option<Entry>,
}

impl Lane {
    async fn serve(&mut self, ticket: Ticket) {
        let shop = Rc::clone(&self.shop);
        let (wish, expected, then_repeat) = match ticket.repeat.or_else(|| self.repeat_next.take()) {
            Some(entry) => (entry.wish, Expected::SameAs(entry.seen), false),
            None => {
                let drawn = shop.desk.borrow_mut().drawer.draw();
                let expected =
                    if drawn.wish.product == OVERDRAFT { Expected::Refused } else { Expected::Paid };
                (drawn.wish, expected, drawn.then_repeat)
            }
        };
        {
            let tally = &mut shop.desk.borrow_mut().tally;
            tally.sent += 1;
            if shop.measures(ticket.due) {
                tally.lateness.saturating_record(ticket.due.elapsed().as_micros() as u64);
            }
        }
        let Some((answer, sent_before)) = self.exchange(wish).await else { return };
        if answer.closing {
            self.link = None;
        }
        let seen = self.conclude(ticket.due, wish, expected, sent_before, &answer);
        if then_repeat && let Some(seen) = seen {
            self.repeat_next = Some(Entry { wish, seen });
        }
        if seen.is_none() && answer.retry_after && matches!(shop.source, Source::AtOnce { .. }) {
            tokio::time::sleep(BUSY_PAUSE).await;
        }
    }

    /// The answer, and whether the key had been sent before on a connection that broke.
    async fn exchange(&mut self, wish: Wish) -> Option<(Answer, bool)> {
        let shop = Rc::clone(&self.shop);
        let mut sent_before = false;
        let mut pause = RETRY_PAUSE.0;
        loop {
            let failed = match self.try_exchange(&shop.peer, wish).await {
                Ok(answer) => return Some((answer, sent_before)),
                Err(failed) => failed,
            };
            self.link = None;
            sent_before |= !matches!(failed, Broken::Connect { .. } | Broken::Handshake { .. });
            if shop.retry_until.is_none_or(|until| Instant::now() >= until) {
                let cause = failed.source().map(ToString::to_string).unwrap_or_default();
                shop.desk.borrow_mut().tally.complain(failed.to_string(), || cause);
                return None;
            }
            shop.desk.borrow_mut().tally.retried += 1;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE.1);
        }
    }

    async fn try_exchange(&mut self, peer: &Rc<Peer>, wish: Wish) -> Result<Answer, Broken> {
        if self.link.is_none() {
            // With HTTP/2 the lanes of a broken connection go on with one connection each.
            self.link = Link::open(peer, 1).await?.pop();
        }
        let link = self.link.as_mut().ok_or(Broken::Closed)?;
        link.exchange(peer, wish).await
    }

    /// Judges and counts; what to compare a repetition with, if the answer deserves one.
    fn conclude(
        &self,
        due: Instant,
        wish: Wish,
        expected: Expected,
        sent_before: bool,
        answer: &Answer,
    ) -> Option<Seen> {
        let now = Instant::now();
        let rules = &self.shop.peer.profile.rules;
        let verdict = rules.judge(expected, sent_before, answer);
        let outcome = verdict.outcome;
        let desk = &mut *self.shop.desk.borrow_mut();
        let since_start = now.saturating_duration_since(self.shop.start);
        desk.tally.answer(answer, verdict, since_start, now - due, self.shop.measures(due));
        let keep = matches!(outcome, Outcome::Paid | Outcome::Refused | Outcome::Undecided);
        let seen = keep.then(|| answer.seen())?;
        if let Some(journal) = &mut desk.journal {
            journal.push(Entry { wish, seen });
            if outcome == Outcome::Paid && rules.unique_bodies {
                desk.tally.paid_bodies.push(seen.digest);
            }
        }
        Some(seen)
    }
}
