//! Who owns what, and how a world becomes whole again.

use super::*;

/// Rounds after which a world that does not come to rest never will.
const ROUNDS_MAX: usize = 400;
/// So many rounds without a record are rest.
const ROUNDS_OF_REST: usize = 3;

impl World {
    /// Membership moves a partition: as it should, or to somebody while another one still believes to own it, or away.
    pub(super) fn reassign(&mut self) {
        let partition = self.chance.below(usize::from(self.log.partitions()));
        let to = self.chance.below(self.deciders.len());
        let (rightly, politely) = (!self.chance.one_in(3), self.chance.one_in(2));
        if rightly {
            for (number, decider) in self.deciders.iter_mut().enumerate() {
                if number != to && decider.assigned[partition] {
                    decider.told(partition, false, politely);
                }
            }
        }
        let gained = rightly || self.chance.one_in(2);
        self.deciders[to].told(partition, gained, politely);
    }

    /// Each partition belongs to one process, and everybody knows it.
    pub(super) fn assign_rightly(&mut self) {
        for partition in 0..usize::from(self.log.partitions()) {
            let to = self.chance.below(self.deciders.len());
            for (number, decider) in self.deciders.iter_mut().enumerate() {
                decider.told(partition, number == to, false);
            }
        }
    }

    /// The log loses nothing any more, what is late lands, clocks are right, nobody sleeps, membership is right.
    pub(super) fn heal(&mut self) -> Result<(), Broken> {
        self.log.set_weather(Weather::default());
        while self.log.late() > 0 {
            self.log.land();
        }
        self.log.advance_all();
        self.set_clocks(0);
        for decider in &mut self.deciders {
            decider.paused_until = 0;
            // An owner that began under a wrong clock waits for a person, who starts it again: so does its alarm say.
            decider.crash(&mut self.chance);
        }
        self.projector.paused_until = 0;
        self.couriers.iter_mut().for_each(|process| process.paused_until = 0);
        self.fulfillers.iter_mut().for_each(|process| process.paused_until = 0);
        self.clocks.iter_mut().for_each(|process| process.paused_until = 0);
        self.assign_rightly();
        Ok(())
    }

    /// Everybody does everything, until nothing happens any more.
    pub(super) fn run_to_quiet(&mut self, micros: i64) -> Result<(), Broken> {
        let (mut ends, mut rest) = (self.log.ends(), 0);
        for _ in 0..ROUNDS_MAX {
            self.run_rounds(1, micros)?;
            let now = self.log.ends();
            let owed = !self.calls.is_empty() || self.open_lines() > 0 || !self.door.unanswered().is_empty();
            rest = if now == ends && !owed { rest + 1 } else { 0 };
            ends = now;
            if rest == ROUNDS_OF_REST {
                return Ok(());
            }
        }
        let unanswered = self.door.unanswered();
        let wish = unanswered.first().map(|number| self.door.wishes[*number].record.key.clone());
        let (lines, calls) = (self.open_lines(), self.calls.len());
        Err(format!(
            "no rest after everything healed: {} commands without an answer (one is {wish:?}), {lines} lines open, {calls} calls under way, ends {ends:?}",
            unanswered.len()
        ))
    }

    fn open_lines(&mut self) -> usize {
        let cores = self.fulfillers.iter_mut().filter_map(FollowerProcess::core);
        cores.map(|core| core.open_lines()).max().unwrap_or(0)
    }

    pub(super) fn run_rounds(&mut self, rounds: usize, micros: i64) -> Result<(), Broken> {
        for _ in 0..rounds {
            self.set_now(self.now + micros);
            self.start_everything()?;
            for _ in 0..3 {
                self.everybody_once()?;
            }
            for number in self.door.unanswered() {
                self.door.send(number, &self.log);
            }
        }
        Ok(())
    }

    fn start_everything(&mut self) -> Result<(), Broken> {
        for decider in self.deciders.iter_mut().filter(|decider| !decider.is_up()) {
            decider.start(&self.log, self.now)?;
        }
        if !self.projector.is_up() {
            self.projector.start(&self.log)?;
        }
        for courier in self.couriers.iter_mut().filter(|courier| !courier.is_up()) {
            courier.start(&self.log)?;
        }
        for clock in self.clocks.iter_mut().filter(|clock| !clock.is_up()) {
            clock.start(&self.log)?;
        }
        for number in 0..self.fulfillers.len() {
            if !self.fulfillers[number].is_up() {
                self.start_fulfiller(number)?;
            }
        }
        if self.door.is_up() { Ok(()) } else { self.door.start(&self.log) }
    }

    fn everybody_once(&mut self) -> Result<(), Broken> {
        self.set_now(self.now + 20_000);
        self.decide_all()?;
        while self.projector.turn(self.now)? > 0 {}
        for courier in &mut self.couriers {
            while courier.round(self.now, &mut |_| {})? {}
        }
        for clock in &mut self.clocks {
            while clock.round(self.now, &mut |_| {})? {}
        }
        for number in 0..self.fulfillers.len() {
            while self.fulfil(number)? {}
        }
        while !self.calls.is_empty() {
            self.vendor_answers();
        }
        self.decide_all()?;
        self.door.turn()?;
        self.truth.see(&self.log, &self.vendor)
    }

    /// Deciders have their turns until none of them has anything to append.
    fn decide_all(&mut self) -> Result<(), Broken> {
        loop {
            self.log.advance_all();
            self.log.answer(usize::MAX);
            let before = self.log.ends();
            for decider in &mut self.deciders {
                decider.turn(self.now, &mut self.chance)?;
                decider.work(usize::MAX);
            }
            if self.log.ends() == before {
                return Ok(());
            }
        }
    }
}
