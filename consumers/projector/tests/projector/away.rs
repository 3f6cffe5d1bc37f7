//! A store that is away, and comes back.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use mirabelle_domain::Name;
use mirabelle_domain::rows::{Table, Value};
use mirabelle_log::Partition;
use mirabelle_store::{Batch, Found, Rows, Scan, StoreError};

use super::{AT, Hand, budget_in, dump, generation, view};

/// Rows that can be away. What is applied meanwhile is there in part, without its checkpoint, as on servers of which
/// some did not answer.
struct Leaving {
    rows: Arc<dyn Rows>,
    away: AtomicBool,
    asked_while_away: AtomicU32,
    /// Called when somebody was told that they are away.
    told: Mutex<Box<dyn FnMut(u32) + Send>>,
}

impl Leaving {
    fn answer<T>(&self, answer: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if !self.away.load(Ordering::Acquire) {
            return answer();
        }
        let asked = self.asked_while_away.fetch_add(1, Ordering::AcqRel) + 1;
        (self.told.lock().unwrap())(asked);
        Err(StoreError::Away { act: "ask".to_owned(), source: "nobody answers".into() })
    }
}

impl Rows for Leaving {
    fn name(&self) -> &Name {
        self.rows.name()
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        if self.away.load(Ordering::Acquire) {
            let mut part = Batch::new();
            for put in batch.puts().iter().step_by(2) {
                part.decision(put.stamp, vec![put.row.clone()]);
            }
            self.rows.apply(part)?;
        }
        self.answer(|| self.rows.apply(batch))
    }

    fn checkpoint(&self, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        self.answer(|| self.rows.checkpoint(partition))
    }

    fn get(&self, table: &'static Table, key: &[Value]) -> Result<Option<Found>, StoreError> {
        self.answer(|| self.rows.get(table, key))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Found>, StoreError> {
        self.answer(|| self.rows.scan(scan))
    }

    fn scan_table(
        &self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        self.answer(|| self.rows.scan_table(table, after, limit))
    }
}

#[test]
fn a_store_that_is_away_is_waited_for_and_gets_every_row() {
    let (mut hand, budget) = (Hand::new(), budget_in(1));
    hand.fill(&budget, 20);
    let straight = generation(&hand.log);
    view(&hand, &straight).project();

    let leaving = Arc::new(Leaving {
        rows: generation(&hand.log),
        away: AtomicBool::new(false),
        asked_while_away: AtomicU32::new(0),
        told: Mutex::new(Box::new(|_| {})),
    });
    let rows: Arc<dyn Rows> = leaving.clone();
    let mut seen = view(&hand, &rows);
    leaving.away.store(true, Ordering::Release);
    let progress = seen.progress.clone();
    let ails = move || progress.health().ails(Partition(1));
    let during = ails.clone();
    let back = Arc::downgrade(&leaving);
    *leaving.told.lock().unwrap() = Box::new(move |asked| {
        if asked == 3 {
            let why = during().expect("whoever asks for the rows' health hears of it");
            assert!(why.contains("away"), "{why}");
            back.upgrade().expect("the projector holds it").away.store(false, Ordering::Release);
        }
    });
    let (wanted, there) = (straight.checkpoint(Partition(1)).unwrap(), leaving.rows.clone());
    let stopped = move || there.checkpoint(Partition(1)).unwrap() == wanted;
    seen.projector.run(&stopped, &|| AT + 1_000_000).expect("what passes does not end the projector");
    assert!(leaving.asked_while_away.load(Ordering::Acquire) >= 3);
    assert_eq!(dump(&*rows), dump(&*straight));
    assert_eq!(ails(), None, "it is well again");
}
