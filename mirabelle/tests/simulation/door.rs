//! A model of the gateway: it appends what clients want, tails the facts, and answers who waits. Clients remember every
//! answer, and come again with the same key when they got none.

use std::collections::HashMap;

use mirabelle_domain::{CommandId, Digest, Fact};
use mirabelle_ledger::{FactsReader, ReaderOptions, Start, command_append};
use mirabelle_log::{Log, Partition, ReadLimit, Topic};
use mirabelle_schemas::decode_fact;
use mirabelle_schemas::record::{CommandRecord, Decision};

use crate::log::SimLog;
use crate::truth::{Broken, Truth};

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The decision that holds: its place, its facts. A rejection by the rules is one too.
    Decided { partition: u16, seq: u64, facts: Vec<Fact> },
    /// The key belongs to another body.
    OtherBody,
}

/// What a client wants, under one key and with one body.
pub(crate) struct Wish {
    pub(crate) record: CommandRecord,
    topic: Topic,
    /// Appends that the log took, or may have taken.
    sent: usize,
    /// Definite refusals: "nothing was recorded".
    refused: usize,
    waits: bool,
    answers: Vec<Answer>,
}

#[derive(Default)]
pub(crate) struct Door {
    pub(crate) wishes: Vec<Wish>,
    by_id: HashMap<CommandId, Vec<usize>>,
    tail: Option<Tail>,
}

struct Tail {
    readers: Vec<FactsReader>,
    read: HashMap<(u16, u64), Vec<Fact>>,
}

impl Door {
    pub(crate) fn is_up(&self) -> bool {
        self.tail.is_some()
    }

    pub(crate) fn start(&mut self, log: &SimLog) -> Result<(), Broken> {
        let open = |partition| FactsReader::open(log, partition, Start::Beginning, ReaderOptions::default());
        let readers: Result<Vec<FactsReader>, _> = (0..log.partitions()).map(Partition).map(open).collect();
        let readers = readers.map_err(|error| format!("the door can't read: {error:?}"))?;
        self.tail = Some(Tail { readers, read: HashMap::new() });
        Ok(())
    }

    /// Nobody who waited gets an answer; nobody was told anything.
    pub(crate) fn crash(&mut self) {
        self.tail = None;
        self.wishes.iter_mut().for_each(|wish| wish.waits = false);
    }

    /// A new wish of a client.
    pub(crate) fn wish(&mut self, record: CommandRecord, topic: Topic) -> usize {
        let number = self.wishes.len();
        self.by_id.entry(record.id).or_default().push(number);
        self.wishes.push(Wish { record, topic, sent: 0, refused: 0, waits: false, answers: Vec::new() });
        number
    }

    /// Sends a wish, for the first time or again.
    pub(crate) fn send(&mut self, number: usize, log: &SimLog) {
        let wish = &mut self.wishes[number];
        let append = command_append(wish.topic, &wish.record, log.partitions(), None);
        let append = append.expect("the simulation's wishes are small");
        match log.append(vec![append]) {
            Ok(()) => {
                wish.sent += 1;
                wish.waits = self.tail.is_some();
            }
            Err(_) => wish.refused += 1,
        }
    }

    /// Wishes that may have been taken and have no answer: their clients come again.
    pub(crate) fn unanswered(&self) -> Vec<usize> {
        let open = |wish: &Wish| wish.sent > 0 && wish.answers.is_empty();
        (0..self.wishes.len()).filter(|number| open(&self.wishes[*number])).collect()
    }

    /// Answers given, and appends that were refused for certain.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let answers: usize = self.wishes.iter().map(|wish| wish.answers.len()).sum();
        let refused: usize = self.wishes.iter().map(|wish| wish.refused).sum();
        (answers as u64, refused as u64)
    }

    /// Reads on and answers.
    pub(crate) fn turn(&mut self) -> Result<(), Broken> {
        #[cfg(feature = "planted-bugs")]
        self.answer_acknowledged();
        let Some(tail) = &mut self.tail else { return Ok(()) };
        let mut folded = Vec::new();
        for reader in &mut tail.readers {
            let limit = ReadLimit { records: 1_000, bytes: 1 << 24 };
            let read = reader.read(limit, &mut folded);
            read.map_err(|error| format!("the door can't read on: {error:?}"))?;
        }
        for one in folded {
            let Some(decision) = one.decision() else { continue };
            let facts: Vec<Fact> = facts_of(decision)?;
            let place = (one.position.partition.0, one.position.seq);
            if let Some(tail) = &mut self.tail {
                tail.read.insert(place, facts.clone());
            }
            self.answer(decision, place, &facts)?;
        }
        Ok(())
    }

    fn answer(&mut self, decision: &Decision, place: (u16, u64), facts: &[Fact]) -> Result<(), Broken> {
        let Some(numbers) = self.by_id.get(&decision.command_id) else { return Ok(()) };
        for number in numbers {
            let wish = &mut self.wishes[*number];
            let own = wish.record.digest == decision.input_digest;
            let answer = match facts {
                [Fact::CommandRepeated(_)] if !own => continue,
                [Fact::CommandRepeated(repeated)] if repeated.same_body => {
                    let first = (place.0, u64::try_from(repeated.first_seq).unwrap_or(0));
                    let facts = self.tail.as_ref().and_then(|tail| tail.read.get(&first));
                    let facts = facts.ok_or("a repeat names a decision that is not there")?.clone();
                    Answer::Decided { partition: first.0, seq: first.1, facts }
                }
                [Fact::CommandRepeated(_)] => Answer::OtherBody,
                _ if own => Answer::Decided { partition: place.0, seq: place.1, facts: facts.to_vec() },
                _ => Answer::OtherBody,
            };
            if std::mem::take(&mut wish.waits) {
                wish.answers.push(answer);
            }
        }
        Ok(())
    }

    /// The mistake: an acknowledgement is taken for a decision.
    #[cfg(feature = "planted-bugs")]
    fn answer_acknowledged(&mut self) {
        use mirabelle_schemas::decode_facts_record;
        use mirabelle_schemas::record::FactsRecord;
        for (partition, entry) in mirabelle_ledger::planted::acknowledged() {
            let decoded = decode_facts_record(&entry.value, entry.fingerprint);
            let Ok((FactsRecord::Decision(decision), _)) = decoded else { continue };
            let Ok(facts) = facts_of(&decision) else { continue };
            if !matches!(facts.as_slice(), [Fact::CommandRepeated(_)]) {
                self.answer(&decision, (partition.0, decision.seq), &facts).ok();
            }
        }
    }

    /// Everything that was answered is in the log and equal; what was refused for certain is not.
    pub(crate) fn judge(&self, truth: &Truth, log: &SimLog) -> Result<(), Broken> {
        let mut accepted: HashMap<(CommandId, Digest), usize> = HashMap::new();
        for record in log.commands() {
            *accepted.entry((record.id, record.digest)).or_default() += 1;
        }
        for wish in &self.wishes {
            let what = &wish.record.key;
            for answer in &wish.answers {
                judge_answer(wish, answer, truth).map_err(|why| format!("{what}: {answer:?}: {why}"))?;
            }
            let taken = accepted.contains_key(&(wish.record.id, wish.record.digest));
            if taken && wish.sent > 0 && wish.answers.is_empty() {
                return Err(format!("{what} was accepted and nobody could be told what came of it"));
            }
            let refused_alone = wish.refused > 0 && wish.sent == 0;
            if refused_alone && taken && self.by_id[&wish.record.id].len() == 1 {
                return Err(format!("{what} was refused for certain, and is in the log"));
            }
        }
        Ok(())
    }
}

fn facts_of(decision: &Decision) -> Result<Vec<Fact>, Broken> {
    let facts: Result<Vec<Fact>, _> = decision.facts.iter().map(decode_fact).collect();
    facts.map_err(|error| error.to_string())
}

fn judge_answer(wish: &Wish, answer: &Answer, truth: &Truth) -> Result<(), Broken> {
    match answer {
        Answer::Decided { partition, seq, facts } => {
            let decided = truth.decided(*partition, *seq).ok_or("there is no such decision")?;
            let same = decided.id == wish.record.id && decided.digest == wish.record.digest;
            if !same || decided.facts != *facts {
                return Err(format!("decided was {} {:?}", decided.account, decided.facts));
            }
            Ok(())
        }
        Answer::OtherBody => {
            let (partition, seq) = truth.first(wish.record.id).ok_or("no body was decided under this key")?;
            match truth.decided(partition, seq) {
                Some(first) if first.digest != wish.record.digest => Ok(()),
                _ => Err("it is the body that was decided".to_owned()),
            }
        }
    }
}
