//! What only the embedded engines promise, and the suites.

mod damage;
mod merging;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mirabelle_domain::rows::{Row, Type};
use mirabelle_store::suite::{Ending, Engine as StoreEngine, IdsEngine, LOG, OTHER_LOG};
use mirabelle_store::{Ids, ids_suite, store_suite};
use tempfile::TempDir;

use super::*;
use crate::EmbeddedIds;
use crate::file::{FORMAT_KNOWN, SIDE, seal_side};

/// Durable with a sync alone.
const LAZY: Options = Options {
    sync_after: Duration::from_secs(3_600),
    sync_decisions: usize::MAX / 4,
    sync_bytes: usize::MAX / 4,
    cache_bytes: 8 << 20,
    pack_rows_min: 4_000,
};
/// Durable all the time, so that merges have something to do.
const EAGER: Options = Options {
    sync_after: Duration::from_millis(1),
    sync_decisions: 3,
    sync_bytes: 4_096,
    cache_bytes: 1 << 20,
    pack_rows_min: 1,
};

/// What a kill would leave: the file as it is between two transactions.
fn copy_as_killed(engine: &Engine, path: &Path) {
    let _writing = engine.shared.writing.lock();
    fs::copy(path, path.with_extension("killed")).unwrap();
}

struct Rows {
    directory: TempDir,
    options: Options,
    store: Option<Arc<EmbeddedStore>>,
}

impl Rows {
    fn new(options: Options) -> Rows {
        Rows { directory: TempDir::new().unwrap(), options, store: None }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("data/rows.redb")
    }

    fn open(&self) -> Result<EmbeddedStore, StoreError> {
        EmbeddedStore::open(&self.path(), LOG, self.options)
    }
}

impl StoreEngine for Rows {
    fn create(&mut self) -> Arc<dyn Store> {
        let store = Arc::new(self.open().unwrap());
        self.store = Some(store.clone());
        store
    }

    fn reopen(
        &mut self,
        store: Arc<dyn Store>,
        ending: Ending,
        log: LogId,
    ) -> Result<Arc<dyn Store>, StoreError> {
        drop(store);
        let held = self.store.take().unwrap();
        if ending == Ending::Crash {
            copy_as_killed(held.engine(), &self.path());
        }
        assert_eq!(Arc::strong_count(&held.engine), 1, "the clause holds nothing");
        drop(held);
        if ending == Ending::Crash {
            fs::rename(self.path().with_extension("killed"), self.path()).unwrap();
        }
        let store = Arc::new(EmbeddedStore::open(&self.path(), log, self.options)?);
        self.store = Some(store.clone());
        Ok(store)
    }
}

mod lazy {
    use super::*;
    store_suite!(Rows::new(LAZY));
    ids_suite!(Index::new(LAZY));
}

mod eager {
    use super::*;
    store_suite!(Rows::new(EAGER));
    ids_suite!(Index::new(EAGER));
}

struct Index {
    directory: TempDir,
    options: Options,
    ids: Option<Arc<EmbeddedIds>>,
}

impl Index {
    fn new(options: Options) -> Index {
        Index { directory: TempDir::new().unwrap(), options, ids: None }
    }
}

impl IdsEngine for Index {
    fn create(&mut self) -> Arc<dyn Ids> {
        let path = self.directory.path().join("ids.redb");
        let ids = Arc::new(EmbeddedIds::open(&path, LOG, self.options).unwrap());
        self.ids = Some(ids.clone());
        ids
    }

    fn reopen(&mut self, ids: Arc<dyn Ids>, ending: Ending) -> Arc<dyn Ids> {
        drop(ids);
        let path = self.directory.path().join("ids.redb");
        let held = self.ids.take().unwrap();
        if ending == Ending::Crash {
            copy_as_killed(held.engine(), &path);
        }
        drop(held);
        if ending == Ending::Crash {
            fs::rename(path.with_extension("killed"), &path).unwrap();
        }
        self.create()
    }
}

static LOTS: Table = Table {
    number: 11,
    name: "lots",
    partition: &[("tenant", Type::Text), ("member", Type::Int)],
    clustering: &[("lot", Type::Int)],
    columns: &[("free", Type::Int), ("label", Type::Text)],
};

fn lot(member: i64, lot: i64, free: i64) -> Row {
    let key = vec![Value::Text("acme".to_owned()), Value::Int(member), Value::Int(lot)];
    let label = Value::Text(format!("campaign {}", lot % 7));
    Row { table: &LOTS, key, cells: vec![(0, Value::Int(free)), (1, label)], delete: false }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn put(rows: &dyn mirabelle_store::Rows, stamp: i64, row: Row) {
    let mut batch = Batch::new();
    batch.decision(stamp, vec![row]);
    rows.apply(batch).unwrap();
}

#[test]
fn a_store_in_use_is_refused() {
    let files = Rows::new(LAZY);
    let _open = files.open().unwrap();
    let refused = files.open().err();
    let Some(StoreError::InUse { file }) = refused else { panic!("{refused:?}") };
    assert!(file.ends_with("data/rows.redb"));
}

#[test]
fn a_newer_store_is_refused() {
    let files = Rows::new(LAZY);
    let store = files.open().unwrap();
    let writing = store.engine.shared.database.begin_write().unwrap();
    let format = seal_side(b"format", &(FORMAT_KNOWN + 1).to_le_bytes());
    writing.open_table(SIDE).unwrap().insert(&b"format"[..], format.as_slice()).unwrap();
    writing.commit().unwrap();
    drop(store);
    let refused = files.open().err();
    assert!(matches!(refused, Some(StoreError::NewerFormat { found: 2, known: 1, .. })), "{refused:?}");
}

#[test]
fn another_logs_index_of_ids_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ids.redb");
    drop(EmbeddedIds::open(&path, LOG, LAZY).unwrap());
    let refused = EmbeddedIds::open(&path, OTHER_LOG, LAZY).err();
    assert!(matches!(refused, Some(StoreError::OtherLog { .. })), "{refused:?}");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let files = Rows::new(LAZY);
    fs::create_dir_all(files.path().parent().unwrap()).unwrap();
    fs::write(files.path(), b"somebody's notes ".repeat(1_000)).unwrap();
    let refused = files.open().err();
    assert!(matches!(refused, Some(StoreError::Io { .. } | StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(fs::read(files.path()).unwrap(), b"somebody's notes ".repeat(1_000));
}

#[test]
fn rows_become_durable_by_themselves() {
    for options in [
        Options { sync_decisions: 5, ..LAZY },
        Options { sync_bytes: 400, ..LAZY },
        Options { sync_after: Duration::from_millis(5), ..LAZY },
    ] {
        let files = Rows::new(options);
        let store = files.open().unwrap();
        let rows = store.create(&name("first")).unwrap();
        for number in 0..5 {
            put(&*rows, 40 + number, lot(1, number, number));
        }
        let shared = store.engine.shared.clone();
        let mut progress = shared.progress.lock();
        while progress.durable < 6 {
            let waited = shared.changed.wait_for(&mut progress, Duration::from_secs(20));
            assert!(!waited.timed_out(), "{options:?}");
        }
    }
}

#[test]
fn a_store_that_falls_behind_lets_its_callers_wait_and_loses_nothing() {
    let options = Options { sync_decisions: 4, sync_bytes: 100_000, ..LAZY };
    let files = Rows::new(options);
    let store = files.open().unwrap();
    let rows = store.create(&name("first")).unwrap();
    let held = store.engine.shared.clone();
    // Nothing can become durable while this is held.
    let writing = held.writing.lock();
    let (rows, thread) = {
        let (writer, rows) = (rows.clone(), rows);
        let thread = std::thread::spawn(move || (0..500).for_each(|n| put(&*writer, n, lot(1, n, n))));
        (rows, thread)
    };
    let mut progress = held.progress.lock();
    while progress.decisions < 2 * options.sync_decisions {
        drop(progress);
        std::thread::yield_now();
        progress = held.progress.lock();
    }
    assert!(progress.decisions <= 2 * options.sync_decisions, "what waits is bounded");
    drop(progress);
    assert!(!thread.is_finished());
    drop(writing);
    thread.join().unwrap();
    let found = rows.scan_table(&LOTS, None, usize::MAX).unwrap();
    assert_eq!(found.len(), 500);
}

#[test]
fn a_store_whose_write_failed_takes_nothing_more_and_still_answers() {
    let files = Rows::new(LAZY);
    let store = files.open().unwrap();
    let rows = store.create(&name("first")).unwrap();
    put(&*rows, 40, lot(1, 1, 1));
    store.sync().unwrap();
    put(&*rows, 41, lot(1, 2, 2));
    store.engine.shared.fail(Fault::damage("a block", "the disk has gone"));
    let refused = [rows.apply(Batch::new()).err(), store.sync().err(), store.create(&name("second")).err()];
    for refused in refused {
        let Some(StoreError::Failed { reason }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("the disk has gone"), "{reason}");
    }
    assert_eq!(rows.scan_table(&LOTS, None, usize::MAX).unwrap().len(), 2);
    drop((rows, store));
    let rows = files.open().unwrap().live().unwrap();
    assert_eq!(rows.scan_table(&LOTS, None, usize::MAX).unwrap().len(), 1, "what was durable is there");
}
