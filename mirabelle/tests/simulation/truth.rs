//! The naive single-threaded ledger. It reads what is durable in `facts` by a reading rule of its own, decides each input
//! again that a decision counts for, one after the other on the accounts as they are then, and demands the same facts.

use std::collections::{BTreeMap, HashMap};

use mirabelle_domain::fact::CommandRepeated;
use mirabelle_domain::rules::Adopted;
use mirabelle_domain::{
    Account, AccountId, AccountKey, CommandId, Digest, Fact, Input, Timestamp, decide, evolve,
};
use mirabelle_log::{Log, Partition, Record, Topic, View};
use mirabelle_schemas::record::{CommandRecord, Decision, FactsRecord, Namespace};
use mirabelle_schemas::{
    decode_body, decode_command, decode_dead_letter, decode_fact, decode_facts_record, digest,
    digest_after_claim, partition_of,
};

use crate::books::Books;
use crate::log::SimLog;
use crate::vendor::Vendor;

/// What does not hold.
pub(crate) type Broken = String;

/// A counting decision.
pub(crate) struct Decided {
    pub(crate) account: AccountId,
    pub(crate) id: CommandId,
    pub(crate) digest: Digest,
    pub(crate) at: i64,
    pub(crate) facts: Vec<Fact>,
}

#[derive(Default)]
struct Place {
    next: u64,
    epoch: u64,
    claim: u64,
    open: bool,
    digest: Digest0,
    at: i64,
    inputs: [u64; Topic::INPUTS.len()],
    decided: Vec<Decided>,
}

/// A digest that can be absent: before the root.
type Digest0 = Option<Digest>;

pub(crate) struct Truth {
    places: Vec<Place>,
    accounts: BTreeMap<AccountId, Account>,
    first: HashMap<CommandId, (u16, u64)>,
    /// Under which id the courier has asked for a step of a grant, or for an adoption.
    asked: HashMap<String, CommandId>,
    pub(crate) books: Books,
}

/// What an input must end in.
enum Due {
    Aside(&'static str),
    Decided(Box<CommandRecord>, Vec<Fact>),
}

impl Truth {
    pub(crate) fn new(partitions: u16) -> Truth {
        Truth {
            places: (0..partitions).map(|_| Place::default()).collect(),
            accounts: BTreeMap::new(),
            first: HashMap::new(),
            asked: HashMap::new(),
            books: Books::default(),
        }
    }

    /// Reads on. Cheap when nothing is new.
    pub(crate) fn see(&mut self, log: &SimLog, vendor: &Vendor) -> Result<(), Broken> {
        for partition in 0..log.partitions() {
            while let Some(record) =
                log.record(Topic::Facts, partition, self.places[usize::from(partition)].next)
            {
                self.places[usize::from(partition)].next += 1;
                self.fold(log, vendor, partition, &record)
                    .map_err(|what| format!("facts/{partition} offset {}: {what}", record.offset))?;
            }
        }
        Ok(())
    }

    fn fold(&mut self, log: &SimLog, vendor: &Vendor, partition: u16, record: &Record) -> Result<(), Broken> {
        let place = &mut self.places[usize::from(partition)];
        let decoded = decode_facts_record(&record.entry.value, record.entry.fingerprint);
        let (decoded, datum) = decoded.map_err(|error| format!("unreadable: {error}"))?;
        match decoded {
            FactsRecord::Created(root) => {
                if place.digest.is_none() {
                    (place.digest, place.at) = (Some(digest(&datum)), root.at);
                }
                Ok(())
            }
            FactsRecord::Claim(claim) => {
                let before = place.digest.ok_or("a claim before the root")?;
                if claim.epoch == place.epoch + 1 {
                    (place.epoch, place.claim, place.open) = (claim.epoch, claim.claim, true);
                    place.digest = Some(digest_after_claim(&before, &datum));
                }
                Ok(())
            }
            FactsRecord::Decision(decision) => {
                let seq = place.decided.len() as u64 + 1;
                let mine = (decision.epoch, decision.claim) == (place.epoch, place.claim) && place.open;
                if mine && decision.seq > seq {
                    place.open = false;
                }
                if !mine || decision.seq != seq || Some(decision.prev_digest) != place.digest {
                    return Ok(());
                }
                place.digest = Some(digest(&datum));
                self.count(log, vendor, partition, &decision).map_err(|what| format!("seq {seq}: {what}"))
            }
        }
    }

    fn count(
        &mut self,
        log: &SimLog,
        vendor: &Vendor,
        partition: u16,
        decision: &Decision,
    ) -> Result<(), Broken> {
        let facts: Result<Vec<Fact>, _> = decision.facts.iter().map(decode_fact).collect();
        let facts = facts.map_err(|error| error.to_string())?;
        let place = &mut self.places[usize::from(partition)];
        if decision.at <= place.at {
            return Err(format!("the stamp {} is not after {}", decision.at, place.at));
        }
        place.at = decision.at;
        let next = &mut place.inputs[usize::from(decision.cursor.topic)];
        if decision.cursor.offset != *next {
            return Err(format!("decides input {:?}, but {next} is the next", decision.cursor));
        }
        *next += 1;
        let topic = Topic::INPUTS[usize::from(decision.cursor.topic)];
        let input = log.record(topic, partition, decision.cursor.offset);
        let input = input.ok_or("the decision outlives its input")?;
        if decision.accepted_at != input.appended_at {
            return Err(format!("accepted at {}, appended at {}", decision.accepted_at, input.appended_at));
        }
        match self.due(partition, log.partitions(), &input)? {
            Due::Aside(reason) => set_aside(log, partition, topic, &input, reason, &facts)?,
            Due::Decided(command, due) => {
                if (decision.command_id, &decision.account) != (command.id, &command.account) {
                    return Err("the decision is of another command".to_owned());
                }
                if facts != due {
                    return Err(format!("{} gives {facts:?}, the naive ledger {due:?}", command.key));
                }
                self.ask(&command)?;
                let occupies = mirabelle_decider::step::occupies_id(&facts);
                let seq = self.places[usize::from(partition)].decided.len() as u64 + 1;
                if occupies && self.first.insert(command.id, (partition, seq)).is_some() {
                    return Err(format!("{} takes effect for the second time", command.key));
                }
                let at = Timestamp(decision.accepted_at);
                self.books.take(&decision.account, &facts, at, vendor)?;
                let account = self.accounts.entry(decision.account.clone());
                let account = account.or_insert_with(|| Account::empty(&decision.account.key));
                facts.iter().for_each(|fact| evolve(account, fact, at));
            }
        }
        self.places[usize::from(partition)].decided.push(Decided {
            account: decision.account.clone(),
            id: decision.command_id,
            digest: decision.input_digest,
            at: decision.at,
            facts,
        });
        Ok(())
    }

    fn due(&self, partition: u16, partitions: u16, input: &Record) -> Result<Due, Broken> {
        let Ok((command, _)) = decode_command(&input.entry.value, input.entry.fingerprint) else {
            return Ok(Due::Aside("unknown_schema"));
        };
        if partition_of(&command.account, partitions) != partition {
            return Ok(Due::Aside("wrong_partition"));
        }
        if let Some((_, seq)) = self.first.get(&command.id) {
            let place = &self.places[usize::from(partition)];
            let first = &place.decided[usize::try_from(*seq).unwrap_or(0) - 1];
            let same_body = first.digest == command.digest;
            let first_seq = i64::try_from(*seq).unwrap_or(0);
            let facts = vec![CommandRepeated { first_seq, same_body }.into()];
            return Ok(Due::Decided(Box::new(command), facts));
        }
        let body = decode_body(command.kind, command.schema, &command.body);
        let body = body.map_err(|error| format!("a body of ours can't be read: {error}"))?;
        let of_partition =
            AccountId { tenant: command.account.tenant.clone(), key: AccountKey::Partition(partition) };
        let nothing = Adopted::default();
        let adopted = match self.accounts.get(&of_partition) {
            Some(Account::Partition(adopted)) => adopted,
            _ => &nothing,
        };
        let accepted_at = Timestamp(input.appended_at);
        let wanted = Input {
            command: &body,
            id: command.id,
            accepted_at,
            local_day: command.local_day,
            principal: &command.actor.principal,
            reason: command.reason.as_deref(),
        };
        let empty = Account::empty(&command.account.key);
        let account = self.accounts.get(&command.account).unwrap_or(&empty);
        let facts = decide(&command.account.key, account, adopted.at(accepted_at), &wanted);
        let facts = facts.unwrap_or_else(|rejection| vec![rejection.into_fact().into()]);
        Ok(Due::Decided(Box::new(command), facts))
    }

    /// A follow-up of the courier has one id, however often it is sent: the key names its step.
    fn ask(&mut self, command: &CommandRecord) -> Result<(), Broken> {
        if command.namespace != Namespace::Courier {
            return Ok(());
        }
        let step = format!("{} {} {}", command.account, command.kind, step_of(command)?);
        match self.asked.insert(step.clone(), command.id) {
            Some(before) if before != command.id => {
                Err(format!("the courier asks for {step} under a second id: {}", command.key))
            }
            _ => Ok(()),
        }
    }

    /// One past the last decided offset of each input topic.
    pub(crate) fn inputs(&self, partition: u16) -> [u64; Topic::INPUTS.len()] {
        self.places[usize::from(partition)].inputs
    }

    /// Seq of the last decision.
    pub(crate) fn seq(&self, partition: u16) -> u64 {
        self.places[usize::from(partition)].decided.len() as u64
    }

    /// A decision by its place.
    pub(crate) fn decided(&self, partition: u16, seq: u64) -> Option<&Decided> {
        let place = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.places.get(usize::from(partition))?.decided.get(place)
    }

    /// Where a command took effect.
    pub(crate) fn first(&self, id: CommandId) -> Option<(u16, u64)> {
        self.first.get(&id).copied()
    }

    /// Every decision of a partition.
    pub(crate) fn all(&self, partition: u16) -> &[Decided] {
        &self.places[usize::from(partition)].decided
    }

    pub(crate) fn accounts(&self) -> &BTreeMap<AccountId, Account> {
        &self.accounts
    }
}

/// What a follow-up asks for, but for its id.
fn step_of(command: &CommandRecord) -> Result<String, Broken> {
    use mirabelle_domain::Command;
    let body = decode_body(command.kind, command.schema, &command.body).map_err(|error| error.to_string())?;
    Ok(match body {
        Command::CommitGrants(body) => {
            format!("{:?}", body.grants.iter().map(|g| g.grant).collect::<Vec<_>>())
        }
        Command::CreditGrant(body) => body.grant.grant.to_string(),
        Command::SettleGrants(body) => format!("{:?}", body.grants),
        Command::ReturnGrant(body) => body.grant.to_string(),
        Command::DropGrant(body) => body.grant.to_string(),
        Command::AdoptConfiguration(body) => body.version.number.to_string(),
        other => return Err(format!("the courier sends {}", other.name())),
    })
}

fn set_aside(
    log: &SimLog,
    partition: u16,
    topic: Topic,
    input: &Record,
    reason: &str,
    facts: &[Fact],
) -> Result<(), Broken> {
    let [Fact::InputSetAside(aside)] = facts else {
        return Err(format!("an input that can't be read gives {facts:?}"));
    };
    if reason == "wrong_partition" && aside.reason != reason {
        return Err(format!("set aside as {}, which is {reason}", aside.reason));
    }
    let place = format!("{topic}/{partition}/{}", input.offset);
    let end =
        log.bounds(Topic::DeadLetters, Partition(partition), View::Durable).map_or(0, |bounds| bounds.end.0);
    let kept = (0..end).any(|offset| {
        let letter = log.record(Topic::DeadLetters, partition, offset);
        let letter = letter.and_then(|l| decode_dead_letter(&l.entry.value, l.entry.fingerprint).ok());
        letter.is_some_and(|l| {
            l.source_id.as_deref() == Some(&place) && l.raw.as_ref() == Some(&input.entry.value)
        })
    });
    if kept { Ok(()) } else { Err(format!("{place} is set aside and its bytes are in no dead letter")) }
}
