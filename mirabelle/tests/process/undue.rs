//! Decisions that somebody has made up: well-formed, on the chain, under their owner's claim, and not what follows from
//! their inputs.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use bytes::Bytes;
use mirabelle::engine::wall_clock;
use mirabelle::verify;
use mirabelle_decider::step::{Draft, Here, Known, Stepped, step};
use mirabelle_decider::{Accounts, Earlier, Fault};
use mirabelle_domain::command::DeductPoints;
use mirabelle_domain::fact::CommandRejected;
use mirabelle_domain::{Account, AccountId, AccountKey, Command, CommandId, Digest, Fact, Points, Timestamp};
use mirabelle_ledger::{Counted, FactsReader, Head, ReaderOptions, Start};
use mirabelle_log::{Append, Entry, Log, Offset, Partition, ReadLimit, Record, Topic, View};
use mirabelle_log_embedded::{EmbeddedLog, Options};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Decision, Namespace};
use mirabelle_schemas::{
    command_id, decode_fact, encode_body, encode_command, encode_decision, encode_facts, input_digest,
};

use crate::directory::make;

/// A partition of a directory, folded to its end.
struct Bench {
    log: EmbeddedLog,
    partition: Partition,
    accounts: Accounts,
    head: Head,
    /// The latest decision that holds its input.
    last: Decision,
}

impl Known for Bench {
    fn account(&self, id: &AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(id)
    }

    fn in_flight(&self, _: CommandId) -> Option<(u64, Digest)> {
        None
    }

    fn candidates(&self, _: CommandId) -> Result<Vec<Offset>, Fault> {
        Ok(Vec::new())
    }
}

impl Bench {
    /// The first partition in which a member has points to take.
    fn open(data: &Path) -> (Bench, AccountId) {
        let log = EmbeddedLog::open(data.join("log"), Options::new(Arc::new(wall_clock))).unwrap();
        for partition in (0..log.partitions()).map(Partition) {
            let (accounts, head, last) = folded(&log, partition);
            let rich = accounts.iter().find_map(|(id, account)| match account.as_ref() {
                Account::Member(member) if member.balance().available.get() > 10 => Some(id),
                _ => None,
            });
            if let Some(id) = rich {
                return (Bench { log, partition, accounts, head, last: last.unwrap() }, id);
            }
        }
        panic!("nobody has points");
    }

    fn append(&self, topic: Topic, entry: Entry) -> Offset {
        let (tell, told) = channel();
        let done = Box::new(move |outcome| drop(tell.send(outcome)));
        self.log.append(vec![Append { topic, partition: self.partition, entry, done: Some(done) }]).unwrap();
        told.recv().unwrap().unwrap()
    }

    /// A wish as the door would append it.
    fn wish(&self, account: &AccountId, key: &str, command: &Command) -> Entry {
        let (kind, schema, body) = encode_body(command);
        let (client, key) = ("acme.admin".parse().unwrap(), key.parse().unwrap());
        let record = CommandRecord {
            id: command_id(Namespace::Client, account, &client, &key),
            account: account.clone(),
            namespace: Namespace::Client,
            client,
            key,
            kind,
            schema,
            digest: input_digest(command),
            body,
            actor: Actor {
                principal: "acme.admin".to_owned(),
                kind: ActorKind::Key,
                on_behalf_of: None,
                credential: None,
                request_id: None,
            },
            reason: Some("counted twice".to_owned()),
            local_day: None,
            tzdb: None,
            cause: None,
        };
        let encoded = encode_command(&record);
        Entry { key: Bytes::new(), fingerprint: encoded.fingerprint, value: encoded.value, trace: None }
    }

    /// The draft that follows from an input.
    fn decided(&self, record: &Record) -> Draft {
        let here = Here { partition: self.partition.0, partitions: self.log.partitions() };
        let past = Earlier { log: &self.log, partition: self.partition };
        match step(self, &past, here, 1, record).unwrap() {
            Stepped::Decided(draft) => *draft,
            other => panic!("{other:?}"),
        }
    }

    fn read(&self, offset: Offset) -> Record {
        let mut records = Vec::new();
        let mut reader = self.log.reader(Topic::Commands, self.partition, offset, View::Durable).unwrap();
        reader.read(ReadLimit { records: 1, bytes: 1 }, &mut records).unwrap();
        records.remove(0)
    }

    /// Appends a wish, and on the head of the partition the decision that `change` makes of what follows from it.
    fn decide(&self, entry: Entry, change: impl FnOnce(&Bench, &mut Draft, &Record)) -> u64 {
        let offset = self.append(Topic::Commands, entry);
        assert_eq!(offset, self.head.next[1], "everything before it is decided");
        let record = self.read(offset);
        let mut draft = self.decided(&record);
        change(self, &mut draft, &record);
        let decision = Decision {
            epoch: self.head.epoch,
            claim: self.head.claim,
            seq: self.head.seq + 1,
            at: self.head.at.max(wall_clock()) + 1,
            account: draft.account,
            command_id: draft.command_id,
            input_kind: draft.input_kind,
            input_digest: draft.input_digest,
            input: draft.input,
            accepted_at: draft.accepted_at.0,
            actor: draft.actor,
            reason: draft.reason,
            cursor: draft.cursor,
            config_version: draft.config_version,
            facts: encode_facts(&draft.facts),
            prev_digest: self.head.digest,
        };
        let encoded = encode_decision(&decision);
        let entry =
            Entry { key: Bytes::new(), fingerprint: encoded.fingerprint, value: encoded.value, trace: None };
        self.append(Topic::Facts, entry);
        decision.seq
    }
}

/// The accounts, the head and the latest decision that holds its input.
fn folded(log: &EmbeddedLog, partition: Partition) -> (Accounts, Head, Option<Decision>) {
    let (mut accounts, mut last, mut folded) = (Accounts::default(), None, Vec::new());
    let mut reader = FactsReader::open(log, partition, Start::Beginning, ReaderOptions::default()).unwrap();
    while reader.read(ReadLimit { records: 1_000, bytes: 1 << 20 }, &mut folded).unwrap() > 0 {
        for one in folded.drain(..) {
            let Counted::Decision(decision) = one.counted else { continue };
            let facts: Vec<Fact> = decision.facts.iter().map(decode_fact).collect::<Result<_, _>>().unwrap();
            accounts.evolve(&decision.account, &facts, Timestamp(decision.accepted_at));
            if decision.input.is_some() {
                last = Some(*decision);
            }
        }
    }
    (accounts, reader.head().unwrap(), last)
}

fn deduct(points: i64) -> Command {
    DeductPoints { points: Points::new(points).unwrap() }.into()
}

/// Forges one decision about a member who has points, and gives what `verify` says of it besides its place.
fn found(change: impl FnOnce(&Bench, &mut Draft, &Record)) -> Vec<String> {
    let data = tempfile::tempdir().unwrap();
    make(data.path());
    let (bench, account) = Bench::open(data.path());
    let wish = bench.wish(&account, "forged-1", &deduct(5));
    let seq = bench.decide(wish, change);
    let place = format!("facts/{} seq {seq}, {account}", bench.partition);
    drop(bench);
    let report = verify::directory(data.path(), None).unwrap();
    assert!(report.decided_again > 100 && report.not_decided_again.total() == 0, "{report:#?}");
    let of = |d: &verify::Difference| (d.check, d.place.as_str()) == ("decisions", place.as_str());
    assert!(report.differences.iter().all(of), "{:#?}", report.differences);
    report.differences.into_iter().map(|difference| difference.what).collect()
}

#[test]
fn a_decision_that_follows_from_its_input_holds_though_somebody_else_has_written_it() {
    assert_eq!(found(|_, _, _| {}), Vec::<String>::new());
}

#[test]
fn verify_finds_facts_that_do_not_follow_from_their_input() {
    // The facts of another wish: their sums agree with each other, with the state and with the books.
    let other_sum = found(|bench, draft, record| {
        let entry = bench.wish(&draft.account, "forged-1", &deduct(3));
        draft.facts = bench.decided(&Record { entry, ..record.clone() }).facts;
    });
    let [what] = &other_sum[..] else { panic!("{other_sum:#?}") };
    assert_eq!(what, "fact 0: PointsDeducted has another balance, lots, points than follows from its input");
}

#[test]
fn verify_finds_a_refusal_that_the_rules_do_not_say() {
    let denied = found(|_, draft, _| {
        let no = CommandRejected {
            code: "insufficient_points".to_owned(),
            detail: "no".to_owned(),
            pointer: None,
        };
        draft.facts = vec![no.into()];
    });
    assert_eq!(denied, ["fact 0: it says CommandRejected, from its input follows PointsDeducted"]);
}

#[test]
fn verify_finds_an_effect_for_a_wish_that_was_decided_before() {
    let data = tempfile::tempdir().unwrap();
    make(data.path());
    let (bench, account) = Bench::open(data.path());
    let AccountKey::Member(_) = account.key else { panic!("{account}") };
    // Its input is one that was decided before: what follows is a repeat.
    let repeated = mirabelle_schemas::decode_input(bench.last.input.as_ref().unwrap()).unwrap();
    let encoded = encode_command(&repeated);
    let entry =
        Entry { key: Bytes::new(), fingerprint: encoded.fingerprint, value: encoded.value, trace: None };
    let (before, facts) = (bench.last.command_id, bench.last.facts.clone());
    let facts: Vec<Fact> = facts.iter().map(decode_fact).collect::<Result<_, _>>().unwrap();
    let seq = bench.decide(entry, |_, draft, _| assert_eq!(draft.command_id, before));
    let place = format!("facts/{} seq {seq}", bench.partition);
    drop(bench);
    let report = verify::directory(data.path(), None).unwrap();
    let told = report.differences.iter().any(|d| {
        d.check == "decisions"
            && d.place.starts_with(&place)
            && d.what.ends_with("from its input follows CommandRepeated")
    });
    assert!(told, "{facts:?} again, and verify says {:#?}", report.differences);
}

#[test]
fn verify_finds_an_input_that_is_not_the_one_at_its_place_and_a_time_that_the_log_did_not_stamp() {
    let swapped = found(|bench, draft, record| {
        let entry = bench.wish(&draft.account, "forged-2", &deduct(3));
        let other = bench.decided(&Record { entry, ..record.clone() });
        let accepted_at = Timestamp(draft.accepted_at.0 + 1_000_000);
        *draft = Draft { accepted_at, ..other };
    });
    let says = |part: &str| assert!(swapped.iter().any(|what| what.contains(part)), "{part}: {swapped:#?}");
    says("the input that it holds is not commands/");
    says("accepted_at is not when the log took commands/");
    says("its account, id, actor or reason is not that of its input");
    says("fact 0: PointsDeducted");
}
