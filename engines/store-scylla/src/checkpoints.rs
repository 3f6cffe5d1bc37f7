//! How far the rows of a generation reach, and whom to believe about it.
//!
//! A quorum of one data centre acknowledges what its processes write; the others get it when they get it: mostly
//! within milliseconds, after an absence by hints, which are kept for the hint window. So a checkpoint says nothing
//! about the rows of another data centre:
//!
//! ```text
//!   eu writes    rows r1 r2 r3 … r9, checkpoint c9(eu)
//!   us has       rows r1 r2 .. r7 ..           c9(eu)      r8 and r9 are hints in eu
//!   us goes on   from c(us), or else from the newest c(eu) that was written before the hint window
//! ```
//! What it then writes again are the same rows with the same stamps, and changes nothing where it is there already.
//! A data centre that was away for longer than the hint window has to be repaired first, as its operators know.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mirabelle_domain::rows::Value;
use mirabelle_log::Partition;
use mirabelle_store::StoreError;
use parking_lot::Mutex;
use scylla::statement::prepared::PreparedStatement;

use crate::bind::{Bound, Values};
use crate::clock;
use crate::cql::{self, NEWEST};
use crate::session::Servers;

/// How many older checkpoints of a data centre are kept, in turn.
const HISTORY: i32 = 48;

/// A checkpoint as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The data centre whose quorum acknowledged all rows before it.
    pub dc: String,
    /// −1: the newest; others are of the history.
    pub slot: i32,
    /// When, by the clock of who wrote it, microseconds.
    pub written_at: i64,
    /// The checkpoint.
    pub checkpoint: Vec<u8>,
    /// The stamp that it was written with.
    pub stamp: i64,
}

/// The checkpoint from which a process in `dc` goes on at `now` (microseconds).
pub fn trusted<'a>(kept: &'a [Kept], dc: &str, now: i64, hint_window: Duration) -> Option<&'a Kept> {
    let own = kept.iter().filter(|kept| kept.dc == dc).max_by_key(|kept| (kept.slot == NEWEST, kept.stamp));
    let window = i64::try_from(hint_window.as_micros()).unwrap_or(i64::MAX);
    let settled = kept.iter().filter(|kept| kept.dc != dc && kept.written_at < now.saturating_sub(window));
    own.or_else(|| settled.max_by_key(|kept| kept.written_at))
}

/// The checkpoints of one generation.
pub(crate) struct Checkpoints {
    read: PreparedStatement,
    put: PreparedStatement,
    known: Mutex<HashMap<Partition, Known>>,
}

/// What this process knows of its own data centre's checkpoints of a partition.
#[derive(Clone, Copy)]
struct Known {
    /// Stamp of the newest when it was read.
    floor: Option<i64>,
    /// When the history got its latest, here or by whoever wrote before.
    history: Option<Instant>,
    slot: i32,
}

impl Checkpoints {
    pub(crate) async fn open(servers: &Servers, keyspace: &str) -> Result<Checkpoints, StoreError> {
        Ok(Checkpoints {
            read: servers.prepare(&cql::checkpoints(keyspace)).await?,
            put: servers.prepare(&cql::put_checkpoint(keyspace)).await?,
            known: Mutex::default(),
        })
    }

    /// The one to go on from.
    pub(crate) async fn get(
        &self,
        servers: &Servers,
        partition: Partition,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let kept = self.read(servers, partition).await?;
        let window = servers.options.hint_window;
        Ok(trusted(&kept, &servers.dc, clock::now(), window).map(|kept| kept.checkpoint.clone()))
    }

    async fn read(&self, servers: &Servers, partition: Partition) -> Result<Vec<Kept>, StoreError> {
        let act = format!("read the checkpoint of partition {partition}");
        let values = Values(vec![Bound::Small(i32::from(partition.0))]);
        let read = servers.read(&act, &self.read, &values, usize::MAX, |columns| {
            let (dc, slot) = columns.text()?.zip(columns.small()?).ok_or("no key")?;
            let (written_at, checkpoint) = columns.number()?.zip(columns.bytes()?).ok_or("no checkpoint")?;
            let stamp = columns.number()?.ok_or("no stamp")?;
            Ok(Kept { dc, slot, written_at, checkpoint, stamp })
        });
        let kept = read.await?;
        self.learn(servers, partition, &kept);
        Ok(kept)
    }

    fn learn(&self, servers: &Servers, partition: Partition, kept: &[Kept]) {
        let own = || kept.iter().filter(|kept| kept.dc == servers.dc);
        let newest = own().find(|kept| kept.slot == NEWEST);
        let latest = own().filter(|kept| kept.slot != NEWEST).max_by_key(|kept| kept.written_at);
        let age = |kept: &Kept| {
            let micros = u64::try_from(clock::now().saturating_sub(kept.written_at)).unwrap_or(0);
            Instant::now().checked_sub(Duration::from_micros(micros))
        };
        let known = Known {
            floor: newest.map(|kept| kept.stamp),
            history: latest.and_then(age),
            slot: latest.map_or(0, |kept| (kept.slot + 1) % HISTORY),
        };
        self.known.lock().insert(partition, known);
    }

    /// Puts a checkpoint whose rows a quorum of this data centre has acknowledged.
    pub(crate) async fn put(
        &self,
        servers: &Servers,
        partition: Partition,
        checkpoint: &[u8],
    ) -> Result<(), StoreError> {
        let known = self.known.lock().get(&partition).copied();
        let known = match known {
            Some(known) => known,
            None => {
                self.read(servers, partition).await?;
                self.known.lock().get(&partition).copied().expect("reading it made it known")
            }
        };
        let every = servers.options.history_every;
        if known.history.is_none_or(|latest| latest.elapsed() >= every) {
            self.write(servers, partition, known.slot, checkpoint, None).await?;
            let next = Known { history: Some(Instant::now()), slot: (known.slot + 1) % HISTORY, ..known };
            self.known.lock().insert(partition, next);
        }
        self.write(servers, partition, NEWEST, checkpoint, known.floor).await
    }

    async fn write(
        &self,
        servers: &Servers,
        partition: Partition,
        slot: i32,
        checkpoint: &[u8],
        floor: Option<i64>,
    ) -> Result<(), StoreError> {
        let values = Values(vec![
            Bound::Small(i32::from(partition.0)),
            servers.dc.as_str().into(),
            Bound::Small(slot),
            Bound::Value(Value::Int(clock::now())),
            checkpoint.into(),
            Bound::Stamp(servers.clock.stamp(floor)),
        ]);
        servers.write(&format!("put the checkpoint of partition {partition}"), &self.put, &values).await
    }
}
