//! The machine itself.

use std::collections::VecDeque;

use mirabelle_domain::Digest;
use mirabelle_schemas::record::{Claim, ClaimedHead};

use super::backoff::Backoff;
use super::clock::{Clock, News};
use super::standing::{InFlight, Standing, Tenure};
use super::{Attempt, Effect, Now, OwnerAlarm, OwnerOptions, ReadBack, Turn, Why};
use crate::fold::{Fold, Verdict};
use crate::view::{DecisionView, RecordView};

/// The owner's side of one partition: a pure state machine. No IO, no clock, no thread: inputs in, effects out. The
/// decider and the simulation both drive it.
///
/// ```text
///                      assigned                         tick: due
///            ┌─────────┐      ┌──────────────────────┐ Append(claim) ┌───────────────────┐
///            │  idle   ├─────→│ waiting (back-off)   ├──────────────→│ claiming          │
///            └─────────┘      └──────────────────────┘               └──┬─────────────┬──┘
///                 ↑            ↑        ↑   another's claim counts,     │             │ read back as counting:
///                 │            │        └── unclear, silence ───────────┘             │ Rewind(next)
///       lost, or  │            │                                                      ↓
///       leaving   │            │  DropOverlay                     ┌────────────────────────────────┐
///       and all   └────────────┼──────────────────────────────────┤ owning                         │
///       read back              └──────────────────────────────────┤  turn → decided → … append …   │
///                               unclear, own orphan, another's    │  read back: Confirmed(seq)     │
///                               claim counts, silence, clock      └────────────────────────────────┘
/// ```
/// How its user drives it, on one thread a partition:
/// ```text
///  loop:  for each record of FactsReader::read_each      owner.read_back(…)  → do the effects, in order
///         owner.tick(now, fold, random)                                      → do the effects
///         while an input is there and owner.turn(now) is Some(turn):
///             decide; encode; check the size (too large: decide again as a rejection: the turn is still there)
///             owner.decided(turn, digest, bytes, now)
///         append the batch.   Ok: go on.   Refused: keep the batch, owner.held_back(now), append the same batch later
///         a done says Unclear: owner.unclear(attempt, now)
/// ```
/// It hands out each seq of an epoch until the decision of it is told by [`Owner::decided`], and never again: that is
/// what makes a repeat of a record harmless and a second decision impossible.
#[derive(Clone, Debug)]
pub struct Owner {
    options: OwnerOptions,
    standing: Standing,
    leaving: bool,
    backoff: Backoff,
    clock: Clock,
    /// Its clock was not the log's when last they were compared.
    beside_the_log: bool,
}

impl Owner {
    /// An owner of nothing.
    pub fn new(options: OwnerOptions, now: Now) -> Owner {
        let backoff = Backoff::new(options.backoff_min, options.backoff_max);
        let clock = Clock::new(options.clock_off_max, options.clock_settles, now);
        Owner { options, standing: Standing::Idle, leaving: false, backoff, clock, beside_the_log: false }
    }

    /// Membership gives it the partition. Call it when confirmed state is loaded and the reader has caught up: the claim
    /// ends another's epoch.
    pub fn assigned(&mut self, now: Now) {
        self.leaving = false;
        if matches!(self.standing, Standing::Idle) {
            self.standing = Standing::Waiting { since: now.monotonic, at_least: 0, due: None };
        }
    }

    /// Membership will take the partition: no more turns. Acknowledge when [`Owner::settled`] is true.
    pub fn leaving(&mut self) {
        self.leaving = true;
        if !matches!(self.standing, Standing::Owning(_) | Standing::Stopped) {
            self.standing = Standing::Idle;
        }
    }

    /// Whether nothing is in flight and nothing is wanted: the partition can be given away.
    pub fn settled(&self) -> bool {
        match &self.standing {
            Standing::Idle | Standing::Stopped => true,
            Standing::Owning(tenure) => self.leaving && tenure.in_flight.is_empty(),
            Standing::Waiting { .. } | Standing::Claiming { .. } => false,
        }
    }

    /// Membership has taken the partition.
    pub fn lost(&mut self, effects: &mut Vec<Effect>) {
        self.drop_overlay(Why::Unassigned, effects);
        if !matches!(self.standing, Standing::Stopped) {
            self.standing = Standing::Idle;
        }
    }

    /// Time passes. `random` are fresh random bits: of them a claim is made. Call it when [`Owner::wake`] is due, and
    /// after reading.
    pub fn tick(&mut self, now: Now, fold: &Fold, random: u64, effects: &mut Vec<Effect>) {
        match self.clock.look(now) {
            Some(News::Set(by)) => effects.push(Effect::Alarm(OwnerAlarm::ClockSet { by })),
            Some(News::Settled(by)) => {
                effects.push(Effect::Alarm(OwnerAlarm::ClockSettled { by }));
                // Only a new claim, whose append time the log tells, shows that the two agree.
                if matches!(self.standing, Standing::Owning(_)) {
                    self.lose(Why::Clock, now, effects);
                }
            }
            None => {}
        }
        match &mut self.standing {
            Standing::Waiting { since, at_least, due } => {
                let due = *due.get_or_insert_with(|| *since + self.backoff.delay(random).max(*at_least));
                if now.monotonic >= due {
                    self.claim(now, fold, random, effects);
                }
            }
            Standing::Claiming { handed, .. } => {
                if now.monotonic - handed.monotonic > self.options.silence_max {
                    self.lose(Why::Silence, now, effects);
                }
            }
            Standing::Owning(tenure) => {
                let silent = now.monotonic - tenure.heard > self.options.silence_max;
                if silent && !tenure.in_flight.is_empty() {
                    self.lose(Why::Silence, now, effects);
                } else if self.leaving && tenure.in_flight.is_empty() {
                    self.drop_overlay(Why::Unassigned, effects);
                    self.standing = Standing::Idle;
                }
            }
            Standing::Idle | Standing::Stopped => {}
        }
    }

    /// When [`Owner::tick`] has something to do at the latest, on the monotonic clock.
    pub fn wake(&self) -> Option<i64> {
        match &self.standing {
            Standing::Waiting { since, due, .. } => Some(due.unwrap_or(*since)),
            Standing::Claiming { handed, .. } => Some(handed.monotonic + self.options.silence_max + 1),
            Standing::Owning(tenure) if !tenure.in_flight.is_empty() => {
                Some(tenure.heard + self.options.silence_max + 1)
            }
            Standing::Owning(_) | Standing::Idle | Standing::Stopped => None,
        }
    }

    /// A record was read; `fold` as it is after it. Every record must come by here, whatever its verdict.
    pub fn read_back(&mut self, now: Now, fold: &Fold, read: ReadBack<'_>, effects: &mut Vec<Effect>) {
        match (read.verdict, read.record) {
            (Verdict::Claimed, Some(RecordView::Claim(claim))) => {
                self.claimed(now, fold, claim, read.appended_at, effects);
            }
            (Verdict::Counts, Some(RecordView::Decision(decision))) => {
                self.counts(now, fold, decision, read.appended_at, effects);
            }
            (Verdict::Orphan, Some(RecordView::Decision(decision))) if self.is_mine(&decision) => {
                self.lose(Why::Orphan, now, effects);
            }
            (Verdict::StaleClaim, Some(RecordView::Claim(claim))) => match self.standing {
                Standing::Claiming { attempt, .. } if attempt == Attempt::of(claim) => {
                    self.lose(Why::Dethroned, now, effects);
                }
                _ => {}
            },
            (Verdict::Stop(alarm), _) => self.stop(OwnerAlarm::Stopped(alarm.clone()), effects),
            _ => {}
        }
    }

    /// The permission to make the next decision, if there is one: the partition is owned, the clock is right, and there
    /// is room in flight. Asking changes nothing.
    pub fn turn(&self, now: Now) -> Option<Turn> {
        let Standing::Owning(tenure) = &self.standing else { return None };
        let room = tenure.in_flight.len() < self.options.in_flight_max
            && tenure.in_flight_bytes < self.options.in_flight_bytes_max;
        if self.leaving || !room || self.clock.off_by(now).is_some() {
            return None;
        }
        Some(Turn {
            attempt: tenure.attempt,
            seq: tenure.seq + 1,
            prev_digest: tenure.digest,
            at: now.wall.max(tenure.at.saturating_add(1)),
        })
    }

    /// The decision of a turn is made and will be handed to the log, in this order. `digest` is that of its datum, `bytes`
    /// its size. False: the turn is over, and the decision must not be appended.
    #[must_use]
    pub fn decided(&mut self, turn: &Turn, digest: Digest, bytes: usize, now: Now) -> bool {
        let Standing::Owning(tenure) = &mut self.standing else { return false };
        if (turn.attempt, turn.seq, turn.prev_digest) != (tenure.attempt, tenure.seq + 1, tenure.digest) {
            return false;
        }
        if tenure.in_flight.is_empty() {
            tenure.heard = now.monotonic;
        }
        tenure.in_flight.push_back(InFlight { seq: turn.seq, digest, bytes, handed_wall: now.wall });
        tenure.in_flight_bytes += bytes;
        tenure.seq = turn.seq;
        tenure.digest = digest;
        tenure.at = turn.at;
        true
    }

    /// The log has refused a batch, which says for certain that nothing of it was taken. Its user keeps the batch and
    /// appends the same bytes before any others; meanwhile no read-back is missed.
    pub fn held_back(&mut self, now: Now) {
        if let Standing::Owning(tenure) = &mut self.standing {
            tenure.heard = now.monotonic;
        }
    }

    /// The log has refused a claim.
    pub fn claim_refused(&mut self, attempt: Attempt, now: Now, effects: &mut Vec<Effect>) {
        if matches!(self.standing, Standing::Claiming { attempt: own, .. } if own == attempt) {
            self.lose(Why::Refused, now, effects);
        }
    }

    /// Nobody knows what became of a claim or a decision of `attempt`. Late news of an earlier attempt change nothing.
    pub fn unclear(&mut self, attempt: Attempt, now: Now, effects: &mut Vec<Effect>) {
        if self.attempt() == Some(attempt) {
            self.lose(Why::Unclear, now, effects);
        }
    }

    /// The attempt under which it owns or wants to own.
    pub fn attempt(&self) -> Option<Attempt> {
        match &self.standing {
            Standing::Claiming { attempt, .. } => Some(*attempt),
            Standing::Owning(tenure) => Some(tenure.attempt),
            Standing::Idle | Standing::Waiting { .. } | Standing::Stopped => None,
        }
    }

    /// Whether its claim was read back and nothing has ended it since.
    pub fn owns(&self) -> bool {
        matches!(self.standing, Standing::Owning(_))
    }

    /// Whether it decides nothing because this machine's clock was set, or is not the log's.
    pub fn clock_is_wrong(&self) -> bool {
        self.clock.is_set() || self.beside_the_log
    }

    /// Decisions and bytes in flight.
    pub fn in_flight(&self) -> (usize, usize) {
        match &self.standing {
            Standing::Owning(tenure) => (tenure.in_flight.len(), tenure.in_flight_bytes),
            _ => (0, 0),
        }
    }

    fn claim(&mut self, now: Now, fold: &Fold, random: u64, effects: &mut Vec<Effect>) {
        // Before the root there is nothing to claim, after an alarm nothing to own, and a wrong clock may not stamp.
        let head = fold.head().filter(|_| fold.stopped().is_none() && !self.clock.is_set());
        let Some(head) = head else {
            let at_least = self.options.backoff_min;
            self.standing = Standing::Waiting { since: now.monotonic, at_least, due: None };
            return;
        };
        let (newer, own) = (head.domain_revision, self.options.domain_revision);
        if newer > own {
            return self.stop(OwnerAlarm::NewerRevision { newer, own }, effects);
        }
        let attempt = Attempt { epoch: head.epoch + 1, claim: random };
        if let Some(claims) = self.backoff.claimed(now.monotonic) {
            effects.push(Effect::Alarm(OwnerAlarm::ClaimStorm { claims }));
        }
        self.standing = Standing::Claiming { attempt, handed: now };
        effects.push(Effect::Append(Claim {
            epoch: attempt.epoch,
            claim: attempt.claim,
            owner: self.options.name.clone(),
            build: self.options.build.clone(),
            domain_revision: self.options.domain_revision,
            head: ClaimedHead { epoch: head.epoch, seq: head.seq, digest: head.digest },
        }));
    }

    fn claimed(&mut self, now: Now, fold: &Fold, claim: &Claim, appended_at: i64, effects: &mut Vec<Effect>) {
        let (attempt, handed) = match &self.standing {
            Standing::Claiming { attempt, handed } => (*attempt, *handed),
            Standing::Owning(_) => return self.lose(Why::Dethroned, now, effects),
            Standing::Idle | Standing::Waiting { .. } | Standing::Stopped => return,
        };
        if attempt != Attempt::of(claim) {
            return self.lose(Why::Dethroned, now, effects);
        }
        let Some(head) = fold.head() else { return };
        if self.clock_is_off(handed.wall, appended_at, now, effects) {
            return;
        }
        self.standing = Standing::Owning(Tenure {
            attempt,
            seq: head.seq,
            digest: head.digest,
            at: head.at,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            heard: now.monotonic,
        });
        effects.push(Effect::Rewind(head.next));
    }

    fn counts(
        &mut self,
        now: Now,
        fold: &Fold,
        decision: DecisionView,
        appended_at: i64,
        effects: &mut Vec<Effect>,
    ) {
        let seq = decision.seq;
        // Who owns reads only decisions of its own epoch as counting: another's claim would have ended it before.
        let Standing::Owning(tenure) = &mut self.standing else { return effects.push(Effect::Evolve(seq)) };
        let digest = fold.stamp().and_then(|(_, _, digest)| digest);
        let first = tenure.in_flight.pop_front();
        let Some(own) = first.filter(|own| own.seq == seq && digest.is_none_or(|d| d == own.digest)) else {
            effects.push(Effect::Evolve(seq));
            return self.stop(OwnerAlarm::NotMine { seq }, effects);
        };
        tenure.in_flight_bytes -= own.bytes;
        tenure.heard = now.monotonic;
        self.backoff.confirmed();
        effects.push(Effect::Confirmed(seq));
        self.clock_is_off(own.handed_wall, appended_at, now, effects);
    }

    /// Compares the log's append time of an own record with when it was handed over and read back.
    fn clock_is_off(&mut self, handed: i64, appended_at: i64, now: Now, effects: &mut Vec<Effect>) -> bool {
        let off = self.clock.beside_the_log(handed, appended_at, now);
        self.beside_the_log = off.is_some();
        let Some(by) = off else { return false };
        effects.push(Effect::Alarm(OwnerAlarm::ClockOff { by }));
        self.drop_overlay(Why::Clock, effects);
        let at_least = self.options.clock_retry;
        self.standing = Standing::Waiting { since: now.monotonic, at_least, due: None };
        true
    }

    fn is_mine(&self, decision: &DecisionView) -> bool {
        let of = Attempt { epoch: decision.epoch, claim: decision.claim };
        matches!(&self.standing, Standing::Owning(tenure) if tenure.attempt == of)
    }

    /// Gives up what is in flight and claims again after a back-off, or rests if the partition is to go.
    fn lose(&mut self, why: Why, now: Now, effects: &mut Vec<Effect>) {
        self.drop_overlay(why, effects);
        self.backoff.failed();
        self.standing = if self.leaving {
            Standing::Idle
        } else {
            Standing::Waiting { since: now.monotonic, at_least: 0, due: None }
        };
    }

    fn stop(&mut self, alarm: OwnerAlarm, effects: &mut Vec<Effect>) {
        if !matches!(self.standing, Standing::Stopped) {
            self.drop_overlay(Why::Stopped, effects);
            self.standing = Standing::Stopped;
            effects.push(Effect::Alarm(alarm));
        }
    }

    fn drop_overlay(&self, why: Why, effects: &mut Vec<Effect>) {
        if matches!(self.standing, Standing::Owning(_)) {
            effects.push(Effect::DropOverlay(why));
        }
    }
}
