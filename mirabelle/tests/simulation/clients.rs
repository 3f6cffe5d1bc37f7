//! Those outside: clients with their keys, HR systems that say everything twice, and bytes that nobody can read.

use bytes::Bytes;
use mirabelle_ledger::command_append;
use mirabelle_log::{Append, Entry, Log, Partition, Topic};
use mirabelle_schemas::partition_of;
use mirabelle_schemas::record::CommandRecord;

use crate::books::Books;
use crate::chance::Chance;
use crate::door::Door;
use crate::log::SimLog;
use crate::wishes::{hire, other_body, report, wish};

pub(crate) struct Clients {
    chance: Chance,
    members: usize,
    made: usize,
    /// What HR systems have said: they say it again.
    said: Vec<CommandRecord>,
    /// What is still to be sent of a wish that takes several commands.
    planned: Vec<CommandRecord>,
}

impl Clients {
    pub(crate) fn new(members: usize, chance: Chance) -> Clients {
        Clients { chance, members, made: 0, said: Vec::new(), planned: Vec::new() }
    }

    /// The process that they spoke to is gone; they will come again.
    pub(crate) fn crash(&mut self) {
        self.planned.clear();
    }

    pub(crate) fn hire_everybody(&mut self, log: &SimLog, now: i64) {
        for number in 0..self.members {
            for record in hire(number, now) {
                deliver(log, &record);
                self.said.push(record);
            }
        }
    }

    /// Somebody does something.
    pub(crate) fn act(&mut self, door: &mut Door, log: &SimLog, books: &Books, now: i64) {
        match self.chance.below(20) {
            0..=9 => self.wish(door, log, books),
            10..=12 => self.again(door, log),
            13 => self.with_other_body(door, log),
            14..=16 => self.report(log, now),
            17 | 18 => self.repeat_report(log),
            _ => self.rubbish(log),
        }
    }

    fn wish(&mut self, door: &mut Door, log: &SimLog, books: &Books) {
        if self.planned.is_empty() {
            self.made += 1;
            self.planned = wish(self.made, self.members, books, &mut self.chance);
            self.planned.reverse();
        }
        let Some(record) = self.planned.pop() else { return };
        let topic = if self.chance.one_in(4) { Topic::CommandsBulk } else { Topic::Commands };
        let number = door.wish(record, topic);
        door.send(number, log);
    }

    /// A client comes again: without an answer, or long after it had one.
    fn again(&mut self, door: &mut Door, log: &SimLog) {
        let unanswered = door.unanswered();
        let number = match unanswered.is_empty() || self.chance.one_in(3) {
            true => self.chance.below(door.wishes.len()),
            false => *self.chance.pick(&unanswered),
        };
        door.send(number, log);
    }

    fn with_other_body(&mut self, door: &mut Door, log: &SimLog) {
        let of = self.chance.below(door.wishes.len());
        let record = other_body(&door.wishes[of].record, &mut self.chance);
        let number = door.wish(record, Topic::Commands);
        door.send(number, log);
    }

    fn report(&mut self, log: &SimLog, now: i64) {
        self.made += 1;
        let record = report(self.made, self.members, now, &mut self.chance);
        deliver(log, &record);
        self.said.push(record);
    }

    fn repeat_report(&mut self, log: &SimLog) {
        let record = self.chance.pick(&self.said).clone();
        deliver(log, &record);
    }

    /// Bytes that are no command, or a command in a partition where it does not belong.
    fn rubbish(&mut self, log: &SimLog) {
        let topic = *self.chance.pick(&Topic::INPUTS);
        let partition = self.chance.below(usize::from(log.partitions()));
        let partition = Partition(u16::try_from(partition).unwrap_or(0));
        let entry = match self.chance.one_in(2) {
            true => Entry {
                key: Bytes::from_static(b"acme\x1fm:nobody"),
                fingerprint: self.chance.bits(),
                value: Bytes::from(self.chance.bits().to_be_bytes().repeat(2)),
                trace: None,
            },
            false => {
                let record = self.chance.pick(&self.said).clone();
                if partition_of(&record.account, log.partitions()) == partition.0 {
                    return;
                }
                match command_append(topic, &record, log.partitions(), None) {
                    Ok(append) => append.entry,
                    Err(_) => return,
                }
            }
        };
        // Whoever sends such bytes does not ask what became of them.
        log.append(vec![Append { topic, partition, entry, done: None }]).ok();
    }
}

/// An HR system's delivery; it says everything again anyway.
fn deliver(log: &SimLog, record: &CommandRecord) {
    if let Ok(append) = command_append(Topic::Milestones, record, log.partitions(), None) {
        log.append(vec![append]).ok();
    }
}
