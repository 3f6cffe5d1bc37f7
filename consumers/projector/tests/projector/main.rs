//! The projector over a log and rows in memory.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod away;

use std::sync::Arc;

use mirabelle_domain::fact::{BudgetAllocated, BudgetBalance, BudgetOpened};
use mirabelle_domain::{AccountId, CommandId, Digest, Fact, Points, tables};
use mirabelle_ledger::{Attempt, FactsReader, Folded, Gate, ReaderOptions, Start, create_roots, prepare};
use mirabelle_log::memory::MemoryLog;
use mirabelle_log::{Log, LogId, Partition, ReadLimit};
use mirabelle_projector::{Metrics, Progress, Projector, rows_of_decision};
use mirabelle_schemas::record::{Actor, ActorKind, Claim, ClaimedHead, Cursor, Decision, FactRecord};
use mirabelle_schemas::{encode_facts, partition_of};
use mirabelle_store::{Batch, MemoryStore, Rows, Store};

const PARTITIONS: u16 = 2;
const AT: i64 = 1_772_366_400_000_000;

/// A log in which a test decides by hand.
struct Hand {
    log: Arc<dyn Log>,
    gates: Vec<(Gate, Decision)>,
}

impl Hand {
    fn new() -> Hand {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new(LogId([4; 16]), PARTITIONS, Arc::new(|| AT)));
        create_roots(&*log, AT).unwrap();
        let gates = (0..PARTITIONS).map(|number| owner(&log, Partition(number))).collect();
        Hand { log, gates }
    }

    /// A decision that counts, with these facts.
    fn decide(&mut self, account: &AccountId, facts: Vec<FactRecord>) {
        let number = usize::from(partition_of(account, PARTITIONS));
        let (gate, last) = &mut self.gates[number];
        last.seq += 1;
        last.at += 1;
        last.cursor.offset = last.seq - 1;
        last.command_id = CommandId(u128::from(last.seq).to_be_bytes());
        last.account = account.clone();
        last.facts = facts;
        let prepared = prepare(last, None, Gate::BYTES_MAX).unwrap();
        gate.append(std::slice::from_ref(&prepared)).unwrap();
        last.prev_digest = prepared.digest();
    }

    /// A budget is opened and filled, step by step.
    fn fill(&mut self, account: &AccountId, steps: i64) {
        let opened: Fact = BudgetOpened { title: "Travel".into(), alerts: vec![] }.into();
        self.decide(account, encode_facts(&[opened]));
        for step in 1..=steps {
            let points = Points::new(step * 7).unwrap();
            let balance = BudgetBalance { allocated: points, free: points, ..BudgetBalance::default() };
            let allocated: Fact = BudgetAllocated { delta: 7, balance }.into();
            self.decide(account, encode_facts(&[allocated]));
        }
    }

    fn read(&self, partition: Partition) -> Vec<Folded> {
        let options = ReaderOptions::default();
        let mut reader = FactsReader::open(&*self.log, partition, Start::Beginning, options).unwrap();
        let mut folded = Vec::new();
        while reader.read(ReadLimit { records: 1_000, bytes: 1 << 20 }, &mut folded).unwrap() > 0 {}
        folded
    }
}

/// A claim that counts, and a decision to go on from.
fn owner(log: &Arc<dyn Log>, partition: Partition) -> (Gate, Decision) {
    let head = || {
        let options = ReaderOptions::default();
        let mut reader = FactsReader::open(&**log, partition, Start::Beginning, options).unwrap();
        while reader.read(ReadLimit { records: 10, bytes: 1 << 20 }, &mut Vec::new()).unwrap() > 0 {}
        reader.head().unwrap()
    };
    let before = head();
    let claim = Claim {
        epoch: 1,
        claim: 0x1041,
        owner: "by hand".into(),
        build: "test".into(),
        domain_revision: 1,
        head: ClaimedHead { epoch: before.epoch, seq: before.seq, digest: before.digest },
    };
    let mut gate = Gate::new(Arc::clone(log), partition, Gate::BYTES_MAX, Arc::new(|_| {}));
    gate.claim(&claim).unwrap();
    let after = head();
    assert_eq!(Attempt::of(&claim), Attempt { epoch: after.epoch, claim: after.claim });
    let first = Decision {
        epoch: 1,
        claim: claim.claim,
        seq: after.seq,
        at: AT,
        account: budget_in(partition.0),
        command_id: CommandId([0; 16]),
        input_kind: 41,
        input_digest: Digest([5; 16]),
        input: None,
        accepted_at: AT,
        actor: Actor {
            principal: "test".into(),
            kind: ActorKind::Key,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        cursor: Cursor { topic: 1, offset: 0 },
        config_version: 0,
        facts: vec![],
        prev_digest: after.digest,
    };
    (gate, first)
}

fn budget_in(partition: u16) -> AccountId {
    let named = |n: u32| AccountId::budget("acme".parse().unwrap(), format!("travel-{n}").parse().unwrap());
    (0..).map(named).find(|account| partition_of(account, PARTITIONS) == partition).unwrap()
}

/// Every cell of every row.
fn dump(rows: &dyn Rows) -> Vec<String> {
    let of_table = |table| rows.scan_table(table, None, 10_000).unwrap();
    let shown = |row: mirabelle_store::Found| format!("{} {:?} {:?}", row.table.name, row.key, row.cells);
    tables::ALL.into_iter().flat_map(of_table).map(shown).collect()
}

struct View {
    rows: Arc<dyn Rows>,
    progress: Arc<Progress>,
    metrics: Metrics,
    projector: Projector,
}

fn generation(log: &Arc<dyn Log>) -> Arc<dyn Rows> {
    MemoryStore::new(log.id()).create(&"rows".parse().unwrap()).unwrap()
}

fn view(hand: &Hand, rows: &Arc<dyn Rows>) -> View {
    let (log, rows) = (Arc::clone(&hand.log), Arc::clone(rows));
    let progress = Arc::new(Progress::new(PARTITIONS));
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let opened =
        Projector::open(log, Arc::clone(&rows), Arc::clone(&progress), metrics.clone(), Default::default());
    View { rows, progress, metrics, projector: opened.unwrap() }
}

impl View {
    /// Projects all that there is.
    fn project(&mut self) -> usize {
        let mut decisions = 0;
        loop {
            match self.projector.turn(AT + 1_000_000).unwrap() {
                0 => return decisions,
                more => decisions += more,
            }
        }
    }
}

#[test]
fn rows_projected_again_from_an_older_checkpoint_are_the_same_rows() {
    let (mut hand, budget) = (Hand::new(), budget_in(1));
    hand.fill(&budget, 20);
    let rows = generation(&hand.log);
    let mut first = view(&hand, &rows);
    assert_eq!(first.project(), 21);
    let old = rows.checkpoint(Partition(1)).unwrap().unwrap();
    hand.fill(&budget_in(0), 5);
    for step in 21..40 {
        let points = Points::new(step * 7).unwrap();
        let balance = BudgetBalance { allocated: points, free: points, ..BudgetBalance::default() };
        let allocated: Fact = BudgetAllocated { delta: 7, balance }.into();
        hand.decide(&budget, encode_facts(&[allocated]));
    }
    assert_eq!(first.project(), 25);
    let whole = dump(&*rows);
    assert!(whole.len() > 40, "{whole:?}");
    // The checkpoint that was written last is lost; what it stood for is in the rows.
    let mut back = Batch::new();
    back.checkpoint(Partition(1), old);
    rows.apply(back).unwrap();
    let mut again = view(&hand, &rows);
    assert_eq!(again.project(), 19);
    assert_eq!(dump(&*rows), whole);
    let mut at_the_end = view(&hand, &rows);
    assert_eq!(at_the_end.project(), 0);
}

#[test]
fn folding_every_decision_twice_changes_nothing() {
    let (mut hand, budget) = (Hand::new(), budget_in(1));
    hand.fill(&budget, 30);
    let rows = generation(&hand.log);
    view(&hand, &rows).project();
    let whole = dump(&*rows);
    // Once more, one after the other and backwards: the stamps say what is newer.
    let mut folded = hand.read(Partition(1));
    folded.reverse();
    for decision in folded.iter().filter_map(Folded::decision) {
        let mut batch = Batch::new();
        batch.decision(decision.at, rows_of_decision(Partition(1), decision).unwrap());
        rows.apply(batch).unwrap();
    }
    assert_eq!(dump(&*rows), whole);
}

#[test]
fn a_fact_of_a_newer_release_stops_the_view_of_its_partition_and_no_other() {
    let mut hand = Hand::new();
    let (here, elsewhere) = (budget_in(1), budget_in(0));
    hand.fill(&here, 3);
    let unknown = FactRecord { kind: 9_999, schema: 1, body: vec![1, 2, 3].into() };
    hand.decide(&here, vec![unknown]);
    let rows = generation(&hand.log);
    let mut seen = view(&hand, &rows);
    seen.project();
    assert_eq!(seen.metrics.stopped.get(), 1);
    let stopped_at = seen.progress.applied(Partition(1));
    hand.fill(&here, 3);
    hand.fill(&elsewhere, 3);
    assert_eq!(seen.project(), 4, "the other partition goes on");
    assert_eq!(seen.metrics.stopped.get(), 1);
    assert_eq!(seen.progress.applied(Partition(1)), stopped_at, "nothing is claimed that was not read");
    assert!(seen.progress.applied(Partition(0)) > AT);
    // A newer release reads on where this one stopped: no checkpoint stands beyond the fact that it could not read.
    let reached = rows
        .checkpoint(Partition(1))
        .unwrap()
        .map(|bytes| postcard::from_bytes::<mirabelle_ledger::Checkpoint>(&bytes).unwrap().head.seq);
    assert!(reached.is_none_or(|seq| seq < 5), "{reached:?}");
    assert!(Arc::ptr_eq(&seen.rows, &rows));
}
