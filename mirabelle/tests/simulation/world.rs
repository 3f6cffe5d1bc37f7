//! Everything that there is, on one thread: log, processes, clients, vendor, and the time. One step is one of them doing
//! one thing; after each step the naive ledger reads what has become durable.

mod healing;

use mirabelle_clock::{Clock, Opener};
use mirabelle_courier::Courier;
use mirabelle_domain::{MemberId, Sealed, TenantId};
use mirabelle_follower::Fault;
use mirabelle_fulfiller::{Fulfiller, Order};
use mirabelle_log::{Log, Topic};

use crate::chance::Chance;
use crate::clients::Clients;
use crate::deciders::DeciderProcess;
use crate::door::Door;
use crate::followers::{FollowerProcess, ProjectorProcess};
use crate::log::{Kind, SimLog, Weather};
use crate::truth::{Broken, Truth};
use crate::vendor::{Call, Vendor};

/// 2026-06-15T08:00:00Z.
const BEGINNING: i64 = 1_781_510_400_000_000;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) now: i64,
    pub(crate) log: SimLog,
    pub(crate) truth: Truth,
    pub(crate) vendor: Vendor,
    pub(crate) door: Door,
    pub(crate) clients: Clients,
    pub(crate) deciders: Vec<DeciderProcess>,
    pub(crate) projector: ProjectorProcess,
    pub(crate) couriers: Vec<FollowerProcess<Courier>>,
    pub(crate) clocks: Vec<FollowerProcess<Clock>>,
    pub(crate) fulfillers: Vec<FollowerProcess<Fulfiller>>,
    /// How many lines had ended when each fulfiller began.
    born: Vec<usize>,
    calls: Vec<UnderWay>,
    /// Of a disk, whose one process has one clock.
    machine_skew: i64,
}

struct UnderWay {
    fulfiller: usize,
    life: u64,
    call: Call,
}

/// Nobody's birth date is known here.
struct NoBirthdays;

impl Opener for NoBirthdays {
    fn birthday(&self, _: &TenantId, _: MemberId, _: &Sealed) -> Result<Option<(i8, i8)>, Fault> {
        Ok(None)
    }
}

/// The roles' metrics, made once a thread: nobody reads them.
struct Unread {
    decider: mirabelle_decider::Metrics,
    projector: mirabelle_projector::Metrics,
}

thread_local! {
    static UNREAD: Unread = {
        let registry = prometheus::Registry::new();
        Unread {
            decider: mirabelle_decider::Metrics::new(&registry).expect("metrics of distinct names"),
            projector: mirabelle_projector::Metrics::new(&registry).expect("metrics of distinct names"),
        }
    };
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<World, Broken> {
        let mut chance = Chance::new(seed);
        let partitions = u16::try_from(chance.between(2, 4)).unwrap_or(2);
        let kind = if chance.one_in(4) { Kind::Disk } else { Kind::Broker };
        let log = SimLog::new(kind, partitions, chance.split());
        log.set_now(BEGINNING);
        mirabelle_ledger::create_roots(&log, BEGINNING).map_err(|error| error.to_string())?;
        log.advance_all();
        let (of_decider, of_projector) =
            UNREAD.with(|unread| (unread.decider.clone(), unread.projector.clone()));
        let count = if kind == Kind::Disk { 1 } else { 2 + chance.below(2) };
        let deciders =
            (0..count).map(|n| DeciderProcess::new(n, partitions, of_decider.clone(), &mut chance));
        let deciders = deciders.collect();
        let projector = ProjectorProcess::new(partitions, of_projector, &mut chance);
        let doubled = |chance: &mut Chance| if kind == Kind::Broker && chance.one_in(3) { 2 } else { 1 };
        let make = move || Courier::new(partitions);
        let couriers = (0..doubled(&mut chance))
            .map(|_| FollowerProcess::new("the courier", &mut chance, Box::new(make)))
            .collect();
        let make = move || Clock::new(partitions, Box::new(NoBirthdays));
        let clocks = vec![FollowerProcess::new("the clock", &mut chance, Box::new(make))];
        let fulfillers: Vec<FollowerProcess<Fulfiller>> = (0..doubled(&mut chance))
            .map(|_| FollowerProcess::new("the fulfiller", &mut chance, Box::new(Fulfiller::default)))
            .collect();
        let members = 5 + chance.below(6);
        let mut world = World {
            now: BEGINNING,
            log,
            truth: Truth::new(partitions),
            vendor: Vendor::default(),
            door: Door::default(),
            clients: Clients::new(members, chance.split()),
            deciders,
            projector,
            couriers,
            clocks,
            born: vec![0; fulfillers.len()],
            fulfillers,
            calls: Vec::new(),
            machine_skew: 0,
            chance,
        };
        world.assign_rightly();
        Ok(world)
    }

    pub(crate) fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    /// A whole history: the tenant is set up in good weather, then everything goes wrong, then it heals.
    pub(crate) fn history(&mut self, steps: usize) -> Result<(), Broken> {
        for record in crate::wishes::setting(&mut self.chance) {
            let number = self.door.wish(record, Topic::Commands);
            self.door.send(number, &self.log);
        }
        self.run_to_quiet(SECOND / 10)?;
        self.clients.hire_everybody(&self.log, self.now);
        self.run_rounds(3, SECOND / 10)?;
        let weather = self.weather();
        self.log.set_weather(weather);
        for _ in 0..steps {
            self.step()?;
        }
        self.heal()?;
        self.run_to_quiet(6 * SECOND)
    }

    /// A day's weather: some days are fine, so that crashes and takeovers are seen alone too.
    fn weather(&mut self) -> Weather {
        let chance = &mut self.chance;
        let refused = if chance.one_in(2) { 0 } else { chance.below(60) };
        if self.log.kind() == Kind::Disk || chance.one_in(5) {
            return Weather { refused, ..Weather::default() };
        }
        let mut often = |most: usize| if chance.one_in(3) { 0 } else { chance.below(most) };
        Weather { lost: often(60), late: often(60), twice: often(60), unanswered: often(60), refused }
    }

    /// One thing happens.
    fn step(&mut self) -> Result<(), Broken> {
        self.pass_time();
        match self.chance.below(100) {
            0..=25 => self.decider_turn()?,
            26..=38 => (0..1 + self.chance.below(6)).for_each(|_| self.log.advance()),
            39..=46 => self.log.answer(1 + self.chance.below(12)),
            47..=51 => self.projector_turn()?,
            52..=59 => self.courier_turn()?,
            60..=66 => self.fulfiller_turn()?,
            67..=69 => self.clock_turn()?,
            70..=73 => self.vendor_answers(),
            74..=78 => self.door_turn()?,
            79..=89 => self.clients.act(&mut self.door, &self.log, &self.truth.books, self.now),
            90 | 91 => self.log.land(),
            92..=94 => self.deciders.iter_mut().for_each(|decider| decider.work(1)),
            _ => self.trouble()?,
        }
        self.truth.see(&self.log, &self.vendor)
    }

    fn pass_time(&mut self) {
        let passes = match self.chance.below(400) {
            0 => self.chance.between(HOUR, 8 * 24 * HOUR),
            1..=4 => self.chance.between(2 * SECOND, 40 * SECOND),
            5..=40 => self.chance.between(SECOND / 20, SECOND),
            _ => self.chance.between(50, SECOND / 50),
        };
        self.set_now(self.now + passes);
    }

    fn set_now(&mut self, now: i64) {
        self.now = now;
        self.log.set_now(now + self.machine_skew);
    }

    /// A process that is down starts sooner or later; one that sleeps does nothing.
    fn rises(&mut self, is_up: bool, paused_until: i64) -> (bool, bool) {
        let starts = !is_up && self.chance.one_in(3);
        (starts, (is_up || starts) && self.now >= paused_until)
    }

    fn decider_turn(&mut self) -> Result<(), Broken> {
        let number = self.chance.below(self.deciders.len());
        let (is_up, paused) = (self.deciders[number].is_up(), self.deciders[number].paused_until);
        let (starts, acts) = self.rises(is_up, paused);
        let decider = &mut self.deciders[number];
        if starts {
            decider.start(&self.log, self.now)?;
        }
        if acts { decider.turn(self.now, &mut self.chance) } else { Ok(()) }
    }

    fn projector_turn(&mut self) -> Result<(), Broken> {
        let (starts, acts) = self.rises(self.projector.is_up(), self.projector.paused_until);
        if starts {
            self.projector.start(&self.log)?;
        }
        if acts {
            self.projector.turn(self.now)?;
            if self.chance.one_in(3) {
                self.projector.sync()?;
            }
        }
        Ok(())
    }

    fn courier_turn(&mut self) -> Result<(), Broken> {
        let number = self.chance.below(self.couriers.len());
        let (is_up, paused) = (self.couriers[number].is_up(), self.couriers[number].paused_until);
        let (starts, acts) = self.rises(is_up, paused);
        let courier = &mut self.couriers[number];
        if starts {
            courier.start(&self.log)?;
        }
        if acts {
            courier.round(self.now, &mut |_| {})?;
        }
        keep(courier, &mut self.chance)
    }

    fn clock_turn(&mut self) -> Result<(), Broken> {
        let (is_up, paused) = (self.clocks[0].is_up(), self.clocks[0].paused_until);
        let (starts, acts) = self.rises(is_up, paused);
        let clock = &mut self.clocks[0];
        if starts {
            clock.start(&self.log)?;
        }
        if acts {
            clock.round(self.now, &mut |_| {})?;
        }
        keep(clock, &mut self.chance)
    }

    fn fulfiller_turn(&mut self) -> Result<(), Broken> {
        let number = self.chance.below(self.fulfillers.len());
        let (is_up, paused) = (self.fulfillers[number].is_up(), self.fulfillers[number].paused_until);
        let (starts, acts) = self.rises(is_up, paused);
        if starts {
            self.start_fulfiller(number)?;
        }
        if acts {
            self.fulfil(number)?;
        }
        keep(&mut self.fulfillers[number], &mut self.chance)
    }

    fn start_fulfiller(&mut self, number: usize) -> Result<(), Broken> {
        self.truth.see(&self.log, &self.vendor)?;
        self.born[number] = self.truth.books.lines_ended();
        self.fulfillers[number].start(&self.log)
    }

    /// A round of the fulfiller's loop; its vendor calls are made at once, their answers come later or never.
    fn fulfil(&mut self, number: usize) -> Result<bool, Broken> {
        let mut orders: Vec<Order> = Vec::new();
        self.truth.see(&self.log, &self.vendor)?;
        let busy = self.fulfillers[number].round(self.now, &mut |core| orders.extend(core.calls()))?;
        for order in orders {
            let mut call = self.vendor.order(order, &self.truth.books, self.born[number])?;
            if self.log.late() > 0 && self.chance.one_in(6) {
                call.lose();
            }
            self.calls.push(UnderWay { fulfiller: number, life: self.fulfillers[number].life, call });
        }
        Ok(busy)
    }

    fn vendor_answers(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let place = self.chance.below(self.calls.len());
        let UnderWay { fulfiller, life, call } = self.calls.swap_remove(place);
        let process = &mut self.fulfillers[fulfiller];
        if process.life == life
            && let Some(core) = process.core()
        {
            call.tell(core);
        }
    }

    fn door_turn(&mut self) -> Result<(), Broken> {
        if !self.door.is_up() {
            self.door.start(&self.log)?;
        }
        self.door.turn()
    }

    /// Something goes wrong.
    fn trouble(&mut self) -> Result<(), Broken> {
        if self.log.kind() == Kind::Disk {
            return self.trouble_on_one_machine();
        }
        let decider = self.chance.below(self.deciders.len());
        let pause = self.now + self.chance.between(SECOND / 10, 20 * SECOND);
        match self.chance.below(16) {
            0 | 1 => self.deciders[decider].crash(&mut self.chance),
            2 => self.projector.crash(&mut self.chance),
            3 => self.chance.split_pick(&mut self.couriers, |courier, chance| courier.crash(chance)),
            4 => self.chance.split_pick(&mut self.fulfillers, |fulfiller, chance| fulfiller.crash(chance)),
            5 => self.clocks[0].crash(&mut self.chance),
            6 => self.door.crash(),
            7 => self.deciders[decider].paused_until = pause,
            8 => self.chance.split_pick(&mut self.couriers, |courier, _| courier.paused_until = pause),
            9 => self.chance.split_pick(&mut self.fulfillers, |fulfiller, _| fulfiller.paused_until = pause),
            10..=12 => self.reassign(),
            13 => {
                let skew = self.some_skew();
                match self.chance.below(4) {
                    0 => self.clocks[0].skew = skew,
                    1 => self.chance.split_pick(&mut self.couriers, |courier, _| courier.skew = skew),
                    2 => self.chance.split_pick(&mut self.fulfillers, |fulfiller, _| fulfiller.skew = skew),
                    _ => self.deciders[decider].skew = skew,
                }
            }
            14 => {
                let weather = self.weather();
                self.log.set_weather(weather);
            }
            _ => self.deciders[decider].skew = 0,
        }
        Ok(())
    }

    /// How far a clock is off: mostly little, sometimes by hours.
    fn some_skew(&mut self) -> i64 {
        match self.chance.below(3) {
            0 => 0,
            1 => self.chance.between(-1_900_000, 1_900_000),
            _ => self.chance.between(-5 * HOUR, 30 * HOUR),
        }
    }

    /// One process holds everything: it dies whole, with what the disk had not synced, or its clock is set.
    fn trouble_on_one_machine(&mut self) -> Result<(), Broken> {
        match self.chance.below(8) {
            0..=2 => {
                self.log.crash();
                self.clients.crash();
                self.crash_everything();
            }
            3 => self.projector.crash(&mut self.chance),
            4 => self.door.crash(),
            5 => self.projector.paused_until = self.now + self.chance.between(SECOND, 9 * SECOND),
            6 => {
                let skew = self.some_skew();
                self.set_clocks(skew);
            }
            _ => self.set_clocks(0),
        }
        Ok(())
    }

    fn crash_everything(&mut self) {
        let chance = &mut self.chance;
        self.deciders.iter_mut().for_each(|process| process.crash(chance));
        self.projector.crash(chance);
        self.couriers.iter_mut().for_each(|process| process.crash(chance));
        self.fulfillers.iter_mut().for_each(|process| process.crash(chance));
        self.clocks.iter_mut().for_each(|process| process.crash(chance));
        self.door.crash();
    }

    fn set_clocks(&mut self, skew: i64) {
        self.machine_skew = skew;
        self.deciders.iter_mut().for_each(|process| process.skew = skew);
        self.couriers.iter_mut().for_each(|process| process.skew = skew);
        self.fulfillers.iter_mut().for_each(|process| process.skew = skew);
        self.clocks.iter_mut().for_each(|process| process.skew = skew);
        self.log.set_now(self.now + skew);
    }
}

/// Its checkpoint, now and then.
fn keep<C: mirabelle_follower::Core>(
    process: &mut FollowerProcess<C>,
    chance: &mut Chance,
) -> Result<(), Broken> {
    if chance.one_in(3) { process.keep_place(chance.one_in(2)) } else { Ok(()) }
}
