//! Logs that misbehave, over any log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mirabelle_log::{
    Append, Bounds, Log, LogId, Offset, Partition, ReadError, ReadLimit, Reader, Record, Refused, Tick,
    Topic, Unclear, View,
};

/// Loses, delays and repeats appends to `facts`, by a seed.
pub(super) struct Lossy {
    log: Arc<dyn Log>,
    state: Mutex<Fate>,
}

struct Fate {
    random: Random,
    late: Vec<Append>,
}

/// SplitMix64: a fixed sequence from a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl Lossy {
    pub(super) fn over(log: Arc<dyn Log>, seed: u64) -> Lossy {
        Lossy { log, state: Mutex::new(Fate { random: Random(seed), late: Vec::new() }) }
    }
}

impl Log for Lossy {
    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        let mut unanswered = Vec::new();
        {
            let mut state = self.state.lock().expect("nobody panics with it");
            let Fate { random, late } = &mut *state;
            let mut taken = if random.draw().is_multiple_of(3) { std::mem::take(late) } else { Vec::new() };
            for mut append in batch {
                let again = |append: &Append| Append { entry: append.entry.clone(), done: None, ..*append };
                match random.draw() % 50 {
                    0 | 1 => unanswered.extend(append.done.take()),
                    2 | 3 => {
                        unanswered.extend(append.done.take());
                        late.push(append);
                    }
                    4 | 5 => {
                        late.push(again(&append));
                        taken.push(append);
                    }
                    6 | 7 => {
                        taken.push(again(&append));
                        taken.push(append);
                    }
                    _ => taken.push(append),
                }
            }
            // Under the lock, so that what one thread hands over keeps its order.
            self.log.append(taken)?;
        }
        for done in unanswered {
            done(Err(Unclear { reason: "lost or late, as the seed has it".to_owned() }));
        }
        Ok(())
    }

    fn id(&self) -> LogId {
        self.log.id()
    }

    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError> {
        self.log.bounds(topic, partition, view)
    }

    fn reader(&self, topic: Topic, partition: Partition, from: Offset, view: View) -> Opened {
        self.log.reader(topic, partition, from, view)
    }

    fn tick(&self, view: View) -> Tick {
        self.log.tick(view)
    }

    fn wait(&self, view: View, since: Tick, timeout: Duration) -> Tick {
        self.log.wait(view, since, timeout)
    }
}

type Opened = Result<Box<dyn Reader>, ReadError>;

/// What has become of `facts`.
#[derive(Clone, Copy)]
pub(super) enum Damage {
    /// It ends here.
    CutAt(Offset),
    /// The value of this record has another bit at this byte.
    Flipped(Offset, usize),
}

/// A log whose `facts` are damaged.
pub(super) struct Damaged {
    pub(super) log: Arc<dyn Log>,
    pub(super) damage: Damage,
}

impl Log for Damaged {
    fn bounds(&self, topic: Topic, partition: Partition, view: View) -> Result<Bounds, ReadError> {
        let mut bounds = self.log.bounds(topic, partition, view)?;
        if let (Topic::Facts, Damage::CutAt(end)) = (topic, self.damage) {
            bounds.end = bounds.end.min(end);
        }
        Ok(bounds)
    }

    fn reader(&self, topic: Topic, partition: Partition, from: Offset, view: View) -> Opened {
        let Bounds { start, end } = self.bounds(topic, partition, view)?;
        if from > end {
            return Err(ReadError::OutOfRange { topic, partition, offset: from, start, end });
        }
        let reader = self.log.reader(topic, partition, from, view)?;
        Ok(Box::new(DamagedReader { reader, damage: self.damage }))
    }

    fn append(&self, batch: Vec<Append>) -> Result<(), Refused> {
        self.log.append(batch)
    }

    fn id(&self) -> LogId {
        self.log.id()
    }

    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    fn tick(&self, view: View) -> Tick {
        self.log.tick(view)
    }

    fn wait(&self, view: View, since: Tick, timeout: Duration) -> Tick {
        self.log.wait(view, since, timeout)
    }
}

struct DamagedReader {
    reader: Box<dyn Reader>,
    damage: Damage,
}

impl Reader for DamagedReader {
    fn read(&mut self, limit: ReadLimit, out: &mut Vec<Record>) -> Result<(), ReadError> {
        let before = out.len();
        self.reader.read(limit, out)?;
        match self.damage {
            Damage::CutAt(end) => out.retain(|record| record.offset < end),
            Damage::Flipped(offset, byte) => {
                for record in out[before..].iter_mut().filter(|record| record.offset == offset) {
                    let mut value = record.entry.value.to_vec();
                    value[byte] ^= 1;
                    record.entry.value = Bytes::from(value);
                }
            }
        }
        Ok(())
    }

    fn position(&self) -> Offset {
        match self.damage {
            Damage::CutAt(end) => self.reader.position().min(end),
            Damage::Flipped(..) => self.reader.position(),
        }
    }
}
