//! Folds every partition of `facts`: accounts, a scratch generation of rows, the cursors of the inputs.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mirabelle_decider::Accounts;
use mirabelle_decider::step::occupies_id;
use mirabelle_domain::{Fact, Timestamp};
use mirabelle_ledger::{Checkpoint, Counted, FactsReader, Folded, ReaderOptions, Start};
use mirabelle_log::{Log, Partition, ReadLimit, Topic};
use mirabelle_projector::rows_of_decision;
use mirabelle_schemas::decode_fact;
use mirabelle_schemas::record::Decision;
use mirabelle_store::{Batch, Rows, StoreError};

use super::Report;
use super::again::Again;
use super::beside::Beside;
use super::marks::{self, Side};
use super::scratch::Scratch;

/// Which inputs of each of `Topic::INPUTS` were decided: how many, and one past the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursors {
    pub(crate) decided: [u64; Topic::INPUTS.len()],
    pub(crate) next: [u64; Topic::INPUTS.len()],
}

/// Everything folded so far. In memory are the accounts, as a server has them; what grows with the log lies in scratch
/// rows.
pub(crate) struct Folding {
    accounts: Accounts,
    pub(crate) scratch: Scratch,
    /// How far the rows to be compared reach, per partition: rows beyond it are not written yet.
    reach: HashMap<Partition, u64>,
    beside: Beside,
}

impl Folding {
    /// Nothing folded.
    pub(crate) fn new(scratch: Scratch) -> Folding {
        Folding { accounts: Accounts::default(), scratch, reach: HashMap::new(), beside: Beside::default() }
    }

    /// Compares with what lies beside the log, too.
    pub(crate) fn with(beside: Beside, scratch: Scratch) -> Folding {
        Folding { beside, ..Folding::new(scratch) }
    }

    /// Everything is folded.
    pub(crate) fn finish(&self, report: &mut Report) {
        self.beside.finish(&self.accounts, report);
    }

    /// The accounts.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
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
        let mut again = match Again::new(log, partition) {
            Ok(again) => again,
            Err(error) => {
                report.differs("inputs", place, chain(&error));
                return None;
            }
        };
        self.beside.begin(log, partition, report);
        let mut cursors = Cursors::default();
        let mut folded = Vec::new();
        loop {
            let read = reader.read(ReadLimit { records: 10_000, bytes: 16 << 20 }, &mut folded);
            for one in folded.drain(..) {
                self.one(&one, &mut cursors, &mut again, report);
                if let Some(decision) = one.decision() {
                    let (partitions, seq) = (log.partitions(), decision.seq);
                    self.beside.check_accounts(partition, partitions, seq, &self.accounts, report);
                }
            }
            match read {
                Ok(0) => {
                    self.beside.end(partition, report);
                    return Some(cursors);
                }
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

    fn one(&mut self, one: &Folded, cursors: &mut Cursors, again: &mut Again<'_>, report: &mut Report) {
        if let Counted::Claim(claim) = &one.counted {
            again.revision = again.revision.max(claim.domain_revision);
        }
        let Some(decision) = one.decision() else { return };
        report.decisions += 1;
        let place = format!("facts/{} seq {}", one.position.partition, one.position.seq);
        let topic = usize::from(decision.cursor.topic);
        cursors.decided[topic] += 1;
        cursors.next[topic] = cursors.next[topic].max(decision.cursor.offset + 1);
        let facts: Result<Vec<Fact>, _> = decision.facts.iter().map(decode_fact).collect();
        match facts {
            Ok(facts) => {
                again.check(decision, &facts, &self.accounts, self.scratch.ids.as_ref(), report);
                let marked = self
                    .check_ids(one, decision, &facts, &place, report)
                    .and_then(|()| self.check_lines(&facts, &place, report))
                    .and_then(|()| self.book(decision, &facts, &place, report));
                if let Err(error) = marked {
                    report.differs("scratch", place.clone(), chain(&error));
                }
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
    ) -> Result<(), StoreError> {
        if !occupies_id(facts) {
            return Ok(());
        }
        let (id, at) = (decision.command_id, one.position);
        if self.scratch.ids.lookup(id)?.is_some() {
            report.differs("accounts", place, format!("command {id} was decided before"));
        }
        self.scratch.ids.insert_batch(at.partition, &[(id, at.offset.0)], at.offset.0)?;
        self.beside.check_id(at.partition, at.offset, id, report);
        Ok(())
    }

    fn check_lines(&self, facts: &[Fact], place: &str, report: &mut Report) -> Result<(), StoreError> {
        let marks = self.scratch.marks.as_ref();
        for fact in facts {
            match fact {
                Fact::RedemptionApproved(f) => drop(marks::approve(marks, f.redemption)?),
                Fact::LineFulfilled(f) => {
                    if !marks::is_approved(marks, f.redemption)? {
                        let what = format!("{} was captured unapproved", f.redemption);
                        report.differs("accounts", place, what);
                    }
                    if marks::deliver(marks, f.redemption, f.line)? {
                        let what = format!("line {} of {} was delivered before", f.line, f.redemption);
                        report.differs("accounts", place, what);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn book(
        &self,
        decision: &Decision,
        facts: &[Fact],
        place: &str,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        for fact in facts {
            let (side, grant, points) = match fact {
                Fact::GrantCredited(f) => (Side::Credited, f.grant.grant, f.grant.points),
                Fact::GrantSettled(f) => (Side::Settled, f.grant, f.points),
                _ => continue,
            };
            let marks = self.scratch.marks.as_ref();
            if marks::book(marks, side, &decision.account.tenant, grant, points.get())? {
                let what = format!("{} of grant {grant} for the second time", fact.name());
                report.differs("books", place, what);
            }
        }
        Ok(())
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
        if let Err(error) = self.scratch.rows.apply(batch) {
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
