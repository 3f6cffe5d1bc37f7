//! Commands that the log has not taken yet.

use std::collections::VecDeque;

use mirabelle_ledger::command_append;
use mirabelle_log::{Append, Log, Refused, Topic};
use mirabelle_schemas::record::CommandRecord;
use tracing::{error, warn};

use crate::core::Outgoing;

/// Most commands of one append.
const RECORDS_MAX: usize = 512;
/// Most bytes of one append, but for a larger single command: well below what any log takes at once.
const BYTES_MAX: usize = 2 << 20;

/// In the order in which they were given.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<CommandRecord>,
}

impl Outbox {
    pub(crate) fn put(&mut self, outgoing: Vec<Outgoing>) {
        self.waiting.extend(outgoing.into_iter().map(Outgoing::into_record));
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Appends slice by slice until nothing is left or the log has no room: then the rest is kept. Returns how many
    /// commands left the box.
    pub(crate) fn send(&mut self, log: &dyn Log, role: &'static str) -> usize {
        let before = self.waiting.len();
        let mut records_max = RECORDS_MAX;
        while !self.waiting.is_empty() {
            let (taken, batch) = self.slice(log.partitions(), records_max, role);
            if batch.is_empty() {
                self.waiting.drain(..taken);
                continue;
            }
            let commands = batch.len();
            match log.append(batch) {
                Ok(()) => drop(self.waiting.drain(..taken)),
                // Of the whole slice, maybe: then a shorter one goes.
                Err(Refused::TooLarge { .. }) if commands > 1 => records_max = (taken / 2).max(1),
                Err(refused @ (Refused::TooLarge { .. } | Refused::Closed)) => {
                    warn!(role, %refused, commands, "commands were not sent; they are owed still");
                    self.waiting.drain(..taken);
                }
                Err(Refused::Full { .. } | Refused::NoRoom) => break,
            }
        }
        before - self.waiting.len()
    }

    /// The first commands, as far as they go into one append, and how many of those that wait they stand for.
    fn slice(&self, partitions: u16, records_max: usize, role: &'static str) -> (usize, Vec<Append>) {
        let (mut taken, mut bytes, mut batch) = (0, 0, Vec::new());
        for record in self.waiting.iter().take(records_max) {
            match command_append(Topic::Commands, record, partitions, None) {
                Ok(append) => {
                    bytes += append.entry.key.len() + append.entry.value.len();
                    if bytes > BYTES_MAX && !batch.is_empty() {
                        break;
                    }
                    batch.push(append);
                }
                Err(too_large) => {
                    error!(role, id = %record.id, %too_large, "a command can't be sent, ever: what it is owed for waits");
                }
            }
            taken += 1;
        }
        (taken, batch)
    }
}
