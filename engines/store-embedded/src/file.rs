//! The database file: opened, checked, and its tables.

use std::cell::RefCell;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use mirabelle_log::LogId;
use mirabelle_store::StoreError;
use mirabelle_store::encode::Malformed;
use parking_lot::Mutex;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadOnlyTable, ReadableDatabase, StorageError,
    TableDefinition, WriteTransaction,
};

use crate::block::{At, Entries, Unpacker};

/// Small things by name: the format, the log, trees, checkpoints, cursors. Each value ends with a CRC32C over
/// name and value.
pub(crate) const SIDE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("side");
/// (tree, run) → the run's head.
pub(crate) const RUNS: TableDefinition<'static, (u32, u64), &[u8]> = TableDefinition::new("runs");
/// (run, block) → the block.
pub(crate) const BLOCKS: TableDefinition<'static, [u8; 12], &[u8]> = TableDefinition::new("blocks");

/// Newest format known.
pub const FORMAT_KNOWN: u32 = 1;
const FORMAT: &[u8] = b"format";
const LOG: &[u8] = b"log";

/// What a read or write of the file fails with, before the caller adds which row was concerned.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Bytes that do not check.
    Damage { place: String, reason: String },
    /// The medium failed.
    Io { act: &'static str, source: Box<redb::Error> },
}

impl Fault {
    pub(crate) fn damage(place: impl Into<String>, reason: impl Into<String>) -> Fault {
        Fault::Damage { place: place.into(), reason: reason.into() }
    }

    pub(crate) fn into_error(self, file: &str) -> StoreError {
        match self {
            Fault::Damage { place, reason } => StoreError::Corrupt { place, reason, file: file.to_owned() },
            Fault::Io { act, source } => StoreError::io(format!("{act} store {file}"), source),
        }
    }
}

/// A failure of the database while doing `act`.
pub(crate) fn failed<E: Into<redb::Error>>(act: &'static str) -> impl Fn(E) -> Fault {
    move |error| match error.into() {
        redb::Error::Corrupted(reason) => Fault::damage("the database's own pages", reason),
        source => Fault::Io { act, source: Box::new(source) },
    }
}

/// Does what reads or writes the file. The database panics over some kinds of damage to its own pages: that becomes
/// an error like any other damage.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(Fault::damage("the database's own pages", format!("panicked: {reason}")))
    })
}

/// Opens the file, or makes one for `log`.
pub(crate) fn open(path: &Path, log: LogId, cache_bytes: usize) -> Result<Database, StoreError> {
    let file = path.display().to_string();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = |source| StoreError::io(format!("create directory {}", folder.display()), source);
    fs::create_dir_all(folder).map_err(made)?;
    let opened = guarded(|| Ok(Builder::new().set_cache_size(cache_bytes).create(path)));
    let database = opened.map_err(|fault| fault.into_error(&file))?.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { file: file.clone() },
        DatabaseError::Storage(StorageError::Corrupted(reason)) => {
            StoreError::Corrupt { place: "the database's own pages".to_owned(), reason, file: file.clone() }
        }
        other => StoreError::io(format!("open store {file}"), redb::Error::from(other)),
    })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(made)?;
    guarded(|| Ok(prepare(&database, log, &file))).map_err(|fault| fault.into_error(&file))??;
    Ok(database)
}

fn prepare(database: &Database, log: LogId, file: &str) -> Result<(), StoreError> {
    let begun = begin(database, Durability::Immediate);
    let writing = begun.map_err(|fault| fault.into_error(file))?;
    let fault = |fault: Fault| fault.into_error(file);
    {
        let mut side = writing.open_table(SIDE).map_err(failed("open the tables of")).map_err(fault)?;
        let get = |side: &redb::Table<'_, &[u8], &[u8]>, name: &[u8]| -> Result<Option<Vec<u8>>, Fault> {
            use redb::ReadableTable;
            let value = side.get(name).map_err(failed("read the head of"))?;
            value.map(|value| open_side(name, value.value())).transpose()
        };
        match get(&side, FORMAT).map_err(fault)? {
            None => {
                let format = seal_side(FORMAT, &FORMAT_KNOWN.to_le_bytes());
                side.insert(FORMAT, format.as_slice()).map_err(failed("write the head of")).map_err(fault)?;
                let id = seal_side(LOG, &log.0);
                side.insert(LOG, id.as_slice()).map_err(failed("write the head of")).map_err(fault)?;
            }
            Some(found) => {
                let found = found.try_into().map_or(u32::MAX, u32::from_le_bytes);
                if found > FORMAT_KNOWN {
                    return Err(StoreError::NewerFormat {
                        file: file.to_owned(),
                        found,
                        known: FORMAT_KNOWN,
                    });
                }
                let of = get(&side, LOG).map_err(fault)?.unwrap_or_default();
                if of != log.0 {
                    let hex =
                        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                    let (wanted, found) = (hex(&log.0), hex(&of));
                    return Err(StoreError::OtherLog { file: file.to_owned(), wanted, found });
                }
            }
        }
        writing.open_table(RUNS).map_err(failed("open the tables of")).map_err(fault)?;
        writing.open_table(BLOCKS).map_err(failed("open the tables of")).map_err(fault)?;
    }
    writing.commit().map_err(failed("prepare")).map_err(fault)
}

/// Begins to write. A durable commit makes all earlier ones durable too, and opens fast after a crash.
pub(crate) fn begin(database: &Database, durability: Durability) -> Result<WriteTransaction, Fault> {
    let mut writing = database.begin_write().map_err(failed("begin to write to"))?;
    writing.set_durability(durability).map_err(failed("begin to write to"))?;
    writing.set_quick_repair(matches!(durability, Durability::Immediate));
    Ok(writing)
}

/// A small value with its checksum.
pub(crate) fn seal_side(name: &[u8], value: &[u8]) -> Vec<u8> {
    let check = crc32c::crc32c_append(crc32c::crc32c(name), value);
    [value, &check.to_le_bytes()].concat()
}

/// The reverse of [`seal_side`].
pub(crate) fn open_side(name: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Fault> {
    let place = || format!("the entry {}", String::from_utf8_lossy(name).escape_default());
    let (value, check) =
        sealed.split_last_chunk::<4>().ok_or_else(|| Fault::damage(place(), "it is cut short"))?;
    match crc32c::crc32c_append(crc32c::crc32c(name), value) == u32::from_le_bytes(*check) {
        true => Ok(value.to_vec()),
        false => Err(Fault::damage(place(), "its checksum does not hold")),
    }
}

/// Unpackers at rest.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<Unpacker>>);

/// More unpackers than this are not kept.
const POOLED_MAX: usize = 16;

/// Blocks as they are at one instant.
pub(crate) struct Blocks {
    table: ReadOnlyTable<[u8; 12], &'static [u8]>,
    unpacker: RefCell<Unpacker>,
    pool: Arc<Pool>,
}

impl Blocks {
    pub(crate) fn now(database: &Database, pool: &Arc<Pool>) -> Result<Blocks, Fault> {
        let reading = database.begin_read().map_err(failed("begin to read"))?;
        let table = reading.open_table(BLOCKS).map_err(failed("open the blocks of"))?;
        let unpacker = pool.0.lock().pop().unwrap_or_default();
        Ok(Blocks { table, unpacker: RefCell::new(unpacker), pool: pool.clone() })
    }

    /// A block, checked. `fence` says in messages where it begins.
    pub(crate) fn read(&self, at: At, fence: &[u8]) -> Result<Entries, Fault> {
        self.with(at, fence, |bytes, unpacker| Entries::read(at, bytes, unpacker))
    }

    /// The value of one key in a block, checked.
    pub(crate) fn find(&self, at: At, fence: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.with(at, fence, |bytes, unpacker| Ok(unpacker.find(at, bytes, key)?.map(<[u8]>::to_vec)))
    }

    fn with<T>(
        &self,
        at: At,
        fence: &[u8],
        work: impl FnOnce(&[u8], &mut Unpacker) -> Result<T, Malformed>,
    ) -> Result<T, Fault> {
        let place = || {
            let near: String = fence.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{at}, which begins at key {near}")
        };
        let bytes = self.table.get(at.key()).map_err(failed("read a block of"))?;
        let bytes = bytes.ok_or_else(|| Fault::damage(place(), "it is missing"))?;
        let done = work(bytes.value(), &mut self.unpacker.borrow_mut());
        done.map_err(|Malformed(reason)| Fault::damage(place(), reason))
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let mut pool = self.pool.0.lock();
        if pool.len() < POOLED_MAX {
            pool.push(self.unpacker.take());
        }
    }
}
