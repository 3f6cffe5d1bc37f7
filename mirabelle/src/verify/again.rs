//! Decides every input again, on the state folded so far, with the very function that the decider calls, and compares.
//!
//! No rule opens a sealed value (DESIGN §6): an erasure takes nothing away that this needs.

use std::collections::VecDeque;
use std::sync::Arc;

use mirabelle_decider::step::{Draft, Fault, Here, Known, Stepped, set_aside, step};
use mirabelle_decider::{Accounts, Earlier};
use mirabelle_domain::fact::CommandRejected;
use mirabelle_domain::{Account, AccountId, CommandId, DOMAIN_REVISION, Digest, Fact};
use mirabelle_ledger::{Gate, prepare};
use mirabelle_log::{Entry, Log, Offset, Partition, ReadError, ReadLimit, Reader, Record, Topic, View};
use mirabelle_schemas::record::Decision;
use mirabelle_schemas::{decode_command, decode_input, encode_command, encode_facts};
use mirabelle_store::Ids;
use serde::Serialize;
use serde_json::Value as Json;

use super::Report;
use super::facts::chain;

/// Decisions that could not be made again, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotAgain {
    /// The input is kept no longer, and the decision holds none: repeats, and what was too large to keep.
    pub input_gone: u64,
    /// Made under rules of another domain revision than this build knows.
    pub other_revision: u64,
    /// Set aside because the build that decided had failed at it twice; this one does not.
    pub failed_then: u64,
}

impl NotAgain {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.input_gone + self.other_revision + self.failed_then
    }
}

/// The inputs of a partition, read beside its facts.
pub(crate) struct Again<'a> {
    log: &'a dyn Log,
    here: Here,
    inputs: Vec<Input>,
    /// What deciding means where the fold is.
    pub(crate) revision: u32,
}

struct Input {
    reader: Box<dyn Reader>,
    read: VecDeque<Record>,
}

impl Input {
    /// The record at an offset; `None`: it is not kept, or lies behind what was asked for before.
    fn at(&mut self, offset: Offset) -> Result<Option<Record>, ReadError> {
        loop {
            while self.read.pop_front_if(|record| record.offset < offset).is_some() {}
            if let Some(next) = self.read.front() {
                return Ok(Some(next).filter(|next| next.offset == offset).cloned());
            }
            let mut records = Vec::new();
            self.reader.read(ReadLimit { records: 1_000, bytes: 4 << 20 }, &mut records)?;
            if records.is_empty() {
                return Ok(None);
            }
            self.read.extend(records);
        }
    }
}

/// The state that a decision was made on.
struct Before<'a> {
    accounts: &'a Accounts,
    ids: &'a dyn Ids,
    partition: Partition,
}

impl Known for Before<'_> {
    fn account(&self, id: &AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(id)
    }

    /// Everything that was in flight then is folded by now.
    fn in_flight(&self, _: CommandId) -> Option<(u64, Digest)> {
        None
    }

    fn candidates(&self, id: CommandId) -> Result<Vec<Offset>, Fault> {
        let found = self.ids.lookup(id);
        let found = found
            .map_err(|source| Fault { act: "look an id up in the scratch index", source: source.into() })?;
        Ok(found.filter(|at| at.partition == self.partition).map(|at| Offset(at.seq)).into_iter().collect())
    }
}

impl<'a> Again<'a> {
    /// At the beginning of a partition.
    pub(crate) fn new(log: &'a dyn Log, partition: Partition) -> Result<Again<'a>, ReadError> {
        let mut inputs = Vec::new();
        for topic in Topic::INPUTS {
            let start = log.bounds(topic, partition, View::Durable)?.start;
            let reader = log.reader(topic, partition, start, View::Durable)?;
            inputs.push(Input { reader, read: VecDeque::new() });
        }
        let here = Here { partition: partition.0, partitions: log.partitions() };
        Ok(Again { log, here, inputs, revision: 0 })
    }

    /// Decides a decision's input again; `accounts` and `ids` as they were before it.
    pub(crate) fn check(
        &mut self,
        decision: &Decision,
        facts: &[Fact],
        accounts: &Accounts,
        ids: &dyn Ids,
        report: &mut Report,
    ) {
        let partition = Partition(self.here.partition);
        let place = format!("facts/{partition} seq {}, {}", decision.seq, decision.account);
        let record = match self.record(decision, &place, report) {
            Ok(Some(record)) => record,
            Ok(None) => return report.not_decided_again.input_gone += 1,
            Err(what) => return report.differs("decisions", place, what),
        };
        if self.revision != DOMAIN_REVISION {
            return report.not_decided_again.other_revision += 1;
        }
        let known = Before { accounts, ids, partition };
        let past = Earlier { log: self.log, partition };
        let topic = decision.cursor.topic;
        let draft = match step(&known, &past, self.here, topic, &record) {
            Ok(Stepped::Decided(draft) | Stepped::Reused(draft, _)) => *draft,
            Ok(Stepped::Unreadable(why)) => set_aside(self.here, topic, &record, &why),
            Err(fault) => return report.differs("decisions", place, chain(&fault)),
        };
        if matches!(facts, [Fact::InputSetAside(aside)] if aside.reason == "parked")
            && !matches!(draft.facts[..], [Fact::InputSetAside(_)])
        {
            return report.not_decided_again.failed_then += 1;
        }
        report.decided_again += 1;
        if matches!(facts, [Fact::CommandRejected(rejected)] if rejected.code == "too_large") {
            return check_size(decision, draft, &place, report);
        }
        compare(decision, facts, &draft, &place, report);
    }

    /// The input: the record at the decision's cursor while its topic keeps it, else what the decision itself holds.
    fn record(
        &mut self,
        decision: &Decision,
        place: &str,
        report: &mut Report,
    ) -> Result<Option<Record>, String> {
        let (topic, offset) = (usize::from(decision.cursor.topic), Offset(decision.cursor.offset));
        let input = self.inputs.get_mut(topic).ok_or("its cursor names no input topic")?;
        let Some(record) = input.at(offset).map_err(|error| chain(&error))? else {
            let Some(kept) = &decision.input else { return Ok(None) };
            let command = decode_input(kept).map_err(|error| chain(&error))?;
            let encoded = encode_command(&command);
            let entry = Entry {
                key: bytes::Bytes::new(),
                fingerprint: encoded.fingerprint,
                value: encoded.value,
                trace: None,
            };
            return Ok(Some(Record { offset, appended_at: decision.accepted_at, entry }));
        };
        let source = format!("{}/{} offset {offset}", Topic::INPUTS[topic], self.here.partition);
        if record.appended_at != decision.accepted_at {
            report.differs("decisions", place, format!("accepted_at is not when the log took {source}"));
        }
        if let Some(kept) = &decision.input
            && !decode_command(&record.entry.value, record.entry.fingerprint)
                .is_ok_and(|(_, datum)| datum == kept.datum)
        {
            report.differs("decisions", place, format!("the input that it holds is not {source}"));
        }
        Ok(Some(record))
    }
}

/// A decision that was refused as too large would be.
fn check_size(decision: &Decision, draft: Draft, place: &str, report: &mut Report) {
    let whole = Decision {
        input: draft.input,
        reason: draft.reason,
        actor: draft.actor,
        facts: encode_facts(&draft.facts),
        ..decision.clone()
    };
    if prepare(&whole, None, Gate::BYTES_MAX).is_ok() {
        report.differs("decisions", place, "it was refused as too large, and its decision has room");
    }
}

fn compare(decision: &Decision, facts: &[Fact], draft: &Draft, place: &str, report: &mut Report) {
    let input_is = decision.account == draft.account
        && decision.command_id == draft.command_id
        && decision.input_kind == draft.input_kind
        && decision.input_digest == draft.input_digest
        && decision.actor == draft.actor
        && decision.reason == draft.reason;
    if !input_is {
        report.differs("decisions", place, "its account, id, actor or reason is not that of its input");
    }
    if decision.config_version != draft.config_version {
        let what = format!(
            "decided under configuration {}, and {} was adopted",
            decision.config_version, draft.config_version
        );
        report.differs("decisions", place, what);
    }
    for index in 0..facts.len().max(draft.facts.len()) {
        if let Some(what) = difference(facts.get(index), draft.facts.get(index)) {
            report.differs("decisions", place, format!("fact {index}: {what}"));
        }
    }
}

/// How two facts differ; `None`: not at all. Words for people may change from build to build.
fn difference(recorded: Option<&Fact>, again: Option<&Fact>) -> Option<String> {
    let (recorded, again) = match (recorded, again) {
        (None, None) => return None,
        (Some(Fact::CommandRejected(one)), Some(Fact::CommandRejected(other))) => {
            let wordless = |rejected: &CommandRejected| (rejected.code.clone(), rejected.pointer.clone());
            return (wordless(one) != wordless(other)).then(|| {
                format!("CommandRejected says {}, its input is refused with {}", one.code, other.code)
            });
        }
        (Some(Fact::InputSetAside(one)), Some(Fact::InputSetAside(other))) => {
            return (one.reason != other.reason)
                .then(|| format!("InputSetAside says {}, its input {}", one.reason, other.reason));
        }
        (Some(one), Some(other)) if one == other => return None,
        (Some(one), Some(other)) if one.kind() == other.kind() => (one, other),
        (Some(one), Some(other)) => {
            return Some(format!("it says {}, from its input follows {}", one.name(), other.name()));
        }
        (Some(one), None) => return Some(format!("{} does not follow from its input", one.name())),
        (None, Some(other)) => {
            return Some(format!("{} follows from its input, and is missing", other.name()));
        }
    };
    let members = |fact: &Fact| match serde_json::to_value(fact) {
        Ok(Json::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (one, other) = (members(recorded), members(again));
    let names: Vec<&str> = one
        .iter()
        .filter(|(name, value)| other.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    Some(format!("{} has another {} than follows from its input", recorded.name(), names.join(", ")))
}
