//! Batches on their way: what is sent of them, and what of it is left out.

use mirabelle_domain::rows::{Row, Table, Type, Value};
use mirabelle_store::Put;
use mirabelle_store::cells::Cells;

use crate::checkpoints::{Kept, trusted};
use crate::clock::Clock;
use crate::cql::NEWEST;
use crate::write::{Change, changes};

static BALANCES: Table = Table {
    number: 7,
    name: "balances",
    partition: &[("member", Type::Int)],
    clustering: &[],
    columns: &[("free", Type::Int), ("held", Type::Int), ("label", Type::Text)],
};

fn put(stamp: i64, member: i64, cells: &[(u8, i64)]) -> Put {
    let cells = cells.iter().map(|(column, value)| (*column, Value::Int(*value))).collect();
    Put { stamp, row: Row { table: &BALANCES, key: vec![Value::Int(member)], cells, delete: false } }
}

fn deleted(stamp: i64, member: i64) -> Put {
    let mut put = put(stamp, member, &[]);
    put.row.delete = true;
    put
}

fn change(member: i64, deleted: Option<i64>, groups: &[(i64, &[(u8, i64)])]) -> Change {
    let cells =
        |cells: &[(u8, i64)]| cells.iter().map(|(column, value)| (*column, Value::Int(*value))).collect();
    let groups = groups.iter().map(|(stamp, group)| (*stamp, cells(group))).collect();
    Change { table: &BALANCES, key: vec![Value::Int(member)], deleted, groups }
}

#[test]
fn rows_that_a_batch_touches_twice_are_sent_once() {
    let puts = vec![
        put(10, 1, &[(0, 500), (1, 0)]),
        put(10, 2, &[(0, 7)]),
        put(20, 1, &[(0, 400), (1, 100)]),
        put(30, 1, &[(0, 300), (1, 200)]),
    ];
    assert_eq!(
        changes(puts),
        [change(1, None, &[(30, &[(0, 300), (1, 200)])]), change(2, None, &[(10, &[(0, 7)])])]
    );
}

#[test]
fn a_cell_that_no_newer_put_names_keeps_its_own_stamp() {
    let puts = vec![put(10, 1, &[(0, 500), (1, 9)]), put(20, 1, &[(0, 400)])];
    assert_eq!(changes(puts), [change(1, None, &[(20, &[(0, 400)]), (10, &[(1, 9)])])]);
}

#[test]
fn a_delete_takes_what_came_before_it_and_nothing_after() {
    let puts = vec![put(10, 1, &[(0, 500)]), deleted(15, 1), put(20, 1, &[(1, 3)]), put(15, 1, &[(0, 1)])];
    assert_eq!(changes(puts), [change(1, Some(15), &[(20, &[(1, 3)])])]);
    assert_eq!(changes(vec![deleted(15, 1)]), [change(1, Some(15), &[])]);
}

#[test]
fn a_row_of_its_key_alone_is_sent_unless_cells_say_it_already() {
    assert_eq!(changes(vec![put(10, 1, &[])]), [change(1, None, &[(10, &[])])]);
    let later = vec![put(10, 1, &[(0, 5)]), put(20, 1, &[])];
    assert_eq!(changes(later), [change(1, None, &[(10, &[(0, 5)]), (20, &[])])]);
    let earlier = vec![put(20, 1, &[(0, 5)]), put(10, 1, &[])];
    assert_eq!(changes(earlier), [change(1, None, &[(20, &[(0, 5)])])]);
}

/// What the statements of a change make of nothing, by the contract's own rules.
fn state<'a>(puts: &'a mut Vec<Put>, change: Change) -> Cells<'a> {
    let row = |cells, delete| Row { table: change.table, key: change.key.clone(), cells, delete };
    puts.extend(change.deleted.map(|stamp| Put { stamp, row: row(Vec::new(), true) }));
    for (stamp, cells) in change.groups {
        puts.push(Put { stamp, row: row(cells, false) });
    }
    puts.iter().fold(Cells::default(), |mut state, put| {
        state.join(&Cells::of_put(put.stamp, &put.row));
        state
    })
}

#[test]
fn what_is_sent_ends_in_the_same_row_as_all_puts_would() {
    let mut random = 20_261_u64;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) % below) as i64
    };
    for _ in 0..3_000 {
        let puts: Vec<Put> = (0..1 + next(7))
            .map(|_| match next(9) {
                0 => deleted(next(6), 1),
                1 => put(next(6), 1, &[]),
                2 => put(next(6), 1, &[(1, next(4) - 2)]),
                _ => put(next(6), 1, &[(0, next(4) - 2), (1, next(4) - 2)]),
            })
            .collect();
        let mut again = Vec::new();
        let mut wanted = Cells::default();
        puts.iter().for_each(|put| wanted.join(&Cells::of_put(put.stamp, &put.row)));
        let mut sent = changes(puts.clone());
        assert_eq!(sent.len(), 1);
        let found = state(&mut again, sent.remove(0));
        assert_eq!(
            (found.deleted, &found.cells, found.lives()),
            (wanted.deleted, &wanted.cells, wanted.lives()),
            "{puts:?}"
        );
    }
}

fn kept(dc: &str, slot: i32, written_at: i64) -> Kept {
    let checkpoint = format!("{dc} {slot} {written_at}").into_bytes();
    Kept { dc: dc.to_owned(), slot, written_at, checkpoint, stamp: written_at }
}

#[test]
fn a_checkpoint_counts_where_it_was_written_and_elsewhere_when_hints_have_run_out() {
    let minute = 60_000_000;
    let now = 1_795_600_000_000_000;
    let hints = std::time::Duration::from_secs(3 * 3_600);
    let at = |minutes: i64| now - minutes * minute;
    let eu = [
        kept("eu", NEWEST, at(0)),
        kept("eu", 3, at(5)),
        kept("eu", 2, at(95)),
        kept("eu", 1, at(185)),
        kept("eu", 0, at(300)),
    ];
    assert_eq!(trusted(&eu, "eu", now, hints), Some(&eu[0]));
    assert_eq!(trusted(&eu, "us", now, hints), Some(&eu[3]), "the newest that no hint can be missing of");
    assert_eq!(trusted(&eu[..3], "us", now, hints), None, "from the beginning");
    let with_own = [eu[0].clone(), eu[3].clone(), kept("us", NEWEST, at(9_999))];
    assert_eq!(trusted(&with_own, "us", now, hints), Some(&with_own[2]), "its own, however old");
    assert_eq!(trusted(&[], "us", now, hints), None);
    // A newest one that is as old as that: its writer has stopped.
    let stopped = [kept("eu", NEWEST, at(400)), kept("eu", 0, at(500))];
    assert_eq!(trusted(&stopped, "us", now, hints), Some(&stopped[0]));
}

#[test]
fn stamps_of_notes_rise_and_stand_above_what_they_replace() {
    let clock = Clock::default();
    let first = clock.stamp(None);
    let second = clock.stamp(None);
    assert!(first < second);
    let ahead = second + 3_600_000_000;
    let above = clock.stamp(Some(ahead));
    assert_eq!(above, ahead + 1, "the other machine's clock is an hour ahead");
    assert!(clock.stamp(None) > above);
}
