//! One partition's decider: a step function. Records of `facts`, inputs and time in; effects out.
//!
//! ```text
//!   facts read back ──→ Owner: Confirmed / Evolve ──→ confirmed state (accounts, recent ids)
//!   inputs ──→ step (confirmed + overlay) ──→ overlay ──→ Append to facts
//!                └─ unreadable ──→ dead letter, appended first ──→ InputSetAside
//! ```

use std::sync::Arc;

use mirabelle_domain::{Account, AccountId, CommandId, Digest, Fact, Timestamp};
#[cfg(feature = "planted-bugs")]
use mirabelle_ledger::planted::{Bug, is};
use mirabelle_ledger::{
    Attempt, Effect as OwnerEffect, Fold, Now, Owner, ReadBack, RecordView, Seen, Turn, prepare,
};
use mirabelle_log::{Offset, Record, Topic};
use mirabelle_schemas::decode_fact;
use mirabelle_schemas::record::{Decision, FactsRecord};
use mirabelle_store::Ids;

use crate::accounts::Accounts;
use crate::aside::Aside;
use crate::known::Recent;
use crate::overlay::Overlay;
use crate::step::{
    Draft, Fault, Here, Known, Past, SetAside, Stepped, decision, occupies_id, reject_as_too_large, step,
};
pub use crate::terms::{Alarm, Counts, Effect, Options};

/// One partition.
pub struct Partition {
    here: Here,
    options: Options,
    owner: Owner,
    confirmed: Accounts,
    recent: Recent,
    ids: Arc<dyn Ids>,
    overlay: Overlay,
    next: [Offset; Topic::INPUTS.len()],
    aside: Option<Aside>,
    stopped: bool,
    counts: Counts,
    scratch: Vec<OwnerEffect>,
}

impl Partition {
    /// A partition that has read nothing yet.
    pub fn new(here: Here, options: Options, ids: Arc<dyn Ids>, now: Now) -> Partition {
        let owner = Owner::new(options.owner.clone(), now);
        Partition {
            here,
            options,
            owner,
            confirmed: Accounts::default(),
            recent: Recent::default(),
            ids,
            overlay: Overlay::default(),
            next: [Offset(0); 3],
            aside: None,
            stopped: false,
            counts: Counts::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes confirmed state from a snapshot; before anything is read.
    pub fn restore(&mut self, accounts: Accounts, recent: Recent) {
        self.confirmed = accounts;
        self.recent = recent;
    }

    /// Confirmed state: what a snapshot holds. Never the overlay.
    pub fn confirmed(&self) -> (&Accounts, &Recent) {
        (&self.confirmed, &self.recent)
    }

    /// The owner's side.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Largest record that it hands out.
    pub fn record_bytes_max(&self) -> usize {
        self.options.record_bytes_max
    }

    /// Decisions in flight.
    pub fn in_flight(&self) -> usize {
        self.overlay.len()
    }

    /// Whether the partition has stopped for good.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Membership gives the partition; the reader has caught up.
    pub fn assigned(&mut self, now: Now) {
        if !self.stopped {
            self.owner.assigned(now);
        }
    }

    /// Membership will take the partition.
    pub fn leaving(&mut self) {
        self.owner.leaving();
    }

    /// Membership has taken the partition.
    pub fn lost(&mut self, out: &mut Vec<Effect>) {
        let mut effects = std::mem::take(&mut self.scratch);
        self.owner.lost(&mut effects);
        self.carry_out(&mut effects, None, out);
        self.scratch = effects;
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now, fold: &Fold, random: u64, out: &mut Vec<Effect>) {
        if self.stopped {
            return;
        }
        let mut effects = std::mem::take(&mut self.scratch);
        self.owner.tick(now, fold, random, &mut effects);
        self.carry_out(&mut effects, None, out);
        self.scratch = effects;
        self.finish_aside(now, out);
    }

    /// A record of `facts` was read, whatever its verdict; `fold` as it is after it.
    pub fn read_back(&mut self, now: Now, fold: &Fold, seen: &Seen, out: &mut Vec<Effect>) {
        if self.stopped {
            return;
        }
        let record = seen.record.as_ref().map(|(record, _)| record);
        let read = ReadBack {
            verdict: &seen.verdict,
            record: record.map(RecordView::from),
            appended_at: seen.appended_at,
        };
        let mut effects = std::mem::take(&mut self.scratch);
        self.owner.read_back(now, fold, read, &mut effects);
        let decision = match record {
            Some(FactsRecord::Decision(decision)) => Some((seen.offset, &**decision)),
            _ => None,
        };
        self.carry_out(&mut effects, decision, out);
        self.scratch = effects;
    }

    /// Nobody knows what became of an append of this attempt.
    pub fn unclear(&mut self, attempt: Attempt, now: Now, out: &mut Vec<Effect>) {
        let mut effects = std::mem::take(&mut self.scratch);
        self.owner.unclear(attempt, now, &mut effects);
        self.carry_out(&mut effects, None, out);
        self.scratch = effects;
    }

    /// The log has refused a claim for certain.
    pub fn claim_refused(&mut self, attempt: Attempt, now: Now, out: &mut Vec<Effect>) {
        let mut effects = std::mem::take(&mut self.scratch);
        self.owner.claim_refused(attempt, now, &mut effects);
        self.carry_out(&mut effects, None, out);
        self.scratch = effects;
    }

    /// The log has refused a batch for certain; it is kept and appended again before any other.
    pub fn held_back(&mut self, now: Now) {
        self.owner.held_back(now);
    }

    /// What became of the dead letter of the input at this place: `true` when it is durable, otherwise it is appended again.
    /// One that an earlier tenure appended may answer late: it says nothing of another input.
    pub fn dead_letter_done(&mut self, of: (u8, Offset), durable: bool, now: Now, out: &mut Vec<Effect>) {
        let Some(aside) = self.aside.as_mut().filter(|aside| aside.place() == of) else { return };
        aside.kept |= durable;
        if aside.kept {
            self.finish_aside(now, out);
        } else {
            self.append_dead_letter(now, out);
        }
    }

    /// Whether an input can be taken now.
    pub fn wants_input(&self, now: Now) -> bool {
        !self.stopped && self.aside.is_none() && self.owner.turn(now).is_some()
    }

    /// The next offset of an input topic.
    pub fn next(&self, topic: u8) -> Offset {
        self.next[usize::from(topic)]
    }

    /// Decides one input; call only while [`Partition::wants_input`]. An input before the next offset of its topic was
    /// decided already and is passed over.
    pub fn input(
        &mut self,
        past: &impl Past,
        topic: u8,
        record: &Record,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> Result<(), Fault> {
        if record.offset < self.next(topic) {
            return Ok(());
        }
        let Some(turn) = self.owner.turn(now) else { return Ok(()) };
        #[cfg(feature = "planted-bugs")]
        let record = &match is(Bug::OwnersClock) {
            true => Record { appended_at: now.wall, ..record.clone() },
            false => record.clone(),
        };
        match step(self, past, self.here, topic, record)? {
            Stepped::Decided(draft) => self.decide(&turn, *draft, now, out),
            #[cfg(feature = "planted-bugs")]
            Stepped::Unreadable(_) if is(Bug::UnreadableSkipped) => {
                self.next[usize::from(topic)] = record.offset.next();
            }
            Stepped::Unreadable(why) => self.put_aside(topic, record, why, None, now, out),
            Stepped::Reused(draft, why) => self.put_aside(topic, record, why, Some(draft), now, out),
        }
        Ok(())
    }

    fn put_aside(
        &mut self,
        topic: u8,
        record: &Record,
        why: SetAside,
        decided: Option<Box<Draft>>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        self.aside = Some(Aside { topic, record: record.clone(), why, decided, kept: false });
        self.append_dead_letter(now, out);
    }

    /// Ids that should go into the index now; tell [`Partition::indexed`] when they are there.
    pub fn ids_for_index(&mut self) -> Option<Vec<(CommandId, Offset)>> {
        self.recent.leave(self.options.recent_ids)
    }

    /// The index has them.
    pub fn indexed(&mut self) {
        self.recent.indexed();
    }

    /// The index was not given them.
    pub fn not_indexed(&mut self) {
        self.recent.not_indexed();
    }

    fn append_dead_letter(&self, now: Now, out: &mut Vec<Effect>) {
        let Some(aside) = &self.aside else { return };
        out.push(Effect::AppendDeadLetter(aside.place(), aside.letter(self.here, now.wall)));
    }

    fn finish_aside(&mut self, now: Now, out: &mut Vec<Effect>) {
        let Some(turn) = self.owner.turn(now) else { return };
        let Some(aside) = self.aside.take_if(|aside| aside.kept) else { return };
        self.decide(&turn, aside.into_draft(self.here), now, out);
    }

    fn decide(&mut self, turn: &Turn, mut draft: Draft, now: Now, out: &mut Vec<Effect>) {
        let max = self.options.record_bytes_max;
        let prepared = prepare(&decision(turn, &draft), None, max).unwrap_or_else(|refused| {
            reject_as_too_large(&mut draft, refused.bytes, refused.max);
            prepare(&decision(turn, &draft), None, max).expect("a rejection without its input is small")
        });
        if !self.owner.decided(turn, prepared.digest(), prepared.bytes(), now) {
            return;
        }
        self.count(&draft.facts);
        self.next[usize::from(draft.cursor.topic)] = Offset(draft.cursor.offset).next();
        self.overlay.push(turn.seq, draft, &self.confirmed);
        out.push(Effect::Append(prepared));
    }

    fn count(&mut self, facts: &[Fact]) {
        self.counts.decided += 1;
        match facts.first() {
            Some(Fact::CommandRejected(_)) => self.counts.rejected += 1,
            Some(Fact::CommandRepeated(_)) => self.counts.repeated += 1,
            Some(Fact::InputSetAside(_)) => self.counts.set_aside += 1,
            _ => {}
        }
    }

    fn carry_out(
        &mut self,
        effects: &mut Vec<OwnerEffect>,
        read: Option<(Offset, &Decision)>,
        out: &mut Vec<Effect>,
    ) {
        for effect in effects.drain(..) {
            match effect {
                OwnerEffect::Append(claim) => {
                    self.counts.claims += 1;
                    out.push(Effect::Claim(claim));
                }
                OwnerEffect::Rewind(next) => {
                    self.next = next;
                    #[cfg(feature = "planted-bugs")]
                    if is(Bug::DedupeLost) {
                        self.recent = Recent::default();
                    }
                    out.push(Effect::Rewind(next));
                }
                OwnerEffect::Confirmed(seq) => self.confirm(seq, read, out),
                OwnerEffect::Evolve(seq) => self.evolve(seq, read, out),
                OwnerEffect::DropOverlay(_) => {
                    self.counts.dropped += 1;
                    #[cfg(feature = "planted-bugs")]
                    if is(Bug::SpeculationKept) {
                        continue;
                    }
                    self.overlay.clear();
                    self.aside = None;
                }
                OwnerEffect::Alarm(alarm) => {
                    self.stopped |= alarm.is_final();
                    out.push(Effect::Alarm(alarm.into()));
                }
            }
        }
    }

    fn confirm(&mut self, seq: u64, read: Option<(Offset, &Decision)>, out: &mut Vec<Effect>) {
        self.counts.confirmed += 1;
        match (self.overlay.confirm(seq, &mut self.confirmed), read) {
            (Some(decision), Some((offset, _))) => {
                if decision.occupies {
                    self.recent.insert(decision.command_id, offset);
                }
            }
            _ => self.evolve(seq, read, out),
        }
    }

    fn evolve(&mut self, seq: u64, read: Option<(Offset, &Decision)>, out: &mut Vec<Effect>) {
        let Some((offset, decision)) = read else { return };
        let facts: Result<Vec<Fact>, _> = decision.facts.iter().map(decode_fact).collect();
        match facts {
            Ok(facts) => {
                self.confirmed.evolve(&decision.account, &facts, Timestamp(decision.accepted_at));
                if occupies_id(&facts) {
                    self.recent.insert(decision.command_id, offset);
                }
            }
            Err(source) => {
                self.stopped = true;
                out.push(Effect::Alarm(Alarm::Fact { seq, source }));
            }
        }
    }
}

impl Known for Partition {
    fn account(&self, id: &AccountId) -> Option<&Arc<Account>> {
        #[cfg(feature = "planted-bugs")]
        if is(Bug::ProjectedBalance) && matches!(id.key, mirabelle_domain::AccountKey::Member(_)) {
            return self.confirmed.get(id);
        }
        self.overlay.account(id).or_else(|| self.confirmed.get(id))
    }

    fn in_flight(&self, id: CommandId) -> Option<(u64, Digest)> {
        self.overlay.id(id)
    }

    fn candidates(&self, id: CommandId) -> Result<Vec<Offset>, Fault> {
        let mut candidates: Vec<Offset> = self.recent.candidates(id).collect();
        let indexed = self.ids.lookup(id);
        let indexed =
            indexed.map_err(|source| Fault { act: "look an id up in the index", source: source.into() })?;
        candidates
            .extend(indexed.filter(|found| found.partition.0 == self.here.partition).map(|f| Offset(f.seq)));
        Ok(candidates)
    }
}
