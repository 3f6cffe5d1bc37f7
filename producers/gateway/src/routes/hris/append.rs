//! Into the log, all of it durable before anything is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use mirabelle_domain::Fact;
use mirabelle_log::{Append, Done, Refused};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::outcome::{Delivery, Item, Outcome, Status};
use crate::problem::{self, Problem};
use crate::send::{refused, sound};
use crate::state::State;
use crate::waiters::{Answer, Ticket};

/// Records of one batch: a delivery of a whole workforce never fills the log's queue by itself.
const BATCH_RECORDS: usize = 512;
/// Bytes with which a batch ends.
const BATCH_BYTES: usize = 2 << 20;

/// How long the sender wants to wait for decisions, if it says so: an HR system does not.
pub(super) fn patience(state: &State, headers: &HeaderMap) -> Option<Duration> {
    let (patience, preference) = crate::prefer::patience(state, headers);
    preference.filter(|preference| preference.starts_with("wait=")).map(|_| patience)
}

/// Appends what was planned and waits until all of it is durable; with patience, until it is decided too.
///
/// # Errors
/// When the log does not take it, or nobody can know whether it did. The same delivery may be sent again: what the log
/// has of it counts once.
pub(super) async fn append(
    state: &State,
    delivery: &Delivery,
    items: Vec<Item>,
    patience: Option<Duration>,
) -> Result<Vec<Outcome>, Problem> {
    let deadline = patience.map(|patience| Instant::now() + patience);
    let mut outcomes = Vec::with_capacity(items.len());
    let mut tickets = Vec::new();
    let mut batch = Batch::default();
    for (index, item) in items.into_iter().enumerate() {
        if let (Some(_), Some((command, digest))) = (deadline, item.decided_as) {
            tickets.push((index, state.waiters.wait(command, digest)));
        }
        for append in item.appends {
            batch.bytes += append.entry.value.len();
            batch.appends.push(append);
        }
        outcomes.push(item.outcome);
        if batch.appends.len() >= BATCH_RECORDS || batch.bytes >= BATCH_BYTES {
            batch.write(state, delivery).await?;
        }
    }
    batch.write(state, delivery).await?;
    if let Some(deadline) = deadline {
        decided(&mut outcomes, tickets, deadline).await;
    }
    Ok(outcomes)
}

#[derive(Default)]
struct Batch {
    appends: Vec<Append>,
    bytes: usize,
    /// Whether an earlier batch of this delivery is in the log.
    before: bool,
}

impl Batch {
    async fn write(&mut self, state: &State, delivery: &Delivery) -> Result<(), Problem> {
        let mut appends = std::mem::take(&mut self.appends);
        self.bytes = 0;
        if appends.is_empty() {
            return Ok(());
        }
        if !self.before {
            appends.iter().try_for_each(|append| sound(state, append.partition))?;
        }
        let (sender, durable) = oneshot::channel();
        let awaited = Arc::new(Awaited {
            left: AtomicUsize::new(appends.len()),
            unclear: AtomicBool::new(false),
            sender: Mutex::new(Some(sender)),
        });
        for append in &mut appends {
            append.done = Some(awaited.done());
        }
        if let Err(error) = state.parts.log.append(appends) {
            return Err(self.refused(state, &error));
        }
        self.before = true;
        let bound = Duration::from_millis(state.options.wait_max_ms);
        match tokio::time::timeout(bound, durable).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) | Err(_) => {
                tracing::warn!(tenant = %delivery.tenant, connection = %delivery.name, "a delivery may not be durable");
                let what = "it is not known whether all of the delivery was recorded: send it again, what was counts once";
                Err(Problem::new(problem::INTERNAL, what))
            }
        }
    }

    fn refused(&self, state: &State, error: &Refused) -> Problem {
        let problem = refused(state, error);
        if !self.before || matches!(error, Refused::TooLarge { .. }) {
            return problem;
        }
        let what = "a part of the delivery was recorded: send it again, what was recorded counts once";
        Problem::new(problem::UNAVAILABLE, what).retry_after(2)
    }
}

/// Records whose durability is awaited together.
struct Awaited {
    left: AtomicUsize,
    unclear: AtomicBool,
    sender: Mutex<Option<oneshot::Sender<bool>>>,
}

impl Awaited {
    fn done(self: &Arc<Awaited>) -> Done {
        let awaited = Arc::clone(self);
        Box::new(move |outcome| {
            if outcome.is_err() {
                awaited.unclear.store(true, Ordering::Release);
            }
            if awaited.left.fetch_sub(1, Ordering::AcqRel) == 1
                && let Some(sender) = awaited.sender.lock().take()
            {
                // Whoever no longer waits needs no answer.
                sender.send(!awaited.unclear.load(Ordering::Acquire)).ok();
            }
        })
    }
}

/// Says of each item what was decided by the deadline; the others stay accepted.
async fn decided(outcomes: &mut [Outcome], tickets: Vec<(usize, Ticket<'_>)>, deadline: Instant) {
    for (index, mut ticket) in tickets {
        let Ok(Some(answer)) = tokio::time::timeout_at(deadline, ticket.answer()).await else { continue };
        said(&mut outcomes[index], &answer);
    }
}

fn said(outcome: &mut Outcome, answer: &Answer) {
    match answer.facts.as_slice() {
        [Fact::CommandRepeated(repeated)] if repeated.same_body => outcome.status = Status::Duplicate,
        [Fact::CommandRepeated(_)] => {
            outcome.status = Status::Refused;
            outcome.reason = Some("source_id_reused".to_owned());
            outcome.detail =
                Some("the source has sent other content under this id before, which stands".to_owned());
        }
        [Fact::CommandRejected(rejected)] => {
            outcome.status = Status::Refused;
            outcome.reason = Some(rejected.code.clone());
            outcome.detail = Some(rejected.detail.clone());
        }
        [Fact::InputSetAside(aside)] => {
            outcome.status = Status::DeadLetter;
            outcome.reason = Some(aside.reason.clone());
        }
        _ => {}
    }
}
