//! The store's own notes: which log, which generations, which is live, where the roles stand.

use std::collections::BTreeMap;

use mirabelle_domain::Name;
use mirabelle_log::{LogId, Partition};
use mirabelle_store::StoreError;
use scylla::statement::prepared::PreparedStatement;

use crate::bind::{Bound, Values};
use crate::cql;
use crate::session::Servers;

/// A generation as it is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// How many of this name there were before it.
    pub(crate) incarnation: i32,
    /// Not removed.
    pub(crate) there: bool,
    stamp: i64,
}

/// All that is noted of generations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generations {
    pub(crate) noted: BTreeMap<Name, Noted>,
    pub(crate) live: Option<Name>,
    live_stamp: Option<i64>,
}

impl Generations {
    /// The incarnation of a generation that is there.
    pub(crate) fn there(&self, name: &Name) -> Result<i32, StoreError> {
        match self.noted.get(name) {
            Some(noted) if noted.there => Ok(noted.incarnation),
            _ => Err(StoreError::UnknownGeneration { name: name.clone() }),
        }
    }
}

/// The prepared statements of the store's own keyspace.
pub(crate) struct Meta {
    pub(crate) keyspace: String,
    generations: PreparedStatement,
    put_generation: PreparedStatement,
    put_live: PreparedStatement,
    cursor: PreparedStatement,
    put_cursor: PreparedStatement,
}

impl Meta {
    /// Opens the keyspace, making it if there is none, and refuses another log's.
    pub(crate) async fn open(servers: &Servers, log_id: LogId) -> Result<Meta, StoreError> {
        let keyspace = servers.options.keyspace.clone();
        servers.keyspace(&keyspace).await?;
        servers.migrate(&keyspace, &keyspace, cql::META).await?;
        note_log(servers, &keyspace, log_id).await?;
        Ok(Meta {
            generations: servers.prepare(&cql::generations(&keyspace)).await?,
            put_generation: servers.prepare(&cql::put_generation(&keyspace)).await?,
            put_live: servers.prepare(&cql::put_live(&keyspace)).await?,
            cursor: servers.prepare(&cql::cursor(&keyspace)).await?,
            put_cursor: servers.prepare(&cql::put_cursor(&keyspace)).await?,
            keyspace,
        })
    }

    pub(crate) async fn generations(&self, servers: &Servers) -> Result<Generations, StoreError> {
        let values = Values(vec![cql::STORE.into()]);
        let rows = servers.read("list the generations", &self.generations, &values, usize::MAX, |columns| {
            let (name, incarnation) = (columns.text()?, columns.small()?);
            let (state, stamp) = (columns.text()?, columns.number()?);
            Ok((name, incarnation, state, stamp, columns.text()?, columns.number()?))
        });
        let mut all = Generations::default();
        let bad = |what: &str| servers.corrupt("the list of generations", format!("{what} is missing"));
        for (name, incarnation, state, stamp, live, live_stamp) in rows.await? {
            if let Some(live) = live {
                all.live = Some(live.parse().map_err(|_| bad("the live one's name"))?);
                all.live_stamp = live_stamp;
            }
            // A live one may be noted where no generation is.
            let Some(name) = name else { continue };
            let name: Name = name.parse().map_err(|_| bad("a name"))?;
            let (incarnation, stamp) = incarnation.zip(stamp).ok_or_else(|| bad("an incarnation"))?;
            all.noted.insert(name, Noted { incarnation, there: state.as_deref() == Some("made"), stamp });
        }
        Ok(all)
    }

    /// Notes that an incarnation of a generation is there, or is not.
    pub(crate) async fn note(
        &self,
        servers: &Servers,
        before: &Generations,
        name: &Name,
        incarnation: i32,
        there: bool,
    ) -> Result<(), StoreError> {
        let floor = before.noted.get(name).map(|noted| noted.stamp);
        let values = Values(vec![
            cql::STORE.into(),
            name.as_str().into(),
            Bound::Small(incarnation),
            if there { "made" } else { "removed" }.into(),
            Bound::Stamp(servers.clock.stamp(floor)),
        ]);
        servers.write(&format!("note generation {name}"), &self.put_generation, &values).await
    }

    pub(crate) async fn note_live(
        &self,
        servers: &Servers,
        before: &Generations,
        name: &Name,
    ) -> Result<(), StoreError> {
        let stamp = Bound::Stamp(servers.clock.stamp(before.live_stamp));
        let values = Values(vec![cql::STORE.into(), name.as_str().into(), stamp]);
        servers.write(&format!("make generation {name} live"), &self.put_live, &values).await
    }

    /// A role's cursor, with its stamp.
    pub(crate) async fn cursor(
        &self,
        servers: &Servers,
        role: &Name,
        partition: Partition,
    ) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
        let act = format!("read the cursor of {role} in partition {partition}");
        let values = Values(vec![role.as_str().into(), Bound::Small(i32::from(partition.0))]);
        let read = servers
            .read(&act, &self.cursor, &values, 1, |columns| Ok(columns.bytes()?.zip(columns.number()?)));
        Ok(read.await?.pop().flatten())
    }

    pub(crate) async fn put_cursor(
        &self,
        servers: &Servers,
        role: &Name,
        partition: Partition,
        checkpoint: &[u8],
        floor: Option<i64>,
    ) -> Result<(), StoreError> {
        let act = format!("put the cursor of {role} in partition {partition}");
        let values = Values(vec![
            role.as_str().into(),
            Bound::Small(i32::from(partition.0)),
            checkpoint.into(),
            Bound::Stamp(servers.clock.stamp(floor)),
        ]);
        servers.write(&act, &self.put_cursor, &values).await
    }
}

/// Each log that comes notes itself beside the others, so that two which meet in one keyspace both see it.
async fn note_log(servers: &Servers, keyspace: &str, log_id: LogId) -> Result<(), StoreError> {
    let (read, put) =
        (servers.prepare(&cql::logs(keyspace)).await?, servers.prepare(&cql::put_log(keyspace)).await?);
    let logs = || async {
        let values = Values(vec![cql::STORE.into()]);
        let act = "read which log the store is about";
        let rows = servers.read(act, &read, &values, usize::MAX, |columns| columns.bytes());
        Ok::<Vec<Vec<u8>>, StoreError>(rows.await?.into_iter().flatten().collect())
    };
    let mut found = logs().await?;
    if found.is_empty() {
        let stamp = Bound::Stamp(servers.clock.stamp(None));
        let values = Values(vec![cql::STORE.into(), log_id.0.as_slice().into(), stamp]);
        servers.write("note which log the store is about", &put, &values).await?;
        found = logs().await?;
    }
    match found.iter().find(|other| other.as_slice() != log_id.0) {
        None => Ok(()),
        Some(other) => {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Err(StoreError::OtherLog {
                file: servers.options.name(),
                wanted: hex(&log_id.0),
                found: hex(other),
            })
        }
    }
}
