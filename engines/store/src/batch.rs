//! What is applied at once.

use std::collections::HashMap;

use mirabelle_domain::rows::{Row, Value};
use mirabelle_log::Partition;

/// One put: the row, and the stamp (a decision's `at`, microseconds) of all it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The decision's `at`.
    pub stamp: i64,
    /// The row.
    pub row: Row,
}

/// Puts, and the checkpoints that they lead to. Fill it from many decisions: one batch costs one lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    puts: Vec<Put>,
    checkpoints: Vec<(Partition, Vec<u8>)>,
    decisions: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds the rows of one decision, all stamped with its `at`.
    pub fn decision(&mut self, at: i64, rows: Vec<Row>) {
        self.puts.extend(rows.into_iter().map(|row| Put { stamp: at, row }));
        self.decisions += 1;
    }

    /// Sets the checkpoint of a partition that holds once the batch's rows are there; opaque bytes.
    pub fn checkpoint(&mut self, partition: Partition, checkpoint: Vec<u8>) {
        match self.checkpoints.iter_mut().find(|(other, _)| *other == partition) {
            Some(slot) => slot.1 = checkpoint,
            None => self.checkpoints.push((partition, checkpoint)),
        }
    }

    /// The puts, in the order in which they were added.
    pub fn puts(&self) -> &[Put] {
        &self.puts
    }

    /// The checkpoints, at most one a partition.
    pub fn checkpoints(&self) -> &[(Partition, Vec<u8>)] {
        &self.checkpoints
    }

    /// Decisions added.
    pub fn decisions(&self) -> usize {
        self.decisions
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.checkpoints.is_empty()
    }

    /// Takes it apart.
    pub fn into_parts(self) -> (Vec<Put>, Vec<(Partition, Vec<u8>)>) {
        (self.puts, self.checkpoints)
    }

    /// Drops puts that a newer one of the batch covers: of the same row, with a higher stamp, and naming every
    /// cell of the older. For engines where each put costs a statement; the rows that result are the same.
    pub fn coalesce(&mut self) {
        let mut newest: HashMap<(u8, &[Value]), usize> = HashMap::new();
        let mut covered = vec![false; self.puts.len()];
        for place in (0..self.puts.len()).rev() {
            let put = &self.puts[place];
            let key = (put.row.table.number, put.row.key.as_slice());
            match newest.get(&key).map(|&place| &self.puts[place]) {
                Some(newer) if covers(newer, put) => covered[place] = true,
                _ => drop(newest.insert(key, place)),
            }
        }
        let mut place = 0;
        self.puts.retain(|_| {
            place += 1;
            !covered[place - 1]
        });
    }
}

fn covers(newer: &Put, older: &Put) -> bool {
    newer.stamp > older.stamp
        && !newer.row.delete
        && !older.row.delete
        && !newer.row.cells.is_empty()
        && older.row.cells.iter().all(|(column, _)| newer.row.cells.iter().any(|(other, _)| other == column))
}
