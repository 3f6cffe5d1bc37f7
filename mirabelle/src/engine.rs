//! The engines of a data directory, opened; and the threads of the roles over them.
//!
//! ```text
//!   DIR/log/        the log: the truth                DIR/rows.redb   rows: may be deleted, rebuilt from the log
//!   DIR/keys/       keys of tenants and members       DIR/ids.redb    index of ids: may be deleted, rebuilt
//!   DIR/kek         key-encryption key (0600)         DIR/snapshots/  may be deleted: a start takes longer
//!   DIR/admin.key   the first operator key (0600)
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use mirabelle_domain::Name;
use mirabelle_keys::{EmbeddedKeys, Kek, Keys, LocalKek};
use mirabelle_ledger::{Now, ensure_roots};
use mirabelle_log::Log;
use mirabelle_log_embedded::EmbeddedLog;
use mirabelle_store::{DirectoryBlobs, Ids, Rows, Snapshots, Store};
use mirabelle_store_embedded::{EmbeddedIds, EmbeddedStore};
use rustix::time::{ClockId, clock_gettime};

use crate::config::Config;

/// Microseconds since 1970, as this machine believes.
pub fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Counts on while the machine sleeps: an owner that slept past its time must notice. `Instant` does not.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NEVER_SET: ClockId = ClockId::Boottime;
/// On other systems the monotonic clock is the nearest.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NEVER_SET: ClockId = ClockId::Monotonic;

/// The clocks and the chance of this machine. All of them, whenever made, count the monotonic clock from one instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl ThisMachine {
    /// Both clocks.
    pub fn read(&self) -> Now {
        let since = clock_gettime(NEVER_SET);
        let monotonic = since.tv_sec.saturating_mul(1_000_000).saturating_add(since.tv_nsec / 1_000);
        Now { wall: wall_clock(), monotonic }
    }
}

impl mirabelle_decider::Machine for ThisMachine {
    fn now(&self) -> Now {
        self.read()
    }

    fn random(&mut self) -> u64 {
        rand::random()
    }
}

/// Where things lie below a data directory.
#[derive(Clone, Debug)]
pub struct Places {
    /// The directory.
    pub root: PathBuf,
}

impl Places {
    /// The log's directory.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The file of rows.
    pub fn rows(&self) -> PathBuf {
        self.root.join("rows.redb")
    }

    /// The file of the index of ids.
    pub fn ids(&self) -> PathBuf {
        self.root.join("ids.redb")
    }

    /// The key store's directory.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The snapshots' directory.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// The first operator key.
    pub fn admin_key(&self) -> PathBuf {
        self.root.join("admin.key")
    }

    /// The key-encryption key, unless the configuration names another place.
    pub fn kek(&self) -> PathBuf {
        self.root.join("kek")
    }
}

/// The engines of one data directory.
pub struct Engines {
    /// Where things lie.
    pub places: Places,
    /// The log.
    pub log: Arc<EmbeddedLog>,
    /// The rows.
    pub store: Arc<dyn Store>,
    /// The live generation.
    pub rows: Arc<dyn Rows>,
    /// The index of ids.
    pub ids: Arc<dyn Ids>,
    /// The key store.
    pub keys: Arc<dyn Keys>,
    /// Snapshots.
    pub snapshots: Arc<Snapshots<DirectoryBlobs>>,
}

/// Name of the generation of rows that this build writes. A projection that writes other rows gets another name.
pub const GENERATION: &str = "rows-2";

impl Engines {
    /// Opens everything below `config.data`, making what is not there.
    pub fn open(config: &Config) -> anyhow::Result<Engines> {
        let places = Places { root: config.data.clone() };
        std::fs::create_dir_all(&places.root)
            .with_context(|| format!("could not make the data directory {}", places.root.display()))?;
        let log = open_log(&places, config)?;
        let (store, rows) = rebuildable(&places.rows(), || {
            let store = EmbeddedStore::open(&places.rows(), log.id(), Default::default())?;
            let store: Arc<dyn Store> = Arc::new(store);
            let rows = live_rows(store.as_ref())?;
            Ok((store, rows))
        })?;
        let ids = rebuildable(&places.ids(), || {
            Ok(EmbeddedIds::open(&places.ids(), log.id(), Default::default())?)
        })?;
        let keys = EmbeddedKeys::open(&places.keys(), kek(&places, config)?, Default::default())
            .context("could not open the key store")?;
        let snapshots = Arc::new(Snapshots::new(DirectoryBlobs::new(places.snapshots())));
        Ok(Engines { places, log, store, rows, ids: Arc::new(ids), keys: Arc::new(keys), snapshots })
    }

    /// The log as its seam.
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::<EmbeddedLog>::clone(&self.log)
    }
}

/// Opens a file that is made of the log alone. Where it is damaged, the error says what to do; a database that panics over
/// its own pages is an error too.
fn rebuildable<T>(file: &Path, open: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let opened = catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(anyhow::anyhow!("its own pages are damaged: {said}"))
    });
    opened.with_context(|| {
        format!(
            "could not open {}: unless another process uses it, it may be deleted while the server is stopped, and is \
             rebuilt from the log at the next start; `serve --rebuild-rows` does both",
            file.display()
        )
    })
}

/// Deletes what is made of the log alone, rows and the index of ids, so that the next opening makes it anew. Nobody may have
/// the directory open.
///
/// # Errors
/// When the log is in use, or a file can't be deleted.
pub fn forget_rows(config: &Config) -> anyhow::Result<()> {
    let places = Places { root: config.data.clone() };
    if !places.log().exists() {
        return Ok(());
    }
    // Held while the files go: another process that serves the directory would be asked for them.
    let _held = open_log(&places, config)?;
    for file in [places.rows(), places.ids()] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("could not delete {}", file.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn open_log(places: &Places, config: &Config) -> anyhow::Result<Arc<EmbeddedLog>> {
    let mut options = mirabelle_log_embedded::Options::new(Arc::new(wall_clock));
    options.partitions = config.log.partitions;
    options.reserve_bytes = u64::from(config.log.reserve_mib) << 20;
    let log = EmbeddedLog::open(places.log(), options).context("could not open the log")?;
    ensure_roots(&log, wall_clock(), Duration::from_secs(10)).context("could not begin the log")?;
    Ok(Arc::new(log))
}

fn live_rows(store: &dyn Store) -> anyhow::Result<Arc<dyn Rows>> {
    let name: Name = GENERATION.parse().expect("a generation's name");
    let generations = store.generations().context("could not list the generations of rows")?;
    let rows = match generations.iter().any(|generation| generation.name == name) {
        true => store.open(&name).context("could not open the generation of rows")?,
        false => store.create(&name).context("could not make a generation of rows")?,
    };
    if !generations.iter().any(|generation| generation.live && generation.name == name) {
        store.make_live(&name).context("could not make the generation of rows live")?;
    }
    // What another release's projection wrote: this one's is filled from the log before anything is answered.
    for other in generations.iter().filter(|generation| generation.name != name) {
        store.remove(&other.name).context("could not drop an earlier generation of rows")?;
    }
    Ok(rows)
}

fn kek(places: &Places, config: &Config) -> anyhow::Result<Box<dyn Kek>> {
    let named = config.keys.kek.as_str();
    if let Some(variable) = named.strip_prefix("env:") {
        return Ok(Box::new(LocalKek::from_env(variable)?));
    }
    let path = match named.strip_prefix("file:") {
        Some(path) => PathBuf::from(path),
        None => places.kek(),
    };
    let kek = if path.exists() { LocalKek::from_file(&path) } else { first_kek(places, &path)? };
    Ok(Box::new(kek?))
}

/// A key-encryption key is made only where no key store is: beside one that exists, a new key would open nothing.
fn first_kek(places: &Places, path: &Path) -> anyhow::Result<Result<LocalKek, mirabelle_keys::KekError>> {
    if places.keys().exists() {
        bail!(
            "the key-encryption key {} is missing, but the key store {} exists: bring the key back from where its copy is kept",
            path.display(),
            places.keys().display()
        );
    }
    Ok(LocalKek::create_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_is_never_set_counts_the_time_the_machine_slept() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
        let read = ThisMachine.read().monotonic;
        // /proc/uptime counts from the start of the machine with its sleep, in hundredths of a second.
        assert!(read >= (seconds * 1e6) as i64, "{read} µs of {seconds} s");
    }

    #[test]
    fn two_readings_at_different_places_share_one_clock() {
        let (opened, at_work) = (ThisMachine, ThisMachine);
        let (before, between, after) = (opened.read(), at_work.read(), opened.read());
        assert!(before.monotonic <= between.monotonic && between.monotonic <= after.monotonic);
    }
}
