//! Folds every partition of `facts`: accounts, a scratch generation of rows, the cursors of the inputs.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mirabelle_decider::Accounts;
use mirabelle_decider::step::occupies_id;
use mirabelle_domain::{CommandId, Fact, GrantId, TenantId, Timestamp};
use mirabelle_ledger::{Checkpoint, FactsReader, Folded, ReaderOptions, Start};
use mirabelle_log::{Log, LogId, Partition, ReadLimit, Topic};
use mirabelle_projector::rows_of_decision;
use mirabelle_schemas::decode_fact;
use mirabelle_schemas::record::Decision;
use mirabelle_store::{Batch, MemoryStore, Rows, Store};

use super::Report;
use super::beside::Beside;

/// Which inputs of each of `Topic::INPUTS` were decided: how many, and one past the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursors {
    pub(crate) decided: [u64; Topic::INPUTS.len()],
    pub(crate) next: [u64; Topic::INPUTS.len()],
}

/// Everything folded so far.
pub struct Folding {
    accounts: Accounts,
    scratch: Arc<dyn Rows>,
    ids: HashSet<CommandId>,
    /// Redemptions that were approved, for invariant 5.
    approved: HashSet<mirabelle_domain::RedemptionId>,
    /// Lines that were delivered: one voucher a line.
    delivered: HashSet<(mirabelle_domain::RedemptionId, u32)>,
    /// What wallets were credited with, and what budgets have settled: points by grant.
    pub(crate) credited: HashMap<(TenantId, GrantId), i64>,
    pub(crate) settled: HashMap<(TenantId, GrantId), i64>,
    /// How far the rows to be compared reach, per partition: rows beyond it are not written yet.
    reach: HashMap<Partition, u64>,
    beside: Beside,
}

impl Default for Folding {
    fn default() -> Folding {
        Folding::new()
    }
}

impl Folding {
    /// Nothing folded.
    pub fn new() -> Folding {
        let store = MemoryStore::new(LogId([0; 16]));
        let name = "scratch".parse().expect("a name");
        Folding {
            accounts: Accounts::default(),
            scratch: store.create(&name).expect("a generation in memory"),
            ids: HashSet::new(),
            approved: HashSet::new(),
            delivered: HashSet::new(),
            credited: HashMap::new(),
            settled: HashMap::new(),
            reach: HashMap::new(),
            beside: Beside::default(),
        }
    }

    /// Compares with what lies beside the log, too.
    pub(crate) fn with(beside: Beside) -> Folding {
        Folding { beside, ..Folding::new() }
    }

    /// Everything is folded.
    pub(crate) fn finish(&self, report: &mut Report) {
        self.beside.finish(&self.accounts, report);
    }

    /// The accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The rows as they should be.
    pub fn scratch(&self) -> &dyn Rows {
        self.scratch.as_ref()
    }

    /// Folds a partition to its end. `None` when it can't be read to its end; the report says why.
    pub(crate) fn fold(
        &mut self,
        log: &dyn Log,
        partition: Partition,
        rows: Option<&dyn Rows>,
        report: &mut Report,
    ) -> Option<Cursors> {
        self.find_reach(partition, rows, report);
        let place = format!("facts/{partition}");
        let opened = FactsReader::open(log, partition, Start::Beginning, ReaderOptions::default());
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) => {
                report.differs("chain", place, chain(&error));
                return None;
            }
        };
        let mut cursors = Cursors::default();
        let mut folded = Vec::new();
        loop {
            let read = reader.read(ReadLimit { records: 10_000, bytes: 16 << 20 }, &mut folded);
            for one in folded.drain(..) {
                self.one(&one, &mut cursors, report);
                if let Some(decision) = one.decision() {
                    let (partitions, seq) = (log.partitions(), decision.seq);
                    self.beside.check_accounts(partition, partitions, seq, &self.accounts, report);
                }
            }
            match read {
                Ok(0) => return Some(cursors),
                Ok(_) => {}
                Err(error) => {
                    report.differs("chain", place, chain(&error));
                    return None;
                }
            }
        }
    }

    /// The rows may be behind the log: what they are compared with ends where they end.
    fn find_reach(&mut self, partition: Partition, rows: Option<&dyn Rows>, report: &mut Report) {
        let Some(rows) = rows else { return };
        match rows.checkpoint(partition) {
            Ok(Some(bytes)) => match postcard::from_bytes::<Checkpoint>(&bytes) {
                Ok(checkpoint) => {
                    self.reach.insert(partition, checkpoint.head.seq);
                }
                Err(error) => {
                    report.differs("rows", format!("checkpoint of partition {partition}"), error.to_string())
                }
            },
            Ok(None) => {}
            Err(error) => {
                report.differs("rows", format!("checkpoint of partition {partition}"), chain(&error))
            }
        }
    }

    fn one(&mut self, one: &Folded, cursors: &mut Cursors, report: &mut Report) {
        let Some(decision) = one.decision() else { return };
        report.decisions += 1;
        let place = format!("facts/{} seq {}", one.position.partition, one.position.seq);
        let topic = usize::from(decision.cursor.topic);
        cursors.decided[topic] += 1;
        cursors.next[topic] = cursors.next[topic].max(decision.cursor.offset + 1);
        let facts: Result<Vec<Fact>, _> = decision.facts.iter().map(decode_fact).collect();
        match facts {
            Ok(facts) => {
                self.check_ids(one, decision, &facts, &place, report);
                self.check_lines(&facts, &place, report);
                self.book(decision, &facts, &place, report);
                self.evolve(decision, &facts, &place, report);
                self.project(one, decision, &place, report);
            }
            Err(error) => report.differs("accounts", place, chain(&error)),
        }
    }

    fn check_ids(
        &mut self,
        one: &Folded,
        decision: &Decision,
        facts: &[Fact],
        place: &str,
        report: &mut Report,
    ) {
        if !occupies_id(facts) {
            return;
        }
        if !self.ids.insert(decision.command_id) {
            report.differs("accounts", place, format!("command {} was decided before", decision.command_id));
        }
        self.beside.check_id(one.position.partition, one.position.offset, decision.command_id, report);
    }

    fn check_lines(&mut self, facts: &[Fact], place: &str, report: &mut Report) {
        for fact in facts {
            match fact {
                Fact::RedemptionApproved(f) => {
                    self.approved.insert(f.redemption);
                }
                Fact::LineFulfilled(f) => {
                    if !self.approved.contains(&f.redemption) {
                        report.differs(
                            "accounts",
                            place,
                            format!("{} was captured unapproved", f.redemption),
                        );
                    }
                    if !self.delivered.insert((f.redemption, f.line)) {
                        let what = format!("line {} of {} was delivered before", f.line, f.redemption);
                        report.differs("accounts", place, what);
                    }
                }
                _ => {}
            }
        }
    }

    fn book(&mut self, decision: &Decision, facts: &[Fact], place: &str, report: &mut Report) {
        let tenant = &decision.account.tenant;
        for fact in facts {
            let (books, grant, points) = match fact {
                Fact::GrantCredited(f) => (&mut self.credited, f.grant.grant, f.grant.points),
                Fact::GrantSettled(f) => (&mut self.settled, f.grant, f.points),
                _ => continue,
            };
            if books.insert((tenant.clone(), grant), points.get()).is_some() {
                report.differs(
                    "books",
                    place,
                    format!("{} of grant {grant} for the second time", fact.name()),
                );
            }
        }
    }

    /// `evolve` asserts that the sums a fact carries agree with what it folds.
    fn evolve(&mut self, decision: &Decision, facts: &[Fact], place: &str, report: &mut Report) {
        let at = Timestamp(decision.accepted_at);
        let folded = catch_unwind(AssertUnwindSafe(|| self.accounts.evolve(&decision.account, facts, at)));
        if let Err(panic) = folded {
            let what = panic.downcast_ref::<String>().cloned();
            let what = what.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            report.differs(
                "accounts",
                place,
                what.unwrap_or_else(|| "its numbers contradict the state".to_owned()),
            );
        }
    }

    fn project(&mut self, one: &Folded, decision: &Decision, place: &str, report: &mut Report) {
        if self.reach.get(&one.position.partition).is_none_or(|reach| one.position.seq > *reach) {
            return;
        }
        let rows = match rows_of_decision(one.position.partition, decision) {
            Ok(rows) => rows,
            Err(error) => return report.differs("rows", place, chain(&error)),
        };
        let mut batch = Batch::new();
        batch.decision(decision.at, rows);
        if let Err(error) = self.scratch.apply(batch) {
            report.differs("rows", place, chain(&error));
        }
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
