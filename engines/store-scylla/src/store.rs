//! [`Store`] on the servers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::Name;
use mirabelle_log::{LogId, Partition};
use mirabelle_store::{Rows, Store, StoreError};
use parking_lot::Mutex;
use tracing::{info, warn};

use crate::cql::{self, Schema};
use crate::generation::{self, Generation};
use crate::meta::{Generations, Meta};
use crate::options::Options;
use crate::rows::ScyllaRows;
use crate::session::{Counts, Servers, Threads};

/// Readers follow to another live generation within so long.
const LIVE_FRESH: Duration = Duration::from_secs(1);
/// After so long without a question, the next one waits for an answer from the servers.
const LIVE_STALE: Duration = Duration::from_secs(5);

/// Rows on ScyllaDB or Cassandra.
///
/// When a call returns, a quorum of the data centre has what it wrote, as durable as the servers' commit logs make it:
/// with three replicas the death of any one of them loses nothing. With one replica, or when all lose power at once,
/// servers that sync their commit logs periodically (their default) lose the last moments, checkpoints perhaps less
/// than rows: then a new generation is due. Any number of processes may have it open.
pub struct ScyllaStore {
    shared: Arc<Shared>,
}

/// What the store and its rows share.
pub(crate) struct Shared {
    pub(crate) servers: Arc<Servers>,
    pub(crate) threads: Threads,
    meta: Meta,
    schema: Schema,
    log_id: LogId,
    open: Mutex<HashMap<Name, Arc<Generation>>>,
    live: Mutex<Live>,
    /// Stamps of the roles' cursors when they were first read here.
    cursors: Mutex<HashMap<(Name, Partition), Option<i64>>>,
}

/// The live generation as it was last read.
#[derive(Default)]
struct Live {
    generation: Option<Arc<Generation>>,
    read_at: Option<Instant>,
    reading: bool,
}

impl ScyllaStore {
    /// Connects, brings the schema to this build's version, and refuses another log's rows, another replication, a
    /// newer schema.
    ///
    /// # Errors
    /// [`StoreError::Away`] when no server answers within the options' patience.
    pub fn open(options: Options, log_id: LogId) -> Result<ScyllaStore, StoreError> {
        ScyllaStore::open_with(options, log_id, cql::ROWS)
    }

    /// The same with other tables.
    pub fn open_with(options: Options, log_id: LogId, schema: Schema) -> Result<ScyllaStore, StoreError> {
        let threads = Threads::new()?;
        let name = options.name();
        let (servers, meta) = threads.wait(async move {
            let servers = Servers::connect(options).await?;
            let meta = Meta::open(&servers, log_id).await?;
            Ok::<_, StoreError>((servers, meta))
        })?;
        info!(store = %name, dc = %servers.dc, "rows are open");
        let shared = Shared {
            servers: Arc::new(servers),
            threads,
            meta,
            schema,
            log_id,
            open: Mutex::default(),
            live: Mutex::default(),
            cursors: Mutex::default(),
        };
        Ok(ScyllaStore { shared: Arc::new(shared) })
    }

    /// The data centre that acknowledges what is written here.
    pub fn dc(&self) -> &str {
        &self.shared.servers.dc
    }

    /// What was asked of the servers.
    pub fn counts(&self) -> Counts {
        self.shared.servers.counts()
    }

    /// The keyspace of a generation, for operators' tools.
    pub fn keyspace(&self, name: &Name) -> Result<String, StoreError> {
        let incarnation = self.shared.list()?.there(name)?;
        Ok(generation::keyspace(&self.shared.meta.keyspace, name, incarnation))
    }

    fn rows(&self, generation: Arc<Generation>) -> Arc<dyn Rows> {
        Arc::new(ScyllaRows { shared: self.shared.clone(), generation })
    }
}

impl Shared {
    fn list(self: &Arc<Shared>) -> Result<Generations, StoreError> {
        let shared = self.clone();
        self.threads.wait(async move { shared.meta.generations(&shared.servers).await })
    }

    /// An open generation: the one that is held, or opened now.
    async fn generation(&self, name: &Name, incarnation: i32) -> Result<Arc<Generation>, StoreError> {
        let held = self.open.lock().get(name).filter(|held| held.incarnation == incarnation).cloned();
        if let Some(held) = held {
            return Ok(held);
        }
        let opened = Generation::open(&self.servers, &self.meta, self.schema, name, incarnation).await?;
        let opened = Arc::new(opened);
        if let Some(older) = self.open.lock().insert(name.clone(), opened.clone())
            && older.incarnation != incarnation
        {
            older.remove();
        }
        Ok(opened)
    }

    /// Why the servers refuse what was asked of a generation.
    pub(crate) async fn why(&self, generation: &Generation, error: StoreError) -> StoreError {
        let Ok(all) = self.meta.generations(&self.servers).await else { return error };
        match all.there(&generation.name) {
            Ok(incarnation) if incarnation == generation.incarnation => error,
            _ => {
                generation.remove();
                StoreError::UnknownGeneration { name: generation.name.clone() }
            }
        }
    }

    /// Reads which generation is live, and opens it.
    async fn read_live(&self) -> Result<Arc<Generation>, StoreError> {
        let all = self.meta.generations(&self.servers).await?;
        let name = all.live.as_ref().ok_or(StoreError::NoLiveGeneration)?;
        let generation = self.generation(name, all.there(name)?).await?;
        self.set_live(generation.clone());
        Ok(generation)
    }

    fn set_live(&self, generation: Arc<Generation>) {
        let mut live = self.live.lock();
        live.generation = Some(generation);
        live.read_at = Some(Instant::now());
    }

    /// What is known of the live generation, if that is fresh enough; reads it anew beside, once it gets old.
    fn known_live(self: &Arc<Shared>) -> Option<Arc<Generation>> {
        let mut live = self.live.lock();
        let known = live.generation.clone()?;
        let age = live.read_at?.elapsed();
        if age > LIVE_STALE {
            return None;
        }
        if age > LIVE_FRESH && !live.reading {
            live.reading = true;
            let shared = self.clone();
            self.threads.spawn(async move {
                if let Err(error) = shared.read_live().await {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "which rows are live can't be read; readers stay where they are");
                }
                shared.live.lock().reading = false;
            });
        }
        Some(known)
    }
}

impl Store for ScyllaStore {
    fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    fn generations(&self) -> Result<Vec<mirabelle_store::Generation>, StoreError> {
        let all = self.shared.list()?;
        let there = all.noted.into_iter().filter(|(_, noted)| noted.there);
        let listed = there.map(|(name, _)| {
            let live = all.live.as_ref() == Some(&name);
            mirabelle_store::Generation { name, live }
        });
        Ok(listed.collect())
    }

    fn create(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        let (shared, name) = (self.shared.clone(), name.clone());
        let made = self.shared.threads.wait(async move {
            let all = shared.meta.generations(&shared.servers).await?;
            let incarnation = match all.noted.get(&name) {
                Some(noted) if noted.there => return Err(StoreError::GenerationExists { name }),
                // Two that make one at the same time agree on its keyspace.
                Some(noted) => noted.incarnation + 1,
                None => 1,
            };
            let made = shared.generation(&name, incarnation).await?;
            shared.meta.note(&shared.servers, &all, &name, incarnation, true).await?;
            if all.live.is_none() {
                shared.meta.note_live(&shared.servers, &all, &name).await?;
                shared.set_live(made.clone());
            }
            Ok(made)
        })?;
        Ok(self.rows(made))
    }

    fn open(&self, name: &Name) -> Result<Arc<dyn Rows>, StoreError> {
        let (shared, name) = (self.shared.clone(), name.clone());
        let opened = self.shared.threads.wait(async move {
            let incarnation = shared.meta.generations(&shared.servers).await?.there(&name)?;
            shared.generation(&name, incarnation).await
        })?;
        Ok(self.rows(opened))
    }

    fn live(&self) -> Result<Arc<dyn Rows>, StoreError> {
        if let Some(known) = self.shared.known_live() {
            return Ok(self.rows(known));
        }
        let shared = self.shared.clone();
        let read = self.shared.threads.wait(async move { shared.read_live().await });
        match read {
            // Readers stay where they are; whether the rows answer, they will see.
            Err(error) if error.passes() => match self.shared.live.lock().generation.clone() {
                Some(known) => Ok(self.rows(known)),
                None => Err(error),
            },
            read => Ok(self.rows(read?)),
        }
    }

    fn make_live(&self, name: &Name) -> Result<(), StoreError> {
        let (shared, name) = (self.shared.clone(), name.clone());
        self.shared.threads.wait(async move {
            let all = shared.meta.generations(&shared.servers).await?;
            let generation = shared.generation(&name, all.there(&name)?).await?;
            shared.meta.note_live(&shared.servers, &all, &name).await?;
            shared.set_live(generation);
            Ok(())
        })
    }

    fn remove(&self, name: &Name) -> Result<(), StoreError> {
        let (shared, name) = (self.shared.clone(), name.clone());
        self.shared.threads.wait(async move {
            let all = shared.meta.generations(&shared.servers).await?;
            let incarnation = all.there(&name)?;
            if all.live.as_ref() == Some(&name) {
                return Err(StoreError::Live { name });
            }
            shared.meta.note(&shared.servers, &all, &name, incarnation, false).await?;
            if let Some(held) = shared.open.lock().remove(&name) {
                held.remove();
            }
            let keyspace = generation::keyspace(&shared.meta.keyspace, &name, incarnation);
            shared.servers.change_schema(&[cql::drop_keyspace(&keyspace)]).await
        })
    }

    fn cursor(&self, role: &Name, partition: Partition) -> Result<Option<Vec<u8>>, StoreError> {
        let (shared, role) = (self.shared.clone(), role.clone());
        self.shared.threads.wait(async move {
            let found = shared.meta.cursor(&shared.servers, &role, partition).await?;
            let (checkpoint, stamp) = found.unzip();
            shared.cursors.lock().insert((role, partition), stamp);
            Ok(checkpoint)
        })
    }

    fn put_cursor(&self, role: &Name, partition: Partition, checkpoint: &[u8]) -> Result<(), StoreError> {
        let (shared, role, checkpoint) = (self.shared.clone(), role.clone(), checkpoint.to_vec());
        self.shared.threads.wait(async move {
            let place = (role, partition);
            let known = shared.cursors.lock().get(&place).copied();
            let floor = match known {
                Some(known) => known,
                None => {
                    let found = shared.meta.cursor(&shared.servers, &place.0, partition).await?;
                    found.map(|(_, stamp)| stamp)
                }
            };
            shared.meta.put_cursor(&shared.servers, &place.0, partition, &checkpoint, floor).await?;
            shared.cursors.lock().insert(place, floor);
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        // A quorum has whatever was acknowledged.
        Ok(())
    }
}
