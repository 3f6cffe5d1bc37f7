//! Whatever is decided, in whatever order it is folded.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::assert_well_formed;
use super::samples::{account_of, context, every_kind};
use crate::project::project;
use crate::rows::{Row, Value};

/// A row's table and key.
type Place = (u8, Vec<Value>);

/// A store as every engine is one: of each cell the value with the latest stamp; at one stamp, dead beats live and
/// the larger value the smaller.
#[derive(Default)]
struct Store {
    cells: BTreeMap<Place, BTreeMap<u8, (i64, Value)>>,
    deleted: BTreeMap<Place, i64>,
}

impl Store {
    fn apply(&mut self, row: &Row, at: i64) {
        let key = (row.table.number, row.key.clone());
        if row.delete {
            let deleted = self.deleted.entry(key).or_insert(at);
            *deleted = at.max(*deleted);
            return;
        }
        let cells = self.cells.entry(key).or_default();
        for (column, value) in &row.cells {
            let cell = cells.entry(*column).or_insert_with(|| (at, value.clone()));
            if (at, value) > (cell.0, &cell.1) {
                *cell = (at, value.clone());
            }
        }
    }

    fn live(&self) -> BTreeMap<Place, BTreeMap<u8, Value>> {
        let mut rows = BTreeMap::new();
        for (key, cells) in &self.cells {
            let deleted = self.deleted.get(key).copied().unwrap_or(i64::MIN);
            let live: BTreeMap<u8, Value> = cells
                .iter()
                .filter(|(_, (at, _))| *at > deleted)
                .map(|(column, (_, value))| (*column, value.clone()))
                .collect();
            if !live.is_empty() {
                rows.insert(key.clone(), live);
            }
        }
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn rows_come_out_the_same_whether_folded_once_twice_or_out_of_order(
        decisions in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..6), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let samples = every_kind();
        let mut batches = Vec::new();
        for (number, picks) in (0i64..).zip(&decisions) {
            let facts: Vec<_> = picks.iter().map(|pick| pick.get(&samples).clone()).collect();
            let account = account_of(&facts[0]);
            let mut context = context(&account);
            context.seq += u64::try_from(number).unwrap();
            context.at += number;
            let rows = project(&context, &facts);
            assert_well_formed(&rows);
            prop_assert_eq!(&rows, &project(&context, &facts));
            batches.push((context.at, rows));
        }
        let mut once = Store::default();
        for (at, rows) in &batches {
            rows.iter().for_each(|row| once.apply(row, *at));
        }
        let mut disorderly = Store::default();
        let repeats = order.iter().map(|index| index.index(batches.len()));
        for place in repeats.chain((0..batches.len()).rev()) {
            let (at, rows) = &batches[place];
            rows.iter().for_each(|row| disorderly.apply(row, *at));
        }
        prop_assert_eq!(once.live(), disorderly.live());
    }
}
