//! Facts in, rows out.

mod properties;
mod samples;

use std::collections::BTreeSet;

use crate::account::AccountKey;
use crate::fact::*;
use crate::points::Points;
use crate::project::project;
use crate::rows::{Row, Type, Value, lines_from_text, sealed_from_bytes};
use crate::tables::*;
use crate::worker::WorkerState;
use samples::{
    GRANT, MEMBER, REDEMPTION, account, account_of, balance, context, every_kind, immediate, intent, lot,
    name, points, priced, sealed,
};

/// The rows of facts of a member.
fn member_rows(facts: &[Fact]) -> Vec<Row> {
    project(&context(&account(AccountKey::Member(MEMBER))), facts)
}

fn budget_rows(facts: &[Fact]) -> Vec<Row> {
    project(&context(&account(AccountKey::Budget(name("spot")))), facts)
}

fn one<'a>(rows: &'a [Row], table: &str) -> &'a Row {
    let mut found = rows.iter().filter(|row| row.table.name == table);
    let row = found.next().unwrap_or_else(|| panic!("no row in {table}: {rows:#?}"));
    assert!(found.next().is_none(), "more than one row in {table}: {rows:#?}");
    row
}

fn cell(row: &Row, column: u8) -> Option<&Value> {
    row.cells.iter().find(|(number, _)| *number == column).map(|(_, value)| value)
}

fn number(row: &Row, column: u8) -> i64 {
    match cell(row, column) {
        Some(Value::Int(number)) => *number,
        other => panic!("{}.{column}: {other:?}", row.table.name),
    }
}

fn words(row: &Row, column: u8) -> &str {
    match cell(row, column) {
        Some(Value::Text(text)) => text,
        other => panic!("{}.{column}: {other:?}", row.table.name),
    }
}

fn assert_well_formed(rows: &[Row]) {
    let kind = |value: &Value| match value {
        Value::Text(_) => Type::Text,
        Value::Int(_) => Type::Int,
        Value::Bytes(_) => Type::Bytes,
    };
    let mut keys = BTreeSet::new();
    for row in rows {
        assert!(keys.insert((row.table.number, row.key.clone())), "a row stands twice: {row:?}");
        let columns: Vec<Type> =
            row.table.partition.iter().chain(row.table.clustering).map(|(_, kind)| *kind).collect();
        assert_eq!(row.key.iter().map(kind).collect::<Vec<Type>>(), columns, "{}", row.table.name);
        assert_eq!(row.cells.is_empty(), row.delete, "{row:?}");
        assert!(row.cells.windows(2).all(|pair| pair[0].0 < pair[1].0), "{row:?}");
        for (column, value) in &row.cells {
            let (name, expected) = row.table.columns[usize::from(*column)];
            assert_eq!(kind(value), expected, "{}.{name}", row.table.name);
        }
    }
}

#[test]
fn every_kind_of_fact_projects_to_a_row_that_fits_its_table() {
    let facts = every_kind();
    let kinds: BTreeSet<u16> = facts.iter().map(Fact::kind).collect();
    assert_eq!(kinds, Fact::KINDS.iter().map(|(kind, _)| *kind).collect(), "a kind has no sample");
    for fact in facts {
        let account = account_of(&fact);
        let rows = project(&context(&account), std::slice::from_ref(&fact));
        assert_well_formed(&rows);
        let own = rows.iter().filter(|row| row.table.name != "decisions").count();
        let rejected = matches!(fact, Fact::CommandRejected(_));
        assert_eq!(own > 0, !rejected, "{}: {rows:#?}", fact.name());
    }
}

#[test]
fn an_immediate_redemption_projects_to_five_rows_with_its_end() {
    let rows = member_rows(&immediate());
    assert_well_formed(&rows);
    let tables: Vec<&str> = rows.iter().map(|row| row.table.name).collect();
    assert_eq!(tables, ["balances", "lots", "statement", "redemptions", "decisions"]);
    let sums = one(&rows, "balances");
    let sums = [balances::AVAILABLE, balances::RESERVED, balances::SPENT].map(|column| number(sums, column));
    assert_eq!(sums, [375, 0, 125]);
    let lot = one(&rows, "lots");
    assert_eq!((number(lot, lots::FREE), number(lot, lots::HELD)), (375, 0));
    let moved = one(&rows, "statement");
    assert_eq!((number(moved, statement::KIND), number(moved, statement::DELTA)), (30, -25));
    assert_eq!((number(moved, statement::RESERVED), number(moved, statement::SPENT)), (0, 125));
    let redemption = one(&rows, "redemptions");
    assert_eq!(words(redemption, redemptions::STATE), "fulfilled");
    assert_eq!(number(redemption, redemptions::CAPTURED), 25);
    let lines = lines_from_text(words(redemption, redemptions::LINES)).unwrap();
    assert_eq!((lines[0].product.as_str(), lines[0].vendor.as_ref()), ("gift-de-25", None));
    let decision = one(&rows, "decisions");
    assert_eq!(cell(decision, decisions::REFERENCES), Some(&Value::Bytes(REDEMPTION.0.to_vec())));
    assert_eq!((number(decision, decisions::WAIT), number(decision, decisions::ACCEPTED)), (830, 1));
}

/// Bytes of a row as the embedded store lays it down: the table's number; in keys, text and bytes with an end and whole
/// numbers with a length; in cells, one mask for all columns and whole numbers as short as they are; without the stamp.
fn weight(row: &Row) -> usize {
    let bytes = |bits: u32, each: u32| usize::try_from(bits.div_ceil(each).max(1)).unwrap();
    let key = |value: &Value| match value {
        Value::Text(text) => text.len() + 1,
        Value::Int(number) => 1 + bytes(64 - number.leading_zeros(), 8),
        Value::Bytes(bytes) => bytes.len() + 1,
    };
    let value = |value: &Value| match value {
        Value::Int(number) => bytes(64 - ((number << 1) ^ (number >> 63)).leading_zeros() + 2, 7),
        other => key(other),
    };
    let mask = row.cells.last().map_or(0, |(column, _)| bytes(u32::from(*column) + 1, 7));
    let cells: usize = row.cells.iter().map(|(_, cell)| value(cell)).sum();
    1 + row.key.iter().map(key).sum::<usize>() + mask + cells
}

#[test]
fn the_rows_of_an_immediate_redemption_take_little_room() {
    let rows = member_rows(&immediate());
    let weights: Vec<(&str, usize)> = rows.iter().map(|row| (row.table.name, weight(row))).collect();
    let total: usize = weights.iter().map(|(_, weight)| weight).sum();
    println!("{total} bytes: {weights:?}");
    assert!(total <= 310, "{total} bytes: {weights:?}");
}

#[test]
fn a_line_for_a_vendor_has_a_row_from_the_request_to_its_voucher() {
    let mut facts = immediate();
    let Fact::RedemptionRequested(requested) = &mut facts[0] else { panic!() };
    requested.lines.push(priced("card", Some("sandbox")));
    let rows = member_rows(&facts[..3]);
    let line = one(&rows, "redemption_lines");
    assert_eq!(line.key[2], Value::Int(1), "the line that was delivered at once has none");
    assert_eq!(words(line, redemption_lines::STATE), "waiting");

    let Fact::LineFulfilled(fulfilled) = facts.remove(2) else { panic!() };
    let later = LineFulfilled { line: 1, voucher: Some(sealed()), ..fulfilled };
    let rows = member_rows(&[later.into()]);
    let line = one(&rows, "redemption_lines");
    assert_eq!(words(line, redemption_lines::STATE), "fulfilled");
    let Some(Value::Bytes(voucher)) = cell(line, redemption_lines::VOUCHER) else { panic!() };
    assert_eq!(sealed_from_bytes(voucher), Ok(Some(sealed())));
    let moved = one(&rows, "statement");
    let [kind, delta, moved_points] =
        [statement::KIND, statement::DELTA, statement::POINTS].map(|column| number(moved, column));
    assert_eq!((kind, delta, moved_points), (33, 0, 25), "a capture moves nothing that is available");
}

#[test]
fn a_statement_says_what_became_available_not_what_is_pending() {
    let credited = |vested| {
        let (budget, grant, balance) = (name("spot"), intent(), balance(400, 0, 0));
        let rows = member_rows(&[GrantCredited { budget, grant, lot: 1, vested, balance }.into()]);
        let state = words(one(&rows, "lots"), lots::STATE).to_owned();
        (number(one(&rows, "statement"), statement::DELTA), state)
    };
    assert_eq!(credited(true), (400, "open".to_owned()));
    assert_eq!(credited(false), (0, "pending".to_owned()));
    let reversed = |pending| {
        let (lot, shortfall) = (Some(lot(1, 300, 0, 100)), points(100));
        let balance = balance(0, 100, 0);
        let rows = member_rows(&[GrantReversed { grant: GRANT, lot, pending, shortfall, balance }.into()]);
        let row = one(&rows, "statement").clone();
        (number(&row, statement::DELTA), cell(&row, statement::POINTS).cloned())
    };
    assert_eq!(reversed(false), (-300, None));
    assert_eq!(reversed(true), (0, Some(Value::Int(300))));
}

#[test]
fn a_cancelled_redemption_gives_back_in_one_move() {
    let closed = RedemptionClosed {
        redemption: REDEMPTION,
        end: RedemptionEnd::Cancelled,
        captured: Points::ZERO,
        returned: points(25),
        lots: vec![lot(1, 25, 400, 0)],
        balance: balance(400, 0, 100),
    };
    let rows = member_rows(&[closed.into()]);
    let moved = one(&rows, "statement");
    assert_eq!((number(moved, statement::KIND), number(moved, statement::DELTA)), (36, 25));
    assert_eq!(words(one(&rows, "redemptions"), redemptions::STATE), "cancelled");
    assert_eq!(number(one(&rows, "lots"), lots::FREE), 400);
}

#[test]
fn a_worker_state_clears_what_is_no_longer_known_and_an_older_one_changes_nothing() {
    let recorded = |current| WorkerRecorded {
        connection: name("workday"),
        changed_at: None,
        current,
        state: WorkerState::default(),
    };
    let rows = member_rows(&[recorded(true).into()]);
    let row = one(&rows, "members");
    assert_eq!(row.cells.len(), members::TABLE.columns.len());
    assert_eq!((words(row, members::STATUS), words(row, members::DEPARTMENT)), ("active", ""));
    let rows = member_rows(&[recorded(false).into()]);
    let columns: Vec<u8> = one(&rows, "members").cells.iter().map(|(column, _)| *column).collect();
    assert_eq!(columns, [members::SEEN_AT]);
}

#[test]
fn a_milestone_that_comes_again_leaves_the_awards_row_as_it_is() {
    let considered = |outcome| {
        let mut facts = every_kind();
        let place = facts.iter().position(|fact| fact.kind() == 13).unwrap();
        let Fact::MilestoneConsidered(considered) = facts.swap_remove(place) else { panic!() };
        let rows = member_rows(&[MilestoneConsidered { outcome, ..considered }.into()]);
        one(&rows, "considerations").clone()
    };
    let again = considered(Considered::AlreadyAwarded);
    let columns: Vec<u8> = again.cells.iter().map(|(column, _)| *column).collect();
    assert_eq!(columns, [considerations::AGAIN_AT]);
    assert_eq!(words(&considered(Considered::TooLate), considerations::OUTCOME), "too_late");
}

#[test]
fn a_held_grant_is_listed_until_a_person_releases_or_declines_it() {
    let balance = BudgetBalance::default();
    let held = budget_rows(&[GrantHeld { grant: intent(), held_for: HeldFor::DailyCeiling }.into()]);
    let listed = one(&held, "budget_held");
    assert_eq!(words(listed, budget_held::HELD_FOR), "daily_ceiling");
    let committed = |released| {
        budget_rows(&[GrantCommitted { grant: intent(), ceiling_sum: None, released, balance }.into()])
    };
    let released = committed(true);
    let gone = one(&released, "budget_held");
    assert_eq!((gone.delete, &gone.key), (true, &listed.key));
    assert_eq!(words(one(&released, "budget_grants"), budget_grants::RESOLVED_BY), "portal");
    assert!(committed(false).iter().all(|row| row.table.name != "budget_held"));
    let declined = GrantDeclined { grant: GRANT, member: MEMBER, points: points(400) };
    assert!(one(&budget_rows(&[declined.into()]), "budget_held").delete);
}

#[test]
fn a_repeat_never_touches_the_first_answer() {
    let rows = member_rows(&[CommandRepeated { first_seq: 12, same_body: false }.into()]);
    let row = one(&rows, "repeats");
    assert_eq!((number(row, repeats::FIRST_SEQ), number(row, repeats::SAME_BODY)), (12, 0));
    assert_eq!(rows.len(), 1);
    let aside = InputSetAside { reason: "unreadable".to_owned(), detail: "cut".to_owned() };
    assert_eq!(one(&member_rows(&[aside.into()]), "set_aside").key, [Value::Int(3), Value::Int(1_041)]);
}

#[test]
fn a_rejection_says_code_and_pointer() {
    let (code, detail) = ("not_offered".to_owned(), "the product is not offered".to_owned());
    let pointer = Some("/lines/0/product".to_owned());
    let rows = member_rows(&[CommandRejected { code, detail, pointer }.into()]);
    let row = one(&rows, "decisions");
    assert_eq!(number(row, decisions::ACCEPTED), 0);
    assert_eq!(
        (words(row, decisions::CODE), words(row, decisions::POINTER)),
        ("not_offered", "/lines/0/product")
    );
}
